"""Identity files: what is on the disk, who may read it, what a crash leaves, and what a damaged folder is answered."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.keys import KeyKind, PrivateKey
from cyfs_edge.core.identity import ExtInfo, Identity, create_identity
from cyfs_edge.store.identity_files import DEPTH_MAX, FILE_MAX, KNOWN_MAX, load_identity, save_identity
from tests import vector_count

WORDS = "bar cinnamon grow hungry lens danger treat artist hello seminar document gasp"
NOW = 13329473600000000
NAMES = ["device.desc", "device.sec", "ext_info", "zone_owner.desc"]
OBJECTS: dict[str, bytes] = {
    vector["name"]: bytes.fromhex(vector["hex"])
    for vector in vector_count.load("objects.json")["vectors"]
    if vector["kind"] in ("device", "people", "file") and "hex" in vector
}


def make(unique_id_text: str) -> Identity:
    return create_identity(WORDS, unique_id_text=unique_id_text, now=NOW, key_kind=KeyKind.SECP256K1)


IDENTITY = make("00:15:5d:01:02:03")
OTHER = make("aa:bb:cc:dd:ee:ff")


def save(root: Path, identity: Identity = IDENTITY) -> None:
    save_identity(
        root,
        device=identity.device,
        device_key=identity.device_key,
        owner=identity.people,
        ext_info=identity.ext_info,
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def desc(root: Path) -> Path:
    """The folder of a root with a saved identity."""
    save(root)
    return root / "etc" / "desc"


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def load_error(root: Path, code: ErrorCode) -> str:
    with pytest.raises(CyfsError) as caught:
        load_identity(root)
    assert caught.value.code == code
    return caught.value.message


# What is written


def test_what_was_saved_is_loaded(root: Path) -> None:
    save(root)
    loaded = load_identity(root)
    assert loaded.device == IDENTITY.device
    assert loaded.device_key == loaded.require_key() == IDENTITY.device_key
    assert loaded.owner == IDENTITY.people
    assert loaded.ext_info == IDENTITY.ext_info
    assert loaded.known == []
    assert loaded.warnings == []


def test_the_files_are_those_of_the_reference(desc: Path) -> None:
    assert names(desc) == NAMES
    assert (desc / "device.desc").read_bytes() == IDENTITY.device.raw
    assert (desc / "device.sec").read_bytes() == IDENTITY.device_key.encode()
    assert (desc / "zone_owner.desc").read_bytes() == IDENTITY.people.raw


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_only_the_owner_of_the_file_can_read_the_secret(root: Path, umask: int) -> None:
    (root / "etc" / "desc").mkdir(parents=True)
    before = os.umask(umask)
    try:
        save(root)
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE((root / "etc" / "desc" / name).stat().st_mode) for name in NAMES}
    assert modes == {"device.desc": 0o644, "device.sec": 0o600, "ext_info": 0o644, "zone_owner.desc": 0o644}


def test_the_secret_is_never_readable_by_others_on_the_way(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at whenever a file of the folder is synced, and with an umask that takes nothing away."""
    modes: list[int] = []
    folder = root / "etc" / "desc"

    def look(descriptor: int) -> None:
        modes.extend(stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*device.sec*"))

    monkeypatch.setattr(os, "fsync", look)
    before = os.umask(0)
    try:
        save(root)
    finally:
        os.umask(before)
    assert modes
    assert set(modes) == {0o600}


def test_the_owners_key_is_in_no_file(desc: Path) -> None:
    for name in names(desc):
        assert IDENTITY.people_key.secret not in (desc / name).read_bytes()
        assert IDENTITY.people_key.secret.hex().encode() not in (desc / name).read_bytes()


def test_an_identity_is_not_overwritten(desc: Path, root: Path) -> None:
    with pytest.raises(CyfsError) as caught:
        save(root, OTHER)
    assert caught.value.code == ErrorCode.ALREADY_EXISTS
    assert str(desc) in caught.value.message
    assert load_identity(root).device == IDENTITY.device
    assert names(desc) == NAMES


def test_files_of_an_identity_without_its_device_are_kept_beside(desc: Path, root: Path) -> None:
    (desc / "device.desc").unlink()
    save(root, OTHER)
    assert load_identity(root).device_key == OTHER.device_key
    assert (desc / "device.sec.1").read_bytes() == IDENTITY.device_key.encode()
    assert stat.S_IMODE((desc / "device.sec.1").stat().st_mode) == 0o600
    (desc / "device.desc").unlink()
    save(root, IDENTITY)
    assert (desc / "device.sec.2").read_bytes() == OTHER.device_key.encode()
    assert load_identity(root).warnings == []


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"device": IDENTITY.people}, ErrorCode.UN_SUPPORT),
        ({"device_key": OTHER.device_key}, ErrorCode.UNMATCH),
        ({"device_key": IDENTITY.people_key}, ErrorCode.UNMATCH),
        ({"owner": IDENTITY.device}, ErrorCode.UNMATCH),
        ({"device": OTHER.device, "device_key": OTHER.device_key, "owner": OTHER.device}, ErrorCode.UNMATCH),
    ],
)
def test_parts_that_do_not_belong_together_are_not_written(root: Path, parts: dict[str, Any], code: ErrorCode) -> None:
    whole = {
        "device": IDENTITY.device,
        "device_key": IDENTITY.device_key,
        "owner": IDENTITY.people,
        "ext_info": IDENTITY.ext_info,
    }
    with pytest.raises(CyfsError) as caught:
        save_identity(root, **{**whole, **parts})
    assert caught.value.code == code
    assert not root.exists()


