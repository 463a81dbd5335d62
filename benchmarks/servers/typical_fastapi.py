"""The same route as it is commonly written: one query, models, a loop, a response model."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel, ConfigDict

from benchmarks.workload import campaigns
from profile_service.matching.evaluator import matches


class Device(BaseModel):
    """A device of a player."""

    id: int
    model: str
    carrier: str
    firmware: str


class PlayerProfile(BaseModel):
    """A player's profile."""

    model_config = ConfigDict(extra="allow")

    player_id: str
    credential: str
    created: str
    modified: str
    last_session: str
    total_spent: float
    total_refund: float
    total_transactions: int
    last_purchase: str
    active_campaigns: list[str]
    devices: list[Device]
    level: int
    xp: int
    total_playtime: int
    country: str
    language: str
    birthdate: str
    gender: str
    inventory: dict[str, int]
    clan: dict[str, str]


def create_app() -> FastAPI:
    """Serve players of MONGO_URL, with CAMPAIGNS campaigns in memory."""
    known = sorted(
        campaigns(int(os.environ["CAMPAIGNS"])),
        key=lambda campaign: (-campaign.priority, campaign.name),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(os.environ["MONGO_URL"])
        app.state.profiles = client[os.environ["MONGO_DATABASE"]]["profiles"]
        yield
        client.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/get_client_config/{player_id}", response_model=PlayerProfile)
    async def get_client_config(player_id: str, response: Response) -> dict[str, Any]:
        document = await app.state.profiles.find_one({"player_id": player_id}, {"_id": 0})
        if document is None:
            raise HTTPException(404, "Profile not found")
        profile = PlayerProfile.model_validate(document).model_dump()
        now = datetime.now(UTC)
        profile["active_campaigns"] = [
            campaign.name
            for campaign in known
            if campaign.is_active(now) and matches(campaign.matchers, profile, now)
        ]
        response.headers["x-campaigns-revision"] = "1"
        response.headers["x-campaigns-age"] = "0.000"
        return profile

    @app.get("/health/live")
    async def live() -> Response:
        return Response()

    return app
