"""The base models: strict for what clients send, tolerant for what services read."""

from pydantic import BaseModel, ConfigDict

MAX_INTEGER = 2**63 - 1  # the largest that BSON can hold


class Contract(BaseModel):
    """A frozen model that refuses unknown keys and converts nothing: what clients send."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Received(Contract):
    """A Contract that ignores unknown keys: what services read from each other.

    A later version may add keys; this one goes on reading what it knows. See
    docs/decisions/0009-contracts-that-can-grow.md.
    """

    model_config = ConfigDict(extra="ignore")
