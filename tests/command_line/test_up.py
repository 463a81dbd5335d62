"""profile-matcher up: the development stack as a process."""

import resource
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack.servers import REPEAT_SECONDS, listening
from testbed.builders import PLAYER_ID
from tests.command_line.stacks import (
    POLL_SECONDS,
    START_SECONDS,
    STOP_SECONDS,
    Stack,
    a_stack,
    printed,
    start,
)

EXAMPLES_ACTIVE = ["mycampaign", "Starter Pack", "Summer Event", "Festival de la langue française"]


def request(method: str, url: str, **more: Any) -> httpx.Response:
    """Send one request, within a limit and past any proxy."""
    return httpx.request(method, url, timeout=10.0, trust_env=False, **more)


def active_campaigns(stack: Stack, expected: list[str]) -> list[str]:
    """Return what the example player is in, waiting a while for what is expected."""
    deadline = time.monotonic() + 10.0
    while True:
        answer = request("GET", f"{stack.profiles_url}/get_client_config/{PLAYER_ID}")
        found = answer.json().get("active_campaigns")
        if found == expected or time.monotonic() > deadline:
            return list(found or [])
        time.sleep(POLL_SECONDS)


def is_listening(url: str) -> bool:
    """Return whether a server takes connections at an address."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def run_to_the_end(folder: Path, *options: str, environ: dict[str, str] | None = None) -> str:
    """Start a stack that can't run; return what it said."""
    process = start(folder, *options, environ=environ, output=subprocess.PIPE)
    try:
        said, _ = process.communicate(timeout=START_SECONDS)
    finally:
        process.kill()
    assert process.returncode == 1
    return said.decode()


def test_the_first_start_has_examples_that_match(stack: Stack) -> None:
    """The player of the printed curl line is in the example campaigns, highest priority first."""
    assert "Loaded the example campaigns and profiles." in stack.printed
    assert f"curl {stack.profiles_url}/get_client_config/{PLAYER_ID}\n" in stack.printed
    assert active_campaigns(stack, EXAMPLES_ACTIVE) == EXAMPLES_ACTIVE


def test_both_services_are_ready(stack: Stack) -> None:
    """Both readiness checks are green with no server beside the process."""
    for url in (stack.campaigns_url, stack.profiles_url):
        answer = request("GET", f"{url}/health/ready")
        assert answer.status_code == httpx.codes.OK, answer.text


def test_a_change_is_seen_by_players_at_once(stack: Stack) -> None:
    """A campaign that is switched off is gone from the answers well before any poll or TTL."""
    url = f"{stack.campaigns_url}/campaigns/Summer%20Event"
    headers = {"Authorization": f"Bearer {stack.token}"}
    without = [name for name in EXAMPLES_ACTIVE if name != "Summer Event"]
    answer = request("PATCH", url, headers=headers, json={"enabled": False})
    assert answer.is_success, answer.text
    assert active_campaigns(stack, without) == without
    request("PATCH", url, headers=headers, json={"enabled": True})
    assert active_campaigns(stack, EXAMPLES_ACTIVE) == EXAMPLES_ACTIVE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly_and_keeps_its_data(tmp_path: Path, number: signal.Signals) -> None:
    """A stop leaves nothing listening and exits with 0; the next start has what was written."""
    with a_stack(tmp_path) as stack:
        headers = {"Authorization": f"Bearer {stack.token}"}
        request("DELETE", f"{stack.campaigns_url}/campaigns/mycampaign", headers=headers)
        request("DELETE", f"{stack.profiles_url}/profiles/player-mx", headers=headers)
        assert stack.stop(number) == 0
        assert not is_listening(stack.campaigns_url)
        assert not is_listening(stack.profiles_url)
        output = (tmp_path / "output.txt").read_text()
        assert output == f"{stack.printed}Stopped.\n"
    with a_stack(tmp_path) as stack:
        assert "Loaded" not in stack.printed
        assert active_campaigns(stack, EXAMPLES_ACTIVE[1:]) == EXAMPLES_ACTIVE[1:]
        gone = request("GET", f"{stack.profiles_url}/get_client_config/player-mx")
        assert gone.status_code == httpx.codes.NOT_FOUND


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Whoever is impatient is not made to wait for what is still being answered."""
    with a_stack(tmp_path) as stack:
        host, _, port = stack.profiles_url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as unfinished:
            unfinished.sendall(
                b"POST /profiles/import HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"
                b"Authorization: Bearer " + stack.token.encode() + b"\r\n\r\n"
            )
            request("GET", f"{stack.profiles_url}/health/live")
            stack.process.send_signal(signal.SIGINT)
            with pytest.raises(subprocess.TimeoutExpired):
                stack.process.wait(REPEAT_SECONDS + 0.5)
            assert stack.stop() == -signal.SIGINT


def test_a_stop_does_not_wait_long_for_a_client(tmp_path: Path) -> None:
    """A request that never ends delays a clean stop by seconds only."""
    with a_stack(tmp_path) as stack:
        host, _, port = stack.profiles_url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as unfinished:
            unfinished.sendall(b"POST /profiles/import HTTP/1.1\r\nHost: x\r\n")
            request("GET", f"{stack.profiles_url}/health/live")
            assert stack.stop() == 0


@pytest.mark.parametrize("option", ["--campaigns-port", "--profiles-port"])
def test_a_port_in_use_is_one_line_and_leaves_nothing(tmp_path: Path, option: str) -> None:
    """The line names the port; no data folder is made."""
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        said = run_to_the_end(tmp_path, f"{option}={port}")
    assert said == (
        f"port {port} of 127.0.0.1 cannot be used: Address already in use; "
        f"choose another by {option} (0: any free port)\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_another_machine_is_one_line(tmp_path: Path) -> None:
    """No other port would help: none is asked for."""
    said = run_to_the_end(tmp_path, "--host=192.0.2.1", "--campaigns-port=8000")
    assert said == "port 8000 of 192.0.2.1 cannot be used: Cannot assign requested address\n"


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    """A data folder that holds something else is left alone."""
    data = tmp_path / "data"
    data.mkdir()
    file = data / "profile-matcher.sqlite"
    file.write_text("this is no database, and it is long enough to be looked at " * 20)
    said = run_to_the_end(tmp_path)
    assert said == f"{file} cannot be used: file is not a database\n"


def test_a_wrong_setting_is_one_line(tmp_path: Path) -> None:
    """A value that is not allowed is told by the variable's name."""
    said = run_to_the_end(tmp_path, environ={"CAMPAIGNS_TTL": "soon"})
    assert said.startswith("CAMPAIGNS_TTL='soon': ")
    assert said.count("\n") == 1


