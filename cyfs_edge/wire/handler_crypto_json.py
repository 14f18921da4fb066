"""Crypto calls and access questions as handlers see them (docs/protocol/http-api.md §14)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cyfs_edge.base.access import permission_text
from cyfs_edge.base.aes import AesKey
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.crypto import read_verify_result, verify_result_json
from cyfs_edge.wire.filter import Look, Value
from cyfs_edge.wire.handler import Category
from cyfs_edge.wire.handler_json import (
    Codec,
    ObjectWords,
    common_json,
    common_words,
    either,
    id_text,
    look_in,
    merge_common,
    object_json,
    read_named_object,
    source_json,
    source_words,
)
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.req_path import CATEGORIES
from cyfs_edge.wire.requests import (
    DecryptData,
    EncryptData,
    SignObject,
    VerifyObject,
    VerifyReply,
    VerifyType,
)
from cyfs_edge.wire.source import Source

SignReply = bytes | None
EncryptReply = tuple[bytes, AesKey | None]
DecryptReply = bytes | None
"""As in ``cyfs_edge.core.crypto``: ``None`` stands for pending."""


class SignObjectCodec(Codec[SignObject, SignReply]):
    category = Category.SIGN_OBJECT

    def describe(self, request: SignObject) -> str:
        return f"sign_object of {_id_of(request)}"

    def req_path(self, request: SignObject) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: SignObject) -> Members:
        return {
            "common": common_json(request.common),
            "flags": int(request.flags),
            "object": object_json(_id_of(request), request.obj.raw),
        }

    def reply_json(self, reply: SignReply) -> Members:
        if reply is None:
            return {"result": "pending"}
        if not reply:
            return {"result": "signed"}
        return {"result": "signed", "object": object_json(decode_object(reply).object_id, reply)}

    def merge_request(self, request: SignObject, members: Members) -> SignObject:
        return replace(request, common=merge_common(request.common, members))

    def read_reply(self, members: Members, request: SignObject) -> SignReply:
        if values.text(members, "result") == "pending":
            return None
        found = values.optional_inner(members, "object")
        return b"" if found is None else read_named_object(found)[1]

    def merge_reply(self, reply: SignReply, members: Members, request: SignObject) -> SignReply:
        return reply

    def request_words(self, request: SignObject) -> Look:
        own: dict[str, Value] = {"crypto_flags": int(request.flags)}
        about = ObjectWords(_id_of(request), request.obj.raw)
        return either(own.get, either(common_words(request.common), about))

    def reply_words(self, reply: SignReply) -> Look:
        own: dict[str, Value] = {"result": "pending" if reply is None else "signed"}
        return either(own.get, ObjectWords(decode_object(reply).object_id, reply)) if reply else own.get


class VerifyObjectCodec(Codec[VerifyObject, VerifyReply]):
    category = Category.VERIFY_OBJECT

    def describe(self, request: VerifyObject) -> str:
        return f"verify_object of {request.obj.object_id}"

    def req_path(self, request: VerifyObject) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: VerifyObject) -> Members:
        signer: Members = {"type": request.verify_type.value}
        if request.verify_type is VerifyType.OBJECT:
            signer["sign_object"] = {"object_id": id_text(request.signer)}
            if request.signer_raw is not None:
                signer["sign_object"]["object_raw"] = request.signer_raw.hex()
        elif request.verify_type is VerifyType.SIGN:
            signer["verify_signs"] = {"desc_signs": list(request.desc_signs), "body_signs": list(request.body_signs)}
        return {
            "common": common_json(request.common),
            "object": object_json(request.obj.object_id, request.obj.raw),
            "sign_type": request.sign_type.value,
            "sign_object": signer,
        }

    def reply_json(self, reply: VerifyReply) -> Members:
        return verify_result_json(reply)

    def merge_request(self, request: VerifyObject, members: Members) -> VerifyObject:
        return replace(request, common=merge_common(request.common, members))

    def read_reply(self, members: Members, request: VerifyObject) -> VerifyReply:
        return read_verify_result(members)

    def merge_reply(self, reply: VerifyReply, members: Members, request: VerifyObject) -> VerifyReply:
        return reply

    def request_words(self, request: VerifyObject) -> Look:
        own: dict[str, Value] = {
            "sign_type": request.sign_type.value,
            "sign_object_type": request.verify_type.value,
        }
        signer = ObjectWords(request.signer, request.signer_raw or b"")
        about = either(common_words(request.common), ObjectWords(request.obj.object_id, request.obj.raw))

        def look(word: str) -> Value:
            name = word.removeprefix("sign_object.")
            return signer(name) if name != word else own.get(word) or about(word)

        return look

    def reply_words(self, reply: VerifyReply) -> Look:
        words: dict[str, Value] = {"valid": reply.valid}
        return words.get


class EncryptDataCodec(Codec[EncryptData, EncryptReply]):
    category = Category.ENCRYPT_DATA

    def describe(self, request: EncryptData) -> str:
        return f"{request.kind.value} of {len(request.data)} bytes"

    def req_path(self, request: EncryptData) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: EncryptData) -> Members:
        members = {
            "common": common_json(request.common),
            "encrypt_type": request.kind.value,
            "flags": int(request.flags),
        }
        return {**members, "data": request.data.hex()} if request.data else members

    def reply_json(self, reply: EncryptReply) -> Members:
        data, aes_key = reply
        return {"data": data.hex()} if aes_key is None else {"data": data.hex(), "aes_key": str(aes_key)}

    def merge_request(self, request: EncryptData, members: Members) -> EncryptData:
        return replace(request, common=merge_common(request.common, members))

    def read_reply(self, members: Members, request: EncryptData) -> EncryptReply:
        key = values.optional_text(members, "aes_key")
        return values.hex_bytes(members, "data"), None if key is None else AesKey.from_text(key)

    def merge_reply(self, reply: EncryptReply, members: Members, request: EncryptData) -> EncryptReply:
        return reply

    def request_words(self, request: EncryptData) -> Look:
        own: dict[str, Value] = {"crypto_flags": int(request.flags), "encrypt_type": request.kind.value}
        return either(own.get, common_words(request.common))

    def reply_words(self, reply: EncryptReply) -> Look:
        return look_in({})


class DecryptDataCodec(Codec[DecryptData, DecryptReply]):
    category = Category.DECRYPT_DATA

    def describe(self, request: DecryptData) -> str:
        return f"{request.kind.value} of {len(request.data)} bytes"

    def req_path(self, request: DecryptData) -> tuple[str | None, Source]:
        return request.common.req_path, request.common.source

    def request_json(self, request: DecryptData) -> Members:
        return {
            "common": common_json(request.common),
            "decrypt_type": request.kind.value,
            "data": request.data.hex(),
            "flags": int(request.flags),
        }

    def reply_json(self, reply: DecryptReply) -> Members:
        return {"result": "pending" if reply is None else "decrypted", "data": (reply or b"").hex()}

    def merge_request(self, request: DecryptData, members: Members) -> DecryptData:
        return replace(request, common=merge_common(request.common, members))

    def read_reply(self, members: Members, request: DecryptData) -> DecryptReply:
        return None if values.text(members, "result") == "pending" else values.hex_bytes(members, "data")

    def merge_reply(self, reply: DecryptReply, members: Members, request: DecryptData) -> DecryptReply:
        return reply

    def request_words(self, request: DecryptData) -> Look:
        own: dict[str, Value] = {"crypto_flags": int(request.flags), "decrypt_type": request.kind.value}
        return either(own.get, common_words(request.common))

    def reply_words(self, reply: DecryptReply) -> Look:
        words: dict[str, Value] = {"result": "pending" if reply is None else "decrypted"}
        return words.get


@dataclass(frozen=True, slots=True)
class AclRequest:
    """May ``source`` do ``permissions`` (bits of one group) at ``path`` of ``dec``? ``path`` begins with a slash."""

    category: str
    dec: ObjectId
    source: Source
    path: str
    query: str | None
    permissions: int


class AclCodec(Codec[AclRequest, bool]):
    """The reply is whether it may."""

    category = Category.ACL

    def describe(self, request: AclRequest) -> str:
        return f"access to {request.path} of dec {request.dec}"

    def req_path(self, request: AclRequest) -> tuple[str | None, Source]:
        return self._path(request), request.source

    def _path(self, request: AclRequest) -> str:
        prefix = "" if request.category == CATEGORIES[0] else f"{request.category}/"
        return f"{prefix}{request.dec}{request.path.rstrip('/') or '/'}"

    def request_json(self, request: AclRequest) -> Members:
        members: Members = {
            "dec_id": str(request.dec),
            "source": source_json(request.source),
            "req_path": self._path(request),
            "permissions": permission_text(request.permissions),
        }
        return members if request.query is None else {**members, "req_query_string": request.query}

    def reply_json(self, reply: bool) -> Members:
        return {"action": "accept" if reply else "reject"}

    def merge_request(self, request: AclRequest, members: Members) -> AclRequest:
        return request

    def read_reply(self, members: Members, request: AclRequest) -> bool:
        action = values.text(members, "action").lower()
        if action not in ("accept", "reject"):
            raise values.bad("action", "must be accept or reject")
        return action == "accept"

    def merge_reply(self, reply: bool, members: Members, request: AclRequest) -> bool:
        return self.read_reply(members, request)

    def request_words(self, request: AclRequest) -> Look:
        words: dict[str, Value] = {
            **source_words(request.source),
            "dec_id": str(request.dec),
            "req_path": self._path(request),
            "req_query_string": request.query,
            "permissions": permission_text(request.permissions),
        }
        return words.get

    def reply_words(self, reply: bool) -> Look:
        words: dict[str, Value] = {"action": reply}
        return words.get


def _id_of(request: SignObject) -> ObjectId:
    """As the caller says; whether it is true is looked at behind the handlers."""
    return request.obj.object_id if request.object_id is None else request.object_id


SIGN_OBJECT = SignObjectCodec()
VERIFY_OBJECT = VerifyObjectCodec()
ENCRYPT_DATA = EncryptDataCodec()
DECRYPT_DATA = DecryptDataCodec()
ACL = AclCodec()
