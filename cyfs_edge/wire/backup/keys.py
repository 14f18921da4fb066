"""The key of backups, its text for people, and how what is kept is sealed (docs/backup-format.md, "Keys")."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import blake2b

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from cyfs_edge.base.errors import CyfsError, ErrorCode

KEY_SIZE = 32
NONCE_SIZE = 24
TAG_SIZE = 16
SEAL_SIZE = NONCE_SIZE + TAG_SIZE
"""Bytes that sealing adds."""

_PERSON = b"cyfs-edge backup"
_CHECK_SIZE = 3
_GROUP = 4
_TEXT_MAX = 400


@dataclass(frozen=True, slots=True, repr=False)
class BackupKey:
    """32 random bytes, from which the keys of every repository follow."""

    raw: bytes

    def text(self) -> str:
        """Fourteen groups of four letters and digits, with a checksum: for paper and for the key file."""
        coded = base64.b32encode(self.raw + _checksum(self.raw)).decode()
        return "-".join(coded[at : at + _GROUP] for at in range(0, len(coded), _GROUP))

    @classmethod
    def parse(cls, text: str) -> BackupKey:
        """Blanks, line ends, dashes and small letters do not matter. ``INVALID_FORMAT`` with what is wrong."""
        coded = "".join(text[:_TEXT_MAX].split()).replace("-", "").upper()
        coded = coded.replace("0", "O").replace("1", "I").replace("8", "B")
        try:
            raw = base64.b32decode(coded)
        except (binascii.Error, ValueError):
            raw = b""
        key, check = raw[:KEY_SIZE], raw[KEY_SIZE:]
        if len(key) != KEY_SIZE or check != _checksum(key):
            raise CyfsError(
                ErrorCode.INVALID_FORMAT,
                "this is no backup key: it has 14 groups of 4 letters and digits, and one of them is missing or wrong",
            )
        return cls(key)


def _checksum(raw: bytes) -> bytes:
    return blake2b(raw, digest_size=_CHECK_SIZE, person=_PERSON).digest()


class Sealer:
    """Seals, opens and names what is kept in one repository."""

    __slots__ = ("_naming", "_sealing")

    def __init__(self, key: BackupKey, repository_id: bytes) -> None:
        self._sealing = _derive(key, repository_id, b"seal")
        self._naming = _derive(key, repository_id, b"name")

    def seal(self, nonce: bytes, data: bytes, context: bytes) -> bytes:
        """``nonce``: 24 bytes by chance, never used before. ``context`` has to be the same at opening."""
        return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(data, context, nonce, self._sealing)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """``INVALID_DATA`` when it is damaged, is another thing than ``context`` says, or has another key."""
        if len(sealed) < SEAL_SIZE:
            raise CyfsError(ErrorCode.INVALID_DATA, "it is cut off")
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[NONCE_SIZE:], context, sealed[:NONCE_SIZE], self._sealing
            )
        except CryptoError:
            raise CyfsError(ErrorCode.INVALID_DATA, "it is damaged, or was written with another key") from None

    def name(self, kind: int, data: bytes) -> bytes:
        """The id of a segment: it tells nothing of ``data`` to those who have no key."""
        return blake2b(bytes((kind,)) + data, digest_size=KEY_SIZE, key=self._naming).digest()


def _derive(key: BackupKey, repository_id: bytes, purpose: bytes) -> bytes:
    return blake2b(repository_id + purpose, digest_size=KEY_SIZE, key=key.raw, person=_PERSON).digest()
