"""The table of object types by type code. A family's module is imported when its first object is met."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from cyfs_edge.objects.content import ContentCodec
from cyfs_edge.objects.core.registry import core_codec

if TYPE_CHECKING:
    from cyfs_edge.objects.envelope import NamedObject

_STANDARD: Final[dict[int, str]] = {
    1: "device",
    2: "people",
    3: "group",
    5: "app_group",
    6: "union_account",
    8: "file",
    9: "dir",
    10: "diff",
    11: "proof_of_service",
    12: "tx",
    13: "action",
    14: "object_map",
    15: "contract",
}
"""Type code → module of this package; each has ``CODECS``, a mapping from type code to its codec."""

STANDARD_TYPES: Final = frozenset(_STANDARD)
"""Types whose contents ``decode_object`` reads, and thereby checks; those of all others stay opaque there."""


def standard_codec(obj_type: int) -> ContentCodec[Any, Any] | None:
    """How contents of a standard type are read; ``None`` for all others."""
    return _codec(obj_type) if obj_type in _STANDARD else None


def codec_of(obj_type: int) -> ContentCodec[Any, Any] | None:
    """How contents of a standard or core type are read; ``None`` for DecApp types and unknown ones."""
    return _codec(obj_type) if obj_type in _STANDARD else core_codec(obj_type)


@cache
def _codec(obj_type: int) -> ContentCodec[Any, Any]:
    codecs: dict[int, ContentCodec[Any, Any]] = import_module(f"cyfs_edge.objects.{_STANDARD[obj_type]}").CODECS
    return codecs[obj_type]


@dataclass(frozen=True, slots=True)
class TypedContent:
    """``body`` is ``None`` when the object has none."""

    desc: Any
    body: Any


def decode_typed(obj: NamedObject) -> TypedContent | None:
    """The contents of a standard or core object; ``None`` for other types.

    Raises :class:`CodecError` when a core object is not what its type says; offsets count in the content.
    """
    if obj.obj_type in STANDARD_TYPES:
        return TypedContent(obj.desc.value, obj.body.value if obj.body else None)
    codec = core_codec(obj.obj_type)
    if codec is None:
        return None
    content = codec.decode(obj)
    return TypedContent(content.desc, content.body)
