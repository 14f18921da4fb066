"""The OpenAPI 3.1 document of the protocol API, made from the table of operations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cyfs_edge import __version__
from cyfs_edge.core.api.operation import TEXT, Operation, Reply, Schema, ref, words
from cyfs_edge.core.api.operations import OPERATIONS

_ID_PATTERN = "^([1-9A-HJ-NP-Za-km-z]{43,44}|[0-9a-z]{49,50})$"

_ID, _NUMBER = ref("Id"), ref("NumberText")
_PLAIN: Schema = {"type": "string"}

HEADERS: Mapping[str, tuple[Schema, str]] = {
    "accept-ranges": (_PLAIN, "bytes"),
    "content-range": (_PLAIN, "the first range that was asked for"),
    "range": ({"type": "string", "pattern": r"^(bytes=)?[0-9]{0,9}-[0-9]{0,9}$"}, "bytes=a-b, a-, -n"),
    "cyfs-access": (_NUMBER, "access string as a number"),
    "cyfs-aes-key": (_PLAIN, "base58 of an AES key"),
    "cyfs-api-level": (words("non", "noc", "ndn", "ndc", "router"), "how far the call may go"),
    "cyfs-attributes": (_NUMBER, "attributes of the object"),
    "cyfs-context": (_PLAIN, "a context of transfers, percent-encoded"),
    "cyfs-crypto-flags": (_NUMBER, "2 by the owner, 4 by the device, 8 set desc, 16 set body, 32 and 64 add"),
    "cyfs-data-range": (_PLAIN, "the ranges as JSON"),
    "cyfs-dec-id": (_ID, "the DecApp that calls; without it the anonymous one"),
    "cyfs-decrypt-ret": (words("decrypted", "pending"), "what became of it"),
    "cyfs-decrypt-type": (words("decrypt_data", "decrypt_aeskey"), "what to decrypt"),
    "cyfs-device-id": (_ID, "the device"),
    "cyfs-encrypt-type": (words("encrypt_data", "gen_aeskey_and_encrypt"), "what to encrypt"),
    "cyfs-flags": (_NUMBER, "1 flush, 2 give what is deleted, 4 list a dir, 8 access by chunk"),
    "cyfs-inner-path": (_PLAIN, "path inside the object, percent-encoded"),
    "cyfs-meta-aciton": (_PLAIN, "the action; that of the route when left out"),
    "cyfs-ndn-action": (
        words("put-data", "get-data", "delete-data", "put-shared-data", "get-shared-data", "query-file"),
        "the action",
    ),
    "cyfs-non-action": (
        words("put-object", "get-object", "post-object", "select-object", "delete-object"),
        "the action; that of the method when left out",
    ),
    "cyfs-object-expires-time": (_NUMBER, "microseconds since 1601"),
    "cyfs-object-id": (_ID, "the object"),
    "cyfs-object-update-time": (_NUMBER, "microseconds since 1601"),
    "cyfs-ood-device-id": (_ID, "the OOD of the zone"),
    "cyfs-op-env-action": (_PLAIN, "the action, which must be that of the route"),
    "cyfs-op-env-key": (_PLAIN, "a key, percent-encoded"),
    "cyfs-op-env-path": (_PLAIN, "path of the map, percent-encoded"),
    "cyfs-op-env-sid": (_NUMBER, "the session"),
    "cyfs-op-env-value": (_ID, "a value"),
    "cyfs-owner-id": (_ID, "the owner"),
    "cyfs-referer-object": (_PLAIN, "object that leads to the data"),
    "cyfs-req-path": (_PLAIN, "request path, percent-encoded"),
    "cyfs-result": (words("Accept", "AcceptWithSign", "AlreadyExists", "Updated", "Merged"), "what became of it"),
    "cyfs-revision": (_NUMBER, "revision of the root"),
    "cyfs-root": (_ID, "the global root"),
    "cyfs-root-state-aciton": (words("get-current-root", "create-op-env"), "the action"),
    "cyfs-sign-obj": (ref("Hex"), "an object that can verify"),
    "cyfs-sign-obj-id": (_ID, "the object that signed"),
    "cyfs-sign-ret": (words("signed", "pending"), "what became of it"),
    "cyfs-sign-type": (words("desc", "body", "both"), "which signatures"),
    "cyfs-source": (_ID, "device for which a device of the zone calls"),
    "cyfs-target": (_ID, "device, owner or zone that is to answer"),
    "cyfs-target-dec-id": (_ID, "the DecApp whose state it is; without it the one that calls"),
    "cyfs-task-group": (_PLAIN, "group of transfers, percent-encoded"),
    "cyfs-verify-signs": (_PLAIN, "which signatures, as JSON"),
    "cyfs-verify-type": (words("owner", "own", "object", "sign"), "who must have signed"),
    "cyfs-zone-id": (_ID, "the zone"),
}

_SPECIFIED: Schema = {
    "type": "object",
    "properties": {
        "zone": {"anyOf": [_ID, {"type": "null"}]},
        "zone_category": {
            "anyOf": [words("current-device", "current-zone", "friend-zone", "other-zone"), {"type": "null"}]
        },
        "dec": {"anyOf": [_ID, {"type": "null"}]},
        "access": {"type": "integer", "minimum": 0, "maximum": 7},
    },
    "required": ["access"],
}

SCHEMAS: Mapping[str, Schema] = {
    "Id": {"type": "string", "pattern": _ID_PATTERN, "description": "An object id in base58, or in base36 in requests"},
    "NumberText": {"type": "string", "pattern": "^[0-9]{1,20}$", "description": "A number in decimal digits"},
    "Hex": {"type": "string", "pattern": "^([0-9a-f]{2})*$"},
    "Error": {
        "type": "object",
        "properties": {"code": _NUMBER, "msg": _PLAIN},
        "required": ["code", "msg"],
        "description": "Every failure; code is an error code of the protocol",
    },
    "Common": {
        "type": "object",
        "properties": {
            "dec_id": _ID,
            "target_dec_id": _ID,
            "target": _ID,
            "flags": {"type": "integer", "minimum": 0, "maximum": 0xFFFF_FFFF},
            "sid": _NUMBER,
        },
        "required": ["flags"],
        "description": "Must be there; the headers of the same meaning decide",
    },
    "MapItem": {
        "type": "object",
        "properties": {
            "content_type": words("map", "diffmap", "set", "diffset"),
            "key": _PLAIN,
            "value": _ID,
            "prev": _ID,
            "altered": _ID,
            "diff": _ID,
        },
        "required": ["content_type"],
    },
    "GroupAccess": {
        "anyOf": [
            {"const": "Handler"},
            {
                "type": "object",
                "properties": {"Default": {"type": "integer", "minimum": 0, "maximum": 0o777777}},
                "required": ["Default"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"Specified": _SPECIFIED},
                "required": ["Specified"],
                "additionalProperties": False,
            },
        ]
    },
}


def openapi_document() -> dict[str, Any]:
    """The whole document. It holds nothing of a node: every node of this version has the same."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CYFS services of cyfs-edge",
            "version": __version__,
            "description": "The HTTP interface of an OOD. Header names and ids are those of the CYFS protocol; "
            "two headers are misspelled in it for good.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:1318"}],
        "paths": paths,
        "components": {"schemas": dict(SCHEMAS)},
    }


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", operation.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in operation.query.items()]
    for text in ("cyfs-dec-id", *operation.headers):
        name = text.rstrip("!")
        schema, about = HEADERS[name]
        known = {"name": name, "in": "header", "description": about, "schema": _header_schema(operation, name, schema)}
        parameters.append({**known, "required": True} if text.endswith("!") else known)
    made: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters,
        "responses": {str(reply.status): _reply(reply) for reply in operation.replies},
    }
    made["responses"]["default"] = {
        "description": "A failure",
        "content": {"application/json": {"schema": ref("Error")}},
    }
    if operation.body is not None:
        media, schema = operation.body
        made["requestBody"] = {"required": media == "application/json", "content": {media: {"schema": schema}}}
    return made


def _header_schema(operation: Operation, name: str, schema: Schema) -> Schema:
    """Of an op-env call the one action that its route takes."""
    if name == "cyfs-op-env-action":
        word = operation.name.partition("_op_env_")[2].replace("_", "-")
        return {"const": word}
    return schema


def _reply(reply: Reply) -> dict[str, Any]:
    made: dict[str, Any] = {"description": "Done" if reply.status == 200 else "Part of the data"}
    if reply.headers:
        made["headers"] = {
            text.rstrip("!"): {
                "description": HEADERS[text.rstrip("!")][1],
                "required": text.endswith("!"),
                "schema": HEADERS[text.rstrip("!")][0],
            }
            for text in reply.headers
        }
    if reply.schema is not None:
        schema = reply.schema
        if reply.media == TEXT:
            schema = {"type": "string", "contentMediaType": "application/json", "contentSchema": schema}
        made["content"] = {reply.media or "*/*": {"schema": schema}}
    return made
