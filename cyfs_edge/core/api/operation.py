"""What an operation of the protocol API looks like, in one value (docs/protocol/http-api.md §4).

Header names end with ``!`` where the header must be there. Schemas are JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]

RAW = "application/octet-stream"
JSON = "application/json"
TEXT = "text/plain"
"""JSON that the reference calls text (§4.3)."""


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: Mapping[str, Schema] | None = None, **optional: Schema) -> Schema:
    """An object; members beyond those named are allowed, as everywhere in the protocol."""
    must = dict(required or {})
    schema: dict[str, Any] = {"type": "object", "properties": {**must, **optional}}
    if must:
        schema["required"] = list(must)
    return schema


def array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def words(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def whole(most: int, least: int = 0) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


ID, NUMBER_TEXT, COMMON = ref("Id"), ref("NumberText"), ref("Common")
STRING: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = whole((1 << 64) - 1)
U32 = whole(0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class Reply:
    """A success. ``media`` and ``schema`` of its body, if it has one."""

    headers: tuple[str, ...] = ()
    media: str | None = None
    schema: Schema | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Operation:
    """``path`` may end with parameters in braces. ``query``: optional parameters. ``body``: media and schema."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    headers: tuple[str, ...] = ()
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: tuple[str, Schema] | None = None
    replies: tuple[Reply, ...] = (Reply(),)


def json_reply(schema: Schema, *headers: str) -> tuple[Reply, ...]:
    return (Reply(headers, JSON, schema),)


def text_reply(schema: Schema) -> tuple[Reply, ...]:
    return (Reply((), TEXT, schema),)


BINARY: Schema = {}
TIMES = ("cyfs-object-update-time", "cyfs-object-expires-time")
"""Headers of replies about an object."""
