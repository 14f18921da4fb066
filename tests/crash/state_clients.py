"""Clients of one state for the crash test: each changes paths of its own in sessions and remembers what was answered.

A client does one thing after the other, so when the gateway dies at most one of its commits is without an answer: of
that, all may be found or nothing.
"""

from __future__ import annotations

import http.client
import json
import threading
from dataclasses import dataclass, field
from random import Random
from typing import Any

from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.core.text_storage import make_text
from tests.gateway_process import Address

STATES = ("root-state", "local-cache")
WIDE_KEYS = 300
"""Keys of the map that is large enough to have several nodes."""
_TIMEOUT = 20.0

Place = tuple[str, str]
"""Folder and key; the key of a member of a set is its id."""


class Gone(Exception):
    """The gateway does not answer any more."""


@dataclass(slots=True)
class Call:
    """A connection of one dec to one state."""

    address: Address
    dec: ObjectId
    state: str
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(*self.address, timeout=_TIMEOUT)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        try:
            self.connection.request(method, path, body, {"cyfs-dec-id": str(self.dec), **headers})
            reply = self.connection.getresponse()
            return reply.status, reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Gone(str(error)) from None

    def ask(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Any:
        """The JSON of a success; ``None`` for 404. Any other answer is a fault of the gateway."""
        data = b"" if body is None else json.dumps(body).encode()
        status, reply = self.send(method, path, headers, data)
        if status == 404:
            return None
        assert status == 200, (method, path, body, status, reply)
        return json.loads(reply) if reply else {}

    def open(self, kind: str = "path") -> Env:
        body = {"common": {"flags": 0}, "op_env_type": kind}
        reply = self.ask("POST", f"/{self.state}/op-env", {"cyfs-root-state-aciton": "create-op-env"}, body)
        return Env(self, reply["sid"])

    def put(self, raw: bytes, object_id: ObjectId) -> None:
        headers = {"cyfs-object-id": str(object_id), "cyfs-api-level": "noc"}
        status, reply = self.send("PUT", "/non/", headers, raw)
        assert status == 200, reply

    def get(self, object_id: str) -> bytes:
        status, reply = self.send("GET", "/non/", {"cyfs-object-id": object_id, "cyfs-api-level": "noc"}, b"")
        assert status == 200, (object_id, reply)
        return reply

    def root(self) -> Any:
        body = {"common": {"flags": 0}, "root_type": "global"}
        return self.ask("POST", f"/{self.state}/root", {"cyfs-root-state-aciton": "get-current-root"}, body)


@dataclass(slots=True)
class Env:
    call: Call
    sid: str

    def post(self, where: str, action: str, method: str = "POST", **values: Any) -> Any:
        headers = {"cyfs-op-env-action": action, "cyfs-op-env-sid": self.sid}
        body = {"common": {"flags": 0, "sid": self.sid}, **values}
        return self.call.ask(method, f"/{self.call.state}/op-env/{where}", headers, body)

    def set(self, place: Place, value: str) -> None:
        path, key = place
        self.post("map", "set-with-key", "PUT", path=path, key=key, value=value, auto_insert=True)

    def remove(self, place: Place) -> None:
        path, key = place
        self.post("map", "remove-with-key", "DELETE", path=path, key=key)

    def commit(self, op_type: str = "commit") -> Any:
        return self.post("transaction", "commit", op_type=op_type)

    def list(self, path: str) -> dict[str, str]:
        """Key → value; a set's members with themselves."""
        headers = {"cyfs-op-env-action": "list", "cyfs-op-env-sid": self.sid, "cyfs-op-env-path": path}
        reply = self.call.ask("GET", f"/{self.call.state}/op-env/list", headers)
        items = [] if reply is None else reply["result"]
        return {item.get("key", item["value"]): item["value"] for item in items}


@dataclass(slots=True)
class Client:
    """``committed``: what was answered. ``pending``: what it would be with the commit that was not, if any."""

    number: int
    dec: ObjectId
    state: str
    wide: bool = False
    committed: dict[Place, str] = field(default_factory=dict)
    pending: dict[Place, str] | None = None
    commits: int = 0
    last: Any = None
    """The answer to the last commit."""

    @property
    def folders(self) -> tuple[str, str, str]:
        return f"/w{self.number}", f"/deep/w{self.number}/er", f"/sets/w{self.number}"

    def run(self, address: Address, random: Random) -> None:
        """Until the gateway is gone."""
        call = Call(address, self.dec, self.state)
        made = 0
        while True:
            made += 1
            text = make_text(f"{self.number}", "crash", f"{random.random()}/{made}", update_time=made)
            call.put(text.raw, text.object_id)
            self.session(call, random, [*list(self.committed.values())[:3], str(text.object_id)])

    def session(self, call: Call, random: Random, values: list[str]) -> None:
        env = call.open()
        seen = dict(self.committed)
        for _ in range(random.choice((1, 1, 2))):
            for _ in range(random.randrange(1, 7)):
                self._change(env, random, seen, random.choice(values))
            end = random.random()
            if end < 0.1:
                env.post("transaction", "abort", "DELETE")
                return
            if end < 0.15:
                return  # left open
            self.pending = seen
            self.last = env.commit("commit" if end < 0.7 else "update")
            self.committed, self.pending = dict(seen), None
            self.commits += 1
            if end < 0.7:
                return

    def _change(self, env: Env, random: Random, seen: dict[Place, str], value: str) -> None:
        folder = random.choice(self.folders)
        if folder == self.folders[2]:
            if random.random() < 0.7:
                env.post("set", "insert", path=folder, value=value)
                seen[folder, value] = value
            elif (folder, value) in seen:
                env.post("set", "remove", "DELETE", path=folder, value=value)
                del seen[folder, value]
            return
        place = folder, self.key(random.randrange(WIDE_KEYS if self.wide else 12))
        if random.random() < 0.8 or place not in seen:
            env.set(place, value)
            seen[place] = value
        else:
            env.remove(place)
            del seen[place]

    def key(self, index: int) -> str:
        return f"key {index}" + "." * (240 if self.wide else 0)

    def verify(self, address: Address) -> None:
        """What is there is what was answered, or that and the whole commit under way; and all of it can be read."""
        call = Call(address, self.dec, self.state)
        env = call.open()
        found = {(folder, key): value for folder in self.folders for key, value in env.list(folder).items()}
        env.post("transaction", "abort", "DELETE")
        allowed = [self.committed] if self.pending is None else [self.committed, self.pending]
        assert found in allowed, f"client {self.number}: {differences(found, allowed)}"
        for value in set(found.values()):
            assert call.get(value)
        if self.last is not None:
            now = call.root()
            assert now["revision"] >= self.last["revision"], (now, self.last)
            if now["revision"] == self.last["revision"]:
                assert now["root"] == self.last["root"]
            assert call.get(self.last["root"])
            assert call.get(self.last["dec_root"])
        self.committed, self.pending = found, None
        call.connection.close()


def differences(found: dict[Place, str], allowed: list[dict[Place, str]]) -> list[set[tuple[Place, str]]]:
    return [set(found.items()) ^ set(one.items()) for one in allowed]


def run_all(clients: list[Client], address: Address, seed: str, faults: list[BaseException]) -> list[threading.Thread]:
    """Starts all of them; each ends when the gateway is gone. ``faults`` gets what else went wrong."""

    def run(client: Client) -> None:
        try:
            client.run(address, Random(f"{seed}/{client.number}"))
        except Gone:
            pass
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(client,), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    return threads
