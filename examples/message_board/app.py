"""A message board as a DecApp: README.md beside it says how to run it, docs/sdk.md what the calls do."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from cyfs_edge.sdk import (
    NULL_ID,
    TEXT,
    Category,
    CyfsError,
    CyfsStack,
    ErrorCode,
    HandlerCall,
    NamedObject,
    Permission,
    bucky_now,
    dec_id,
    friends,
    make_text,
)

BOARD = dec_id(NULL_ID, "message-board")


async def main(http: str = "127.0.0.1:1318", ws: str = "127.0.0.1:1319") -> None:
    async with CyfsStack(BOARD, http=http, ws=ws) as stack:

        async def post(call: HandlerCall) -> NamedObject:
            """Takes a Text object from the page or a friend: its header is a name, its value the message."""
            sent = TEXT.decode(call.object)
            if sent.body is None or not sent.body.value.strip():
                raise CyfsError(ErrorCode.INVALID_PARAM, "a message needs some text")
            now = bucky_now()
            message = make_text(str(now), sent.desc.header[:40], sent.body.value[:1000], update_time=now, dec_id=BOARD)
            await stack.non.put(message)
            async with await stack.root_state.path_env() as env:
                await env.insert_with_path(f"/posts/{now}", message.object_id)
            return message

        await stack.util.wait_online()
        await stack.root_state.meta.add_access("/posts", friends(Permission.READ | Permission.CALL))
        await stack.handlers.add(Category.POST_OBJECT, "post", post, req_path="/posts")
        print("The board is at", await stack.pages.publish(Path(__file__).with_name("page")), flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(*sys.argv[1:]))
