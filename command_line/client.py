"""Requests to running services: with limits on time, and errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import httpx
import typer

from foundation.errors import describe

TIMEOUT = httpx.Timeout(10.0, read=60.0, write=60.0)
MAX_TEXT = 500


@contextmanager
def client_of(url: str, *, token: str = "") -> Iterator[httpx.Client]:
    """Give a client of the service at `url`; one that does not answer ends the command."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        # The services stand in one's own network: no proxy of the environment is asked.
        with httpx.Client(
            base_url=url, headers=headers, timeout=TIMEOUT, trust_env=False
        ) as client:
            yield client
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


def detail_of(answer: httpx.Response) -> str:
    """Give what a service says about a request that it refused, in one line."""
    try:
        detail = answer.json()["detail"]
        text = detail if isinstance(detail, str) else "; ".join(map(describe, detail))
    except (ValueError, KeyError, TypeError):
        text = " ".join(answer.text[:MAX_TEXT].split())
    return f"{answer.status_code} {text}"
