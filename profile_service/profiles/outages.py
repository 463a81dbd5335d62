"""StoreOutages: what a store of profiles cannot do now, for its log lines and for readiness."""

import logging

from foundation.outage import Outage

logger = logging.getLogger(__name__)


class StoreOutages:
    """The outages of a store's operations; each ends with the next success of its kind."""

    def __init__(self) -> None:
        self.reads = _outage("read")
        self.writes = _outage("written")
        self.pings = _outage("reached")


def _outage(operation: str) -> Outage:
    return Outage(logger, f"profiles cannot be {operation}", f"profiles can be {operation} again")
