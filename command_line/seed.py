"""profile-matcher seed: campaigns and profiles from files into running services."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import Annotated, Any, BinaryIO
from urllib.parse import quote

import httpx
import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TransferSpeedColumn,
)

from command_line.client import client_of, complain, content_of, detail_of, fail
from contracts.keys import normalise_key
from foundation.tokens import first_secret

CHUNK_BYTES = 64 * 1024

_TOKEN_REFUSED = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}

_FILE: dict[str, Any] = {"exists": True, "dir_okay": False, "metavar": "FILE"}


def seed(
    *,
    campaigns: Annotated[
        list[Path] | None,
        typer.Option(
            help="Campaigns: a JSON list, one, or one a line (NDJSON). May be repeated.", **_FILE
        ),
    ] = None,
    profiles: Annotated[
        list[Path] | None,
        typer.Option(
            help="Profiles, one a line (NDJSON); in a .json file a list or one. May be repeated.",
            **_FILE,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Make these the only campaigns, in one change.")
    ] = False,
    token: Annotated[
        str, typer.Option(envvar="ADMIN_TOKEN", help="An admin token of the services.")
    ] = "",
    campaigns_url: Annotated[
        str, typer.Option(help="Where the campaign service is.")
    ] = "http://127.0.0.1:54325",
    profiles_url: Annotated[
        str, typer.Option(help="Where the profile service is.")
    ] = "http://127.0.0.1:54326",
) -> None:
    """Write campaigns and profiles from files; exit code 1 when any was refused."""
    if not campaigns and not profiles:
        raise typer.BadParameter("there is nothing to do: give --campaigns, --profiles or both")
    if replace and not campaigns:
        raise typer.BadParameter("--replace needs --campaigns")
    secret = first_secret(token)
    found = [item for path in campaigns or () for item in _campaigns_in(path)]
    refused = 0
    if campaigns:
        with client_of(campaigns_url, token=secret) as client:
            refused += _replace(client, found) if replace else _put(client, found)
    if profiles:
        with client_of(profiles_url, token=secret) as client:
            refused += sum(_import(client, path) for path in profiles)
    if refused:
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Item:
    """A campaign and where it stands."""

    where: str
    campaign: Any


def _campaigns_in(path: Path) -> list[_Item]:
    return [
        _Item(f"{path}: campaign {number}", campaign)
        for number, campaign in enumerate(_list_in(path), start=1)
    ]


def _list_in(path: Path) -> list[Any]:
    """Read a JSON list, one JSON object, or one object a line."""
    text = path.read_bytes().removeprefix(BOM_UTF8)
    lines = text.splitlines()
    if len(lines) > 1 and _is_object(lines[0]):
        numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
        return [_read(line, f"{path}: line {number}") for number, line in numbered]
    content = _read(text, str(path))
    return content if isinstance(content, list) else [content]


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _read(text: bytes, where: str) -> Any:
    try:
        content = orjson.loads(text)
        orjson.dumps(content)  # what is nested very deeply can be read and not written
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        fail(f"{where} is not JSON to be sent: {error}")
    return content


def _replace(client: httpx.Client, items: list[_Item]) -> int:
    body = orjson.dumps([item.campaign for item in items])
    answer = client.post("/campaigns/import", content=body, headers=_content_type("json"))
    if not answer.is_success:
        complain(f"campaigns: {detail_of(answer)}")
        return 1
    content_of(answer, "revision", "created")
    typer.echo(f"campaigns: {len(items)} are now all there are")
    return 0


def _put(client: httpx.Client, items: list[_Item]) -> int:
    """Write campaigns one by one, until the token turns out not to allow it."""
    written = refused = 0
    try:
        with _progress(BarColumn(), MofNCompleteColumn()) as progress:
            for item in progress.track(items, description="campaigns"):
                problem = _put_one(client, item.campaign)
                if problem is None:
                    written += 1
                    continue
                refused += 1
                complain(f"{item.where}: {problem.text}")
                if problem.concerns_all:
                    break
    finally:  # also when the service goes away after some
        left = len(items) - written - refused
        if written or refused or not left:
            and_left = f", {left} left" if left else ""
            typer.echo(f"campaigns: {written} written, {refused} refused{and_left}")
    return refused


@dataclass(frozen=True)
class _Problem:
    """Why a campaign is not written; `concerns_all` tells that no other would be."""

    text: str
    concerns_all: bool = False


def _put_one(client: httpx.Client, campaign: Any) -> _Problem | None:
    """Write one campaign; give what is wrong with it, if anything is."""
    try:
        name = normalise_key(campaign["name"])
    except (TypeError, KeyError):
        return _Problem("has no name")
    except ValueError as error:
        return _Problem(f"name {error}")
    answer = client.put(
        f"/campaigns/{quote(name, safe='')}",
        content=orjson.dumps(campaign),
        headers=_content_type("json"),
    )
    if not answer.is_success:
        return _Problem(f"{name}: {detail_of(answer)}", answer.status_code in _TOKEN_REFUSED)
    content_of(answer, "name", "game")
    return None


def _import(client: httpx.Client, path: Path) -> int:
    """Send a file's profiles in one request; give how many were refused."""
    columns = BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with _lines_of(path) as lines, _progress(*columns) as progress:
        # From a generator, which has no length: httpx would take that of a pipe for 0.
        chunks = _shown(lines, progress, path.name)
        answer = client.post("/profiles/import", content=chunks, headers=_content_type("x-ndjson"))
    if not answer.is_success:
        complain(f"{path}: {detail_of(answer)}")
        return 1
    report = content_of(answer, "received", "created", "replaced", "failed", "errors")
    for error in report["errors"]:
        complain(f"{path}: profile {error['line']}: {error['detail']}")
    if report["failed"] > len(report["errors"]):
        complain(f"{path}: and {report['failed'] - len(report['errors'])} more")
    typer.echo(
        f"{path}: {report['received']} profiles: {report['created']} created, "
        f"{report['replaced']} replaced, {report['failed']} refused"
    )
    return int(report["failed"])


def _progress(*columns: ProgressColumn) -> Progress:
    """Show how far it is, where a terminal is looked at."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _lines_of(path: Path) -> BinaryIO:
    """Open a file as NDJSON; only a .json file is read whole."""
    if path.suffix == ".json":
        return BytesIO(b"\n".join(orjson.dumps(profile) for profile in _list_in(path)))
    return path.open("rb")


def _shown(lines: BinaryIO, progress: Progress, description: str) -> Iterator[bytes]:
    """Give what is read in chunks, and show how far it is; of a pipe, how much came so far."""
    total = lines.seek(0, SEEK_END) if lines.seekable() else None
    if total is not None:
        lines.seek(0)
    task = progress.add_task(description, total=total)
    is_first = True
    while chunk := lines.read(CHUNK_BYTES):
        yield chunk.removeprefix(BOM_UTF8) if is_first else chunk
        is_first = False
        progress.advance(task, len(chunk))


def _content_type(kind: str) -> dict[str, str]:
    return {"Content-Type": f"application/{kind}"}
