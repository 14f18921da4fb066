"""Runs the test tiers one after another and prints the time of each and one closing line for all.

Usage: ``python scripts/tiers.py [TIER...]``, all tiers by default. ``PYTEST_ADDOPTS`` passes more options to pytest.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent
NO_TEST_SELECTED = 5

# Every test is in exactly one tier. "serial" tests measure something and would disturb one another.
TIERS = {
    "fast": ("not slow and not interop and not serial", 2),
    "slow": ("slow and not interop and not serial", 2),
    "interop": ("interop and not serial", 0),
    "serial": ("serial", 0),
}


@dataclass(slots=True)
class Result:
    """Counts of one tier; ``exit_code`` is pytest's."""

    name: str
    exit_code: int = 0
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=lambda: {"passed": 0, "failed": 0, "skipped": 0})

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    def line(self) -> str:
        return f"{self.name:>8} {self.seconds:6.1f} s  {summary(self.counts)}{'' if self.ok else '  <-- not passed'}"


def summary(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def read_counts(report: Path, exit_code: int) -> dict[str, int]:
    """The counts of a JUnit report. A run that broke off before it wrote one counts as one failure."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    if report.exists():
        # The report was written by the pytest that we started.
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314
            failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            counts["failed"] += failed
            counts["skipped"] += skipped
            counts["passed"] += int(suite.get("tests", 0)) - failed - skipped
    if exit_code and not counts["failed"]:
        counts["failed"] = 1
    return counts


def run_tier(name: str) -> Result:
    expression, workers = TIERS[name]
    print(f"\n== tests: {name} ==", flush=True)
    result = Result(name)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-m", expression, "--durations=5", f"--junitxml={report}"]
        start = time.monotonic()
        result.exit_code = subprocess.run([*command, "-n", str(workers)], cwd=PROJECT, check=False).returncode
        result.seconds = time.monotonic() - start
        if result.exit_code == NO_TEST_SELECTED:
            print(f"tier {name!r} selected no test")
        result.counts = read_counts(report, result.exit_code)
    return result


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in TIERS]
    if unknown:
        print(f"error: no such tier: {', '.join(unknown)} (there are: {', '.join(TIERS)})", file=sys.stderr)
        return 2
    results = [run_tier(name) for name in names or TIERS]
    print("\n== times ==")
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for result in results:
        print(result.line())
        for what, number in result.counts.items():
            total[what] += number
    print(f"total: {summary(total)}", flush=True)
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
