"""Backups, scrub and imports on the administration API: every action is a job (docs/cli.md, "backup")."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from cyfs_edge.base.errors import CyfsError, ErrorCode
from cyfs_edge.base.ids import ObjectId
from cyfs_edge.core.api.control import Action, Query
from cyfs_edge.core.jobs import Job, Jobs
from cyfs_edge.wire import fields
from cyfs_edge.wire.config import BackupConfig
from cyfs_edge.wire.message import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from cyfs_edge.core.backup.service import BackupService
    from cyfs_edge.core.scrub import ScrubService

BODY_MAX = 64 * 1024
_TEXT_MAX = 4096

Work = Callable[[Job], Awaitable[object]]


class ControlBackup:
    """``POST /control/backup/<action>`` and ``POST /control/scrub``; the body is a JSON object with the options."""

    __slots__ = ("_asked", "_backups", "_config", "_import", "_jobs", "_scrub")

    def __init__(
        self,
        jobs: Jobs,
        backups: Callable[[], BackupService],
        scrub: Callable[[], ScrubService],
        take_over: Callable[[Job, str, str, str | None], Awaitable[object]],
        config: BackupConfig,
    ) -> None:
        """``backups``, ``scrub``: made when they are needed first. ``take_over``: kind, path, instance or password."""
        self._jobs = jobs
        self._backups = backups
        self._scrub = scrub
        self._import = take_over
        self._asked: dict[str, tuple[str, dict[str, Any]]] = {}
        self._config = config

    def routes(self) -> Mapping[tuple[str, str], Action]:
        return {
            ("POST", "backup"): self._backup,
            ("POST", "scrub"): self._scrub_now,
            ("POST", "import"): self._take_over,
        }

    async def _backup(self, request: HttpRequest, action: str, query: Query) -> HttpResponse:
        options = await _options(request)
        works: dict[str, Callable[[_Options], Work]] = {
            "create": self._create,
            "list": self._list,
            "verify": self._verify,
            "forget": self._forget,
            "restore": self._restore,
            "rehearse": self._rehearse,
        }
        make = works.get(action)
        if make is None:
            raise CyfsError(ErrorCode.NOT_FOUND, f"backups know no {action!r}; they know {', '.join(works)}")
        return self._start(f"backup-{action}", options, make(options))

    async def _take_over(self, request: HttpRequest, kind: str, query: Query) -> HttpResponse:
        """``POST /control/import/<kind>``: ``reference`` or ``archive``."""
        options = await _options(request)
        path = options.text("path")
        if kind not in ("reference", "archive") or path is None:
            raise CyfsError(ErrorCode.INVALID_PARAM, "what is imported is a reference or an archive, with its path")
        isolate, password = options.text("isolate"), options.text("password")
        return self._start(f"import-{kind}", options, lambda job: self._import(job, kind, path, isolate or password))

    async def _scrub_now(self, request: HttpRequest, rest: str, query: Query) -> HttpResponse:
        options = await _options(request)
        repair = options.flag("repair")
        kind = "scrub-repair" if repair else "scrub"
        return self._start(kind, options, lambda job: self._scrub().run(job, repair=repair))

    def _start(self, kind: str, options: _Options, work: Work) -> HttpResponse:
        """``WOULD_BLOCK`` while one of the kind runs that was asked for something else."""
        job = self._jobs.start(kind, work)
        asked = self._asked.get(kind)
        if asked is not None and asked[0] == job.id and asked[1] != options.values:
            raise CyfsError(ErrorCode.WOULD_BLOCK, f"another {kind} is running; wait for its end, or cancel it")
        self._asked[kind] = (job.id, options.values)
        return HttpResponse(202, [fields.JSON_TYPE], fields.json_body(job.to_json()))

    def _create(self, options: _Options) -> Work:
        target, secret = options.text("target"), options.flag("secret")
        return lambda job: self._backups().create(job, target, secret=secret)

    def _list(self, options: _Options) -> Work:
        target = options.text("target")
        return lambda job: self._backups().list(target)

    def _verify(self, options: _Options) -> Work:
        target, read_data, drop = options.text("target"), options.flag("read_data"), options.flag("drop_damaged")
        return lambda job: self._backups().verify(job, target, read_data=read_data, drop_damaged=drop)

    def _forget(self, options: _Options) -> Work:
        config = self._config
        numbers = [
            options.number(name, held)
            for name, held in (
                ("keep_last", config.keep_last),
                ("keep_daily", config.keep_daily),
                ("keep_weekly", config.keep_weekly),
            )
        ]
        target = options.text("target")

        async def work(job: Job) -> object:
            from cyfs_edge.core.backup.retention import Keeping

            return await self._backups().forget(job, target, Keeping(*numbers))

        return work

    def _restore(self, options: _Options) -> Work:
        dec = options.text("dec")
        if dec is None:
            raise CyfsError(ErrorCode.INVALID_PARAM, "a running node takes back one dec at a time: dec is missing")
        dec_id = ObjectId.from_text(dec)
        target, snapshot = options.text("target"), options.text("snapshot")
        return lambda job: self._backups().restore_dec(job, target, snapshot, dec_id)

    def _rehearse(self, options: _Options) -> Work:
        target, snapshot = options.text("target"), options.text("snapshot")
        return lambda job: self._backups().rehearse(job, target, snapshot)


class _Options:
    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > _TEXT_MAX):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{name} must be a text of at most {_TEXT_MAX} characters")
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name, False)
        if not isinstance(value, bool):
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{name} must be true or false")
        return value

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10_000:
            raise CyfsError(ErrorCode.INVALID_PARAM, f"{name} must be a whole number from 0 to 10000")
        return value


async def _options(request: HttpRequest) -> _Options:
    data = await request.body.read(BODY_MAX)
    try:
        values = json.loads(data) if data else {}
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise CyfsError(ErrorCode.INVALID_PARAM, "the options must be a JSON object")
    return _Options(values)
