"""Fetching from the devices of one task: in order, verified, resumed where another one broke off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import Clock, Waits
from cyfs_edge.core.trans.beside import FetchGate
from cyfs_edge.core.trans.limits import TransLimits
from cyfs_edge.core.trans.ports import PeerAsk, PeerData
from cyfs_edge.core.trans.speed import SpeedMeter, Throttle
from cyfs_edge.objects.envelope import NamedObject, decode_object
from cyfs_edge.wire.json_values import Members

PAUSES = (1.0, 4.0, 16.0, 60.0)
"""Seconds between two rounds over the sources."""
OBJECT_ROOM = 64 * 1024
"""Bytes that are counted for an object while it is fetched: nearly all are smaller."""
MAY_COME_BACK = frozenset(
    (
        ErrorCode.TIMEOUT,
        ErrorCode.CONNECT_FAILED,
        ErrorCode.CONNECTION_ABORTED,
        ErrorCode.CONNECTION_RESET,
        ErrorCode.ERROR_STATE,
        ErrorCode.OUT_OF_LIMIT,
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.UNKNOWN,
    )
)
"""Errors of a source that may be gone another time."""
LIES = frozenset((ErrorCode.INVALID_DATA, ErrorCode.UNMATCH))
"""Errors of a source that gives something else than was asked for."""


@dataclass(slots=True)
class SourceState:
    """``strikes``: failures since it last gave something. ``aside``: why it is not asked any more."""

    device: ObjectId
    known: bool
    bytes: int = 0
    strikes: int = 0
    last: CyfsError | None = None
    aside: CyfsError | None = None

    def to_json(self) -> Members:
        return {
            "device": str(self.device),
            "known": self.known,
            "bytes": self.bytes,
            "aside": self.aside is not None,
            "error": None if self.last is None else {"code": str(int(self.last.code)), "msg": self.last.message},
        }


@dataclass(slots=True)
class _Part:
    """What is here of a chunk. ``givers``: who gave it. ``alone``: from one source, since parts did not fit."""

    data: bytearray = field(default_factory=bytearray)
    givers: set[ObjectId] = field(default_factory=set)
    alone: bool = False

    def begin(self) -> int:
        """From where on the next source is asked."""
        if self.alone:
            self.forget()
        return len(self.data)

    def forget(self) -> None:
        self.data, self.givers = bytearray(), set()


class _OwnFault(Exception):
    """What went wrong on this node, for which no source can help. Its only argument is the error."""


class Keep(Protocol):
    """Stores a chunk; ``INVALID_DATA`` or ``UNMATCH`` when the bytes are not those of its id."""

    def __call__(self, chunk_id: ChunkId, data: bytes) -> Awaitable[object]: ...


class Sources:
    """``ask``: in whose name. ``remote``: called before the first time that anybody is asked."""

    def __init__(
        self,
        devices: Sequence[ObjectId],
        peers: PeerData,
        ask: PeerAsk,
        clock: Clock,
        waits: Waits,
        throttle: Throttle,
        meter: SpeedMeter,
        limits: TransLimits,
        gate: FetchGate,
        priority: Callable[[], int],
        remote: Callable[[], None],
    ) -> None:
        self.states = [SourceState(device, peers.knows(device)) for device in devices]
        self._peers = peers
        self._ask = ask
        self._clock = clock
        self._pause = waits.bell()
        self._throttle = throttle
        self._meter = meter
        self._limits = limits
        self._gate = gate
        self._priority = priority
        self._remote = remote

    async def fetch_chunk(self, chunk_id: ChunkId, referer: str | None, keep: Keep) -> None:
        """Gets a chunk from the first source that has it. Raises what the last of them said."""
        if chunk_id.length > self._limits.chunk_size:
            text = f"chunk {chunk_id} has {chunk_id.length} bytes, more than {self._limits.chunk_size}"
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, text)
        part = _Part()
        ask = self._ask_with(referer)

        async def attempt(state: SourceState) -> None:
            for _ in range(2):
                await self._read(state, ask, chunk_id, part)
                # Once in memory is enough: good or not, nobody goes on from here.
                data, part.data = bytes(part.data), bytearray()
                try:
                    await keep(chunk_id, data)
                    return
                except CyfsError as error:
                    if error.code not in LIES:
                        raise _OwnFault(error) from error
                    if part.givers == {state.device}:
                        raise
                    # Some part was wrong; whose it was shows when each gives all of it.
                    part.alone = True

        await self._try_all(f"chunk {chunk_id}", chunk_id.length, part.forget, attempt)

    async def fetch_object(self, object_id: ObjectId) -> NamedObject:
        found: list[NamedObject] = []

        async def attempt(state: SourceState) -> None:
            try:
                raw = await self._peers.get_object(state.device, self._ask, object_id, self._limits.object_size)
            except CyfsError as error:
                # Too large for us: another source has no smaller one.
                raise (_OwnFault(error) if "size_max" in error.context else error) from error
            obj = decode_object(raw)
            if obj.object_id != object_id:
                raise CyfsError(ErrorCode.UNMATCH, f"{state.device} gave the object {obj.object_id} for {object_id}")
            found.append(obj)

        await self._try_all(f"object {object_id}", OBJECT_ROOM, found.clear, attempt)
        return found[0]

    def _ask_with(self, referer: str | None) -> PeerAsk:
        return self._ask if referer is None else replace(self._ask, referers=(*self._ask.referers, referer))

    async def _try_all(
        self, what: str, size: int, forget: Callable[[], None], attempt: Callable[[SourceState], Awaitable[None]]
    ) -> None:
        """``size``: bytes in memory meanwhile; ``forget`` lets go of them before a pause."""
        failure = self._without_source(what)
        if not self._in_order():
            raise failure
        self._remote()
        for turn in range(self._limits.rounds):
            if turn:
                forget()
                await self._pause.wait(PAUSES[min(turn, len(PAUSES)) - 1])
            async with self._gate.enter(self._priority(), size):
                again = False
                for state in self._in_order():
                    try:
                        await attempt(state)
                    except _OwnFault as fault:
                        raise fault.args[0] from None
                    except CyfsError as error:
                        failure = self._note(state, error)
                        again = again or error.code in MAY_COME_BACK
                    else:
                        state.strikes = 0
                        return
            if not again:
                break
        raise failure

    def _in_order(self) -> list[SourceState]:
        """Those that failed lately come last, so that a source that stalls does not hold up every chunk."""
        return sorted((one for one in self.states if one.known and one.aside is None), key=lambda one: one.strikes)

    def _note(self, state: SourceState, error: CyfsError) -> CyfsError:
        """The error of a source, with its name; one that lies is not asked again."""
        told = CyfsError(error.code, f"source {state.device}: {error.message}")
        state.last = told
        if error.code != ErrorCode.NOT_FOUND:
            state.strikes += 1
        if error.code in LIES:
            state.aside = told
        return told

    def _without_source(self, what: str) -> CyfsError:
        aside = next((one.aside for one in self.states if one.aside is not None), None)
        if aside is not None:
            return aside
        unknown = [str(one.device) for one in self.states if not one.known]
        if unknown:
            text = f"no way to {', '.join(unknown[:3])} for {what}: give its address under [trans] sources"
            return CyfsError(ErrorCode.CONNECT_FAILED, text)
        return CyfsError(ErrorCode.NOT_FOUND, f"{what} is not here, and the task names no other device")

    async def _read(self, state: SourceState, ask: PeerAsk, chunk_id: ChunkId, part: _Part) -> None:
        async with aclosing(self._peers.read_chunk(state.device, ask, chunk_id, part.begin())) as pieces:
            async for piece in pieces:
                if len(part.data) + len(piece) > chunk_id.length:
                    text = f"more than the {chunk_id.length} bytes of chunk {chunk_id}"
                    part.alone = True
                    raise CyfsError(ErrorCode.INVALID_DATA, text)
                part.data += piece
                part.givers.add(state.device)
                state.bytes += len(piece)
                now = self._clock.monotonic()
                self._meter.add(len(piece), now)
                delay = self._throttle.take(len(piece), now)
                if delay:
                    await self._pause.wait(delay)
        if len(part.data) < chunk_id.length:
            raise CyfsError(ErrorCode.CONNECTION_ABORTED, f"chunk {chunk_id} ended early")
