"""Tones that a test can distinguish after encoding."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
CHUNK = RATE_HZ // 100
"""Samples in 10 ms."""


def tone(hz: float, start: int, loudness: float = 0.4) -> bytes:
    """Return 10 ms of 16-bit samples, from sample `start` on."""
    at = np.arange(start, start + CHUNK) / RATE_HZ
    return (np.sin(2 * np.pi * hz * at) * loudness * 32767).astype(np.int16).tobytes()


def loudness(samples: NDArray[np.int16]) -> float:
    """Return the root mean square. 1.0 is full scale."""
    return float(np.sqrt(np.mean((samples.astype(np.float64) / 32768) ** 2))) if samples.size else 0.0


def peak(samples: NDArray[np.int16]) -> float:
    """Return the strongest frequency in Hz."""
    power = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(samples.size)))
    return float(np.fft.rfftfreq(samples.size, 1 / RATE_HZ)[np.argmax(power)])


def tones(samples: NDArray[np.int16], wanted: Collection[int], rate_hz: int = RATE_HZ) -> set[int]:
    """Return which of these frequencies are in the last second. A tone counts if it is at most 25 dB weaker than the strongest
    tone. Silence gives no tone.

    The search has a margin of 1.2 %, because a mixer that changes the delay of a voice moves its pitch by less than 1 %.
    """
    last = samples[-rate_hz:].astype(np.float64)
    if last.size < rate_hz // 2 or np.sqrt(np.mean(last**2)) < 30:
        return set()
    power = np.abs(np.fft.rfft(last * np.hanning(last.size))) ** 2
    step = rate_hz / last.size
    at = {hz: float(power[round(hz * 0.988 / step) : round(hz * 1.012 / step) + 1].max()) for hz in wanted}
    return {hz for hz, one in at.items() if one > max(at.values()) * 10**-2.5}
