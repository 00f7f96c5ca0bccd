"""The voice of a test participant and whose turn it is: one speaks at a time, five seconds, then a pause.

Time is counted in ticks of 20 ms, the length of one Opus packet, since the command began.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
TICK_S = 0.02
TICK_SAMPLES = 960
TURN_TICKS = 300
SPEECH_TICKS = 250
VOICES = 8

Samples = NDArray[np.int16]

_SYLLABLE_TICKS = 12
_LIPS_TICKS = 9
"""Of a syllable; the rest of it is silence."""
_TONES = ((0, 0), (0, -40), (0, 60), (-30, 20), (40, -30), (-20, -60))
"""The six tones of Vietnamese as changes of pitch in per mille of it: at the middle and at the end of the syllable."""
_VOWELS = ((800, 1200), (400, 2100), (300, 800), (500, 1700))
"""First and second formant, Hz."""


@dataclass(frozen=True)
class Turns:
    """Who of `count` participants speaks when."""

    count: int

    def speaks(self, index: int, tick: int) -> bool:
        turn, within = divmod(tick, TURN_TICKS)
        return turn % self.count == index and within < SPEECH_TICKS

    def speaker(self, tick: int) -> int:
        """Whose turn it is, pause included."""
        return tick // TURN_TICKS % self.count

    def next_start(self, index: int, tick: int) -> int:
        """The first tick after `tick` at which participant `index` begins a turn."""
        turn = tick // TURN_TICKS + 1
        return (turn + (index - turn) % self.count) * TURN_TICKS


@functools.lru_cache(maxsize=VOICES)
def phrase(voice: int) -> Samples:
    """Five seconds of something like speech, shape (SPEECH_TICKS, TICK_SAMPLES); `voice` 0..7 from low to high."""
    pitch_hz = 105 * 2 ** (voice / 6)
    syllables = math.ceil(SPEECH_TICKS / _SYLLABLE_TICKS)
    sound = np.concatenate([_syllable(pitch_hz, number * 5 + voice) for number in range(syllables)])
    whole = sound[: SPEECH_TICKS * TICK_SAMPLES]
    samples: Samples = (whole * (12_000 / np.abs(whole).max())).astype(np.int16)
    return samples.reshape(SPEECH_TICKS, TICK_SAMPLES)


def _syllable(pitch_hz: float, choice: int) -> NDArray[np.float64]:
    length = _LIPS_TICKS * TICK_SAMPLES
    middle, end = _TONES[choice % len(_TONES)]
    bend = np.interp(np.arange(length), (0, length / 2, length), (0, middle, end)) / 1000
    phase = 2 * math.pi * np.cumsum(pitch_hz * (1 + 3 * bend)) / RATE_HZ
    sound = np.zeros(_SYLLABLE_TICKS * TICK_SAMPLES)
    for harmonic in range(1, 17):
        sound[:length] += _loudness(harmonic * pitch_hz, _VOWELS[choice % len(_VOWELS)]) * np.sin(harmonic * phase)
    sound[:length] *= np.sin(np.linspace(0, math.pi, length)) ** 0.5  # opens and closes without a click
    return sound


def _loudness(frequency_hz: float, formants_hz: tuple[int, int]) -> float:
    """Of a harmonic: near a formant it is loud; high ones are weaker."""
    return sum(1 / (1 + ((frequency_hz - formant) / 150) ** 2) for formant in formants_hz) + 60 / frequency_hz
