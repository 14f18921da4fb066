"""Long actions: waited for, cancelled when the command is interrupted, and their failure is the command's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.cli import jobs
from cyfs_edge.cli.client import Response
from cyfs_edge.cli.jobs import run_job
from cyfs_edge.wire.message import Headers


class JsonResponse:
    def __init__(self, status: int, value: object) -> None:
        self.status = status
        self.headers = Headers()
        self._data = json.dumps(value).encode()

    def pieces(self) -> Iterator[bytes]:
        yield self._data

    def close(self) -> None:
        pass


class JobClient:
    """A gateway whose job goes through ``states``, one at each question. An exception among them is raised."""

    gateway = True

    def __init__(self, *states: dict[str, object] | BaseException) -> None:
        self.states = list(states)
        self.asked: list[str] = []

    def request(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Response:
        self.asked.append(f"{method} {target}")
        if method == "DELETE":
            return JsonResponse(200, {"id": "scrub-1", "state": "cancelled"})
        state = self.states.pop(0)
        if isinstance(state, BaseException):
            raise state
        return JsonResponse(202 if method == "POST" else 200, {"id": "scrub-1", "kind": "scrub", **state})

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_POLL_S", 0)


RUNNING: dict[str, object] = {"state": "running", "done": 1, "total": 10, "phase": "objects"}


def test_the_job_is_asked_until_it_is_done_and_gives_its_result() -> None:
    client = JobClient(RUNNING, RUNNING, {"state": "done", "result": {"objects": 3}})
    assert run_job(client, "/control/scrub", "scrub", quiet=True) == {"objects": 3}
    assert client.asked == ["POST /control/scrub", "GET /control/jobs/scrub-1", "GET /control/jobs/scrub-1"]


def test_a_job_that_is_done_at_once_is_not_asked() -> None:
    client = JobClient({"state": "done", "result": None})
    assert run_job(client, "/control/scrub", "scrub", quiet=True) == {}
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("state", "code", "message"),
    [
        ({"state": "failed", "error": {"code": "110", "msg": "disk error"}}, ErrorCode.IO_ERROR, "disk error"),
        ({"state": "failed", "error": None}, ErrorCode.FAILED, "scrub failed"),
        ({"state": "cancelled", "error": None}, ErrorCode.USER_CANCELED, "cancelled"),
    ],
)
def test_a_job_that_fails_is_a_failure(state: dict[str, object], code: ErrorCode, message: str) -> None:
    with pytest.raises(CyfsError, match=message) as caught:
        run_job(JobClient(RUNNING, state), "/control/scrub", "scrub", quiet=True)
    assert caught.value.code == code


def test_ctrl_c_cancels_the_job() -> None:
    client = JobClient(RUNNING, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run_job(client, "/control/scrub", "scrub", quiet=True)
    assert client.asked[-1] == "DELETE /control/jobs/scrub-1"