def test_wrong_settings_of_both_services_are_told_at_once(tmp_path: Path) -> None:
    """One line for each variable, also when both services read it."""
    wrong = {"CHECKPOINT_EVERY": "0", "LOG_FORMAT": "xml", "CAMPAIGNS_TTL": "soon"}
    said = run_to_the_end(tmp_path, environ=wrong)
    assert [line.partition("=")[0] for line in said.splitlines()] == [
        "LOG_FORMAT",
        "CHECKPOINT_EVERY",
        "CAMPAIGNS_TTL",
    ]


def test_says_what_it_waits_for(tmp_path: Path) -> None:
    """While the given MongoDB is away, the addresses and the token are shown, and one line why."""
    output = tmp_path / "output.txt"
    with listening("127.0.0.1", 0) as listener:
        mongo_url = f"mongodb://127.0.0.1:{listener.getsockname()[1]}"
    with output.open("wb") as file:
        process = start(tmp_path, environ={"MONGO_URL": mongo_url}, output=file.fileno())
    try:
        said = printed(process, output, until="/health/ready")
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0
    finally:
        process.kill()
    campaigns, profiles, token, *_ = said.splitlines()
    assert campaigns.startswith("Campaigns: ")
    assert profiles.startswith("Profiles: ")
    assert token.startswith("Admin token: ")
    ready = campaigns.split()[1].replace("/docs", "/health/ready")
    assert f"\nWaiting for MongoDB (MONGO_URL) ... {ready} tells more\n" in said
    before = said.partition("\nWaiting for ")[0].splitlines()[3:]
    warnings = [line.partition("WARNING")[2] for line in before]
    assert len(warnings) == len(set(warnings)) <= 4, before


def test_a_token_of_the_environment_is_used_and_not_printed(tmp_path: Path) -> None:
    """ADMIN_TOKEN is kept; the examples are loaded with it."""
    with a_stack(tmp_path, environ={"ADMIN_TOKEN": "me:secret,you:other"}) as stack:
        assert "secret" not in stack.printed
        headers = {"Authorization": "Bearer other"}
        answer = request("GET", f"{stack.profiles_url}/profiles/{PLAYER_ID}", headers=headers)
        assert answer.is_success


def test_real_servers_are_used_when_they_are_given(
    tmp_path: Path, amqp_url: str, mongo_url: str, mongo_database: str
) -> None:
    """With both URLs the data is in MongoDB, snapshots go over RabbitMQ, and no file is made."""
    environ = {"AMQP_URL": amqp_url, "MONGO_URL": mongo_url, "MONGO_DATABASE": mongo_database}
    with a_stack(tmp_path, environ=environ) as stack:
        assert active_campaigns(stack, EXAMPLES_ACTIVE) == EXAMPLES_ACTIVE
        assert not (tmp_path / "data").exists()
        stack.process.send_signal(signal.SIGINT)
        assert stack.process.wait(STOP_SECONDS) == 0


def test_a_full_disk_is_logged_once_and_shown_by_ready(tmp_path: Path) -> None:
    """A write that finds no space is a 503; ready says so while it lasts, and the log once."""
    with a_stack(tmp_path) as stack:
        set_file_limit(stack, max(path.stat().st_size for path in (tmp_path / "data").iterdir()))
        for _ in range(3):
            assert put_profile(stack) == httpx.codes.SERVICE_UNAVAILABLE
        assert ready_status(stack.profiles_url) == "degraded"
        assert ready_status(stack.campaigns_url) == "ok"
        [line] = (tmp_path / "output.txt").read_text().removeprefix(stack.printed).splitlines()
        assert "profiles cannot be written: OperationalError SQLITE_" in line
        set_file_limit(stack, resource.RLIM_INFINITY)
        assert put_profile(stack) == httpx.codes.CREATED
        assert ready_status(stack.profiles_url) == "ok"


def set_file_limit(stack: Stack, size: int) -> None:
    """Let the stack write no file beyond `size`, as if the disk were full."""
    limits = (size, resource.RLIM_INFINITY)
    resource.prlimit(stack.process.pid, resource.RLIMIT_FSIZE, limits)


def put_profile(stack: Stack) -> int:
    """Write a profile with the stack's token; return the status."""
    headers = {"Authorization": f"Bearer {stack.token}"}
    url = f"{stack.profiles_url}/profiles/late"
    return request("PUT", url, headers=headers, json={"player_id": "late"}).status_code


def ready_status(url: str) -> str:
    """Return what a service's readiness says in one word."""
    return str(request("GET", f"{url}/health/ready").json()["status"])
