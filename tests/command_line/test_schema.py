"""profile-matcher schema: the JSON Schema that an editor is given."""

import json

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from command_line.main import app
from contracts.schemas import SchemaName, schema_text
from testbed.builders import golden


@pytest.mark.parametrize("name", SchemaName)
def test_prints_a_schema(name: SchemaName) -> None:
    """The same text that the services serve."""
    result = CliRunner().invoke(app, ["schema", name])
    assert (result.exit_code, result.stdout) == (0, schema_text(name))


def test_prints_a_schema_of_a_list() -> None:
    """For files of several campaigns."""
    result = CliRunner().invoke(app, ["schema", "campaign", "--list"])
    validator = jsonschema_rs.Draft202012Validator(json.loads(result.stdout))
    assert validator.is_valid([golden("campaign")])
    assert not validator.is_valid([{**golden("campaign"), "colour": "red"}])
    assert not validator.is_valid(golden("campaign"))


def test_names_what_there_is() -> None:
    """Another name is exit code 2."""
    result = CliRunner().invoke(app, ["schema", "player"])
    assert result.exit_code == 2
    assert "campaign" in result.stderr
