"""Files and folders of this machine as objects: their chunks over NDN, their File and Dir objects over NON
(docs/protocol/objects.md §6).
"""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects.dir import DirEntry, DirList, make_dir
from cyfs_edge.objects.envelope import NamedObject
from cyfs_edge.objects.file import CHUNK_SIZE, make_file
from cyfs_edge.sdk.ndn import Ndn
from cyfs_edge.sdk.non import Non
from cyfs_edge.sdk.util import Util


class Files:
    """The same content always gets the same ids: the objects belong to the owner of the stack and have no create time.

    ``access``: who may do what with the objects (18 bits); ``None`` = the node's default.
    """

    __slots__ = ("_ndn", "_non", "_owner", "_util")

    def __init__(self, non: Non, ndn: Ndn, util: Util) -> None:
        self._non = non
        self._ndn = ndn
        self._util = util
        self._owner: ObjectId | None = None

    async def put(self, path: Path, *, access: int | None = None) -> ObjectId:
        """Stores a file of any size; its id."""
        file = await asyncio.to_thread(path.open, "rb")
        digest, chunk_ids, size = hashlib.sha256(), list[ChunkId](), 0
        try:
            while data := await asyncio.to_thread(file.read, CHUNK_SIZE):
                digest.update(data)
                chunk_ids.append((await self._ndn.put_data(data))[0])
                size += len(data)
        finally:
            file.close()
        owner = await self._owner_id()
        return await self._store(make_file(owner, size, digest.digest(), chunk_ids, update_time=0), access)

    async def put_folder(self, folder: Path, *, access: int | None = None) -> ObjectId:
        """Stores the files of a folder, those of sub folders too; the id of the Dir. Links are not followed."""
        found = await asyncio.to_thread(_files_in, folder)
        if not found:
            raise CyfsError(ErrorCode.NOT_FOUND, f"there are no files in {folder}")
        entries = {name: DirEntry(await self.put(path, access=access)) for name, path in found.items()}
        return await self._store(make_dir(await self._owner_id(), DirList(entries), update_time=0), access)

    async def _store(self, obj: NamedObject, access: int | None) -> ObjectId:
        await self._non.put(obj, access=access)
        return obj.object_id

    async def _owner_id(self) -> ObjectId:
        if self._owner is None:
            device = await self._util.get_device()
            self._owner = device.owner or device.object_id
        return self._owner


def _files_in(folder: Path) -> dict[str, Path]:
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path for path in found}
