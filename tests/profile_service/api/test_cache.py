"""POST /cache/invalidate."""

import httpx
import pytest

from testbed.builders import OTHER_STORE_ID, a_snapshot
from testbed.fakes import FakeOrigin
from tests.apps import ADMIN, ProfileParts, a_profile_app, serving


def position(revision: int, **fields: object) -> dict[str, object]:
    """Return the JSON that names a revision in an answer."""
    return a_snapshot(revision=revision, **fields).position.model_dump(mode="json")  # type: ignore[arg-type]


async def test_it_answers_what_was_held_before_and_after(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """The refetch has been made when the answer comes."""
    parts.origin.snapshot = a_snapshot(revision=6)
    answer = await client.post("/cache/invalidate", headers=ADMIN)
    assert answer.status_code == 200
    assert answer.json() == {
        "refetched": True,
        "before": position(5),
        "after": position(6),
        "detail": None,
        "offered_store_id": None,
    }


async def test_an_origin_that_is_away(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """503 says so and when to try again, and what was held is held."""
    parts.origin.snapshot = None
    answer = await client.post("/cache/invalidate", headers=ADMIN)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {
        "refetched": False,
        "before": position(5),
        "after": position(5),
        "detail": "the campaign service gave no snapshot that can be used",
        "offered_store_id": None,
    }


async def test_an_origin_that_lags(client: httpx.AsyncClient, parts: ProfileParts) -> None:
    """503 tells it from one that is away."""
    parts.origin.snapshot = a_snapshot(revision=4)
    answer = await client.post("/cache/invalidate", headers=ADMIN)
    assert answer.status_code == 503
    assert "has not read the held revision yet" in answer.json()["detail"]
    assert answer.json()["after"] == position(5)


async def test_nothing_held_is_null() -> None:
    """Before the first snapshot there is nothing to name."""
    async with serving(a_profile_app(ProfileParts(origin=FakeOrigin()))) as client:
        answer = await client.post("/cache/invalidate", headers=ADMIN)
    assert answer.json()["refetched"] is False
    assert answer.json()["before"] is answer.json()["after"] is None


async def test_another_store_enters_by_its_id(
    client: httpx.AsyncClient, parts: ProfileParts
) -> None:
    """Without it, or with another's, it stays out."""
    parts.origin.snapshot = a_snapshot(revision=0, store_id=OTHER_STORE_ID)
    for query in ("", "?accept_store=5a1f6a0e-0000-4000-8000-000000000003"):
        answer = await client.post(f"/cache/invalidate{query}", headers=ADMIN)
        assert answer.status_code == 503
        assert answer.json()["after"] == position(5)
        assert answer.json()["offered_store_id"] == str(OTHER_STORE_ID)
        assert "accept_store" in answer.json()["detail"]
    ready = (await client.get("/health/ready")).json()["checks"]["campaigns"]
    answer = await client.post(
        f"/cache/invalidate?accept_store={ready['offered_store_id']}", headers=ADMIN
    )
    assert answer.status_code == 200
    assert answer.json()["after"] == position(0, store_id=OTHER_STORE_ID)


@pytest.mark.parametrize("store", ["mine", "", "*", "5a1f6a0e"])
async def test_a_store_is_named_by_a_uuid(client: httpx.AsyncClient, store: str) -> None:
    """422 says where it is wrong."""
    answer = await client.post(f"/cache/invalidate?accept_store={store}", headers=ADMIN)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "accept_store"]
