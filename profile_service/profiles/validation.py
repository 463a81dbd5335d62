"""A profile as it is sent, checked before it is stored."""

from typing import Any

from contracts.profile import PLAYER_ID_FIELD, NotStorable, Profile, check_storable
from foundation.errors import Invalid
from foundation.validation import parse_as, readable
from profile_service.profiles.repository import ProfileDocument


def valid_profile(
    body: Any, player_id: str | None = None, *, loc: tuple[str, ...] = ()
) -> ProfileDocument:
    """Check a profile that was sent, and give the document to store.

    With `player_id`, the body's must be equal or absent. The id is stored normalised;
    all else is stored as it was sent. `loc` is where the profile stands in the request.

    Raises:
        Invalid: naming each field that is wrong.
    """
    if player_id is not None and isinstance(body, dict):
        body = {PLAYER_ID_FIELD: player_id, **body}
    profile = parse_as(Profile, body, *loc)
    if player_id is not None and profile.player_id != player_id:
        raise Invalid.at(
            *loc, PLAYER_ID_FIELD, msg="must equal the one in the path, or be left out"
        )
    try:
        check_storable(body)
    except NotStorable as error:
        raise Invalid.at(*loc, *readable(error.path), msg=str(error)) from None
    return {**body, PLAYER_ID_FIELD: profile.player_id}
