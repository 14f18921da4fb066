"""Where the root is, and one clear sentence for each way in which it can be wrong."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.roots import Root, check_root, find_root, make_layout

needs_root_user = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_the_flag_wins_then_the_variable_then_the_system_root_then_the_home(tmp_path: Path) -> None:
    system = tmp_path / "cyfs"
    environ = {"CYFS_ROOT": "/var/x", "HOME": "/h/me"}
    assert find_root("/flag", environ, system) == Root(Path("/flag"), "--root")
    assert find_root(None, environ, system) == Root(Path("/var/x"), "CYFS_ROOT")
    del environ["CYFS_ROOT"]
    assert find_root(None, environ, system).path == Path("/h/me/.local/share/cyfs")
    system.mkdir()
    assert find_root(None, environ, system) == Root(system, str(system))


def test_a_system_root_that_is_not_writable_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so the answer of the system is set here.
    monkeypatch.setattr("cyfs_edge.cli.roots.os.access", lambda path, mode: False)
    assert find_root(None, {"HOME": "/h"}, tmp_path).path == Path("/h/.local/share/cyfs")


def test_xdg_data_home_counts_when_it_is_absolute(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    assert find_root(None, {"HOME": "/h", "XDG_DATA_HOME": "/d"}, absent).path == Path("/d/cyfs")
    assert find_root(None, {"HOME": "/h", "XDG_DATA_HOME": "d"}, absent).path == Path("/h/.local/share/cyfs")
    assert find_root(None, {"HOME": "/h", "CYFS_ROOT": ""}, absent).path == Path("/h/.local/share/cyfs")


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_root("x", {}).path == tmp_path / "x"


def refusal(path: Path, **options: bool) -> CliError:
    with pytest.raises(CliError) as caught:
        check_root(Root(path, "--root"), **options)
    assert caught.value.exit_code == Exit.NO_ROOT
    return caught.value


def test_each_wrong_root_has_its_sentence(tmp_path: Path) -> None:
    absent = refusal(tmp_path / "absent")
    assert "no root directory" in absent.message
    assert absent.hint == f"Make one: cyfs-edge init --root {tmp_path / 'absent'}."
    (tmp_path / "file").touch()
    assert "not a directory" in refusal(tmp_path / "file").message
    assert "no root directory" in refusal(tmp_path / "file" / "below").message
    (tmp_path / "empty").mkdir()
    assert "has no identity" in refusal(tmp_path / "empty").message
    check_root(Root(tmp_path / "empty", "--root"), need_identity=False)


def test_a_device_without_its_key_is_enough_to_look_at_but_not_to_open(root: Path) -> None:
    check_root(Root(root, "--root"), need_key=True)
    (root / "etc/desc/device.sec").unlink()
    check_root(Root(root, "--root"))
    assert "not its private key" in refusal(root, need_key=True).message


@needs_root_user
def test_a_root_of_another_user_is_refused_and_named(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    script = (
        "import os, sys; from pathlib import Path; from cyfs_edge.cli.roots import Root, check_root;"
        "os.setuid(65534); check_root(Root(Path(sys.argv[1]), '--root'), need_identity=False)"
    )
    # Above it everything may be entered, so that only the owner of the root itself is in the way.
    for folder in (other, *other.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    ended = subprocess.run([sys.executable, "-c", script, str(other)], capture_output=True, text=True, check=False)
    assert "belongs to user root" in ended.stderr
    assert "PermissionError" not in ended.stderr


def test_a_new_root_is_for_its_owner_alone(tmp_path: Path) -> None:
    root = Root(tmp_path / "a" / "b", "--root")
    make_layout(root)
    make_layout(root)
    folders = ["etc", "etc/desc", "data", "run", "."]
    assert {stat.S_IMODE((root.path / name).stat().st_mode) for name in folders} == {0o700}


def test_a_folder_with_other_things_in_it_is_not_made_a_root(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(CliError, match="not empty") as caught:
        make_layout(Root(tmp_path, "--root"))
    assert caught.value.exit_code == Exit.NO_ROOT
    assert [entry.name for entry in tmp_path.iterdir()] == ["letter.txt"]


def test_a_fresh_file_system_may_become_a_root(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    make_layout(Root(tmp_path, "--root"))
    assert (tmp_path / "etc/desc").is_dir()


@needs_root_user
def test_root_becomes_the_owner_of_the_root_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 1234)
    script = (
        "import os, sys; from pathlib import Path; from cyfs_edge.cli import roots;"
        # Whether uid 4321 can read this machine's Python is another question.
        "roots.os.access = lambda path, mode: True;"
        "roots.switch_user(roots.Root(Path(sys.argv[1]), '--root'));"
        "print(os.getresuid(), os.getresgid(), os.getgroups())"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "(4321, 4321, 4321) (1234, 1234, 1234) [1234]"


@needs_root_user
def test_an_owner_who_cannot_read_the_program_is_named(tmp_path: Path) -> None:
    os.chown(tmp_path, 4321, 1234)
    script = (
        "import os, sys; from pathlib import Path; from cyfs_edge.cli import roots;"
        "roots.os.access = lambda path, mode: False;"
        "roots.switch_user(roots.Root(Path(sys.argv[1]), '--root'))"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "User 4321, who owns the root" in ended.stderr
    assert "cannot read" in ended.stderr
