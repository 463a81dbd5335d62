"""Every error as its answer; none repeats a value or shows an exception."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from foundation.errors import Invalid, ServiceError


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
