"""Both services keep what their OpenAPI documents promise, whatever they are sent."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.apps import a_campaign_app, a_profile_app
from tests.command_line.stacks import Stack, a_stack

SCHEMATHESIS = str(Path(sys.executable).parent / "schemathesis")
LIMIT = 220.0
CASES_EACH = 40
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Both services, asking for a token wherever they can."""
    environ = {"READ_TOKEN": "reader", "CLIENT_TOKEN": "client"}
    with a_stack(tmp_path_factory.mktemp("stack"), environ=environ) as stack:
        yield stack


@pytest.mark.parametrize(
    ("service", "phase", "least"),
    [
        ("campaigns", "coverage", 1000),
        ("campaigns", "fuzzing", 400),
        ("profiles", "coverage", 300),
        ("profiles", "fuzzing", 400),
    ],
)
def test_no_request_gets_an_answer_that_is_not_documented(
    stack: Stack, tmp_path: Path, service: str, phase: str, least: int
) -> None:
    """Thousands of valid and broken requests: no 5xx, no status, type or shape but promised ones.

    And none that needs a token is served without one.
    """
    url = stack.campaigns_url if service == "campaigns" else stack.profiles_url
    ran = subprocess.run(
        [
            *(SCHEMATHESIS, "run", f"{url}/openapi.json", "--no-color", "--continue-on-failure"),
            *("--header", f"Authorization: Bearer {stack.token}"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", phase, "--max-examples", str(CASES_EACH)),
            *("--generation-deterministic", "--warnings", "off"),
        ],
        cwd=tmp_path,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
    cases = re.search(r"(\d+) generated", ran.stdout)
    assert cases is not None, ran.stdout
    assert int(cases[1]) >= least


@pytest.mark.parametrize("app", [a_campaign_app, a_profile_app])
def test_every_operation_documents_the_common_errors(app: Callable[[], FastAPI]) -> None:
    """405 and 500 everywhere, 400 and 415 where a body is read."""
    for path, operations in app().openapi()["paths"].items():
        for method, operation in operations.items():
            expected = {"405", "500"} | ({"400", "415"} if "requestBody" in operation else set())
            assert expected <= set(operation["responses"]), f"{method} {path}"


@pytest.mark.parametrize(
    ("app", "name"), [(a_campaign_app, "campaign service"), (a_profile_app, "profile service")]
)
def test_both_documents_describe_themselves_alike(app: Callable[[], FastAPI], name: str) -> None:
    """The same title, version and scheme of tokens; every operation has a text of its own."""
    document = app().openapi()
    assert document["info"]["title"] == f"Profile Matcher: {name}"
    assert document["info"]["version"] == "1"
    assert "ADMIN_TOKEN" in document["components"]["securitySchemes"]["HTTPBearer"]["description"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert {"summary", "description"} <= operation.keys(), f"{method} {path}"


def _environment() -> dict[str, str]:
    """Return an environment in which schemathesis finds our hooks and measures no coverage."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return {
        **inherited,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SCHEMATHESIS_HOOKS": "tests.security.schemathesis_hooks",
    }
