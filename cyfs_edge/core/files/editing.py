"""One change of the tree: maps on the way are opened, changed and linked anew from the bottom up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId, ObjectTypeCode
from cyfs_edge.core.files.dirs import DirFolders
from cyfs_edge.core.files.entry import DirFolder, Span
from cyfs_edge.core.files.path import TreePath, shown
from cyfs_edge.core.files.reading import ATTRIBUTES, FILES, own_key
from cyfs_edge.core.maps.tree import MapContext, MapTree
from cyfs_edge.core.ports import ChunkStore, Claim, Worker
from cyfs_edge.objects.object_map import MapContentType

SPAN_CHUNK_MAX = 64 << 20
"""Bytes of a chunk of which a part is made a file of its own."""

Value = ObjectId | MapTree


class Edit:
    """The root of the system dec while it is changed. An error leaves it unusable, and nothing is stored of it."""

    __slots__ = ("_chunks", "_claim", "_context", "_dirs", "_worker", "root")

    def __init__(
        self, context: MapContext, root: MapTree, dirs: DirFolders, chunks: ChunkStore, claim: Claim, worker: Worker
    ) -> None:
        self._context = context
        self.root = root
        self._dirs = dirs
        self._chunks = chunks
        self._claim = claim
        self._worker = worker

    # -- files --------------------------------------------------------------------------------------------------------

    async def take(self, path: TreePath, *, keep: bool = False) -> Value:
        """What is at a path, out of its folder unless it is to be kept there. ``NOT_FOUND`` without anything."""
        trees = await self._files(path[:-1], change=not keep)
        value: Value | None = await trees[-1].get(path[-1])
        if value is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"nothing is at {shown(path)}")
        if not keep:
            await trees[-1].pop(path[-1])
            await _link(trees, (FILES, *path[:-1]))
        return value

    async def put(self, path: TreePath, value: Value) -> None:
        """Puts or replaces. ``INNER_PATH_NOT_FOUND`` when there is no folder to put it in."""
        trees = await self._files(path[:-1])
        await trees[-1].put(path[-1], value)
        await _link(trees, (FILES, *path[:-1]))

    async def make_folder(self, path: TreePath) -> None:
        """An empty one, in the place of what may be there."""
        trees = await self._files(path[:-1])
        await trees[-1].put(path[-1], await self._new_map(trees[-1], path[-1]))
        await _link(trees, (FILES, *path[:-1]))

    async def _files(self, folders: TreePath, *, change: bool = True) -> list[MapTree]:
        """The maps from the root to a folder. The top is made at the first use. ``change``: they will be changed."""
        trees = [self.root]
        for name in (FILES, *folders):
            held = await trees[-1].get(name)
            if held is None:
                if len(trees) > 1:
                    raise CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"there is no folder {shown(folders)}")
                held = await self._new_map(self.root, FILES)
            trees.append(await self._open(held, change))
        return trees

    async def _open(self, held: Value, change: bool) -> MapTree:
        if isinstance(held, MapTree):
            tree = held
        elif held.type_code == ObjectTypeCode.OBJECT_MAP:
            tree = await MapTree.load(self._context, held)
        elif held.type_code == ObjectTypeCode.DIR:
            return await self._maps_of(held, change)
        else:
            raise _no_folder(held)
        if tree.kind.content_type is not MapContentType.MAP:
            raise _no_folder(tree.root_id())
        return tree

    async def _new_map(self, parent: MapTree, name: str) -> MapTree:
        depth = await parent.child_depth(name)
        return MapTree.new(self._context, MapContentType.MAP, owner=parent.owner, dec_id=parent.dec_id, depth=depth)

    # -- Dirs become maps ---------------------------------------------------------------------------------------------

    async def _maps_of(self, dir_id: ObjectId, change: bool) -> MapTree:
        """The maps of a Dir, all of it: its folders have no objects of their own. Entries stay the objects they are.

        ``change``: they will take the place of the Dir, so that nothing of it may be left out.
        """
        folder = await self._dirs.open(dir_id)
        if folder.odd and change:
            raise CyfsError(
                ErrorCode.NOT_SUPPORT,
                f"the Dir {dir_id} has {folder.odd} entries that can be no files, so it can be read only; "
                "copy what you need to another folder",
            )
        made: dict[Span, ChunkId] = {}
        await self._make_spans(folder, made)
        return await self._worker.run(partial(self._filled, folder, made))

    def _filled(self, folder: DirFolder, made: dict[Span, ChunkId]) -> MapTree:
        values: dict[str, Value] = {}
        for name, node in folder.children.items():
            if isinstance(node, DirFolder):
                values[name] = self._filled(node, made)
            else:
                values[name] = made[node] if isinstance(node, Span) else node
        root = self.root
        tree = MapTree.filled(self._context, MapContentType.MAP, values, owner=root.owner, dec_id=root.dec_id)
        tree.root_id()
        return tree

    async def _make_spans(self, folder: DirFolder, made: dict[Span, ChunkId]) -> None:
        for node in folder.children.values():
            if isinstance(node, DirFolder):
                await self._make_spans(node, made)
            elif isinstance(node, Span) and node not in made:
                made[node] = await self._chunk_of(node)

    async def _chunk_of(self, span: Span) -> ChunkId:
        if span.chunk_id.length > SPAN_CHUNK_MAX:
            raise CyfsError(ErrorCode.OUT_OF_LIMIT, f"{span.chunk_id} is too large to make files of its parts")
        whole = await self._chunks.read_whole(span.chunk_id)
        if whole is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"the chunk {span.chunk_id} is not here")
        data = whole[span.begin : span.end]
        chunk_id = await self._worker.run(partial(ChunkId.of_data, data))
        await self._chunks.put(chunk_id, data, claim=self._claim)
        return chunk_id

    # -- attributes ---------------------------------------------------------------------------------------------------

    async def set_attributes(self, path: TreePath, value: ObjectId | None) -> None:
        await self._set_beside(path, {own_key(path): value})

    async def carry_attributes(self, path: TreePath, to: TreePath | None, *, keep: bool, below: bool = True) -> None:
        """What is known about ``path`` and all below it goes to ``to`` and replaces what was there, or is dropped.

        ``keep``: it stays with ``path`` as well. ``below``: false to carry that of ``path`` alone.
        """
        trees, _ = await self._beside(path, make=False)
        own, under = (None, None) if trees is None else [await trees[-1].get(key) for key in _keys(path)]
        if not keep:
            await self._set_beside(path, dict.fromkeys(_keys(path)))
        if to is not None:
            await self._set_beside(to, dict(zip(_keys(to), (own, under if below else None), strict=True)))

    async def _set_beside(self, path: TreePath, values: Mapping[str, Value | None]) -> None:
        trees, folders = await self._beside(path, make=any(value is not None for value in values.values()))
        if trees is None:
            return
        before = trees[-1].changes
        for key, value in values.items():
            if value is None:
                await trees[-1].pop(key)
            else:
                await trees[-1].put(key, value)
        if trees[-1].changes != before:
            await _link(trees, folders)

    async def _beside(self, path: TreePath, *, make: bool) -> tuple[list[MapTree] | None, TreePath]:
        """The maps down to the one that holds the attributes of ``path``, and the keys between them."""
        folders = (*ATTRIBUTES, *path[:-1])
        trees = [self.root]
        for name in folders:
            held = await trees[-1].get(name)
            if held is None:
                if not make:
                    return None, folders
                held = await self._new_map(trees[-1], name)
            trees.append(await self._open(held, True))
        return trees, folders


def _keys(path: TreePath) -> tuple[str, str]:
    """Of the attributes of ``path``, and of all that is below it."""
    return own_key(path), path[-1]


async def _link(trees: list[MapTree], keys: TreePath) -> None:
    for at in range(len(keys), 0, -1):
        await trees[at - 1].put(keys[at - 1], trees[at])


def _no_folder(object_id: ObjectId) -> CyfsError:
    return CyfsError(ErrorCode.INNER_PATH_NOT_FOUND, f"{object_id} is no folder")
