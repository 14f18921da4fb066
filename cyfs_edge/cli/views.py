"""Ids and objects as JSON records, and those as indented text (docs/cli.md, "object show")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cyfs_edge.base.errors import CodecError
from cyfs_edge.base.ids import CORE_TYPE_MAX, ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.cli.output import printable

if TYPE_CHECKING:
    from cyfs_edge.objects.envelope import NamedObject

_HEX_SHOWN = 64
"""Longest run of hex digits that the text form shows."""


def type_name(obj_type: int) -> str:
    """The name of a type, such as ``People`` or ``Text``; ``core 43`` and ``dec app 32770`` where it has none."""
    from cyfs_edge.objects.registry import codec_of

    if obj_type == ObjectTypeCode.CHUNK:
        return "Chunk"
    codec = codec_of(obj_type)
    if codec is not None:
        return codec.name
    return f"core {obj_type}" if obj_type <= CORE_TYPE_MAX else f"dec app {obj_type}"


def id_record(object_id: ObjectId) -> dict[str, Any]:
    """All that an id tells by itself. Members that its kind does not have are left out."""
    record: dict[str, Any] = {
        "id": str(object_id),
        "base36": object_id.base36,
        "category": object_id.category.text,
    }
    if object_id.is_data:
        data = object_id.data
        record["data"] = None if data is None else data.hex()
        if data is not None and _is_text(data):
            record["data_text"] = data.decode()
        return record
    if object_id.has_owner is None:
        record["type"] = int(object_id.type_code)
        record["type_name"] = type_name(object_id.type_code)
    else:
        record["has_owner"] = object_id.has_owner
        record["has_single_key"] = object_id.has_single_key
        record["has_mn_key"] = object_id.has_mn_key
    if object_id.is_chunk:
        chunk = ChunkId(object_id)
        record["length"] = chunk.length
        record["hash_head"] = chunk.hash_head.hex()
    elif object_id.area is not None:
        area = object_id.area
        record["area"] = {
            "country": area.country,
            "carrier": area.carrier,
            "city": area.city,
            "inner": area.inner,
        }
    return record


def object_record(raw: bytes) -> dict[str, Any]:
    """The object at the beginning of ``raw``: id, type, desc, body, signatures. Raises :class:`CodecError`."""
    from cyfs_edge.objects.envelope import decode_object
    from cyfs_edge.objects.format_json import format_json

    obj = decode_object(raw)
    view = format_json(obj)
    record: dict[str, Any] = {
        "id": str(obj.object_id),
        "type": obj.obj_type,
        "type_name": type_name(obj.obj_type),
        "category": obj.object_id.category.text,
        "size": obj.size,
        "flags": obj.obj_flags,
        "desc_hash": obj.desc_hash.hex(),
    }
    if obj.body_hash is not None:
        record["body_hash"] = obj.body_hash.hex()
    record["desc"] = view["desc"]
    if obj.body is not None:
        record["body"] = view["body"]
    _show_hidden(obj, record)
    record["signatures"] = view.get("signs", {})
    if obj.nonce is not None:
        record["nonce"] = str(obj.nonce)
    if obj.size < len(raw):
        record["trailing_bytes"] = len(raw) - obj.size
    return record


def _show_hidden(obj: NamedObject, record: dict[str, Any]) -> None:
    """Adds what the protocol's own view leaves out: the author, and contents that it has no form for."""
    from cyfs_edge.objects.core.json_view import show
    from cyfs_edge.objects.registry import codec_of, decode_typed

    if obj.author is not None:
        record["desc"]["author"] = str(obj.author)
    codec = codec_of(obj.obj_type)
    if codec is None:
        return
    try:
        typed = decode_typed(obj)
    except CodecError as error:
        record["content_error"] = error_record(error)
        return
    assert typed is not None
    parts: list[tuple[str, Any, Any, Any]] = [("desc", codec.desc_json, typed.desc, obj.desc)]
    if obj.body is not None:
        parts.append(("body", codec.body_json, typed.body, obj.body))
    for name, form, content, part in parts:
        if form is None:
            try:
                record[name]["fields"] = show(content)
            except TypeError:
                record[name]["content_hex"] = part.content.hex()


def error_record(error: CodecError) -> dict[str, Any]:
    return {"error": error.message, "code": int(error.code), "offset": error.offset}


def text_lines(value: Any, indent: int = 0) -> Iterator[str]:
    """A record as lines ``name: value``, nested ones further in."""
    pad = "  " * indent
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _entry(f"{pad}{printable(str(name))}:", inner, indent)
    else:
        for inner in value:
            yield from _entry(f"{pad}-", inner, indent)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        lines = text_lines(value, indent + 1)
        if head.endswith("-"):
            # The first line of a list's item stands behind its dash.
            head += " " + next(lines).lstrip()
        yield head
        yield from lines
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if value is None or value == {} or value == []:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = printable(str(value))
    if len(text) > _HEX_SHOWN and set(text) <= set("0123456789abcdef"):
        return f"{text[:_HEX_SHOWN]}... ({len(text) // 2} bytes)"
    return text


def _is_text(data: bytes) -> bool:
    try:
        return bool(data) and data.decode().isprintable()
    except UnicodeDecodeError:
        return False
