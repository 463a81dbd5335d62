"""Query parameters: dates and keys, and what is wrong with them."""

import re
from datetime import datetime

from contracts.instants import parse_instant
from contracts.keys import normalise_key
from foundation.errors import Invalid

# A `+` that was not written as %2B arrives as a space.
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}$)")


def instant_in_query(text: str, parameter: str) -> datetime:
    """Return the instant that a parameter names; the `+` of its offset may have become a space.

    Raises:
        Invalid: it is none; the message names the parameter.
    """
    try:
        return parse_instant(_LOST_PLUS.sub("+", text))
    except ValueError as error:
        raise Invalid.at("query", parameter, msg=str(error)) from None


def key_in_query(text: str, parameter: str) -> str:
    """Return the key that a parameter names, normalised.

    Raises:
        Invalid: it is none; the message names the parameter.
    """
    try:
        return normalise_key(text)
    except ValueError as error:
        raise Invalid.at("query", parameter, msg=str(error)) from None
