"""Lists written entry by entry are those of ``DirList``, whatever the order; large trees divide in one way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyfs_edge.base.errors import CodecError, CyfsError, ErrorCode
from cyfs_edge.base.ids import ChunkId, ObjectId
from cyfs_edge.objects import dir_list
from cyfs_edge.objects.dir import DirEntry, DirList, DirRange, make_dir, make_dir_of_list
from cyfs_edge.objects.dir_list import EMPTY_LIST, ListBuilder, read_list
from cyfs_edge.objects.envelope import decode_object
from cyfs_edge.objects.file import make_file

FILE = make_file(None, 0, bytes(32), [], update_time=0).object_id
Tree = dict[str, "Tree | None"]
"""``None`` is a file."""

NAMES = st.text(alphabet="ab-. \x01é0", min_size=1, max_size=4)
TREES = st.recursive(st.none(), lambda inner: st.dictionaries(NAMES, inner, max_size=5), max_leaves=30).filter(
    lambda tree: tree is not None
)


class Store:
    """Makes Dirs, and takes them apart again."""

    def __init__(self) -> None:
        self.lists: dict[ObjectId, bytes] = {}

    def make(self, listed: bytes) -> ObjectId:
        made = make_dir_of_list(None, listed, update_time=0)
        self.lists[made.object_id] = listed
        return made.object_id

    def build(self, tree: Tree, fold_max: int = dir_list.FOLD_MAX) -> ObjectId:
        builder = ListBuilder(self.make, fold_max)
        self._add(builder, tree, "")
        return builder.finish()

    def _add(self, builder: ListBuilder, tree: Tree, prefix: str) -> None:
        """As the walk of a folder does: a folder stands where what is below it stands."""
        for name in sorted(tree, key=lambda name: (name + "/" if tree[name] is not None else name).encode()):
            inside = tree[name]
            if inside is None:
                builder.add(prefix + name, FILE)
                continue
            builder.begin()
            self._add(builder, inside, prefix + name + "/")
            builder.end(prefix + name)
            if not inside:
                builder.add(prefix + name, self.make(EMPTY_LIST))

    def files(self, dir_id: ObjectId, prefix: str = "") -> set[str]:
        found: set[str] = set()
        parent, entries = read_list(self.lists[dir_id])
        assert parent is None
        names = []
        for name, entry in entries:
            names.append(name.encode())
            if entry.node == FILE:
                found.add(prefix + name)
            else:
                assert isinstance(entry.node, ObjectId)
                found |= self.files(entry.node, f"{prefix}{name}/") or {f"{prefix}{name}/"}
        assert names == sorted(set(names)), "a list is in the order of its names, each once"
        return found


def paths(tree: Tree, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, inside in tree.items():
        if inside is None:
            found.add(prefix + name)
        else:
            found |= paths(inside, f"{prefix}{name}/") or {f"{prefix}{name}/"}
    return found


@settings(max_examples=60)
@given(TREES, st.sampled_from([0, 100, 300, 1 << 20]))
def test_every_tree_comes_back_in_whatever_way_it_is_divided(tree: Tree, fold_max: int) -> None:
    store = Store()
    made = store.build(tree, fold_max)
    assert store.files(made) == paths(tree)
    assert Store().build(dict(reversed(tree.items())), fold_max) == made


@given(TREES)
def test_a_small_tree_is_one_dir_as_others_make_it(tree: Tree) -> None:
    empty = make_dir(None, DirList({}), update_time=0).object_id
    entries = {path.rstrip("/"): DirEntry(empty if path.endswith("/") else FILE) for path in paths(tree)}
    made = make_dir(None, DirList(entries), update_time=0)
    store = Store()
    assert store.build(tree) == made.object_id
    assert store.lists[made.object_id] == DirList(entries).encode()


def test_the_three_forms_have_one_id() -> None:
    names = [f"{number:05}-{'x' * 60}" for number in range(800)]
    listed = DirList({name: DirEntry(FILE) for name in names}).encode()
    carried = make_dir_of_list(None, listed, update_time=0)
    alone = make_dir_of_list(None, listed, update_time=0, carry=False)
    assert carried.object_id == alone.object_id == make_dir(None, DirList.decode(listed), update_time=0).object_id
    assert decode_object(alone.raw).desc.value.content == ChunkId.of_data(listed)
    assert len(alone.raw) < 200 < len(listed) < len(carried.raw)


def test_a_list_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dir_list, "LIST_MAX", 1000)
    with pytest.raises(CyfsError) as caught:
        Store().build({f"{number:03}": None for number in range(100)})
    assert caught.value.code == ErrorCode.OUT_OF_LIMIT
    assert "divide it" in caught.value.message


def test_a_read_list_has_parent_ranges_and_chunks() -> None:
    parent = ChunkId.of_data(b"parent")
    entries = {"a": DirEntry(DirRange(1, 2)), "b": DirEntry(ChunkId.of_data(b"x"), 7), "c": DirEntry(FILE)}
    got_parent, got = read_list(DirList(entries, parent).encode())
    assert (got_parent, dict(got)) == (parent, entries)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\x05", b"\1\2", b"\0\x01\0\x01a\0\0\0\0\x07" + bytes(40)])
def test_a_damaged_list_is_an_error(data: bytes) -> None:
    with pytest.raises(CodecError):
        list(read_list(data)[1])
