"""profile-matcher get: the answer that a player's client receives."""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Console

from command_line.client import Target, client_of, content_of, detail_of, refusal_of
from command_line.terminal import fail
from contracts.keys import normalise_key
from contracts.profile import ACTIVE_CAMPAIGNS_FIELD

# Another server answers 404 as well.
PROFILE_NOT_FOUND = "404 Profile not found"


def get(
    player_id: Annotated[str, typer.Argument(help="The player's id.")],
    url: Annotated[
        str, typer.Option(help="The address of the profile service.")
    ] = "http://127.0.0.1:54326",
    token: Annotated[
        str,
        typer.Option(envvar="CLIENT_TOKEN", help="A client token, where the service asks for one."),
    ] = "",
) -> None:
    """Show a player's profile with the campaigns that the player is in now."""
    try:
        path = f"/get_client_config/{quote(normalise_key(player_id), safe='')}"
    except ValueError as error:
        fail(f"PLAYER_ID {error}")
    target = Target("profile service", url, token, "CLIENT_TOKEN")
    with client_of(target) as client:
        answer = client.get(path)
        if not answer.is_success:
            is_unknown = detail_of(answer) == PROFILE_NOT_FOUND
            fail(f"there is no player {player_id}" if is_unknown else refusal_of(answer, target))
        content_of(answer, ACTIVE_CAMPAIGNS_FIELD)
    console = Console()
    console.print_json(answer.text, ensure_ascii=not _can_write(console, answer.json()))


def _can_write(console: Console, content: Any) -> bool:
    """Return whether the output can hold all characters."""
    try:
        json.dumps(content, ensure_ascii=False).encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True
