"""Keys from recovery words: seed, path, key generator (docs/protocol/objects.md §8). Not BIP32.

Each step of a path makes a full key pair, so a derivation generates six. With RSA that is seconds of pure computing
that holds the interpreter lock: run it in a process of its own or where nothing else waits. ``progress`` is called from
inside it, and an exception raised there ends it; nothing is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from cyfs_edge.base.errors import CodecError
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.base.keys import KeyKind, PrivateKey
from cyfs_edge.core.prime import Tick, find_prime

HARDENED = 0x8000_0000
LEVELS = 6
"""Key pairs that a derivation of a people or device key generates: the root and one per path step."""

_PURPOSE = 809
_TYPE_DEVICE = 1
_TYPE_PEOPLE = 2
_ROOT_KEY = b"BFC seed"
_SALT = b"cyfs-mnemonic-"
_SEED_ROUNDS = 2048
_EXPONENT = 65537

Path = tuple[int, ...]
"""Steps, u32 each; hardened ones have bit 31 set."""


class Network(Enum):
    """The MetaChain that an identity is made for; the value is its number in paths."""

    MAIN = 0
    TEST = 1
    BETA = 2

    @property
    def text(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a derivation is: at key pair ``level`` of ``levels``, prime 1 or 2 of it, after ``tried`` candidates.

    A secp256k1 key is reported once, as prime 1.
    """

    level: int
    levels: int
    prime: int
    tried: int

    @property
    def fraction(self) -> float:
        """Primes found of all to find, 0…1. The time that one takes varies by chance."""
        return (2 * (self.level - 1) + self.prime - 1) / (2 * self.levels)


def ignore_progress(progress: Progress) -> None:
    """The callback of those who do not look."""


def people_seed(entropy: bytes, password: str = "") -> bytes:
    """64 bytes from the entropy of the recovery words (not the words)."""
    return _seed(entropy, password.encode("utf-8"))


def device_seed(people_key: PrivateKey, people_id: ObjectId) -> bytes:
    """64 bytes from the owner's key, for the keys of the owner's devices."""
    return _seed(people_key.encode(), str(people_id).encode("ascii"))


def _seed(secret: bytes, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", secret, _SALT + salt, _SEED_ROUNDS)


def people_path(network: Network, account: int = 0, index: int = 0) -> Path:
    return (_PURPOSE | HARDENED, _TYPE_PEOPLE | HARDENED, account | HARDENED, network.value, index)


def device_path(network: Network, index: int, account: int = 0) -> Path:
    """``index``: that of the device (:func:`device_index`); ``account``: that of the owner."""
    return (_PURPOSE | HARDENED, _TYPE_DEVICE | HARDENED, account | HARDENED, network.value, index)


def device_index(unique_text: str) -> int:
    """The index that official clients give a device, 0…33906: its key depends on this number alone."""
    value = 0
    for char in hashlib.md5(unique_text.encode("utf-8"), usedforsecurity=False).hexdigest():
        value = value * 31 + ord(char) & 0xFFFF_FFFF
    # The hash is a signed 32-bit one. The divisor is the clients' own, not 65536.
    return min(value, (1 << 32) - value) // 63336


def derive_key(
    seed: bytes, path: Path, kind: KeyKind, progress: Callable[[Progress], None] = ignore_progress
) -> PrivateKey:
    """The key at ``path`` below ``seed`` (64 bytes)."""
    levels = 1 + len(path)

    def generate(level: int, secret: bytes) -> PrivateKey:
        return key_from_seed(secret, kind, lambda prime, tried: progress(Progress(level, levels, prime, tried)))

    secret, chain_code = _split(_ROOT_KEY, seed)
    key = generate(1, secret)
    for level, step in enumerate(path, 2):
        parent = b"\0" + key.encode() if step & HARDENED else key.public().encode()
        secret, chain_code = _split(chain_code, parent + step.to_bytes(4, "big"))
        key = generate(level, secret)
    return key


def _split(key: bytes, data: bytes) -> tuple[bytes, bytes]:
    digest = hmac.digest(key, data, "sha512")
    return digest[:32], digest[32:]


def key_from_seed(
    seed: bytes, kind: KeyKind, tick: Callable[[int, int], None] = lambda prime, tried: None
) -> PrivateKey:
    """The key of one 32-byte generator. ``tick``: called with the prime worked at, 1 or 2, and the candidates tried for
    it."""
    take = _key_stream(seed)
    if kind.is_rsa:
        return PrivateKey.from_rsa_numbers(*rsa_primes(take, kind.bits, tick), _EXPONENT)
    tick(1, 1)
    while True:
        # Refused: 0 and what is not below the order of the curve.
        with suppress(CodecError):
            return PrivateKey.from_secp256k1(take(32))


def rsa_primes(take: Callable[[int], bytes], bits: int, tick: Callable[[int, int], None]) -> tuple[int, int]:
    """The next two primes of the stream ``take``: two that make a key of ``bits`` bits with the exponent 65537."""

    def tick_of(prime: int) -> Tick:
        return lambda tried: tick(prime, tried)

    while True:
        p = find_prime(take, bits // 2, tick_of(1))
        q = find_prime(take, bits // 2, tick_of(2))
        if p != q and (p * q).bit_length() == bits and (p - 1) % _EXPONENT and (q - 1) % _EXPONENT:
            return p, q


def _key_stream(seed: bytes) -> Callable[[int], bytes]:
    """Takes the next bytes of the ChaCha20 key stream of ``seed``: nonce 0, counter from 0."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

    encryptor = Cipher(ChaCha20(seed, bytes(16)), mode=None).encryptor()
    return lambda size: encryptor.update(bytes(size))