# What a crash or a full disk leaves

STEPS = ("open", "fchmod", "fsync", "replace")


class Crash(BaseException):
    """The process is gone: nothing of it runs any more, no handler and no clean-up of this module."""


def watch_steps(monkeypatch: pytest.MonkeyPatch, before: Callable[[int], None]) -> None:
    """``before`` is called ahead of every call that touches the disk, with its number from 1 over all kinds."""
    numbers = count(1)

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **options: Any) -> Any:
            before(next(numbers))
            return call(*args, **options)

        return run

    for name in STEPS:
        monkeypatch.setattr(os, name, watched(getattr(os, name)))


def save_failing(root: Path, step: int, failure: BaseException) -> None:
    """Saves with a failure at the ``step``-th call."""

    def fail(number: int) -> None:
        if number == step:
            raise failure

    with pytest.MonkeyPatch.context() as patch:
        watch_steps(patch, fail)
        save(root)


def count_steps(root: Path) -> int:
    numbers: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        watch_steps(patch, numbers.append)
        save(root)
    return len(numbers)


def is_whole_or_absent(root: Path) -> bool:
    """Whether the root has the identity; having part of one fails the test."""
    if not (root / "etc" / "desc" / "device.desc").exists():
        load_error(root, ErrorCode.NOT_FOUND)
        return False
    loaded = load_identity(root)
    assert (loaded.device, loaded.device_key, loaded.owner) == (IDENTITY.device, IDENTITY.device_key, IDENTITY.people)
    assert loaded.ext_info == IDENTITY.ext_info
    return True


def test_a_crash_at_any_step_leaves_the_whole_identity_or_none_and_saving_again_works(tmp_path: Path) -> None:
    steps = count_steps(tmp_path / "counted")
    assert steps > 4 * len(STEPS)
    outcomes = []
    for step in range(1, steps + 1):
        root = tmp_path / str(step)
        with pytest.raises(Crash):
            save_failing(root, step, Crash())
        outcomes.append(is_whole_or_absent(root))
        if not outcomes[-1]:
            save(root)
            assert is_whole_or_absent(root)
            assert names(root / "etc" / "desc") == NAMES
    assert outcomes == sorted(outcomes), "once the identity is there it stays"
    assert set(outcomes) == {False, True}


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, ErrorCode.IO_ERROR), (errno.EACCES, ErrorCode.PERMISSION_DENIED)]
)
def test_an_error_of_the_disk_at_any_step_is_told_and_leaves_no_rubbish(
    tmp_path: Path, number: int, code: ErrorCode
) -> None:
    steps = count_steps(tmp_path / "counted")
    for step in range(1, steps + 1):
        root = tmp_path / str(step)
        with pytest.raises(CyfsError) as caught:
            save_failing(root, step, OSError(number, os.strerror(number)))
        assert caught.value.code == code
        assert os.strerror(number) in caught.value.message
        assert not list(root.glob("**/.*")), step
        if not is_whole_or_absent(root):
            save(root)
            assert is_whole_or_absent(root)


