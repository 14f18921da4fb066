"""A map or set of the state that is kept open, changed at will and saved now and then, and a single value
(docs/protocol/object-map.md §8).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.objects.object_map import MapContentType
from cyfs_edge.sdk.op_env import PathEnv, SingleEnv
from cyfs_edge.wire.state_reply import MapItem

if TYPE_CHECKING:
    from cyfs_edge.sdk.global_state import GlobalState

log = logging.getLogger(__name__)

KEEP_ALIVE_S = 15 * 60.0
"""The stack drops an env that nobody used for an hour."""


class StateStorage:
    """Nobody else can change the path while it is loaded."""

    __slots__ = ("_changed", "_current", "_env", "_keeping", "_lock", "_saving", "_state", "content_type", "path")

    def __init__(self, state: GlobalState, path: str, content_type: MapContentType = MapContentType.MAP) -> None:
        self._state = state
        self.path = path
        self.content_type = content_type
        self._changed = False
        self._env: tuple[PathEnv, SingleEnv] | None = None
        self._current: ObjectId | None = None
        self._lock = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._saving: asyncio.Task[None] | None = None

    @property
    def dirty(self) -> bool:
        """There are changes that are not saved yet."""
        return self._changed or self._lock.locked()

    async def load(self) -> None:
        """Opens what is at the path, or an empty map or set. Waits for another who has it open. Once only."""
        if self._env is not None:
            raise CyfsError(ErrorCode.ERROR_STATE, f"{self.path} is loaded already")
        path_env = await self._state.path_env()
        try:
            await path_env.lock([self.path])
            single = await self._state.single_env()
            self._current = await path_env.get_by_path(self.path)
            if self._current is None:
                await single.create(self.content_type)
            else:
                await single.load(self._current)
        except BaseException:
            with contextlib.suppress(CyfsError):
                await path_env.abort()
            raise
        self._env = path_env, single
        self._keeping = asyncio.create_task(self._keep_alive())

    async def save(self) -> bool:
        """Whether there was something to save. After an error it is still ``dirty``."""
        async with self._lock:
            path_env, single = self._open()
            if not self._changed:
                return False
            self._changed = False
            try:
                saved = (await single.update()).root
                if saved == self._current:
                    return False
                await path_env.set_with_path(self.path, saved, self._current)
                await path_env.update()
            except BaseException:
                self._changed = True
                raise
            self._current = saved
            return True

    def start_save(self, interval: float) -> None:
        """Saves every ``interval`` seconds until ``stop_save``; a save that fails is logged and tried again."""
        if self._saving is None:
            self._saving = asyncio.create_task(self._save_often(interval))

    async def stop_save(self) -> None:
        saving, self._saving = self._saving, None
        await _stop(saving)

    async def abort(self) -> None:
        """Closes it; what is not saved is lost. Others may open the path."""
        await self.stop_save()
        keeping, self._keeping = self._keeping, None
        await _stop(keeping)
        if self._env is not None:
            envs, self._env = self._env, None
            for env in envs:
                with contextlib.suppress(CyfsError):  # an env that is gone needs no end
                    await env.abort()

    async def get(self, key: str) -> ObjectId | None:
        return await self._single().get_by_key(key)

    async def insert(self, key: str, value: ObjectId) -> None:
        """``ALREADY_EXISTS`` when the key is there."""
        await self._single().insert_with_key(key, value)
        self._changed = True

    async def set(self, key: str, value: ObjectId, prev: ObjectId | None = None) -> ObjectId | None:
        """What was there."""
        found = await self._single().set_with_key(key, value, prev)
        self._changed = self._changed or found != value
        return found

    async def remove(self, key: str, prev: ObjectId | None = None) -> ObjectId | None:
        """What was there."""
        found = await self._single().remove_with_key(key, prev)
        self._changed = self._changed or found is not None
        return found

    async def add(self, value: ObjectId) -> bool:
        """To a set: whether it is new."""
        added = await self._single().insert(value)
        self._changed = self._changed or added
        return added

    async def discard(self, value: ObjectId) -> bool:
        """From a set: whether it was there."""
        removed = await self._single().remove(value)
        self._changed = self._changed or removed
        return removed

    async def contains(self, value: ObjectId) -> bool:
        """Of a set."""
        return await self._single().contains(value)

    async def list(self) -> list[MapItem]:
        return await self._single().list()

    def _open(self) -> tuple[PathEnv, SingleEnv]:
        if self._env is None:
            raise CyfsError(ErrorCode.NOT_INIT, f"{self.path} is not loaded")
        return self._env

    def _single(self) -> SingleEnv:
        return self._open()[1]

    async def _save_often(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            try:
                await self.save()
            except CyfsError as error:
                log.warning("cannot save %s: %s", self.path, error)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            for env in self._open():
                try:
                    await env.get_current_root()
                except CyfsError as error:
                    log.warning("cannot keep %s open: %s", self.path, error)


async def _stop(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
