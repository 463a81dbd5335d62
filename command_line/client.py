"""Requests to running services: with limits on time, and errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import httpx
import orjson
import typer

from foundation.errors import describe

TIMEOUT = httpx.Timeout(10.0, read=60.0, write=60.0)
MAX_TEXT = 500


class NotOurs(Exception):
    """What answers is no service of Profile Matcher."""


@contextmanager
def client_of(url: str, *, token: str = "") -> Iterator[httpx.Client]:
    """Give a client of the service at `url`; one that does not answer ends the command.

    So does `NotOurs` in the block.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # The services stand in one's own network: no proxy of the environment is asked.
        with httpx.Client(
            base_url=url, headers=headers, timeout=TIMEOUT, trust_env=False
        ) as client:
            yield client
    except NotOurs:
        fail(f"{url} is not a Profile Matcher service")
    except httpx.TimeoutException:
        fail(f"{url} did not answer in time")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
        fail(f"{url} cannot be reached: {error}")


def fail(message: str) -> NoReturn:
    """End the command with a message and exit code 1."""
    complain(message)
    raise typer.Exit(1)


def complain(message: str) -> None:
    """Write a line to standard error."""
    typer.echo(message, err=True)


def content_of(answer: httpx.Response, *fields: str) -> dict[str, Any]:
    """Give the JSON object of a successful answer, which has these fields.

    Raises:
        NotOurs: it is something else.
    """
    try:
        content = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        raise NotOurs from None
    if not isinstance(content, dict) or not content.keys() >= set(fields):
        raise NotOurs
    return content


def detail_of(answer: httpx.Response) -> str:
    """Give what a service says about a request that it refused, in one line."""
    try:
        detail = answer.json()["detail"]
        text = detail if isinstance(detail, str) else "; ".join(map(describe, detail))
    except (ValueError, KeyError, TypeError):
        text = " ".join(answer.text[:MAX_TEXT].split())
    return f"{answer.status_code} {text}"
