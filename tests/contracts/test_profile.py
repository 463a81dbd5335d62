"""Profiles: what may be written, and what a store can keep."""

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.contract import MAX_INTEGER
from contracts.profile import (
    MAX_DEPTH,
    MAX_DEVICES,
    MAX_FOREIGN,
    NotStorable,
    Override,
    Profile,
    check_storable,
)
from testbed.builders import PLAYER_ID, a_profile, golden
from tests.contracts.refusals import refusal, with_value
from tests.strategies import profiles, stored_profiles

DATES = ("created", "modified", "last_session", "last_purchase", "birthdate")
WHOLES = ("total_transactions", "level", "xp")
AMOUNTS = ("total_spent", "total_refund", "total_playtime")
TEXTS = ("credential", "country", "language", "gender")


def as_read(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the model holds of a document: only what was sent."""
    return Profile.model_validate(document).model_dump(mode="json", exclude_unset=True)


def same_types(value: Any) -> Any:
    """Return a form in which 1, 1.0 and true differ."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def nested(depth: int, *, lists: bool = False) -> dict[str, Any]:
    """Return a document whose innermost value is `depth` keys deep."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value] if lists else {"a": value}
    return {"a": value}


def standing_in(path: tuple[str | int, ...], value: Any) -> Any:
    """Return a document with `value` at `path`, beside others of any type."""
    for step in reversed(path):
        value = {"a1": [{}], step: value} if isinstance(step, str) else [*[[{}]] * step, value]
    return value


def test_golden() -> None:
    """The profile of tests/data is accepted, custom field included, and converted in nothing."""
    document = golden("profile")
    check_storable(document)
    assert same_types(as_read(document)) == same_types(document)


def test_golden_override() -> None:
    """The override of tests/data is read and written as it is; a later version may add keys."""
    document = golden("override")
    for stored in (document, {**document, "note": "of a later version"}):
        read = Override.model_validate(stored).model_dump(mode="json", exclude_none=True)
        assert read == document


@given(stored_profiles())
def test_validation_converts_nothing(document: dict[str, Any]) -> None:
    """Every accepted profile is held value for value, 400 and 400.0 apart, and can be stored."""
    before = deepcopy(document)
    check_storable(document)
    assert same_types(as_read(document)) == same_types(document)
    assert document == before


@given(profiles())
def test_documents_of_others_cause_no_error(document: dict[str, Any]) -> None:
    """Any document is accepted or refused with a ValueError, never another error."""
    try:
        Profile.model_validate(document)
        check_storable(document)
    except ValueError:
        return
    assert same_types(as_read(document)) == same_types(document)


def test_only_the_id_is_required() -> None:
    """Every other field may be missing or null."""
    names = [name for name in Profile.model_fields if name != "player_id"]
    assert Profile.model_validate({"player_id": PLAYER_ID}).player_id == PLAYER_ID
    assert Profile.model_validate({"player_id": PLAYER_ID, **dict.fromkeys(names)}).level is None
    assert refusal(Profile, {"level": 1}) == {"player_id": "Field required"}


@pytest.mark.parametrize("player_id", ["", ".", "a/b", "a\\b", "a\n", None, 5, "x" * 129])
def test_bad_ids_are_refused(player_id: object) -> None:
    """A player's id follows the rule of campaign names."""
    assert list(refusal(Profile, a_profile() | {"player_id": player_id})) == ["player_id"]


def test_id_is_normalised() -> None:
    """A decomposed id is the same player as the composed one."""
    assert Profile.model_validate(a_profile("Zoe\u0308")).player_id == "Zo\u00eb"


@pytest.mark.parametrize(
    "path",
    ["shoe_size", "id", "_id", "campaigns", "clan.motto", "clan._id", "model_extra"],
)
def test_foreign_fields_are_refused(path: str) -> None:
    """A field that is neither known nor custom is refused, naming it; so is `_id`."""
    messages = refusal(Profile, with_value(a_profile(), path, 1))
    assert list(messages) == [path]
    assert "custom fields, whose names start with '_'" in messages[path]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("clan.motto", "id, name"), ("devices.0.os", "id, model, carrier, firmware")],
)
def test_a_foreign_field_tells_those_that_are_known_there(path: str, allowed: str) -> None:
    """A device's and a clan's fields are not those of a profile."""
    document = a_profile(clan={"motto": 1}, devices=[{"id": 1, "os": "x"}])
    assert f"allowed: {allowed}, and custom fields" in refusal(Profile, document)[path]


