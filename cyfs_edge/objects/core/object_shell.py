"""ObjectShell: another object as it was at one time, under an id that says so (docs/protocol/core-objects.md §3.14)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.proto import BOOL, BYTES, HASH, Message, fixed_bytes, pb
from cyfs_edge.base.signatures import SIGNATURE_SIZE_MIN, Signature
from cyfs_edge.objects.core.types import core_type
from cyfs_edge.objects.envelope import NONCE_SIZE, NamedObject, decode_object, read_body

T = TypeVar("T")

_ABSENT: Final = b"\0"
"""What an absent part counts as in the hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectShellDesc(Message):
    """The flags say what the shell holds (the id alone instead of the desc) and which parts the hash covers."""

    is_object_id_only: bool = pb(1, BOOL)
    is_desc_sign_fix: bool = pb(2, BOOL)
    is_body_sign_fix: bool = pb(3, BOOL)
    is_nonce_fix: bool = pb(4, BOOL)
    fix_content_hash: bytes = pb(5, HASH)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectShellBody(Message):
    """``desc``: stand-alone, or the 32 bytes of the id. ``body``: with its flags. Signatures: as in the object."""

    desc: bytes = pb(1, BYTES)
    body: bytes | None = pb(2, BYTES, optional=True)
    desc_signatures: bytes | None = pb(3, BYTES, optional=True)
    body_signatures: bytes | None = pb(4, BYTES, optional=True)
    nonce: bytes | None = pb(5, fixed_bytes("u128", NONCE_SIZE), optional=True)

    def hash(self, *, desc_signs: bool, body_signs: bool, nonce: bool) -> bytes:
        parts = [self.desc, self.body]
        for covered, part in (
            (desc_signs, self.desc_signatures),
            (body_signs, self.body_signatures),
            (nonce, self.nonce),
        ):
            if covered:
                parts.append(part)
        return hashlib.sha256(b"".join(_ABSENT if part is None else part for part in parts)).digest()


def _check_hash(desc: ObjectShellDesc, body: ObjectShellBody) -> None:
    covered = body.hash(desc_signs=desc.is_desc_sign_fix, body_signs=desc.is_body_sign_fix, nonce=desc.is_nonce_fix)
    if covered != desc.fix_content_hash:
        raise CyfsError(ErrorCode.NOT_MATCH, "the content of the shell has not the hash that its desc names")


OBJECT_SHELL: Final = core_type(
    42, "ObjectShell", ObjectShellDesc, ObjectShellBody, desc_json=None, body_json=None, agree=_check_hash
)

CODECS: Final = {42: OBJECT_SHELL}


def make_object_shell(
    obj: NamedObject,
    *,
    update_time: int,
    is_object_id_only: bool = False,
    is_desc_sign_fix: bool = False,
    is_body_sign_fix: bool = False,
    is_nonce_fix: bool = False,
) -> NamedObject:
    """The shell of ``obj``. Group shells have all flags false. ``update_time``: bucky µs."""
    body = ObjectShellBody(
        desc=bytes(obj.object_id) if is_object_id_only else obj.desc.raw,
        body=obj.body.raw if obj.body else None,
        desc_signatures=_signatures(obj.desc_signs),
        body_signatures=_signatures(obj.body_signs),
        nonce=None if obj.nonce is None else obj.nonce.to_bytes(NONCE_SIZE, "big"),
    )
    desc = ObjectShellDesc(
        is_object_id_only=is_object_id_only,
        is_desc_sign_fix=is_desc_sign_fix,
        is_body_sign_fix=is_body_sign_fix,
        is_nonce_fix=is_nonce_fix,
        fix_content_hash=body.hash(desc_signs=is_desc_sign_fix, body_signs=is_body_sign_fix, nonce=is_nonce_fix),
    )
    return OBJECT_SHELL.build(desc, body, update_time=update_time)


def shell_content(shell: NamedObject, desc: bytes | None = None) -> NamedObject:
    """The object in a shell. ``desc``: its stand-alone desc, needed when the shell holds the id alone.

    Raises ``CyfsError``: ``NOT_MATCH`` when the shell's hash is wrong or ``desc`` is another object's,
    ``INVALID_PARAM`` when a desc is needed, ``INVALID_DATA`` and other codes of decoding when there is no object in it.
    """
    content = OBJECT_SHELL.decode(shell)
    body = content.body
    if body is None:
        raise CyfsError(ErrorCode.INVALID_DATA, "an object shell without body")
    held = body.desc
    if content.desc.is_object_id_only:
        if desc is None:
            raise CyfsError(ErrorCode.INVALID_PARAM, "the shell holds only the id of its object, the desc is needed")
        held = desc
    bare = decode_object(held, exact=True)
    if bare.desc.raw != held:
        raise CyfsError(ErrorCode.INVALID_DATA, "more than a desc where the desc of the object should be")
    if content.desc.is_object_id_only and bare.object_id != body.desc:
        raise CyfsError(ErrorCode.NOT_MATCH, "the desc belongs to another object than the one in the shell")
    return bare.with_parts(
        body=None if body.body is None else _read_all(body.body, lambda reader: read_body(reader, bare.desc)),
        desc_signs=None if body.desc_signatures is None else _read_all(body.desc_signatures, _read_signatures),
        body_signs=None if body.body_signatures is None else _read_all(body.body_signatures, _read_signatures),
        nonce=None if body.nonce is None else int.from_bytes(body.nonce, "big"),
    )


def _read_all(part: bytes, read: Callable[[Reader], T]) -> T:
    reader = Reader(part)
    value = read(reader)
    if reader.remaining:
        raise reader.fail(ErrorCode.INVALID_DATA, f"{reader.remaining} bytes after a part of the object in the shell")
    return value


def _read_signatures(reader: Reader) -> tuple[Signature, ...]:
    return tuple(reader.vec(Signature.read, SIGNATURE_SIZE_MIN))


def _signatures(signatures: tuple[Signature, ...] | None) -> bytes | None:
    if signatures is None:
        return None
    return Writer().vec(signatures, lambda writer, one: one.write(writer)).getvalue()
