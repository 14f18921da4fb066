"""What the selectors of object meta see of an object (docs/protocol/access-and-zone.md §4.4)."""

from __future__ import annotations

from collections.abc import Callable

from cyfs_edge.core.ports import ObjectRecord
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.filter import Look, Value

_OF_OBJECT: dict[str, Callable[[NamedObject], Value]] = {
    "obj_type_code": lambda obj: int(obj.type_code),
    "obj_category": lambda obj: obj.object_id.category.text,
    "obj_type": lambda obj: obj.obj_type,
    "object.dec_id": lambda obj: _text(obj.dec_id),
    "object.author": lambda obj: _text(obj.author),
    "object.owner": lambda obj: _text(obj.owner),
    "object.create_time": lambda obj: obj.desc.create_time,
    "object.update_time": lambda obj: obj.body.update_time if obj.body is not None else None,
    "object.expired_time": lambda obj: obj.desc.expired_time,
}
_OF_RECORD: dict[str, Callable[[ObjectRecord], Value]] = {
    "insert_time": lambda record: record.insert_time,
    "update_time": lambda record: record.update_time,
}


def look_at(record: ObjectRecord) -> Look:
    """Decodes the object when a selector asks for something inside it, and then once."""
    decoded: list[NamedObject] = []

    def look(word: str) -> Value:
        of_record = _OF_RECORD.get(word)
        if of_record is not None:
            return of_record(record)
        if not decoded:
            decoded.append(decode_object(record.raw))
        return _OF_OBJECT[word](decoded[0])

    return look


def _text(object_id: object) -> str | None:
    return None if object_id is None else str(object_id)
