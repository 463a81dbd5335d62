"""profile-matcher schema: the JSON Schema that an editor is given."""

from typing import Annotated

import typer

from contracts.schemas import SchemaName, schema_text


def schema(
    name: Annotated[SchemaName, typer.Argument(help="What the schema describes.")],
    *,
    of_list: Annotated[
        bool, typer.Option("--list", help="For files that hold a list of them.")
    ] = False,
) -> None:
    """Print the JSON Schema of a campaign, a segment or a profile."""
    typer.echo(schema_text(name, of_list=of_list), nl=False)
