"""A backup and its restore: everything comes back, unchanged things are not sent again, nothing is half there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.core.backup.pins import Pins
from cyfs_edge.core.backup.ports import PackUse
from cyfs_edge.core.backup.repository import Repository
from cyfs_edge.core.backup.restore import SnapshotReader
from cyfs_edge.core.ports import Change, RootChange, RootRecord
from cyfs_edge.host.backup.folder import FolderTarget
from cyfs_edge.store.memory import MemoryStore
from cyfs_edge.wire.backup.keys import BackupKey
from cyfs_edge.wire.backup.layout import Blob
from tests.storekit.kit import Bench, make_chunk, make_lmdb, make_record, put_record
from tests.unit.core.backup.kit import (
    WORKER,
    back_up,
    content,
    create,
    fill,
    make_repository,
    opened,
    repository_files,
    restore,
    size_of,
    verify,
)


@pytest.fixture
async def place(tmp_path: Path) -> Path:
    await make_repository(tmp_path / "backup")
    return tmp_path / "backup"


async def test_all_of_a_store_comes_back(tmp_path: Path, place: Path) -> None:
    store = make_lmdb(Bench(tmp_path / "store"))
    await fill(store)
    found = await back_up(store, place)
    held = await content(store)
    await store.close()
    again = make_lmdb(Bench(tmp_path / "again"))
    _, done = await restore(place, again)
    assert await content(again) == held
    assert (await again.scrub()).problems == []
    await again.close()
    assert done.objects == 400
    assert done.chunks == 12
    assert found.snapshot.problems == ()
    assert (await verify(place)).problems == []


async def test_files_of_the_root_come_along_and_its_secret_only_when_asked(place: Path) -> None:
    store = MemoryStore()
    for secret in (False, True):
        found = await back_up(store, place, secret=secret)
        async with opened(place) as repository:
            files = await SnapshotReader(repository, found.snapshot, WORKER).config()
        assert {file.path for file in files} == {
            "etc/cyfs-edge.toml",
            "etc/desc/device.desc",
            *(["etc/desc/device.sec"] if secret else []),
        }


async def test_what_is_there_already_is_not_sent_again(place: Path) -> None:
    store = MemoryStore()
    await fill(store, objects=800, chunks=20)
    first = await back_up(store, place)
    same = await back_up(store, place)
    assert same.snapshot.added == 0
    await put_record(store, make_record("new"))
    await store.chunks.put(*make_chunk("new", 1000))
    more = await back_up(store, place)
    assert 0 < more.snapshot.added < first.snapshot.added / 4
    held = await content(store)
    assert await content((await restore(place))[0]) == held


async def test_names_and_contents_of_the_place_tell_nothing(place: Path) -> None:
    store = MemoryStore()
    await fill(store, objects=20)
    await back_up(store, place)
    ids = [one async for one in store.objects.list_ids()] + [one async for one in store.chunks.list_ids()]
    for path in repository_files(place):
        data = path.read_bytes()
        for one in ids:
            assert bytes(one) not in data
            assert one.hex() not in path.name
        assert b"etc/desc" not in data


async def test_another_key_is_told_from_damage(place: Path) -> None:
    with pytest.raises(CyfsError) as raised:
        async with opened(place, key=BackupKey(bytes(32))):
            raise AssertionError
    assert raised.value.code == ErrorCode.PERMISSION_DENIED


async def test_a_place_without_a_repository_is_not_made_one(tmp_path: Path) -> None:
    """A disk that is not mounted: nothing may be written to where it would be."""
    (tmp_path / "mnt").mkdir()
    with pytest.raises(CyfsError) as raised:
        await back_up(MemoryStore(), tmp_path / "mnt")
    assert raised.value.code == ErrorCode.NOT_FOUND
    assert list((tmp_path / "mnt").iterdir()) == []
    with pytest.raises(CyfsError) as raised:
        await make_repository(tmp_path / "not" / "there")
    assert raised.value.code == ErrorCode.IO_ERROR


async def test_a_second_repository_in_one_place_is_refused(place: Path) -> None:
    with pytest.raises(CyfsError) as raised:
        await make_repository(place)
    assert raised.value.code == ErrorCode.ALREADY_EXISTS


class Failing(FolderTarget):
    """Fails at the N-th write, before it or after it."""

    def __init__(self, root: Path, number: int, *, after: bool = False, code: int = ErrorCode.OUT_OF_LIMIT) -> None:
        super().__init__(root)
        self.left = number
        self.after = after
        self.code = code

    async def write(self, path: str, parts: Sequence[bytes]) -> None:
        self.left -= 1
        if self.left < 0 and not self.after:
            raise CyfsError(self.code, "no space left there")
        await super().write(path, parts)
        if self.left < 0:
            raise CyfsError(self.code, "no space left there")


@pytest.mark.parametrize("after", [False, True])
async def test_broken_off_anywhere_the_repository_stays_whole_and_the_next_one_goes_on(
    place: Path, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cyfs_edge.wire.backup.layout.PACK_SIZE", 200_000)
    monkeypatch.setattr("cyfs_edge.wire.backup.layout.INDEX_ENTRIES", 6)
    store = MemoryStore()
    await fill(store, seed="first")
    await back_up(store, place)
    await fill(store, chunks=20, seed="second")
    first = await content((await restore(place))[0])
    number, sizes, told = 0, [size_of(place)], set[int]()
    while True:
        try:
            await back_up(store, Failing(place, number, after=after))
        except CyfsError as error:
            told.add(error.code)
        else:
            break
        found = await verify(place)
        assert found.problems == []
        if found.snapshots == 1:
            assert await content((await restore(place))[0]) == first
        sizes.append(size_of(place))
        number += 1
    assert told == {ErrorCode.OUT_OF_LIMIT}
    assert sizes == sorted(sizes)
    assert await content((await restore(place))[0]) == await content(store)
    # What was written by those that were broken off is used, not written again.
    async with opened(place) as repository:
        assert all(pack.unused == 0 for pack in await marked(repository))


async def marked(repository: Repository) -> list[PackUse]:
    await repository.index.unmark()
    for found in await repository.snapshots():
        for kind in list(Blob)[1:]:
            await repository.index.mark(kind, found.snapshot.listing(kind).segment_ids())
        async for chunks in SnapshotReader(repository, found.snapshot, WORKER).chunks():
            await repository.index.mark(Blob.CHUNK, [one for one, _ in chunks])
    return await repository.index.use()


async def test_what_a_root_leads_to_is_in_the_backup_whatever_changes_meanwhile(place: Path) -> None:
    """The store may drop what only old roots need, but not what is pinned."""
    store, pins = MemoryStore(), Pins()
    await fill(store, objects=50)
    old = await store.state.root("root-state/a")
    assert old is not None

    async with opened(place) as repository:
        walk = store.objects.list_ids

        def changing(prefix: bytes = b"", after=None):  # type: ignore[no-untyped-def]
            async def ids():  # type: ignore[no-untyped-def]
                new = make_record("new root")
                await store.state.commit([new], RootChange("root-state/a", old, RootRecord(new.object_id, 9)))
                assert old.root in pins()
                async for one in walk(prefix, after):
                    yield one
                    # The collection drops what nobody pins.
                    if new.object_id not in pins():
                        await store.objects.update(new.object_id, lambda held: Change(None, delete=True))

            return ids()

        store.objects.list_ids = changing  # type: ignore[method-assign]
        found = await create(store, repository, pins=pins)
    assert set(pins()) == set()
    again, _ = await restore(place)
    assert (await again.state.root("root-state/a")) == old
    assert await again.objects.get(old.root) is not None
    assert found.snapshot.roots[0].root == old.root


async def test_a_restore_that_was_broken_off_is_run_again(tmp_path: Path, place: Path) -> None:
    store = MemoryStore()
    await fill(store)
    await back_up(store, place)
    half = make_lmdb(Bench(tmp_path / "half"))
    objects = list(store.objects.records.values())[:100]
    await half.state.commit(objects)
    chunk = next(iter(store.chunks.chunks.items()))
    await half.chunks.put(*chunk, claim=store.chunks.claims[chunk[0]])
    _, done = await restore(place, half)
    assert done.objects == 300
    assert done.chunks == 11
    assert await content(half) == await content(store)
    await half.close()


async def test_damage_in_the_store_is_told_and_what_a_backup_has_is_not_replaced_by_it(place: Path) -> None:
    store = MemoryStore()
    await fill(store, objects=40, chunks=4)
    good = await content(store)
    await back_up(store, place)
    chunk_id, data = next(iter(store.chunks.chunks.items()))
    store.chunks.chunks[chunk_id] = bytes(len(data))
    bad_new, new_data = make_chunk("bad", 100)
    store.chunks.chunks[bad_new] = bytes(100)
    store.chunks.claims[bad_new] = store.chunks.claims[chunk_id]
    found = await back_up(store, place)
    assert len(found.snapshot.problems) == 1
    assert str(bad_new) in found.snapshot.problems[0]
    assert (await content((await restore(place))[0]))["chunks"] == good["chunks"]
    # Sound again, it is taken.
    store.chunks.chunks[bad_new] = new_data
    await back_up(store, place)
    assert await (await restore(place))[0].chunks.read_whole(bad_new) == new_data
