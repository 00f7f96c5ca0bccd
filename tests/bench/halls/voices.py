"""The row "open microphones" of the bench: 240 halls that all send sound, as in a large meeting where nothing is muted.

40 % send G.722, 40 % G.711, 20 % Opus without audio levels. All send the noise of a room at -50 dBFS; two halls talk all the
time. The bench listens to one hall, and twelve halls say one word each, one after the other. It counts the packets that each
hall gets, the CPU of server and mixer, and the part of each word that is missing.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Self

import numpy as np

from media.mixer.sound.codecs import open_decoder, open_encoder
from media.mixer.sound.rates import BLOCK, RATE_HZ, Samples
from tests.bench.halls.terminals import Listener

SHARES = ("g722", "g722", "pcma", "pcma", "opus")
"""The codec of a hall is at the hall's number modulo five."""
CLOCKS = {"g722": 160, "pcma": 160, "opus": 960}
"""RTP timestamp units in 20 ms."""
NOISE_DBFS, TALK_DBFS, WORD_DBFS = -50.0, -24.0, -20.0
TALK_HZ, WORD_HZ = (433.0, 577.0), 1000.0
WORD_TICKS = 20
"""Packets of 20 ms. A word lasts 400 ms."""
LOOP_TICKS, SETTLED_TICKS = 100, 25
"""Packets of a loop, and packets before the loop that are dropped, because the encoder's state is not stable yet."""
WORDS = 12
BETWEEN_S = 1.5
PRESENT = 0.35
"""The least share of the word's amplitude. A part of 10 ms with a weaker tone does not count as heard."""


def codec_of(number: int) -> str:
    return SHARES[number % len(SHARES)]


def _noise(ticks: int, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    white = rng.normal(0, 1, ticks * BLOCK + 64)
    soft = np.convolve(white, np.ones(16) / 4, "same")[: ticks * BLOCK]  # a room has little sound above 1.5 kHz
    return np.asarray(soft / np.std(soft) * 32768 * 10 ** (NOISE_DBFS / 20), np.float32)


def _tone(ticks: int, hz: float, dbfs: float) -> Samples:
    at = np.arange(ticks * BLOCK) / RATE_HZ
    return np.asarray(np.sin(2 * np.pi * hz * at) * np.sqrt(2) * 32768 * 10 ** (dbfs / 20), np.float32)


def _coded(codec: str, samples: Samples) -> list[bytes]:
    encoder = open_encoder(codec)  # type: ignore[arg-type]
    return [encoder.encode(samples[at : at + BLOCK]) for at in range(0, len(samples), BLOCK)]


@cache
def noise(codec: str, seed: int) -> tuple[bytes, ...]:
    return tuple(_coded(codec, _noise(SETTLED_TICKS + LOOP_TICKS, seed))[SETTLED_TICKS:])


@cache
def talk(codec: str, hz: float) -> tuple[bytes, ...]:
    """Return syllables of 200 ms with pauses of 100 ms over the noise."""
    ticks = SETTLED_TICKS + LOOP_TICKS // 15 * 15
    gate = np.repeat(np.arange(ticks) % 15 < 10, BLOCK)
    return tuple(_coded(codec, _noise(ticks, 99) + _tone(ticks, hz, TALK_DBFS) * gate)[SETTLED_TICKS:])


class Speaker(Listener):
    """A hall that sends the noise of its room, and says its word at `at_s` (the loop's time)."""

    def __init__(self, number: int, name: str, password: str, host: str, at_s: float = float("inf")) -> None:
        super().__init__(name, password, host, sees=False, codec=codec_of(number))
        self.number, self.at_s = number, at_s

    def _start(self) -> None:
        super()._start()
        if not self._tasks:
            self._tasks = [asyncio.ensure_future(self._speak())]

    def _blocks(self) -> Iterator[Samples]:
        quiet = _noise(LOOP_TICKS, self.number)
        blocks = itertools.cycle(quiet[at : at + BLOCK] for at in range(0, len(quiet), BLOCK))
        loop = asyncio.get_running_loop()
        while loop.time() < self.at_s:
            yield next(blocks)
        word = _tone(WORD_TICKS, WORD_HZ, WORD_DBFS)
        for at in range(0, len(word), BLOCK):
            yield next(blocks) + word[at : at + BLOCK]
        yield from blocks

    async def _speak(self) -> None:
        loop, encoder = asyncio.get_running_loop(), open_encoder(self.codec)  # type: ignore[arg-type]
        start = loop.time() + self.number % 7 * 0.0027
        for number, block in enumerate(self._blocks()):
            await asyncio.sleep(max(0.0, start + number * 0.02 - loop.time()))
            self.audio.send(encoder.encode(block), marker=number == 0)
            self.audio.timestamp = (self.audio.timestamp + CLOCKS[self.codec]) & 0xFFFFFFFF


class Ear(Speaker):
    """A hall that says no word, and keeps the packets that it receives."""

    def __init__(self, number: int, name: str, password: str, host: str) -> None:
        super().__init__(number, name, password, host)
        self.packets: list[tuple[int, bytes]] = []
        """The arrival time of each packet (Unix ns), and the packet."""

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        asyncio.get_running_loop().add_reader(self.audio.rtp, self._keep)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self.audio.rtp)
        await super().__aexit__(*_)

    def _keep(self) -> None:
        with suppress(BlockingIOError):
            while len(data := self.audio.rtp.recv(2048)) > 12:
                self.packets.append((time.time_ns(), data))


def loops() -> dict[str, list[str]]:
    """Return the payloads that the generator's halls send, by name."""
    found = {f"{codec} {seed}": noise(codec, seed) for codec in CLOCKS for seed in range(4)}
    found |= {f"{codec} talk {hz:.0f}": talk(codec, hz) for codec in CLOCKS for hz in TALK_HZ}
    return {name: [one.hex() for one in packets] for name, packets in found.items()}


def loop_of(number: int, talks: float | None) -> str:
    codec = codec_of(number)
    return f"{codec} talk {talks:.0f}" if talks else f"{codec} {number % 4}"


def words(packets: Sequence[tuple[int, bytes]], codec: str) -> list[float]:
    """Return the length of each heard word in ms. The function looks for the word's tone in steps of 10 ms."""
    decoder = open_decoder(codec)  # type: ignore[arg-type]
    heard = np.concatenate([decoder.decode(data[12:]) for _, data in packets])
    step = RATE_HZ // 100
    parts = heard[: len(heard) // step * step].reshape(-1, step)
    wave = np.exp(-2j * np.pi * WORD_HZ * np.arange(step) / RATE_HZ)
    strength = np.abs(parts @ wave) * 2 / step
    loud = strength > PRESENT * np.sqrt(2) * 32768 * 10 ** (WORD_DBFS / 20)
    found: list[float] = []
    last = -1000
    for at in np.flatnonzero(loud):
        if at - last > 50:
            found.append(0.0)
        found[-1] += 10.0
        last = int(at)
    return found


def cut_ms(heard: Sequence[float]) -> list[float]:
    return [max(0.0, WORD_TICKS * 20 - one) for one in heard]
