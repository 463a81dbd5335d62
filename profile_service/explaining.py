"""Explaining: why a player is in a campaign or not, for operators, drafts and other dates too."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import orjson

from contracts.campaign import Campaign
from contracts.profile import PLAYER_ID_FIELD
from foundation.clock import Clock
from foundation.errors import Invalid, NotFound, Unavailable
from foundation.slices import Steps, sliced
from profile_service.cache.cache import CampaignCache
from profile_service.cache.reading import campaigns_in
from profile_service.cache.snapshot import HeldSnapshot
from profile_service.matching.verdicts import Verdicts, judged
from profile_service.profiles.repository import ProfileDocument
from profile_service.service import ProfileService

MAX_AT_ONCE = 2  # each takes its share of the processor from the players' requests
MAX_TREES_BYTES = 4 * 1024 * 1024  # of an answer; campaigns after them come without their trees
DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000


@dataclass(frozen=True)
class Question:
    """Which campaigns are to be explained, and when.

    `draft` takes the place of the stored campaign of its name, or joins the others. `campaign`
    is the name of the only one that is asked for; `is_active` asks for those that the player is
    in, or is not in.
    """

    at: datetime | None = None
    draft: Campaign | None = None
    campaign: str | None = None
    is_active: bool | None = None
    limit: int = DEFAULT_LIMIT


class Explanation(NamedTuple):
    """What is said of campaigns, each as JSON, and how many more there are than the limit."""

    player_id: str
    at: datetime
    revision: int
    stale: bool
    campaigns: list[bytes]
    left_out: int


class Explaining:
    """Explains the held campaigns for stored profiles and for others; it stores nothing."""

    def __init__(self, service: ProfileService, cache: CampaignCache, clock: Clock) -> None:
        self._service = service
        self._cache = cache
        self._clock = clock
        self._running = 0

    async def of_player(self, player_id: str, question: Question) -> Explanation:
        """Explain for a stored profile.

        Raises:
            NotFound: there is no such profile, or no campaign of the name that is asked for.
            Invalid: the draft is of a game that is not served here.
            Unavailable: no snapshot is held yet, the profile did not come within 2 s, or too many
                are explained already.
        """
        self._held()
        return await self._explain(player_id, await self._service.profile(player_id), question)

    async def of_profile(self, profile: ProfileDocument, question: Question) -> Explanation:
        """Explain for a valid profile that need not be stored.

        Raises:
            NotFound, Invalid, Unavailable: as `of_player`.
        """
        return await self._explain(profile[PLAYER_ID_FIELD], profile, question)

    async def _explain(
        self, player_id: str, profile: ProfileDocument, question: Question
    ) -> Explanation:
        held = self._held()
        self._check(held, question)
        at = question.at or self._clock.now()
        with self._place():
            draft = question.draft
            verdicts = await sliced(judged(held.campaigns, profile, at, draft))
            names = _asked_for(verdicts, question)
            shown = names[: question.limit]
            return Explanation(
                player_id=player_id,
                at=at,
                revision=held.position.revision,
                stale=self._cache.is_stale,
                campaigns=await sliced(_written(verdicts, held, draft, shown)),
                left_out=len(names) - len(shown),
            )

    def _held(self) -> HeldSnapshot:
        if self._cache.held is None:
            raise Unavailable("no campaigns are known yet")
        return self._cache.held

    def _check(self, held: HeldSnapshot, question: Question) -> None:
        draft, name, game = question.draft, question.campaign, self._cache.game
        if draft is not None and game is not None and draft.game != game:
            raise Invalid.at("campaign", "game", msg=f"must be {game}: no other is served here")
        is_draft = draft is not None and draft.name == name
        if name is not None and not is_draft and held.campaigns.get(name) is None:
            raise NotFound("Campaign not found")

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._running >= MAX_AT_ONCE:
            raise Unavailable("too many campaigns are being explained; try again")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


def _asked_for(verdicts: Verdicts, question: Question) -> list[str]:
    """Return the names of the campaigns that are asked for, in the order of the answer."""
    names = verdicts.names if question.campaign is None else [question.campaign]
    wanted = question.is_active
    return [name for name in names if wanted is None or verdicts.is_active(name) is wanted]


def _written(
    verdicts: Verdicts, held: HeldSnapshot, draft: Campaign | None, names: Sequence[str]
) -> Steps[list[bytes]]:
    """Return what is said of campaigns as JSON, with their trees as long as these are small."""
    wanted = {*names}
    found = yield from campaigns_in(held.campaigns, lambda rule: rule.name in wanted)
    campaigns: dict[str, Campaign] = {campaign.name: campaign for campaign in found}
    if draft is not None:
        campaigns[draft.name] = draft
    written: list[bytes] = []
    size = 0
    for name in names:
        verdict = yield from verdicts.of(campaigns[name])
        content = orjson.dumps(verdict.content(with_tree=size < MAX_TREES_BYTES))
        size += len(content)
        written.append(content)
        yield
    return written
