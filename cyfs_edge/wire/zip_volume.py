"""The volumes of the reference's backup archives, read from front to back (docs/protocol/services.md §16).

A volume is a ZIP file of stored entries, whose sizes stand in the local headers. Reading those one by one needs no more
memory than one entry, where the directory at the end of a volume may tell of millions.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.proto import BYTES, STRING, UINT32, UINT64, Message, pb
from cyfs_edge.base.text import decode_base36

_LOCAL = Struct("<IHHHHHIIIHH")
_FIELD = Struct("<HH")
LOCAL_SIZE = _LOCAL.size
_LOCAL_MAGIC = 0x04034B50
_END_MAGICS = (0x02014B50, 0x06054B50)
_META_FIELD = 0x6D65
_ENCRYPTED, _SIZES_BEHIND = 0x0001, 0x0008
_UNKNOWN_SIZE = 0xFFFF_FFFF
_DEVICE_NAMES = ("con", "aux", "nul", "prn")
_ID36_MAX = 64


@dataclass(frozen=True, slots=True)
class EntryHead:
    """What comes before an entry: ``name`` and ``extra`` bytes follow it, then ``size`` bytes of data."""

    name: int
    extra: int
    size: int
    crc: int


def parse_local(data: bytes) -> EntryHead | None:
    """The head of the next entry; ``None`` where the entries end. :class:`CodecError` for what no volume has."""
    if len(data) >= 4 and int.from_bytes(data[:4], "little") in _END_MAGICS:
        return None
    if len(data) != LOCAL_SIZE:
        raise CodecError(ErrorCode.INVALID_DATA, "the volume is cut off in the head of an entry")
    magic, _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack(data)
    if magic != _LOCAL_MAGIC:
        raise CodecError(ErrorCode.INVALID_DATA, "no ZIP entry where one should be")
    if method != 0 or flags & (_ENCRYPTED | _SIZES_BEHIND) or packed != size or size == _UNKNOWN_SIZE:
        raise CodecError(ErrorCode.NOT_SUPPORT, "an entry of the volume is not just stored, as all entries are")
    return EntryHead(name, extra, size, crc)


def check_entry(head: EntryHead, data: bytes) -> None:
    if len(data) != head.size or crc32(data) != head.crc:
        raise CodecError(ErrorCode.INVALID_DATA, "an entry of the volume does not match its checksum")


def entry_id(name: bytes) -> ObjectId:
    """The id that an entry is named after: its base36 text, the last three characters before the others."""
    folder, _, rest = name.decode("latin-1").partition("/")
    if folder.endswith("_") and folder[:-1] in _DEVICE_NAMES:
        folder = folder[:-1]
    text = rest + folder
    if not rest or len(text) > _ID36_MAX:
        raise CodecError(ErrorCode.INVALID_DATA, f"an entry of the volume has no id for a name: {name[:80]!r}")
    try:
        return ObjectId(decode_base36(text))
    except CyfsError as error:
        raise CodecError(ErrorCode.INVALID_DATA, f"{name[:80]!r} is no id: {error.message}") from None


def meta_field(extra: bytes) -> bytes | None:
    """What an entry says beside its data, out of its extra fields; ``None`` when it says nothing."""
    pos = 0
    while pos + _FIELD.size <= len(extra):
        kind, size = _FIELD.unpack_from(extra, pos)
        pos += _FIELD.size
        if kind == _META_FIELD:
            if pos + size > len(extra):
                raise CodecError(ErrorCode.INVALID_DATA, "what an entry says beside its data is cut off")
            return extra[pos : pos + size]
        pos += size
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMeta(Message):
    """What an archive says of an object beside its bytes."""

    access: int = pb(1, UINT32)
    insert_time: int = pb(2, UINT64)
    update_time: int = pb(3, UINT64)
    create_dec_id: bytes = pb(4, BYTES)
    storage_category: int = pb(5, UINT32)
    context: str | None = pb(6, STRING, optional=True)
