"""The recorded requests of the official SDKs (``tests/vectors/http-exchanges.json``) and what answers each of them.

The recorded replies are stubs, so the expectations stand here, by label and from docs/protocol/http-api.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import exchanges_state
from .exchange_checks import ID, Check, Own, either, error, exactly, json_form, reply
from .rawws import Packet
from .recorded import VECTORS


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request. ``packet``: what came on a WebSocket instead of an HTTP request.

    ``asked``: the recorded packet that ``packet`` answers. ``connection``: the number of the WebSocket.
    """

    run: int
    number: int
    label: str
    line: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    packet: Packet | None = None
    asked: Packet | None = None
    connection: int = 0

    def encode(self, own: Mapping[str, str], host: str) -> bytes:
        """The bytes as recorded, own texts put in, the port in Host exchanged, Content-Length fitted to the body."""
        body = put_in(self.body, own)
        lines = [put_in(self.line.encode(), own)]
        for name, recorded in self.headers:
            value = host if name.lower() == "host" else recorded
            value = str(len(body)) if name.lower() == "content-length" else value
            lines.append(put_in(f"{name}: {value}".encode(), own))
        return b"\r\n".join([*lines, b"", b""]) + body


def load() -> tuple[list[Exchange], list[dict[str, str]]]:
    """All requests that clients sent, in order, and the ids of each run."""
    whole = json.loads((VECTORS / "http-exchanges.json").read_text(encoding="utf-8"))
    found = []
    for run, recording in enumerate(whole["runs"]):
        asked: dict[int, Packet] = {}
        for entry in recording["exchanges"]:
            number, label = entry["n"], entry["label"]
            if entry["transport"] == "http":
                headers = tuple((name, value) for name, value in entry["headers"])
                body = bytes.fromhex(entry["body_hex"])
                found.append(Exchange(run, number, label, entry["request_line"], headers, body))
            elif entry["direction"] != "handshake" and int(entry["magic"]) == 0x88:
                packet = Packet.decode(bytes.fromhex(entry["frame_hex"]))
                if entry["direction"] == "server->client":
                    asked[packet.sequence] = packet
                    continue
                before = asked.get(packet.sequence) if packet.command == 0 else None
                found.append(Exchange(run, number, label, packet=packet, asked=before, connection=entry["conn"]))
    return found, [recording["ids"] for recording in whole["runs"]]


def is_text(body: bytes, own: Own) -> None:
    assert body == own.text_raw


def is_device(body: bytes, own: Own) -> None:
    assert body.startswith(own.device_desc)


def is_zone(body: bytes, own: Own) -> None:
    assert body[:2] == bytes.fromhex("0020"), "object type 32"


def is_signed_text(body: bytes, own: Own) -> None:
    desc_from = 2 + 2
    assert body[desc_from : len(own.text_raw)] == own.text_raw[desc_from:], "the object itself is unchanged"
    assert len(body) > len(own.text_raw) + 100


TIME = r"\d{17}"
HTTP_TIME = r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000"
UPDATED = {"cyfs-object-update-time": TIME, "last-modified": HTTP_TIME}
DATA = {"cyfs-ndn-action": "get-data", "cyfs-object-id": "{own.chunk_id}", "cyfs-task-group": ID + r"%2F\d+"}
RANGE = {
    "accept-ranges": "bytes",
    "content-range": "bytes 0-4/16",
    "cyfs-data-range": re.escape('{"Range":[[{"end":5,"start":0}],16]}'),
}
FIGURE = (int, float)
STATIC_INFO = {
    "cyfs_root": str,
    "device": "[0-9a-f]+",
    "device_id": "{own.device_id}",
    "is_ood_device": "true",
    "known_sn_list": [ID],
    "local_cache_access_mode": "write",
    "ood_device_id": "{own.device_id}",
    "ood_work_mode": "standalone",
    "owner_id": "{own.owner_id}",
    "root_state_access_mode": "write",
    "sn_list": [ID],
    "zone_id": ID,
    "zone_role": "active-ood",
}
SYSTEM_INFO = {
    "name": str,
    "device_sn": (str, type(None)),
    "mac_address": (str, type(None)),
    "cpu_brand": str,
    "cpu_usage": FIGURE,
    "uptime": int,
    "boot_time": int,
    "total_memory": int,
    "used_memory": int,
    "received_bytes": int,
    "transmitted_bytes": int,
    "total_received_bytes": int,
    "total_transmitted_bytes": int,
    "ssd_disk_total": int,
    "ssd_disk_avail": int,
    "hdd_disk_total": int,
    "hdd_disk_avail": int,
}

