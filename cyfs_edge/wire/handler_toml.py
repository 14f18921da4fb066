"""``handler.toml``: the handlers that are kept over a restart (docs/protocol/websocket.md §4.3).

A table per chain, in it one per category, in it one per handler: ``[pre_noc.put_object."my id"]``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from typing import Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.handler import Category, Chain, HandlerKey, HandlerParam, parse_id, parse_name, parse_param

Entry = tuple[HandlerKey, HandlerParam]


def encode_handlers(entries: Iterable[Entry]) -> str:
    """Every key must have its dec. Of several decs with the same id, all but the first stand under ``id@dec``."""
    lines: list[str] = []
    taken: set[tuple[Chain, Category, str]] = set()
    for key, param in entries:
        name = key.id if (*key.place, key.id) not in taken else f"{key.id}@{key.dec}"
        taken.add((*key.place, name))
        lines.append(f"[{key.chain.value}.{key.category.value}.{_text(name)}]")
        if name != key.id:
            lines.append(f"id = {_text(key.id)}")
        lines.append(f"index = {param.index}")
        if param.filter is not None:
            lines.append(f"filter = {_text(param.filter)}")
        if param.req_path is not None:
            lines.append(f"req_path = {_text(param.req_path)}")
        lines += [f"default_action = {_text(param.default_action.value)}", f"dec_id = {_text(str(key.dec))}", ""]
    return "\n".join(lines)


def decode_handlers(text: str) -> list[Entry]:
    """``INVALID_FORMAT`` when it is no such file. Filters and paths are not looked into."""
    try:
        chains: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CyfsError(ErrorCode.INVALID_FORMAT, f"not TOML: {error}") from None
    entries: list[Entry] = []
    for chain_name in chains:
        chain = parse_name(Chain, chain_name, ErrorCode.INVALID_FORMAT)
        categories = values.inner(chains, chain_name)
        for category_name in categories:
            category = parse_name(Category, category_name, ErrorCode.INVALID_FORMAT)
            handlers = values.inner(categories, category_name)
            for name in handlers:
                members = values.inner(handlers, name)
                dec: ObjectId = values.object_id(members, "dec_id")
                handler_id = parse_id(values.optional_text(members, "id") or name)
                entries.append((HandlerKey(chain, category, handler_id, dec), parse_param(members)))
    return entries


def _text(value: str) -> str:
    """A TOML basic string: that of JSON, with one more control character escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
