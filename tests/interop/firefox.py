"""A real Firefox ESR that tests drive by WebDriver BiDi (W3C) over a WebSocket, without a driver program.

The module has only what tests of calls need: windows, scripts, clicks, keys, screenshots, and the errors of the page. The
browser is headless and has its own profile in a given folder.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.web.visiting import FAULTS

PROGRAM = "firefox-esr"
START_S = 60.0
ANSWER_S = 60.0
PATIENCE_S = 60.0

Preference = bool | int | str

PREFERENCES: dict[str, Preference] = {
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "vi-VN, vi",
    "media.autoplay.default": 0,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
H264: dict[str, Preference] = {
    "gfx.blacklist.webrtc.hw.acceleration.h264": 1,
    "media.ffmpeg.allow-openh264": True,
    "media.ffmpeg.encoder.enabled": True,
    "media.navigator.mediadatadecoder_h264_enabled": True,
    "media.webrtc.encoder_creation_strategy": 1,
    "media.webrtc.hw.h264.enabled": True,
}
"""With these preferences Firefox uses the H.264 codec of the system's FFmpeg, as on a machine whose graphics card has H.264.
Otherwise Firefox downloads H.264 from its maker after the first start.
"""


def missing() -> str:
    """Return why Firefox cannot run here, or an empty text if it can."""
    absent = [program for program in (PROGRAM, "pulseaudio") if shutil.which(program) is None]
    return f"{', '.join(absent)} missing: docker/test-tools.sh" if absent else ""


class Refused(Exception):
    """The browser answered a command with an error."""


@asynccontextmanager
async def firefox(
    folder: Path, prefix: Sequence[str] = (), more: Mapping[str, Preference] = MappingProxyType({})
) -> AsyncIterator[Firefox]:
    """Start a browser. `prefix` is a command that runs it elsewhere, such as `ip netns exec NAME`; `more` adds preferences."""
    profile = folder / "firefox"
    profile.mkdir()
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in {**PREFERENCES, **more}.items()
    ]
    (profile / "user.js").write_text("".join(lines))
    words = (*prefix, PROGRAM, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0")
    pipe = asyncio.subprocess.PIPE
    async with AsyncExitStack() as stack:
        environ = os.environ | {"PULSE_SERVER": await stack.enter_async_context(_loudspeaker(folder))}
        process = await asyncio.create_subprocess_exec(
            *words, env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=pipe
        )
        stack.push_async_callback(_end, process)
        async with asyncio.timeout(START_S):
            address = await _address(process)
        drain = asyncio.get_running_loop().create_task(_drain(process))
        async with connect(f"{address}/session", max_size=None, ping_interval=None) as socket:
            browser = Firefox(socket)
            try:
                await browser.command("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
                await browser.command("session.subscribe", events=["log.entryAdded"])
                yield browser
            finally:
                await browser.close()
        await drain


class Firefox:
    """A running browser. Several commands may wait for answers at once. Each event goes to the window that it concerns."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._windows: dict[str, FirefoxWindow] = {}
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def open(self, width: int = 1280, height: int = 800, script: str = "", apart: bool = False) -> FirefoxWindow:
        """Open an empty window. `script` runs in each of its pages before the page's scripts. `apart`: the window shares no
        cookies and no storage with the others.
        """
        place = await self.command("browser.createUserContext") if apart else {}
        made = await self.command("browsingContext.create", type="window", **place)
        window = FirefoxWindow(self, made["context"])
        self._windows[window.context] = window
        await window.resize(width, height)
        if script:
            preload = f"() => {{ {script} }}"
            await self.command("script.addPreloadScript", functionDeclaration=preload, contexts=[window.context])
        return window

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result. Raise Refused if the browser answers with an error."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        try:
            told = await asyncio.wait_for(answer, ANSWER_S)
        finally:
            del self._waiting[number]
        if told["type"] == "error":
            raise Refused(f"{method}: {told['error']}: {told['message']}")
        result: dict[str, Any] = told["result"]
        return result

    async def close(self) -> None:
        with suppress(ConnectionClosed, Refused, TimeoutError):
            await self.command("browser.close")
        self._reader.cancel()
        with suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        try:
            async for text in self._socket:
                told = json.loads(text)
                if told["type"] == "event":
                    self._note(told["params"])
                elif (answer := self._waiting.get(told["id"])) and not answer.done():
                    answer.set_result(told)
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(Refused("the browser is gone"))

    def _note(self, entry: dict[str, Any]) -> None:
        window = self._windows.get(entry["source"].get("context") or "")
        text = entry.get("text") or ""
        if window is None:
            return
        if (entry["type"] == "javascript" and entry["level"] == "error") or FAULTS.search(text):
            window.faults.append(text)


