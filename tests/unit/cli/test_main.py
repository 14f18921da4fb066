"""The frame of every command: options, usage errors, expected failures, and that starting it is quick."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cyfs_edge import __version__
from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli.main import build_parser, main
from tests.unit.cli.conftest import Cli

COMMANDS = [
    ["init"],
    ["run"],
    ["status"],
    ["doctor"],
    ["config", "show"],
    ["identity", "show"],
    ["identity", "export", "-o", "x"],
    ["object", "put", "x"],
    ["object", "get", "x"],
    ["object", "show", "x"],
    ["object", "list"],
    ["object", "delete", "x"],
    ["file", "put", "x"],
    ["file", "get", "x", "-o", "y"],
    ["file", "ls"],
    ["scrub"],
    ["state", "get", "/x"],
    ["state", "list"],
    ["state", "set", "/x", "y"],
    ["state", "remove", "/x"],
    ["state", "roots"],
    ["state", "export"],
    ["access", "show"],
    ["access", "grant", "/x", "y"],
    ["access", "revoke", "/x"],
    ["handlers", "list"],
    ["events", "watch"],
    ["openapi"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_common_options_stand_before_or_after_the_command(command: list[str]) -> None:
    parser = build_parser()
    plain = parser.parse_args(command)
    assert (plain.root, plain.json, plain.debug) == (None, False, False)
    for arguments in (["--root", "/r", "--json", *command], [*command, "--json", "--root", "/r"]):
        parsed = parser.parse_args(arguments)
        assert (parsed.root, parsed.json, parsed.handler) == ("/r", True, plain.handler)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_a_function(command: list[str]) -> None:
    module, _, function = build_parser().parse_args(command).handler.partition(":")
    assert callable(getattr(__import__(f"cyfs_edge.cli.{module}", fromlist=[function]), function))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for word in command if word.isalpha() and len(word) > 1]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: cyfs-edge {' '.join(words)} ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["object"],
        ["object", "get"],
        ["run", "--http-port", "70000"],
        ["run", "--ws-port", "-1"],
        ["object", "list", "--limit", "0"],
        ["init", "--key", "dsa"],
        ["init", "--recovery-file", "x"],
        ["object", "get", "not!an!id"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_exit_code_2_in_the_form_asked_for(cli: Cli, root: Path, arguments: list[str]) -> None:
    text = cli("--root", root, *arguments)
    assert text.code == 2
    assert text.out == ""
    assert text.err.startswith("cyfs-edge: ")
    result = cli("--json", "--root", root, *arguments)
    assert result.code == 2
    assert result.out == ""
    assert result.error["code"] in (ErrorCode.INVALID_PARAM, ErrorCode.INVALID_FORMAT)
    assert result.error["hint"]


def test_version_and_help_end_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--version", "--help"):
        with pytest.raises(SystemExit) as ended:
            main([option])
        assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"cyfs-edge {__version__}\n")


def test_expected_failures_show_no_trace_unless_asked_for(cli: Cli, tmp_path: Path) -> None:
    result = cli("object", "list", "--root", tmp_path / "absent")
    assert result.code == 6
    assert result.err.splitlines() == [
        f"cyfs-edge: There is no root directory at {tmp_path / 'absent'}.",
        f"  Make one: cyfs-edge init --root {tmp_path / 'absent'}.",
    ]
    with pytest.raises(CyfsError):
        main(["object", "list", "--root", str(tmp_path / "absent"), "--debug"])


def test_errors_of_the_system_are_sentences_too(cli: Cli, root: Path) -> None:
    result = cli("object", "put", "--root", root, root / "absent.obj", "--json")
    assert result.code == 3
    assert result.error["msg"] == f"{root / 'absent.obj'}: No such file or directory"


def test_ctrl_c_is_exit_code_130(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(context: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("cyfs_edge.cli.doctor.doctor", interrupt)
    result = cli("doctor")
    assert (result.code, result.err) == (130, "cyfs-edge: Interrupted.\n")


def run_process(*arguments: str, code: str | None = None) -> subprocess.CompletedProcess[str]:
    head = ["-c", code] if code else ["-m", "cyfs_edge.cli.main"]
    return subprocess.run([sys.executable, *head, *arguments], capture_output=True, text=True, check=False)


def test_a_reader_that_leaves_is_no_error(root: Path) -> None:
    shell = f'"{sys.executable}" -m cyfs_edge.cli.main --root "{root}" --help | true; echo ${{PIPESTATUS[0]}}'
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    lines = "\\n".join(["00"] * 20000)
    shell = f'printf "{lines}\\n" | "{sys.executable}" -m cyfs_edge.cli.main object show --json --hex - | head -n 1'
    ended = subprocess.run(
        ["bash", "-c", shell + "; echo ${PIPESTATUS[1]}"], capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "141"
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], ["asyncio", "lmdb", "aiohttp", "uvloop", "cryptography", "coincurve", "socket", "tomllib"]),
        (["config", "show"], ["asyncio", "lmdb", "aiohttp", "uvloop", "cryptography", "coincurve", "socket"]),
        (["status", "--root", "."], ["asyncio", "lmdb", "aiohttp", "uvloop", "cryptography", "coincurve"]),
        (["object", "show", "9tGpLNncauC9kGhZ7GsztFvVegaKwBXoSDjkxGDHqrn6"], ["lmdb", "aiohttp", "uvloop"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_command_loads_only_what_it_uses(arguments: list[str], spared: list[str], tmp_path: Path) -> None:
    code = (
        "import json, sys\n"
        "from cyfs_edge.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(); print(json.dumps(sorted(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CYFS_ROOT": str(tmp_path / "absent")},
        cwd=Path(__file__).parents[3],
    )
    assert set(json.loads(ended.stdout.splitlines()[-1])) & set(spared) == set()
