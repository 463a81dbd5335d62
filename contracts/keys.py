"""The rule for names that are keys: campaign names and player ids."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field

MAX_KEY_LENGTH = 128
MAX_RAW_KEY_LENGTH = 4 * MAX_KEY_LENGTH  # before normalisation

KEY_RULE = (
    f"1 to {MAX_KEY_LENGTH} printable characters, spaces allowed; "
    "not '.' or '..', no '/' or '\\', no space at either end, and no U+FFFD, "
    "which stands for bytes that are not UTF-8"
)


def normalise_key(text: str) -> str:
    """Return `text` in the form in which it is stored and compared (Unicode NFC).

    Raises:
        ValueError: the text cannot be a key; the message says what a key is.
    """
    # Normalisation may change the length; what is far too long is refused without it.
    key = unicodedata.normalize("NFC", text) if len(text) <= MAX_RAW_KEY_LENGTH else ""
    if (
        not 1 <= len(key) <= MAX_KEY_LENGTH
        or key in {".", ".."}
        or not key.isprintable()
        or key != key.strip()
        or "/" in key
        or "\\" in key
        # Bytes that are not UTF-8 become it in a path: many ids would be one.
        or "\ufffd" in key
    ):
        message = f"must be {KEY_RULE}"
        raise ValueError(message)
    return key


Key = Annotated[
    str,
    Field(json_schema_extra={"minLength": 1, "maxLength": MAX_RAW_KEY_LENGTH}),
    AfterValidator(normalise_key),
]
