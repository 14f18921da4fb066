"""``handlers list``: what the store's own stack knows of handlers that were saved."""

from __future__ import annotations

from pathlib import Path

from cyfs_edge.base.ids import make_object_id
from cyfs_edge.cli.client import checked, read_body
from cyfs_edge.cli.local import LocalClient
from cyfs_edge.stack import build
from cyfs_edge.wire.config import Config
from tests.unit.cli.conftest import Cli

DEC = make_object_id(bytes(range(32)), 400)


def test_saved_handlers_are_listed_after_a_restart(cli: Cli, root: Path) -> None:
    assert cli("handlers", "list", "--root", root).out == "No handlers.\n"
    client = LocalClient(Config(str(root)), build)
    try:
        body = b'{"filter":"obj_type == 40000","index":7,"default_action":"Reject"}'
        headers = {"cyfs-dec-id": "9tGpLNncauC9kGhZ7GsztFvVegaKwBXoSDjkxGDHqrn6"}
        target = "/handler/non/pre_noc/put_object/guard"
        read_body(checked(client.request("POST", target, headers, body)), 100)
    finally:
        client.close()
    report = cli("handlers", "list", "--root", root, "--json").json["handlers"]
    assert [(one["chain"], one["category"], one["id"], one["index"]) for one in report] == [
        ("pre_noc", "put_object", "guard", 7)
    ]
    text = cli("handlers", "list", "--root", root).out.splitlines()
    assert text[1].split()[:4] == ["pre_noc", "put_object", "7", "guard"]
    assert text[1].endswith("no     Reject   obj_type == 40000")
