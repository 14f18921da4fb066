"""Requests made from the OpenAPI document, sent to a real gateway: it answers each as the document says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cyfs_edge.core.api.openapi import openapi_document
from tests import gateway_process

schemathesis = pytest.importorskip("schemathesis")
jsonschema = pytest.importorskip("jsonschema_rs")

DOCUMENT = openapi_document()
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
EXAMPLES = 12

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gateway_process.GatewayProcess]:
    root = tmp_path_factory.mktemp("openapi") / "root"
    with gateway_process.running(root, extra=("--init", "--key", "secp256k1")) as process:
        yield process


def fault(described: Any, status: int, headers: dict[str, str], body: bytes) -> str | None:
    """What the document does not say of a reply."""
    reply = described["responses"].get(str(status))
    if status < 400:
        if reply is None:
            return "an undescribed status"
        missing = [name for name, one in reply.get("headers", {}).items() if one["required"] and name not in headers]
        if missing and "application/json" not in headers.get("content-type", ""):
            return f"headers {missing} are missing"
        content = reply.get("content", {})
        if not content:
            return "a body that is not described" if body else None
        media = headers.get("content-type", "").partition(";")[0]
        if "*/*" in content or not body:
            return None
        if media not in content:
            return f"content type {media!r}"
        schema = content[media]["schema"]
        return schema_fault(schema.get("contentSchema", schema), body) if media != "application/octet-stream" else None
    return schema_fault({"$ref": "#/components/schemas/Error"}, body)


def schema_fault(schema: Any, body: bytes) -> str | None:
    try:
        value = json.loads(body)
    except ValueError:
        return "the body is not JSON"
    validator = jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return next((f"{error.message} in {body[:200]!r}" for error in validator.iter_errors(value)), None)


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda one: one)
def test_replies_are_as_described(gateway: gateway_process.GatewayProcess, path: str, method: str) -> None:
    host, port = gateway.http
    described = DOCUMENT["paths"][path][method]
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method.upper()]

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        reply = case.call(base_url=f"http://{host}:{port}", timeout=20)
        headers = {name.lower(): values[-1] for name, values in reply.headers.items()}
        found = fault(described, reply.status_code, headers, reply.content)
        assert found is None, f"{found}: {reply.status_code} {reply.content[:300]!r} to {case!r}"

    send()
    assert gateway.alive


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (500, {}, b"Internal Server Error"),
        (404, {"content-type": "application/json"}, b'{"code":4}'),
        (204, {}, b""),
        (200, {"content-type": "application/json"}, b'{"stat":{"count":"many"}}'),
        (200, {"content-type": "text/html"}, b"<html>"),
    ],
)
def test_a_wrong_reply_is_found(status: int, headers: dict[str, str], body: bytes) -> None:
    assert fault(DOCUMENT["paths"]["/util/noc_info"]["get"], status, headers, body) is not None
