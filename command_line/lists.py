"""profile-matcher lists: who is in a player list, from a file of player ids."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import typer

from command_line.client import Target, WrongAddress, client_of, content_of, refusal_of
from command_line.files import STANDARD_INPUT, name_of, open_player_ids
from command_line.terminal import complain, fail
from command_line.uploads import send_lines
from contracts.keys import normalise_key

SHOWN_IDS = 20
_COUNTS = (
    "received",
    "added",
    "removed",
    "unchanged",
    "unknown",
    "unknown_ids",
    "failed",
    "errors",
)


class Mode(StrEnum):
    """What becomes of the players that the file names, and of the others in the list."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


def lists(
    list_name: Annotated[str, typer.Argument(metavar="LIST", help="The name of the list.")],
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            dir_okay=False,
            help="Player ids, one a line: CSV, whose first column counts, or JSON (NDJSON), a "
            'text or an object with "player_id". - reads standard input.',
        ),
    ],
    *,
    mode: Annotated[
        Mode,
        typer.Option(help="Add these players, remove them, or make them all that are in the list."),
    ] = Mode.ADD,
    token: Annotated[
        str, typer.Option(envvar="ADMIN_TOKEN", help="An admin token of the service.")
    ] = "",
    url: Annotated[
        str, typer.Option(help="The address of the profile service.")
    ] = "http://127.0.0.1:54326",
) -> None:
    """Put players into a list, or take them out. The exit code is 1 when a line was refused.

    Players who are not stored are counted and named, and not created.
    """
    # Typer's own check takes - for the name of a file.
    if file != STANDARD_INPUT and not file.exists():
        raise typer.BadParameter(f"there is no file {file}")
    try:
        path = f"/profiles/lists/{quote(normalise_key(list_name), safe='')}"
    except ValueError as error:
        fail(f"LIST {error}")
    target = Target("profile service", url, token, "ADMIN_TOKEN")
    name = name_of(file)
    with client_of(target) as client:
        with open_player_ids(file) as (chunks, content_type):
            answer = send_lines(
                client,
                path,
                chunks,
                name=name,
                content_type=content_type,
                params={"mode": mode.value},
            )
        if answer.is_success:
            refused = _show_counts(name, content_of(answer, *_COUNTS))
        else:
            refused = _show_broken_off(name, answer, target, mode)
    if refused:
        raise typer.Exit(1)


def _show_broken_off(name: str, answer: httpx.Response, target: Target, mode: Mode) -> int:
    """Say why a change did not come to its end; return how many lines were refused, and one."""
    refusal = refusal_of(answer, target)
    try:
        report = content_of(answer, "reached", *_COUNTS)
    except WrongAddress:  # refused before the first line
        complain(f"{name}: {refusal}")
        return 1
    refused = _show_counts(name, report)
    if answer.status_code != httpx.codes.CONFLICT:  # which says itself what can be done
        is_whole = mode is Mode.REPLACE
        again = "send the whole file again" if is_whole else f"go on after line {report['reached']}"
        refusal = f"{refusal}; {again}"
    complain(f"{name}: {refusal}")
    return refused + 1


def _show_counts(name: str, report: dict[str, Any]) -> int:
    """Say what became of the lines; return how many were refused."""
    for error in report["errors"]:
        complain(f"{name}: line {error['line']}: {error['detail']}")
    if report["failed"] > len(report["errors"]):
        complain(f"{name}: and {report['failed'] - len(report['errors'])} more")
    if report["unknown_ids"]:
        shown = ", ".join(report["unknown_ids"][:SHOWN_IDS])
        more = f" and {report['unknown'] - SHOWN_IDS} more" if report["unknown"] > SHOWN_IDS else ""
        complain(f"{name}: not stored: {shown}{more}")
    typer.echo(
        f"{name}: {report['received']} ids: {report['added']} added, {report['removed']} removed, "
        f"{report['unchanged']} unchanged, {report['unknown']} unknown, {report['failed']} refused"
    )
    return int(report["failed"])
