"""The figures of a run, and the table that they make in docs/performance.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench import load


@dataclass
class Row:
    """One figure. ``ratio`` is to the calibration that ``to`` names."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    to: str = ""
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the machine does in this run: ``echo`` by number of connections (1/s), bytes and syncs a second."""

    echo: dict[int, float]
    sha256: float
    fdatasync: float


def rate(name: str, result: load.Result, base: float, to: str) -> Row:
    """Replies a second and their latencies; ``base`` is the rate of the calibration ``to``."""
    return Row(name, result.rate, "1/s", result.rate / base, to, latency(result))


def latency(result: load.Result) -> dict[str, float]:
    return {"p50_ms": round(result.p50 * 1e3, 3), "p99_ms": round(result.p99 * 1e3, 3)}


def table(rows: list[Row]) -> str:
    lines = ["| what | value | ratio | latency p50 / p99 |", "|---|---|---|---|"]
    for row in rows:
        value = f"{row.value:,.2f}" if row.value < 100 else f"{row.value:,.0f}"
        ratio = f"{row.ratio:.3g} × {row.to}" if row.ratio is not None else ""
        times = f"{row.extra['p50_ms']} / {row.extra['p99_ms']} ms" if row.extra else ""
        lines.append(f"| {row.name} | {value} {row.unit} | {ratio} | {times} |")
    return "\n".join(lines)
