"""Opens the backup repositories of a root: address, key, place and what is known of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.ports import BackupTarget
from cyfs_edge.core.backup.repository import Repository, open_head
from cyfs_edge.core.ports import Random, Worker
from cyfs_edge.host.backup.blob_index import SqliteBlobIndex
from cyfs_edge.host.backup.root_files import read_key
from cyfs_edge.host.backup.targets import open_target
from cyfs_edge.wire.backup.address import Address, parse_address
from cyfs_edge.wire.backup.keys import BackupKey

INDEX_FOLDER = "data/backup"


class Repositories:
    """``default``: the address in the configuration."""

    def __init__(
        self, root: Path, default: str | None, random: Random, worker: Worker, environ: Mapping[str, str]
    ) -> None:
        self._root = root
        self._default = default
        self._random = random
        self._worker = worker
        self._environ = environ

    def address(self, text: str | None) -> Address:
        """``INVALID_PARAM`` when no place is named, here or in the configuration."""
        named = text or self._default
        if named is None:
            raise CyfsError(
                ErrorCode.INVALID_PARAM,
                "no place for backups is named: give one, or set target in [backup] of the configuration",
            )
        return parse_address(named)

    async def target(self, text: str | None) -> BackupTarget:
        return await open_target(self.address(text), self._root, self._environ)

    async def open(self, text: str | None, key: BackupKey | None = None, index: Path | None = None) -> Repository:
        """With the key of the root unless another is given; ``index``: the folder for what is known of it."""
        address = self.address(text)
        used = key if key is not None else await asyncio.to_thread(read_key, self._root, None)
        target = await open_target(address, self._root, self._environ)
        try:
            head = await open_head(target, used)
            folder = index or self._root / INDEX_FOLDER
            known = await SqliteBlobIndex.open(folder / f"{head.id.hex()}.sqlite")
        except BaseException:
            await target.close()
            raise
        return Repository(target, head, known, self._random, self._worker)
