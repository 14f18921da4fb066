"""The ports through which the rules reach the world. Implemented in L3; in memory in the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Generic, Protocol, TypeVar

from cyfs_edge.base.access import ACCESS_DEFAULT
from cyfs_edge.base.errors import CyfsError
from cyfs_edge.base.ids import NULL_ID, ChunkId, ObjectId
from cyfs_edge.core.volumes import Volumes
from cyfs_edge.wire.message import BodyFile

T = TypeVar("T")

FileRange = BodyFile
"""Bytes of a file, as they go out in a response without being copied through Python."""


class Durability(Enum):
    """``DURABLE``: the call returns after the bytes are on stable storage. ``LAZY``: the last seconds may be lost.

    A lazy change is seen by all who read from then on; a durable change that builds on it makes it durable too.
    """

    DURABLE = "durable"
    LAZY = "lazy"


class StorageCategory(IntEnum):
    """``CACHE`` rows may be dropped to make room."""

    STORAGE = 0
    CACHE = 1


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One object as the store keeps it: its bytes as they came, and what is known of it. Times: bucky µs, 0 = none."""

    object_id: ObjectId
    raw: bytes
    create_dec_id: ObjectId
    insert_time: int
    update_time: int
    object_update_time: int = 0
    object_expired_time: int = 0
    access: int = ACCESS_DEFAULT
    storage_category: StorageCategory = StorageCategory.STORAGE
    context: str | None = None
    last_access_rpath: str | None = None
    owner: ObjectId | None = None


MADE_HERE = "state"
"""``context`` of objects that the node made for a state. Such an object goes when nothing that stays refers to it and
``OBJECT_LEASE`` has passed since it was last kept; all others stay until somebody deletes them.
"""
OBJECT_LEASE = 600 * 1_000_000
"""µs in which what was made for a state must be referred to by it."""


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """What an update function decided: ``record`` to store, ``None`` to leave things as they are, or ``delete``."""

    result: T
    record: ObjectRecord | None = None
    delete: bool = False


@dataclass(frozen=True, slots=True)
class StoreStat:
    """``storage_size``: bytes of object bodies kept; ``file_size``: bytes the store takes on disk."""

    object_count: int
    storage_size: int
    chunk_count: int
    chunk_size: int
    file_size: int
    free_space: int
    bytes_written: int
    commits: int


