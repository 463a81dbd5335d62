"""Keys in paths: a URL convertor whose parameter is checked by the rule of keys."""

from starlette.convertors import Convertor, register_url_convertor


class KeyConvertor(Convertor[str]):
    """Takes all that follows as a key, slashes too, so that its rule is what refuses them.

    Starlette's own `path` takes no newline, and leaves one out that comes last.
    """

    regex = "(?s:.+)"

    def convert(self, value: str) -> str:
        """Give what stands in the path."""
        return value

    def to_string(self, value: str) -> str:
        """Give what stands in the path."""
        return value


register_url_convertor("key", KeyConvertor())


def key_parameter(name: str) -> str:
    """Return the part of a route's path that takes a key as the parameter `name`."""
    return f"{{{name}:key}}"
