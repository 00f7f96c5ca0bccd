"""`make bench`: the CPU cost of the mixer process, and its return after kill -9. Prints the table in Markdown.

    python tests/bench/mixer.py                         all rows
    python tests/bench/mixer.py --rows mixer-audio-50 --seconds 5

The figure is the CPU (user and system) of the mixer process alone, in cores, over a window after a warm-up. The sources are
encoded in advance. They arrive as RTP through a real plane in this process, and the programs leave through the same plane. The
pictures are moving forms with noise, each 640x360 at 30 frames/s and 600 kbit/s.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from media import Mixer, Node, NodeSettings
from media.frames.port import Frames, connect
from media.lines.line import line_codec
from media.mixer.ground.scene import CLOCK_HZ, Group, Mix, Scene, SiteInfo, Source, Voice
from media.mixer.picture.encoding import Encoder, EncoderSettings
from media.mixer.picture.planes import new_picture
from media.mixer.sound.codecs import open_encoder
from media.mixer.sound.rates import BLOCK, RATE_HZ

WARM_UP_S = 6.0
LOOP_S = 6
CAMERA = (640, 360)
BUDGETS = {
    "mixer-3x3-720p30": 0.4,
    "mixer-3x3-1080p30": 0.6,
    "mixer-audio-50": 0.15,
    "mixer-recovery": 3.0,
}
SITES = 50
OPEN = 4
Result = dict[str, Any]


def film(seed: int) -> list[bytes]:
    """Return access units for LOOP_S seconds. The first is a key frame."""
    width, height = CAMERA
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    settings = EncoderSettings("h264", "baseline", width, height, 30, 600_000)
    encoder, (frame, planes) = Encoder(settings), new_picture(width, height)
    noise = rng.normal(0, 4, (height * 2, width * 2))
    units = []
    for number in range(LOOP_S * 30):
        turn = number / 30 * 2 * np.pi / LOOP_S
        shape = 60 * np.sin(x / 37 + 4 * turn + seed) + 40 * np.cos(y / 23 - 3 * turn) + 12 * np.sin(x * y / 9000)
        at = rng.integers(0, height, 2)
        planes.y[:] = np.clip(120 + shape + noise[at[0] : at[0] + height, at[1] : at[1] + width], 16, 235)
        planes.u[:] = 128 + 40 * np.sin(x[::2, ::2] / 90 + turn * 2)
        planes.v[:] = 128 + 40 * np.cos(y[::2, ::2] / 70 - turn)
        units.append(encoder.encode(frame, number * 3000, False)[0])
    return units


def speech(seed: int, codec: str) -> list[bytes]:
    """Return 20 ms packets for LOOP_S seconds: a voice-like sum of tones that swells and pauses."""
    at = np.arange(LOOP_S * RATE_HZ) / RATE_HZ
    pitch = 110 + 20 * seed
    voice = sum(np.sin(2 * np.pi * pitch * n * at) / n for n in range(1, 12))
    said = (3500 * voice * np.clip(np.sin(2 * np.pi * at / 1.5 + seed), 0, 1)).astype(np.float32)
    encoder = open_encoder(codec)  # type: ignore[arg-type]
    return [encoder.encode(said[first : first + BLOCK]) for first in range(0, len(said), BLOCK)]


@dataclass
class Quiet:
    """A listener that ignores the messages of a mixer or a line, and keeps only the times when the mixer process was ready."""

    ready_at: list[float] = field(default_factory=list)

    def ready(self, _mixer: Mixer) -> None:
        self.ready_at.append(time.monotonic())

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class Bench:
    """A node, a mixer, one line that sends all sources, and one line that receives all outputs."""

    def __init__(self, node: Node) -> None:
        router = node.open_router()
        self.told = Quiet()
        self.mixer = Mixer(router, self.told, 8.0)
        self.lines = [
            router.open_line(Quiet(), host="127.0.0.1", ports=[0], rtcp_mux=True, latch=False) for _ in range(2)
        ]
        self.ends = [connect(line.local) for line in self.lines]
        for line, end in zip(self.lines, self.ends, strict=True):
            line.set_remote(end.getsockname()[:2])
        self.send, self.take = (Frames.open(end.fileno()) for end in self.ends)
        self.films: dict[int, list[bytes]] = {}
        self.voices: dict[int, tuple[list[bytes], str]] = {}
        self.sources: list[Source] = []
        self.frames: dict[int, list[float]] = {}
        self.number = 0

    def camera(self, site: str, units: list[bytes]) -> None:
        ssrc = 1000 + len(self.sources)
        self.films[ssrc] = units
        self.sources.append(Source(ssrc, "video", "h264", 96, site))
        self.mixer.feed(self.lines[0].receive("video", [line_codec(96, "h264")], ssrc), ssrc)

    def microphone(self, site: str, codec: str) -> None:
        ssrc = 1000 + len(self.sources)
        self.voices[ssrc] = (speech(len(self.sources), codec), codec)
        self.sources.append(Source(ssrc, "audio", codec, 100, site))  # type: ignore[arg-type]
        producer = self.lines[0].receive("audio", [line_codec(100, codec)], ssrc)  # type: ignore[arg-type]
        self.mixer.feed(producer, ssrc)

    def show(self, scene: Scene) -> None:
        self.mixer.set_scene(scene)
        for ssrc, made in scene.outputs().items():
            codec: Any = getattr(made, "codec", "opus")
            self.take.expect(ssrc, codec, CLOCK_HZ[codec])
            self.lines[1].send(self.mixer.output(ssrc), {made.payload_type: made.payload_type}, ssrc)

    async def run(self, seconds: float) -> None:
        """Send the packets that are due, in steps of 20 ms, and keep the arrival times of the frames."""
        end = time.monotonic() + seconds
        self.number = self.number or time.monotonic_ns() // 10_000_000
        while time.monotonic() < end:
            while self.number < time.monotonic_ns() // 10_000_000:
                self.number += 1
                self._say(self.number)
            for event in self.take.poll(0):
                if event.kind == "frame":
                    self.frames.setdefault(event.ssrc, []).append(time.monotonic())
            await asyncio.sleep(0.004)

    def _say(self, number: int) -> None:
        """Send what is due at `number`, in steps of 10 ms."""
        at_us = number * 10_000
        for ssrc, units in self.films.items():
            frame = (number + ssrc * 7) * 3 // 10  # the cameras are not in step
            if frame != (number - 1 + ssrc * 7) * 3 // 10:
                self.send.send_video(ssrc, 96, frame * 3000 & 0xFFFFFFFF, units[frame % len(units)], at_us)
        if number % 2 == 0:
            for ssrc, (words, codec) in self.voices.items():
                hz = CLOCK_HZ[codec]
                stamp = number // 2 * (hz // 50) & 0xFFFFFFFF
                self.send.send_audio(ssrc, 100, stamp, words[number // 2 % len(words)], at_us, clock_hz=hz)

    def close(self) -> None:
        self.mixer.close()
        for frames, line, end in zip((self.send, self.take), self.lines, self.ends, strict=True):
            frames.close()
            line.close()
            end.close()


@contextlib.asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)]), asyncio.get_running_loop())
    made = Bench(node)
    try:
        yield made
    finally:
        made.close()
        node.close()


def cpu_s(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def window(made: Bench, seconds: float) -> Result:
    await made.run(WARM_UP_S)
    counts = {ssrc: len(times) for ssrc, times in made.frames.items()}
    before, begun = cpu_s(made.mixer.pid), time.monotonic()
    await made.run(seconds)
    lasted = time.monotonic() - begun
    rates = {ssrc: (len(times) - counts.get(ssrc, 0)) / lasted for ssrc, times in made.frames.items()}
    figures = made.mixer.figures
    skews = [abs(one["skew_ms"]) for one in figures["sound"].values()]
    return {
        "cores": round((cpu_s(made.mixer.pid) - before) / lasted, 3),
        "rss_mib": round(rss_mib(made.mixer.pid)),
        "frames_per_s": round(min(rates.values()), 1),
        "late_frames": sum(group["late"] for group in figures["groups"].values()),
        "late_ticks": figures["late_ticks"],
        "step": figures["step"],
        "most_skew_ms": max(skews, default=0.0),
    }


def grid(width: int, height: int, bitrate_bps: int) -> Scene:
    sites = tuple(f"s{number}" for number in range(9))
    group = Group("g", 11, 97, "h264", width, height, 30, bitrate_bps, "3x3", sites, clock=True, notice=True)
    named = tuple(SiteInfo(site, f"UBND xã Ea Sô {site}", muted=site != "s0", speaking=site == "s0") for site in sites)
    return Scene(1, sites=named, groups=(group,), recording=True)


async def picture(width: int, height: int, bitrate_bps: int, seconds: float) -> Result:
    async with bench() as made:
        films = [film(seed) for seed in range(3)]
        for number in range(9):
            made.camera(f"s{number}", films[number % 3])
        scene = grid(width, height, bitrate_bps)
        made.show(Scene(1, tuple(made.sources), scene.sites, scene.groups, recording=True))
        return await window(made, seconds)


async def sound(seconds: float) -> Result:
    """Measure fifty halls with three codecs. Four halls are open: each open hall has its own mix and a voice for browsers."""
    async with bench() as made:
        codecs = [("pcma", "g722", "opus")[number % 3] for number in range(SITES)]
        for number in range(OPEN):
            made.microphone(f"s{number}", codecs[number])
        mixes = tuple(
            Mix(str(number), 100 + number, 100, codec, f"s{number}")  # type: ignore[arg-type]
            for number, codec in enumerate(codecs)
        )
        voices = tuple(Voice(f"s{number}", 1000 + number, 200 + number, 111) for number in range(OPEN))
        opened = tuple(f"s{number}" for number in range(OPEN))
        made.show(Scene(1, tuple(made.sources), (), (), mixes, voices, opened))
        return await window(made, seconds)


async def recovery(_seconds: float) -> Result:
    """Measure the time from kill -9 to the first frame of the new process at a hall."""
    async with bench() as made:
        made.camera("s0", film(1))
        group = Group("g", 11, 97, "h264", 1280, 720, 30, 1_500_000, "1", ("s0",))
        made.show(Scene(1, tuple(made.sources), (SiteInfo("s0", "UBND xã Ea Sô"),), (group,)))
        taken = []
        for _ in range(3):
            await made.run(WARM_UP_S)
            count, killed_at = len(made.frames[11]), time.monotonic()
            os.kill(made.mixer.pid, signal.SIGKILL)
            await made.run(0.3)  # packets that were already sent arrive
            count = len(made.frames[11])
            while len(made.frames[11]) == count and time.monotonic() - killed_at < 20:
                await made.run(0.02)
            taken.append(time.monotonic() - killed_at)
        return {"seconds": round(max(taken), 2), "each": [round(one, 2) for one in taken]}


def run_row(name: str, seconds: float) -> Result:
    rows = {
        "mixer-3x3-720p30": lambda: picture(1280, 720, 1_500_000, seconds),
        "mixer-3x3-1080p30": lambda: picture(1920, 1080, 2_500_000, seconds),
        "mixer-audio-50": lambda: sound(seconds),
        "mixer-recovery": lambda: recovery(seconds),
    }
    return asyncio.run(rows[name]())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(BUDGETS))
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    names = given.rows.split(",")
    if not set(names) <= BUDGETS.keys():
        raise SystemExit(f"rows: {', '.join(BUDGETS)}")
    results = {}
    for name in names:
        results[name] = run_row(name, given.seconds)
        print(f"{name}: {json.dumps(results[name])}", file=sys.stderr, flush=True)
    print("\n| Mixer process | measured | budget |\n|---|---|---|")
    for name, result in results.items():
        unit = "s" if name == "mixer-recovery" else "cores"
        measured = result["seconds" if unit == "s" else "cores"]
        print(f"| {name} | {measured} {unit} | {BUDGETS[name]} {unit} |")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