@dataclass(frozen=True, slots=True)
class FileIndexEntry:
    """A file that was published or downloaded here (query_file)."""

    file_id: ObjectId
    hash: bytes
    length: int
    owner: ObjectId | None = None
    flags: int = 0
    quick_hash: tuple[str, ...] = ()
    ref_dirs: tuple[tuple[ObjectId, str], ...] = ()
    chunks: tuple[ChunkId, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of scrub. ``kind``: ``object``, ``chunk`` or ``file``; ``what`` says what is wrong with it."""

    kind: str
    object_id: ObjectId
    what: str


@dataclass(slots=True)
class ScrubReport:
    """What has been looked at so far, ``bytes`` of it; ``orphans``: files of no known chunk that were removed.

    ``unreachable``: chunks on a volume, or with a remote engine, that is not there now.
    """

    objects: int = 0
    chunks: int = 0
    bytes: int = 0
    orphans: int = 0
    unreachable: int = 0
    problems: list[Problem] = field(default_factory=list)


Pace = Callable[[int], Awaitable[None]]
"""Waited for after each step, with the bytes read so far: slows a scrub down."""
StatSource = Callable[[], StoreStat]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose space is counted. ``kind``: ``dec`` (who put it) or ``owner`` (whose it is)."""

    kind: str
    id: ObjectId


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account takes. ``quota``: bytes that it may take, ``None`` for any."""

    objects: int
    object_bytes: int
    chunks: int
    chunk_bytes: int
    quota: int | None = None


@dataclass(slots=True)
class CollectReport:
    """What a collection has done so far. ``phase``: ``mark`` or ``sweep``; ``seen``: rows looked at in it."""

    phase: str = "mark"
    seen: int = 0
    objects: int = 0
    chunks: int = 0
    bytes: int = 0


class ObjectStore(Protocol):
    """Objects by id. Updates of one store are serialised; an update sees all those before it."""

    async def get(self, object_id: ObjectId) -> ObjectRecord | None: ...

    async def update(
        self,
        object_id: ObjectId,
        change: Callable[[ObjectRecord | None], Change[T]],
        durability: Durability = Durability.DURABLE,
    ) -> T:
        """Runs ``change`` on the held record inside the write transaction and applies what it decides.

        ``change`` must be quick and pure; it runs on the writer's thread. What it raises is raised here, and nothing is
        written. With ``DURABLE`` the result is given after the commit that holds it has been synced. Below the
        free-space floor a ``record`` raises ``OUT_OF_LIMIT``; a delete, or leaving things as they are, does not.
        """
        ...

    async def replace(self, record: ObjectRecord) -> None:
        """Puts a sound record in the place of one that may be damaged, which ``update`` could not read."""
        ...

    def list_ids(self, prefix: bytes = b"", after: ObjectId | None = None) -> AsyncIterator[ObjectId]:
        """All ids that begin with ``prefix`` and come after ``after``, in byte order, read in short transactions."""
        ...


class Keep(IntEnum):
    """How long a chunk stays. ``ALWAYS``: until it is deleted; somebody put it by its id.

    ``REFERRED``: while an object that stays refers to it, and for ``LEASE`` after it was put or renewed.
    """

    ALWAYS = 0
    REFERRED = 1


LEASE = 24 * 3600 * 1_000_000
"""µs in which what was put for an object must be referred to by it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """On whose account a chunk is kept, and how long. The first one to put a chunk pays for it."""

    dec: ObjectId = NULL_ID
    keep: Keep = Keep.ALWAYS
    owner: ObjectId | None = None


NO_CLAIM = Claim()


class ChunkStore(Protocol):
    """Chunk bytes by id. A chunk is there whole and verified, or not at all."""

    async def put(
        self, chunk_id: ChunkId, data: bytes, durability: Durability = Durability.DURABLE, claim: Claim = NO_CLAIM
    ) -> bool:
        """True when it is new. ``UNMATCH`` for a wrong length, ``INVALID_DATA`` for a wrong hash.

        One that is here is renewed, and stays for ``ALWAYS`` once anybody has said so.
        """
        ...

    async def put_many(
        self,
        chunks: list[tuple[ChunkId, bytes]],
        durability: Durability = Durability.DURABLE,
        claim: Claim = NO_CLAIM,
    ) -> int:
        """Several at once, one commit; gives how many were new."""
        ...

    async def renew(self, chunk_id: ChunkId) -> bool:
        """Whether the chunk is here; if it is, its lease begins anew, durably."""
        ...

    async def renew_many(self, chunk_ids: Sequence[ChunkId]) -> list[bool]:
        """The same for several, one commit at most."""
        ...

    async def read(self, chunk_id: ChunkId, start: int = 0, end: int | None = None) -> bytes | FileRange | None:
        """Bytes ``[start, end)``; ``None`` when the chunk is not here."""
        ...

    async def read_whole(self, chunk_id: ChunkId) -> bytes | None:
        """The whole chunk in memory, wherever it is kept; ``None`` when it is not here."""
        ...

    async def contains(self, chunk_id: ChunkId) -> bool: ...

    async def delete(self, chunk_id: ChunkId) -> bool: ...

    async def claim(self, chunk_id: ChunkId) -> Claim | None:
        """On whose account the chunk is kept; ``None`` when it is not here."""
        ...

    def list_ids(self) -> AsyncIterator[ChunkId]: ...


class FileIndex(Protocol):
    """Index of published files, for query_file."""

    async def add(self, entry: FileIndexEntry) -> None: ...

    async def by_id(self, file_id: ObjectId) -> FileIndexEntry | None: ...

    async def by_hash(self, digest: bytes) -> FileIndexEntry | None: ...

    async def by_quick_hash(self, quick_hash: str) -> list[FileIndexEntry]: ...

    async def by_chunk(self, chunk_id: ChunkId) -> list[FileIndexEntry]: ...

    def entries(self) -> AsyncIterator[FileIndexEntry]:
        """All entries in the order of their ids."""
        ...


@dataclass(frozen=True, slots=True)
class RootRecord:
    """The current global root of a state, and how many there have been."""

    root: ObjectId
    revision: int


@dataclass(frozen=True, slots=True)
class RootChange:
    """From ``held`` (``None`` = there is none yet) to ``new``. ``name``: which state, at most 200 bytes."""

    name: str
    held: RootRecord | None
    new: RootRecord


class StateStore(Protocol):
    """Global roots by name, changed in one with the objects they need. In order with the updates of ``ObjectStore``."""

    async def root(self, name: str) -> RootRecord | None: ...

    def roots(self) -> AsyncIterator[tuple[str, RootRecord]]:
        """All roots with their names, in order of the names' bytes."""
        ...

    async def commit(self, objects: Sequence[ObjectRecord], change: RootChange | None = None) -> bool:
        """One durable transaction: the objects that are not there yet, and the new root.

        False, and nothing written, when the root is not ``change.held`` any more. Objects that are there stay as they
        are. Below the free-space floor ``OUT_OF_LIMIT``.
        """
        ...


class Space(Protocol):
    """What is kept for whom, and what is kept for nobody any more."""

    def usage(self) -> dict[Account, Usage]:
        """Of every account that has something or a quota."""
        ...

    def set_quota(self, account: Account, limit: int | None) -> None:
        """From now on a put that would take the account over ``limit`` bytes is ``OUT_OF_LIMIT``. Not remembered."""
        ...

    async def collect(
        self,
        roots: Callable[[], Iterable[ObjectId]],
        progress: Callable[[CollectReport], None] | None = None,
    ) -> CollectReport:
        """Deletes ``MADE_HERE`` objects and ``REFERRED`` chunks that are of no use any more (docs/storage.md).

        What stays: what the roots of states, ``roots()`` and all other objects lead to, what is within its lease, and
        what was read or written since the call. From the moment the sweep begins the rest is gone for all readers.
        ``roots`` is asked when it begins and again before the sweep; from the first time on reads must reach the store,
        so whoever keeps objects in memory forgets them then. ``ERROR_STATE`` when another collection runs; cancelling
        stops it.
        """
        ...


class Records(Protocol):
    """What services remember beside objects: tasks, shares, settings. By space and key, both short texts.

    Space and key together have at most 400 bytes of UTF-8, neither has NUL: ``INVALID_PARAM``.
    """

    async def get(self, space: str, key: str) -> bytes | None: ...

    async def put(self, space: str, key: str, value: bytes, durability: Durability = Durability.DURABLE) -> None:
        """Adds or replaces. Below the free-space floor ``OUT_OF_LIMIT``."""
        ...

    async def delete(self, space: str, key: str, durability: Durability = Durability.DURABLE) -> bool:
        """Whether it was there."""
        ...

    def spaces(self) -> AsyncIterator[str]:
        """The spaces that have records, in order of their bytes; not what the store remembers of itself."""
        ...

    def list(self, space: str, prefix: str = "", after: str | None = None) -> AsyncIterator[tuple[str, bytes]]:
        """Keys that begin with ``prefix`` and come after ``after``, with their values, in order of their bytes."""
        ...


class Store(Protocol):
    """All of a store. One process has it open at a time."""

    @property
    def objects(self) -> ObjectStore: ...

    @property
    def chunks(self) -> ChunkStore: ...

    @property
    def files(self) -> FileIndex: ...

    @property
    def state(self) -> StateStore: ...

    @property
    def records(self) -> Records: ...

    @property
    def space(self) -> Space: ...

    @property
    def volumes(self) -> Volumes: ...

    @property
    def failure(self) -> CyfsError | None:
        """Why nothing can be written any more until it is opened anew; ``None`` when all is well."""
        ...

    def stat(self) -> StoreStat: ...

    async def scrub(
        self, progress: Callable[[ScrubReport], None] | None = None, pace: Pace | None = None
    ) -> ScrubReport:
        """Compares everything with its hashes; ``progress`` gets the growing report. Cancel the task to stop it."""
        ...

    async def close(self) -> None:
        """Commits what waits. Calls that come later are ``ERROR_STATE``."""
        ...


class Clock(Protocol):
    """``now``: bucky µs, never going back. ``monotonic``: seconds from any start."""

    def now(self) -> int: ...

    def monotonic(self) -> float: ...


class Random(Protocol):
    def bytes(self, size: int) -> bytes: ...


class Mutex(Protocol):
    """``async with``: one at a time, in the order of asking."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *error: object) -> None: ...


class Bell(Protocol):
    """Wakes those who wait for something to change."""

    def ring(self) -> None: ...

    async def wait(self, seconds: float) -> None:
        """Until the next ring, at most so long."""
        ...


class Waits(Protocol):
    """Makes what coroutines wait on."""

    def mutex(self) -> Mutex: ...

    def bell(self) -> Bell: ...

    async def all(self, work: Sequence[Awaitable[T]]) -> list[T]:
        """Runs all of it at once; the results in order. Waits for all of it before it raises the first error."""
        ...


@dataclass(frozen=True, slots=True)
class LocalEntry:
    """One entry of a local folder. ``name`` is a single path segment."""

    name: str
    is_dir: bool


class LocalFiles(Protocol):
    """Files of this machine that a local caller names by absolute path. Every miss is ``NOT_FOUND``."""

    async def is_dir(self, path: str) -> bool: ...

    async def list_dir(self, path: str) -> list[LocalEntry]:
        """Regular files and folders only, by name; links are left out."""
        ...

    def read(self, path: str, piece_size: int) -> AsyncIterator[bytes]:
        """The content in pieces of ``piece_size`` bytes, the last one shorter. ``CONFLICT`` at the end of a file that
        changed meanwhile.
        """
        ...


class HostInfo(Protocol):
    """What the machine tells of itself (http-api §8, get_system_info)."""

    async def system_info(self) -> dict[str, object]: ...


class Worker(Protocol):
    """Runs CPU-bound work off the event loop."""

    async def run(self, work: Callable[[], T]) -> T: ...