def test_every_foreign_field_is_named() -> None:
    """All foreign fields of an object are told at once, those of a device with its index."""
    document = a_profile(devices=[{"id": 1}, {"_id": 1, "color": "red", "_color": "red"}])
    assert set(refusal(Profile, document)) == {"devices.1._id", "devices.1.color"}


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"devices": [{}, *[1] * 500]}, ["devices.1"]),
        ({"devices": [{"id": 1}, *[{"a": 1, "b": 1}] * 500]}, ["devices.1.a", "devices.1.b"]),
        ({"active_campaigns": ["a", *[1] * 5000]}, ["active_campaigns.1"]),
        ({"inventory": {"a": 1, **{f"{number}": -1 for number in range(5000)}}}, ["inventory.0"]),
    ],
)
def test_of_many_that_are_wrong_the_first_is_named(
    document: dict[str, Any], named: list[str]
) -> None:
    """Naming each of very many devices or items would take as long as a whole other request."""
    assert list(refusal(Profile, a_profile(**document))) == named


@pytest.mark.parametrize("inside", ["", "clan.", "devices.0."])
def test_not_all_of_very_many_foreign_fields_are_named(inside: str) -> None:
    """The first 100 of an object, for the same reason."""
    foreign = {f"{number}": 1 for number in range(5000)}
    documents: dict[str, dict[str, Any]] = {
        "": foreign,
        "clan.": {"clan": foreign},
        "devices.0.": {"devices": [foreign]},
    }
    messages = refusal(Profile, a_profile(**documents[inside]))
    assert list(messages) == [f"{inside}{number}" for number in range(MAX_FOREIGN)]


def test_a_player_has_up_to_1000_devices() -> None:
    """More are refused, with the limit and how many there are."""
    devices = [{"id": number} for number in range(MAX_DEVICES + 1)]
    assert Profile.model_validate(a_profile(devices=devices[1:]))
    assert "at most 1000 items" in refusal(Profile, a_profile(devices=devices))["devices"]


def test_a_player_has_any_number_of_items_and_campaigns() -> None:
    """What the service has written itself, or others have, can be written back."""
    names = [f"{number}" for number in range(50_000)]
    document = a_profile(inventory=dict.fromkeys(names, 1), active_campaigns=names)
    check_storable(document)
    assert same_types(as_read(document)) == same_types(document)


def test_a_refusal_does_not_show_the_value() -> None:
    """The message about a foreign field does not repeat what was sent."""
    assert "secret" not in str(refusal(Profile, a_profile(password="secret")))


@pytest.mark.parametrize("name", ["_custom", "_", "__id", "_ID", "_été", "_with space"])
def test_custom_fields_are_kept(name: str) -> None:
    """A field whose name starts with `_` is kept as sent, whatever it holds."""
    value = {"a": [1, 2.5, None, True, {"b": "c"}]}
    document = a_profile(**{name: value}, clan={"id": 1, name: value}, devices=[{name: value}])
    check_storable(document)
    assert same_types(as_read(document)) == same_types(document)


@pytest.mark.parametrize("field", DATES)
def test_dates_are_kept_as_sent(field: str) -> None:
    """A date is checked and stays the text that was sent."""
    for text in ("2021-01-10 13:37:17Z", "2021-01-10T13:37:17.5+02:00"):
        assert getattr(Profile.model_validate(a_profile(**{field: text})), field) == text


@pytest.mark.parametrize("date", ["2021-01-10", "2021-01-10 13:37:17", "2021-02-30T00:00:00Z", ""])
@pytest.mark.parametrize("field", DATES)
def test_bad_dates_are_refused(field: str, date: str) -> None:
    """A date without an offset, or that no calendar has, is refused, naming the field."""
    messages = refusal(Profile, a_profile(**{field: date}))
    assert list(messages) == [field]
    assert "must be an RFC 3339 date and time" in messages[field]


@pytest.mark.parametrize("value", [True, "3", 2.0, 2.5, -1, MAX_INTEGER + 1, [3], float("nan")])
@pytest.mark.parametrize("field", WHOLES)
def test_whole_numbers(field: str, value: object) -> None:
    """Levels and counts are whole numbers from 0 to 64 bits, and no booleans."""
    assert list(refusal(Profile, with_value(a_profile(), field, value))) == [field]


@pytest.mark.parametrize(
    "value", [True, "3", -1, -0.5, MAX_INTEGER + 1, 2.0**64, float("nan"), float("inf")]
)
@pytest.mark.parametrize("field", AMOUNTS)
def test_amounts(field: str, value: object) -> None:
    """Amounts are numbers from 0 on, finite and no booleans; a refusal names the field."""
    assert {name.split(".")[0] for name in refusal(Profile, a_profile(**{field: value}))} == {field}


@pytest.mark.parametrize("value", [0, 400, 400.0, 399.99])
@pytest.mark.parametrize("field", AMOUNTS)
def test_amounts_keep_their_type(field: str, value: float) -> None:
    """An amount sent as 400 is not stored as 400.0, nor the other way round."""
    kept = getattr(Profile.model_validate(a_profile(**{field: value})), field)
    assert same_types(kept) == same_types(value)


