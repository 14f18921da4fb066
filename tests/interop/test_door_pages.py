"""The pages of the owner door in a real browser: used by keyboard, light and dark, large and small, running no content.

With ``CYFS_SCREENSHOTS=DIR`` it leaves pictures there, for whoever wants to look at them.
"""

from __future__ import annotations

import asyncio
import os
import re
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.command import cli, done
from tests.gateway_process import running

from .cdp import CHROMIUM, Page, browser

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)"),
]
PASSWORD = "correct horse battery"
MARK = "document.documentElement.dataset.ran = 'yes'"
NAME = f'<img src=x onerror="{MARK}">.txt'
FILES = {
    NAME: b"plain text",
    "page.html": f"<!doctype html><h1>Hi</h1><script>{MARK}</script>".encode(),
    "pic.svg": f'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40"/>'
    f"<script>{MARK}</script></svg>".encode(),
    "notes.md": "# Ü\n".encode() + b"line\n" * 50,
    "sub/deep.txt": b"deep",
}


@dataclass
class Site:
    """An open door with a shared folder. ``url``: of the door; ``link``: of the share."""

    root: Path
    url: str
    link: str


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\x30\x90\x60" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    base = tmp_path_factory.mktemp("door")
    root, folder = base / "root", base / "Holiday"
    done("init", "--root", root, "--key", "secp256k1")
    (root / "etc" / "cyfs-edge.toml").write_text("[door]\nenabled = true\nport = 0\n")
    assert cli("door", "password", "--root", root, stdin=f"{PASSWORD}\n".encode()).returncode == 0
    for name, data in {**FILES, "pic.png": picture(300, 200)}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    with running(root) as gateway:
        found = re.search(r" door=(\S+)", gateway.ready_line)
        assert found is not None
        folder_id = done("file", "put", folder, "--root", root)["files"][-1]["id"]
        made = done("share", "create", folder_id, "--label", "Holiday in Ütrecht", "--expires", "7d", "--root", root)
        done("share", "create", folder_id, "--for", "friends", "--label", NAME, "--root", root)
        yield Site(root, f"https://{found[1]}", made["url"])


@pytest_asyncio.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path / "profile") as found:
        yield found


async def keep_picture(page: Page, name: str) -> None:
    folder = os.environ.get("CYFS_SCREENSHOTS")
    if folder:
        await page.photograph(Path(folder) / f"{name}.png")


async def nothing_ran(page: Page) -> None:
    assert await page.read("document.documentElement.dataset.ran") is None
    assert [text for text in page.problems if "Content Security Policy" in text] == []


async def no_sideways_scrolling(page: Page) -> None:
    assert await page.read("document.documentElement.scrollWidth <= window.innerWidth")


async def test_the_owner_logs_in_and_revokes_by_keyboard(site: Site, page: Page) -> None:
    await page.look()
    await page.open(f"{site.url}/")
    await keep_picture(page, "owner-login")
    await page.press("Tab")
    assert await page.read("document.activeElement.id") == "password"
    await page.type("wrong wrong wrong")
    await page.press("Enter")
    await page.until("document.getElementById('message').classList.contains('bad')")
    assert await page.read("document.getElementById('message').textContent") == "Wrong password."
    await page.type(PASSWORD)
    await page.press("Enter")
    await page.until("!document.getElementById('shares').hidden")
    assert await page.read("document.querySelectorAll('#list li').length") == 2
    shown = await page.read("document.getElementById('list').innerText")
    assert "Holiday in Ütrecht" in shown
    assert NAME in shown
    assert await page.read("document.querySelectorAll('#list img').length") == 0
    await keep_picture(page, "owner-shares")
    # The session outlives a reload of the tab, and nothing of it is a cookie.
    await page.open(f"{site.url}/")
    await page.until("document.querySelectorAll('#list li').length == 2")
    assert await page.read("document.cookie") == ""
    await page.look(dark=True, width=360, height=740, phone=True)
    await no_sideways_scrolling(page)
    await keep_picture(page, "owner-phone-dark")
    await page.read("document.querySelector('#list li .revoke').focus()")
    await page.press("Enter")
    assert "Really" in await page.read("document.activeElement.textContent")
    await keep_picture(page, "owner-revoke")
    await page.press("Enter")
    await page.until("document.querySelectorAll('#list li').length == 1")
    assert len((await asyncio.to_thread(done, "share", "list", "--root", site.root))["shares"]) == 1
    await page.read("document.getElementById('logout').focus()")
    await page.press("Enter")
    await page.until("document.getElementById('shares').hidden")
    assert await page.read("sessionStorage.length") == 0
    await nothing_ran(page)


async def test_a_shared_folder_and_its_files(site: Site, page: Page) -> None:
    await page.look()
    await page.open(site.link)
    assert await page.read("document.querySelector('h1').textContent") == "Holiday in Ütrecht"
    assert await page.read("[...document.querySelectorAll('tbody a')].map(a => a.textContent)") == sorted(
        [*(name for name in FILES if "/" not in name), "pic.png", "sub/"]
    )
    await keep_picture(page, "share-folder")
    await page.look(dark=True, width=360, height=740, phone=True)
    await no_sideways_scrolling(page)
    await keep_picture(page, "share-folder-phone-dark")
    for name in ("pic.png", "pic.svg"):
        await page.open(f"{site.link}/{name}")
        assert await page.read("document.querySelector('img.preview').naturalWidth") > 0
        await nothing_ran(page)
    await keep_picture(page, "share-picture-phone-dark")
    await page.look()
    await page.open(f"{site.link}/notes.md")
    assert "# Ü" in await page.read("document.querySelector('pre').textContent")
    await keep_picture(page, "share-text")
    await page.open(f"{site.link}/page.html")
    assert MARK in await page.read("document.querySelector('pre').textContent")
    await nothing_ran(page)
    await page.open(f"{site.link}/sub/")
    assert await page.read("document.querySelector('nav.trail a').textContent") == "Holiday in Ütrecht"


async def test_content_that_is_opened_has_no_origin(site: Site, page: Page) -> None:
    await page.open(f"{site.link}/notes.md?raw")
    assert await page.read("self.origin") == "null"
    assert "# Ü" in await page.read("document.body.innerText")


async def test_a_link_that_leads_nowhere(site: Site, page: Page) -> None:
    await page.look()
    await page.open(f"{site.url}/s/wrong")
    assert "Nothing here" in await page.read("document.body.innerText")
    await keep_picture(page, "share-nothing")


async def test_another_origin_gets_nothing(site: Site, page: Page) -> None:
    """A page of the same machine, under another name, asks with everything that it can."""
    other = site.url.replace("127.0.0.1", "localhost")
    await page.open(f"{other}/s/wrong")
    asked = "fetch('%s', {method: '%s', headers: {authorization: 'Bearer x'}}).then(r => r.status, () => 'blocked')"
    for method, path in (("GET", "/api/shares"), ("POST", "/api/login"), ("DELETE", "/api/shares/x")):
        assert await page.read(asked % (site.url + path, method)) == "blocked"
