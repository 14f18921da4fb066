"""Keys of backups as people write them, and sealing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.backup.keys import NONCE_SIZE, BackupKey, Sealer

KEYS = st.binary(min_size=32, max_size=32).map(BackupKey)
NONCE = bytes(range(NONCE_SIZE))


@given(KEYS)
def test_a_key_comes_back_from_its_text_however_it_is_written(key: BackupKey) -> None:
    text = key.text()
    assert [len(group) for group in text.split("-")] == [4] * 14
    for written in (text, text.lower(), text.replace("-", " "), text[:30] + "\n  " + text[30:], text.replace("O", "0")):
        assert BackupKey.parse(written) == key


@given(KEYS, st.data())
def test_a_wrong_letter_is_found(key: BackupKey, data: st.DataObject) -> None:
    text = key.text().replace("-", "")
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
    wrong = text[:at] + letter + text[at + 1 :]
    if wrong != text:
        with pytest.raises(CyfsError):
            BackupKey.parse(wrong)


@pytest.mark.parametrize("text", ["", "A", "A" * 56, "=" * 56, "ü" * 56, "A" * 10_000, "\0"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(CyfsError) as raised:
        BackupKey.parse(text)
    assert raised.value.code == ErrorCode.INVALID_FORMAT


def test_the_format_stays_what_it_is() -> None:
    """The values of docs/backup-format.md: what another program has to compute."""
    key = BackupKey(bytes(range(32)))
    assert key.text() == "AAAQ-EAYE-AUDA-OCAJ-BIFQ-YDIO-B4IB-CEQT-CQKR-MFYY-DENB-WHA5-DYPW-3DOG"
    sealer = Sealer(key, bytes(16))
    sealed = "000102030405060708090a0b0c0d0e0f10111213141516170123283ac1cba51b292a5c3499e19aab230be07d"
    assert sealer.seal(NONCE, b"data", b"context").hex() == sealed
    assert sealer.open(bytes.fromhex(sealed), b"context") == b"data"
    assert sealer.name(1, b"data").hex() == "fe690c3c7861b1b403f6953dfada83e267cce226c207e87c4e682886b073ae0d"


def test_sealed_data_opens_only_whole_in_its_context_and_with_its_key() -> None:
    sealer = Sealer(BackupKey(bytes(32)), bytes(16))
    sealed = sealer.seal(NONCE, b"some data", b"a")
    for wrong in (sealed[:-1], sealed[:10], b"", sealed + b"x", *(flipped(sealed, at) for at in range(len(sealed)))):
        with pytest.raises(CyfsError) as raised:
            sealer.open(wrong, b"a")
        assert raised.value.code == ErrorCode.INVALID_DATA
    others = (Sealer(BackupKey(bytes(31) + b"x"), bytes(16)), Sealer(BackupKey(bytes(32)), bytes(15) + b"x"))
    for other, context in ((sealer, b"b"), *((one, b"a") for one in others)):
        with pytest.raises(CyfsError):
            other.open(sealed, context)


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def test_names_tell_nothing_without_the_key() -> None:
    first, second = (Sealer(BackupKey(bytes(31) + end), bytes(16)) for end in (b"1", b"2"))
    assert first.name(1, b"x") == first.name(1, b"x")
    assert len({first.name(1, b"x"), first.name(2, b"x"), first.name(1, b"y"), second.name(1, b"x")}) == 4
