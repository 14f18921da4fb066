"""Random changes of the tree against a plain dictionary of paths, attributes included."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.core.files.path import TreePath
from tests.unit.core.files.kit import Files, make_files, pieces_of

PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple)
OPS = st.one_of(
    st.tuples(st.just("write"), PATHS, st.integers(0, 3)),
    st.tuples(st.just("make_dir"), PATHS),
    st.tuples(st.just("remove"), PATHS),
    st.tuples(st.sampled_from(("move", "copy", "shallow")), PATHS, PATHS, st.booleans()),
    st.tuples(st.just("about"), PATHS, st.integers(0, 3)),
)


class Model:
    """``nodes``: content, ``None`` for folders; ``about``: attributes. Each call says whether it was carried out."""

    def __init__(self) -> None:
        self.nodes: dict[TreePath, int | None] = {(): None}
        self.about: dict[TreePath, int] = {}

    def _has_folder(self, path: TreePath) -> bool:
        return path[:-1] in self.nodes and self.nodes[path[:-1]] is None

    def write(self, path: TreePath, data: int) -> bool:
        if not self._has_folder(path) or self.nodes.get(path, 0) is None:
            return False
        self.nodes[path] = data
        return True

    def make_dir(self, path: TreePath) -> bool:
        if not self._has_folder(path) or path in self.nodes:
            return False
        self.nodes[path] = None
        return True

    def remove(self, path: TreePath) -> bool:
        if path not in self.nodes:
            return False
        for held in (self.nodes, self.about):
            for inner in [inner for inner in held if inner[: len(path)] == path]:
                del held[inner]
        return True

    def _transfer(self, path: TreePath, to: TreePath, replace: bool, deep: bool) -> bool:
        if path not in self.nodes or not self._has_folder(to) or (to in self.nodes and not replace):
            return False
        if path[: len(to)] == to or to[: len(path)] == path:
            return False
        self.remove(to)
        for held in (self.nodes, self.about):
            for inner in list(held):
                if inner == path or (deep and inner[: len(path)] == path):
                    held[to + inner[len(path) :]] = held[inner]
        return True

    def copy(self, path: TreePath, to: TreePath, replace: bool) -> bool:
        return self._transfer(path, to, replace, True)

    def shallow(self, path: TreePath, to: TreePath, replace: bool) -> bool:
        return self._transfer(path, to, replace, False)

    def move(self, path: TreePath, to: TreePath, replace: bool) -> bool:
        return self._transfer(path, to, replace, True) and self.remove(path)

    def set_about(self, path: TreePath, value: int) -> bool:
        if path not in self.nodes:
            return False
        self.about[path] = value
        return True


async def carry_out(files: Files, op: tuple[object, ...]) -> bool:
    name, path, *rest = op
    tree = files.tree
    assert isinstance(path, tuple)
    try:
        if name == "write":
            await tree.write(path, pieces_of(b"%d" % rest[0]))
        elif name == "about":
            await tree.set_attributes(path, lambda held: b"%d" % rest[0])
        elif name == "make_dir":
            await tree.make_dir(path)
        elif name == "remove":
            await tree.remove(path)
        elif name == "move":
            await tree.move(path, rest[0], replace=bool(rest[1]))
        else:
            await tree.copy(path, rest[0], replace=bool(rest[1]), deep=name == "copy")
    except CyfsError:
        return False
    return True


@settings(max_examples=150)
@given(st.lists(OPS, max_size=40))
def test_the_tree_does_what_a_dictionary_does(ops: list[tuple[object, ...]]) -> None:
    async def run() -> None:
        files, model = await make_files(), Model()
        for op in ops:
            name, *arguments = op
            done = getattr(model, "set_about" if name == "about" else str(name))(*arguments)
            assert await carry_out(files, op) is done, op
        found = {tuple(path.rstrip("/").split("/")): data for path, data in (await files.all()).items()}
        expected = {path: None if data is None else b"%d" % data for path, data in model.nodes.items() if path}
        assert found == expected
        for path in found:
            about = model.about.get(path)
            assert await files.tree.attributes(path) == (None if about is None else b"%d" % about)
        await files.close()

    asyncio.run(run())
