"""Requests to running services: with limits on time, and errors in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from command_line.terminal import fail
from foundation.errors import describe
from foundation.tokens import first_secret

TIMEOUT = httpx.Timeout(10.0, read=60.0, write=60.0)
MAX_TEXT = 500

_TOKEN_REFUSED = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
# Neither service answers a command's requests with these, but for a profile that is not stored.
_NO_SUCH_ROUTE = {httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED}


class WrongAddress(Exception):
    """Another server than the wanted service answers. The text is its answer, where it helps."""


@dataclass(frozen=True)
class Target:
    """A service that a command talks to; `token` is a list as the service's own setting has it."""

    name: str
    url: str
    token: str
    token_variable: str


@contextmanager
def client_of(target: Target) -> Iterator[httpx.Client]:
    """Yield a client of a service; a server that does not answer ends the command.

    So does `WrongAddress` in the block.
    """
    secret = first_secret(target.token)
    try:
        # The services stand in one's own network: no proxy of the environment is asked.
        with httpx.Client(
            base_url=_with_scheme(target.url),
            headers={"Authorization": f"Bearer {secret}"} if secret else {},
            timeout=TIMEOUT,
            trust_env=False,
        ) as client:
            yield client
    except WrongAddress as error:
        fail(_wrong_address(target, str(error)))
    except httpx.TimeoutException:
        fail(f"{target.url} did not answer in time")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
        fail(f"{target.url} cannot be reached: {error}")


def content_of(answer: httpx.Response, *fields: str) -> dict[str, Any]:
    """Return the JSON object of an answer, which has these fields.

    Raises:
        WrongAddress: it is something else.
    """
    try:
        content = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        raise WrongAddress from None
    if not isinstance(content, dict) or not content.keys() >= set(fields):
        raise WrongAddress
    return content


def refusal_of(answer: httpx.Response, target: Target) -> str:
    """Return a line on why a service refused a request.

    Raises:
        WrongAddress: this service would not have answered so.
    """
    if answer.status_code in _NO_SUCH_ROUTE or answer.is_redirect:
        raise WrongAddress(detail_of(answer))
    if answer.status_code in _TOKEN_REFUSED:
        variable = target.token_variable
        hint = f"--token or the variable {variable} must hold a token of the service's {variable}"
        return f"{detail_of(answer)}; {hint}"
    return detail_of(answer)


def concerns_all(answer: httpx.Response) -> bool:
    """Return whether the next request would be refused like this one."""
    return answer.status_code in _TOKEN_REFUSED or answer.is_server_error


def detail_of(answer: httpx.Response) -> str:
    """Return the status and the detail of an answer other than success, in one line."""
    try:
        detail = answer.json()["detail"]
        text = detail if isinstance(detail, str) else "; ".join(map(describe, detail))
    except (ValueError, KeyError, TypeError):
        text = " ".join(answer.text[:MAX_TEXT].split())
    return f"{answer.status_code} {text}"


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def _wrong_address(target: Target, answered: str) -> str:
    if not answered:
        return f"{target.url} is not a Profile Matcher service"
    has_path = httpx.URL(_with_scheme(target.url)).path != "/"
    hint = "; give it without a path" if has_path else ""
    return f"{target.url} is not the address of the {target.name}: it answered {answered}{hint}"
