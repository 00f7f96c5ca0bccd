"""Tones that can be told apart after coding."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
CHUNK = RATE_HZ // 100
"""Samples of 10 ms."""


def tone(hz: float, start: int, loudness: float = 0.4) -> bytes:
    """10 ms of 16-bit samples, from sample `start` on."""
    at = np.arange(start, start + CHUNK) / RATE_HZ
    return (np.sin(2 * np.pi * hz * at) * loudness * 32767).astype(np.int16).tobytes()


def loudness(samples: NDArray[np.int16]) -> float:
    """Root mean square, 1.0 is full scale."""
    return float(np.sqrt(np.mean((samples.astype(np.float64) / 32768) ** 2))) if samples.size else 0.0


def peak(samples: NDArray[np.int16]) -> float:
    """The strongest frequency in Hz."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(samples.size)))
    return float(np.fft.rfftfreq(samples.size, 1 / RATE_HZ)[np.argmax(power)])


def tones(samples: NDArray[np.int16], wanted: Collection[int], rate_hz: int = RATE_HZ) -> set[int]:
    """Which of these frequencies are heard in the last second: at most 25 dB weaker than the strongest, and no silence. A mixer
    that changes the delay of a voice moves its pitch by less than a hundredth.
    """
    last = samples[-rate_hz:].astype(np.float64)
    if last.size < rate_hz // 2 or np.sqrt(np.mean(last**2)) < 30:
        return set()
    power = np.abs(np.fft.rfft(last * np.hanning(last.size))) ** 2
    step = rate_hz / last.size
    at = {hz: float(power[round(hz * 0.988 / step) : round(hz * 1.012 / step) + 1].max()) for hz in wanted}
    return {hz for hz, one in at.items() if one > max(at.values()) * 10**-2.5}
