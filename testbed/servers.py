"""Finds or starts the real RabbitMQ and MongoDB that tests run against.

`rabbitmq()` and `mongo()` give the URL of a server, in this order: one named by the
environment, one in Docker, one started from a binary on this machine. `RabbitNode` and
`MongoNode` are such binaries under the test's own control: they stop, and start again on
the same port with the same data. Whatever was started here is gone at the end.
"""

import gc
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol, Self

import docker  # type: ignore[import-untyped]
from docker.errors import DockerException  # type: ignore[import-untyped]
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer

RABBITMQ_IMAGE = "rabbitmq:4-management"
MONGO_IMAGE = "mongo:8"

# Seconds. A start includes what a first use may download; a pull is as slow as the network.
START_LIMIT = 120.0
STOP_LIMIT = 20.0
PULL_LIMIT = 300.0
ENGINE_LIMIT = 30


class ServerUnavailableError(Exception):
    """A server can't be had on this machine; the text says why."""


@contextmanager
def rabbitmq() -> Iterator[str]:
    """The URL of a RabbitMQ; raises `ServerUnavailableError` when there is none."""
    ways = [
        lambda: _given("TEST_AMQP_URL"),
        lambda: _in_docker(RABBITMQ_IMAGE, 5672, _amqp_url, amqp_answers),
        _private_rabbitmq,
    ]
    with _first_of(ways) as url:
        yield url


@contextmanager
def mongo() -> Iterator[str]:
    """The URL of a MongoDB; raises `ServerUnavailableError` when there is none."""
    ways = [
        lambda: _given("TEST_MONGO_URL"),
        lambda: _in_docker(MONGO_IMAGE, 27017, _mongo_url, mongo_answers),
        _private_mongo,
    ]
    with _first_of(ways) as url:
        yield url


class ChildProcess(Protocol):
    """What is needed of a process that was started: `subprocess.Popen` is one."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...


class ServerProcess:
    """A server process of our own: its folder, its port and its life.

    As a context manager it is running inside the block, and gone with its folder after it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="profile-matcher-"))
        self.storage = self.folder / "storage"
        self.storage.mkdir()
        self._process: ChildProcess | None = None

    @property
    def pid(self) -> int:
        """The id of the running process."""
        if not self._process:
            raise RuntimeError(f"{self.name} is not running")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it on its port with the data it has; returns when it answers."""
        if self._process:
            raise RuntimeError(f"{self.name} is already running")
        self._process = self._spawn(self._command())
        try:
            wait_until(self._answers, START_LIMIT, alive=lambda: self.is_running)
        except TimeoutError as error:
            self.kill()
            raise ServerUnavailableError(
                f"{self.name} did not start: {self._last_log_line()}"
            ) from error

    def stop(self) -> None:
        """Ask it to end, wait until it has; its data stay."""
        if self._process:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_LIMIT)
        self.kill()

    def kill(self) -> None:
        """End it at once, as a power cut would; its data stay."""
        if self._process:
            _kill_group(self._process)
        self._process = None

    def suspend(self) -> None:
        """Stop its time: connections stay open and nothing answers."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let its time go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """Return what it has written so far, of all its lives."""
        return (self.folder / "output.log").read_text(errors="replace")

    def wipe(self) -> None:
        """Forget all data; only while it is stopped."""
        if self._process:
            raise RuntimeError(f"{self.name} is running")
        shutil.rmtree(self.storage)
        self.storage.mkdir()

    def close(self) -> None:
        """End it and remove everything it left."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _spawn(self, command: Sequence[str]) -> ChildProcess:
        # A session of its own: Ctrl-C ends the tests, and they end the server.
        with (self.folder / "output.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _last_log_line(self) -> str:
        lines = self.log().split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "no output")


class RabbitNode(ServerProcess):
    """A RabbitMQ node with its own ports, folder and name service.

    `config` are lines of a `rabbitmq.conf`.
    """

    def __init__(self, binary: Path, *, config: str = "") -> None:
        super().__init__(binary.name)
        self._binary = binary
        self.url = _amqp_url(f"127.0.0.1:{self.port}")
        self._distribution_port = free_port()
        self._names_port = free_port()
        self._names: ChildProcess | None = None
        (self.folder / "enabled_plugins").write_text("[].")
        (self.folder / "rabbitmq.conf").write_text(config)

    def start(self) -> None:
        """Start it on its port with the data it has; returns when it answers."""
        if not self._names:
            # Erlang would start this daemon detached, and nothing would end it.
            self._names = self._spawn(["epmd", "-port", str(self._names_port)])
            wait_until(lambda: _listens(self._names_port), START_LIMIT)
        super().start()

    def close(self) -> None:
        """End it and remove everything it left."""
        if self._names:
            _kill_group(self._names)
        super().close()

    def control(self, *arguments: str) -> None:
        """Run `rabbitmqctl` on this node."""
        names = self._environment()
        subprocess.run(
            ["rabbitmqctl", "--node", names["RABBITMQ_NODENAME"], *arguments],
            cwd=self.folder,
            env={**names, "PATH": f"{self._binary.parent}{os.pathsep}{names['PATH']}"},
            check=True,
            capture_output=True,
            timeout=START_LIMIT,
        )

    def _command(self) -> list[str]:
        return [str(self._binary)]

    def _answers(self) -> bool:
        return amqp_answers(f"127.0.0.1:{self.port}")

    def _environment(self) -> dict[str, str]:
        machine = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RABBITMQ_", "ERL_"))
        }
        return machine | {
            "HOME": str(self.folder),  # the Erlang cookie is made there
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._names_port),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
                # Waiting schedulers leave the cores to others.
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
            "RABBITMQ_MNESIA_BASE": str(self.storage),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            # What the machine's own RabbitMQ is set up with is none of ours.
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "none"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.folder / "none"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
        }


