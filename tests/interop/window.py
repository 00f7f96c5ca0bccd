"""A real Chromium with the server's page, which may run in a namespace. Its camera is one colour, its microphone one tone, and
its screen another colour, so that receivers can identify them. The tests check what the page shows and plays.

Only the devices are artificial. The codecs, the transport and the page are real.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from rooms.store.database import Database
from rooms.store.tables.meetings import Occurrence
from rooms.store.tables.org import Person
from tests.interop.terminals.hallnet import COLOURS, Booked, colour_of
from tests.rooms.people import LOCAL_COOKIE, SECURE_COOKIE, signed_in
from tests.web.visiting import CHROMIUM, DEVICES, FAULTS, UNACCELERATED, Visitor

PATIENCE_MS = 60_000
FLAGS = (
    "--no-sandbox",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
    # These flags keep every window of a browser with several windows out of the background.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    *UNACCELERATED,
)
LOUD_DB, SILENT_DB = -50.0, -75.0
"""dB of the strongest part of a spectrum (Web Audio: 0 is full scale). A higher `LOUD_DB` misses quiet voices; a lower one
takes noise for a voice.
"""

MADE_UP = """([camera, hz, screen]) => {
  window.peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...given) { super(...given); window.peers.push(this); }
  };
  const picture = (colour, width, height, fps) => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const paper = canvas.getContext('2d');
    let count = 0;
    setInterval(() => {
      paper.fillStyle = colour;
      paper.fillRect(0, 0, width, height);
      paper.fillStyle = 'white';
      paper.fillRect((count++ * 4) % (width - 8), 2, 8, 8);
    }, 1000 / fps);
    return canvas.captureStream(fps).getVideoTracks()[0];
  };
  const tone = () => {
    const context = new AudioContext({ sampleRate: 48000 });
    const [made, quiet, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
    made.frequency.value = hz;
    quiet.gain.value = 0.15;
    made.connect(quiet).connect(out);
    made.start();
    return out.stream.getAudioTracks()[0];
  };
  const devices = navigator.mediaDevices;
  devices.getUserMedia = async ({ audio, video }) =>
    new MediaStream([...(audio ? [tone()] : []), ...(video ? [picture(camera, 640, 360, 5)] : [])]);
  devices.getDisplayMedia = async () => new MediaStream([picture(screen, 640, 360, 5)]);
}"""
MIDDLE = """(video) => {
  const canvas = new OffscreenCanvas(1, 1), paper = canvas.getContext('2d');
  const [x, y, width, height] = [0.4, 0.4, 0.2, 0.2].map((part, at) => part * (at % 2 ? video.videoHeight : video.videoWidth));
  paper.drawImage(video, x, y, width, height, 0, 0, 1, 1);
  return video.videoWidth ? [...paper.getImageData(0, 0, 1, 1).data].slice(0, 3) : [0, 0, 0];
}"""
SPECTRA = """async (wanted) => {
  const context = (window.listening ??= new AudioContext({ sampleRate: 48000 }));
  const ears = (window.ears ??= new Map());
  for (const peer of window.peers) for (const { track } of peer.getReceivers())
    if (track.kind === 'audio' && track.readyState === 'live' && !ears.has(track)) {
      const ear = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(new MediaStream([track])).connect(ear);
      ears.set(track, ear);
    }
  await context.resume();
  await new Promise((done) => setTimeout(done, 400));
  const step = context.sampleRate / 8192;
  return [...ears].filter(([track]) => track.readyState === 'live').map(([, ear]) => {
    const bins = new Float32Array(ear.frequencyBinCount);
    ear.getFloatFrequencyData(bins);
    return wanted.map((hz) => Math.max(-200, ...bins.slice(Math.round(hz / step) - 2, Math.round(hz / step) + 3)));
  });
}"""


@asynccontextmanager
async def chromium(folder: Path, prefix: Sequence[str] = ()) -> AsyncIterator[Browser]:
    """Start Chromium. `prefix` is a command that runs it elsewhere, such as `ip netns exec NAME`."""
    starter = folder / "chromium"
    starter.write_text(f'#!/bin/sh\nexec {" ".join(prefix)} {CHROMIUM} "$@"\n')
    starter.chmod(0o755)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(starter), args=[*FLAGS, *DEVICES])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True)
class Guest:
    """A user with an account. `name` is the name that other participants see."""

    name: str
    secret: str
    meeting: str

    def cookies(self, url: str) -> list[tuple[str, str]]:
        return [(SECURE_COOKIE if url.startswith("https:") else LOCAL_COOKIE, self.secret)]


async def guest(data: Path, booked: Booked, role: str, person: str) -> Guest:
    """Make an account for this person (`province.People`) with a role in the host's unit. `data` is the server's folder."""
    store = Database.open(f"sqlite:///{data / 'diemcau.sqlite'}")
    place = booked.province
    try:
        made = await signed_in(store, role, place.units["tinh"], datetime.now(UTC), person_id=place.people[person])
        async with store.reading() as session:
            date = await session.get_one(Occurrence, booked.occurrence)
            name = (await session.get_one(Person, place.people[person])).name
    finally:
        await store.close()
    return Guest(name, made.secret, date.meeting_id)


@dataclass
class Window(Visitor):
    """A page in a meeting."""

    url: str = ""
    guest: Guest = field(default_factory=lambda: Guest("", "", ""))
    colour: str = ""
    hz: int = 0
    call_token: str = ""
    """The token of the call, as the page sent it to the desk."""

    @classmethod
    async def open(
        cls, browser: Browser, url: str, guest: Guest, colour: str, hz: int, screen: str = "green"
    ) -> Window:
        """Open a page of a signed-in user. `url` is the server's address; `colour` and `screen` are from `hallnet.COLOURS`."""
        context = await browser.new_context(
            viewport={"width": 900, "height": 600}, locale="vi-VN", ignore_https_errors=True
        )
        await context.add_cookies([{"name": name, "value": value, "url": url} for name, value in guest.cookies(url)])
        given = json.dumps([css(colour), hz, css(screen)])
        await context.add_init_script(f"({MADE_UP})({given})")
        made = cls(await context.new_page(), url=url, guest=guest, colour=colour, hz=hz)
        made.page.on("pageerror", lambda error: made.faults.append(str(error)))
        made.page.on("console", lambda said: made.faults.append(said.text) if FAULTS.search(said.text) else None)
        return made

    def note_sent(self, url: str, sent: str | bytes) -> None:
        """Note the token in the first message that the page sends to the desk."""
        if url.endswith("/desk") and isinstance(sent, str):
            self.call_token = json.loads(sent).get("hello", {}).get("token", self.call_token)

    async def enter(self) -> None:
        """Join through the meeting's page."""
        await self.page.goto(f"{self.url}/meetings/{self.guest.meeting}")
        await self.part("enter-button").click(timeout=PATIENCE_MS)
        await self.take_seat()

    async def take_seat(self) -> None:
        """Join from the preview of camera and microphone."""
        await self.part("preview-video").wait_for()
        await self.part("join-button").click()
        await self.part("stage").wait_for(timeout=PATIENCE_MS)

    def tile(self, who: str, source: str = "camera") -> Any:
        """Return the tile of an identity, or of a participant whose name contains this text."""
        tiles = self.page.locator(f"[data-testid=tile][data-source={source}]")
        return tiles.filter(has_text=who).or_(self.page.locator(f"[data-identity='{who}'][data-source={source}]"))

    async def sees(self, who: str, source: str = "camera") -> str:
        """Return the colour in the middle of that picture, or "" if there is none."""
        # One call counts the tiles and reads the picture, because a tile may disappear between two calls.
        only = f"(all) => all.length === 1 ? ({MIDDLE})(all[0]) : null"
        middle: list[int] | None = await self.tile(who, source).locator("video").evaluate_all(only)
        return "" if middle is None else colour_of((middle[0], middle[1], middle[2]))

    async def hears(self, wanted: Collection[int]) -> set[int]:
        """Return which of these frequencies the received voices contain now."""
        order = list(wanted)
        spectra: list[list[float]] = await self.page.evaluate(SPECTRA, order)
        return {hz for one in spectra for hz, level in zip(order, one, strict=True) if level > LOUD_DB}


def css(colour: str) -> str:
    """Return a colour of `hallnet.COLOURS` as CSS. Other names are CSS already."""
    if colour not in COLOURS:
        return colour
    return "rgb({} {} {})".format(*COLOURS[colour])
