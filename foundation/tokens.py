"""Bearer tokens: which requests are allowed, and in whose name."""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from foundation.errors import Forbidden, Unauthorized

DEFAULT_ACTOR = "admin"


def _is_name(text: str) -> bool:
    return text.isprintable() and text.strip() == text != ""


def _is_secret(text: str) -> bool:
    # Clients do not agree on how a header carries other characters.
    return text.isascii() and text.isprintable() and " " not in text and text != ""


def first_secret(text: str) -> str:
    """Return the first secret of a list as `Tokens.parse` reads it, for sending; empty if none."""
    entries = (part.strip() for part in text.split(","))
    name, _, secret = next(filter(None, entries), "").partition(":")
    return secret or name


def _check(text: SecretStr) -> SecretStr:
    Tokens.parse(text.get_secret_value(), variable="")
    return text


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True)
class Tokens:
    """The valid tokens, each with the name of its holder.

    It holds digests only. The settings hold the text as well, as a SecretStr.
    """

    variable: str
    _actors: tuple[tuple[bytes, str], ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, *, variable: str) -> "Tokens":
        """Read `secret` or `name:secret`, several separated by commas; empty text is no token.

        Raises:
            ValueError: an entry has no name or no secret, or one that no header can carry.
        """
        actors = []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            name, colon, secret = entry.partition(":")
            actor, secret = (name, secret) if colon else (DEFAULT_ACTOR, name)
            if not _is_name(actor) or not _is_secret(secret):
                raise ValueError(
                    "must be SECRET or NAME:SECRET, several separated by commas; a secret is of "
                    "printable ASCII characters without a space"
                )
            actors.append((_digest(secret), actor))
        return cls(variable=variable, _actors=tuple(actors))

    def __or__(self, other: "Tokens") -> "Tokens":
        """Return the tokens of both."""
        return Tokens(self.variable, self._actors + other._actors)

    def __bool__(self) -> bool:
        return bool(self._actors)

    def actor(self, authorization: str | None) -> str:
        """Return the name of the token in this Authorization header.

        Compare with every token in constant time.

        Raises:
            Forbidden: no token is configured, so nobody is allowed.
            Unauthorized: the header is missing, is not a bearer token, or holds an unknown one.
        """
        if not self._actors:
            raise Forbidden(f"this needs a token, and {self.variable} is not set")
        scheme, _, secret = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise Unauthorized("needs the header 'Authorization: Bearer TOKEN'")
        given = _digest(secret.strip())
        found = [name for known, name in self._actors if hmac.compare_digest(known, given)]
        if not found:
            raise Unauthorized("the token is not valid")
        return found[0]


TokenList = Annotated[SecretStr, AfterValidator(_check)]
