"""Every operation of the protocol API in one table, from which the OpenAPI document is made
(docs/protocol/http-api.md §5-§10, §13).
"""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.core.api.absent import ABSENT
from cyfs_edge.core.api.operation import (
    BINARY,
    COUNT,
    FLAG,
    ID,
    JSON,
    NUMBER_TEXT,
    RAW,
    STRING,
    TIMES,
    U32,
    Operation,
    Reply,
    Schema,
    array,
    json_reply,
    record,
    ref,
    whole,
    words,
)
from cyfs_edge.core.api.state_operations import state_operations
from cyfs_edge.core.api.trans_operations import trans_operations

_OBJECT_BODY = (RAW, BINARY)
_NON = ("cyfs-non-action", "cyfs-api-level", "cyfs-flags", "cyfs-target", "cyfs-source", "cyfs-req-path")
_NDN = ("cyfs-ndn-action", "cyfs-api-level", "cyfs-flags", "cyfs-target", "cyfs-req-path", "cyfs-referer-object")
_UTIL = ("cyfs-target", "cyfs-flags", "cyfs-req-path")
_DATA = ("cyfs-ndn-action!", "cyfs-object-id!", "cyfs-owner-id", "cyfs-task-group!")
_DATA_REPLIES = (
    Reply(_DATA, RAW, BINARY),
    Reply((*_DATA, "cyfs-data-range!", "content-range", "accept-ranges!"), RAW, BINARY, 206),
)
_FILE = record(
    {"file_id": ID, "hash": ref("Hex"), "length": NUMBER_TEXT, "flags": U32},
    owner=ID,
    quick_hash=array(STRING),
    ref_dirs=array(record({"dir_id": ID, "inner_path": STRING})),
)
_QUERY_FILE: Mapping[str, Schema] = {"type": words("file", "hash", "quick-hash", "chunk"), "value": STRING}
_DEVICE_INFO = record(
    {
        "device_id": ID,
        "device": ref("Hex"),
        "zone_role": words("active-ood", "standby-ood", "reserved-ood", "device"),
        "ood_work_mode": words("standalone", "active-standby"),
        "root_state_access_mode": words("read", "write"),
        "local_cache_access_mode": words("read", "write"),
        "is_ood_device": words("true", "false"),
        "ood_device_id": ID,
        "zone_id": ID,
        "cyfs_root": STRING,
        "sn_list": array(ID),
        "known_sn_list": array(ID),
    },
    owner_id=ID,
)
_NETWORK_END = record({"lan_ep": STRING, "wan_ep": STRING, "access_type": words("nat", "wan")})
_NETWORK = record(
    {
        "v4": array(_NETWORK_END),
        "v6": array(_NETWORK_END),
        "sn": array(record({"sn": ID, "sn_status": words("online", "offline")})),
    }
)
_SIGNATURES = array(record({"index": NUMBER_TEXT, "valid": FLAG, "sign_object_id": ID}))
_CRYPTO = ("cyfs-crypto-flags!", *_UTIL)


def _objects() -> list[Operation]:
    found = Reply(("cyfs-object-id!", "cyfs-attributes", *TIMES), RAW, BINARY)
    maybe = (Reply(("cyfs-object-id",), RAW, BINARY),)
    non = "non"
    return [
        Operation(
            "get_object",
            "GET",
            "/non",
            non,
            "The object of an id, or at a path inside one",
            ("cyfs-object-id!", "cyfs-inner-path", *_NON),
            replies=(found,),
        ),
        Operation(
            "put_object",
            "PUT",
            "/non",
            non,
            "Store an object; without a body change the access of a stored one",
            ("cyfs-object-id!", "cyfs-access", *_NON),
            body=_OBJECT_BODY,
            replies=(Reply(("cyfs-result!", *TIMES)),),
        ),
        Operation(
            "post_object",
            "POST",
            "/non",
            non,
            "Hand an object to the DecApp of a request path",
            ("cyfs-object-id!", *_NON),
            body=_OBJECT_BODY,
            replies=maybe,
        ),
        Operation(
            "delete_object",
            "DELETE",
            "/non",
            non,
            "Delete an object",
            ("cyfs-object-id!", "cyfs-inner-path", *_NON),
            replies=maybe,
        ),
    ]


