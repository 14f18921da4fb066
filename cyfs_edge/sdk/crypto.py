"""Crypto: what the stack does with the keys of the device and the owner (docs/protocol/http-api.md §9)."""

from __future__ import annotations

from collections.abc import Sequence

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.sdk.caller import OCTETS, Caller, Fields
from cyfs_edge.wire import fields
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.crypto import read_verify_result
from cyfs_edge.wire.requests import (
    CryptoFlag,
    DecryptType,
    EncryptType,
    SignType,
    VerifyReply,
    VerifyType,
)

SIGN_BY_DEVICE = CryptoFlag.BY_DEVICE | CryptoFlag.SET_DESC | CryptoFlag.SET_BODY


class Crypto:
    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def sign(self, obj: NamedObject, flags: CryptoFlag = SIGN_BY_DEVICE) -> NamedObject | None:
        """The signed object; ``None`` when the owner, who is not here, must sign."""
        headers: Fields = {fields.FLAGS: 0, fields.OBJECT_ID: obj.object_id, fields.CRYPTO_FLAGS: int(flags)}
        reply = await self._caller.call("POST", "/crypto/sign", headers, obj.raw, OCTETS)
        return None if reply.headers.get(fields.SIGN_RET) == "pending" else decode_object(reply.body)

    async def verify(
        self,
        obj: NamedObject,
        by: VerifyType = VerifyType.OWNER,
        *,
        sign_type: SignType = SignType.BOTH,
        signer: ObjectId | NamedObject | None = None,
        desc_signs: Sequence[int] = (),
        body_signs: Sequence[int] = (),
    ) -> VerifyReply:
        """Whether the signatures hold. ``signer`` goes with ``OBJECT``, the indexes of signatures with ``SIGN``."""
        headers: Fields = {
            fields.FLAGS: 0,
            fields.OBJECT_ID: obj.object_id,
            fields.SIGN_TYPE: sign_type.value,
            fields.VERIFY_TYPE: by.value,
        }
        if isinstance(signer, NamedObject):
            headers |= {fields.SIGN_OBJ_ID: signer.object_id, fields.SIGN_OBJ: signer.raw.hex()}
        elif signer is not None:
            headers[fields.SIGN_OBJ_ID] = signer
        if by is VerifyType.SIGN:
            signs = {"desc_signs": list(desc_signs), "body_signs": list(body_signs)}
            headers[fields.VERIFY_SIGNS] = values.write(signs)
        reply = await self._caller.call("POST", "/crypto/verify", headers, obj.raw, OCTETS)
        return read_verify_result(values.read_object(reply.body, "the reply"))

    async def encrypt(self, data: bytes, flags: CryptoFlag = CryptoFlag.BY_DEVICE) -> bytes:
        """Few bytes, such as a key: an RSA block at most."""
        headers: Fields = {
            fields.FLAGS: 0,
            fields.ENCRYPT_TYPE: EncryptType.DATA.value,
            fields.CRYPTO_FLAGS: int(flags),
        }
        return (await self._caller.call("POST", "/crypto/encrypt", headers, data, OCTETS)).body

    async def gen_aeskey(self, flags: CryptoFlag = CryptoFlag.BY_DEVICE) -> tuple[str, bytes]:
        """A new AES key as text, and the same encrypted."""
        kind = EncryptType.GEN_AESKEY.value
        headers: Fields = {fields.FLAGS: 0, fields.ENCRYPT_TYPE: kind, fields.CRYPTO_FLAGS: int(flags)}
        reply = await self._caller.call("POST", "/crypto/encrypt", headers, b"")
        return fields.required(reply.headers, fields.AES_KEY), reply.body

    async def decrypt(
        self, data: bytes, flags: CryptoFlag = CryptoFlag.BY_DEVICE, kind: DecryptType = DecryptType.DATA
    ) -> bytes | None:
        """``None`` when the owner, who is not here, must decrypt."""
        headers: Fields = {fields.FLAGS: 0, fields.DECRYPT_TYPE: kind.value, fields.CRYPTO_FLAGS: int(flags)}
        reply = await self._caller.call("POST", "/crypto/decrypt", headers, data, OCTETS)
        return None if reply.headers.get(fields.DECRYPT_RET) == "pending" else reply.body
