"""profile-matcher soak: load, changes and random faults together, and a report of them."""

import math
import random
from typing import Annotated

import typer

from command_line.bench import Output, ended_by_sigterm, publish, require_checkout
from command_line.terminal import complain, fail


def soak(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="For how many minutes.")] = 10,
    seed: Annotated[
        int | None,
        typer.Option(help="Repeat the faults of an earlier run; every run prints its seed."),
    ] = None,
    output: Output = None,
) -> None:
    """Cause faults, one after another, while clients send requests and campaigns change.

    Starts and ends all it needs, including a RabbitMQ and a MongoDB. The exit code is 1
    if a promise was not kept. Works only in a checkout of the sources.
    """
    require_checkout()
    from benchmarks.soak.run import LAST_FAULT_SECONDS, PAUSE_SECONDS, run  # noqa: PLC0415
    from testbed.servers import ServerUnavailableError  # noqa: PLC0415

    needed = math.ceil((LAST_FAULT_SECONDS + max(PAUSE_SECONDS)) / 6) / 10
    if minutes < needed:
        complain(
            f"{minutes:g} minutes are too short for a fault: give --minutes {needed:g} or more"
        )
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
