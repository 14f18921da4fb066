"""AES keys and their exchange."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.aes import AesKey, decrypt_aeskey, gen_aeskey_and_encrypt
from cyfs_edge.base.codec import Reader
from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from tests import strategies
from tests.strategies import PRIVATE_KEYS

aes_keys = st.builds(AesKey, st.binary(min_size=48, max_size=48))


@given(aes_keys, st.binary(max_size=100))
def test_what_is_encrypted_is_decrypted(key: AesKey, data: bytes) -> None:
    encrypted = key.encrypt(data)
    assert len(encrypted) == 16 * (len(data) // 16 + 1)
    assert key.decrypt(encrypted) == data


@given(aes_keys, st.binary(max_size=64))
def test_other_data_is_a_crypto_error_or_noise(key: AesKey, data: bytes) -> None:
    code = ErrorCode.CRYPTO_ERROR
    try:
        plain = key.decrypt(data)
    except CyfsError as error:
        code = ErrorCode(error.code)
    else:
        assert key.encrypt(plain) == data
    assert code == ErrorCode.CRYPTO_ERROR


@given(aes_keys, strategies.u64s)
def test_the_text_and_the_name_of_a_key(key: AesKey, salt: int) -> None:
    assert AesKey.from_text(str(key)) == AesKey.read(Reader(key.raw)) == key
    for name in (key.mix_hash(), key.mix_hash(salt)):
        assert len(name) == 8
        assert name[0] < 0x80


def test_a_key_has_48_bytes_and_does_not_show_them() -> None:
    with pytest.raises(CyfsError):
        AesKey(bytes(47))
    assert repr(AesKey(b"\x11" * 48)) == "AesKey(…)"


def test_proxy_keys_begin_with_their_number() -> None:
    assert AesKey.proxy(258, b"r" * 24).raw == bytes.fromhex("0000000000000102") * 3 + b"r" * 24


@pytest.mark.parametrize("name", PRIVATE_KEYS)
@given(st.binary(min_size=47, max_size=47), st.binary(max_size=20))
def test_both_sides_get_the_same_key(name: str, noise: bytes, rest: bytes) -> None:
    private = PRIVATE_KEYS[name]
    random = b"\1" + noise  # never a scalar out of range
    key, message = gen_aeskey_and_encrypt(private.public(), random)
    assert len(message) == (33 if name == "secpa" else private.kind.bits // 8)
    assert decrypt_aeskey(private, message + rest) == (key, rest)
    if name != "secpa":
        assert key.raw == random


@pytest.mark.parametrize("name", PRIVATE_KEYS)
def test_a_message_cut_short_is_out_of_limit(name: str) -> None:
    private = PRIVATE_KEYS[name]
    _, message = gen_aeskey_and_encrypt(private.public(), b"\1" * 48)
    with pytest.raises(CodecError) as caught:
        decrypt_aeskey(private, message[:-1])
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT


def test_a_message_to_somebody_else_gives_no_key_or_another() -> None:
    key, message = gen_aeskey_and_encrypt(PRIVATE_KEYS["rsa2048a"].public(), b"\1" * 48)
    code, other = ErrorCode.CRYPTO_ERROR, None
    try:
        other = decrypt_aeskey(PRIVATE_KEYS["rsa2048b"], message)[0]
    except CyfsError as error:
        code = ErrorCode(error.code)
    assert code == ErrorCode.CRYPTO_ERROR
    assert other != key


def test_a_message_that_is_no_point_is_refused() -> None:
    with pytest.raises(CyfsError) as caught:
        decrypt_aeskey(PRIVATE_KEYS["secpa"], b"\2" + b"\xff" * 32)
    assert caught.value.code == ErrorCode.CRYPTO_ERROR


def test_the_random_bytes_are_48() -> None:
    with pytest.raises(CyfsError) as caught:
        gen_aeskey_and_encrypt(PRIVATE_KEYS["secpa"].public(), bytes(32))
    assert caught.value.code == ErrorCode.INVALID_PARAM
