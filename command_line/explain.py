"""profile-matcher explain: why a player is in campaigns, or is not, as a tree."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer
from rich.console import Console

from command_line.client import Target, client_of, content_of, detail_of, refusal_of
from command_line.files import CAMPAIGNS, STANDARD_INPUT, Kind, name_of, read_items
from command_line.terminal import fail
from command_line.verdicts import VerdictWriter
from contracts.keys import normalise_key

# Another server answers 404 as well.
NOT_FOUND = {
    "404 Profile not found": "there is no player {player_id}",
    "404 Campaign not found": "there is no campaign {campaign}",
}
DRAFT = Kind(CAMPAIGNS.name, CAMPAIGNS.field, "one of them, as a JSON object")
WIDE = 100_000  # columns of what is no terminal: lines are for other programs
_FIELDS = ("player_id", "at", "revision", "stale", "campaigns", "left_out")


def explain(
    player_id: Annotated[str, typer.Argument(help="The player's id.")],
    *,
    campaign: Annotated[
        str | None, typer.Option(metavar="NAME", help="Explain this campaign only.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="When, such as 2022-01-25T00:00:00Z. Now by default."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A draft: a campaign as one JSON object, which is explained as if it were "
            "stored, and is not stored. - reads standard input.",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Show what holds, too, and not only what decides.")
    ] = False,
    url: Annotated[
        str, typer.Option(help="The address of the profile service.")
    ] = "http://127.0.0.1:54326",
    token: Annotated[
        str, typer.Option(envvar="ADMIN_TOKEN", help="An admin token of the service.")
    ] = "",
) -> None:
    """Show for each campaign whether the player is in it, and which conditions decide."""
    try:
        key = normalise_key(player_id)
    except ValueError as error:
        fail(f"PLAYER_ID {error}")
    draft = None if file is None else _draft(file)
    asked = {"campaign": campaign, "at": at}
    given = {name: value for name, value in asked.items() if value is not None}
    target = Target("profile service", url, token, "ADMIN_TOKEN")
    with client_of(target) as client:
        if draft is None:
            path = f"/get_client_config/{quote(key, safe='')}/explain"
            answer = client.get(path, params=given)
        else:
            query = {} if campaign is None else {"campaign": campaign}
            body = {"campaign": draft, "player_id": key} | ({} if at is None else {"at": at})
            answer = client.post("/explain", params=query, json=body)
        if not answer.is_success:
            fail(_refusal(answer, target, player_id=player_id, campaign=campaign))
        content = content_of(answer, *_FIELDS)
    _show(content, full=full)


def _draft(file: Path) -> dict[str, Any]:
    if file != STANDARD_INPUT and not file.exists():
        raise typer.BadParameter(f"there is no file {file}")
    items = read_items(file, DRAFT)
    if len(items) != 1 or not isinstance(items[0], dict):
        fail(f"{name_of(file)} does not hold one campaign as a JSON object")
    draft: dict[str, Any] = items[0]
    return draft


def _refusal(answer: httpx.Response, target: Target, **names: str | None) -> str:
    found = NOT_FOUND.get(detail_of(answer))
    return refusal_of(answer, target) if found is None else found.format(**names)


def _show(content: dict[str, Any], *, full: bool) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    writer = VerdictWriter(console.encoding, full=full)
    console.print(writer.heading(content))
    for campaign in content["campaigns"]:
        console.print(writer.tree(campaign))
    if content["left_out"]:
        console.print(f"{content['left_out']:,} more campaigns: name one with --campaign")
