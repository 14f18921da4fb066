"""Addresses of places for backups."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.backup.address import ADDRESS_MAX, Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("/mnt/disk/", Address("folder", "/mnt/disk")),
        ("/", Address("folder", "/")),
        ("sftp://me@nas:2222/a/b", Address("sftp", "/a/b", "nas", 2222, "me")),
        ("sftp://nas", Address("sftp", "/", "nas")),
        ("sftp://[::1]/a", Address("sftp", "/a", "::1")),
        ("s3://Bucket", Address("s3", "", "Bucket")),
        (
            "s3://b/a/b?endpoint=http://127.0.0.1:8333&region=eu",
            Address("s3", "a/b", "b", None, None, "http://127.0.0.1:8333", "eu"),
        ),
    ],
)
def test_places_are_understood(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "disk",
        "ftp://nas/a",
        "sftp:///a",
        "sftp://nas:99999/a",
        "sftp://me:secret@nas/a",
        "sftp://nas/a?b=c",
        "s3://b:80/a",
        "s3://u@b/a",
        "s3://b/a?key=secret",
        "s3://b/a#c",
        "sftp://[::1/a",
        "/a\nb",
        "/" + "a" * ADDRESS_MAX,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CyfsError) as raised:
        parse_address(text)
    assert raised.value.code == ErrorCode.INVALID_PARAM
    assert "secret" not in raised.value.message


def test_an_address_is_shown_without_its_options() -> None:
    assert parse_address("s3://b/a?endpoint=http://x").text == "s3://b/a"
    assert parse_address("sftp://me@nas:22/a/b").text == "sftp://me@nas:22/a/b"
    assert parse_address("/mnt/disk").text == "/mnt/disk"
