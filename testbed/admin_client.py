"""An operator who changes campaigns and remembers what was acknowledged."""

import itertools
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from testbed.builders import PLAYER_ID, a_campaign, a_profile

TOKEN = "letmein"
WRITE_LIMIT = 10.0


class AdminClient:
    """Writes to the first of `urls` that takes it; each write is another revision."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = urls
        self.acknowledged: dict[int, str] = {}
        self.acknowledged_at: dict[int, float] = {}
        self._numbers = itertools.count(1)
        self._http = httpx.Client(
            timeout=WRITE_LIMIT, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def change(self, url: str | None = None, *, name: str = "news") -> int:
        """Change a campaign that everybody is in; give the revision that it made.

        Tries until it is acknowledged: what it puts was never put before, so that a second
        time changes nothing and names the revision of the first.
        """
        mark = f"change {next(self._numbers)}"
        answer = self._first(url, a_campaign(name, game=mark).model_dump(mode="json"))
        revision = int(answer.headers["etag"].strip('"').rpartition("-")[2])
        self.acknowledged[revision] = mark
        self.acknowledged_at.setdefault(revision, time.monotonic())
        return revision

    def try_to_change(self, url: str) -> httpx.Response:
        """Put a campaign at this replica and return the answer, success or not."""
        return self._put(url, a_campaign("refused").model_dump(mode="json"))

    def post(self, url: str, **query: str) -> httpx.Response:
        """Send an operator's POST."""
        return self._http.post(url, params=query)

    def get(self, url: str) -> httpx.Response:
        """Ask."""
        return self._http.get(url)

    def stored_campaigns(self, url: str) -> list[str]:
        """Return the active campaigns that are stored in the profile that all clients ask for."""
        profile: dict[str, Any] = self._http.get(f"{url}/profiles/{PLAYER_ID}").json()
        return sorted(profile.get("active_campaigns", []))

    def put_profile(self, url: str) -> None:
        """Write the profile that all clients ask for."""
        profile = a_profile()
        self._http.put(f"{url}/profiles/{profile['player_id']}", json=profile).raise_for_status()

    def forget(self, above: int) -> None:
        """Give up the writes above a revision: the log was restored to it."""
        for revision in [each for each in self.acknowledged if each > above]:
            del self.acknowledged[revision], self.acknowledged_at[revision]

    def history(self, url: str) -> dict[int, dict[str, Any]]:
        """Return all changes that the log has, by revision."""
        changes: list[dict[str, Any]] = []
        since: int | None = -1
        while since is not None:
            page = self._http.get(f"{url}/changes", params={"since": since}).json()
            changes += page["changes"]
            since = page["next"]
        return {change["revision"]: change for change in changes}

    def check_that_nothing_is_lost(self, url: str) -> None:
        """Every acknowledged write is in the log under its revision; the log has no gap."""
        history = self.history(url)
        assert list(history) == list(range(len(history)))
        for revision, mark in self.acknowledged.items():
            assert [put["game"] for put in history[revision]["put"]] == [mark]

    def _first(self, url: str | None, campaign: dict[str, Any]) -> httpx.Response:
        deadline = time.monotonic() + WRITE_LIMIT
        while True:
            for each in [url] if url else self.urls:
                with suppress(httpx.HTTPError):
                    answer = self._put(each, campaign)
                    if answer.is_success:
                        return answer
            if time.monotonic() > deadline:
                raise TimeoutError("no replica takes a write")
            time.sleep(0.05)

    def _put(self, url: str, campaign: dict[str, Any]) -> httpx.Response:
        path = f"/campaigns/{quote(campaign['name'], safe='')}"
        return self._http.put(f"{url}{path}", json=campaign)
