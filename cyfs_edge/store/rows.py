"""The rows of the store as bytes (docs/storage.md, "Rows").

Every row begins with its version and a CRC-32 over its key and all that follows, so that a damaged page is an error and
never an answer. Integers are little endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from struct import error as StructError
from zlib import crc32

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.core.ports import MADE_HERE, Claim, FileIndexEntry, Keep, ObjectRecord, RootRecord, StorageCategory

ROW_VERSION = 1

_GUARD = Struct("<BI")
_OBJECT = Struct("<B32s32sQQQQIHH")
_CHUNK = Struct("<BBQ32s32s")
_FILE = Struct("<BHIHHI32sQ")
_U16 = Struct("<H")
_ROOT = Struct("<32sQ")

_HAS_CONTEXT = 1
_HAS_RPATH = 2
_HAS_OWNER = 1

# Where the bytes of a chunk are: the `place` of its row.
INLINE = 0
IN_FILE = 1
VOLUME_MIN = 2
"""Volume number n is place n + 1."""
REMOTE = 255
"""An object of the remote engine; the row tells the rest of its name."""
PLACE_NOTE = {REMOTE: 8}
"""Bytes that the row of a chunk in such a place remembers; none elsewhere."""

FILE_HASH_MAX = 64
"""Bytes of a file's hash at most: it is a key of LMDB."""


def damaged(what: str) -> CyfsError:
    """The error for a row that is not what was written."""
    return CyfsError(
        ErrorCode.IO_ERROR,
        f"the store is damaged: {what}; run scrub to see what else is, and restore it from a backup",
    )


def _seal(key: bytes, content: bytes) -> bytes:
    return _GUARD.pack(ROW_VERSION, crc32(content, crc32(key))) + content


def _unseal(key: bytes, row: bytes, kind: str) -> None:
    """Checks version and CRC; ``row[5:]`` is the content then."""
    if len(row) < _GUARD.size:
        raise damaged(f"the row of {kind} {key.hex()} has {len(row)} bytes")
    version, crc = _GUARD.unpack_from(row)
    if version != ROW_VERSION:
        raise damaged(f"the row of {kind} {key.hex()} has version {version}, known is {ROW_VERSION}")
    if crc32(memoryview(row)[_GUARD.size :], crc32(key)) != crc:
        raise damaged(f"the row of {kind} {key.hex()} does not match its checksum")


def _is_sound(key: bytes, row: bytes, kind: str) -> bool:
    try:
        _unseal(key, row, kind)
    except CyfsError:
        return False
    return True


def encode_object(record: ObjectRecord) -> bytes:
    """The row of an object. ``INVALID_PARAM`` when a text is longer than 65,534 bytes or a number does not fit."""
    context = _text(record.context, "context")
    rpath = _text(record.last_access_rpath, "last_access_rpath")
    try:
        head = _OBJECT.pack(
            record.storage_category,
            record.create_dec_id,
            record.owner or NULL_ID,
            record.insert_time,
            record.update_time,
            record.object_update_time,
            record.object_expired_time,
            record.access,
            _NO_TEXT if context is None else len(context),
            _NO_TEXT if rpath is None else len(rpath),
        )
    except StructError as error:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"the object cannot be stored: {error}") from None
    return _seal(record.object_id, b"".join((head, context or b"", rpath or b"", record.raw)))


_NO_TEXT = 0xFFFF


def _text(text: str | None, name: str) -> bytes | None:
    if text is None:
        return None
    data = text.encode("utf-8")
    if len(data) >= _NO_TEXT:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{name} has {len(data)} bytes, at most {_NO_TEXT - 1}")
    return data


def decode_object(key: bytes, row: bytes) -> ObjectRecord:
    """The object of a row; ``IO_ERROR`` when the row is damaged."""
    _unseal(key, row, "object")
    try:
        category, dec, owner, insert, update, object_update, expired, access, context_size, rpath_size = (
            _OBJECT.unpack_from(row, _GUARD.size)
        )
        pos = _GUARD.size + _OBJECT.size
        context = rpath = None
        if context_size != _NO_TEXT:
            context = row[pos : pos + context_size].decode("utf-8")
            pos += context_size
        if rpath_size != _NO_TEXT:
            rpath = row[pos : pos + rpath_size].decode("utf-8")
            pos += rpath_size
        return ObjectRecord(
            ObjectId(key),
            row[pos:],
            ObjectId(dec),
            insert,
            update,
            object_update,
            expired,
            access,
            _CATEGORIES[category],
            context,
            rpath,
            None if owner == NULL_ID else ObjectId(owner),
        )
    except (StructError, UnicodeDecodeError, IndexError):
        raise damaged(f"the row of object {key.hex()} cannot be read") from None


