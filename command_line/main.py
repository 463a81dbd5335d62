"""The command profile-matcher: one file a command."""

from importlib.metadata import version
from typing import Annotated

import typer

from command_line.bench import bench
from command_line.explain import explain
from command_line.get import get
from command_line.lists import lists
from command_line.preview import preview
from command_line.schema import schema
from command_line.seed import seed
from command_line.soak import soak
from command_line.up import up
from command_line.validate import validate

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False)
app.command()(up)
app.command()(seed)
app.command()(get)
app.command()(lists)
app.command()(explain)
app.command()(validate)
app.command()(preview)
app.command()(schema)
app.command()(soak)
app.add_typer(bench, name="bench")


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"profile-matcher {version('profile-matcher')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Tell a game's clients which campaigns a player is in."""
