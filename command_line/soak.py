"""profile-matcher soak: load, changes and random faults together, and what came of them."""

import random
from typing import Annotated

import typer

from command_line.bench import Output, ended_by_sigterm, publish, require_checkout
from command_line.terminal import complain, fail


def soak(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10,
    seed: Annotated[
        int | None, typer.Option(help="Draws the same faults again; else a new one is printed.")
    ] = None,
    output: Output = None,
) -> None:
    """Break what the services need, again and again, while clients ask and campaigns change.

    Starts everything itself, a RabbitMQ and a MongoDB too, and ends it. The exit code is 1
    when a promise did not hold. Only from a checkout of the sources.
    """
    require_checkout()
    from benchmarks.soak.run import run  # noqa: PLC0415
    from testbed.servers import ServerUnavailableError  # noqa: PLC0415

    drawn = random.SystemRandom().randrange(2**32)
    try:
        with ended_by_sigterm():
            result, unkept = run(minutes=minutes, seed=drawn if seed is None else seed)
    except (ServerUnavailableError, TimeoutError, AssertionError) as error:
        # The last one: a service that was stopped did not end cleanly; it holds its log.
        fail(str(error))
    publish(result, output=output)
    for line in unkept:
        complain(line)
    if unkept:
        raise typer.Exit(1)
