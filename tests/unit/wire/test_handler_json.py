"""Requests and replies as handlers see them: forms, what comes back from them, the words of filters (http-api §14)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cyfs_edge.base.aes import AesKey
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.wire import json_values as values
from cyfs_edge.wire.filter import Value
from cyfs_edge.wire.filter_tokens import WORDS, Kind
from cyfs_edge.wire.handler import parse_answer, parse_routine_url
from cyfs_edge.wire.handler_crypto_json import (
    ACL,
    DECRYPT_DATA,
    ENCRYPT_DATA,
    SIGN_OBJECT,
    VERIFY_OBJECT,
    AclRequest,
)
from cyfs_edge.wire.handler_json import DELETE_OBJECT, GET_OBJECT, POST_OBJECT, PUT_OBJECT, Codec, Got
from cyfs_edge.wire.requests import (
    CryptoFlag,
    DecryptData,
    DecryptType,
    DeleteObject,
    DeleteObjectReply,
    EncryptData,
    EncryptType,
    GetObject,
    GetObjectReply,
    NonCommon,
    NonLevel,
    PostObject,
    PostObjectReply,
    PutObject,
    PutObjectReply,
    PutResult,
    SignObject,
    SignType,
    UtilCommon,
    VerifiedSign,
    VerifyObject,
    VerifyReply,
    VerifyType,
)
from cyfs_edge.wire.source import Source, ZoneCategory
from tests.node import DEC, DEVICE, OBJECTS, PEOPLE, RECORDING, id_of

DEC_ID, DEVICE_ID, PEOPLE_ID = (ObjectId.from_text(str(text)) for text in (DEC, DEVICE, PEOPLE))
SOURCE = Source("http-local", DEVICE_ID, PEOPLE_ID, ZoneCategory.CURRENT_DEVICE, DEC_ID, DEC_ID)
NON = NonCommon(SOURCE, NonLevel.NOC, DEVICE_ID, 5, "/a/b?c")
UTIL = UtilCommon(SOURCE, DEVICE_ID, 5, "/a/b")
TEXT_ID, TEXT = ObjectId.from_text(id_of("text_v1")), OBJECTS["text_v1"]
DEVICE_RAW = bytes.fromhex(RECORDING["identity"]["files_hex"]["device.desc"])
PEOPLE_RAW = bytes.fromhex(RECORDING["identity"]["files_hex"]["people.desc"])
FLAGS = CryptoFlag.BY_DEVICE | CryptoFlag.SET_DESC

CASES: dict[str, tuple[Codec[Any, Any], Any, Any]] = {
    "put_object": (PUT_OBJECT, PutObject(NON, TEXT_ID, TEXT, 7), PutObjectReply(PutResult.UPDATED, 5, 1 << 60)),
    "get_object": (GET_OBJECT, GetObject(NON, TEXT_ID, "/x"), GetObjectReply(TEXT_ID, TEXT, 5, 6, 9)),
    "post_object": (POST_OBJECT, PostObject(NON, TEXT_ID, TEXT), PostObjectReply(TEXT_ID, TEXT)),
    "delete_object": (DELETE_OBJECT, DeleteObject(NON, TEXT_ID, "/x"), DeleteObjectReply(TEXT_ID, TEXT)),
    "sign_object": (SIGN_OBJECT, SignObject(UTIL, TEXT_ID, decode_object(TEXT), FLAGS), TEXT),
    "verify_object": (
        VERIFY_OBJECT,
        VerifyObject(UTIL, decode_object(TEXT), SignType.DESC, VerifyType.OBJECT, DEVICE_ID, DEVICE_RAW),
        VerifyReply(True, (VerifiedSign(0, PEOPLE_ID),), (VerifiedSign(1, DEVICE_ID),)),
    ),
    "encrypt_data": (ENCRYPT_DATA, EncryptData(UTIL, EncryptType.DATA, b"x", FLAGS), (b"cipher", AesKey(bytes(48)))),
    "decrypt_data": (DECRYPT_DATA, DecryptData(UTIL, DecryptType.AESKEY, b"x", FLAGS), b"plain"),
    "acl": (ACL, AclRequest("local-cache", DEC_ID, SOURCE, "/a/b/", "q=1", 5), True),
}
each = pytest.mark.parametrize("category", CASES)


@each
def test_a_request_that_comes_back_unchanged_is_the_same(category: str) -> None:
    codec, request, _ = CASES[category]
    assert codec.category.value == category
    assert codec.merge_request(request, values.read_object(codec.param_json(request, None), "it")["request"]) == request


@each
def test_a_reply_that_comes_back_unchanged_is_the_same(category: str) -> None:
    codec, request, reply = CASES[category]
    members = values.read_object(codec.param_json(request, Got(reply)), "it")["response"]["value"]
    assert codec.read_reply(members, request) == reply
    assert codec.merge_reply(reply, members, request) == reply


def python_type(kind: Kind) -> type:
    return {Kind.STRING: str, Kind.GLOB: str, Kind.BOOL: bool}.get(kind, int)


# Words that have no value in the cases above, each for a reason: the recorded objects have no author, Text objects and
# Devices no dec, and no case is an error.
EMPTY = {"object.dec_id", "object.author", "area.country", "area.carrier", "area.city", "area.inner"}
EMPTY |= {"error.code", "error.msg"}


@each
def test_every_word_of_a_filter_has_its_value(category: str) -> None:
    """What the table of words promises, the codec gives, in the type promised."""
    codec, request, reply = CASES[category]
    look = codec.look(request, Got(reply))
    for word, kind in WORDS[category].items():
        value: Value = look(word)
        if value is None:
            assert any(word.endswith(empty) for empty in EMPTY), word
        else:
            assert type(value) is python_type(kind), word


@each
def test_words_of_the_reply_are_empty_before_there_is_one_and_tell_errors(category: str) -> None:
    codec, request, _ = CASES[category]
    before, failed = codec.look(request, None), codec.look(request, CyfsError(ErrorCode.TIMEOUT, "late"))
    assert [before(word) for word in WORDS[category] if word.startswith("resp.")].count(None) == sum(
        word.startswith("resp.") for word in WORDS[category]
    )
    assert (failed("resp.error.code"), failed("resp.error.msg")) == (3, "late")
    assert failed("resp.result") is None


def test_words_of_an_object_with_owner_and_area() -> None:
    look = PUT_OBJECT.look(PutObject(NON, PEOPLE_ID, PEOPLE_RAW, None), None)
    assert (look("obj_type"), look("obj_type_code"), look("obj_category")) == (2, 2, "standard")
    device = PUT_OBJECT.look(PutObject(NON, DEVICE_ID, DEVICE_RAW, None), None)
    assert device("object.owner") == str(PEOPLE_ID)


def test_words_of_bytes_that_are_no_object_are_empty() -> None:
    look = POST_OBJECT.look(PostObject(NON, TEXT_ID, b"junk"), None)
    assert (look("obj_type"), look("object_id")) == (None, str(TEXT_ID))


def test_the_path_of_an_access_question_names_category_and_dec() -> None:
    """As recorded for root-state: without a slash before the dec and behind the path."""
    request = AclRequest("root-state", DEC_ID, SOURCE, "/aclp/x/", None, 4)
    assert ACL.request_json(request)["req_path"] == f"{DEC}/aclp/x"
    assert ACL.request_json(request)["permissions"] == "r--"
    assert ACL.request_json(replace(request, category="local-cache"))["req_path"] == f"local-cache/{DEC}/aclp/x"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", 8),
        (b"5", 8),
        (b'{"action":5}', 8),
        (b'{"request":{}}', 4),
        (b'{"action":"Pass","request":[]}', 8),
        (b'{"action":"Pass","response":{"error":{"code":"x"}}}', 8),
        (b'{"action":"Pass","response":{"error":{"code":-1}}}', 8),
        (b'{"action":"Pass","response":{"value":7}}', 8),
    ],
)
def test_answers_that_cannot_be_read_are_refused(answer: bytes, code: int) -> None:
    with pytest.raises(CyfsError) as caught:
        parse_answer(answer)
    assert caught.value.code == code


def test_an_unknown_error_code_of_a_handler_is_unknown() -> None:
    reply = parse_answer(b'{"action":"Response","response":{"error":{"code":9999,"msg":"?"}}}').reply
    assert isinstance(reply, CyfsError)
    assert reply.code == ErrorCode.UNKNOWN


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("http://127.0.0.1:1080/base/", "/base/"),
        ("http://127.0.0.1:1080/base", "/"),
        ("http://127.0.0.1:1080", "/"),
        ("http://127.9.9.9:1/a/b/c", "/a/b/"),
    ],
)
def test_a_routine_url_ends_at_its_last_slash(text: str, path: str) -> None:
    """As a relative URL is joined to it."""
    assert parse_routine_url(text).path == path
