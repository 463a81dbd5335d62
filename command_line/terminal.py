"""Messages for people: all but results go to standard error."""

import sys
from typing import NoReturn

import typer

_CLEARED = "\r\033[K"


def fail(message: str) -> NoReturn:
    """End the command with a message and exit code 1."""
    complain(message)
    raise typer.Exit(1)


def complain(message: str) -> None:
    """Write a line to standard error."""
    show_progress("")
    typer.echo(message, err=True)


def show_progress(text: str) -> None:
    """Replace the last line of a terminal by `text`; write nothing where there is no terminal."""
    if sys.stderr.isatty():
        typer.echo(f"{_CLEARED}{text}", nl=False, err=True)
