"""The media types of the services, for schemathesis."""

from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def write_lines(_: Any, value: Any) -> bytes:
    """Send what was generated as it is: any text is a try at NDJSON."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
