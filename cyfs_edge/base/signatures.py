"""Signatures of objects and data (docs/protocol/objects.md §4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Union

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CodecError, ErrorCode
from cyfs_edge.base.keys import (
    MNPublicKey,
    PrivateKey,
    PublicKey,
    PublicKeyValue,
    SignatureKind,
    read_public_key_value,
    write_public_key_value,
)
from cyfs_edge.base.object_link import ObjectLink

REF_SELF = 255
"""Signed with the object's own key."""
REF_OWNER = 254
REF_AUTHOR = 253
REF_OOD_FIRST = 252
"""252 − i: the i-th of the ood_list of the zone of the object's owner."""
REF_OOD_LAST = 236
REF_OBJECT_MAX = 127
"""0…127: ``ref_objects[i]``."""

SIGNATURE_SIZE_MIN = 1 + 1 + 8 + 1 + 64
_KEY_INDEX_MAX = 63
_SOURCE_REF_INDEX, _SOURCE_OBJECT, _SOURCE_KEY = range(3)
_KINDS = {int(kind): (kind, kind.size) for kind in SignatureKind}


@dataclass(frozen=True, slots=True)
class RefIndex:
    """A signer named by its place in the object, u8."""

    index: int


SignatureSource = Union[RefIndex, ObjectLink, PublicKey, MNPublicKey]  # noqa: UP007 (used at run time)


@dataclass(frozen=True, slots=True)
class Signature:
    """``sign_time``: bucky µs. ``data``: as many bytes as ``key_type`` says."""

    source: SignatureSource
    sign_key_index: int
    sign_time: int
    key_type: SignatureKind
    data: bytes

    @classmethod
    def read(cls, reader: Reader) -> Signature:
        start = reader.pos
        head = reader.u8()
        kind, key_index = head & 3, head >> 2
        source: SignatureSource
        if kind == _SOURCE_REF_INDEX:
            source = RefIndex(reader.u8())
        elif kind == _SOURCE_OBJECT:
            source = ObjectLink.read(reader)
        elif kind == _SOURCE_KEY:
            source = read_public_key_value(reader)
            key_index = 0  # it is never written with a key
        else:
            raise CodecError(ErrorCode.UNKNOWN, "unknown kind of signature source", start)
        sign_time = reader.u64()
        known = _KINDS.get(reader.u8())
        if known is None:
            raise CodecError(ErrorCode.NOT_MATCH, "unknown signature type", reader.pos - 1)
        key_type, size = known
        return cls(source, key_index, sign_time, key_type, reader.take(size))

    def write(self, writer: Writer) -> None:
        source = self.source
        if isinstance(source, RefIndex):
            writer.u8(_SOURCE_REF_INDEX | self.sign_key_index << 2).u8(source.index)
        elif isinstance(source, ObjectLink):
            writer.u8(_SOURCE_OBJECT | self.sign_key_index << 2)
            source.write(writer)
        else:
            writer.u8(_SOURCE_KEY)  # always key index 0
            write_public_key_value(writer, source)
        writer.u64(self.sign_time).u8(self.key_type).raw(self.data)

    def encode(self) -> bytes:
        writer = Writer()
        self.write(writer)
        return writer.getvalue()

    @classmethod
    def decode(cls, data: bytes) -> Signature:
        """The signature at the beginning of ``data``; what follows is ignored."""
        return cls.read(Reader(data))


def sign(private: PrivateKey, source: SignatureSource, data: bytes, now: int, sign_key_index: int = 0) -> Signature:
    """Signs ``data`` (of objects: the 32-byte hash of the part) at time ``now``. Deterministic."""
    if not 0 <= sign_key_index <= _KEY_INDEX_MAX:
        raise CodecError(ErrorCode.OUT_OF_LIMIT, f"key index {sign_key_index} is not within 0…{_KEY_INDEX_MAX}")
    signed = private.sign(_message(data, now))
    return Signature(source, sign_key_index, now, private.kind.signature_kind, signed)


def verify(public: PublicKey, data: bytes, signature: Signature) -> bool:
    """Whether ``signature`` is one of ``data`` by ``public``. The source is not consulted."""
    return public.verify(_message(data, signature.sign_time), signature.data, signature.key_type)


def push_signature(held: Iterable[Signature], new: Signature) -> tuple[Signature, ...]:
    """``held`` and ``new``: one per source and key index; the newer replaces, an older one is dropped."""
    return merge_signatures(held, (new,))[0]


def merge_signatures(
    held: Iterable[Signature] | None, new: Iterable[Signature] | None
) -> tuple[tuple[Signature, ...], int]:
    """Union by source and key index, the newer time wins (access-and-zone.md §12.3).

    Second: how many of ``new`` have a source that was not held.
    """
    merged = {(one.source, one.sign_key_index): one for one in held or ()}
    added = 0
    for one in new or ():
        known = merged.get((one.source, one.sign_key_index))
        if known is None or one.sign_time > known.sign_time:
            merged[one.source, one.sign_key_index] = one
            added += known is None
    return tuple(merged.values()), added


def _message(data: bytes, sign_time: int) -> bytes:
    return data + sign_time.to_bytes(8, "big")


__all__ = [
    "REF_AUTHOR",
    "REF_OBJECT_MAX",
    "REF_OOD_FIRST",
    "REF_OOD_LAST",
    "REF_OWNER",
    "REF_SELF",
    "SIGNATURE_SIZE_MIN",
    "ObjectLink",
    "PublicKeyValue",
    "RefIndex",
    "Signature",
    "SignatureSource",
    "merge_signatures",
    "push_signature",
    "sign",
    "verify",
]
