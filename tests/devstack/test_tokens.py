"""Which token to send, given what ADMIN_TOKEN allows."""

import pytest

from devstack.tokens import first_secret
from foundation.tokens import Tokens


@pytest.mark.parametrize(
    "text", ["secret", "me:secret", "me:se:cret", " me:secret , you:other", "secret,you:other"]
)
def test_the_first_secret_is_accepted(text: str) -> None:
    """What is sent is what a service with the same ADMIN_TOKEN takes."""
    assert Tokens.parse(text, variable="ADMIN_TOKEN").actor(f"Bearer {first_secret(text)}")


def test_no_token_is_no_secret() -> None:
    """An empty variable gives nothing to send."""
    assert first_secret("") == ""
