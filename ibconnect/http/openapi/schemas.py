"""JSON Schemas (2020-12) that several resources use, for the OpenAPI document.

In: nothing. Out: schemas of one value each, and what makes larger ones of them. Each resource has the schemas of its
own answers; here are those of a moment, a figure, an account code, a problem.
"""

from collections.abc import Iterable

from ibconnect.codes import CODE_PATTERN
from ibconnect.http.server.columns import Column, Type
from ibconnect.http.server.problems import TYPE_PREFIX, ProblemType
from ibconnect.http.server.resource import Schema

TIME: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, UTC, up to microseconds"}
TEXT: Schema = {"type": "string"}
BINARY: Schema = {"type": "string", "format": "binary"}
FIGURE: Schema = {
    "type": ["number", "null"],
    "description": "All digits that IB sent; read it with a decimal parser where that matters",
}
_NAMES: Schema = {"type": "array", "items": TEXT}
ACCOUNT_CODE: Schema = {"type": "string", "pattern": CODE_PATTERN}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def object_of(description: str, members: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """A JSON object with these members and no others."""
    return {
        "type": "object",
        "description": description,
        "required": [name for name in members if name not in optional],
        "properties": members,
        "additionalProperties": False,
    }


def list_of(description: str, item: str) -> Schema:
    """A JSON array of a schema of this name."""
    return {"type": "array", "description": description, "items": {"$ref": f"#/components/schemas/{item}"}}


_OF_TYPES: dict[Type, Schema] = {
    Type.TEXT: TEXT,
    Type.VALUE: {"type": ["string", "number"]},
    Type.FIGURE: {"type": "number"},
    Type.INTEGER: {"type": "integer"},
    Type.BOOLEAN: {"type": "boolean"},
    Type.TIME: {"type": "string", "format": "date-time"},
    Type.DATE: {"type": "string", "format": "date"},
    Type.TEXTS: {"type": "array", "items": TEXT},
    Type.JSON: {"type": ["array", "object"]},
}


def row_of(description: str, columns: Iterable[Column]) -> Schema:
    """A row of a table, in JSON."""
    shown = [column for column in columns if not column.in_head]
    optional = tuple(column.name for column in shown if column.is_optional)
    return object_of(description, {column.name: _of_column(column) for column in shown}, optional=optional)


def columns_of(description: str, columns: Iterable[Column]) -> Schema:
    """A table in JSON that has an array for each column, all of one length."""
    shown = [column for column in columns if not column.in_head]
    return object_of(description, {each.name: {"type": "array", "items": _of_column(each)} for each in shown})


def _of_column(column: Column) -> Schema:
    schema = {**(column.schema or _OF_TYPES[column.type]), "description": column.description}
    if not column.is_nullable or column.is_optional:
        return schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": [*types, "null"]}


def problem(types: Iterable[ProblemType]) -> Schema:
    """A problem document, of one of these types."""
    return object_of(
        "RFC 9457",
        {
            "type": {"type": "string", "enum": [TYPE_PREFIX + each.code for each in types]},
            "title": TEXT,
            "status": {"type": "integer"},
            "detail": TEXT,
            "error_id": {"type": "string", "description": "Also stands in the log"},
            "details": {"type": "string", "description": "Only with ERR_INFO=true, and only for status 500"},
            "suggestions": {**_NAMES, "description": "What may have been meant, the closest first"},
            "known": {**_NAMES, "description": "What there is, where something else was asked for"},
        },
        optional=("details", "suggestions", "known"),
    )
