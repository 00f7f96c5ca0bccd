"""Adding voices: the sum of all, the sum without one, and a limiter that keeps many at once from clipping."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from media.mixer.sound.rates import BLOCK, Samples

CEILING = 29_000.0
"""Peaks above it (-1 dB of full scale) are turned down."""
_RELEASE = 1.04  # a tick: 6 dB in about 350 ms
_ATTACK = 96  # samples, 2 ms: quicker would click


SILENT = 127
"""The level of no sound at all (RFC 6464)."""


def level_of(block: Samples) -> int:
    """RFC 6464: 0 for full scale, 127 for silence, in -dBov."""
    power = float(block @ block) / len(block) / 32768**2
    return SILENT if power < 1e-12 else min(SILENT, max(0, round(-10 * math.log10(power))))


def total(blocks: Mapping[str, Samples]) -> Samples:
    out = np.zeros(BLOCK, np.float32)
    for block in blocks.values():
        out += block
    return out


class Limiter:
    """Of one mix. Leaves alone what is below the ceiling."""

    def __init__(self) -> None:
        self.gain = 1.0

    def apply(self, block: Samples) -> Samples:
        """Never above the ceiling. Turns down within 2 ms, and up again slowly, so that no voice pumps."""
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
    """What the attack let through bends smoothly into the ceiling, from three quarters of it on."""
    knee = CEILING * 0.75
    size = np.abs(block)
    if float(np.max(size, initial=0.0)) <= CEILING * 1.0001:
        return block
    room = CEILING - knee
    bent = knee + room * np.tanh((size - knee) / room)
    return np.where(size > knee, np.sign(block) * bent, block).astype(np.float32)
