"""Turns batches of operations into synced transactions and decides what a failure means. On the writer's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import lmdb

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.core.ports import Clock
from cyfs_edge.store import rows
from cyfs_edge.store.chunk_place import Written
from cyfs_edge.store.engine import Engine, Table
from cyfs_edge.store.errors import is_full, no_space, translate
from cyfs_edge.store.places import Places
from cyfs_edge.store.space import MIB, SpaceGuard
from cyfs_edge.store.view import Counters, Placed, View

COUNTERS_KEY = b"counters"
OPENED_KEY = b"opened"
USAGE_PREFIX = b"usage/"
"""What each account takes: rows of the main tree, whose page is written with every commit anyway."""
_NOTHING = Counters()


@dataclass(slots=True, eq=False)
class Operation:
    """``run`` may run more than once, each time on a view of its own; the last ``result`` or ``error`` counts.

    ``temps``: what ``run`` may place; what it did not is dropped.
    """

    run: Callable[[View], Any]
    durable: bool
    size: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    temps: tuple[Written, ...] = ()
    result: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class _Effects:
    """What a batch did and is to do beside its transaction: undone when that fails, completed when it is committed."""

    delta: Counters = field(default_factory=Counters)
    accounts: dict[bytes, Counters] = field(default_factory=dict)
    placed: list[Written] = field(default_factory=list)
    doomed: set[Placed] = field(default_factory=set)
    writes: bool = False

    def count(self, view: View) -> None:
        self.delta.add(view.delta)
        add_accounts(self.accounts, view.accounts)


def add_accounts(to: dict[bytes, Counters], changes: dict[bytes, Counters]) -> None:
    for account, change in changes.items():
        to.setdefault(account, Counters()).add(change)


class _Failed(Exception):
    """``committing``: the transaction was whole and the disk was asked to keep it.

    ``of_volume``: another disk than that of the store did not keep the names that its rows speak of.
    """

    def __init__(self, cause: Exception, *, committing: bool, of_volume: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.committing = committing
        self.of_volume = of_volume


class Committer:
    """``counters`` and ``usage`` (by the key of the account) include lazy values.

    ``quotas``: most bytes of an account. ``failure``: why nothing is written any more.
    """

    __slots__ = (
        "_clock",
        "_engine",
        "_guard",
        "_lazy",
        "_owes_commit",
        "_places",
        "commits",
        "counters",
        "failure",
        "lazy_bytes",
        "lazy_since",
        "quotas",
        "usage",
    )

    def __init__(
        self,
        engine: Engine,
        places: Places,
        guard: SpaceGuard,
        clock: Clock,
        counters: Counters,
        usage: dict[bytes, Counters],
    ) -> None:
        self._engine = engine
        self._places = places
        self._guard = guard
        self._clock = clock
        self.counters = counters
        self.usage = usage
        self.quotas: dict[bytes, int] = {}
        self.commits = 0
        self.failure: CyfsError | None = None
        self.lazy_bytes = 0
        self.lazy_since = 0.0
        self._lazy = _Effects()
        # What an earlier process committed last may be visible without being synced, when its sync failed. The first
        # commit of this one settles that, so it is made even when the operations have nothing to write.
        self._owes_commit = True

    def apply_lazily(self, batch: list[Operation]) -> None:
        """Into the pending values, which go to the disk with the next commit."""
        if not self.lazy_bytes:
            self.lazy_since = self._clock.monotonic()
        for op in batch:
            view = View(self._engine.get, self._guard.check, partial(self._check_quota, {}))
            try:
                op.result = op.run(view)
                self._place_files(view, self._lazy)
            except Exception as error:
                op.error = translate(error, "writing to the store") if _is_disk_error(error) else error
                continue
            for (table, key), row in view.writes.items():
                self._engine.pending[table][key] = row
                self.lazy_bytes += len(key) + len(row or b"")
            self._lazy.doomed.update(view.remove)
            self._lazy.count(view)
            self.counters.add(view.delta)
            add_accounts(self.usage, view.accounts)
        self._drop_temps(batch)

    def commit(self, batch: list[Operation]) -> None:
        """One transaction for the batch and all pending values. Leaves a result or an error in every operation."""
        if self.failure is not None:
            self.give_up(batch, self.failure)
            return
        effects = _Effects()
        try:
            self._transact(batch, effects)
        except _Failed as failed:
            self._undo(effects)
            error = self._judge(failed)
            self.lazy_since = self._clock.monotonic()
            if self.failure is None and len(batch) > 1:
                # Whose fault it was is not known: each gets a transaction of its own, so that it is nobody else's.
                for op in batch:
                    op.error = None
                    self.commit([op])
            elif self.failure is None and self._is_in_the_way(failed, error, batch):
                frees = self._only_frees(batch)
                self._drop_lazy()
                if frees or not batch:
                    self.commit(batch)
                else:
                    self.give_up(batch, error)
            else:
                self.give_up(batch, error)
        else:
            self._drop_temps(batch)

    def _is_in_the_way(self, failed: _Failed, error: CyfsError, batch: list[Operation]) -> bool:
        """Whether lazy values, which may be lost, keep others from being written."""
        if failed.of_volume:
            return bool(self._lazy.placed)
        # A full disk may have room for a delete, but not for the lazy values that ride along.
        full = bool(batch) and bool(self.lazy_bytes) and error.code == ErrorCode.OUT_OF_LIMIT
        return full and self._only_frees(batch)

    def _only_frees(self, batch: list[Operation]) -> bool:
        """Whether an operation does no more than delete objects and chunks.

        Anything else may build on lazy values, and must not be acknowledged without them: a file on its chunks, the
        end of a share on the rights that it has taken back.
        """
        if not batch:
            return False
        view = View(self._engine.get, self._guard.check, partial(self._check_quota, {}))
        try:
            batch[0].run(view)
        except Exception:
            return False  # its error is told by the commit
        return bool(view.writes) and all(
            row is None and table not in (Table.ROOTS, Table.RECORDS) for (table, _), row in view.writes.items()
        )

    def give_up(self, batch: list[Operation], error: CyfsError) -> None:
        for op in batch:
            if op.error is None:
                op.error = copy_error(error)
        self._drop_temps(batch)

    def stop_writing(self, why: object) -> CyfsError:
        """From now on nothing is written until the store is opened anew."""
        self.failure = CyfsError(
            ErrorCode.IO_ERROR,
            f"the store takes no more writes since an error ({why}); what was acknowledged before is safe. "
            "Look into the kernel log, check the disk, then restart the service",
        )
        return self.failure

    def _transact(self, batch: list[Operation], effects: _Effects) -> None:
        """:class:`_Failed` leaves nothing in the database."""
        try:
            txn = self._engine.begin_write()
        except lmdb.Error as error:
            raise _Failed(error, committing=True) from error
        try:
            self._fill(txn, batch, effects)
        except Exception as error:
            txn.abort()
            raise _Failed(error, committing=False) from error
        if not effects.writes:
            txn.abort()
            return
        try:
            for number in {written.number for written in (*self._lazy.placed, *effects.placed)}:
                self._places.get(number).sync()
        except OSError as error:
            txn.abort()
            raise _Failed(error, committing=True) from error
        except CyfsError as error:
            # Of a volume, which takes no more chunks now; the store itself is well.
            txn.abort()
            raise _Failed(error, committing=False, of_volume=True) from error
        try:
            txn.commit()
        except lmdb.Error as error:
            raise _Failed(error, committing=True) from error
        self._committed(effects)

    def _fill(self, txn: lmdb.Transaction, batch: list[Operation], effects: _Effects) -> None:
        handle = self._engine.handle

        def read(table: Table, key: bytes) -> Any:
            return txn.get(key, db=handle(table))

        def write(table: Table, key: bytes, row: bytes | None) -> None:
            effects.writes = True
            if row is None:
                txn.delete(key, db=handle(table))
            else:
                txn.put(key, row, db=handle(table))

        for table, waiting in self._engine.pending.items():
            for key, row in waiting.items():
                write(table, key, row)
        for op in batch:
            view = View(read, self._guard.check, partial(self._check_quota, effects.accounts))
            try:
                op.result = op.run(view)
            except lmdb.Error:
                raise
            except Exception as error:
                op.error = error
                continue
            self._place_files(view, effects)
            for (table, key), row in view.writes.items():
                write(table, key, row)
            effects.doomed.update(view.remove)
            effects.count(view)
        if self._owes_commit:
            effects.writes = True
            txn.put(OPENED_KEY, b"%d" % self._clock.now())
        if effects.writes:
            total = Counters()
            total.add(self.counters)
            total.add(effects.delta)
            txn.put(COUNTERS_KEY, total.encode())
            for account in effects.accounts.keys() | self._lazy.accounts.keys():
                held = Counters()
                held.add(self.usage.get(account, _NOTHING))
                held.add(effects.accounts.get(account, _NOTHING))
                if held == _NOTHING:
                    txn.delete(USAGE_PREFIX + account)
                else:
                    txn.put(USAGE_PREFIX + account, held.encode())

    def _check_quota(self, waiting: dict[bytes, Counters], account: bytes, growth: int) -> None:
        """``waiting``: what the batch has done to the accounts so far."""
        limit = self.quotas.get(account)
        if limit is None:
            return
        used = self.usage.get(account, _NOTHING).size + waiting.get(account, _NOTHING).size
        if used + growth > limit:
            kind = "dec" if account[:1] == b"d" else "owner"
            raise CyfsError(
                ErrorCode.OUT_OF_LIMIT,
                f"{kind} {ObjectId(account[1:])} may keep {limit} bytes and has {used}: {growth} more are too many. "
                "Delete something, or have the quota raised",
                quota=limit,
                used=used,
            )

    def _place_files(self, view: View, effects: _Effects) -> None:
        for written in view.place:
            self._places.get(written.number).place(written)
            effects.placed.append(written)

    def _committed(self, effects: _Effects) -> None:
        self.commits += 1
        self._owes_commit = False
        self.counters.add(effects.delta)
        add_accounts(self.usage, effects.accounts)
        for account in [account for account, held in self.usage.items() if held == _NOTHING]:
            del self.usage[account]
        doomed = effects.doomed | self._lazy.doomed
        # Not before: a reader finds a value among the pending ones or in the database at any time.
        self._clear_lazy()
        for chunk_id, number, note in doomed:
            try:
                if not self._is_named(chunk_id, number, note):
                    self._places.get(number).remove(chunk_id, note)
            except (OSError, CyfsError):
                continue  # bytes without a row; scrub removes them

    def _is_named(self, chunk_id: ChunkId, number: int, note: bytes) -> bool:
        return rows.names_place(self._engine.get(Table.CHUNKS, chunk_id), number, note)

    def _clear_lazy(self) -> None:
        for waiting in self._engine.pending.values():
            waiting.clear()
        self._lazy = _Effects()
        self.lazy_bytes = 0

    def _drop_lazy(self) -> None:
        self.counters.subtract(self._lazy.delta)
        for account, change in self._lazy.accounts.items():
            self.usage[account].subtract(change)
        self._clear_lazy()

    def _undo(self, effects: _Effects) -> None:
        for written in reversed(effects.placed):
            try:
                place, chunk_id = self._places.get(written.number), written.chunk_id
                committed = self._engine.get_committed(Table.CHUNKS, chunk_id)
                if not rows.names_place(committed, written.number, written.note):
                    if not self._is_named(chunk_id, written.number, written.note):
                        place.take_back(written)
                elif self._engine.get(Table.CHUNKS, chunk_id) is None:
                    # Deleted lazily: the row is back after a crash, and needs the bytes as much as another try does.
                    place.copy_back(written)
            except (OSError, CyfsError):
                continue  # bytes without a row; scrub removes them

    def _judge(self, failed: _Failed) -> CyfsError:
        """The error to tell. A failed commit for any reason but a full disk ends writing.

        No later commit leans on what a failed one wrote (docs/storage.md, "After a failed sync"), but a disk that fails
        a sync is not one to acknowledge data on, and after a failed meta page LMDB itself refuses to go on.
        """
        error = failed.cause
        if not failed.committing:
            return translate(error, "writing to the store")
        if not self._engine.is_panicking() and (is_full(error) or self._looks_full(error)):
            return no_space("writing to the store", error)
        self.stop_writing(error)
        return translate(error, "writing to the store")

    def _drop_temps(self, batch: list[Operation]) -> None:
        for op in batch:
            for written in op.temps:
                self._places.drop(written)

    def _looks_full(self, error: Exception) -> bool:
        # A full disk shows first as a short write, which LMDB reports as EIO.
        try:
            return isinstance(error, lmdb.Error) and self._guard.free() < MIB
        except OSError:
            return False


def copy_error(error: CyfsError) -> CyfsError:
    """An error of its own for each who gets it: raising adds to an exception."""
    return CyfsError(error.code, error.message, **error.context)


def _is_disk_error(error: Exception) -> bool:
    return isinstance(error, (lmdb.Error, OSError))
