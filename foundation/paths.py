"""Keys in paths: a URL convertor whose parameter is checked by the rule of keys."""

from starlette.convertors import Convertor, register_url_convertor


class KeyConvertor(Convertor[str]):
    """Matches the rest of the path, slashes included, so that the rule of keys refuses them.

    Starlette's own `path` matches no newline, and drops one at the end.
    """

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Return the text of the path."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text of the path."""
        return value


register_url_convertor("key", KeyConvertor())


def key_parameter(name: str) -> str:
    """Return the part of a route's path that takes a key as the parameter `name`."""
    return f"{{{name}:key}}"