@pytest.mark.parametrize("value", [0, 100, 100.0, 0.5])
def test_quantities_are_amounts(value: float) -> None:
    """An inventory may hold decimals, as matching reads them, kept as they were sent."""
    profile = Profile.model_validate(a_profile(inventory={"item_1": value}))
    assert profile.inventory is not None
    assert same_types(profile.inventory["item_1"]) == same_types(value)
    for wrong in (True, "3", -1, -0.5, MAX_INTEGER + 1, float("nan")):
        document = a_profile(inventory={"item_1": wrong})
        assert {name.partition(".")[0] for name in refusal(Profile, document)} == {"inventory"}


@pytest.mark.parametrize("field", TEXTS)
def test_texts(field: str) -> None:
    """A text is a text of at most 4096 characters."""
    for value in (5, True, ["US"], {"a": 1}, "x" * 4097):
        assert list(refusal(Profile, a_profile(**{field: value}))) == [field]
    assert Profile.model_validate(a_profile(**{field: ""}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("inventory", ["item_1"]),
        ("inventory", "item_1"),
        ("devices", {"id": 1}),
        ("clan", "123456"),
        ("clan", []),
        ("active_campaigns", "mycampaign"),
        ("active_campaigns", {"mycampaign": 1}),
    ],
)
def test_shapes(field: str, value: object) -> None:
    """An inventory is a map, devices a list, a clan an object: nothing is converted."""
    assert list(refusal(Profile, a_profile(**{field: value}))) == [field]


@pytest.mark.parametrize("key", ["", "a.b", ".", "$set", "$", "a\0b"])
@pytest.mark.parametrize("parents", [(), ("_custom", 0, "a"), ("inventory",), ("_a", 1, 0)])
def test_keys_that_no_store_keeps_are_refused(key: str, parents: tuple[str | int, ...]) -> None:
    """A key with '.' or NUL, an empty one or one that starts with `$`, whatever it stands in."""
    with pytest.raises(NotStorable, match=r"^a key must not be empty") as refused:
        check_storable(standing_in(parents, {"b": [], key: {}}))
    assert refused.value.path == (*parents, key)


def test_a_dollar_inside_a_key_is_fine() -> None:
    """Only a leading `$` means something to the store."""
    check_storable({"a$": {"b$c": 1, "_$": 1}})


@pytest.mark.parametrize(
    "number",
    [
        MAX_INTEGER + 1,
        -MAX_INTEGER - 2,
        2**64,
        2.0**63,
        1e300,
        -1e300,
        float("inf"),
        float("-inf"),
        float("nan"),
        orjson.loads("9223372036854775808"),
        orjson.loads("18446744073709551616"),
        orjson.loads("-9223372036854775809"),
    ],
)
def test_numbers_beyond_64_bits_are_refused(number: float) -> None:
    """A number that would not be stored as sent is refused at any depth, naming the field."""
    for path in (("_big",), ("_a", 1, "b"), ("_a", 1, 1, 1)):
        with pytest.raises(
            NotStorable, match=r"^numbers must be within 64-bit integers"
        ) as refused:
            check_storable(standing_in(path, number))
        assert refused.value.path == path


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER - 1, 0, -0.0, 0.1, 1e18, -1e18, True])
def test_numbers_of_64_bits_are_kept(number: float) -> None:
    """All 64-bit integers can be stored, and floats of that size."""
    check_storable({"_a": number, "_b": [{"c": number}]})


@pytest.mark.parametrize("lists", [False, True])
def test_depth(lists: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """A document may be 64 deep and no deeper, counted through objects and lists alike."""
    check_storable(nested(MAX_DEPTH, lists=lists))
    with pytest.raises(NotStorable, match=r"^nested deeper than 64$") as refused:
        check_storable(nested(MAX_DEPTH + 1, lists=lists))
    assert refused.value.path == ("a", *((0 if lists else "a",) * MAX_DEPTH))


def test_the_deepest_document_is_no_recursion_error() -> None:
    """A document far deeper than the interpreter's stack is refused like any other."""
    with pytest.raises(ValueError, match="nested deeper than 64"):
        check_storable(nested(50_000))


@given(st.dictionaries(st.sampled_from(["", ".", "$", "\0", "a", "_b"]), st.integers()))
def test_check_storable_agrees_with_its_rule(document: dict[str, int]) -> None:
    """A flat document is storable exactly when all its keys and numbers are."""
    storable = set(document) <= {"a", "_b"} and all(
        -(2**63) <= value < 2**63 for value in document.values()
    )
    try:
        check_storable(document)
    except ValueError:
        assert not storable
    else:
        assert storable
