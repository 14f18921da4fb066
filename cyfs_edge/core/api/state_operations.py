"""The operations on a state and on its path meta (docs/protocol/http-api.md §11, §12)."""

from __future__ import annotations

from collections.abc import Mapping

from cyfs_edge.core.api.operation import (
    BINARY,
    COMMON,
    COUNT,
    FLAG,
    ID,
    JSON,
    NUMBER_TEXT,
    STRING,
    TIMES,
    U32,
    Operation,
    Reply,
    Schema,
    array,
    nullable,
    record,
    ref,
    text_reply,
    whole,
    words,
)


def state_operations(category: str) -> list[Operation]:
    """``category``: ``root-state`` or ``local-cache``."""
    tag, prefix = category, f"/{category}/"
    where = ("cyfs-target-dec-id", "cyfs-target", "cyfs-flags")
    short = category.replace("-", "_")
    root = record({"root": ID, "revision": COUNT}, dec_root=ID)
    items = record({"result": array(ref("MapItem"))})

    def body(required: Mapping[str, Schema] | None = None, **optional: Schema) -> tuple[str, Schema]:
        return JSON, record({"common": COMMON, **(required or {})}, **optional)

    def env(
        action: str,
        method: str,
        path: str,
        summary: str,
        sent: tuple[str, Schema] | None = None,
        reply: Schema | None = None,
        headers: tuple[str, ...] = (),
    ) -> Operation:
        name = f"{short}_op_env_{action.replace('-', '_')}"
        known = ("cyfs-op-env-action!", "cyfs-op-env-sid!", *headers, *where)
        replies = (Reply(),) if reply is None else text_reply(reply)
        return Operation(name, method, f"{prefix}op-env/{path}", tag, summary, known, {}, sent, replies)

    value: Mapping[str, Schema] = {"value": ID}
    keyed: Mapping[str, Schema] = {"key": STRING, "value": ID}
    content_type = words("map", "diffmap", "set", "diffset")
    metadata = {"content_mode": words("simple", "hub"), "content_type": content_type}
    locks = {"path_list": array(STRING), "duration_in_millsecs": {"anyOf": [COUNT, NUMBER_TEXT]}, "try_lock": FLAG}
    state = ("cyfs-root-state-aciton!", *where)
    at = ("cyfs-op-env-path",)
    access = record({"path": STRING, "access": whole(7)})
    env_types = words("path", "single", "isolate-path")
    info: Mapping[str, Schema] = {**metadata, "count": NUMBER_TEXT, "size": NUMBER_TEXT, "depth": NUMBER_TEXT}
    return [
        Operation(
            f"{short}_get_current_root",
            "POST",
            f"{prefix}root",
            tag,
            "The global root, or that of the dec",
            state,
            body=body({"root_type": words("global", "dec")}),
            replies=text_reply(root),
        ),
        Operation(
            f"{short}_create_op_env",
            "POST",
            f"{prefix}op-env",
            tag,
            "Begin a session of changes",
            state,
            body=body({"op_env_type": env_types}, access=access),
            replies=text_reply(record({"sid": NUMBER_TEXT})),
        ),
        env("load", "POST", "init/target", "Take a map by its id", body({"target": ID}, inner_path=STRING)),
        env("load-by-path", "POST", "init/path", "Take the map at a path", body({"path": STRING})),
        env(
            "create-new",
            "POST",
            "init/new",
            "Make a new map",
            body({"content_type": content_type}, path=STRING, key=STRING, owner=STRING, dec=STRING),
        ),
        env("lock", "POST", "lock", "Lock paths", body(locks)),
        env("get-current-root", "GET", "root", "The root that the session works on", None, root),
        env(
            "commit",
            "POST",
            "transaction",
            "Commit and end the session, or update and go on",
            body(op_type=words("commit", "update")),
            root,
        ),
        env("abort", "DELETE", "transaction", "End the session without a change"),
        env("metadata", "GET", "metadata", "Kind and size of a map", None, record(info), at),
        env("get-by-key", "GET", "map", "The value of a key", None, record(value=ID), (*at, "cyfs-op-env-key!")),
        env("insert-with-key", "POST", "map", "Add a key", body(keyed, path=STRING)),
        env(
            "set-with-key",
            "PUT",
            "map",
            "Change the value of a key",
            body({**keyed, "auto_insert": FLAG}, path=STRING, prev_value=ID),
            record(prev_value=ID),
        ),
        env(
            "remove-with-key",
            "DELETE",
            "map",
            "Remove a key",
            body({"key": STRING}, path=STRING, prev_value=ID),
            record(value=ID),
        ),
        env(
            "contains",
            "GET",
            "set",
            "Whether a set has a value",
            None,
            record({"result": FLAG}),
            (*at, "cyfs-op-env-value!"),
        ),
        env("insert", "POST", "set", "Add a value", body(value, path=STRING), record({"result": FLAG})),
        env("remove", "DELETE", "set", "Remove a value", body(value, path=STRING), record({"result": FLAG})),
        env("next", "POST", "iterator", "The next entries", body({"step": U32}), items),
        env("reset", "DELETE", "iterator", "Back to the first entry"),
        env("list", "GET", "list", "All entries", None, items, at),
        Operation(
            f"{short}_access",
            "GET",
            f"{prefix}{{inner_path}}",
            tag,
            "What is at a path: the object, or with action=list the entries of a map",
            where,
            {"action": words("get-object-by-path", "get", "list"), "page_index": U32, "page_size": U32},
            replies=(Reply(("cyfs-root!", "cyfs-revision!", "cyfs-object-id", *TIMES), None, BINARY),),
        ),
        *_meta(category, short),
    ]


def _meta(category: str, short: str) -> list[Operation]:
    group = ref("GroupAccess")
    depth = nullable(whole(255))
    access = record({"path": STRING, "access": group})
    config = record({"path": STRING}, storage_state=nullable(whole(1)), depth=depth)
    link = record({"source": STRING, "target": STRING})
    selected = record({"selector": STRING, "access": group}, depth=depth)
    kinds: list[tuple[str, str, Mapping[str, Schema], Mapping[str, Schema], Schema]] = [
        ("access", "accesses", {"item": access}, {"item": access}, access),
        ("link", "links", dict(link["properties"]), {"source": STRING}, link),
        ("object-meta", "object-metas", {"item": selected}, {"item": selected}, selected),
        ("path-config", "path-configs", {"item": config}, {"item": config}, config),
    ]
    headers = ("cyfs-meta-aciton", "cyfs-target-dec-id", "cyfs-target", "cyfs-flags")
    made: list[Operation] = []
    for one, many, added, removed, item in kinds:
        name, path = f"{short}_meta_{{}}_{one.replace('-', '_')}", f"/{category}/meta/"
        tag = f"{category} meta"
        calls: list[tuple[str, str, str, str, Mapping[str, Schema] | None, Mapping[str, Schema]]] = [
            ("add", "PUT", one, f"Add or change an item of {one}", added, {"updated": FLAG}),
            ("remove", "DELETE", one, f"Remove an item of {one}", removed, {"item": nullable(item)}),
            ("clear", "DELETE", many, f"Remove all items of {one}", None, {"count": COUNT}),
        ]
        for verb, method, last, summary, members, reply in calls:
            sent = None if members is None else (JSON, record({"common": COMMON, **members}))
            answer = text_reply(record(reply))
            made.append(Operation(name.format(verb), method, path + last, tag, summary, headers, {}, sent, answer))
    return made
