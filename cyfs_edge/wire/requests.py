"""The one request model: a value per operation, whoever carried it here (docs/protocol/http-api.md §6-§9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntFlag

from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.wire.source import Source


class NonLevel(Enum):
    """How far a NON request may go (§6)."""

    NOC = "noc"
    NON = "non"
    ROUTER = "router"


class NdnLevel(Enum):
    NDC = "ndc"
    NDN = "ndn"
    ROUTER = "router"


class RequestFlag(IntFlag):
    """``cyfs-flags`` (§4.6)."""

    FLUSH = 1
    DELETE_WITH_OBJECT = 2
    LIST_DIR = 4
    CHUNK_LEVEL_ACL = 8


@dataclass(frozen=True, slots=True)
class NonCommon:
    source: Source
    level: NonLevel = NonLevel.ROUTER
    target: ObjectId | None = None
    flags: int = 0
    req_path: str | None = None


@dataclass(frozen=True, slots=True)
class PutObject:
    """``raw`` empty: only ``access`` of the held object is changed (§6.1). ``access``: ``None`` = not stated."""

    common: NonCommon
    object_id: ObjectId
    raw: bytes
    access: int | None


class PutResult(Enum):
    ACCEPT = "Accept"
    ALREADY_EXISTS = "AlreadyExists"
    UPDATED = "Updated"
    MERGED = "Merged"


@dataclass(frozen=True, slots=True)
class PutObjectReply:
    """Times in bucky µs; ``None`` = not told."""

    result: PutResult
    update_time: int | None = None
    expires_time: int | None = None


@dataclass(frozen=True, slots=True)
class GetObject:
    common: NonCommon
    object_id: ObjectId
    inner_path: str | None


@dataclass(frozen=True, slots=True)
class GetObjectReply:
    """``object_id`` is that of ``raw``, which an inner path may have led to."""

    object_id: ObjectId
    raw: bytes
    update_time: int | None
    expires_time: int | None
    attributes: int | None = None


@dataclass(frozen=True, slots=True)
class PostObject:
    common: NonCommon
    object_id: ObjectId
    raw: bytes


@dataclass(frozen=True, slots=True)
class PostObjectReply:
    object_id: ObjectId | None
    raw: bytes


@dataclass(frozen=True, slots=True)
class DeleteObject:
    common: NonCommon
    object_id: ObjectId
    inner_path: str | None


@dataclass(frozen=True, slots=True)
class DeleteObjectReply:
    """The deleted object, when it was asked for and was there."""

    object_id: ObjectId | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class Referer:
    """``[target:]object_id[/inner/path]``: the object that grants access to a datum (§7)."""

    object_id: ObjectId
    target: ObjectId | None = None
    inner_path: str | None = None


@dataclass(frozen=True, slots=True)
class NdnCommon:
    source: Source
    level: NdnLevel = NdnLevel.ROUTER
    target: ObjectId | None = None
    flags: int = 0
    req_path: str | None = None
    referers: tuple[Referer, ...] = ()


@dataclass(frozen=True, slots=True)
class PutData:
    common: NdnCommon
    chunk_id: ChunkId
    data: bytes


class PutDataResult(Enum):
    ACCEPT = "Accept"
    ALREADY_EXISTS = "AlreadyExists"


@dataclass(frozen=True, slots=True)
class GetData:
    """``range_text``, ``if_range``: the headers as they came. ``context``, ``group``: as asked."""

    common: NdnCommon
    object_id: ObjectId
    inner_path: str | None = None
    range_text: str | None = None
    context: str | None = None
    group: str | None = None
    if_range: str | None = None


@dataclass(frozen=True, slots=True)
class DeleteData:
    common: NdnCommon
    object_id: ObjectId
    inner_path: str | None


class QueryKind(Enum):
    FILE = "file"
    HASH = "hash"
    QUICK_HASH = "quick-hash"
    CHUNK = "chunk"


@dataclass(frozen=True, slots=True)
class QueryFile:
    common: NdnCommon
    kind: QueryKind
    value: str


@dataclass(frozen=True, slots=True)
class UtilCommon:
    source: Source
    target: ObjectId | None = None
    flags: int = 0
    req_path: str | None = None


class CryptoFlag(IntFlag):
    """``cyfs-crypto-flags`` (§9). Set wins over push."""

    BY_OWNER = 2
    BY_DEVICE = 4
    SET_DESC = 8
    SET_BODY = 16
    PUSH_DESC = 32
    PUSH_BODY = 64


@dataclass(frozen=True, slots=True)
class SignObject:
    """``object_id``: what the caller says ``obj`` is."""

    common: UtilCommon
    object_id: ObjectId | None
    obj: NamedObject
    flags: CryptoFlag


class SignType(Enum):
    DESC = "desc"
    BODY = "body"
    BOTH = "both"


class VerifyType(Enum):
    """Whose key is used: the owner's, the object's own, a named object's, or that of each named signature's source."""

    OWNER = "owner"
    OWN = "own"
    OBJECT = "object"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class VerifyObject:
    """``signer`` and ``signer_raw`` belong to ``OBJECT``; the index lists to ``SIGN``."""

    common: UtilCommon
    obj: NamedObject
    sign_type: SignType
    verify_type: VerifyType
    signer: ObjectId | None = None
    signer_raw: bytes | None = None
    desc_signs: tuple[int, ...] = ()
    body_signs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedSign:
    index: int
    signer: ObjectId


@dataclass(frozen=True, slots=True)
class VerifyReply:
    valid: bool
    desc_signs: tuple[VerifiedSign, ...] = ()
    body_signs: tuple[VerifiedSign, ...] = ()


class EncryptType(Enum):
    DATA = "encrypt_data"
    GEN_AESKEY = "gen_aeskey_and_encrypt"


class DecryptType(Enum):
    DATA = "decrypt_data"
    AESKEY = "decrypt_aeskey"


@dataclass(frozen=True, slots=True)
class EncryptData:
    common: UtilCommon
    kind: EncryptType
    data: bytes
    flags: CryptoFlag


@dataclass(frozen=True, slots=True)
class DecryptData:
    common: UtilCommon
    kind: DecryptType
    data: bytes
    flags: CryptoFlag
