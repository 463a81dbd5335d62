"""profile-matcher preview: how many players a campaign in a file would reach."""

from pathlib import Path
from typing import Annotated, Any

import typer

from command_line.client import Target, client_of, content_of, refusal_of
from command_line.files import CAMPAIGNS, SEGMENTS, STANDARD_INPUT, Kind, name_of, read_items
from command_line.terminal import fail

WANTED = Kind("a campaign, a segment or matchers", CAMPAIGNS.field, "as one JSON object")


def preview(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A campaign, a segment or bare matchers, as one JSON object. - reads "
            "standard input.",
        ),
    ],
    *,
    sample: Annotated[
        int, typer.Option(min=0, max=100, help="How many ids of players are shown.")
    ] = 10,
    url: Annotated[
        str, typer.Option(help="The address of the profile service.")
    ] = "http://127.0.0.1:54326",
    token: Annotated[
        str, typer.Option(envvar="ADMIN_TOKEN", help="An admin token of the service.")
    ] = "",
) -> None:
    """Show how many players match now, and the ids of some of them. Nothing is stored."""
    if file != STANDARD_INPUT and not file.exists():
        raise typer.BadParameter(f"there is no file {file}")
    body = {**_asked(file), "sample": sample}
    target = Target("profile service", url, token, "ADMIN_TOKEN")
    with client_of(target) as client:
        answer = client.post("/preview", json=body)
        if not answer.is_success:
            fail(refusal_of(answer, target))
        found = content_of(answer, "matching", "total", "exact", "sample", "took_ms")
    typer.echo(_line(found))
    for player_id in found["sample"]:
        typer.echo(player_id)


def _asked(file: Path) -> dict[str, Any]:
    items = read_items(file, WANTED)
    if len(items) != 1 or not isinstance(items[0], dict):
        fail(f"{name_of(file)} does not hold one object: {WANTED.wanted}")
    [content] = items
    if CAMPAIGNS.field in content:
        return {"campaign": content}
    # Matchers have no such key.
    return {"matchers": content.get(SEGMENTS.field, content)}


def _line(found: dict[str, Any]) -> str:
    matching, total = found["matching"], found["total"]
    share = f" ({100 * matching / total:.1f} %)" if total else ""
    players = f"{matching:,} of {total:,} players{share}"
    seconds = f"{found['took_ms'] / 1000:.1f} s"
    if found["exact"]:
        return f"{players}, exact, {seconds}"
    return f"at least {players}, counted for {seconds}"
