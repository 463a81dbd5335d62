"""The token to send, out of what ADMIN_TOKEN allows."""


def first_secret(tokens: str) -> str:
    """Give the first secret of `SECRET` or `NAME:SECRET`, several separated by commas."""
    name, _, secret = tokens.split(",", maxsplit=1)[0].partition(":")
    return (secret or name).strip()
