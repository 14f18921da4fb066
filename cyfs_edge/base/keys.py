"""Public and private keys: RSA and secp256k1 (docs/protocol/objects.md §5).

A key keeps the bytes it was read from. The cryptography behind it is imported and loaded at its first use, so that a
process that only carries keys around pays nothing for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Union

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.der import decode_integers, encode_integers
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode

if TYPE_CHECKING:
    import coincurve
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey


class KeyKind(IntEnum):
    """The kind of a key; the value is its code in a public key."""

    RSA1024 = 0
    RSA2048 = 1
    RSA3072 = 2
    SECP256K1 = 10

    @property
    def bits(self) -> int:
        """Of the RSA modulus or the curve."""
        return _BITS[self]

    @property
    def is_rsa(self) -> bool:
        return self is not KeyKind.SECP256K1

    @property
    def signature_kind(self) -> SignatureKind:
        return SignatureKind.SECP256K1 if self is KeyKind.SECP256K1 else SignatureKind(self)


class SignatureKind(IntEnum):
    """The kind of a signature; the value is its code on the wire (secp256k1 is 5 here and 10 in keys)."""

    RSA1024 = 0
    RSA2048 = 1
    RSA3072 = 2
    SECP256K1 = 5

    @property
    def size(self) -> int:
        """Bytes of signature data."""
        return _SIGNATURE_SIZE[self]


_BITS = {KeyKind.RSA1024: 1024, KeyKind.RSA2048: 2048, KeyKind.RSA3072: 3072, KeyKind.SECP256K1: 256}
_KIND_OF_BITS = {bits: kind for kind, bits in _BITS.items() if kind.is_rsa}
_SIGNATURE_SIZE = {
    SignatureKind.RSA1024: 128,
    SignatureKind.RSA2048: 256,
    SignatureKind.RSA3072: 384,
    SignatureKind.SECP256K1: 64,
}
# A public RSA key is PKCS#1 DER in a slot of the size that SPKI would take.
_PUBLIC_PAYLOAD_SIZE = {KeyKind.RSA1024: 162, KeyKind.RSA2048: 294, KeyKind.RSA3072: 422, KeyKind.SECP256K1: 33}
PUBLIC_KEY_SIZE_MIN = 34

_PRIVATE_RSA = 0
_PRIVATE_SECP256K1 = 5
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_PKCS1_OVERHEAD = 11


class PublicKey:
    """A public key. Equal when the bytes are. ``raw``: code and payload (§5.1)."""

    __slots__ = ("_native", "kind", "raw")

    kind: KeyKind
    raw: bytes
    _native: Any

    def __init__(self, raw: bytes) -> None:
        """``raw``: exactly one encoded key. Raises :class:`CodecError` when it is none."""
        kind = _kind_of_code(raw[0] if raw else -1)
        if len(raw) != 1 + _PUBLIC_PAYLOAD_SIZE[kind]:
            raise CodecError(ErrorCode.OUT_OF_LIMIT, f"a {kind.name} public key has another length", len(raw))
        self.raw = raw
        self.kind = kind
        self._native = None
        if kind.is_rsa:
            modulus = decode_integers(raw[1:], 2)[0]
            if modulus.bit_length() != kind.bits:
                raise CodecError(ErrorCode.INVALID_DATA, f"not a modulus of {kind.bits} bits", 1)
        else:
            self._native = _load_secp256k1(raw[1:])

    @classmethod
    def from_rsa_numbers(cls, modulus: int, exponent: int) -> PublicKey:
        kind = _kind_of_bits(modulus.bit_length())
        payload = encode_integers((modulus, exponent)).ljust(_PUBLIC_PAYLOAD_SIZE[kind], b"\0")
        return cls(bytes((kind,)) + payload)

    @classmethod
    def read(cls, reader: Reader) -> PublicKey:
        start = reader.pos
        try:
            kind = _kind_of_code(reader.u8())
            reader.take(_PUBLIC_PAYLOAD_SIZE[kind])
            return _public_key(reader.data[start : reader.pos])
        except CodecError as error:
            raise CodecError(error.code, error.message, start) from None

    @classmethod
    def decode(cls, data: bytes) -> PublicKey:
        """The key at the beginning of ``data``; what follows is ignored."""
        return cls.read(Reader(data))

    def encode(self) -> bytes:
        return self.raw

    def write(self, writer: Writer) -> None:
        writer.raw(self.raw)

    @property
    def key_type_text(self) -> str:
        return "rsa" if self.kind.is_rsa else "secp256k1"

    @property
    def signature_kind(self) -> SignatureKind:
        return self.kind.signature_kind

    def verify(self, message: bytes, signature_data: bytes, signature_kind: int) -> bool:
        """Whether the owner of this key signed SHA-256(``message``). A signature of another kind is not its own."""
        if signature_kind != self.signature_kind or len(signature_data) != self.signature_kind.size:
            return False
        return (self._verify_rsa if self.kind.is_rsa else self._verify_secp256k1)(message, signature_data)

    def _verify_rsa(self, message: bytes, signature: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            self._rsa().verify(signature, message, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):  # ValueError: numbers that make no RSA key
            return False
        return True

    def _verify_secp256k1(self, message: bytes, signature: bytes) -> bool:
        r = int.from_bytes(signature[:32], "big")
        s = int.from_bytes(signature[32:], "big")
        # The library takes the low one of the two equivalent s only; the reference takes both.
        if s > _SECP256K1_ORDER // 2:
            s = _SECP256K1_ORDER - s
        if not (0 < r < _SECP256K1_ORDER and s > 0):
            return False
        return bool(self._secp256k1().verify(encode_integers((r, s)), message))

    def encrypt(self, data: bytes) -> bytes:
        """RSAES-PKCS1-v1.5 of up to modulus size − 11 bytes. ``NOT_SUPPORT`` for secp256k1."""
        if not self.kind.is_rsa:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "a secp256k1 key cannot encrypt data directly")
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        limit = self.kind.bits // 8 - _PKCS1_OVERHEAD
        if len(data) > limit:
            raise CyfsError(ErrorCode.CRYPTO_ERROR, f"this key encrypts at most {limit} bytes, not {len(data)}")
        try:
            return self._rsa().encrypt(data, PKCS1v15())
        except ValueError:
            raise CyfsError(ErrorCode.CRYPTO_ERROR, "the numbers of this public key make no RSA key") from None

    def shared_point(self, secret: bytes) -> bytes:
        """secp256k1: this point times the scalar ``secret``, uncompressed (65 bytes)."""
        return self._secp256k1().multiply(secret).format(compressed=False)

    @property
    def point(self) -> bytes:
        """secp256k1: this point, uncompressed (65 bytes)."""
        return self._secp256k1().format(compressed=False)

    def _rsa(self) -> RSAPublicKey:
        if self._native is None:
            from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

            modulus, exponent = decode_integers(self.raw[1:], 2)
            self._native = RSAPublicNumbers(exponent, modulus).public_key()
        native: RSAPublicKey = self._native
        return native

    def _secp256k1(self) -> coincurve.PublicKey:
        if self.kind.is_rsa:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "not a secp256k1 key")
        native: coincurve.PublicKey = self._native
        return native

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"PublicKey({self.kind.name}, {self.raw[1:].rstrip(bytes(1))[-12:].hex()})"


# A node sees the same few keys again and again; sharing them saves parsing, memory and the loading of the native key.
@lru_cache(maxsize=512)
def _public_key(raw: bytes) -> PublicKey:
    return PublicKey(raw)


@dataclass(frozen=True, slots=True)
class MNPublicKey:
    """``threshold`` of ``keys`` must sign."""

    threshold: int
    keys: tuple[PublicKey, ...]

    @classmethod
    def read(cls, reader: Reader) -> MNPublicKey:
        return cls(reader.u8(), tuple(reader.vec(PublicKey.read, PUBLIC_KEY_SIZE_MIN)))

    def write(self, writer: Writer) -> None:
        writer.u8(self.threshold).vec(self.keys, lambda out, key: key.write(out))

    def encode(self) -> bytes:
        writer = Writer()
        self.write(writer)
        return writer.getvalue()


PublicKeyValue = Union[PublicKey, MNPublicKey]  # noqa: UP007 (used at run time)


def read_public_key_value(reader: Reader) -> PublicKeyValue:
    """§5.3: 0 and a single key, or 1 and an MN key."""
    start = reader.pos
    tag = reader.u8()
    if tag == 0:
        return PublicKey.read(reader)
    if tag == 1:
        return MNPublicKey.read(reader)
    raise CodecError(ErrorCode.NOT_SUPPORT, f"unknown public key tag {tag}", start)


def write_public_key_value(writer: Writer, key: PublicKeyValue) -> None:
    writer.u8(0 if isinstance(key, PublicKey) else 1)
    key.write(writer)


class PrivateKey:
    """A private key. ``raw``: the content of a ``.sec`` file (§5.2). It never shows itself in a ``repr``."""

    __slots__ = ("_native", "_public", "kind", "raw")

    kind: KeyKind
    raw: bytes
    _native: Any
    _public: PublicKey | None

    def __init__(self, raw: bytes) -> None:
        """``raw``: one encoded key, cut out by :meth:`read`. Raises :class:`CodecError` when its numbers do not fit."""
        self.raw = raw
        self._native = None
        self._public = None
        if raw[0] == _PRIVATE_RSA:
            modulus, exponent = _checked_rsa_numbers(raw[3:])
            self.kind = _kind_of_bits(modulus.bit_length())
            self._public = PublicKey.from_rsa_numbers(modulus, exponent)
        else:
            self.kind = KeyKind.SECP256K1
            if not 0 < int.from_bytes(raw[1:], "big") < _SECP256K1_ORDER:
                raise CodecError(ErrorCode.CRYPTO_ERROR, "secp256k1 scalar out of range", 1)

    @classmethod
    def read(cls, reader: Reader) -> PrivateKey:
        start = reader.pos
        code = reader.u8()
        if code == _PRIVATE_RSA:
            reader.take(reader.u16())
        elif code == _PRIVATE_SECP256K1:
            reader.take(32)
        else:
            raise CodecError(ErrorCode.NOT_MATCH, f"unknown private key type {code}", start)
        try:
            return cls(reader.data[start : reader.pos])
        except CodecError as error:
            raise CodecError(error.code, error.message, start) from None

    @classmethod
    def decode(cls, data: bytes) -> PrivateKey:
        """The key at the beginning of ``data``; what follows is ignored."""
        return cls.read(Reader(data))

    @classmethod
    def from_rsa_numbers(cls, p: int, q: int, e: int = 65537) -> PrivateKey:
        """The key of two primes in the given order, d = e⁻¹ mod (p−1)(q−1) (§8)."""
        d = pow(e, -1, (p - 1) * (q - 1))
        der = encode_integers((0, p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)))
        return cls(bytes((_PRIVATE_RSA,)) + len(der).to_bytes(2, "big") + der)

    @classmethod
    def from_secp256k1(cls, secret: bytes) -> PrivateKey:
        """``secret``: the scalar, 32 bytes big endian."""
        if len(secret) != 32:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"a secp256k1 secret has 32 bytes, not {len(secret)}")
        return cls(bytes((_PRIVATE_SECP256K1,)) + secret)

    @classmethod
    def generate(cls, kind: KeyKind) -> PrivateKey:
        """A new key from the cryptographic library's own randomness. RSA takes from tens of milliseconds to seconds."""
        if kind is KeyKind.SECP256K1:
            from coincurve import PrivateKey as Secp256k1PrivateKey

            return cls.from_secp256k1(Secp256k1PrivateKey().secret)
        from cryptography.hazmat.primitives.asymmetric import rsa

        numbers = rsa.generate_private_key(65537, kind.bits).private_numbers()
        return cls.from_rsa_numbers(numbers.p, numbers.q)

    def encode(self) -> bytes:
        return self.raw

    def public(self) -> PublicKey:
        if self._public is None:
            self._public = PublicKey(bytes((KeyKind.SECP256K1,)) + self._secp256k1().public_key.format())
        return self._public

    def sign(self, message: bytes) -> bytes:
        """The signature of SHA-256(``message``) (§4); deterministic."""
        if not self.kind.is_rsa:
            return bytes(self._secp256k1().sign_recoverable(message)[:64])
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._rsa().sign(message, PKCS1v15(), SHA256())

    def decrypt(self, data: bytes) -> bytes:
        """RSAES-PKCS1-v1.5 of exactly one modulus size. ``NOT_SUPPORT`` for secp256k1, ``CRYPTO_ERROR`` on bad data."""
        if not self.kind.is_rsa:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "a secp256k1 key cannot decrypt data directly")
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        try:
            return self._rsa().decrypt(data, PKCS1v15())
        except ValueError:
            raise CyfsError(ErrorCode.CRYPTO_ERROR, "these bytes were not encrypted to this key") from None

    @property
    def secret(self) -> bytes:
        """secp256k1: the scalar."""
        if self.kind.is_rsa:
            raise CyfsError(ErrorCode.NOT_SUPPORT, "not a secp256k1 key")
        return self.raw[1:]

    def _rsa(self) -> RSAPrivateKey:
        if self._native is None:
            from cryptography.hazmat.primitives.serialization import load_der_private_key

            try:
                self._native = load_der_private_key(self.raw[3:], None)
            except ValueError:
                raise CyfsError(ErrorCode.CRYPTO_ERROR, "the numbers of this private key make no RSA key") from None
        native: RSAPrivateKey = self._native
        return native

    def _secp256k1(self) -> coincurve.PrivateKey:
        if self._native is None:
            from coincurve import PrivateKey as Secp256k1PrivateKey

            self._native = Secp256k1PrivateKey(self.secret)
        native: coincurve.PrivateKey = self._native
        return native

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrivateKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"PrivateKey({self.kind.name})"


