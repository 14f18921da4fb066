"""ObjectShell (docs/protocol/core-objects.md §3.14)."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.objects.core.object_shell import OBJECT_SHELL, ObjectShellBody, make_object_shell, shell_content
from cyfs_edge.objects.core.text_storage import TEXT, TextBody, make_text
from cyfs_edge.objects.envelope import NamedObject, decode_object
from tests import vector_count
from tests.unit.objects.core.ids import NOW
from tests.unit.objects.core.strategies import SIGNED_BY_SELF

TEXT_OBJECT = make_text("a", "h", "v", update_time=NOW)
FULL = TEXT_OBJECT.with_parts(desc_signs=(SIGNED_BY_SELF,), body_signs=(SIGNED_BY_SELF, SIGNED_BY_SELF), nonce=7)
BARE = TEXT_OBJECT.with_parts(body=None)
SIGNED_PEOPLE = next(
    decode_object(bytes.fromhex(one["hex"]))
    for one in vector_count.load("objects.json")["vectors"]
    if one["name"] == "people_signed_0"
)


@pytest.mark.parametrize("obj", [TEXT_OBJECT, FULL, BARE, SIGNED_PEOPLE], ids=["text", "full", "bare", "people"])
@pytest.mark.parametrize("fixed", [False, True])
def test_the_object_comes_out_as_it_went_in(obj: NamedObject, fixed: bool) -> None:
    shell = make_object_shell(obj, is_desc_sign_fix=fixed, is_body_sign_fix=fixed, is_nonce_fix=fixed, update_time=NOW)
    assert shell_content(shell) == obj


def test_a_shell_of_the_id_alone_needs_the_desc() -> None:
    shell = make_object_shell(FULL, is_object_id_only=True, update_time=NOW)
    assert shell_content(shell, FULL.desc.raw) == FULL
    with pytest.raises(CyfsError) as refused:
        shell_content(shell)
    assert refused.value.code == ErrorCode.INVALID_PARAM
    with pytest.raises(CyfsError) as refused:
        shell_content(shell, make_text("b", "h", "v", update_time=NOW).desc.raw)
    assert refused.value.code == ErrorCode.NOT_MATCH


def test_the_id_covers_what_is_fixed() -> None:
    """Always desc and body; signatures and nonce only when the flags say so."""
    other_body = TEXT.with_body(FULL, TextBody(value="w"), NOW)
    other_signs = FULL.with_parts(desc_signs=())
    other_nonce = FULL.with_parts(nonce=8)

    def shell_id(obj: NamedObject, fixed: bool) -> bytes:
        return make_object_shell(obj, is_desc_sign_fix=fixed, is_nonce_fix=fixed, update_time=NOW).object_id

    assert shell_id(other_body, False) != shell_id(FULL, False)
    for other in (other_signs, other_nonce):
        assert shell_id(other, False) == shell_id(FULL, False)
        assert shell_id(other, True) != shell_id(FULL, True)


def test_an_absent_part_counts_as_a_zero_byte() -> None:
    body = ObjectShellBody(desc=b"d")
    assert body.hash(desc_signs=False, body_signs=False, nonce=False) == hashlib.sha256(b"d\0").digest()
    assert body.hash(desc_signs=True, body_signs=True, nonce=True) == hashlib.sha256(b"d\0\0\0\0").digest()
    present = replace(body, body=b"", nonce=bytes(16))
    assert present.hash(desc_signs=False, body_signs=True, nonce=True) == hashlib.sha256(b"d\0" + bytes(16)).digest()


def test_a_wrong_hash_is_no_match() -> None:
    shell = make_object_shell(FULL, update_time=NOW)
    held = OBJECT_SHELL.decode(shell).body
    assert held is not None
    with pytest.raises(CodecError) as refused:
        OBJECT_SHELL.decode(OBJECT_SHELL.with_body(shell, replace(held, body=b"\0" + held.desc), NOW))
    assert refused.value.code == ErrorCode.NOT_MATCH


def shell_of(body: ObjectShellBody, id_only: bool = False) -> NamedObject:
    """A shell with a right hash around parts that are no object."""
    desc = OBJECT_SHELL.decode(make_object_shell(FULL, update_time=NOW)).desc
    covered = body.hash(desc_signs=False, body_signs=False, nonce=False)
    desc = replace(desc, is_object_id_only=id_only, fix_content_hash=covered)
    return OBJECT_SHELL.build(desc, body, update_time=NOW)


@pytest.mark.parametrize(
    "body",
    [
        ObjectShellBody(desc=b""),
        ObjectShellBody(desc=b"\0\x29"),
        ObjectShellBody(desc=FULL.desc.raw + b"\0"),
        ObjectShellBody(desc=FULL.desc.raw, body=b"\0"),
        ObjectShellBody(desc=FULL.desc.raw, body=(FULL.body.raw if FULL.body else b"") + b"\0"),
        ObjectShellBody(desc=FULL.desc.raw[:-1], body=FULL.desc.raw[-1:]),
        ObjectShellBody(desc=FULL.desc.raw, desc_signatures=b"\x01"),
    ],
)
def test_parts_that_are_no_object_are_refused(body: ObjectShellBody) -> None:
    with pytest.raises(CodecError):
        shell_content(shell_of(body))


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(CyfsError) as refused:
        shell_content(shell_of(ObjectShellBody(desc=b"short"), id_only=True), FULL.desc.raw)
    assert refused.value.code == ErrorCode.NOT_MATCH


def test_a_whole_object_is_no_desc() -> None:
    with pytest.raises(CyfsError, match="more than a desc") as refused:
        shell_content(shell_of(ObjectShellBody(desc=FULL.raw)))
    assert refused.value.code == ErrorCode.INVALID_DATA


def test_a_shell_without_body_holds_nothing() -> None:
    with pytest.raises(CyfsError) as refused:
        shell_content(make_object_shell(FULL, update_time=NOW).with_parts(body=None))
    assert refused.value.code == ErrorCode.INVALID_DATA


def test_a_nonce_has_sixteen_bytes() -> None:
    with pytest.raises(CodecError) as refused:
        ObjectShellBody.decode(b"\x2a\x0f" + bytes(15))
    assert refused.value.code == ErrorCode.INVALID_DATA
