"""Sends recorded requests to a gateway, in order, and compares every reply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.gateway_process import write_identity

from . import compatibility
from .callbacks import RECORDED_ADDRESS, Routine
from .compare import Difference, Machine, compare, parse_json
from .compatibility import Row
from .rawhttp import Address, Connection, Observed
from .rawws import WsConnection
from .recorded import LOCAL_FILES, LOCAL_FOLDER, Item, Recording, Reply, Request

SILENCE = 1.0
"""How long, in seconds, nothing must come where the reference gave no answer within 4 to 30 s."""

WAIT = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One reply against its recording. ``name``: the item's, with ``#2`` for a second reply on the same connection."""

    name: str
    item: Item
    recorded: Reply
    got: Observed
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome judged by the table of deliberate differences. ``problems`` empty = equal or different on purpose."""

    outcome: Outcome
    row: Row | None
    problems: tuple[str, ...]

    @property
    def equal(self) -> bool:
        return not self.outcome.differences and not self.problems


class Replay:
    """One run of recorded items against the gateway at ``address``, whose root is ``root``.

    ``files``: a folder that holds ``LOCAL_FILES``; requests that name the recorded folder get this one.
    ``callbacks``: whether the gateway is expected to call the routines of handlers, as only a real one does.
    """

    def __init__(
        self,
        recording: Recording,
        address: Address,
        root: str,
        files: Path,
        *,
        wait: float = WAIT,
        silence: float = SILENCE,
        callbacks: bool = True,
    ) -> None:
        desc, sign = device_parts(recording)
        self.machine = Machine(root, desc, sign, str(files))
        self._address = address
        self._host = f"{address[0]}:{address[1]}"
        self._values = {LOCAL_FOLDER: str(files)}
        self._captured: dict[tuple[str, str], str] = {}
        self._wait = wait
        self._silence = silence
        self._callbacks = callbacks

    def run(self, items: Sequence[Item]) -> Iterator[Outcome]:
        """The outcome of every item, in order."""
        with Routine() as routine:
            if self._callbacks:
                self._values[RECORDED_ADDRESS] = routine.address
            for item in items:
                routine.expect(item.callbacks)
                for outcome in self._exchange(item, item.request.with_values(self._own_values(item), self._host)):
                    called = tuple(routine.differences(item.callbacks)) if self._callbacks else ()
                    yield replace(outcome, differences=(*outcome.differences, *called)) if called else outcome

    def _own_values(self, item: Item) -> dict[str, str]:
        own = dict(self._values)
        for variable, recorded in item.uses.items():
            own[recorded] = self._captured.get((item.group, variable), recorded)
        return own

    def _exchange(self, item: Item, request: Request) -> Iterator[Outcome]:
        data = request.encode()
        with Connection(self._address, self._wait) as connection:
            connection.send(data)
            if request.half_close:
                connection.half_close()
            for index, recorded in enumerate(item.replies):
                if index and request.again:
                    connection.send(data)
                wait = self._silence if recorded.outcome == "silent" else self._wait
                got = connection.read_reply(wait, head_only=recorded.head_only)
                if index == 0:
                    self._capture(item, got)
                name = f"{item.name}#{index + 1}" if index else item.name
                differences = tuple(compare(recorded, got, self.machine, item.name))
                yield Outcome(name, item, recorded, got, differences)
                if got.outcome != "reply":
                    break

    def _capture(self, item: Item, got: Observed) -> None:
        for variable, path in item.captures.items():
            value = parse_json(got.body)
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, str):
                self._captured[(item.group, variable)] = value


class WsReplay(Replay):
    """The same over one WebSocket: each request is a packet of command 21, whose answer holds the reply.

    ``address`` is the WebSocket listener's.
    """

    def run(self, items: Sequence[Item]) -> Iterator[Outcome]:
        with WsConnection(self._address, self._wait) as connection:
            for sequence, item in enumerate(items, 1):
                request = item.request.with_values(self._own_values(item), self._host)
                got = connection.ask(request.encode(), sequence)
                self._capture(item, got)
                recorded = item.replies[0]
                yield Outcome(item.name, item, recorded, got, tuple(compare(recorded, got, self.machine, item.name)))


def judge(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> list[Verdict]:
    """Every outcome with the row that explains it and what is wrong with either."""
    verdicts = []
    for outcome in outcomes:
        matching = compatibility.rows_for(rows, outcome.name)
        row = matching[0] if matching else None
        if len(matching) > 1:
            found = [f"{len(matching)} rows cover it: lines {', '.join(str(row.line) for row in matching)}"]
        elif row is not None:
            found = compatibility.problems(row, outcome.recorded, outcome.got, outcome.differences)
        else:
            found = [str(difference) for difference in outcome.differences]
        verdicts.append(Verdict(outcome, row, tuple(found)))
    return verdicts


def idle_rows(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> list[Row]:
    """Rows that speak of no item."""
    return [row for row in rows if not any(row.covers(outcome.name) for outcome in outcomes)]


def summary(verdicts: Sequence[Verdict], groups: Sequence[str]) -> str:
    """``util 39/39, non 109/112 (3 on purpose) …``: equal of all, and those that differ as the table says."""
    parts = []
    for group in groups:
        by_item: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            if verdict.outcome.item.group == group:
                by_item.setdefault(verdict.outcome.item.name, []).append(verdict)
        equal = sum(all(verdict.equal for verdict in item) for item in by_item.values())
        wrong = sum(any(verdict.problems for verdict in item) for item in by_item.values())
        purpose = len(by_item) - equal - wrong
        parts.append(f"{group} {equal}/{len(by_item)}" + (f" ({purpose} on purpose)" if purpose else ""))
    return ", ".join(parts)


def prepare_root(root: Path, recording: Recording, browser_mode: str = "forbidden") -> None:
    """A fresh root set up as the reference was when it was recorded: its identity, its browser mode, and the Host ``x``
    that the recording client used in raw requests taken for one of the node's names."""
    write_identity(root, recording.root_files())
    config = root / "etc" / "cyfs-edge.toml"
    config.write_text(f'browser_mode = "{browser_mode}"\nallowed_hosts = ["x"]\n', encoding="utf-8")


def write_local_files(folder: Path) -> None:
    """The files that the recorded requests name."""
    for name, data in LOCAL_FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def device_parts(recording: Recording) -> tuple[bytes, bytes]:
    """The desc of the recorded Device and its desc signature, as they stand in every reply that carries the Device."""
    whole = recording.files["device.desc"]
    body_at = whole.index(b"vectors-ood-0001") + len(b"vectors-ood-0001")
    sign_at = whole.index(bytes.fromhex("0100fe00"), body_at)
    return whole[:body_at], whole[sign_at : sign_at + 140]
