"""The voice of a test participant, and the turns: one participant speaks at a time, five seconds, then a pause.

Time is counted in ticks of 20 ms since the command began. A tick is the length of one Opus packet.
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
"""The format of the bots' sound: rate of samples, length of a packet. In each turn of 300 packets (6 s), one bot speaks for 250
(5 s). VOICES: the number of different voices. Chosen.
"""

Samples = NDArray[np.int16]

_SYLLABLE_TICKS = 12
_LIPS_TICKS = 9
"""Ticks of 20 ms with sound in a syllable of the test voice; the rest of _SYLLABLE_TICKS is silence. Chosen. More: syllables
run together. Fewer: the voice sounds chopped.
"""
_TONES = ((0, 0), (0, -40), (0, 60), (-30, 20), (40, -30), (-20, -60))
"""The six tones of Vietnamese in the test voice: changes of pitch at the middle and at the end of a syllable. The unit is 3 per
mille, so 60 raises the pitch by 18 %. Chosen. Larger: the voice sounds like a siren. Smaller: the voice sounds like a machine
on one note.
"""
_VOWELS = ((800, 1200), (400, 2100), (300, 800), (500, 1700))
"""The first and second formant, in Hz, of four vowels of the test voice. Chosen, near a male voice. Higher: the voice sounds
like a child. Lower: the voice sounds dull.
"""


@dataclass(frozen=True)
class Turns:
    """The turns of `count` participants."""

    count: int

    def speaks(self, index: int, tick: int) -> bool:
        turn, within = divmod(tick, TURN_TICKS)
        return turn % self.count == index and within < SPEECH_TICKS

    def speaker(self, tick: int) -> int:
        """Return the participant whose turn it is, also during the pause."""
        return tick // TURN_TICKS % self.count

    def next_start(self, index: int, tick: int) -> int:
        """Return the first tick after `tick` at which participant `index` begins a turn."""
        turn = tick // TURN_TICKS + 1
        return (turn + (index - turn) % self.count) * TURN_TICKS


@functools.lru_cache(maxsize=VOICES)
def phrase(voice: int) -> Samples:
    """Return five seconds of speech-like sound, shape (SPEECH_TICKS, TICK_SAMPLES); `voice` 0..7 from low to high."""
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
    """Return the loudness of a harmonic: loud near a formant, weaker at a high frequency."""
    return sum(1 / (1 + ((frequency_hz - formant) / 150) ** 2) for formant in formants_hz) + 60 / frequency_hz
