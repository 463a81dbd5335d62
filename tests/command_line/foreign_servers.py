"""A server that is none of ours, at an address that somebody took for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

PAGE = b"<!doctype html><title>Welcome</title>"


@dataclass
class ForeignServer:
    """Gives the same answer to whatever it is asked, and hangs up after `answers` of them."""

    url: str = ""
    status: int = 200
    body: bytes = PAGE
    answers: int = 1_000_000
    asked: list[str] = field(default_factory=list)


@contextmanager
def a_foreign_server(server: ForeignServer) -> Iterator[ForeignServer]:
    """Let it answer while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                return
            self._read_body()
            server.asked.append(f"{self.command} {self.path}")
            self.close_connection = True
            if len(server.asked) > server.answers:
                return
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(server.body)))
            self.end_headers()
            self.wfile.write(server.body)

        def log_message(self, *_: object) -> None:
            pass

        def _read_body(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + len("\r\n"))
                self.rfile.readline()
            else:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{listening.server_address[1]}"
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
