"""The playout of one microphone: packets arrive with timestamps, and each tick takes exactly 20 ms.

This module owns the delay of a site's sound. The delay covers the jitter, follows the sender's clock, and waits for the
picture. Missing sound is concealed. Positions count samples at 48 kHz on the sender's timestamps.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from media.ground import limits
from media.mixer.sound.rates import BLOCK, RATE_HZ, Samples

FLOOR = RATE_HZ // 100
"""Samples: 10 ms. Chosen. Sound that waits in reserve beyond the next tick when the latest (most delayed) packet arrives.
Larger: more delay. Smaller: more gaps.
"""
START = RATE_HZ // 50 * 2
"""Samples: 40 ms. Chosen. Sound that waits in reserve after the first packet, before the jitter is known. Larger: more delay at
first. Smaller: more gaps at first.
"""
_MOST = int(limits.MIXER_PLAYOUT_S * RATE_HZ)
_WINDOW_TICKS = 50
_QUIET = 200.0
"""The peak of 16-bit samples below which a block of 20 ms is quiet. The playout delay changes faster in quiet blocks, because a
cut there is not heard. Chosen. Larger: cuts in quiet speech are heard. Smaller: with background noise, the delay changes
slowly.
"""
_SLEW, _SLEW_QUIET = 6, 240
"""Samples by which the playout delay may change in a tick of 20 ms (960 samples): _SLEW in speech (0.6 % of pitch), _SLEW_QUIET
in quiet blocks (5 ms). Chosen. Larger: pitch changes or cuts are heard. Smaller: a delay that is too long or too short lasts
longer.
"""
_DEAD = 96
"""Samples: 2 ms. A smaller error of the playout delay is not corrected. Chosen. Larger: the delay stays too long or too short
by this time. Smaller: jitter changes the delay again and again.
"""
_SPARE = RATE_HZ * 3 // 100
"""Samples: 30 ms. While a person speaks, a playout delay that is too long by less than this time is not corrected until the
next pause. Chosen. Larger: more delay during long speech. Smaller: the pitch changes more often.
"""
_FADE_IN = 120
"""Samples in which real sound replaces the made sound after a gap. Chosen. Larger: the made sound is heard longer. Smaller: a
click is heard.
"""
_HOLD, _VANISH = RATE_HZ // 100, RATE_HZ * 6 // 100
"""Samples: 10 ms and 60 ms. Sound that replaces lost packets keeps its full volume for _HOLD, then fades, and is silent at
_VANISH. The playout waits for late sound for _VANISH at most. Chosen after ITU-T G.711 Appendix I. Larger _HOLD or _VANISH:
long gaps sound like a robot. Larger _VANISH: more delay after a gap. Smaller: short gaps are heard.
"""
_HISTORY = RATE_HZ * 6 // 100
"""Samples (60 ms) of the last sound, which are repeated in a gap. Chosen. Larger: more work to find the pitch. Smaller: the
period of a low voice does not fit.
"""


class Playout:
    """The playout of one microphone. One thread uses it."""

    def __init__(self) -> None:
        self.goal = FLOOR
        """The wanted `margin`, in samples. A larger goal delays the sound until its picture."""
        self.late = 0
        self.concealed = 0
        """Samples since the start that replaced missing sound, without the silence after a long gap."""
        self.level = 0.0
        self._segments: deque[tuple[int, Samples]] = deque()
        self._cursor: int | None = None
        self._worst = _MOST
        self._last_worst: int | None = None
        self._ticks = 0
        self._history = np.zeros(_HISTORY, np.float32)
        self._missing = _VANISH
        self._period = BLOCK
        self._quiet = True
        self._ahead = 0

    @property
    def is_dry(self) -> bool:
        """True if no received sound is left and concealment has ended."""
        return not self._segments and self._missing >= _VANISH

    def restart(self, ahead: int) -> None:
        """Prepare for a speaker who begins. Several packets wait already: the newest is `ahead` samples after the first. The
        delay at the start is shorter by this number.
        """
        self._cursor, self._ahead = None, ahead

    @property
    def position(self) -> int | None:
        """The position of the next tick's first sample. None before the first packet."""
        return self._cursor

    @property
    def margin(self) -> int:
        """The smallest reserve that a packet had at its arrival in the last one to two seconds, in samples. `_MOST` if no
        packet arrived.
        """
        return min(self._worst, self._last_worst if self._last_worst is not None else _MOST)

    def push(self, position: int, samples: Samples) -> None:
        """Add a packet's samples. A position outside of the window starts a new timeline, because the sender has restarted."""
        if not len(samples):
            return
        if self._cursor is None or not -_MOST <= position - self._cursor <= _MOST:
            self._segments.clear()
            self._cursor = position - max(0, max(self.goal, START) - self._ahead)
            self._ahead = 0
            self._worst, self._last_worst, self._ticks = _MOST, None, 0
        margin = position - self._cursor
        self._worst = min(self._worst, margin)
        if margin + len(samples) <= 0:
            self.late += 1
            return
        place = len(self._segments)
        while place and self._segments[place - 1][0] > position:
            place -= 1
        self._segments.insert(place, (position, samples))
        while len(self._segments) > limits.MIXER_PACKETS_WAITING:
            self._segments.popleft()

    def pull(self) -> Samples:
        """Return the next 20 ms. This is silence before the first packet and long after the last."""
        if self._cursor is None:
            return np.zeros(BLOCK, np.float32)
        change = self._change()
        taken = self._take(BLOCK + change)
        if change:
            at = np.linspace(0, len(taken) - 1, BLOCK, dtype=np.float32)
            taken = np.interp(at, np.arange(len(taken)), taken).astype(np.float32)
        peak = float(np.max(np.abs(taken)))
        self._quiet = peak < _QUIET
        power = float(np.sqrt(np.dot(taken, taken) / BLOCK)) / 32768
        self.level += (power - self.level) * (0.5 if power > self.level else 0.1)
        self._ticks += 1
        if self._ticks % _WINDOW_TICKS == 0:
            self._last_worst, self._worst = self._worst, _MOST
        return taken

    def _change(self) -> int:
        """Return the samples to consume beyond 20 ms. Negative: the playout waits."""
        margin = self.margin
        if margin == _MOST:
            return 0
        error = margin - self.goal
        if margin < 0:
            error = margin - FLOOR  # packets arrive too late: first restore FLOOR, whatever the picture needs
        if -_DEAD <= error <= (_DEAD if self._quiet else _SPARE) or (error > 0 and self._last_worst is None):
            return 0  # the delay shrinks only after a second has shown that it is too long
        slew = _SLEW_QUIET if self._quiet else _SLEW
        change = max(-slew, min(slew, error))
        self._move(-change)
        return change

    def _move(self, later: int) -> None:
        """Correct the measured reserves after the cursor moved back by `later` samples."""
        self._worst += later if self._worst != _MOST else 0
        if self._last_worst is not None and self._last_worst != _MOST:
            self._last_worst += later

    def _take(self, length: int) -> Samples:
        assert self._cursor is not None
        out = np.zeros(length, np.float32)
        filled = 0
        while self._segments and filled < length:
            start, samples = self._segments[0]
            offset = self._cursor + filled - start
            if offset >= len(samples):
                self._segments.popleft()
                continue
            if offset < 0:
                gap = min(-offset, length - filled)
                self._conceal(out, filled, gap)
                filled += gap
                continue
            count = min(len(samples) - offset, length - filled)
            out[filled : filled + count] = samples[offset : offset + count]
            self._resume(out, filled, count)
            filled += count
        self._cursor += length
        if filled < length:
            # No sound is there at all. It is probably late and not lost, so the cursor waits, but only for `_VANISH` samples. A
            # longer gap is a pause in speech.
            held = min(length - filled, max(0, _VANISH - self._missing))
            self._cursor -= held
            self._move(held)
            self._conceal(out, filled, length - filled)
        return out

    def _conceal(self, out: Samples, start: int, count: int) -> None:
        """Write `count` samples that repeat the last period of the voice and fade out (the idea of ITU-T G.711 Appendix I)."""
        made = self._made(count)
        out[start : start + count] = made
        if self._missing < _VANISH:
            self.concealed += min(count, _VANISH - self._missing)
        self._missing += count

    def _made(self, count: int) -> Samples:
        if self._missing >= _VANISH:
            return np.zeros(count, np.float32)
        if self._missing == 0:
            self._period = _pitch(self._history)
        at = np.arange(self._missing, self._missing + count)
        repeated = self._history[len(self._history) - self._period + at % self._period]
        gain = np.clip(1 - (at - _HOLD) / (_VANISH - _HOLD), 0, 1)
        return (repeated * gain).astype(np.float32)

    def _resume(self, out: Samples, start: int, count: int) -> None:
        """Fade from the made-up sound to the real sound after a gap, and store the real sound."""
        if self._missing:
            fade = min(_FADE_IN, count)
            ramp = np.linspace(0, 1, fade, dtype=np.float32)
            part = out[start : start + fade]
            part[:] = part * ramp + self._made(fade) * (1 - ramp)
            self._missing = 0
        new = out[start : start + count][-_HISTORY:]
        self._history = np.concatenate((self._history[len(new) :], new))


def _pitch(history: Samples) -> int:
    """Return the period of the last 20 ms, between 2.5 and 20 ms (50 to 400 Hz), by autocorrelation at 12 kHz."""
    coarse = history[-(len(history) // 4) * 4 :].reshape(-1, 4).mean(1)
    end = coarse[-240:]
    energy = float(np.dot(end, end))
    if energy < 1:
        return BLOCK
    lags = np.arange(30, 241)
    windows = np.lib.stride_tricks.sliding_window_view(coarse, 240)[len(coarse) - 240 - lags]
    norms = np.sqrt((windows * windows).sum(1) * energy) + 1
    return int(lags[int(np.argmax(windows @ end / norms))]) * 4
