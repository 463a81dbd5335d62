"""profile-matcher get: what a player's client is told."""

from typing import Annotated
from urllib.parse import quote

import httpx
import typer
from rich.console import Console

from command_line.client import client_of, detail_of, fail
from contracts.keys import normalise_key
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
    if answer.status_code == httpx.codes.NOT_FOUND:
        fail(f"there is no player {player_id}")
    if not answer.is_success:
        fail(detail_of(answer))
    Console().print_json(answer.text)
