"""Shares as they are remembered, and the secrets in links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.shares.grants import decode_grant
from cyfs_edge.core.shares.record import (
    Audience,
    ObjectTarget,
    Share,
    StateTarget,
    decode_share,
    encode_share,
    read_secret,
    secret_text,
)
from tests.node import DEC, PEOPLE

KEY = "0" * 64
TARGETS = [ObjectTarget(ObjectId.from_text(PEOPLE), "a/ü"), StateTarget(ObjectId.from_text(DEC), "/photos")]


@given(st.sampled_from(TARGETS), st.sampled_from(Audience), st.text(), st.integers(0, 1 << 63), st.booleans())
def test_a_share_is_read_as_it_was_written(
    target: ObjectTarget | StateTarget, audience: Audience, label: str, time: int, ended: bool
) -> None:
    share = Share(KEY, audience, target, label, time, time, ended)
    assert decode_share(KEY, encode_share(share)) == share


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"version": 2}', encode_share(Share(KEY, Audience.ZONE, TARGETS[0], "", 1, 0))[:-9]]
)
def test_damage_is_told(data: bytes) -> None:
    with pytest.raises(CyfsError):
        decode_share(KEY, data)
    with pytest.raises(CyfsError):
        decode_grant(data)


@given(st.binary(min_size=16, max_size=16))
def test_the_secret_of_a_link(secret: bytes) -> None:
    text = secret_text(secret)
    assert read_secret(text) == secret
    assert read_secret(text + " ") is None
    assert read_secret("1" + text) is None


@pytest.mark.parametrize("text", ["", "0OIl", "1" * 15, "z" * 23, "..", "a" * 100_000, "ü" * 16])
def test_what_is_no_secret(text: str) -> None:
    assert read_secret(text) is None