_GET = reply({**UPDATED, "cyfs-object-id": "{own.text_id}"}, is_text)
_POST = error(501, "262")  # nobody handles it
_PUT_DATA = reply({"cyfs-ndn-action": "put-data", "cyfs-result": "Accept|AlreadyExists"})
_WHOLE_CHUNK = reply(DATA, b"hello chunk data")

EXPECTED: Mapping[str, Check] = {
    **exchanges_state.EXPECTED,
    "util.get_device (online)": reply({"cyfs-device-id": "{own.device_id}"}, is_device),
    "util.get_zone": reply({"cyfs-zone-id": ID, "cyfs-ood-device-id": "{own.device_id}"}, is_zone),
    "util.resolve_ood": reply({}, exactly({"device_list": ["OWN_DEVICE"]})),
    "util.get_ood_status": error(500, "6"),
    "util.get_noc_info": reply({}, json_form({"stat": {"count": int, "storage_size": int}})),
    "util.get_network_access_info": reply({}, json_form({"info": {"sn": [dict], "v4": [dict], "v6": [dict]}})),
    "util.get_device_static_info": reply({}, json_form({"info": STATIC_INFO})),
    "util.get_system_info": reply({}, json_form({"info": SYSTEM_INFO})),
    "util.get_version_info": reply({}, json_form({"info": {"channel": str, "target": str, "version": str}})),
    "util.build_file_object": reply({}, json_form({"object_id": ID, "object_raw": "[0-9a-f]+"})),
    "util.build_dir_from_object_map": error(404, "4"),  # the id is no stored map
    "non.put_object": reply({**UPDATED, "cyfs-result": "Accept"}),
    "non.get_object (router,target,req_path,inner_path)": _GET,  # a path into a Text is ignored
    "non.get_object -> 404 error body": _GET,  # only the stub did not have it
    "non.post_object": _POST,
    "non.post_object -> empty 200": _POST,
    "non.post_object -> 204 ignored": _POST,
    "non.delete_object": reply({}),
    "non.update_object_meta": reply({"cyfs-result": "Accept"}),
    "ndn.put_data": _PUT_DATA,
    # A Text is no referer of a chunk, and the context path is unknown: either may be found first.
    "ndn.get_data (range, referer, context, group, inner_path)": either(error(400, "2"), error(404, "4")),
    "ndn.get_data plain": _WHOLE_CHUNK,
    "ndn.delete_data": reply({"cyfs-ndn-action": "delete-data", "cyfs-object-id": "{own.chunk_id}"}),
    # The value is the id of a Text, not of a File.
    "ndn.query_file": either(reply({"cyfs-ndn-action": "query-file"}, b'{"list":[]}'), error(400, "2", "8", "22")),
    "crypto.sign_object": reply({"cyfs-sign-ret": "signed"}, is_signed_text),
    "crypto.verify_object": error(404, "4"),  # it has no signature
    "crypto.encrypt_data": reply({}, lambda body, own: _is_block(body)),
    "trans.create_task": error(400, "2"),  # a Text is nothing to download
    "trans.get_task_state": error(400, "8"),  # the stub's id of a task is none
    "trans.start_task": error(400, "8"),
    "trans.query_tasks": reply({}, b'{"task_list":[]}'),
    "trans.publish_file": reply({}, json_form({"file_id": ID})),
    "trans.get_context": either(error(404, "4"), error(400, "2")),  # 0.5.8 asks for none
    "trans.get_task_group_state": error(404, "4"),
    "trans.control_task_group": error(404, "4"),
    "http over ws: non.get_object": error(404, "4"),  # deleted before
    "http over ws: non.put_object": reply({**UPDATED, "cyfs-result": "Accept"}),
}

BY_RUN: Mapping[str, tuple[Check, Check]] = {
    "ndn.get_data unparsed range": (
        reply({**DATA, **RANGE}, b"hello", status=206),
        _WHOLE_CHUNK,  # 0.5.8 sends no Range
    ),
    "op_env.list": exchanges_state.LISTS,
}
"""Labels that mean another thing in each run."""


def expectation(exchange: Exchange) -> Check:
    """What must come back; a ``KeyError`` says that a label of the recording has no expectation."""
    by_run = BY_RUN.get(exchange.label)
    return EXPECTED[exchange.label] if by_run is None else by_run[exchange.run]


def _is_block(body: bytes) -> None:
    assert len(body) == 128, "one RSA-1024 block"


def put_in(data: bytes, own: Mapping[str, str]) -> bytes:
    """Own texts in place of the recorded ones."""
    for recorded, value in own.items():
        data = data.replace(recorded.encode(), value.encode())
    return data
