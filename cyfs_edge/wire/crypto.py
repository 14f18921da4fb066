"""Crypto requests and replies over HTTP (docs/protocol/http-api.md §9)."""

from __future__ import annotations

import json
from enum import Enum
from typing import TypeVar

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.wire import fields
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.json_values import Members
from cyfs_edge.wire.message import Headers, HttpResponse
from cyfs_edge.wire.requests import (
    CryptoFlag,
    DecryptData,
    DecryptType,
    EncryptData,
    EncryptType,
    SignObject,
    SignType,
    UtilCommon,
    VerifiedSign,
    VerifyObject,
    VerifyReply,
    VerifyType,
)

EnumT = TypeVar("EnumT", bound=Enum)


def _flags(headers: Headers) -> CryptoFlag:
    old = fields.SIGN_FLAGS in headers and fields.CRYPTO_FLAGS not in headers
    name = fields.SIGN_FLAGS if old else fields.CRYPTO_FLAGS
    return CryptoFlag(fields.parse_u32(name, fields.required(headers, name)))


def _enum(headers: Headers, name: str, kind: type[EnumT]) -> EnumT:
    text = fields.required(headers, name)
    try:
        return kind(text)
    except ValueError:
        raise fields.bad_header(name, text, f"must be one of {', '.join(str(item.value) for item in kind)}") from None


def parse_sign(headers: Headers, common: UtilCommon, obj: NamedObject) -> SignObject:
    return SignObject(common, fields.optional_id(headers, fields.OBJECT_ID), obj, _flags(headers))


def parse_verify(headers: Headers, common: UtilCommon, obj: NamedObject) -> VerifyObject:
    sign_type = _enum(headers, fields.SIGN_TYPE, SignType)
    text = fields.required(headers, fields.VERIFY_TYPE)
    try:
        verify_type = VerifyType(text)
    except ValueError:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"unknown {fields.VERIFY_TYPE}: {text!r}") from None
    if verify_type is VerifyType.OBJECT:
        signer = fields.required_id(headers, fields.SIGN_OBJ_ID)
        signer_hex = headers.get(fields.SIGN_OBJ)
        try:
            signer_raw = bytes.fromhex(signer_hex) if signer_hex else None
        except ValueError:
            raise fields.bad_header(fields.SIGN_OBJ, "…", "not hex") from None
        return VerifyObject(common, obj, sign_type, verify_type, signer, signer_raw)
    if verify_type is VerifyType.SIGN:
        desc, body = _sign_lists(fields.required(headers, fields.VERIFY_SIGNS))
        return VerifyObject(common, obj, sign_type, verify_type, desc_signs=desc, body_signs=body)
    return VerifyObject(common, obj, sign_type, verify_type)


def _sign_lists(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    try:
        value = json.loads(text)
    except ValueError:
        raise fields.bad_header(fields.VERIFY_SIGNS, text, "not JSON") from None
    lists = []
    for name in ("desc_signs", "body_signs"):
        items = value.get(name, []) if isinstance(value, dict) else None
        if not isinstance(items, list) or not all(type(item) is int and 0 <= item <= 255 for item in items):
            raise fields.bad_header(fields.VERIFY_SIGNS, text, f"{name} must be a list of indexes")
        lists.append(tuple(items))
    return lists[0], lists[1]


def parse_encrypt(headers: Headers, common: UtilCommon, data: bytes) -> EncryptData:
    return EncryptData(common, _enum(headers, fields.ENCRYPT_TYPE, EncryptType), data, _flags(headers))


def parse_decrypt(headers: Headers, common: UtilCommon, data: bytes) -> DecryptData:
    return DecryptData(common, _enum(headers, fields.DECRYPT_TYPE, DecryptType), data, _flags(headers))


def sign_reply(signed: bytes | None) -> HttpResponse:
    """``None``: the owner must sign and is not here (``pending``)."""
    if signed is None:
        return HttpResponse(200, [(fields.SIGN_RET, "pending")])
    if not signed:
        return HttpResponse(200, [(fields.SIGN_RET, "signed")])
    return HttpResponse(200, [fields.OCTET_STREAM, (fields.SIGN_RET, "signed")], signed)


def verify_result_json(reply: VerifyReply) -> Members:
    def listed(signs: tuple[VerifiedSign, ...]) -> list[dict[str, object]]:
        return [{"index": str(sign.index), "sign_object_id": str(sign.signer), "valid": True} for sign in signs]

    result = {"body_signs": listed(reply.body_signs), "desc_signs": listed(reply.desc_signs), "valid": reply.valid}
    return {"result": result}


def read_verify_result(members: Members) -> VerifyReply:
    """What :func:`verify_result_json` writes; signatures that are listed as not valid are left out."""
    result = values.inner(members, "result")
    valid = result.get("valid")
    if not isinstance(valid, bool):
        raise values.bad("valid", "must be true or false")
    return VerifyReply(valid, _read_signs(result, "desc_signs"), _read_signs(result, "body_signs"))


def _read_signs(result: Members, name: str) -> tuple[VerifiedSign, ...]:
    signs = result.get(name) or []
    if not isinstance(signs, list) or not all(isinstance(sign, dict) for sign in signs):
        raise values.bad(name, "must be a list of signatures")
    return tuple(
        VerifiedSign(values.number(sign, "index", 0, 255), values.object_id(sign, "sign_object_id"))
        for sign in signs
        if sign.get("valid", True)
    )


def verify_reply(reply: VerifyReply) -> HttpResponse:
    return HttpResponse(200, [fields.JSON_TYPE], fields.json_body(verify_result_json(reply)))


def encrypt_reply(data: bytes, aes_key: str | None) -> HttpResponse:
    headers = [fields.OCTET_STREAM]
    if aes_key is not None:
        headers.append((fields.AES_KEY, aes_key))
    return HttpResponse(200, headers, data)


def decrypt_reply(data: bytes | None) -> HttpResponse:
    if data is None:
        return HttpResponse(200, [fields.OCTET_STREAM, (fields.DECRYPT_RET, "pending")])
    return HttpResponse(200, [fields.OCTET_STREAM, (fields.DECRYPT_RET, "decrypted")], data)
