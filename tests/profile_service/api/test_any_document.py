"""GET /get_client_config for documents that anybody could have stored."""

from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.builders import PLAYER_ID, a_published_campaign, a_snapshot
from testbed.fakes import FakeOrigin, InMemoryProfiles
from tests.apps import ProfileParts
from tests.profile_service.matching.definition import FIELDS, plainly_matches
from tests.profile_service.profiles.bson_documents import stored_documents
from tests.strategies import COUNTRIES, GENDERS, ITEMS, LANGUAGES

LISTS = {"country": COUNTRIES[:2], "language": ("en",), "gender": ("male",), "items": ("item_1",)}
CAMPAIGNS = [
    a_published_campaign("everyone", level=None, priority=3),
    a_published_campaign("from", level=(2, None), priority=2),
    a_published_campaign("to", level=(None, 2), priority=1),
    a_published_campaign("between", level=(1, 3)),
    a_published_campaign("all", has=LISTS, does_not_have={"items": ("item_2",)}),
    *(
        a_published_campaign(f"{side} {field}", level=None, **{side: {field: values}})  # type: ignore[arg-type]  # a part of the arguments
        for field, values in LISTS.items()
        for side in ("has", "does_not_have")
    ),
]
IN_ORDER = sorted(CAMPAIGNS, key=lambda campaign: (-campaign.priority, campaign.name))

KNOWN = {
    "level": st.integers(0, 4),
    "inventory": st.dictionaries(st.sampled_from(ITEMS), st.integers(-1, 1) | st.floats()),
    "active_campaigns": st.lists(st.sampled_from([each.name for each in CAMPAIGNS])),
    **{
        field: st.sampled_from(values)
        for field, values in zip(FIELDS, (COUNTRIES, LANGUAGES, GENDERS), strict=True)
    },
}


@pytest.fixture
def parts() -> ProfileParts:
    """Campaigns with each of the matchers, and nobody yet."""
    return ProfileParts(profiles=InMemoryProfiles(), origin=FakeOrigin(a_snapshot(CAMPAIGNS)))


# The examples share a service; each puts its own document in the place of the last one's.
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(stored_documents(KNOWN))
async def test_any_document_is_answered(
    client: httpx.AsyncClient, parts: ProfileParts, document: dict[str, Any]
) -> None:
    """200 for any BSON document, with the campaigns that the definition gives it, in order."""
    stored = {**document, "player_id": PLAYER_ID}
    parts.profiles.documents[PLAYER_ID] = stored
    answer = await client.get(f"/get_client_config/{PLAYER_ID}")
    assert answer.status_code == 200
    assert orjson.loads(answer.content)["active_campaigns"] == [
        campaign.name for campaign in IN_ORDER if plainly_matches(campaign.matchers, document)
    ]
