"""Mixing of voices: the sum of all, and a limiter that prevents clipping when many people speak."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from media.mixer.sound.rates import BLOCK, Samples

CEILING = 29_000.0
"""Sample value, -1 dB of the 16-bit maximum (32,767). Louder peaks of the mix are made quieter. Higher: the mix is clipped when
several people speak. Lower: loud voices lose volume.
"""
_RELEASE = 1.04
"""The factor for each tick of 20 ms by which the limiter raises its gain again: 6 dB in about 350 ms. Chosen. Larger: the
volume jumps up between words. Smaller: sound stays quiet for too long after a loud peak.
"""
_ATTACK = 96
"""Samples: 2 ms. The time in which the limiter lowers its gain before a peak. Chosen. Larger: the start of a loud sound is too
loud for longer. Smaller: a click is heard.
"""


SILENT = 127
"""The level of digital silence in -dBov. Source: RFC 6464. Larger: the level does not fit into its seven bits, the frame port
refuses the packet (ValueError), and the mixer process ends. Smaller: very quiet sound counts as digital silence.
"""


def level_of(block: Samples) -> int:
    """Return the level in -dBov (RFC 6464): 0 is full scale, 127 is silence."""
    power = float(block @ block) / len(block) / 32768**2
    return SILENT if power < 1e-12 else min(SILENT, max(0, round(-10 * math.log10(power))))


def total(blocks: Mapping[str, Samples]) -> Samples:
    out = np.zeros(BLOCK, np.float32)
    for block in blocks.values():
        out += block
    return out


class Limiter:
    """The limiter of one mix. It does not change sound below the ceiling."""

    def __init__(self) -> None:
        self.gain = 1.0

    def apply(self, block: Samples) -> Samples:
        """Return the block below the ceiling. The gain falls within 2 ms and rises slowly, so that voices do not pump."""
        peak = float(np.max(np.abs(block), initial=0.0))
        before = self.gain
        self.gain = min(1.0, before * _RELEASE, CEILING / peak if peak > CEILING else 1.0)
        if before == self.gain == 1.0:
            return block
        gains = np.full(len(block), self.gain, np.float32)
        ramp = _ATTACK if self.gain < before else len(block)
        gains[:ramp] = np.linspace(before, self.gain, ramp, dtype=np.float32)
        return soft_clip(block * gains)


def soft_clip(block: Samples) -> Samples:
    """Bend peaks that are still above the ceiling smoothly below it. The bend begins at three quarters of the ceiling."""
    knee = CEILING * 0.75
    size = np.abs(block)
    if float(np.max(size, initial=0.0)) <= CEILING * 1.0001:
        return block
    room = CEILING - knee
    bent = knee + room * np.tanh((size - knee) / room)
    return np.where(size > knee, np.sign(block) * bent, block).astype(np.float32)
