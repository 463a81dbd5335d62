"""One development stack for all tests that only talk to it."""

from collections.abc import Iterator

import pytest

from tests.command_line.stacks import Stack, a_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with the example campaigns and profiles; tests may add to them."""
    with a_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack
        assert stack.stop() == 0
