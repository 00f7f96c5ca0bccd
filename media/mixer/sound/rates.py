"""Conversion of the sampling rate by a whole factor, block by block. Lengths are exact: n samples times the factor.

Each block is one matrix product with a polyphase filter. A resampler library returns blocks of varying length, which a mixer
with fixed ticks would have to queue.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono samples in the range of 16-bit sound."""

RATE_HZ = 48000
BLOCK = RATE_HZ // 50
"""Samples at 48 kHz in a tick of 20 ms, the unit of all mixing. Chosen: the usual length of an Opus packet. Another value needs
the same change of `console.TICK_US`, of the encoders and of the timestamps. Alone, the encoders fail and the mixer process
ends. Longer ticks: more delay. Shorter ticks: more CPU time for ticks and packets.
"""
_REACH = 16
"""Samples at the lower rate on each side that count for one output sample of a rate conversion. Chosen. Larger: more CPU time
and more delay. Smaller: the filter is less steep, so high sounds are distorted.
"""


def _filter(factor: int) -> NDArray[np.float64]:
    """Return a low-pass filter at 0.45 of the lower rate, with gain 1 (Kaiser, about 70 dB)."""
    length = 2 * _REACH * factor
    at = np.arange(length) - (length - 1) / 2
    taps = np.sinc(at * 0.9 / factor) * np.kaiser(length, 7.0)
    return np.asarray(taps / taps.sum())


class Up:
    """A conversion from RATE_HZ / `factor` to RATE_HZ."""

    def __init__(self, factor: int) -> None:
        taps = (_filter(factor) * factor).reshape(-1, factor)
        self._phases = np.ascontiguousarray(taps[::-1], np.float32)
        self._history = np.zeros(len(taps) - 1, np.float32)

    def convert(self, block: Samples) -> Samples:
        held = np.concatenate((self._history, block))
        self._history = held[len(held) - len(self._history) :]
        windows = np.lib.stride_tricks.sliding_window_view(held, len(self._phases))
        converted: Samples = (windows @ self._phases).reshape(-1)
        return converted


class Down:
    """A conversion from RATE_HZ to RATE_HZ / `factor`. Block lengths are multiples of `factor`."""

    def __init__(self, factor: int) -> None:
        self._factor = factor
        self._taps = np.ascontiguousarray(_filter(factor)[::-1], np.float32)
        self._history = np.zeros(len(self._taps) - factor, np.float32)

    def convert(self, block: Samples) -> Samples:
        held = np.concatenate((self._history, block))
        self._history = held[len(held) - len(self._history) :]
        windows = np.lib.stride_tricks.sliding_window_view(held, len(self._taps))[:: self._factor]
        converted: Samples = windows @ self._taps
        return converted
