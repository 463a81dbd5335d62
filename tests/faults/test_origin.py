"""The campaign service is away, or answers nonsense, or another store, or an older revision."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from testbed.admin_client import TOKEN, AdminClient
from testbed.background import Background
from testbed.builders import a_profile, a_published_campaign, a_snapshot
from testbed.deployment import RETURN_BOUND, TTL, amqp_url, eventually, eventually_reports
from testbed.game_client import Asking, Client
from testbed.servers import MongoNode, drop_database, free_port
from testbed.warm import WarmServiceProcess, profile_service
from tests.faults import origin as answers
from tests.faults.origin import Answer, Origin

DATABASE = "faults-origin"
HELD = a_snapshot([a_published_campaign("held", revision=7)], revision=7)
OLDER = a_snapshot([a_published_campaign("older", revision=6)], revision=6)
NEWER = a_snapshot([a_published_campaign("newer", revision=8)], revision=8)

FAULTS: dict[str, Answer] = {
    "down": answers.gone,
    "hanging": answers.hanging,
    "500": answers.error(500),
    "html": answers.page(b"<html>Welcome!</html>"),
    "html with another status": answers.error(302),
    "broken off": answers.half(NEWER),
    "half a JSON": answers.broken_json(NEWER),
    "older": answers.snapshot(OLDER),
}
FAULT_SECONDS = 8.0
FETCH_LIMIT = 10.0
RETRY_CAP = TTL / 10


@dataclass
class Pair:
    """An instance with an origin and a game client of its own."""

    origin: Origin
    instance: WarmServiceProcess
    client: Client


@pytest.fixture(scope="module")
def start(mongo_node: MongoNode, background: Background) -> Iterator[Callable[..., Pair]]:
    """Starts instances that nobody sends events, each with an origin of its own."""
    with ExitStack() as stack:
        stack.callback(drop_database, mongo_node.url, DATABASE)
        nobody = free_port()

        def start(answer: Answer, **settings: object) -> Pair:
            origin = stack.enter_context(Origin(background, answer))
            told: dict[str, object] = {
                "mongo_url": mongo_node.url,
                "mongo_database": DATABASE,
                "amqp_url": amqp_url(nobody),
                "campaigns_url": origin.url,
                "campaigns_ttl": TTL,
                "admin_token": TOKEN,
                **settings,
            }
            instance = stack.enter_context(profile_service(**told))
            return Pair(origin, instance, Client(instance.url, {}))

        yield start


def test_a_broken_campaign_service_breaks_nothing(
    start: Callable[..., Pair], background: Background
) -> None:
    """Whatever it answers, the held snapshot is served, stale after the TTL, and asked for calmly.

    One request at a time, spread by backoff and jitter, until it answers well again.
    """
    pairs = {name: start(answers.snapshot(HELD)) for name in FAULTS}
    with AdminClient([]) as operator:
        for pair in pairs.values():
            pair.instance.until_ready()
        operator.put_profile(pairs["down"].instance.url)
    with Asking(background, [pair.client for pair in pairs.values()]):
        eventually(lambda: all(pair.client.revision == 7 for pair in pairs.values()), RETURN_BOUND)
        began = time.monotonic()
        for name, pair in pairs.items():
            pair.origin.answer = FAULTS[name]
        time.sleep(FAULT_SECONDS)

        for name, pair in pairs.items():
            assert pair.client.stale, name
            assert pair.client.active == ["held"], name
            health = pair.instance.health()
            assert (health["http"], health["status"]) == (200, "degraded"), name
            assert pair.origin.most_in_flight["/snapshot"] == 1, name
            tries = pair.origin.asked_since(began)
            # Full jitter up to the cap: half a cap a try on average, never a flood.
            assert len(tries) <= 4 * FAULT_SECONDS / RETRY_CAP, name
            assert len(tries) > 1 or name == "hanging"

        for pair in pairs.values():
            pair.origin.answer = answers.snapshot(NEWER)
        eventually(lambda: all(pair.client.revision == 8 for pair in pairs.values()), FETCH_LIMIT)
        eventually(lambda: not any(pair.client.stale for pair in pairs.values()), RETURN_BOUND)
    assert [fault for pair in pairs.values() for fault in pair.client.faults] == []


def test_a_cold_start_with_nobody_there(
    start: Callable[..., Pair], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A last-good file serves, as stale; without a good one it is 503 until a snapshot comes."""
    folder = tmp_path_factory.mktemp("last-good")
    first = start(answers.snapshot(HELD), campaigns_backup=folder / "good")
    first.instance.until_ready()
    with AdminClient([]) as operator:
        operator.put_profile(first.instance.url)
    good = folder / "good"
    eventually(good.exists, RETURN_BOUND)
    first.origin.answer = answers.gone
    for name in ("truncated", "foreign"):
        (folder / name).write_bytes(good.read_bytes())
    (folder / "truncated").write_bytes(good.read_bytes()[:-20])

    # The same URL as the file names: of `first`, which now answers nobody.
    ours = first.origin.url
    with ExitStack() as stack:
        cold = {
            name: stack.enter_context(
                profile_service(
                    **{
                        **first.instance.settings,
                        "campaigns_backup": folder / name,
                        "campaigns_url": url,
                    }
                )
            )
            for name, url in {
                "good": ours,
                "missing": ours,
                "truncated": ours,
                "foreign": f"http://127.0.0.1:{free_port()}",
            }.items()
        }
        cold["good"].until_ready()
        answer = cold["good"].client.get(f"/get_client_config/{a_profile()['player_id']}")
        assert answer.json()["active_campaigns"] == ["held"]
        assert answer.headers["x-campaigns-stale"] == "true"
        for name in ("missing", "truncated", "foreign"):
            answer = cold[name].client.get(f"/get_client_config/{a_profile()['player_id']}")
            assert answer.status_code == 503, name
            assert answer.headers["retry-after"], name
            assert ("last-good file refused" in cold[name].log()) == (name != "missing")
        assert (folder / "truncated").stat().st_size == good.stat().st_size - 20

        first.origin.answer = answers.snapshot(NEWER)
        for name in ("good", "missing", "truncated"):
            # Nobody is there in RabbitMQ's place, which ready says, too.
            eventually_reports(
                cold[name],
                lambda said: said["checks"]["campaigns"]["status"] == "ok",
                RETURN_BOUND,
            )
