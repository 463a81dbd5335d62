"""Bearer tokens: who is let in, and that no token is ever shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import Forbidden, Unauthorized
from foundation.tokens import Tokens, first_secret

SECRETS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=",:"), min_size=1
)


def tokens(text: str) -> Tokens:
    """Read tokens as ADMIN_TOKEN has them."""
    return Tokens.parse(text, variable="ADMIN_TOKEN")


@given(secrets=st.lists(SECRETS, min_size=1, unique=True), other=SECRETS)
def test_exactly_the_configured_secrets_are_let_in(secrets: list[str], other: str) -> None:
    """Each of several tokens is valid at the same time, under its name, and no other is."""
    known = tokens(",".join(f"holder {n}:{secret}" for n, secret in enumerate(secrets)))
    for number, secret in enumerate(secrets):
        assert known.actor(f"Bearer {secret}") == f"holder {number}"
    if other not in secrets:
        with pytest.raises(Unauthorized):
            known.actor(f"Bearer {other}")


@pytest.mark.parametrize(
    ("text", "secret", "actor"),
    [
        ("one", "one", "admin"),
        ("one, two", "two", "admin"),
        ("me:one,two", "one", "me"),
        ("me:one,,two,", "two", "admin"),
        ("me:a:b", "a:b", "me"),
        ("Zoë:one", "one", "Zoë"),
    ],
)
def test_an_entry_is_a_secret_with_or_without_a_name(text: str, secret: str, actor: str) -> None:
    """The first colon ends the name; without one the holder is `admin`."""
    assert tokens(text).actor(f"Bearer {secret}") == actor


@pytest.mark.parametrize("header", ["bearer one", "BEARER one", "Bearer  one ", "Bearer one"])
def test_the_scheme_is_read_as_http_has_it(header: str) -> None:
    """Its case does not matter, nor do spaces around the token."""
    assert tokens("one").actor(header) == "admin"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "one", "Basic one", "Bearer ONE", "Bearer one two", "Bearer é"],
)
def test_whatever_else_is_refused(header: str | None) -> None:
    """A header that carries no known bearer token is 401 and says how it should look."""
    with pytest.raises(Unauthorized) as refused:
        tokens("one").actor(header)
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}
    assert "é" not in str(refused.value)


def test_without_tokens_nobody_is_let_in() -> None:
    """Writes that nobody was given a token for are 403, which names the variable."""
    nobody = tokens("")
    assert not nobody
    with pytest.raises(Forbidden, match="ADMIN_TOKEN"):
        nobody.actor("Bearer ")


@pytest.mark.parametrize(
    "text", [":one", "me:", "me: one", " :one", "o ne", "é", "o\nne", "me :one", "a\0b"]
)
def test_a_token_that_no_header_could_carry_is_refused(text: str) -> None:
    """What is wrong is found at the start; the error does not repeat it."""
    with pytest.raises(ValueError, match="must be SECRET or NAME:SECRET") as refused:
        tokens(text)
    assert text not in str(refused.value)


def test_a_secret_is_never_shown() -> None:
    """Neither a log line nor a traceback of the tokens holds one, nor its digest's bytes."""
    known = tokens("me:hunter2")
    with pytest.raises(Unauthorized) as refused:
        known.actor("Bearer hunter3")
    assert repr(known) == str(known) == "Tokens(variable='ADMIN_TOKEN')"
    assert "hunter" not in repr(vars(known))
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["secret", "me:secret", "me:se:cret", " me:secret , you:other", ",secret,you:other"]
)
def test_the_first_secret_is_accepted(text: str) -> None:
    """What a client sends is what a service with the same variable takes."""
    assert tokens(text).actor(f"Bearer {first_secret(text)}")


def test_no_token_is_no_secret() -> None:
    """An empty variable gives nothing to send."""
    assert first_secret("") == first_secret(" , ") == ""


def test_tokens_are_joined() -> None:
    """Where two kinds of tokens are allowed, all of both are, and the first kind is named."""
    both = Tokens.parse("reader:one", variable="READ_TOKEN") | tokens("two")
    assert both.actor("Bearer one") == "reader"
    assert both.actor("Bearer two") == "admin"
    with pytest.raises(Unauthorized):
        both.actor("Bearer three")
