"""HEAD: answered as GET is, without the body."""

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match, Router
from starlette.types import Message, Receive, Scope, Send


class HeadRoute(BaseRoute):
    """Matches every HEAD that no route before it takes, and passes it on as a GET."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match by the method; whether there is such a path shows when it is asked for."""
        is_head = scope["type"] == "http" and scope["method"] == "HEAD"
        return (Match.FULL if is_head else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as GET does; the headers stay, Content-Length with them."""

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._router({**scope, "method": "GET"}, receive, send_without_body)


def answer_head(app: FastAPI) -> None:
    """Answer HEAD on every route that answers GET; to be called when all routes are there.

    It comes last, so that looking for the route of any other method takes no longer.
    """
    app.router.routes.append(HeadRoute(app.router))
