"""A complete small conference on loopback: a real node, halls with a frame port each, and a mixer with its real process."""

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from media import Mixer, Node, NodeSettings, Router
from media.frames.port import Frames, connect
from media.lines.line import line_codec
from media.mixer.ground.scene import CLOCK_HZ, Scene, SiteInfo, Source
from tests.media.mixer.studio import Camera, Screen, listen, packets, tone

PATIENCE_S = 30


@dataclass
class Told:
    """All events of a mixer."""

    events: list[tuple[Any, ...]] = field(default_factory=list)

    def ready(self, mixer: Mixer) -> None:
        self.events.append(("ready", mixer.pid))

    def lost(self, mixer: Mixer) -> None:
        self.events.append(("lost",))

    def late(self, mixer: Mixer, is_late: bool) -> None:
        self.events.append(("late", is_late))

    def degraded(self, mixer: Mixer, step: int) -> None:
        self.events.append(("degraded", step))

    def refused(self, mixer: Mixer, group: str, code: str) -> None:
        self.events.append(("refused", group, code))

    def accepted(self, mixer: Mixer, group: str) -> None:
        self.events.append(("accepted", group))

    def levels(self, mixer: Mixer, sites: Mapping[str, float]) -> None:
        self.events.append(("levels", dict(sites)))

    def thumbnail(self, mixer: Mixer, site: str, jpeg: bytes) -> None:
        self.events.append(("thumbnail", site, jpeg))

    def looked(self, mixer: Mixer, site: str, look: str) -> None:
        self.events.append(("looked", site, look))

    def prompt_ended(self, mixer: Mixer, prompt: str) -> None:
        self.events.append(("prompt", prompt))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [event for event in self.events if event[0] == name]


class Silent:
    """An owner of a line that ignores all events."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Hall:
    """A terminal: a line of the router, and the frame port at its other end. It sends one colour and one tone."""

    def __init__(self, router: Router, site: str, number: int, colour: tuple[int, int, int], hz: float) -> None:
        self.site = site
        self.line = router.open_line(Silent(), host="127.0.0.1", ports=[0], rtcp_mux=True, latch=False)
        self._end = connect(self.line.local)
        self.line.set_remote(self._end.getsockname()[:2])
        self.frames = Frames.open(self._end.fileno())
        self.camera = Camera(colour)
        self._words = itertools.cycle(list(packets("pcma", tone(hz, 10))))
        self.video = self.line.receive("video", [line_codec(96, "h264")], 1)
        self.audio = self.line.receive("audio", [line_codec(8, "pcma")], 2)
        self.screens: dict[int, Screen] = {}
        self.pictures: dict[int, list[np.ndarray]] = {}
        self.heard: dict[int, list[bytes]] = {}
        self.sizes: dict[int, list[int]] = {}
        self.sources = (
            Source(1000 + number * 2, "video", "h264", 96, site),
            Source(1001 + number * 2, "audio", "pcma", 8, site),
        )
        self._key = False
        self.keys_asked = 0

    def take(self, mixer: Mixer, output: int, codec: str, payload_type: int) -> None:
        """Receive an output of the mixer under its own SSRC."""
        self.frames.expect(output, codec, CLOCK_HZ[codec])  # type: ignore[arg-type]
        self.line.send(mixer.output(output), {payload_type: payload_type}, output)
        if codec in ("h264", "vp8"):
            self.screens[output] = Screen(codec)

    def say(self, number: int) -> None:
        at_us = number * 20_000
        self.frames.send_audio(2, 8, number * 160, next(self._words), at_us, clock_hz=8000)
        if number % 2 == 0:
            self.frames.send_video(1, 96, number * 1800, self.camera.take(self._key), at_us)
            self._key = False

    def look(self) -> None:
        for event in self.frames.poll(0):
            if event.kind == "keyframe":
                self._key = True
                self.keys_asked += 1
            elif event.kind == "frame" and event.ssrc in self.screens:
                self.sizes.setdefault(event.ssrc, []).append(len(event.data))
                picture = self.screens[event.ssrc].show(event.data)
                if picture is not None:
                    kept = self.pictures.setdefault(event.ssrc, [])
                    kept.append(picture)
                    del kept[:-3]
            elif event.kind == "frame":
                self.heard.setdefault(event.ssrc, []).append(event.data)

    def sound(self, output: int, codec: str, seconds: float = 1.5) -> np.ndarray:
        """Return the last sound that the hall heard."""
        return listen(codec, self.heard.get(output, [])[-round(seconds * 50) :])

    def close(self) -> None:
        self.frames.close()
        self.line.close()
        self._end.close()


class Conference:
    """A conference whose halls send all the time while `until` waits."""

    def __init__(self, budget_cores: float = 4.0) -> None:
        self.node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)]), asyncio.get_running_loop())
        self.router = self.node.open_router()
        self.told = Told()
        self.mixer = Mixer(self.router, self.told, budget_cores)
        self.halls: list[Hall] = []
        self.scene = Scene(1)
        self.also: Callable[[int], None] = lambda number: None
        """Called every 20 ms."""
        self._number = time.monotonic_ns() // 20_000_000

    def add(self, site: str, colour: tuple[int, int, int], hz: float) -> Hall:
        hall = Hall(self.router, site, len(self.halls), colour, hz)
        self.halls.append(hall)
        self.mixer.feed(hall.video, hall.sources[0].ssrc)
        self.mixer.feed(hall.audio, hall.sources[1].ssrc)
        sites = (*self.scene.sites, SiteInfo(site, f"UBND xã {site.upper()}"))
        self.scene = replace(self.scene, sources=(*self.scene.sources, *hall.sources), sites=sites)
        return hall

    def show(self, **change: Any) -> None:
        self.scene = replace(self.scene, version=self.scene.version + 1, **change)
        self.mixer.set_scene(self.scene)

    async def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self._step()

    async def until(self, what: Callable[[], object]) -> None:
        """Wait at most PATIENCE_S. The benchmarks measure the speed, not this."""
        end = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < end, (self.told.events[-5:], self.mixer.figures)
            await self._step()

    async def _step(self) -> None:
        while self._number < time.monotonic_ns() // 20_000_000:
            self._number += 1
            self.also(self._number)
            for hall in self.halls:
                hall.say(self._number)
        for hall in self.halls:
            hall.look()
        await asyncio.sleep(0.01)

    async def close(self) -> None:
        self.mixer.close()
        for hall in self.halls:
            hall.close()
        self.node.close()
