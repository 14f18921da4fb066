"""The read-only JSON view of objects, ``format=json`` (docs/protocol/objects.md §11, core-objects.md §5).

``json.dumps`` it with ``sort_keys=True``: the reference gives its keys in alphabetical order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cyfs_edge.base.area import Area
from cyfs_edge.base.errors import CodecError
from cyfs_edge.base.keys import MNPublicKey, PublicKeyValue, SignatureKind
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import RefIndex, Signature, SignatureSource
from cyfs_edge.base.times import unix_micros
from cyfs_edge.objects.content import ContentCodec, DescFlag, Json
from cyfs_edge.objects.envelope import Body, NamedObject
from cyfs_edge.objects.registry import STANDARD_TYPES, TypedContent, codec_of, decode_typed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATETIME_MAX = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_SIGNATURE_TYPES = {
    SignatureKind.RSA1024: "rsa1024",
    SignatureKind.RSA2048: "rsa2048",
    SignatureKind.RSA3072: "rsa3072",
    SignatureKind.SECP256K1: "ecc",
}
_UNIMPLEMENTED = "[unimplemented]"


def format_json(obj: NamedObject) -> dict[str, Json]:
    """The view of a whole object. Contents that have no view, or are not what their type says, are shown in hex."""
    codec = codec_of(obj.obj_type)
    typed = _typed(obj)
    view: dict[str, Json] = {"desc": _desc_json(obj, codec, typed)}
    if obj.body is not None:
        view["body"] = _body_json(obj, obj.body, codec, typed)
    signs: dict[str, Json] = {}
    if obj.desc_signs is not None:
        signs["desc_signs"] = [_signature_json(one) for one in obj.desc_signs]
    if obj.body_signs is not None:
        signs["body_signs"] = [_signature_json(one) for one in obj.body_signs]
    if signs:
        view["signs"] = signs
    if obj.nonce is not None:
        view["nonce"] = str(obj.nonce)
    return view


def _typed(obj: NamedObject) -> TypedContent | None:
    try:
        return decode_typed(obj)
    except CodecError:
        return None


def _desc_json(obj: NamedObject, codec: ContentCodec[Any, Any] | None, typed: TypedContent | None) -> dict[str, Json]:
    desc = obj.desc
    shown = obj.obj_type in STANDARD_TYPES or (codec is not None and codec.desc_json is not None and typed is not None)
    time_text = _time_text if shown else str
    view: dict[str, Json] = {
        "object_type": desc.obj_type,
        "object_id": str(desc.object_id),
        "object_category": desc.object_id.category.text,
        "object_type_code": codec.name if codec and obj.obj_type in STANDARD_TYPES else "Custom",
        "create_time": time_text(desc.create_time),
    }
    for name, value in (("dec_id", desc.dec_id), ("prev", desc.prev), ("owner", desc.owner)):
        if value is not None:
            view[name] = str(value)
    if desc.flags & DescFlag.REF_OBJECTS:
        view["ref_objects"] = [_link_json(link) for link in desc.ref_objects]
    if desc.create_timestamp is not None:
        view["create_timestamp"] = desc.create_timestamp.hex()
    if desc.expired_time is not None:
        view["expired_time"] = time_text(desc.expired_time)
    if desc.area is not None:
        view["area"] = _area_json(desc.area)
    if desc.public_key is not None:
        view["public_key"] = _public_key_json(desc.public_key)
    if codec is not None and codec.desc_json is not None and typed is not None:
        view["content"] = codec.desc_json(typed.desc)
    elif obj.obj_type in STANDARD_TYPES:
        view["content"] = _UNIMPLEMENTED
    else:
        view["content"] = desc.content.hex()
        view["content_codec"] = _codec_json(desc.version, desc.format)
    return view


def _body_json(
    obj: NamedObject, body: Body, codec: ContentCodec[Any, Any] | None, typed: TypedContent | None
) -> dict[str, Json]:
    view: dict[str, Json] = {"update_time": _time_text(body.update_time)}
    if body.prev_version is not None:
        view["prev_version"] = body.prev_version.hex()
    if codec is not None and codec.body_json is not None and typed is not None:
        view["content"] = codec.body_json(typed.body)
    elif obj.obj_type in STANDARD_TYPES:
        view["content"] = _UNIMPLEMENTED
    else:
        view["content"] = {"content": body.content.hex(), "content_codec": _codec_json(body.version, body.format)}
    if body.user_data is not None:
        view["user_data"] = body.user_data.hex()
    return view


def _codec_json(version: int, content_format: int) -> Json:
    return {"version": version, "format": content_format}


def _time_text(bucky: int) -> str:
    """``RFC 3339,bucky``; an absent time is ``0``. Years beyond 9999 are told by the number alone."""
    if bucky == 0:
        return "0"
    micros = unix_micros(bucky)
    if micros > _DATETIME_MAX:
        return str(bucky)
    precision = "seconds" if micros % 1_000_000 == 0 else "milliseconds" if micros % 1000 == 0 else "microseconds"
    return f"{(_EPOCH + timedelta(microseconds=micros)).isoformat(timespec=precision)},{bucky}"


def _area_json(area: Area) -> Json:
    return {"country": area.country, "carrier": area.carrier, "city": area.city, "inner": area.inner}


def _link_json(link: ObjectLink) -> Json:
    view = {"object_id": str(link.object_id)}
    if link.owner is not None:
        view["owner"] = str(link.owner)
    return view


def _public_key_json(key: PublicKeyValue) -> Json:
    if isinstance(key, MNPublicKey):
        return {"index": key.threshold, "value": [_public_key_json(one) for one in key.keys]}
    return {"type": key.key_type_text, "raw_data": key.raw.hex()}


def _signature_json(signature: Signature) -> Json:
    return {
        "sign_source": _source_json(signature.source),
        "sign_key_index": signature.sign_key_index,
        "sign_time": str(signature.sign_time),
        "sign": {"type": _SIGNATURE_TYPES[signature.key_type], "raw_data": signature.data.hex()},
    }


def _source_json(source: SignatureSource) -> Json:
    if isinstance(source, RefIndex):
        return {"type": "ref_index", "value": source.index}
    if isinstance(source, ObjectLink):
        return {"type": "object", "value": _link_json(source)}
    return {"type": "key", "value": _public_key_json(source)}
