"""The example DecApp as its README says: two commands, and its page in a real browser.

``CYFS_SCREENSHOTS=docs/img`` makes the pictures of the documentation anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cyfs_edge.sdk import TEXT, CyfsError, CyfsStack, ErrorCode, NamedObject, bucky_now, make_text
from examples.message_board.app import BOARD
from tests.gateway_process import GatewayProcess, running

from .browser import CHROMIUM, Browser, browsing

pytestmark = pytest.mark.interop
PROJECT = Path(__file__).parents[2]
FIRST = [
    ("Grandma", "The tomatoes are ripe. Who wants some?"),
    ("Ben", "Me! I can come by on Saturday morning and bring the ladder back."),
    ("Ana", "Photos of the lake are on my box now.\nThe link is in the shared folder: /trips/2026."),
]


@dataclass
class Board:
    """The running app. ``url``: of its page, as it prints it."""

    gateway: GatewayProcess
    url: str

    def stack(self) -> CyfsStack:
        http, ws = (f"{host}:{port}" for host, port in (self.gateway.http, self.gateway.ws))
        return CyfsStack(BOARD, http=http, ws=ws, timeout=20)

    async def post(self, name: str, words: str, id: str = "1") -> NamedObject:
        async with self.stack() as stack:
            reply = await stack.non.post(make_text(id, name, words, update_time=bucky_now()), "/posts")
        assert reply is not None
        return reply


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    command = next(line for line in readme_commands() if "message_board" in line).split()[1:]
    with running(tmp_path / "root", extra=("--init", "--key", "secp256k1")) as gateway:
        addresses = (f"{host}:{port}" for host, port in (gateway.http, gateway.ws))
        app = subprocess.Popen(
            [sys.executable, *command, *addresses],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert app.stdout is not None
            found = re.fullmatch(r"The board is at (http://a\.\w+\.localhost:\d+/)\n", app.stdout.readline())
            assert found, app.stderr and app.stderr.read()
            yield Board(gateway, found[1])
        finally:
            app.terminate()
            _, err = app.communicate(timeout=20)
        assert err == ""


def readme_commands() -> list[str]:
    text = (PROJECT / "examples/message_board/README.md").read_text("utf-8")
    block = re.search(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert block
    return [line.removeprefix("$ ").partition("#")[0].strip() for line in block[1].splitlines()]


def test_its_readme_has_two_commands() -> None:
    first, second = readme_commands()
    assert first == "make run"
    assert re.search(r"^run:", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert (PROJECT / second.split()[1]).is_file()


async def test_a_post_is_in_the_state_and_comes_back_by_its_path(board: Board) -> None:
    replies = [await board.post(name, words) for name, words in FIRST]
    async with board.stack() as stack:
        page = await stack.root_state.list("/posts")
        assert {item.value for item in page.items} == {reply.object_id for reply in replies}
        key = TEXT.decode(replies[0]).desc.id
        found = (await stack.root_state.get_by_path(f"/posts/{key}")).object
    assert found == replies[0]
    content = TEXT.decode(replies[0])
    assert content.body is not None
    assert (content.desc.header, content.body.value) == FIRST[0]


async def test_many_posts_at_a_time_are_all_kept(board: Board) -> None:
    replies = await asyncio.gather(*(board.post("Ana", f"message {number}", str(number)) for number in range(20)))
    async with board.stack() as stack:
        kept = {item.value for item in (await stack.root_state.list("/posts")).items}
    assert kept == {reply.object_id for reply in replies}


async def test_a_post_without_text_is_refused(board: Board) -> None:
    with pytest.raises(CyfsError, match="a message needs some text") as caught:
        await board.post("Ana", "  ")
    assert caught.value.code == ErrorCode.INVALID_PARAM


def test_the_path_is_shared_with_friends(board: Board) -> None:
    """As the owner sees it: what friends may do is an access item, which the gateway applies to their requests."""
    command = [sys.executable, "-m", "cyfs_edge.cli.main", "access", "show", "--dec", str(BOARD), "--json"]
    done = subprocess.run([*command, "--root", str(board.gateway.root)], capture_output=True, text=True, check=True)
    rights = {"zone": None, "zone_category": "friend-zone", "dec": None, "access": 5}
    assert {"path": "/posts/", "access": {"Specified": rights}} in json.loads(done.stdout)["access"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)")
def test_the_page_shows_and_posts_messages(board: Board, tmp_path: Path) -> None:
    with browsing(tmp_path / "profile") as browser:
        browser.open(board.url)
        browser.until("!document.getElementById('empty').hidden")
        for name, words in FIRST:
            asyncio.run(board.post(name, words))
        browser.until("document.querySelectorAll('#posts li').length === 3")
        write(browser, "Ana <b>", "Written in the page: äöü 🎈\n" + "x" * 200)
        browser.until("document.getElementById('status').textContent !== ''")
        assert browser.run("document.getElementById('status').textContent") == "Posted."
        browser.until("document.querySelectorAll('#posts li').length === 4")
        shown = browser.run(
            "[...document.querySelectorAll('#posts li')].map(li => [...li.querySelectorAll('strong, p')]"
            ".map(one => one.textContent))"
        )
        assert shown[0] == ["Ana <b>", "Written in the page: äöü 🎈\n" + "x" * 200]
        assert shown[1:] == [list(one) for one in reversed(FIRST)]
        assert browser.run("document.getElementById('text').value") == ""

        board.gateway.stop()
        browser.until("document.getElementById('status').className === 'wrong'")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)")
def test_the_page_is_what_the_pictures_show(board: Board, tmp_path: Path) -> None:
    """Light and dark, without anything that does not fit."""
    for name, words in FIRST:
        asyncio.run(board.post(name, words))
    folder = Path(os.environ.get("CYFS_SCREENSHOTS", tmp_path))
    with browsing(tmp_path / "profile") as browser:
        browser.open(board.url)
        browser.until("document.querySelectorAll('#posts li').length === 3")
        browser.run("document.getElementById('name').value = 'Ana'")
        pictures = [folder / "message-board.png", folder / "message-board-dark.png"]
        for path, dark in zip(pictures, (False, True), strict=True):
            browser.picture(path, width=760, height=780, dark=dark)
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert pictures[0].read_bytes() != pictures[1].read_bytes()
    assert all(path.stat().st_size < 150_000 for path in pictures)


def write(browser: Browser, name: str, text: str) -> None:
    browser.run(f"document.getElementById('name').value = {json.dumps(name)}")
    browser.run(f"document.getElementById('text').value = {json.dumps(text)}")
    browser.run("document.querySelector('button').click()")
