"""The recorded requests against a real gateway: equal to what the reference answered, or different on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway_process import GatewayProcess, running

from . import compatibility
from .recorded import Recording
from .replay import Verdict, idle_rows, judge, prepare_root, summary, write_local_files
from .replay_ws import replay_all

GROUPS = ("util", "non", "ndn", "crypto", "http", "handler", "ws", "state", "cache", "meta", "trans", "front", "strict")
"""The groups of the services that this gateway has. A later service adds its group here."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, recording: Recording) -> Iterator[GatewayProcess]:
    """A gateway of this module's own, set up as the reference was."""
    root = tmp_path_factory.mktemp("replay") / "root"
    prepare_root(root, recording)
    with running(root) as process:
        yield process


@pytest.fixture(scope="module")
def verdicts(gateway: GatewayProcess, recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    """All items of the groups, in the order of the recording, on a fresh store."""
    files = tmp_path_factory.mktemp("vec")
    write_local_files(files)
    outcomes = replay_all(recording, gateway.http, gateway.ws, str(gateway.root), files, GROUPS)
    return judge(outcomes, compatibility.read_rows())


@pytest.mark.interop
@pytest.mark.parametrize("group", GROUPS)
def test_recorded_replies(
    group: str, verdicts: list[Verdict], recording: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every reply of the group is the recorded one; an item in the table differs exactly as the table says."""
    chosen = [verdict for verdict in verdicts if verdict.outcome.item.group == group]
    with capsys.disabled():
        print(f"\nhttp-replies: {summary(verdicts, [group])}")
    assert len({verdict.outcome.item.name for verdict in chosen}) == recording.groups[group]
    wrong = [f"{verdict.outcome.name}: {'; '.join(verdict.problems)}" for verdict in chosen if verdict.problems]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.interop
def test_every_row_of_the_table_has_an_item(verdicts: list[Verdict]) -> None:
    """The table of deliberate differences holds nothing stale."""
    idle = idle_rows(compatibility.read_rows(), [verdict.outcome for verdict in verdicts])
    assert [f"line {row.line}: {row.item}" for row in idle] == []


@pytest.mark.interop
def test_the_gateway_is_well_after_the_replay(verdicts: list[Verdict], gateway: GatewayProcess, tmp_path: Path) -> None:
    """Nothing in the recording, malformed requests included, makes it raise or stop."""
    assert verdicts
    assert gateway.alive
    assert "Traceback" not in gateway.log_text()
