"""Offered protocol upgrades (h2c, WebSocket), which both services ignore as RFC 9110 allows.

Java's HttpClient and `curl --http2` offer h2c with their first request. uvicorn's parser stops
at the end of such a request's headers: the body is lost, and what arrives of it later is run as
a request of its own, past any proxy that filters requests. There is no setting for that, so
uvicorn's two protocols are adapted here.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class RequestParser(httptools.HttpRequestParser):
    """httptools' parser, which reads a request that offers an upgrade again without the offer."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._start()

    def _start(self) -> None:
        super().__init__(self._protocol)
        # As uvicorn sets it: what follows `Connection: close` is skipped, not an error.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed_data(self, data: Any) -> None:
        """Parse what arrived.

        Raises:
            HttpParserError: it is not HTTP, or asks for a tunnel.
        """
        while True:
            try:
                super().feed_data(data)
            except httptools.HttpParserUpgrade as stopped:
                if self.get_method() == b"CONNECT":
                    raise httptools.HttpParserError("there are no tunnels here") from None
                # The parser has skipped the body and begins a new request after the headers.
                head, data = self._head_without_offer(), memoryview(data)[stopped.args[0] :]
                self._start()
                super().feed_data(head)
            else:
                return

    def _head_without_offer(self) -> bytes:
        # A header's value that has passed the parser holds no line break.
        lines = [
            b"%b: %b\r\n" % (name, value)
            for name, value in self._protocol.headers
            if name.lower() != b"upgrade"
        ]
        version = self.get_http_version().encode()
        start = b"%b %b HTTP/%b\r\n" % (self.get_method(), self._protocol.url, version)
        return b"".join([start, *lines, b"\r\n"])


def ignore_upgrades() -> None:
    """Make uvicorn ignore offered upgrades, and answer a request whose body ends too early.

    It changes uvicorn's classes: a factory is called after uvicorn has chosen its protocol, so
    a class of its own would come too late. Calling it again changes nothing.
    """
    if HttpToolsProtocol.__init__ is _make_httptools_protocol:
        return
    _replace(HttpToolsProtocol, "__init__", _make_httptools_protocol)
    # True: leave the request to the parser, and run nothing until it is read without the offer.
    _replace(HttpToolsProtocol, "_should_upgrade", lambda _: True)
    _replace(H11Protocol, "_should_upgrade", lambda _: False)
    for protocol in (HttpToolsProtocol, H11Protocol):
        _replace(protocol, "eof_received", _answer_short_body)


def _replace(protocol: type, name: str, method: Any) -> None:
    getattr(protocol, name)  # a release of uvicorn without it must not be served by unnoticed
    setattr(protocol, name, method)


_httptools_init = HttpToolsProtocol.__init__


def _make_httptools_protocol(protocol: HttpToolsProtocol, *args: Any, **kwargs: Any) -> None:
    _httptools_init(protocol, *args, **kwargs)
    protocol.parser = RequestParser(protocol)


def _answer_short_body(protocol: HttpToolsProtocol | H11Protocol) -> bool:
    """Let the application answer when the client ends a body before its Content-Length.

    Only with a Content-Length can the application see that the body is short. Return whether
    the connection stays open for the answer.
    """
    cycle = protocol.cycle
    if protocol.scheme == "https":  # TLS has no half-closed connections
        return False
    is_short = cycle is not None and cycle.more_body and not cycle.response_complete
    if not is_short or all(name != b"content-length" for name, _ in cycle.scope["headers"]):
        return False
    cycle.keep_alive = False
    cycle.more_body = False
    cycle.message_event.set()
    return True
