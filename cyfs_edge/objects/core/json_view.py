"""JSON views of core contents (docs/protocol/core-objects.md §5, objects.md §11).

Contents are shown field by field under the names of the protocol; what the families show in another way they say
themselves, next to their types.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.content import Json
from cyfs_edge.objects.envelope import NamedObject


def show(value: object) -> Json:
    """Ids as base58, other bytes as lower-case hex, members of enumerations by name, absent values as ``null``."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return camel_case(value.name)
    if isinstance(value, int | str):
        return value
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): show(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [show(one) for one in value]
    if dataclasses.is_dataclass(value):
        return {field.name: show(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"no JSON view of {type(value).__name__}")


def show_null(content: object) -> Json:
    """For the empty bodies that the reference shows as ``null``."""
    return None


def camel_case(name: str) -> str:
    """``NO_SERVICE`` → ``NoService``, the reference's way of naming members."""
    return "".join(part.capitalize() for part in name.split("_"))


def show_object(obj: NamedObject) -> Json:
    """An object inside another one's content."""
    from cyfs_edge.objects.format_json import format_json

    return format_json(obj)
