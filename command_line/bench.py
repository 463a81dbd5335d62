"""profile-matcher bench: measurements on this machine, beside something known."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from command_line.terminal import fail

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.report.results import Result
    from benchmarks.servers.existing_servers import Urls

bench = typer.Typer(no_args_is_help=True)

Output = Annotated[
    Path | None,
    typer.Option(help="The folder in which to write the result as JSON.", metavar="FOLDER"),
]
AmqpUrl = Annotated[
    str,
    typer.Option(
        envvar="AMQP_URL", help="The URL of a RabbitMQ; without it, one is started for the run."
    ),
]
MongoUrl = Annotated[
    str,
    typer.Option(
        envvar="MONGO_URL", help="The URL of a MongoDB; without it, one is started for the run."
    ),
]


@bench.callback()
def require_checkout() -> None:
    """Measure Profile Matcher on this machine; only from a checkout of its sources."""
    if find_spec("benchmarks") is None:
        fail("the benchmarks are not installed: run this in a checkout, by `uv run`")


@bench.command()
def http(
    *,
    output: Output = None,
    mongo_url: Annotated[
        str,
        typer.Option(
            envvar="MONGO_URL",
            help="A MongoDB to measure with as well, besides the built-in stand-in.",
        ),
    ] = "",
    seconds: Annotated[
        float, typer.Option(min=1, help="For how many seconds each server is measured.")
    ] = 4,
    rounds: Annotated[
        int,
        typer.Option(min=1, help="How many times each server is measured; the servers take turns."),
    ] = 5,
) -> None:
    """Measure /get_client_config beside a constant answer and a common implementation."""
    from benchmarks.http import measure as http  # noqa: PLC0415

    _finish(lambda: http.run(seconds=seconds, rounds=rounds, mongo_url=mongo_url), output=output)


@bench.command()
def matching(
    *,
    output: Output = None,
    campaigns: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="How many campaigns. Can be given several times; default: 10, 100, 1,000, "
            "10,000 and 100,000.",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0, help="For how many seconds each is measured.")
    ] = 2,
) -> None:
    """Measure matching, beside other libraries (uv sync --group bench)."""
    from benchmarks import matching  # noqa: PLC0415

    _finish(lambda: matching.run(campaigns or matching.SIZES, seconds=seconds), output=output)


@bench.command()
def propagation(
    *,
    output: Output = None,
    amqp_url: AmqpUrl = "",
    mongo_url: MongoUrl = "",
    instances: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="How many instances. Can be given several times; default: 1, 2, 8 and 24."
        ),
    ] = None,
    campaigns: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="How many campaigns. Can be given several times; default: 100 and 10,000."
        ),
    ] = None,
    changes: Annotated[int, typer.Option(min=1, help="How many changes are measured.")] = 50,
) -> None:
    """Measure how long a change takes until all instances answer with it."""
    from benchmarks.propagation import measure as propagation  # noqa: PLC0415

    _finish(
        lambda: propagation.run(
            instances=instances or propagation.INSTANCES,
            sizes=campaigns or propagation.SIZES,
            changes=changes,
            urls=_urls(amqp_url, mongo_url),
        ),
        output=output,
    )


@bench.command()
def memory(*, output: Output = None, amqp_url: AmqpUrl = "", mongo_url: MongoUrl = "") -> None:
    """Measure the memory of each service's process and of one campaign."""
    from benchmarks import memory  # noqa: PLC0415

    _finish(lambda: memory.run(urls=_urls(amqp_url, mongo_url)), output=output)


@bench.command()
def swap(
    *,
    output: Output = None,
    amqp_url: AmqpUrl = "",
    changes: Annotated[
        int, typer.Option(min=1, help="How many changes a run makes, one per second.")
    ] = 20,
    rounds: Annotated[
        int, typer.Option(min=1, help="How many pairs of runs: one with changes, one without.")
    ] = 3,
) -> None:
    """Measure how long requests wait while campaigns change under load."""
    from benchmarks import swap  # noqa: PLC0415

    _finish(
        lambda: swap.run(changes=changes, rounds=rounds, urls=_urls(amqp_url, "")), output=output
    )


@bench.command()
def preview(
    *,
    output: Output = None,
    mongo_url: MongoUrl = "",
    profiles: Annotated[int, typer.Option(min=1, help="How many profiles.")] = 100_000,
    rounds: Annotated[
        int, typer.Option(min=1, help="How many times each is measured; they take turns.")
    ] = 3,
) -> None:
    """Measure how long it takes to count the players whom matchers would reach."""
    from benchmarks import preview  # noqa: PLC0415

    _finish(
        lambda: preview.run(size=profiles, rounds=rounds, urls=_urls("", mongo_url)), output=output
    )


@bench.command()
def report(
    *,
    results: Annotated[Path, typer.Option(help="The folder with the results.")] = Path(
        "docs/performance"
    ),
    document: Annotated[Path, typer.Option(help="The document to write the tables into.")] = Path(
        "docs/performance.md"
    ),
) -> None:
    """Write the tables and curves of results into the document (uv sync --group bench)."""
    from benchmarks.report.report import NoSuchPlace, report  # noqa: PLC0415

    try:
        report(results, document)
    except NoSuchPlace as error:
        fail(str(error))
    except ImportError:
        fail("the curves need the group bench: run `uv sync --group bench`")


def _urls(amqp_url: str, mongo_url: str) -> "Urls":
    from benchmarks.servers.existing_servers import Urls  # noqa: PLC0415

    return Urls(amqp=amqp_url, mongo=mongo_url)


def _finish(run: "Callable[[], Result]", *, output: Path | None) -> None:
    """Run a benchmark, show its result, and write it to the folder `output`, if given."""
    from benchmarks.failures import FAILURES  # noqa: PLC0415

    try:
        with ended_by_sigterm():
            result = run()
    except FAILURES as error:
        fail(str(error))
    publish(result, output=output)


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: started processes are ended on the way out."""
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def publish(result: "Result", *, output: Path | None) -> None:
    """Show a result, and write it to the folder `output`, if given."""
    result.show()
    if output is not None:
        typer.echo(f"Written to {result.write(output)}")