def test_every_file_is_on_the_disk_before_it_is_in_its_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Power cuts: content synced, then renamed, then the folder synced; the device last of all."""
    events: list[tuple[str, str]] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append(("fsync", Path(os.readlink(f"/proc/self/fd/{descriptor}")).name))
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        events.append(("rename", target.name))
        real_replace(source, target)

    (root / "etc" / "desc").mkdir(parents=True)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    save(root)
    expected = []
    for name in ("device.sec", "zone_owner.desc", "ext_info", "device.desc"):
        expected += [("fsync", f".{name}.new"), ("rename", name), ("fsync", "desc")]
    assert events == expected


def test_new_folders_are_on_the_disk_as_well(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real_fsync = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real_fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    save(root)
    assert synced[:3] == [str(root.parent), str(root), str(root / "etc")]


# What is read


def test_a_root_without_identity_is_told_what_to_do(root: Path) -> None:
    assert "cyfs-edge init" in load_error(root, ErrorCode.NOT_FOUND)


def test_the_identity_of_the_recorded_gateway_is_read(root: Path) -> None:
    """Files as the reference tool writes them, owner and its key included."""
    recorded = vector_count.load("http-replies.json")["identity"]
    folder = root / "etc" / "desc"
    folder.mkdir(parents=True)
    for name, content in recorded["files_hex"].items():
        (folder / name).write_bytes(bytes.fromhex(content))
    loaded = load_identity(root)
    assert str(loaded.device.object_id) == recorded["device"]
    assert loaded.require_key().public() == loaded.device.desc.public_key
    assert loaded.owner is not None
    assert str(loaded.owner.object_id) == recorded["people"]
    assert loaded.known == [loaded.owner]
    assert loaded.ext_info is None


@pytest.mark.parametrize("name", sorted(name for name in OBJECTS if name.startswith("real_")))
def test_real_files_of_the_public_network_are_read(root: Path, name: str) -> None:
    folder = root / "etc" / "desc"
    folder.mkdir(parents=True)
    (folder / "device.desc").write_bytes(OBJECTS[name])
    if OBJECTS[name][1] != 1:
        assert "must be a Device" in load_error(root, ErrorCode.UN_SUPPORT)
        return
    loaded = load_identity(root)
    assert loaded.device.raw == OBJECTS[name]
    assert loaded.device_key is None
    assert loaded.owner is None


def test_a_device_without_its_key_loads_but_cannot_run(desc: Path, root: Path) -> None:
    (desc / "device.sec").unlink()
    loaded = load_identity(root)
    assert loaded.device_key is None
    with pytest.raises(CyfsError) as caught:
        loaded.require_key()
    assert caught.value.code == ErrorCode.NOT_FOUND
    assert "device.sec is missing" in caught.value.message


def test_trailing_bytes_are_ignored(desc: Path, root: Path) -> None:
    for name in ("device.desc", "device.sec", "zone_owner.desc"):
        with (desc / name).open("ab") as file:
            file.write(b"more")
    loaded = load_identity(root)
    assert loaded.device == IDENTITY.device
    assert loaded.device_key == IDENTITY.device_key
    assert loaded.owner == IDENTITY.people


@pytest.mark.parametrize("name", ["device.desc", "device.sec"])
@pytest.mark.parametrize("size", [0, 1, 20])
def test_a_damaged_device_or_key_is_named(desc: Path, root: Path, name: str, size: int) -> None:
    path = desc / name
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:size])
    assert str(path) in load_error(root, ErrorCode.INVALID_FORMAT)


@pytest.mark.parametrize("name", ["device.desc", "device.sec"])
def test_a_file_of_unreasonable_size_is_refused_without_being_read(desc: Path, root: Path, name: str) -> None:
    with (desc / name).open("r+b") as file:
        file.truncate(1 << 40)
    assert str(FILE_MAX) in load_error(root, ErrorCode.INVALID_FORMAT)


def test_the_key_of_another_device_is_refused(desc: Path, root: Path) -> None:
    (desc / "device.sec").write_bytes(OTHER.device_key.encode())
    message = load_error(root, ErrorCode.UNMATCH)
    assert str(desc / "device.sec") in message
    assert str(IDENTITY.device.object_id) in message


def test_a_key_that_others_can_read_is_a_warning(desc: Path, root: Path) -> None:
    (desc / "device.sec").chmod(0o640)
    (warning,) = load_identity(root).warnings
    assert "chmod 600" in warning


@pytest.mark.parametrize("name", ["zone_owner.desc", "ext_info"])
def test_damage_that_the_node_can_live_with_is_a_warning(desc: Path, root: Path, name: str) -> None:
    (desc / name).write_bytes(b"\xff\xff")
    loaded = load_identity(root)
    (warning,) = loaded.warnings
    assert str(desc / name) in warning
    assert loaded.device == IDENTITY.device
    assert (loaded.owner is None) == (name == "zone_owner.desc")


def test_the_object_of_somebody_else_is_not_taken_for_the_owner(desc: Path, root: Path) -> None:
    stranger = OBJECTS["real_test_people_266"]
    (desc / "zone_owner.desc").write_bytes(stranger)
    loaded = load_identity(root)
    assert loaded.owner is None
    assert [one.raw for one in loaded.known] == [stranger]
    (warning,) = loaded.warnings
    assert str(IDENTITY.people.object_id) in warning


def test_known_objects_are_found_in_all_folders_in_a_fixed_order(desc: Path, root: Path) -> None:
    (desc / "sn").mkdir()
    (desc / "a" / "b").mkdir(parents=True)
    (desc / "sn" / "1.desc").write_bytes(OBJECTS["real_test_device_secp"])
    (desc / "a" / "b" / "file.desc").write_bytes(OBJECTS["real_test_file_old_encoding"])
    (desc / "a" / "broken.desc").write_bytes(b"\0")
    (desc / "a" / "device.desc").write_bytes(OTHER.device.raw)
    (desc / "other.sec").write_bytes(b"not an object")
    loaded = load_identity(root)
    expected = [OBJECTS["real_test_file_old_encoding"], OTHER.device.raw, OBJECTS["real_test_device_secp"]]
    assert [one.raw for one in loaded.known] == expected
    (warning,) = loaded.warnings
    assert str(desc / "a" / "broken.desc") in warning


def test_known_objects_are_limited_in_number_and_depth(desc: Path, root: Path) -> None:
    for number in range(KNOWN_MAX + 1):
        (desc / f"{number}.desc").write_bytes(OTHER.device.raw)
    deep = desc.joinpath(*("d" for _ in range(DEPTH_MAX + 1)))
    deep.mkdir(parents=True)
    (deep / "x.desc").write_bytes(OTHER.device.raw)
    loaded = load_identity(root)
    assert len(loaded.known) == KNOWN_MAX
    assert any(f"more than {KNOWN_MAX}" in warning for warning in loaded.warnings)
    for number in range(KNOWN_MAX + 1):
        (desc / f"{number}.desc").unlink()
    loaded = load_identity(root)
    assert loaded.known == []
    (warning,) = loaded.warnings
    assert "nested too deep" in warning


def test_loops_and_things_that_are_no_files_do_not_stop_the_load(desc: Path, root: Path) -> None:
    (desc / "loop").symlink_to(desc)
    (desc / "nowhere.desc").symlink_to(desc / "missing")
    (desc / "folder.desc").mkdir()
    os.mkfifo(desc / "pipe.desc")
    loaded = load_identity(root)
    assert loaded.known == []
    assert loaded.device == IDENTITY.device


def test_files_of_somebody_else_are_told_as_such(desc: Path, root: Path) -> None:
    (desc / "device.desc").chmod(0)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)  # nothing is forbidden to root
    try:
        message = load_error(root, ErrorCode.PERMISSION_DENIED)
    finally:
        os.seteuid(before)
    assert str(desc / "device.desc") in message


def test_a_folder_in_the_place_of_a_file_is_told_as_such(desc: Path, root: Path) -> None:
    (desc / "device.sec").unlink()
    (desc / "device.sec").mkdir()
    assert str(desc / "device.sec") in load_error(root, ErrorCode.IO_ERROR)


def test_ext_info_as_the_reference_writes_it(desc: Path, root: Path) -> None:
    (desc / "ext_info").write_text(f'{{"owner":"{IDENTITY.people.raw.hex()}","index":7}}')
    assert load_identity(root).ext_info == ExtInfo(IDENTITY.people.raw, 7)


def test_an_rsa_key_survives_the_disk(root: Path) -> None:
    """The recorded secrets are RSA; here one is written by us."""
    identity = create_identity(WORDS, unique_id_text="x", now=NOW, key_kind=KeyKind.RSA1024)
    save(root, identity)
    loaded = load_identity(root)
    assert isinstance(loaded.device_key, PrivateKey)
    assert loaded.device_key.encode() == identity.device_key.encode()