class MongoNode(ServerProcess):
    """A `mongod` with its own port and folder."""

    def __init__(self, binary: Path) -> None:
        super().__init__(binary.name)
        self._binary = binary
        self.url = _mongo_url(f"127.0.0.1:{self.port}")

    def _command(self) -> list[str]:
        bound_to = ["--port", str(self.port), "--bind_ip", "127.0.0.1"]
        return [str(self._binary), *bound_to, "--dbpath", str(self.storage)]

    def _answers(self) -> bool:
        return mongo_answers(f"127.0.0.1:{self.port}")


def rabbitmq_server() -> Path:
    """The `rabbitmq-server` of this machine; raises `ServerUnavailableError`."""
    # Debian's command in /usr/sbin switches users; the one behind it just runs.
    places = ["/usr/lib/rabbitmq/bin", os.environ.get("PATH", os.defpath), "/usr/sbin"]
    found = shutil.which("rabbitmq-server", path=os.pathsep.join(places))
    if not found or not shutil.which("epmd"):
        raise ServerUnavailableError("no rabbitmq-server (with its epmd) is installed")
    return Path(found)


def mongod() -> Path:
    """The `mongod` on PATH; raises `ServerUnavailableError`."""
    found = shutil.which("mongod")
    if not found:
        raise ServerUnavailableError("no mongod is on PATH")
    return Path(found)


def free_port() -> int:
    """A port of 127.0.0.1 that is free.

    It lies below the ports that systems give to clients: a client that keeps knocking at a
    stopped server's port would else be given that very port one day, reach itself, and keep
    the server from coming back.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as candidate, suppress(OSError):
            candidate.bind(("127.0.0.1", port))
            return port


def wait_until(
    condition: Callable[[], bool], limit: float, *, alive: Callable[[], bool] = lambda: True
) -> None:
    """Poll until `condition` holds; `TimeoutError` after `limit` seconds or without `alive`."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline or not alive():
            raise TimeoutError("the server did not answer in time")
        time.sleep(0.1)


def amqp_answers(address: str) -> bool:
    """Whether a RabbitMQ that is ready for clients is at this `host:port`."""
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host, int(port)), timeout=2) as client:
        # Docker accepts connections before the server does: only a frame is an answer.
        client.sendall(b"AMQP\x00\x00\x09\x01")
        return client.recv(1) == b"\x01"
    return False


def mongo_answers(address: str) -> bool:
    """Whether the MongoDB at this `host:port` answers a ping."""
    with suppress(PyMongoError), _mongo_client(_mongo_url(address), limit=1.0) as client:
        client.admin.command("ping")
        return True
    return False


def drop_database(url: str, name: str) -> None:
    """Remove a database with everything in it."""
    with _mongo_client(url, limit=5.0) as client:
        client.drop_database(name)


def _mongo_client(url: str, *, limit: float) -> MongoClient[dict[str, object]]:
    milliseconds = int(limit * 1000)
    return MongoClient(
        url,
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds,
    )


def _amqp_url(address: str) -> str:
    return f"amqp://guest:guest@{address}/"


def _mongo_url(address: str) -> str:
    return f"mongodb://{address}"


@contextmanager
def _first_of(ways: Sequence[Callable[[], AbstractContextManager[str]]]) -> Iterator[str]:
    reasons = []
    with ExitStack() as stack:
        for way in ways:
            try:
                url = stack.enter_context(way())
            except ServerUnavailableError as error:
                reasons.append(str(error))
            else:
                break
        else:
            raise ServerUnavailableError("; ".join(reasons))
        yield url


@contextmanager
def _given(variable: str) -> Iterator[str]:
    url = os.environ.get(variable)
    if not url:
        raise ServerUnavailableError(f"{variable} is not set")
    yield url


@contextmanager
def _private_rabbitmq() -> Iterator[str]:
    with RabbitNode(rabbitmq_server()) as node:
        yield node.url


@contextmanager
def _private_mongo() -> Iterator[str]:
    with MongoNode(mongod()) as node:
        yield node.url


@contextmanager
def _in_docker(
    image: str, port: int, url: Callable[[str], str], answers: Callable[[str], bool]
) -> Iterator[str]:
    # The container that cleans up for testcontainers is one more image to have; the block
    # below stops what it started.
    testcontainers_config.ryuk_disabled = True
    with ExitStack() as stack:
        try:
            _have_image(image)
            container = stack.enter_context(DockerContainer(image).with_exposed_ports(port))
            host, mapped = container.get_container_host_ip(), container.get_exposed_port(port)
            address = f"{host}:{mapped}"
            wait_until(lambda: answers(address), START_LIMIT)
        except (DockerException, OSError) as error:  # a TimeoutError is an OSError
            raise ServerUnavailableError(f"Docker did not run {image}") from error
        yield url(address)


def _have_image(image: str) -> None:
    with closing(_engine()) as engine:
        if not engine.images.list(name=image):
            _pull(engine, image)


def _engine() -> docker.DockerClient:
    with warnings.catch_warnings():
        # Without an engine Docker's client leaves a socket open: it is collected here,
        # where its warning fails no test.
        warnings.simplefilter("ignore", ResourceWarning)
        with suppress(DockerException):
            return docker.from_env(timeout=ENGINE_LIMIT)
        gc.collect()
    raise ServerUnavailableError("no Docker engine answers")


def _pull(engine: docker.DockerClient, image: str) -> None:
    deadline = time.monotonic() + PULL_LIMIT
    for progress in engine.api.pull(image, stream=True, decode=True):
        if "error" in progress or time.monotonic() > deadline:
            raise ServerUnavailableError(f"Docker could not pull {image}")


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def _kill_group(process: ChildProcess) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_LIMIT)
