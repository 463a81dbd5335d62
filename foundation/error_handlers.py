"""Handlers that turn exceptions into answers."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from foundation.errors import BrokenOff, Invalid, ServiceError
from foundation.validation import message_of, readable


def answer_errors(app: FastAPI) -> None:
    """Turn every error into its answer; none repeats a value or shows an exception."""

    @app.exception_handler(ServiceError)
    async def service_error(_: Request, error: ServiceError) -> JSONResponse:
        return _answer(error)

    # FastAPI's own answer repeats the input, which may be a secret or no JSON at all (NaN).
    @app.exception_handler(RequestValidationError)
    async def invalid_request(_: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(
            Invalid(
                [
                    {"loc": readable(found["loc"]), "msg": message_of(found)}
                    for found in error.errors()
                ]
            )
        )

    @app.exception_handler(ClientDisconnect)
    async def gone(_: Request, __: ClientDisconnect) -> JSONResponse:
        return _answer(BrokenOff("the request broke off"))

    # Starlette raises the exception again once this is sent: the server logs it, once.
    @app.exception_handler(Exception)
    async def unexpected(_: Request, __: Exception) -> JSONResponse:
        return _answer(ServiceError("internal error"))


def _answer(error: ServiceError) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, error.status, error.headers)
