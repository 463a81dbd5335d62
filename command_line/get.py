"""profile-matcher get: what a player's client is told."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from command_line.client import client_of, content_of, detail_of, fail
from contracts.keys import normalise_key
from contracts.profile import ACTIVE_CAMPAIGNS_FIELD
from foundation.tokens import first_secret


def get(
    player_id: Annotated[str, typer.Argument(help="The player's id.")],
    url: Annotated[
        str, typer.Option(help="Where the profile service is.")
    ] = "http://127.0.0.1:54326",
    token: Annotated[
        str, typer.Option(envvar="CLIENT_TOKEN", help="A client token, where the service asks one.")
    ] = "",
) -> None:
    """Show a player's profile with the campaigns that the player is in now."""
    try:
        path = f"/get_client_config/{quote(normalise_key(player_id), safe='')}"
    except ValueError as error:
        fail(f"PLAYER_ID {error}")
    with client_of(url, token=first_secret(token)) as client:
        answer = client.get(path)
        if answer.is_success:
            content_of(answer, ACTIVE_CAMPAIGNS_FIELD)
    if not answer.is_success:
        detail = detail_of(answer)
        # The campaign service, or somebody else's, answers 404 as well.
        is_unknown = detail == "404 Profile not found"
        fail(f"there is no player {player_id}" if is_unknown else detail)
    console = Console()
    console.print_json(answer.text, ensure_ascii=not _can_write(console, answer.json()))


def _can_write(console: Console, content: Any) -> bool:
    try:
        json.dumps(content, ensure_ascii=False).encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True