@dataclass(eq=False)
class FirefoxWindow:
    """A window, with the steps that tests of calls take."""

    browser: Firefox
    context: str
    faults: list[str] = field(default_factory=list)
    """The uncaught errors of the page, and the requests that its content security policy blocked."""

    async def goto(self, url: str) -> None:
        await self.browser.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def reload(self) -> None:
        await self.browser.command("browsingContext.reload", context=self.context, wait="complete")

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call a JavaScript function, which may be asynchronous, with plain values. Return its plain result."""
        given = ", ".join(json.dumps(one) for one in arguments)
        told = await self.browser.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({function})({given})) ?? 'null')()",
            target={"context": self.context},
            awaitPromise=True,
        )
        if told["type"] == "exception":
            raise Refused(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    async def count(self, selector: str) -> int:
        found: int = await self.evaluate("(it) => document.querySelectorAll(it).length", selector)
        return found

    async def text(self, selector: str) -> str:
        """Return the visible text of the first matching element, or an empty text if none matches."""
        found: str = await self.evaluate("(it) => document.querySelector(it)?.innerText ?? ''", selector)
        return found

    async def click(self, part: str) -> None:
        """Click the control with this `data-testid`. Wait until the control exists and is enabled, and scroll to the control."""
        element = await self._wait_for(part)
        await self.evaluate("(it) => document.querySelector(it).scrollIntoView({ block: 'nearest' })", _selector(part))
        move = {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": element}}
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        await self._act({"type": "pointer", "id": "mouse", "actions": [move, *press]})

    async def type(self, part: str, text: str) -> None:
        """Replace the text of the control."""
        await self.click(part)
        await self.evaluate("(it) => document.querySelector(it).select()", _selector(part))
        keys = [{"type": kind, "value": one} for one in text for kind in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def has(self, part: str) -> None:
        """Wait for the control."""
        await self._wait_for(part)

    async def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height}
        await self.browser.command("browsingContext.setViewport", context=self.context, viewport=size)

    async def picture(self, file: Path) -> None:
        """Save a PNG of the window's content."""
        told = await self.browser.command("browsingContext.captureScreenshot", context=self.context)
        file.write_bytes(base64.b64decode(told["data"]))

    async def join(self, link: str, name: str) -> None:
        """Join as `Visitor.join` does."""
        await self.goto(link)
        await self.has("preview-video")
        await self.type("join-name", name)
        await self.click("join-button")
        await self.has("stage")

    async def _act(self, source: dict[str, Any]) -> None:
        await self.browser.command("input.performActions", context=self.context, actions=[source])

    async def _wait_for(self, part: str) -> dict[str, str]:
        locator = {"type": "css", "value": f"{_selector(part)}:not(:disabled)"}
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            told = await self.browser.command("browsingContext.locateNodes", context=self.context, locator=locator)
            if told["nodes"]:
                return {"sharedId": told["nodes"][0]["sharedId"]}
            assert asyncio.get_running_loop().time() < deadline, f"not in time: {part}; {self.faults}"
            await asyncio.sleep(0.1)


def _selector(part: str) -> str:
    return f"[data-testid='{part}']"


@asynccontextmanager
async def _loudspeaker(folder: Path) -> AsyncIterator[str]:
    """Give the address of a sound server without output. Without an audio device, Firefox's audio clock does not run."""
    address = folder / "loudspeaker"
    modules = ("module-null-sink rate=48000", f"module-native-protocol-unix socket={address} auth-anonymous=1")
    words = ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
    words += [word for module in modules for word in ("--load", module)]
    quiet = asyncio.subprocess.DEVNULL
    environ = os.environ | {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(*words, env=environ, stdout=quiet, stderr=quiet)
    try:
        async with asyncio.timeout(START_S):
            while not address.exists():
                assert process.returncode is None, f"pulseaudio ended with {process.returncode}"
                await asyncio.sleep(0.05)
        yield f"unix:{address}"
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), 20)
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    said = []
    while line := (await process.stderr.readline()).decode(errors="replace"):
        said.append(line)
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise AssertionError(f"Firefox did not start: {''.join(said)}")


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read the pipe until its end, because a full pipe would stop the browser."""
    assert process.stderr is not None
    while await process.stderr.read(1 << 16):
        pass
