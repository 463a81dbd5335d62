"""Campaign replicas that die in the middle of a write, and that write against each other."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from testbed.admin_client import TOKEN, AdminClient
from testbed.builders import a_campaign
from testbed.deployment import (
    CHANGE_BOUND,
    RETURN_BOUND,
    Deployment,
    eventually,
    eventually_reports,
)

KILLS = 50
LATEST_KILL = 0.03  # seconds after the write was sent
PUBLISHED_BOUND = 2.0
WRITES = 1000
WRITES_WITHOUT_INDEXES = 30


def revision_of(answer: httpx.Response) -> int:
    """Return the revision of a write, which its ETag names."""
    return int(answer.headers["etag"].strip('"').rpartition("-")[2])


def test_a_replica_is_killed_between_commit_and_publish(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Killed at random moments of a write, its successor publishes whatever was committed."""
    killed, other = deployment.campaigns
    other.stop()
    with ThreadPoolExecutor(1) as writer:
        for _ in range(KILLS):
            writing = writer.submit(operator.change, killed.url)
            time.sleep(random.uniform(0.0, LATEST_KILL))  # noqa: S311 - any moment will do
            killed.kill()
            killed.start()
            deployment.converge(writing.result(RETURN_BOUND), PUBLISHED_BOUND)
    other.start()
    other.until_ready()


def test_another_replica_publishes_what_a_dead_one_committed(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Nobody needs to come back: who is left finds the commit in the log and publishes it."""
    killed, other = deployment.campaigns
    for _ in range(5):
        revision = operator.change(killed.url)
        killed.kill()
        deployment.converge(revision, PUBLISHED_BOUND)
        deployment.converge(operator.change(other.url), CHANGE_BOUND)
        killed.start()
        killed.until_ready()


def test_two_replicas_write_against_each_other(
    deployment: Deployment, operator: AdminClient
) -> None:
    """Of a thousand writes at once each is one revision or none; a condition lets in one of many.

    Half of them replace a campaign whatever it is, half of them only the one that was read.
    """
    operator.change(name="contended")
    etag = operator.get(f"{deployment.campaigns[0].url}/campaigns/contended").headers["etag"]
    before = max(operator.acknowledged)
    # Nobody tells the operator of these: the clients' ages are judged again afterwards.
    answers = asyncio.run(_write_at_once(deployment.operator_urls, etag))

    replaced = [answer for answer in answers if answer.is_success]
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[200] + statuses[412] == WRITES, statuses
    conditional = [answer for answer in replaced if "if-match" in answer.request.headers]
    assert len(conditional) <= 1
    assert len(replaced) - len(conditional) == WRITES / 2
    history = operator.history(deployment.campaigns[0].url)
    won = {revision_of(answer) for answer in replaced}
    assert won == set(range(before + 1, before + 1 + len(replaced)))
    assert {history[revision]["put"][0]["game"] for revision in won} == {
        answer.json()["game"] for answer in replaced
    }
    eventually(lambda: min(deployment.revisions()) == max(won), RETURN_BOUND)


def _drop_indexes(changes: Collection[dict[str, Any]]) -> None:
    for name in changes.index_information().keys() - {"_id_"}:
        changes.drop_index(name)


def _restore_without_indexes(changes: Collection[dict[str, Any]]) -> None:
    documents = list(changes.find())
    changes.drop()
    changes.insert_many(documents)


LoseIndexes = Callable[[Collection[dict[str, Any]]], None]
LOSSES: dict[str, LoseIndexes] = {
    "dropped": _drop_indexes,
    "not restored": _restore_without_indexes,
}


@pytest.mark.parametrize("lose_indexes", LOSSES.values(), ids=LOSSES.keys())
def test_the_log_has_lost_its_secondary_indexes(
    deployment: Deployment, operator: AdminClient, lose_indexes: LoseIndexes
) -> None:
    """Writes at once through both replicas are each in the log once, and both replicas agree."""
    with MongoClient[dict[str, Any]](deployment.mongo.url) as mongo:
        lose_indexes(mongo[deployment.database]["campaign_changes"])
    for replica in deployment.campaigns:
        eventually_reports(replica, lambda said: said["status"] == "ok", RETURN_BOUND)
    before = max(operator.acknowledged)
    urls = [
        f"{deployment.operator_urls[number % 2]}/campaigns/{lose_indexes.__name__} {number}"
        for number in range(WRITES_WITHOUT_INDEXES)
    ]
    answers = asyncio.run(_put_all_at_once(urls))

    assert {answer.status_code for answer in answers} == {201}
    revisions = {str(answer.url): revision_of(answer) for answer in answers}
    newest = before + WRITES_WITHOUT_INDEXES
    assert sorted(revisions.values()) == list(range(before + 1, newest + 1))
    for url in deployment.operator_urls:
        history = operator.history(url)
        for written, revision in revisions.items():
            assert written.endswith(quote(history[revision]["put"][0]["name"]))
    for replica in deployment.campaigns:
        eventually_reports(
            replica, lambda said: said["checks"]["log"]["revision"] == newest, RETURN_BOUND
        )
    first, second = (operator.get(f"{url}/snapshot") for url in deployment.operator_urls)
    assert first.content == second.content
    deployment.converge(newest, RETURN_BOUND)


async def _put_all_at_once(urls: list[str]) -> list[httpx.Response]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(timeout=60.0, trust_env=False, headers=headers) as http:

        async def put(url: str) -> httpx.Response:
            name = url.rpartition("/")[2]
            return await http.put(url, json=a_campaign(name).model_dump(mode="json"))

        return await asyncio.gather(*map(put, urls))


async def _write_at_once(urls: list[str], etag: str) -> list[httpx.Response]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    # A server closes what was idle for 5 s: what is to be used again must not be as old.
    limits = httpx.Limits(max_connections=WRITES, keepalive_expiry=1.0)
    async with httpx.AsyncClient(
        timeout=60.0, trust_env=False, headers=headers, limits=limits
    ) as http:

        async def write(number: int) -> httpx.Response:
            campaign = a_campaign("contended", game=f"writer {number}").model_dump(mode="json")
            conditions = {"If-Match": etag} if number % 4 >= 2 else {}
            url = f"{urls[number % 2]}/campaigns/contended"
            while True:
                answer = await http.put(url, json=campaign, headers=conditions)
                if "nothing was written" not in answer.text:
                    return answer
                await asyncio.sleep(float(answer.headers["retry-after"]))

        return await asyncio.gather(*map(write, range(WRITES)))
