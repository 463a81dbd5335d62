"""profile-matcher seed: campaigns, segments and profiles from files into running services."""

import sys
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import orjson
import typer
from pydantic import ValidationError

from command_line.client import (
    Target,
    WrongAddress,
    client_of,
    concerns_all,
    content_of,
    refusal_of,
)
from command_line.files import (
    CAMPAIGNS,
    SEGMENTS,
    STANDARD_INPUT,
    Kind,
    name_of,
    open_profiles,
    read_items,
)
from command_line.terminal import complain, fail, show_progress
from command_line.uploads import send_lines
from contracts.keys import normalise_key
from contracts.segment import LoggedSegment, Segment

SHOWN_NAMES = 20
_COUNTS = ("received", "created", "replaced", "failed", "errors")

_JSON = {"Content-Type": "application/json"}
_FILE: dict[str, Any] = {"dir_okay": False, "metavar": "FILE"}


def seed(
    *,
    campaigns: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of campaigns: a JSON list, one JSON object, or one object per line "
            "(NDJSON). - reads standard input. May be repeated.",
            **_FILE,
        ),
    ] = None,
    profiles: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of profiles: one JSON object per line (NDJSON); a file named .json may "
            "hold a JSON list. - reads standard input. May be repeated.",
            **_FILE,
        ),
    ] = None,
    segments: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of segments, in the form of --campaigns; they are written before the "
            "campaigns, in any order. May be repeated.",
            **_FILE,
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Delete all campaigns that are not in the files, in one change."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask before --replace deletes all campaigns.")
    ] = False,
    token: Annotated[
        str, typer.Option(envvar="ADMIN_TOKEN", help="An admin token of the services.")
    ] = "",
    campaigns_url: Annotated[
        str, typer.Option(help="The address of the campaign service.")
    ] = "http://127.0.0.1:54325",
    profiles_url: Annotated[
        str, typer.Option(help="The address of the profile service.")
    ] = "http://127.0.0.1:54326",
) -> None:
    """Write campaigns, segments and profiles from files.

    The exit code is 1 when any was refused.
    """
    if not campaigns and not segments and not profiles:
        raise typer.BadParameter(
            "there is nothing to do: give --campaigns, --segments, --profiles or several of them"
        )
    if replace and not campaigns:
        raise typer.BadParameter("--replace needs --campaigns")
    _check([*(campaigns or ()), *(segments or ()), *(profiles or ())])
    items = [item for path in campaigns or () for item in _items_in(path, CAMPAIGNS)]
    named = [item for path in segments or () for item in _items_in(path, SEGMENTS)]
    refused = 0
    if campaigns or segments:
        target = Target("campaign service", campaigns_url, token, "ADMIN_TOKEN")
        with client_of(target) as client:
            service = _CampaignService(client, target)
            if segments:
                refused += service.put_segments(named)
            if campaigns:
                refused += service.write(items, replace=replace, yes=yes)
    if profiles:
        target = Target("profile service", profiles_url, token, "ADMIN_TOKEN")
        with client_of(target) as client:
            refused += sum(_import(client, target, path) for path in profiles)
    if refused:
        raise typer.Exit(1)


def _check(paths: list[Path]) -> None:
    if paths.count(STANDARD_INPUT) > 1:
        raise typer.BadParameter("- can be given once: standard input is read once")
    # Typer's own check takes - for the name of a file.
    for path in paths:
        if path != STANDARD_INPUT and not path.exists():
            raise typer.BadParameter(f"there is no file {path}")


@dataclass(frozen=True)
class _Item:
    """A campaign or a segment, and where it stands."""

    where: str
    document: Any


def _items_in(path: Path, kind: Kind) -> list[_Item]:
    return [
        _Item(f"{name_of(path)}: {kind.name.removesuffix('s')} {number}", document)
        for number, document in enumerate(read_items(path, kind), start=1)
    ]


def _referred_to_first(items: list[_Item]) -> list[_Item]:
    """Return segments, each after those that it refers to; what cannot be read comes first."""
    read: list[tuple[_Item, Segment | None]] = [(item, _segment_of(item)) for item in items]
    references = {segment.name: segment.matchers.segments() for _, segment in read if segment}
    try:
        ordered = [*TopologicalSorter(references).static_order()]
    except CycleError:  # the service names it
        return items
    places = {name: place for place, name in enumerate(ordered)}
    read.sort(key=lambda pair: places[pair[1].name] if pair[1] else -1)
    return [item for item, _ in read]


def _segment_of(item: _Item) -> Segment | None:
    try:
        return LoggedSegment.model_validate(item.document)
    except ValidationError:
        return None


@dataclass(frozen=True)
class _Problem:
    """Why one is not written; `concerns_all` says that no other would be."""

    text: str
    concerns_all: bool = False


