"""The version of an app that satisfies a semver request (docs/protocol/core-objects.md §3.4)."""

from __future__ import annotations

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.objects.core.app_version import find_version

KEYS = (
    "1.0.0",
    "1.0.1",
    "1.0.2",
    "1.1.2",
    "1.1.5",
    "1.3.7",
    "1.3.10",
    "1.4.0.20",
    "1.4.1.21-preview",
    "1.5.1.22-preview",
    "2.5.28",
    "2.5.30",
)


@pytest.mark.parametrize(
    ("request_text", "tag", "key"),
    [
        ("*", None, "2.5.30"),
        (" x ", None, "2.5.30"),
        ("X", None, "2.5.30"),
        ("2.5.28", None, "2.5.30"),
        ("=2.5.28", None, "2.5.28"),
        ("= 2.5.28", None, "2.5.28"),
        ("=1.0", None, "1.0.2"),
        ("1.0.*", None, "1.0.2"),
        ("1.0.x", None, "1.0.2"),
        ("1.*", None, "1.4.0.20"),
        ("1.*.*", None, "1.4.0.20"),
        ("=1", None, "1.4.0.20"),
        ("1", None, "1.4.0.20"),
        ("^1", None, "1.4.0.20"),
        ("^1.1", None, "1.4.0.20"),
        ("1.0", "preview", "1.5.1.22-preview"),
        ("1.4", "preview", "1.5.1.22-preview"),
        ("=1.4.21", "preview", "1.4.1.21-preview"),
        ("*", "preview", "2.5.30"),
        ("~1", None, "1.4.0.20"),
        ("~1.4", None, "1.4.0.20"),
        ("~1.1", None, "1.1.5"),
        ("~1.3.8", None, "1.3.10"),
        ("<1.3", None, "1.1.5"),
        ("<2", None, "1.4.0.20"),
        ("<=1.3", None, "1.3.10"),
        ("<=1.3.8", None, "1.3.7"),
        ("=1.3", None, "1.3.10"),
        (">1.3.10,<2", None, "1.4.0.20"),
        (">1.3, <2", None, "1.4.0.20"),
        (">=1.3.10 , <=1.3.10", None, "1.3.10"),
        (">1.*,<3", None, "2.5.30"),
        # Candidates lose their prerelease, so a request that names one is above or below the release of its number.
        (">1.3.10-rc,<1.4", None, "1.3.10"),
        ("<1.3.10-rc", None, "1.3.7"),
        ("1.3.10-rc.1+build.007", None, "1.4.0.20"),
    ],
)
def test_the_highest_version_that_satisfies_the_request(request_text: str, tag: str | None, key: str) -> None:
    assert find_version(KEYS, request_text, tag) == key
    assert find_version(reversed(KEYS), request_text, tag) == key


@pytest.mark.parametrize(
    ("request_text", "keys", "key"),
    [
        ("0.2.3", ("0.2.2", "0.2.3", "0.2.9", "0.3.0"), "0.2.9"),
        ("0.0.3", ("0.0.3", "0.0.4"), "0.0.3"),
        ("0.0", ("0.0.9", "0.1.0"), "0.0.9"),
        ("0", ("0.9.0", "1.0.0"), "0.9.0"),
        ("0.2", ("0.2.0", "0.3.0"), "0.2.0"),
        ("^0.0.0", ("0.0.0", "0.0.1"), "0.0.0"),
    ],
)
def test_a_caret_keeps_the_first_number_that_is_not_zero(request_text: str, keys: tuple[str, ...], key: str) -> None:
    assert find_version(keys, request_text) == key


@pytest.mark.parametrize(
    ("request_text", "tag"),
    [
        ("=1.4.21-preview", None),
        ("=1.4.21-preview", "preview"),
        ("=1.4.21", None),
        ("=1.4.21", "beta"),
        (">2", None),
        ("<=1.3.10-rc,>=1.3.10", None),
        ("0.9", None),
    ],
)
def test_nothing_satisfies(request_text: str, tag: str | None) -> None:
    with pytest.raises(CyfsError) as refused:
        find_version(KEYS, request_text, tag)
    assert refused.value.code == ErrorCode.NOT_FOUND


def test_an_app_without_versions_has_none() -> None:
    with pytest.raises(CyfsError) as refused:
        find_version((), "*")
    assert refused.value.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize(
    "request_text",
    [
        "",
        "latest",
        "1.2.3.4",
        "1.*.3",
        "*,1",
        "1,*",
        "1,",
        "1..2",
        "01.2",
        "1.2.3-",
        "1.2.3-01",
        "1.2-rc",
        "=>1",
        "1.2.3 1.2.4",
        "18446744073709551616",
        "9" * 100,
        ",".join(["1"] * 33),
        "١",
    ],
)
def test_texts_that_are_no_semver_request(request_text: str) -> None:
    with pytest.raises(CyfsError) as refused:
        find_version(KEYS, request_text)
    assert refused.value.code == ErrorCode.INVALID_FORMAT


def test_thirty_two_conditions_are_allowed() -> None:
    assert find_version(KEYS, ",".join([">=1"] * 32)) == "2.5.30"


@pytest.mark.parametrize(
    "key", ["latest", "1.2", "1.2.3.4.5", "1.02.3", "1.2.3-", "1.2.3-00", "1.2.99999999999999999999"]
)
def test_one_bad_key_spoils_the_search(key: str) -> None:
    with pytest.raises(CyfsError) as refused:
        find_version([*KEYS, key], "1")
    assert refused.value.code == ErrorCode.INVALID_FORMAT


def test_versions_of_one_number_are_told_apart_always_in_the_same_way() -> None:
    """``1.4.0.20``, ``1.4.1.20`` and ``1.4.1.20-preview`` are all 1.4.20: the release, then the higher text wins."""
    keys = ["1.4.0.20", "1.4.1.20", "1.4.1.20-preview"]
    for order in (keys, keys[::-1]):
        assert find_version(order, "1.4.20", "preview") == "1.4.1.20"
