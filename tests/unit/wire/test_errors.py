"""Errors over HTTP: statuses and JSON as the reference gives them (http-api §4.4)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.wire.errors import code_of_status, error_json, error_response, error_to_response, status_of
from tests import vector_count


def recorded_errors() -> list[tuple[int, int]]:
    """Status and code of every recorded reply that is an error."""
    errors = []
    for item in vector_count.load("http-replies.json")["items"]:
        for reply in item.get("replies", [item.get("reply")]):
            text = (reply or {}).get("body", {}).get("text", "")
            if text.startswith('{"code":"') and int(reply["status_line"].split()[1]) >= 300:
                errors.append((int(reply["status_line"].split()[1]), int(json.loads(text)["code"])))
    return errors


def test_every_recorded_error_has_the_status_of_its_code() -> None:
    errors = recorded_errors()
    assert len(errors) > 200
    assert [(status_of(code), code) for _, code in errors] == errors


def test_every_code_has_a_status() -> None:
    assert {status_of(code) for code in ErrorCode} == {204, 400, 403, 404, 406, 409, 416, 500, 501, 504}
    assert status_of(5001) == status_of(15001) == status_of(65535) == 500


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, ErrorCode.OK),
        (206, ErrorCode.OK),
        (400, ErrorCode.INVALID_DATA),
        (403, ErrorCode.REJECT),
        (404, ErrorCode.NOT_FOUND),
        (416, ErrorCode.RANGE_NOT_SATISFIABLE),
        (504, ErrorCode.TIMEOUT),
        (302, ErrorCode.UNKNOWN),
        (418, ErrorCode.UNKNOWN),
    ],
)
def test_a_reply_without_body_means_a_code(status: int, code: ErrorCode) -> None:
    assert code_of_status(status) == code


def test_the_json_form() -> None:
    response = error_response(404, ErrorCode.NOT_FOUND, 'no "é"')
    assert response.status == 404
    assert response.headers == [("content-type", "application/json")]
    assert response.body == '{"code":"4","msg":"no \\"é\\""}'.encode()


def test_an_error_may_name_its_status() -> None:
    assert error_to_response(CyfsError(ErrorCode.OUT_OF_LIMIT, "m", status=413)).status == 413
    assert error_to_response(CyfsError(ErrorCode.OUT_OF_LIMIT, "m", status="413")).status == 500
    assert error_to_response(CyfsError(ErrorCode.TIMEOUT, "m")).status == 504


@given(st.integers(0, 70000), st.text(st.characters()))
def test_any_text_can_be_said(code: int, text: str) -> None:
    value = json.loads(error_json(code, text))
    assert value["code"] == str(code)
    assert text.isascii() is False or value["msg"] == text
