"""profile-matcher up: both services in one process, with nothing else to install."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from command_line.terminal import fail

if TYPE_CHECKING:
    from devstack.stack import Running


def up(
    *,
    data: Annotated[
        Path, typer.Option(help="The folder of the SQLite file; unused if MONGO_URL is set.")
    ] = Path(".data"),
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    campaigns_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="The port of the campaign service; 0: any free port."),
    ] = 54325,
    profiles_port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="The port of the profile service; 0: any free port."),
    ] = 54326,
) -> None:
    """Run both services until Ctrl-C, with SQLite and without a message broker.

    If MONGO_URL or AMQP_URL is set, that server is used instead.
    The first start loads example campaigns and profiles.
    """
    # The services are slow to import, and no other command needs them.
    from devstack.servers import StackFailed  # noqa: PLC0415
    from devstack.stack import Options, StackSettings, serve  # noqa: PLC0415

    options = Options(
        data=data, host=host, campaigns_port=campaigns_port, profiles_port=profiles_port
    )
    try:
        asyncio.run(serve(options, StackSettings.load(), _Terminal()))
    except StackFailed as error:
        fail(str(error))
    typer.echo("Stopped.")


class _Terminal:
    """Prints the progress of the stack."""

    def started(self, running: "Running") -> None:
        token = running.token if running.token_is_new else "as in ADMIN_TOKEN"
        typer.echo(f"Campaigns:   {running.campaigns_url}/docs")
        typer.echo(f"Profiles:    {running.profiles_url}/docs")
        typer.echo(f"Admin token: {token}")

    def waiting(self, running: "Running") -> None:
        whom = "MongoDB (MONGO_URL)" if running.mongo_is_given else "the services"
        typer.echo(f"Waiting for {whom} ... {running.campaigns_url}/health/ready tells more")

    def ready(self, running: "Running", *, loaded_examples: bool) -> None:
        if loaded_examples:
            typer.echo("Loaded the example campaigns and profiles.")
        typer.echo(f"Try:         curl {running.profiles_url}/get_client_config/{running.example}")
        typer.echo("Stop:        Ctrl-C")
