"""Which module knows which core type (docs/protocol/core-objects.md §2). Modules are imported when needed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cyfs_edge.objects.core.types import CoreCodec, CoreContent
    from cyfs_edge.objects.envelope import NamedObject

CORE_TYPES: Final[dict[int, str]] = {
    32: "zone",
    33: "admin",
    40: "text_storage",
    41: "text_storage",
    42: "object_shell",
    131: "friend",
    132: "friend",
    302: "miner_group",
    350: "trans_context",
    400: "dec_app",
    401: "app_list",
    402: "app_list_or_cmd_list",
    405: "app_list",
    406: "app_list",
    407: "default_app_list",
    410: "app_cmd",
    411: "app_local",
    414: "app_local",
    415: "app_manager_action",
    416: "app_local",
    500: "nft",
    600: "perf",
    700: "group_proposal",
    702: "group_block",
    705: "group_block",
    706: "group_command",
    1001: "friend",
    1003: "msg",
    1004: "friend",
}
"""Type code → module of this package; each has ``CODECS``, a mapping from type code to its codec."""


@cache
def _codec(obj_type: int) -> CoreCodec[Any, Any]:
    codecs: dict[int, CoreCodec[Any, Any]] = import_module(f"cyfs_edge.objects.core.{CORE_TYPES[obj_type]}").CODECS
    return codecs[obj_type]


def core_codec(obj_type: int) -> CoreCodec[Any, Any] | None:
    """How contents of this type are read; ``None`` for types that are not in the table."""
    return _codec(obj_type) if obj_type in CORE_TYPES else None


def decode_core(obj: NamedObject) -> CoreContent[Any, Any] | None:
    """The contents of an object by its type; ``None`` for types that are not in the table. Raises :class:`CodecError`.

    Type 402 stands for two types, see :mod:`cyfs_edge.objects.core.app_list_or_cmd_list`.
    """
    codec = core_codec(obj.obj_type)
    return None if codec is None else codec.decode(obj)
