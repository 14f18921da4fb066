"""The test runner of `make test`: every test is in one tier, and nothing that went wrong counts as passed."""

from __future__ import annotations

import importlib.util
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "tiers.py"


@pytest.fixture(scope="module")
def tiers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiers"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("marks", list(product([False, True], repeat=3)))
def test_every_combination_of_marks_is_in_one_tier(tiers: ModuleType, marks: tuple[bool, ...]) -> None:
    names = dict(zip(("slow", "interop", "serial"), marks, strict=True))
    chosen = [name for name, (expression, _) in tiers.TIERS.items() if eval(expression, {}, names)]
    assert len(chosen) == 1


def test_the_report_of_a_run_is_counted(tiers: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text('<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>')
    assert tiers.read_counts(report, 1) == {"passed": 3, "failed": 3, "skipped": 3}


@pytest.mark.parametrize("exit_code", [2, 3, 5, -9])
def test_a_run_without_a_report_counts_as_failed(tiers: ModuleType, tmp_path: Path, exit_code: int) -> None:
    assert tiers.read_counts(tmp_path / "nothing.xml", exit_code)["failed"] == 1


def test_a_tier_without_tests_is_not_passed(
    tiers: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test_one.py").write_text("def test_one():\n    pass\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow\n    interop\n    serial\n")
    monkeypatch.setattr(tiers, "PROJECT", tmp_path)
    monkeypatch.setattr(tiers, "TIERS", {name: (expression, 0) for name, (expression, _) in tiers.TIERS.items()})
    assert tiers.main(["fast"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "total: 1 passed, 0 failed, 0 skipped"
    assert tiers.main(["fast", "serial"]) == 1
    assert capfd.readouterr().out.splitlines()[-1] == "total: 1 passed, 1 failed, 0 skipped"


def test_an_unknown_tier_is_an_error(tiers: ModuleType) -> None:
    assert tiers.main(["nonsense"]) == 2