_CATEGORIES = tuple(StorageCategory)

_OBJECT_FIXED = _GUARD.size + _OBJECT.size


def object_raw_size(row: bytes) -> int:
    """Bytes of the object itself in its row; of a damaged one what can be made of it."""
    if len(row) < _OBJECT_FIXED:
        return 0
    sizes: tuple[int, int] = _OBJECT_SIZES.unpack_from(row, _OBJECT_FIXED - _OBJECT_SIZES.size)
    texts = sum(size for size in sizes if size != _NO_TEXT)
    return max(0, len(row) - _OBJECT_FIXED - texts)


_OBJECT_SIZES = Struct("<HH")


def object_accounts(key: bytes, row: bytes) -> tuple[bytes, ...]:
    """The accounts on which the object of a row is kept; none that could be told of a damaged one."""
    if not _is_sound(key, row, "object"):
        return ()
    start = _GUARD.size + 1
    return accounts_of(row[start : start + 32], row[start + 32 : start + 64])


def accounts_of(dec: bytes, owner: bytes | None) -> tuple[bytes, ...]:
    """Keys of the accounts of a dec and an owner; ``NULL_ID`` and ``None`` are no owner."""
    if owner is None or owner == NULL_ID:
        return (b"d" + dec,)
    return (b"d" + dec, b"o" + owner)


def is_made_here(row: bytes) -> bool:
    """Whether the object of a row was made for a state."""
    return row[_OBJECT_FIXED : _OBJECT_FIXED + len(_MADE_HERE)] == _MADE_HERE and (
        _OBJECT_SIZES.unpack_from(row, _OBJECT_FIXED - _OBJECT_SIZES.size)[0] == len(_MADE_HERE)
    )


_MADE_HERE = MADE_HERE.encode()


def insert_time(row: bytes) -> int:
    """Of the object of a row, bucky µs."""
    time: int = _INSERT_TIME.unpack_from(row, _GUARD.size + 1 + 64)[0]
    return time


_INSERT_TIME = Struct("<Q")


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """What a row says of its chunk beside the bytes. ``time``: when its lease began, bucky µs."""

    place: int
    time: int
    claim: Claim


def encode_chunk(chunk_id: bytes, head: ChunkHead, data: bytes = b"") -> bytes:
    """The row of a chunk. ``data``: its bytes, or what its place has to remember of it."""
    claim = head.claim
    packed = _CHUNK.pack(head.place, claim.keep, head.time, claim.dec, claim.owner or NULL_ID)
    return _seal(chunk_id, packed + data)


CHUNK_HEAD = _GUARD.size + _CHUNK.size


def chunk_place(key: bytes, row: bytes) -> int:
    """``INLINE`` (bytes are ``row[CHUNK_HEAD:]``) or where else; ``IO_ERROR`` when the row is damaged."""
    _unseal(key, row, "chunk")
    place: int = row[_GUARD.size] if len(row) >= CHUNK_HEAD else -1
    rest = ChunkId(key).length if place == INLINE else PLACE_NOTE.get(place, 0)
    if place < 0 or len(row) - CHUNK_HEAD != rest:
        raise damaged(f"the row of chunk {key.hex()} cannot be read")
    return place


def decode_chunk_head(key: bytes, row: bytes) -> ChunkHead:
    """``IO_ERROR`` when the row is damaged."""
    chunk_place(key, row)
    place, keep, time, dec, owner = _CHUNK.unpack_from(row, _GUARD.size)
    if keep >= len(_KEEPS):
        raise damaged(f"the row of chunk {key.hex()} cannot be read")
    return ChunkHead(place, time, Claim(ObjectId(dec), _KEEPS[keep], None if owner == NULL_ID else ObjectId(owner)))


def chunk_accounts(key: bytes, row: bytes) -> tuple[bytes, ...]:
    """The same for the row of a chunk."""
    if not _is_sound(key, row, "chunk"):
        return ()
    return accounts_of(row[CHUNK_HEAD - 64 : CHUNK_HEAD - 32], row[CHUNK_HEAD - 32 : CHUNK_HEAD])


_KEEPS = tuple(Keep)


def is_inline(row: bytes) -> bool:
    """The same for a row that need not be whole."""
    return len(row) > _GUARD.size and row[_GUARD.size] == INLINE


def names_place(row: bytes | None, place: int, note: bytes) -> bool:
    """Whether these bytes are those of the chunk: ``row`` is its row, which need not be whole."""
    return row is not None and len(row) >= CHUNK_HEAD and row[_GUARD.size] == place and row[CHUNK_HEAD:] == note


