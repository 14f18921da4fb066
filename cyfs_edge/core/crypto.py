"""The crypto service: sign, verify, encrypt, decrypt (docs/protocol/http-api.md §9, objects.md §4, §5.4)."""

from __future__ import annotations

from cyfs_edge.base.aes import AesKey, decrypt_aeskey, gen_aeskey_and_encrypt
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.keys import MNPublicKey, PrivateKey, PublicKey, PublicKeyValue
from cyfs_edge.base.object_link import ObjectLink
from cyfs_edge.base.signatures import (
    REF_AUTHOR,
    REF_OBJECT_MAX,
    REF_OOD_FIRST,
    REF_OOD_LAST,
    REF_OWNER,
    REF_SELF,
    RefIndex,
    Signature,
    SignatureSource,
    push_signature,
    sign,
)
from cyfs_edge.core.access import PathRules, check_crypto
from cyfs_edge.core.handlers.interceptor import Interceptor
from cyfs_edge.core.object_cache import decode_held
from cyfs_edge.core.ports import Clock, ObjectStore, Random, Worker
from cyfs_edge.core.verify import valid_signs
from cyfs_edge.core.zone import ZoneManager
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.handler import Chain
from cyfs_edge.wire.handler_crypto_json import DECRYPT_DATA, ENCRYPT_DATA, SIGN_OBJECT, VERIFY_OBJECT
from cyfs_edge.wire.requests import (
    CryptoFlag,
    DecryptData,
    DecryptType,
    EncryptData,
    EncryptType,
    SignObject,
    SignType,
    VerifiedSign,
    VerifyObject,
    VerifyReply,
    VerifyType,
)

AES_KEY_RANDOM = 48
_CRYPTO = (Chain.PRE_CRYPTO, Chain.POST_CRYPTO)

_ANY_SIGN = CryptoFlag.SET_DESC | CryptoFlag.SET_BODY | CryptoFlag.PUSH_DESC | CryptoFlag.PUSH_BODY