def _data() -> list[Operation]:
    ndn = "ndn"
    put = (Reply(("cyfs-ndn-action!", "cyfs-result!")),)
    deleted = (Reply(("cyfs-ndn-action!", "cyfs-object-id!")),)
    files = Reply(("cyfs-ndn-action!",), JSON, record({"list": array(_FILE)}))
    downloads = {name.rstrip("!"): STRING for name in ("cyfs-object-id", "cyfs-dec-id", "cyfs-inner-path", "download")}
    parts = ("cyfs-inner-path", "cyfs-context", "cyfs-task-group", "range")
    return [
        Operation(
            "get_data",
            "GET",
            "/ndn",
            ndn,
            "A chunk or a file, or part of it (action get-data); files by id or hash (action query-file); "
            "without an action a download, with its parameters in the query",
            ("cyfs-object-id", *parts, *_NDN),
            {**_QUERY_FILE, **downloads},
            replies=(Reply(("cyfs-ndn-action!",), None, BINARY), _DATA_REPLIES[1]),
        ),
        Operation(
            "put_data",
            "PUT",
            "/ndn",
            ndn,
            "Store a chunk",
            ("cyfs-object-id!", *_NDN),
            body=_OBJECT_BODY,
            replies=put,
        ),
        Operation(
            "delete_data",
            "DELETE",
            "/ndn",
            ndn,
            "Delete a chunk",
            ("cyfs-object-id!", "cyfs-inner-path", *_NDN),
            replies=deleted,
        ),
        Operation(
            "put_data_by_path",
            "PUT",
            "/ndn/{object_path}",
            ndn,
            "put_data of SDK 0.5.8",
            _NDN,
            body=_OBJECT_BODY,
            replies=put,
        ),
        Operation(
            "get_data_by_path",
            "POST",
            "/ndn/{object_path}",
            ndn,
            "get_data and query_file of SDK 0.5.8",
            _NDN,
            _QUERY_FILE,
            replies=(Reply(files.headers, None, BINARY),),
        ),
        Operation(
            "delete_data_by_path",
            "DELETE",
            "/ndn/{object_path}",
            ndn,
            "delete_data of SDK 0.5.8",
            _NDN,
            replies=deleted,
        ),
    ]


def _util() -> list[Operation]:
    util = "util"
    build_common = record({"flags": U32}, dec_id=ID, target=ID, req_path=STRING)
    build_file = record(
        {"common": build_common, "local_path": STRING, "owner": ID, "chunk_size": U32},
        chunk_method=words("Track", "Copy", "None"),
        access=whole(0o777777),
    )
    built = record({"object_id": ID, "object_raw": ref("Hex")})
    build_dir = record({"common": build_common, "object_map_id": ID}, dir_type=whole(0xFF))
    version = record({"version": STRING, "channel": words("nightly", "beta", "stable"), "target": STRING})

    def info(name: str, summary: str, reply: tuple[Reply, ...]) -> Operation:
        return Operation(f"get_{name}", "GET", f"/util/{name}", util, summary, _UTIL, replies=reply)

    return [
        info("device", "The Device object of the node", (Reply(("cyfs-device-id!",), RAW, BINARY),)),
        info("ood_status", "Connection of a device to its OOD; not for an OOD itself", (Reply(),)),
        info(
            "noc_info",
            "How much is stored",
            json_reply(record({"stat": record({"count": COUNT, "storage_size": COUNT})})),
        ),
        info("network_access_info", "Addresses of the node", json_reply(record({"info": _NETWORK}))),
        info("device_static_info", "Ids and role of the node", json_reply(record({"info": _DEVICE_INFO}))),
        info("system_info", "Figures of the machine", json_reply(record({"info": record({"name": STRING})}))),
        info("version_info", "Version of the node", json_reply(record({"info": version}))),
        Operation(
            "update_system_info",
            "POST",
            "/util/system_info",
            util,
            "Tell figures of the machine",
            _UTIL,
            body=(JSON, record(name=STRING, device_sn=STRING, mac_address=STRING)),
        ),
        Operation(
            "resolve_ood",
            "GET",
            "/util/resolve_ood",
            util,
            "The OODs of an object's owner",
            ("cyfs-object-id!", "cyfs-owner-id", *_UTIL),
            replies=json_reply(record({"device_list": array(ID)})),
        ),
        Operation(
            "get_zone",
            "POST",
            "/util/zone",
            util,
            "The Zone object of an owner or device",
            ("cyfs-object-id", *_UTIL),
            body=_OBJECT_BODY,
            replies=(Reply(("cyfs-zone-id!", "cyfs-ood-device-id!"), RAW, BINARY),),
        ),
        Operation(
            "build_file",
            "POST",
            "/util/build_file",
            util,
            "Make a File object of a local file",
            body=(JSON, build_file),
            replies=json_reply(built),
        ),
        Operation(
            "build_dir_from_object_map",
            "POST",
            "/util/build_dir_from_object_map",
            util,
            "Make a Dir object of an object map",
            body=(JSON, build_dir),
            replies=json_reply(record({"object_id": ID})),
        ),
    ]


