"""``python -m fuzz [TARGET…] [--seconds N | --inputs N] [--seed S]``: damaged inputs for every decoder.

An input that makes a target raise, or take longer than a second, is written to ``fuzz/crashes`` and ends the run with
exit code 1; the same seed finds it again. Any other fuzzer can drive the targets too: each is a function of bytes that
returns, as atheris wants it (``atheris.Setup(sys.argv, TARGETS["object"]); atheris.Fuzz()``).
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

from fuzz.mutate import mutated
from fuzz.target import Target
from fuzz.targets import TARGETS

CRASHES = Path(__file__).parent / "crashes"
SLOW = 1.0
"""Seconds; no input that fits on the wire may take that long."""


class Crash(Exception):
    """A target raised, or was too slow, on ``data``."""

    def __init__(self, target: str, data: bytes, why: str) -> None:
        super().__init__(f"{target}: {why}")
        self.target = target
        self.data = data


def fuzz(name: str, target: Target, seed: int, go_on: Callable[[int], bool]) -> int:
    """Runs inputs while ``go_on(number of inputs so far)``; gives their number. Raises :class:`Crash`."""
    random = Random(f"{seed} {name}")
    seeds = target.seeds()
    number = 0
    for data in seeds:
        _run(name, target, data)
    while go_on(number):
        _run(name, target, mutated(random, seeds))
        number += 1
    return number


def _run(name: str, target: Target, data: bytes) -> None:
    start = time.process_time()
    try:
        target(data)
    except Exception:
        raise Crash(name, data, traceback.format_exc()) from None
    taken = time.process_time() - start
    if taken > SLOW:
        raise Crash(name, data, f"took {taken:.1f} s for {len(data)} bytes")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Damaged inputs for every decoder.")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all of them when none is named")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--seconds", type=float, default=5.0, help="for each target (default: 5)")
    limit.add_argument("--inputs", type=int, help="for each target, instead of a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="show the targets")
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(TARGETS))
        return 0
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)} (--list shows them)")

    for name in options.targets or TARGETS:
        start = time.monotonic()

        def go_on(number: int, end: float = start + options.seconds) -> bool:
            return time.monotonic() < end if options.inputs is None else number < options.inputs

        try:
            number = fuzz(name, TARGETS[name], options.seed, go_on)
        except Crash as crash:
            return _tell(crash)
        print(f"{name:28} {number:9} inputs {number / max(time.monotonic() - start, 1e-9):10.0f}/s", flush=True)
    return 0


def _tell(crash: Crash) -> int:
    CRASHES.mkdir(exist_ok=True)
    path = CRASHES / f"{crash.target}-{hashlib.sha256(crash.data).hexdigest()[:12]}.bin"
    path.write_bytes(crash.data)
    print(f"{crash}\ninput of {len(crash.data)} bytes written to {path}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
