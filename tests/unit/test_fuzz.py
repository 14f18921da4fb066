"""A short run of every fuzz target, and that the fuzzer finds what there is to find."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from cyfs_edge.objects.core.registry import CORE_TYPES
from cyfs_edge.objects.registry import STANDARD_TYPES, codec_of
from fuzz import run
from fuzz.mutate import SIZE_MAX, mutated
from fuzz.target import Target, just
from fuzz.targets import TARGETS

INPUTS = 2000
SEED = 20


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_read_or_refused(name: str) -> None:
    assert run.fuzz(name, TARGETS[name], SEED, lambda number: number < INPUTS) == INPUTS


def test_every_type_of_object_is_a_target() -> None:
    codecs = [codec_of(obj_type) for obj_type in STANDARD_TYPES | set(CORE_TYPES)]
    names = {f"{codec.name}-{part}" for codec in codecs if codec for part in ("desc", "body")}
    assert names <= set(TARGETS)


def fails_on_a_zero_after_an_a(data: bytes) -> None:
    assert b"a\0" not in data


def test_a_fault_is_found_and_told_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TARGETS, "faulty", Target(fails_on_a_zero_after_an_a, just(b"bananas")))
    monkeypatch.setattr(run, "CRASHES", tmp_path / "crashes")
    assert run.main(["faulty", "--inputs", "20000"]) == 1
    (crash,) = (tmp_path / "crashes").iterdir()
    assert b"a\0" in crash.read_bytes()
    told = capsys.readouterr().err
    assert "fails_on_a_zero_after_an_a" in told
    assert str(crash) in told


def test_an_input_that_takes_too_long_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SLOW", -1.0)
    with pytest.raises(run.Crash, match="took"):
        run.fuzz("area", TARGETS["area"], SEED, lambda number: number < 1)


def test_good_inputs_are_run_as_well() -> None:
    seen: list[bytes] = []
    run.fuzz("any", Target(seen.append, just(b"good", b"better")), SEED, lambda number: False)
    assert seen == [b"good", b"better"]


def test_a_run_can_be_repeated() -> None:
    def inputs(seed: int) -> list[bytes]:
        seen: list[bytes] = []
        run.fuzz("any", Target(seen.append, just(b"some good input")), seed, lambda number: number < 50)
        return seen

    assert inputs(1) == inputs(1) != inputs(2)


def test_changes_reach_everywhere_and_stay_within_the_limit() -> None:
    random = Random(SEED)
    made = [mutated(random, [bytes(40)]) for _ in range(3000)]
    assert {at for data in made for at in range(min(len(data), 40)) if data[at]} == set(range(40))
    assert any(len(data) < 40 for data in made)
    assert any(len(data) > 40 for data in made)
    assert len(mutated(random, [bytes(2 * SIZE_MAX)])) <= SIZE_MAX
    assert mutated(random, []) != mutated(random, [])


def test_the_command_tells_its_targets_and_refuses_unknown_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(TARGETS)
    with pytest.raises(SystemExit) as caught:
        run.main(["nothing"])
    assert caught.value.code == 2
    assert run.main(["area", "--inputs", "5"]) == 0
    assert "area" in capsys.readouterr().out
