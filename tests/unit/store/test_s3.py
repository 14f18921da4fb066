"""What an S3 server is reached with: credentials, and the library that not everybody has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.store.remote import parse_name, store_of_marker
from cyfs_edge.store.s3 import Credentials, S3Settings, S3Storage, load_credentials

GOOD = 'access_key = "a"\nsecret_key = "b"\n'


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_credentials_of_a_file_and_of_the_environment(tmp_path: Path) -> None:
    assert load_credentials(write(tmp_path / "file", GOOD), {}) == Credentials("a", "b")
    environment = {"AWS_ACCESS_KEY_ID": "c", "AWS_SECRET_ACCESS_KEY": "d"}
    assert load_credentials(None, environment) == Credentials("c", "d")


@pytest.mark.parametrize(
    ("text", "mode", "code"),
    [
        (GOOD, 0o640, ErrorCode.PERMISSION_DENIED),
        (GOOD, 0o604, ErrorCode.PERMISSION_DENIED),
        ("access_key = 1\nsecret_key = 'b'", 0o600, ErrorCode.INVALID_PARAM),
        ("access_key = ''\nsecret_key = 'b'", 0o600, ErrorCode.INVALID_PARAM),
        ("access_key = 'a'", 0o600, ErrorCode.INVALID_PARAM),
        ("not toml", 0o600, ErrorCode.INVALID_PARAM),
        ("# " + "x" * 20_000 + "\n" + GOOD, 0o600, ErrorCode.INVALID_PARAM),
    ],
)
def test_credentials_that_are_refused(tmp_path: Path, text: str, mode: int, code: ErrorCode) -> None:
    with pytest.raises(CyfsError) as caught:
        load_credentials(write(tmp_path / "file", text, mode), {})
    assert caught.value.code == code
    assert "file" in caught.value.message


def test_no_credentials(tmp_path: Path) -> None:
    for path, code in ((None, ErrorCode.INVALID_PARAM), (tmp_path / "none", ErrorCode.PERMISSION_DENIED)):
        with pytest.raises(CyfsError) as caught:
            load_credentials(path, {"AWS_ACCESS_KEY_ID": "c"})
        assert caught.value.code == code


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(CyfsError) as caught:
        S3Storage(S3Settings("http://127.0.0.1:1", "bucket", "", "r", Credentials("a", "b"), 1.0, 1))
    assert caught.value.code == ErrorCode.NOT_SUPPORT
    assert "python3-boto3" in caught.value.message


@pytest.mark.parametrize("name", ["", "-", "x-y", "notes.txt", "00" * 32 + "-" + "00" * 8, "5c" * 32 + "-00"])
def test_names_that_we_do_not_make(name: str) -> None:
    assert parse_name(name) is None


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b"\xff", b"1"])
def test_what_is_no_marker(data: bytes) -> None:
    assert store_of_marker(data) is None
