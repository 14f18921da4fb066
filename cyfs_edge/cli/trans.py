"""``cyfs-edge trans list|show|pause|resume|priority|cancel``: the downloads of all DecApps."""

from __future__ import annotations

from cyfs_edge.base.errors import CyfsError
from cyfs_edge.cli.client import call_json, query
from cyfs_edge.cli.context import Context
from cyfs_edge.cli.exits import CliError, Exit
from cyfs_edge.cli.output import printable, size_text
from cyfs_edge.wire.trans import parse_task_id

Row = dict[str, object]


def list_tasks(context: Context) -> int:
    client = context.connect()
    try:
        found = call_json(client, "GET", "/control/trans").get("tasks")
    finally:
        client.close()
    tasks: list[Row] = found if isinstance(found, list) else []
    context.out.document({"tasks": tasks})
    if not tasks:
        context.out.line("No tasks.")
        return Exit.OK
    rows = [(task["id"], task["state"], _progress(task), _speed(task), _target(task)) for task in tasks]
    context.out.table(("TASK", "STATE", "DONE", "SPEED", "TARGET"), rows)
    return Exit.OK


def show(context: Context) -> int:
    return _tell(context, _call(context, "GET"))


def pause(context: Context) -> int:
    return _tell(context, _call(context, "POST", action="pause"))


def resume(context: Context) -> int:
    return _tell(context, _call(context, "POST", action="resume"))


def priority(context: Context) -> int:
    return _tell(context, _call(context, "POST", action="priority", value=context.args.priority))


def cancel(context: Context) -> int:
    """Forgets the task; files that are written stay, and so does what was fetched, until space is needed."""
    task = _call(context, "DELETE")
    context.out.document(task)
    context.out.line(f"{task['id']}  cancelled")
    return Exit.OK


def _call(context: Context, method: str, **parameters: object) -> Row:
    try:
        task_id = parse_task_id(context.args.id)
    except CyfsError as error:
        raise CliError(
            error.code, f"{context.args.id!r} is no id of a task.", Exit.USAGE, "See: cyfs-edge trans list"
        ) from None
    client = context.connect()
    try:
        return call_json(client, method, query(f"/control/trans/{task_id}", **parameters))
    finally:
        client.close()


def _tell(context: Context, task: Row) -> int:
    out = context.out
    out.document(task)
    out.line(f"{task['id']}  {task['state']}  {_progress(task)}")
    out.line(f"  {task['kind']}  {task['object_id']}  to {_target(task)}")
    out.line(f"  of DecApp {task['dec_id']}, group {printable(str(task['group']))}, priority {task['priority']}")
    if task["state"] == "running":
        out.line(f"  {task['phase']}, {_speed(task)}")
    if isinstance(error := task["error"], dict):
        out.line(f"  failed: {printable(str(error.get('msg')))} (code {error.get('code')})")
    for source in _rows(task, "sources"):
        state = "put aside" if source["aside"] else "asked" if source["known"] else "no address"
        problem = source["error"]
        why = f": {printable(str(problem.get('msg')))}" if isinstance(problem, dict) else ""
        out.line(f"  source {source['device']}  {state}, {size_text(_number(source['bytes']))}{why}")
    for refused in _rows(task, "refused"):
        out.line(f"  refused {printable(str(refused['name']))}: {printable(str(refused['msg']))}")
    return Exit.OK


def _rows(task: Row, name: str) -> list[Row]:
    found = task.get(name)
    return found if isinstance(found, list) else []


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _progress(task: Row) -> str:
    return f"{size_text(_number(task['done']))} of {size_text(_number(task['total']))} ({task['percent']} %)"


def _speed(task: Row) -> str:
    return f"{size_text(_number(task['speed']))}/s" if task["state"] == "running" else "-"


def _target(task: Row) -> str:
    return printable(str(task["local_path"])) or "the store"