def _kind_of_code(code: int) -> KeyKind:
    try:
        return KeyKind(code)
    except ValueError:
        raise CodecError(ErrorCode.NOT_MATCH, f"unknown public key type {code}") from None


def _kind_of_bits(bits: int) -> KeyKind:
    kind = _KIND_OF_BITS.get(bits)
    if kind is None:
        raise CodecError(ErrorCode.NOT_SUPPORT, f"RSA keys have 1024, 2048 or 3072 bits, not {bits}")
    return kind


def _checked_rsa_numbers(der: bytes) -> tuple[int, int]:
    """Modulus and exponent of a PKCS#1 private key whose numbers belong together."""
    version, modulus, exponent, d, p, q = decode_integers(der, 9)[:6]
    _kind_of_bits(modulus.bit_length())
    if version != 0 or p < 3 or q < 3 or p * q != modulus:
        raise CodecError(ErrorCode.CRYPTO_ERROR, "the numbers of the private key do not belong together")
    if (d * exponent - 1) % (p - 1) or (d * exponent - 1) % (q - 1):
        raise CodecError(ErrorCode.CRYPTO_ERROR, "the exponents of the private key do not belong together")
    return modulus, exponent


def _load_secp256k1(compressed: bytes) -> coincurve.PublicKey:
    from coincurve import PublicKey as Secp256k1PublicKey

    try:
        return Secp256k1PublicKey(compressed)
    except ValueError:
        raise CodecError(ErrorCode.CRYPTO_ERROR, "not a point of secp256k1", 1) from None