def _crypto() -> list[Operation]:
    crypto = "crypto"
    verified = record({"valid": FLAG, "desc_signs": _SIGNATURES, "body_signs": _SIGNATURES})
    verify = ("cyfs-object-id!", "cyfs-sign-type!", "cyfs-verify-type!")
    return [
        Operation(
            "sign_object",
            "POST",
            "/crypto/sign",
            crypto,
            "Sign an object",
            ("cyfs-object-id!", *_CRYPTO),
            body=_OBJECT_BODY,
            replies=(Reply(("cyfs-sign-ret!",), RAW, BINARY),),
        ),
        Operation(
            "verify_object",
            "POST",
            "/crypto/verify",
            crypto,
            "Verify signatures of an object",
            (*verify, "cyfs-sign-obj-id", "cyfs-sign-obj", "cyfs-verify-signs", *_UTIL),
            body=_OBJECT_BODY,
            replies=json_reply(record({"result": verified})),
        ),
        Operation(
            "encrypt_data",
            "POST",
            "/crypto/encrypt",
            crypto,
            "Encrypt data, or make an AES key and encrypt it",
            ("cyfs-encrypt-type!", *_CRYPTO),
            body=_OBJECT_BODY,
            replies=(Reply(("cyfs-aes-key",), RAW, BINARY),),
        ),
        Operation(
            "decrypt_data",
            "POST",
            "/crypto/decrypt",
            crypto,
            "Decrypt data or an AES key",
            ("cyfs-decrypt-type!", *_CRYPTO),
            body=_OBJECT_BODY,
            replies=(Reply(("cyfs-decrypt-ret!",), RAW, BINARY),),
        ),
    ]


def _rest() -> list[Operation]:
    handler = "/handler/non/{chain}/{category}/{id}"
    index = whole(0x7FFF_FFFF, -0x8000_0000)
    action = words("Default", "Response", "Reject", "Drop", "Pass")
    param = record({"index": index, "default_action": action}, filter=STRING, req_path=STRING, routine=STRING)
    return [
        Operation("add_handler", "POST", handler, "handler", "Register a handler", body=(JSON, param)),
        Operation("remove_handler", "DELETE", handler, "handler", "Remove a handler"),
        Operation(
            "front",
            "GET",
            "/{name}",
            "front",
            "Front URLs of pages: /o, /r, /l, /a and names of apps, with paths below",
            query={"dec_id": ID, "mode": STRING, "format": STRING},
            replies=(Reply((), None, BINARY),),
        ),
    ]


OPERATIONS: list[Operation] = [
    *_objects(),
    *_data(),
    *_util(),
    *_crypto(),
    *state_operations("root-state"),
    *state_operations("local-cache"),
    *trans_operations(),
    *_rest(),
    *ABSENT,
]
