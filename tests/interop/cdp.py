"""Chromium under remote control: pages are opened, read, typed into and photographed (Chrome DevTools Protocol)."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_START_S = 60.0
_WAIT_S = 30.0


class Page:
    """One tab. ``problems``: what the browser complained of in its console, violations of a policy included."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self.problems: list[str] = []

    async def listen(self) -> None:
        async for message in self._socket:
            value = json.loads(message.data)
            if "id" in value:
                future = self._waiting.pop(value["id"], None)
                if future is not None and not future.done():
                    future.set_result(value)
            elif value["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif value["method"] == "Log.entryAdded":
                self.problems.append(value["params"]["entry"]["text"])
            elif value["method"] == "Runtime.exceptionThrown":
                self.problems.append(str(value["params"]["exceptionDetails"]))

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self._socket.send_json({"id": number, "method": method, "params": params})
        value = await asyncio.wait_for(future, _WAIT_S)
        assert "error" not in value, value
        result: dict[str, Any] = value["result"]
        return result

    async def open(self, url: str) -> None:
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), _WAIT_S)

    async def read(self, expression: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""
        done = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until an expression is true."""
        asking = (
            "new Promise(done => { const ask = () => "
            f"({expression}) ? done(true) : requestAnimationFrame(ask); ask(); }})"
        )
        assert await self.read(asking)

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        codes = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " ")}
        code, typed = codes[key]
        common = {"key": key, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=typed, **common)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def look(self, *, dark: bool = False, width: int = 900, height: int = 900, phone: bool = False) -> None:
        """How the page is shown from now on."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=scheme)
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )

    async def photograph(self, path: Path) -> None:
        data = (await self.call("Page.captureScreenshot", format="png"))["data"]
        path.write_bytes(base64.b64decode(data))


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Page]:
    """A browser with one tab, which takes every certificate."""
    process = await asyncio.create_subprocess_exec(
        *(str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(_START_S):
            port = ""
            while not port:
                line = (await process.stderr.readline()).decode(errors="replace")
                assert line, "the browser has ended"
                if "DevTools listening on ws://" in line:
                    port = line.split(":")[-1].split("/")[0]
        drain = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as reply:
                tabs = await reply.json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                for domain in ("Page", "Runtime", "Log"):
                    await page.call(f"{domain}.enable")
                yield page
                listening.cancel()
        drain.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
