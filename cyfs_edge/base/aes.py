"""AES keys of sessions and their exchange (docs/protocol/objects.md §5.4)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.keys import PrivateKey, PublicKey
from cyfs_edge.base.text import decode_base58, encode_base58

AES_KEY_SIZE = 48
MIX_HASH_SIZE = 8
_BLOCK = 16
_POINT_SIZE = 33


@dataclass(frozen=True, slots=True, repr=False)
class AesKey:
    """``raw``, 48 bytes: an AES-256 key and the IV that goes with it, for CBC with PKCS#7. ``str()`` is base58."""

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != AES_KEY_SIZE:
            raise CyfsError(ErrorCode.INVALID_FORMAT, f"an AES key has {AES_KEY_SIZE} bytes, not {len(self.raw)}")

    @classmethod
    def from_text(cls, text: str) -> AesKey:
        return cls(decode_base58(text))

    @classmethod
    def proxy(cls, number: int, random: bytes) -> AesKey:
        """The key of proxy session ``number`` (u64); ``random``: 24 bytes."""
        return cls(number.to_bytes(8, "big") * 3 + random)

    @classmethod
    def read(cls, reader: Reader) -> AesKey:
        return cls(reader.take(AES_KEY_SIZE))

    def __str__(self) -> str:
        return encode_base58(self.raw)

    def __repr__(self) -> str:
        return "AesKey(…)"  # a secret

    def encrypt(self, data: bytes) -> bytes:
        """16·(n/16 + 1) bytes."""
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        padding = _BLOCK - len(data) % _BLOCK
        encryptor = Cipher(AES(self.raw[:32]), CBC(self.raw[32:])).encryptor()
        return encryptor.update(data + bytes((padding,)) * padding) + encryptor.finalize()

    def decrypt(self, data: bytes) -> bytes:
        """Raises ``CRYPTO_ERROR`` when ``data`` is not what :meth:`encrypt` makes."""
        from cryptography.hazmat.primitives.ciphers import Cipher
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import CBC

        if not data or len(data) % _BLOCK:
            raise CyfsError(ErrorCode.CRYPTO_ERROR, f"encrypted data of {len(data)} bytes is not a number of blocks")
        decryptor = Cipher(AES(self.raw[:32]), CBC(self.raw[32:])).decryptor()
        plain = decryptor.update(data) + decryptor.finalize()
        padding = plain[-1]
        if not 0 < padding <= _BLOCK or plain[-padding:] != bytes((padding,)) * padding:
            raise CyfsError(ErrorCode.CRYPTO_ERROR, "wrong padding: the data was encrypted with another key")
        return plain[:-padding]

    def mix_hash(self, salt: int | None = None) -> bytes:
        """The 8 bytes by which peers name this key; the text form is lower hex. ``salt``: u64."""
        salted = self.raw if salt is None else self.raw + salt.to_bytes(8, "little")
        digest = hashlib.sha256(salted).digest()
        return bytes((digest[0] & 0x7F,)) + digest[1:MIX_HASH_SIZE]


def gen_aeskey_and_encrypt(peer: PublicKey, random: bytes) -> tuple[AesKey, bytes]:
    """A new key and the message that carries it to ``peer``.

    ``random``: 48 fresh random bytes. With RSA they are the key and the message is of modulus size; with secp256k1 the
    first 32 are an ephemeral scalar and the message is its compressed point (33 bytes).
    """
    if len(random) != AES_KEY_SIZE:
        raise CyfsError(ErrorCode.INVALID_PARAM, f"{AES_KEY_SIZE} random bytes are needed, not {len(random)}")
    if peer.kind.is_rsa:
        return AesKey(random), peer.encrypt(random)
    secret = random[:32]
    ephemeral = PrivateKey.from_secp256k1(secret).public()
    return _agreed_key(ephemeral.point, peer.shared_point(secret)), ephemeral.raw[1:]


def decrypt_aeskey(private: PrivateKey, data: bytes) -> tuple[AesKey, bytes]:
    """The key at the beginning of ``data``, and the bytes after it.

    ``OUT_OF_LIMIT`` when ``data`` is too short, ``CRYPTO_ERROR`` when it was not encrypted to this key.
    """
    size = private.kind.bits // 8 if private.kind.is_rsa else _POINT_SIZE
    reader = Reader(data)
    message = reader.take(size)
    rest = reader.rest()
    if private.kind.is_rsa:
        key = private.decrypt(message)
        if len(key) != AES_KEY_SIZE:
            raise CyfsError(ErrorCode.CRYPTO_ERROR, "these bytes were not encrypted to this key")
        return AesKey(key), rest
    try:
        ephemeral = PublicKey(b"\x0a" + message)
    except CodecError as error:
        raise CodecError(error.code, error.message) from None
    return _agreed_key(ephemeral.point, ephemeral.shared_point(private.secret)), rest


def _agreed_key(ephemeral_point: bytes, shared_point: bytes) -> AesKey:
    """HKDF-SHA256 with empty salt and info."""
    pseudo_random_key = hmac.digest(bytes(32), ephemeral_point + shared_point, "sha256")
    first = hmac.digest(pseudo_random_key, b"\x01", "sha256")
    second = hmac.digest(pseudo_random_key, first + b"\x02", "sha256")
    return AesKey((first + second)[:AES_KEY_SIZE])
