"""``/crypto``: sign, verify, encrypt, decrypt (docs/protocol/http-api.md §9)."""

from __future__ import annotations

from cyfs_edge.core.api.call import Call
from cyfs_edge.core.crypto import CryptoService
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.wire import crypto
from cyfs_edge.wire.message import HttpResponse


class CryptoApi:
    __slots__ = ("_service",)

    def __init__(self, service: CryptoService) -> None:
        self._service = service

    async def sign(self, call: Call) -> HttpResponse:
        # The object is looked at before the headers: a broken one is told as such whatever else is missing.
        obj = decode_object(await call.body(call.limits.object_size))
        request = crypto.parse_sign(call.headers, call.util_common(), obj)
        return crypto.sign_reply(await self._service.sign_object(request))

    async def verify(self, call: Call) -> HttpResponse:
        obj = decode_object(await call.body(call.limits.object_size))
        request = crypto.parse_verify(call.headers, call.util_common(), obj)
        return crypto.verify_reply(await self._service.verify_object(request))

    async def encrypt(self, call: Call) -> HttpResponse:
        request = crypto.parse_encrypt(call.headers, call.util_common(), await call.body(call.limits.crypto_size))
        data, aes_key = await self._service.encrypt_data(request)
        return crypto.encrypt_reply(data, str(aes_key) if aes_key is not None else None)

    async def decrypt(self, call: Call) -> HttpResponse:
        request = crypto.parse_decrypt(call.headers, call.util_common(), await call.body(call.limits.crypto_size))
        return crypto.decrypt_reply(await self._service.decrypt_data(request))
