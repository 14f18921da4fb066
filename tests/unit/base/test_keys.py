"""Keys: raw forms, refusals, signatures and encryption of every kind."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.codec import Reader, Writer
from cyfs_edge.base.der import decode_integers, encode_integers
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.keys import (
    KeyKind,
    MNPublicKey,
    PrivateKey,
    PublicKey,
    PublicKeyValue,
    SignatureKind,
    read_public_key_value,
    write_public_key_value,
)
from tests import strategies
from tests.strategies import PRIVATE_KEYS
from tests.vector_count import load

SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
RSA = PRIVATE_KEYS["rsa1024a"]
SECP = PRIVATE_KEYS["secpa"]


@pytest.fixture(scope="module", params=KeyKind, ids=lambda kind: kind.name)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return PrivateKey.generate(request.param)


def test_a_new_key_signs_and_comes_back(key: PrivateKey) -> None:
    assert PrivateKey.decode(key.encode()) == key
    public = key.public()
    assert public.kind is key.kind
    assert PublicKey.decode(public.encode()) == public
    signature = key.sign(b"message")
    assert signature == key.sign(b"message")
    assert len(signature) == public.signature_kind.size
    assert public.verify(b"message", signature, public.signature_kind)
    assert not public.verify(b"massage", signature, public.signature_kind)
    assert not public.verify(b"message", signature[:-1], public.signature_kind)
    assert not public.verify(b"message", bytes(len(signature)), public.signature_kind)
    assert not public.verify(b"message", b"\xff" * len(signature), public.signature_kind)


def test_a_signature_of_another_kind_is_not_the_keys_own(key: PrivateKey) -> None:
    public = key.public()
    for kind in SignatureKind:
        if kind is not public.signature_kind:
            assert not public.verify(b"message", bytes(kind.size), kind)


def test_rsa_encrypts_up_to_its_size_less_the_padding(key: PrivateKey) -> None:
    public = key.public()
    if not key.kind.is_rsa:
        for use in (public.encrypt, key.decrypt):
            with pytest.raises(CyfsError) as caught:
                use(b"x")
            assert caught.value.code == ErrorCode.NOT_SUPPORT
        return
    size = key.kind.bits // 8
    for length in (0, 1, size - 11):
        encrypted = public.encrypt(b"x" * length)
        assert len(encrypted) == size
        assert key.decrypt(encrypted) == b"x" * length
    for use, data in ((public.encrypt, bytes(size - 10)), (key.decrypt, bytes(size - 1))):
        with pytest.raises(CyfsError) as caught:
            use(data)
        assert caught.value.code == ErrorCode.CRYPTO_ERROR


@pytest.mark.parametrize(("name", "size"), [("rsa1024a", 163), ("rsa2048a", 295), ("secpa", 34)])
def test_public_keys_have_the_sizes_of_the_protocol(name: str, size: int) -> None:
    assert len(PRIVATE_KEYS[name].public().encode()) == size


def test_a_public_rsa_key_is_zero_padded_pkcs1() -> None:
    raw = PRIVATE_KEYS["rsa2048a"].public().encode()
    modulus, exponent = decode_integers(raw[1:], 2)
    assert raw[1:] == encode_integers((modulus, exponent)).ljust(294, b"\0")
    assert PublicKey.from_rsa_numbers(modulus, exponent).encode() == raw


def derived_keys() -> list[PrivateKey]:
    """The RSA keys that the reference made from seeds."""
    vectors = load("objects.json")["vectors"]
    derived = [vector for vector in vectors if vector["kind"] in {"cip_people", "cip_device", "key_from_seed"}]
    keys = [PrivateKey.decode(bytes.fromhex(vector["hex"])) for vector in derived]
    return [key for key in keys if key.kind.is_rsa]


@pytest.mark.parametrize("held", derived_keys(), ids=repr)
def test_a_private_rsa_key_is_made_again_from_its_primes_in_order(held: PrivateKey) -> None:
    """d is the inverse modulo (p−1)(q−1), not modulo the least common multiple, and p is the first prime."""
    numbers = decode_integers(held.encode()[3:], 9)
    p, q = numbers[4:6]
    assert PrivateKey.from_rsa_numbers(p, q) == held
    assert PrivateKey.from_rsa_numbers(q, p) != held
    assert PrivateKey.from_rsa_numbers(q, p).public() == held.public()


def test_private_rsa_keys_are_read_by_other_software(key: PrivateKey) -> None:
    if key.kind.is_rsa:
        numbers = load_der_private_key(key.encode()[3:], None).private_numbers()  # type: ignore[union-attr]
        assert numbers.public_numbers.n.bit_length() == key.kind.bits  # type: ignore[union-attr]


def test_both_s_of_a_secp256k1_signature_fit() -> None:
    """The reference takes the high one as well; only the low one is ever made."""
    signature = SECP.sign(b"message")
    s = int.from_bytes(signature[32:], "big")
    assert s <= SECP256K1_ORDER // 2
    high = signature[:32] + (SECP256K1_ORDER - s).to_bytes(32, "big")
    assert SECP.public().verify(b"message", high, SignatureKind.SECP256K1)


@pytest.mark.parametrize(
    "r_and_s", [(0, 1), (1, 0), (SECP256K1_ORDER, 1), (1, SECP256K1_ORDER), (2**256 - 1, 2**256 - 1)]
)
def test_numbers_outside_the_group_are_no_signature(r_and_s: tuple[int, int]) -> None:
    data = b"".join(number.to_bytes(32, "big") for number in r_and_s)
    assert not SECP.public().verify(b"message", data, SignatureKind.SECP256K1)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", ErrorCode.OUT_OF_LIMIT),
        (b"\x00" + bytes(161), ErrorCode.OUT_OF_LIMIT),
        (b"\x0a" + bytes(32), ErrorCode.OUT_OF_LIMIT),
        (b"\x03" + bytes(500), ErrorCode.NOT_MATCH),
        (b"\x05" + bytes(500), ErrorCode.NOT_MATCH),
        (b"\x00" + bytes(162), ErrorCode.INVALID_DATA),
        (b"\x0a\x02" + b"\xff" * 32, ErrorCode.CRYPTO_ERROR),
        (b"\x0a\x04" + b"\x01" * 32, ErrorCode.CRYPTO_ERROR),
        (b"\x00" + encode_integers((1 << 1022, 3)).ljust(162, b"\0"), ErrorCode.INVALID_DATA),
        (b"\x01" + RSA.public().encode()[1:].ljust(294, b"\0"), ErrorCode.INVALID_DATA),
    ],
    ids=[
        "empty",
        "short",
        "short point",
        "code 3",
        "code 5",
        "zeros",
        "off the field",
        "prefix",
        "1023 bits",
        "in 2048",
    ],
)
def test_what_is_no_public_key_is_refused(raw: bytes, code: ErrorCode) -> None:
    with pytest.raises(CodecError) as caught:
        PublicKey.read(Reader(b"##" + raw, 2))
    assert caught.value.code == code


def test_rsa_numbers_that_make_no_key_verify_and_encrypt_nothing() -> None:
    """They are carried, as only their size is looked at when they are read."""
    key = PublicKey.from_rsa_numbers(1 << 1023, 2)
    assert PublicKey.decode(key.encode()) == key
    assert not key.verify(b"message", bytes(128), SignatureKind.RSA1024)
    with pytest.raises(CyfsError) as caught:
        key.encrypt(b"x")
    assert caught.value.code == ErrorCode.CRYPTO_ERROR


def damaged_private_keys() -> dict[str, tuple[bytes, ErrorCode]]:
    _, n, e, d, p, q, dp, dq, qinv = decode_integers(RSA.encode()[3:], 9)

    def raw(*numbers: int) -> bytes:
        der = encode_integers(numbers)
        return b"\0" + len(der).to_bytes(2, "big") + der

    return {
        "empty": (b"", ErrorCode.OUT_OF_LIMIT),
        "unknown type": (b"\x0a" + bytes(33), ErrorCode.NOT_MATCH),
        "cut": (RSA.encode()[:-1], ErrorCode.OUT_OF_LIMIT),
        "version": (raw(1, n, e, d, p, q, dp, dq, qinv), ErrorCode.CRYPTO_ERROR),
        "primes": (raw(0, n, e, d, p, q + 2, dp, dq, qinv), ErrorCode.CRYPTO_ERROR),
        "exponents": (raw(0, n, e, d + 2, p, q, dp, dq, qinv), ErrorCode.CRYPTO_ERROR),
        "bits": (raw(0, n >> 1, e, d, p, q, dp, dq, qinv), ErrorCode.NOT_SUPPORT),
        "scalar 0": (b"\5" + bytes(32), ErrorCode.CRYPTO_ERROR),
        "scalar n": (b"\5" + SECP256K1_ORDER.to_bytes(32, "big"), ErrorCode.CRYPTO_ERROR),
    }


@pytest.mark.parametrize("name", damaged_private_keys())
def test_a_damaged_private_key_is_refused(name: str) -> None:
    raw, code = damaged_private_keys()[name]
    with pytest.raises(CodecError) as caught:
        PrivateKey.decode(raw)
    assert caught.value.code == code


def test_a_secp256k1_secret_has_32_bytes() -> None:
    assert PrivateKey.from_secp256k1(SECP.secret) == SECP
    with pytest.raises(CyfsError):
        PrivateKey.from_secp256k1(bytes(31))
    with pytest.raises(CyfsError):
        _ = RSA.secret


@given(strategies.public_key_values)
def test_key_values_come_back(key: PublicKeyValue) -> None:
    writer = Writer()
    write_public_key_value(writer, key)
    raw = writer.getvalue()
    assert raw[0] == (1 if isinstance(key, MNPublicKey) else 0)
    assert read_public_key_value(Reader(raw)) == key
    assert raw[1:] == key.encode()


def test_an_unknown_key_value_is_not_supported() -> None:
    with pytest.raises(CodecError) as caught:
        read_public_key_value(Reader(b"\2" + RSA.public().encode()))
    assert caught.value.code == ErrorCode.NOT_SUPPORT


@given(
    st.binary(max_size=40),
    st.sampled_from([RSA.encode(), SECP.encode(), RSA.public().encode(), SECP.public().encode()]),
)
def test_any_bytes_are_a_key_or_a_codec_error(noise: bytes, raw: bytes) -> None:
    for data in (noise, raw[: len(noise)] + noise + raw[2 * len(noise) :]):
        for decode in (PublicKey.decode, PrivateKey.decode):
            try:
                decode(data)
            except CodecError as error:
                offset = error.offset
            else:
                offset = 0
            assert 0 <= offset <= len(data)


def test_a_key_that_is_met_again_is_the_same_object() -> None:
    """So that the native key behind it is loaded once."""
    raw = RSA.public().encode()
    assert PublicKey.decode(raw) is PublicKey.decode(bytes(raw))


def test_private_keys_do_not_show_themselves() -> None:
    assert repr(SECP) == "PrivateKey(SECP256K1)"
    assert SECP.secret.hex() not in str(SECP)
    assert repr(RSA.public()).startswith("PublicKey(RSA1024")


def test_carrying_rsa_keys_loads_no_cryptography() -> None:
    """A process that only carries keys around must stay small."""
    program = (
        "import sys; from cyfs_edge.base.keys import PublicKey;"
        f"PublicKey.decode(bytes.fromhex('{RSA.public().encode().hex()}'));"
        "print(sorted({'cryptography', 'coincurve', 'cffi'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
