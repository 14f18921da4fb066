"""kill -9 of a real gateway while clients change state in sessions: every answered commit is there, none by halves.

``CYFS_KILL_ROUNDS`` sets the number of rounds, a third of those of the store; the root is kept over all of them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.objects.core.text_storage import make_text
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.stack import STORE_PATH
from cyfs_edge.store.lmdb_store import LmdbStore
from tests import gateway_process
from tests.crash.launcher import SystemClock
from tests.crash.state_clients import STATES, WIDE_KEYS, Call, Client, run_all
from tests.node import DEC, DEC2

ROUNDS = max(1, int(os.environ.get("CYFS_KILL_ROUNDS", "60")) // 3)
EXTRA = ("--init", "--key", "secp256k1")


@pytest.mark.slow
@pytest.mark.timeout(60 + ROUNDS * 6)
def test_no_answered_commit_is_lost_or_halved(tmp_path: Path) -> None:
    root = tmp_path / "root"
    decs = [ObjectId.from_text(text) for text in (DEC, DEC2)]
    clients = [Client(number, decs[number % 2], STATES[number // 3], wide=number == 0) for number in range(5)]
    random = Random(4)
    for number in range(ROUNDS):
        if random.random() < 0.2:
            _killed_while_starting(root, random.uniform(0.1, 0.8))
        gateway = gateway_process.start(root, extra=EXTRA)
        try:
            if not number:
                _widen(clients[0], gateway.http)
            for client in clients:
                client.verify(gateway.http)
            faults: list[BaseException] = []
            threads = run_all(clients, gateway.http, f"{number}", faults)
            time.sleep(random.expovariate(1 / 0.1))
        finally:
            gateway.kill()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
        assert not faults, faults
        assert "Traceback" not in gateway.log_text()
        asyncio.run(_whole(root / STORE_PATH))
    with gateway_process.running(root) as last:
        for client in clients:
            client.verify(last.http)
    commits = sum(client.commits for client in clients)
    print(f"{ROUNDS} kills, {commits} answered commits, none lost")
    assert commits > ROUNDS * 3


def _killed_while_starting(root: Path, seconds: float) -> None:
    process = subprocess.Popen(
        gateway_process.command(root, extra=EXTRA), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    process.kill()
    process.wait()


def _widen(client: Client, address: gateway_process.Address) -> None:
    """A map of several nodes: changes of a few keys leave most of them as they are."""
    call = Call(address, client.dec, client.state)
    text = make_text("wide", "crash", "", update_time=1)
    call.put(text.raw, text.object_id)
    env = call.open()
    for index in range(WIDE_KEYS):
        place = client.folders[0], client.key(index)
        env.set(place, str(text.object_id))
        client.committed[place] = str(text.object_id)
    client.last = env.commit()


async def _whole(directory: Path) -> None:
    """Everything that a root names is in the store, down to the last node, and nothing in the store is damaged."""
    store = LmdbStore.open(directory, clock=SystemClock())
    try:

        async def load(object_id: ObjectId) -> NamedObject | None:
            record = await store.objects.get(object_id)
            return None if record is None else decode_object(record.raw)

        context = MapContext(load, lambda: 0)
        for state in STATES:
            record = await store.state.root(state)
            waiting = [] if record is None else [record.root]
            seen = set(waiting)
            while waiting:
                tree = await MapTree.load(context, waiting.pop())
                async for key, value in tree.items():
                    found = value if isinstance(value, ObjectId) else key
                    if found.type_code == ObjectTypeCode.OBJECT_MAP and found not in seen:
                        seen.add(found)
                        waiting.append(found)
        assert (await store.scrub()).problems == []
    finally:
        await store.close()