@dataclass(frozen=True)
class _CampaignService:
    """Writes campaigns and segments; each method that writes returns how many were refused."""

    client: httpx.Client
    target: Target

    def write(self, items: list[_Item], *, replace: bool, yes: bool) -> int:
        """Write campaigns beside the stored ones, or in their place."""
        if not replace:
            return self._put(items, CAMPAIGNS)
        if not items:
            self._confirm_deletion(yes=yes)
        return self._replace(items)

    def _confirm_deletion(self, *, yes: bool) -> None:
        """Name the stored campaigns; end the command unless their deletion is confirmed."""
        answer = self.client.get("/campaigns", params={"status": "all"})
        if not answer.is_success:
            fail(f"campaigns: {refusal_of(answer, self.target)}")
        names = _names_in(answer)
        if not names:
            return
        more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
        shown = ", ".join(names[:SHOWN_NAMES])
        complain(f"campaigns: this deletes all {len(names)} campaigns: {shown}{more}")
        if yes:
            return
        if not sys.stdin.isatty():
            fail("nothing was deleted: give --yes to go on")
        if not typer.confirm("Delete them?", err=True):
            fail("nothing was deleted")

    def _replace(self, items: list[_Item]) -> int:
        body = orjson.dumps([item.document for item in items])
        answer = self.client.post("/campaigns/import", content=body, headers=_JSON)
        if not answer.is_success:
            complain(f"campaigns: {refusal_of(answer, self.target)}")
            return 1
        content_of(answer, "revision", "created")
        typer.echo(f"campaigns: {len(items)} are now all there are")
        return 0

    def put_segments(self, items: list[_Item]) -> int:
        """Write segments beside the stored ones, each after those that it refers to."""
        return self._put(_referred_to_first(items), SEGMENTS)

    def _put(self, items: list[_Item], kind: Kind) -> int:
        """Write campaigns or segments one by one, until the answer to one holds for all."""
        written = refused = 0
        try:
            for item in items:
                show_progress(f"{kind.name}: {written + refused} of {len(items)}")
                problem = self._put_one(item.document, kind)
                if problem is None:
                    written += 1
                    continue
                refused += 1
                complain(f"{item.where}: {problem.text}")
                if problem.concerns_all:
                    break
        finally:  # also when the service goes away after some
            show_progress("")
            left = len(items) - written - refused
            if written or refused or not left:
                and_left = f", {left} left" if left else ""
                typer.echo(f"{kind.name}: {written} written, {refused} refused{and_left}")
        return refused

    def _put_one(self, document: Any, kind: Kind) -> _Problem | None:
        """Write one campaign or segment; return what is wrong with it, if anything is."""
        try:
            name = normalise_key(document["name"])
        except (TypeError, KeyError):
            return _Problem("has no name")
        except ValueError as error:
            return _Problem(f"name {error}")
        answer = self.client.put(
            f"/{kind.name}/{quote(name, safe='')}",
            content=orjson.dumps(document),
            headers=_JSON,
        )
        if not answer.is_success:
            return _Problem(f"{name}: {refusal_of(answer, self.target)}", concerns_all(answer))
        content_of(answer, "name", kind.field)
        return None


def _names_in(answer: httpx.Response) -> list[str]:
    try:
        return [campaign["name"] for campaign in answer.json()]
    except (ValueError, KeyError, TypeError):
        raise WrongAddress from None


def _import(client: httpx.Client, target: Target, path: Path) -> int:
    """Send a file's profiles in one request; return how many were refused."""
    name = name_of(path)
    with open_profiles(path) as chunks:
        answer = send_lines(
            client, "/profiles/import", chunks, name=name, content_type="application/x-ndjson"
        )
    if answer.is_success:
        return _show_counts(name, content_of(answer, *_COUNTS))
    refusal = refusal_of(answer, target)
    try:
        report = content_of(answer, "reached", *_COUNTS)
    except WrongAddress:  # refused before the first line
        complain(f"{name}: {refusal}")
        return 1
    refused = _show_counts(name, report)
    complain(f"{name}: {refusal}; go on after line {report['reached']}")
    return refused + 1


def _show_counts(name: str, report: dict[str, Any]) -> int:
    """Say what became of the lines; return how many were refused."""
    for error in report["errors"]:
        complain(f"{name}: profile {error['line']}: {error['detail']}")
    if report["failed"] > len(report["errors"]):
        complain(f"{name}: and {report['failed'] - len(report['errors'])} more")
    typer.echo(
        f"{name}: {report['received']} profiles: {report['created']} created, "
        f"{report['replaced']} replaced, {report['failed']} refused"
    )
    return int(report["failed"])