class CryptoService:
    """Works with the device's own key; what needs the owner's key is answered as pending, for that key is not here."""

    __slots__ = ("_clock", "_handlers", "_key", "_objects", "_random", "_rules", "_worker", "_zone")

    def __init__(
        self,
        objects: ObjectStore,
        zone: ZoneManager,
        rules: PathRules,
        handlers: Interceptor,
        key: PrivateKey,
        clock: Clock,
        random: Random,
        worker: Worker,
    ) -> None:
        self._objects = objects
        self._zone = zone
        self._rules = rules
        self._handlers = handlers
        self._key = key
        self._clock = clock
        self._random = random
        self._worker = worker

    async def sign_object(self, request: SignObject) -> bytes | None:
        """The signed object; ``b""`` when no signature was asked for; ``None`` when the owner would have to sign."""
        await check_crypto(self._rules, request.common.source, "sign_object")
        if self._handlers.idle:
            return await self._sign_object(request)
        return await self._handlers.around(*_CRYPTO, SIGN_OBJECT, request, self._sign_object)

    async def _sign_object(self, request: SignObject) -> bytes | None:
        obj = request.obj
        await self._zone.require_local(request.common.target)
        if request.object_id is not None and obj.object_id != request.object_id:
            raise CyfsError(ErrorCode.UNMATCH, f"the object sent is {obj.object_id}, not {request.object_id}")
        flags = request.flags
        if flags & CryptoFlag.BY_OWNER:
            return None
        if not flags & CryptoFlag.BY_DEVICE:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the flags name no signer: by device (4) or by owner (2)")
        if not flags & _ANY_SIGN:
            return b""
        return await self._worker.run(lambda: self._signed(obj, flags).raw)

    def _signed(self, obj: NamedObject, flags: CryptoFlag) -> NamedObject:
        source, now = self._sign_source(obj), self._clock.now()
        desc_signs, body_signs = obj.desc_signs, obj.body_signs
        if flags & (CryptoFlag.SET_DESC | CryptoFlag.PUSH_DESC):
            made = sign(self._key, source, obj.desc_hash, now)
            desc_signs = (made,) if flags & CryptoFlag.SET_DESC else push_signature(desc_signs or (), made)
        if flags & (CryptoFlag.SET_BODY | CryptoFlag.PUSH_BODY) and obj.body_hash is not None:
            made = sign(self._key, source, obj.body_hash, now)
            body_signs = (made,) if flags & CryptoFlag.SET_BODY else push_signature(body_signs or (), made)
        return obj.with_parts(desc_signs=desc_signs, body_signs=body_signs)

    def _sign_source(self, obj: NamedObject) -> SignatureSource:
        """How the device names itself in its signature (objects.md §4, "Choosing a source")."""
        device = self._zone.device_id
        if obj.owner == device:
            return RefIndex(REF_OWNER)
        if obj.object_id == device:
            return RefIndex(REF_SELF)
        if obj.author == device:
            return RefIndex(REF_AUTHOR)
        if obj.owner == self._zone.zone.owner and device in self._zone.zone.oods[: REF_OOD_FIRST - REF_OOD_LAST + 1]:
            return RefIndex(REF_OOD_FIRST - self._zone.zone.oods.index(device))
        for index, link in enumerate((obj.desc.ref_objects or ())[: REF_OBJECT_MAX + 1]):
            if link.object_id == device:
                return RefIndex(index)
        return ObjectLink(device, None)

    async def verify_object(self, request: VerifyObject) -> VerifyReply:
        """A missing list is ``NOT_FOUND``; signatures that do not fit give ``valid`` false, not an error."""
        await check_crypto(self._rules, request.common.source, "verify_object")
        if self._handlers.idle:
            return await self._verify_object(request)
        return await self._handlers.around(*_CRYPTO, VERIFY_OBJECT, request, self._verify_object)

    async def _verify_object(self, request: VerifyObject) -> VerifyReply:
        obj = request.obj
        await self._zone.require_local(request.common.target)
        if request.verify_type is VerifyType.SIGN:
            return await self._verify_signs(obj, request)
        signer_id, key = await self._signer(obj, request)
        want_desc = request.sign_type is not SignType.BODY
        want_body = request.sign_type is not SignType.DESC
        desc_signs = _present(obj.desc_signs, "desc", obj) if want_desc else ()
        body_signs = _present(obj.body_signs, "body", obj) if want_body else ()
        body_hash = self._body_hash(obj) if want_body else b""

        def check() -> VerifyReply:
            desc = valid_signs(key, obj.desc_hash, desc_signs) if want_desc else []
            body = valid_signs(key, body_hash, body_signs) if want_body else []
            return VerifyReply(
                (bool(desc) or not want_desc) and (bool(body) or not want_body),
                tuple(VerifiedSign(index, signer_id) for index in desc),
                tuple(VerifiedSign(index, signer_id) for index in body),
            )

        return await self._worker.run(check)

    def _body_hash(self, obj: NamedObject) -> bytes:
        if obj.body is None or obj.body_hash is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{obj.object_id} has no body")
        if obj.body.object_id is not None and obj.body.object_id != obj.object_id:
            raise CyfsError(ErrorCode.UNMATCH, f"the body belongs to {obj.body.object_id}, not to {obj.object_id}")
        return obj.body_hash

    async def _signer(self, obj: NamedObject, request: VerifyObject) -> tuple[ObjectId, PublicKeyValue]:
        if request.verify_type is VerifyType.OWN:
            return obj.object_id, _key_of(obj)
        if request.verify_type is VerifyType.OBJECT:
            signer_id = request.signer
            if request.signer_raw is not None and signer_id is not None:
                signer = decode_object(request.signer_raw)
                if signer.object_id != signer_id:
                    raise CyfsError(ErrorCode.UNMATCH, f"the signer sent is {signer.object_id}, not {signer_id}")
                return signer_id, _key_of(signer)
        else:
            signer_id = obj.owner
        if signer_id is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"{obj.object_id} has no owner")
        return signer_id, _key_of(await self._load_signer(signer_id))

    async def _load_signer(self, signer_id: ObjectId) -> NamedObject:
        if signer_id == self._zone.device_id:
            return self._zone.device
        if self._zone.owner is not None and signer_id == self._zone.owner.object_id:
            return self._zone.owner
        record = await self._objects.get(signer_id)
        if record is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the signer {signer_id} is not here")
        return decode_held(record)

    async def _verify_signs(self, obj: NamedObject, request: VerifyObject) -> VerifyReply:
        """Checks each named signature with the key that its own source tells."""
        wanted: list[tuple[int, Signature, bytes, bool]] = []
        for indexes, signs, is_desc in (
            (request.desc_signs, obj.desc_signs, True),
            (request.body_signs, obj.body_signs, False),
        ):
            if not indexes:
                continue
            digest = obj.desc_hash if is_desc else self._body_hash(obj)
            for index in indexes:
                if index >= len(signs or ()):
                    raise CyfsError(ErrorCode.NOT_FOUND, f"{obj.object_id} has no signature {index}")
                wanted.append((index, (signs or ())[index], digest, is_desc))
        desc: list[VerifiedSign] = []
        body: list[VerifiedSign] = []
        for index, made, digest, is_desc in wanted:
            signer_id, key = await self._source_key(obj, made.source)
            if valid_signs(key, digest, (made,)):
                (desc if is_desc else body).append(VerifiedSign(index, signer_id))
        return VerifyReply(bool(wanted) and len(desc) + len(body) == len(wanted), tuple(desc), tuple(body))

    async def _source_key(self, obj: NamedObject, source: SignatureSource) -> tuple[ObjectId, PublicKeyValue]:
        if isinstance(source, PublicKey | MNPublicKey):
            return obj.object_id, source
        if isinstance(source, ObjectLink):
            return source.object_id, _key_of(await self._load_signer(source.object_id))
        index = source.index
        signer_id: ObjectId | None = None
        if index == REF_SELF:
            return obj.object_id, _key_of(obj)
        if index == REF_OWNER:
            signer_id = obj.owner
        elif index == REF_AUTHOR:
            signer_id = obj.author
        elif REF_OOD_LAST <= index <= REF_OOD_FIRST and obj.owner is not None:
            zone = await self._zone.find_zone(obj.owner, None)
            place = REF_OOD_FIRST - index
            signer_id = zone.oods[place] if zone is not None and place < len(zone.oods) else None
        elif index < len(obj.desc.ref_objects or ()):
            signer_id = (obj.desc.ref_objects or ())[index].object_id
        if signer_id is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"signature source {index} of {obj.object_id} names nobody")
        return signer_id, _key_of(await self._load_signer(signer_id))

    async def encrypt_data(self, request: EncryptData) -> tuple[bytes, AesKey | None]:
        await check_crypto(self._rules, request.common.source, "encrypt_data")
        if self._handlers.idle:
            return await self._encrypt_data(request)
        return await self._handlers.around(*_CRYPTO, ENCRYPT_DATA, request, self._encrypt_data)

    async def _encrypt_data(self, request: EncryptData) -> tuple[bytes, AesKey | None]:
        await self._zone.require_local(request.common.target)
        flags = request.flags
        if flags & CryptoFlag.BY_OWNER:
            if self._zone.owner is None:
                raise CyfsError(ErrorCode.NOT_FOUND, "this device has no owner")
            key = _key_of(self._zone.owner)
        elif flags & CryptoFlag.BY_DEVICE:
            key = _key_of(self._zone.device)
        else:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the flags name no key: the device's (4) or the owner's (2)")
        if not isinstance(key, PublicKey):
            raise CyfsError(ErrorCode.NOT_SUPPORT, "a key group cannot encrypt")
        if request.kind is EncryptType.GEN_AESKEY:
            if request.data:
                raise CyfsError(ErrorCode.INVALID_PARAM, "gen_aeskey_and_encrypt takes no data")
            aes_key, message = gen_aeskey_and_encrypt(key, self._random.bytes(AES_KEY_RANDOM))
            return message, aes_key
        if not request.data:
            raise CyfsError(ErrorCode.INVALID_PARAM, "there is nothing to encrypt")
        try:
            return key.encrypt(request.data), None
        except CyfsError as error:
            raise _told_as(error, ErrorCode.INVALID_DATA) from None

    async def decrypt_data(self, request: DecryptData) -> bytes | None:
        """``None`` when only the owner could decrypt."""
        await check_crypto(self._rules, request.common.source, "decrypt_data")
        if self._handlers.idle:
            return await self._decrypt_data(request)
        return await self._handlers.around(*_CRYPTO, DECRYPT_DATA, request, self._decrypt_data)

    async def _decrypt_data(self, request: DecryptData) -> bytes | None:
        await self._zone.require_local(request.common.target)
        if request.flags & CryptoFlag.BY_OWNER:
            return None
        if not request.flags & CryptoFlag.BY_DEVICE:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the flags name no key: the device's (4) or the owner's (2)")
        try:
            if request.kind is DecryptType.AESKEY:
                aes_key, _ = await self._worker.run(lambda: decrypt_aeskey(self._key, request.data))
                return aes_key.raw
            return await self._worker.run(lambda: self._key.decrypt(request.data))
        except CyfsError as error:
            raise _told_as(error, ErrorCode.INTERNAL_ERROR) from None


def _told_as(error: CyfsError, code: ErrorCode) -> CyfsError:
    """Failures of a key have a code of their own inside, and on the wire those that every node answers."""
    return CyfsError(code, error.message) if error.code == ErrorCode.CRYPTO_ERROR else error


def _key_of(obj: NamedObject) -> PublicKeyValue:
    key = obj.desc.public_key
    if key is None:
        raise CyfsError(ErrorCode.NOT_FOUND, f"{obj.object_id} has no public key")
    return key


def _present(signs: tuple[Signature, ...] | None, part: str, obj: NamedObject) -> tuple[Signature, ...]:
    if not signs:
        raise CyfsError(ErrorCode.NOT_FOUND, f"{obj.object_id} has no {part} signatures")
    return signs