def place_of(row: bytes) -> int:
    """Of a row that need not be whole, or of its head; -1 when it is too short."""
    return row[_GUARD.size] if len(row) >= CHUNK_HEAD else -1


def encode_file(entry: FileIndexEntry) -> bytes:
    """The row of the file index. ``INVALID_PARAM`` when a text or a count is out of range."""
    if not 0 < len(entry.hash) <= FILE_HASH_MAX:
        raise CyfsError(
            ErrorCode.INVALID_PARAM, f"the hash of a file has 1 to {FILE_HASH_MAX} bytes, not {len(entry.hash)}"
        )
    quick = [_text(text, "quick hash") or b"" for text in entry.quick_hash]
    dirs = [(dir_id, _text(path, "inner path") or b"") for dir_id, path in entry.ref_dirs]
    try:
        parts = [
            _FILE.pack(
                0 if entry.owner is None else _HAS_OWNER,
                len(entry.hash),
                entry.flags,
                len(quick),
                len(dirs),
                len(entry.chunks),
                entry.owner or bytes(32),
                entry.length,
            ),
            entry.hash,
        ]
    except StructError as error:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"the file cannot be indexed: {error}") from None
    for text in quick:
        parts += (_U16.pack(len(text)), text)
    for dir_id, path in dirs:
        parts += (dir_id, _U16.pack(len(path)), path)
    parts += entry.chunks
    return _seal(entry.file_id, b"".join(parts))


def decode_file(key: bytes, row: bytes) -> FileIndexEntry:
    """The entry of a row; ``IO_ERROR`` when the row is damaged."""
    _unseal(key, row, "file")
    pos = _GUARD.size + _FILE.size

    def take(size: int) -> bytes:
        nonlocal pos
        piece = row[pos : pos + size]
        if len(piece) != size:
            raise IndexError
        pos += size
        return piece

    def text() -> str:
        return take(_U16.unpack(take(2))[0]).decode("utf-8")

    try:
        has, hash_size, flags, quicks, dirs, chunks, owner, length = _FILE.unpack_from(row, _GUARD.size)
        digest = take(hash_size)
        return FileIndexEntry(
            ObjectId(key),
            digest,
            length,
            ObjectId(owner) if has & _HAS_OWNER else None,
            flags,
            tuple(text() for _ in range(quicks)),
            tuple((ObjectId(take(32)), text()) for _ in range(dirs)),
            tuple(ChunkId(take(32)) for _ in range(chunks)),
        )
    except (StructError, UnicodeDecodeError, IndexError, CyfsError):
        raise damaged(f"the row of file {key.hex()} cannot be read") from None


def root_key(name: str) -> bytes:
    """``INVALID_PARAM`` when the name is longer than 200 bytes."""
    key = name.encode("utf-8")
    if not 0 < len(key) <= ROOT_NAME_MAX:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"the name of a root has 1 to {ROOT_NAME_MAX} bytes, not {len(key)}")
    return key


ROOT_NAME_MAX = 200


def encode_root(key: bytes, record: RootRecord) -> bytes:
    return _seal(key, _ROOT.pack(record.root, record.revision))


def decode_root(key: bytes, row: bytes) -> RootRecord:
    """The root of a row; ``IO_ERROR`` when the row is damaged."""
    _unseal(key, row, "root")
    try:
        root, revision = _ROOT.unpack_from(row, _GUARD.size)
    except StructError:
        raise damaged(f"the row of root {key!r} cannot be read") from None
    return RootRecord(ObjectId(root), revision)


def record_key(space: str, key: str) -> bytes:
    """``INVALID_PARAM`` when the two are too long together, or one has a NUL."""
    return record_prefix(space) + _record_text(key, RECORD_KEY_MAX - len(space.encode("utf-8")), "key")


OWN_SPACE = "volumes"
"""What the store itself remembers: of this machine, so of no use in another store."""

RECORD_KEY_MAX = 400
"""Bytes of a space and a key together."""


def record_prefix(space: str) -> bytes:
    """What the keys of a space begin with."""
    if not space:
        raise CyfsError(ErrorCode.INVALID_PARAM, "a record needs the name of its space")
    return _record_text(space, RECORD_KEY_MAX, "space") + b"\0"


def _record_text(text: str, most: int, name: str) -> bytes:
    data = text.encode("utf-8")
    if len(data) > most or b"\0" in data:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"the {name} of a record is too long, or has a NUL: {text[:80]!r}")
    return data


def encode_record(key: bytes, value: bytes) -> bytes:
    return _seal(key, value)


def decode_record(key: bytes, row: bytes) -> bytes:
    """The value of a row; ``IO_ERROR`` when the row is damaged."""
    _unseal(key, row, "record")
    return row[_GUARD.size :]
