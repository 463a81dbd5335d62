"""Files of lines, sent to a service in one request."""

from collections.abc import Iterator, Mapping

import httpx

from command_line.terminal import complain, show_progress


class _Sent:
    """The chunks of a file on their way; `lines` counts the lines that were sent."""

    def __init__(self, chunks: Iterator[bytes], name: str) -> None:
        self.lines = 0
        self._chunks = chunks
        self._name = name

    def __iter__(self) -> Iterator[bytes]:
        ends_in_a_line = False
        for chunk in self._chunks:
            yield chunk
            self.lines += chunk.count(b"\n")
            ends_in_a_line = not chunk.endswith(b"\n")
            show_progress(f"{self._name}: {self.lines} lines sent")
        self.lines += ends_in_a_line


def send_lines(
    client: httpx.Client,
    path: str,
    chunks: Iterator[bytes],
    *,
    name: str,
    content_type: str,
    params: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Send a file's lines as they are read, and return the answer; `name` is the file's.

    When the request fails or is interrupted, the lines that were sent are counted.
    """
    sent = _Sent(chunks, name)
    try:
        # From an iterator, which has no length: httpx would take that of a pipe for 0.
        answer = client.post(
            path, params=params, content=iter(sent), headers={"Content-Type": content_type}
        )
    except (httpx.HTTPError, KeyboardInterrupt):
        if sent.lines:
            complain(
                f"{name}: {sent.lines} lines were sent; some may be written, "
                "and all may be sent again"
            )
        raise
    show_progress("")
    return answer
