"""The code of docs/sdk.md, from top to bottom, against a real gateway."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from cyfs_edge.sdk import CyfsStack, ErrorCode
from tests.gateway_process import running, write_identity
from tests.interop.recorded import load

TOUR = Path(__file__).parents[2] / "docs" / "sdk.md"
CODE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks() -> list[CodeType]:
    text = TOUR.read_text("utf-8")
    found = []
    for match in CODE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        code = "\n" * line + match[1].replace("CyfsStack(APP)", "CyfsStack(APP, **ADDRESSES)")
        found.append(compile(code, str(TOUR), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT))
    return found


async def run(code: CodeType, names: dict[str, Any]) -> None:
    result = eval(code, names)
    if inspect.isawaitable(result):
        await result


async def test_the_tour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write_identity(tmp_path / "root", load().root_files())
    with running(tmp_path / "root") as gateway:
        monkeypatch.chdir(tmp_path)
        http, ws = (f"{host}:{port}" for host, port in (gateway.http, gateway.ws))
        names: dict[str, Any] = {"ADDRESSES": {"http": http, "ws": ws}}
        first, *others = blocks()
        await run(first, names)
        async with CyfsStack(names["APP"], http=http, ws=ws) as stack:
            names["stack"] = stack
            for code in others:
                await run(code, names)
    told = capsys.readouterr().out
    for words in (
        "connected to",
        "Hello\n",
        "b'sunsea'",
        "in revision",
        "one\n",
        "Hello Ana",
        "http://a.",
        "storage_size",
    ):
        assert words in told, words


def test_the_codes_in_the_table_are_there() -> None:
    codes = re.findall(r"^\| `([A-Z_]+)` \|", TOUR.read_text("utf-8"), re.MULTILINE)
    assert len(codes) == 4
    assert set(codes) <= set(ErrorCode.__members__)
