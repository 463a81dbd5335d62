"""URLs of servers in settings: their form, checked before anything connects by them."""

from typing import Any

from pydantic import AfterValidator, BeforeValidator, SecretStr, TypeAdapter, ValidationError


def _strip(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


# A file that a URL is read from usually ends with a newline.
STRIPPED = BeforeValidator(_strip)


def check_form(kind: Any, *, example: str) -> AfterValidator:
    """Return a check of a URL's form; the text stays as it is, as a driver reads it itself."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)

    def check(url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        try:
            adapter.validate_python(text)
        except ValidationError:
            raise ValueError(f"must be a URL such as {example}") from None
        # The check above overlooks line breaks and tabs, which a driver does not.
        if " " in text or not text.isprintable():
            raise ValueError("must hold no space or line break: percent-encode them")
        return url

    return AfterValidator(check)
