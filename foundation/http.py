"""HTTP as both services speak it: bodies within a limit, errors without secrets, ETags."""

import asyncio
import hashlib
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from foundation.errors import Invalid, ServiceError, TooLarge

BODY_IDLE_SECONDS = 30.0


class KeyConvertor(Convertor[str]):
    """Takes all that follows as a key, slashes too, so that its rule is what refuses them.

    Starlette's own `path` takes no newline, and leaves one out that comes last.
    """

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Give what stands in the path."""
        return value

    def to_string(self, value: str) -> str:
        """Give what stands in the path."""
        return value


register_url_convertor("key", KeyConvertor())


class ErrorAnswer(BaseModel):
    """An error in one sentence."""

    detail: str


class ProblemAnswer(BaseModel):
    """One thing that is wrong with the input: where it stands, and what is allowed there."""

    loc: list[str | int]
    msg: str


class InvalidAnswer(BaseModel):
    """Everything that is wrong with the input."""

    detail: list[ProblemAnswer]


_DESCRIPTIONS = {
    400: "The request is malformed",
    401: "No valid bearer token",
    403: "Not allowed, or writes are switched off",
    404: "There is no such thing",
    408: "The body stopped coming",
    409: "What is stored forbids it",
    412: "The precondition does not hold",
    413: "Over a limit; the message says which",
    503: "Something that is needed is away, try again later",
}


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document these errors of a route for OpenAPI."""
    answers: dict[int | str, dict[str, Any]] = {
        status: {"model": ErrorAnswer, "description": _DESCRIPTIONS[status]}
        for status in statuses
        if status != Invalid.status
    }
    if Invalid.status in statuses:
        answers[422] = {
            "model": InvalidAnswer,
            "description": "Each field that is wrong, and what is allowed there",
        }
    return answers


UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What the client holds, by its If-None-Match, is the newest"}
}


def answer_errors(app: FastAPI) -> None:
    """Turn every error into its answer; none repeats a value or shows an exception."""

    @app.exception_handler(ServiceError)
    async def service_error(_: Request, error: ServiceError) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, error.status, error.headers)

    # FastAPI's own answer repeats the input, which may be a secret or no JSON at all (NaN).
    @app.exception_handler(RequestValidationError)
    async def invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            {"loc": [str(step)[:128] for step in found["loc"]], "msg": _plain(found["msg"])}
            for found in error.errors()
        ]
        return JSONResponse({"detail": problems}, Invalid.status)

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> JSONResponse:
        return JSONResponse({"detail": "the request broke off"}, 400)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


async def read_body(request: Request, *, limit: int, what: str) -> bytes:
    """Read a request's body, never holding more than `limit` bytes of it.

    Raises:
        TooLarge: it is longer than `limit`; a Content-Length says so before a byte is read.
        HTTPException: 408 when nothing comes for 30 s.
    """
    too_large = TooLarge(f"{what} must not be over {limit} bytes")
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise too_large
    body = bytearray()
    chunks = request.stream().__aiter__()
    while True:
        try:
            async with asyncio.timeout(BODY_IDLE_SECONDS):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise HTTPException(408, "the body stopped coming") from None
        if chunk is None:
            return bytes(body)
        body += chunk
        if len(body) > limit:
            raise too_large


def etag_of(body: bytes) -> str:
    """Give the strong ETag of an answer's bytes."""
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def parse_etags(header: str) -> list[str]:
    """Split the list of an If-Match or If-None-Match header; `*` stands for itself."""
    return [tag.strip() for tag in header.split(",") if tag.strip()]


def is_unchanged(request: Request, etag: str) -> bool:
    """Tell whether If-None-Match names `etag`, compared weakly as RFC 9110 says for reads."""
    # As they came: looking one up in request.headers takes ten times as long.
    return any(
        _names(parse_etags(value.decode("latin-1")), etag)
        for name, value in request.scope["headers"]
        if name == b"if-none-match"
    )


def _names(tags: Iterable[str], etag: str) -> bool:
    opaque = etag.removeprefix("W/")
    return any(tag == "*" or tag.removeprefix("W/") == opaque for tag in tags)
