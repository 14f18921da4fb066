"""Encoding an object again from its decoded values alone."""

from __future__ import annotations

from typing import Any

from cyfs_edge.objects.builder import BodyParts, build_object
from cyfs_edge.objects.content import DescFlag
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.registry import STANDARD_TYPES


def reencoded(obj: NamedObject) -> bytes:
    """The canonical bytes of what was decoded. The received ones differ only where their maker was not canonical."""
    desc, body = obj.desc, obj.body
    parts = None
    if body is not None:
        parts = BodyParts(
            _content(obj, body.value, body.content),
            body.update_time,
            body.version,
            body.format,
            body.prev_version,
            body.object_id,
            body.user_data,
        )
    again = build_object(
        obj.obj_type,
        desc_content=_content(obj, desc.value, desc.content),
        desc_version=desc.version,
        desc_format=desc.format,
        dec_id=desc.dec_id,
        ref_objects=desc.ref_objects if desc.flags & DescFlag.REF_OBJECTS else None,
        prev=desc.prev,
        create_timestamp=desc.create_timestamp,
        create_time=desc.create_time if desc.flags & DescFlag.CREATE_TIME else None,
        expired_time=desc.expired_time,
        owner=desc.owner,
        area=desc.area,
        author=desc.author,
        public_key=desc.public_key,
        body=parts,
        nonce=obj.nonce,
    )
    return again.with_parts(desc_signs=obj.desc_signs, body_signs=obj.body_signs).raw


def _content(obj: NamedObject, value: Any, raw: bytes) -> bytes:
    encoded: bytes = value.encode() if obj.obj_type in STANDARD_TYPES else raw
    return encoded
