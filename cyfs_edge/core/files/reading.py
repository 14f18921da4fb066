"""The tree as it is under one root of the system dec: nothing that is changed meanwhile is seen.

Beside the files there is a second tree of the same shape that holds what is kept *about* them, so that one commit
moves both. In it ``name`` is the map of what is below an entry, ``/name`` the attributes of the entry itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId, ObjectTypeCode
from cyfs_edge.core.files.dirs import DirFolders
from cyfs_edge.core.files.entry import DirFolder, Entry, Node, Span, entry_of, shown_object
from cyfs_edge.core.files.path import TreePath, shown
from cyfs_edge.core.maps.tree import MapContext, MapTree, id_of
from cyfs_edge.core.object_cache import decode_held
from cyfs_edge.core.ports import ObjectRecord, ObjectStore, Worker
from cyfs_edge.objects.core.registry import decode_core
from cyfs_edge.objects.core.text_storage import StorageBody
from cyfs_edge.objects.object_map import MapContentType

FILES = "files"
"""The key of the tree in the root of the system dec."""
ATTRIBUTES: TreePath = (".cyfs", "files", "attributes")
"""Where the second tree is in the root of the system dec."""
TOP = Entry("", True, None, 0, None)
"""The top of a tree in which there was never anything."""
PAGE = 64
"""Entries that are looked at in one go while a folder is listed."""


class Snapshot:
    """Reads below one dec root. Cheap to make; maps come out of the state's cache."""

    __slots__ = ("_context", "_dec_root", "_dirs", "_objects", "_worker")

    def __init__(
        self, context: MapContext, objects: ObjectStore, dirs: DirFolders, worker: Worker, dec_root: ObjectId | None
    ) -> None:
        """``dec_root``: ``None`` while the dec has no state."""
        self._context = context
        self._objects = objects
        self._dirs = dirs
        self._worker = worker
        self._dec_root = dec_root

    async def find(self, path: TreePath) -> Node | None:
        """What the path leads to; ``INNER_PATH_NOT_FOUND`` when a folder on the way is missing, or is none."""
        node = None if self._dec_root is None else await self._child(self._dec_root, FILES)
        for depth, name in enumerate(path):
            if node is None and depth == 0:
                if len(path) == 1:
                    return None
                raise _no_folder(path[:1])
            if node is None or not await self._is_folder(node):
                raise _no_folder(path[:depth])
            node = await self._child(node, name)
        return node

    async def look(self, path: TreePath) -> Entry | None:
        """The entry at a path; ``None`` without one, be it for want of a folder."""
        try:
            node = await self.find(path)
        except CyfsError as error:
            if error.code != ErrorCode.INNER_PATH_NOT_FOUND:
                raise
            return None
        if node is None:
            return None if path else TOP
        if isinstance(node, ObjectId) and node.type_code == ObjectTypeCode.OBJECT_MAP:
            obj = await self._context.load(node)
        else:
            obj = shown_object(await self.record(node))
        return entry_of(path[-1] if path else "", node, obj)

    async def record(self, node: Node) -> ObjectRecord | None:
        """The object of a node that is one, and is here."""
        if isinstance(node, Span | DirFolder) or node.is_chunk or node.is_data:
            return None
        return await self._objects.get(node)

    async def attributes(self, path: TreePath) -> bytes | None:
        """What is kept about an entry; ``None`` when there is nothing, or its object is not here."""
        return await self.attribute_of(await self.attributes_in(path[:-1]), own_key(path))

    async def attributes_in(self, folder: TreePath) -> MapTree | None:
        """The map of what is kept about the entries of a folder."""
        if self._dec_root is None:
            return None
        tree = await MapTree.load(self._context, self._dec_root)
        for name in (*ATTRIBUTES, *folder):
            held = await tree.get(name)
            if held is None:
                return None
            tree = await MapTree.load(self._context, id_of(held))
        return tree

    async def attribute_of(self, about: MapTree | None, key: str) -> bytes | None:
        """A value of such a map."""
        held = None if about is None else await about.get(key)
        record = None if held is None else await self._objects.get(id_of(held))
        content = None if record is None else decode_core(decode_held(record))
        return content.body.value if content is not None and isinstance(content.body, StorageBody) else None

    async def entries(self, folder: Node | None) -> AsyncIterator[Entry]:
        """What is in a folder, in no particular order, a page at a time."""
        page: list[tuple[str, Node]] = []
        async for item in self._items(folder):
            page.append(item)
            if len(page) == PAGE:
                for entry in await self._describe(page):
                    yield entry
                page = []
        for entry in await self._describe(page):
            yield entry

    async def _describe(self, page: Sequence[tuple[str, Node]]) -> list[Entry]:
        """Off the loop: a folder may have any number of entries, and others wait."""
        records = [await self.record(node) for _, node in page]
        return await self._worker.run(partial(_described, page, records))

    async def _items(self, folder: Node | None) -> AsyncIterator[tuple[str, Node]]:
        if folder is None or isinstance(folder, Span):
            return
        if isinstance(folder, ObjectId):
            if folder.type_code == ObjectTypeCode.OBJECT_MAP:
                async for key, value in (await MapTree.load(self._context, folder)).items():
                    yield key, id_of(value)
                return
            folder = await self._dirs.open(folder)
        for item in folder.children.items():
            yield item

    async def _child(self, folder: Node, name: str) -> Node | None:
        if isinstance(folder, Span):
            return None
        if isinstance(folder, ObjectId):
            if folder.type_code == ObjectTypeCode.OBJECT_MAP:
                value = await (await MapTree.load(self._context, folder)).get(name)
                return None if value is None else id_of(value)
            folder = await self._dirs.open(folder)
        return folder.children.get(name)

    async def _is_folder(self, node: Node) -> bool:
        if isinstance(node, Span):
            return False
        if isinstance(node, DirFolder) or node.type_code == ObjectTypeCode.DIR:
            return True
        if node.type_code != ObjectTypeCode.OBJECT_MAP:
            return False
        return (await MapTree.load(self._context, node)).kind.content_type is MapContentType.MAP


def own_key(path: TreePath) -> str:
    """The key of an entry's own attributes, which can be no name."""
    return f"/{path[-1]}" if path else "/"


def _described(page: Sequence[tuple[str, Node]], records: Sequence[ObjectRecord | None]) -> list[Entry]:
    return [entry_of(name, node, shown_object(record)) for (name, node), record in zip(page, records, strict=True)]


def _no_folder(path: TreePath) -> CyfsError:
    return CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"there is no folder {shown(path)}")
