"""The reserved words of handler filters, by category, and their types (docs/protocol/websocket.md §6.5)."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """The type of a word. Integers have a width, in bits, as their value."""

    STRING = "string"
    GLOB = "glob"
    BOOL = "bool"
    U8 = 8
    U16 = 16
    U32 = 32
    U64 = 64

    @property
    def is_integer(self) -> bool:
        return isinstance(self.value, int)


Words = dict[str, Kind]

S, G, B, U8, U16, U32, U64 = Kind.STRING, Kind.GLOB, Kind.BOOL, Kind.U8, Kind.U16, Kind.U32, Kind.U64

_SRC: Words = {
    "source.dec_id": S,
    "source.device": S,
    "source.zone": S,
    "source.zone_category": S,
    "source.protocol": S,
}
_NON: Words = {"req_path": G, **_SRC, "level": S, "target": S, "flags": U32}
_NDN: Words = {**_NON, "referer_object": G}
_CRY: Words = {"req_path": G, **_SRC, "target": S, "flags": U32}
_OID: Words = {
    "object_id": S,
    "obj_type_code": U16,
    "obj_category": S,
    "area.country": U16,
    "area.carrier": U8,
    "area.city": U16,
    "area.inner": U8,
}
_OBJ: Words = {"obj_type": U16, "object.dec_id": S, "object.author": S, "object.owner": S}
_ERR: Words = {"error.code": U32, "error.msg": S}
_INNER: Words = {"inner_path": G}


def _words(request: Words, reply: Words) -> Words:
    return {**request, **{f"resp.{name}": kind for name, kind in reply.items()}}


WORDS: dict[str, Words] = {
    "put_object": _words(
        {**_NON, **_OBJ, **_OID}, {"result": S, "object_update_time": U64, "object_expires_time": U64, **_ERR}
    ),
    "get_object": _words({**_INNER, **_NON, **_OID}, {**_OBJ, **_OID, **_ERR}),
    "post_object": _words({**_NON, **_OBJ, **_OID}, {**_OBJ, **_OID, **_ERR}),
    "select_object": _words(
        {
            "filter.obj_type": U16,
            "filter.obj_type_code": U16,
            "filter.dec_id": S,
            "filter.owner_id": S,
            "filter.author_id": S,
            "filter.flags": U32,
            **_NON,
        },
        {**_OBJ, **_OID, **_ERR},
    ),
    "delete_object": _words({**_INNER, **_OID, **_NON}, {**_OBJ, **_OID, **_ERR}),
    "get_data": _words({**_INNER, **_NDN, **_OID}, {**_OID, "attr": U32, "length": U32, **_ERR}),
    "put_data": _words({**_NDN, **_OID, "length": U32}, {"result": S, **_ERR}),
    "delete_data": _words({**_INNER, **_NDN, **_OID}, {**_OID, **_ERR}),
    "sign_object": _words({**_CRY, **_OBJ, **_OID, "crypto_flags": U32}, {"result": S, **_OBJ, **_OID, **_ERR}),
    "verify_object": _words(
        {
            **_CRY,
            **_OBJ,
            **_OID,
            "sign_type": S,
            "sign_object_type": S,
            **{f"sign_object.{name}": kind for name, kind in {**_OBJ, **_OID}.items()},
        },
        {"valid": B, **_ERR},
    ),
    "encrypt_data": _words({**_CRY, "crypto_flags": U32, "encrypt_type": S}, {}),
    "decrypt_data": _words({**_CRY, "crypto_flags": U32, "decrypt_type": S}, {"result": S}),
    "acl": _words({**_SRC, "dec_id": S, "req_path": G, "req_query_string": G, "permissions": S}, {"action": B, **_ERR}),
    "object_meta": {
        "obj_type_code": U16,
        "obj_category": S,
        "obj_type": U16,
        "object.dec_id": S,
        "object.author": S,
        "object.owner": S,
        "object.create_time": U64,
        "object.update_time": U64,
        "object.expired_time": U64,
        "insert_time": U64,
        "update_time": U64,
    },
    "interest": _words(
        {
            "chunk": S,
            "from": S,
            "from_channel": S,
            "group_path": G,
            "target": S,
            "object_id": S,
            "inner_path": G,
            "dec_id": S,
            "req_path": G,
            "referer_object": G,
            "flags": U32,
        },
        {
            "type": S,
            "transmit_to": S,
            "err": U32,
            "redirect": G,
            "redirect_referer_target": S,
            "upload.groups": G,
            "upload.file_path": G,
            "upload.file_offset": G,
        },
    ),
}
