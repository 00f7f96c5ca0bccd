"""The quality of a call, computed from the reports of both sides. Pure.

The E-model (ITU-T G.107, 06/2015) with its default values rates the sound. The effects of the network in this model are the
delay and the concealed sound. No equipment impairment is published for Opus. The values are therefore those of G.711 with
concealment (ITU-T G.113, appendix I): Ie = 0 and Bpl = 25.1. So the figures compare rows and servers. They are no claim about
Opus.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.simulation.call import Sample, Side

DEFAULT_R = 93.2
"""The basic signal-to-noise ratio minus the simultaneous impairments, with all default values (G.107 §7.7)."""
BPL = 25.1
PACKET_S = 0.02
RATE_HZ = 48_000
FRAMING_MS = 30.0
"""The delay of 20 ms packets: the time to fill one packet, and one packet in the sound card."""


@dataclass(frozen=True)
class Quality:
    concealed: float
    """Share of the sound that was invented."""
    mos: float
    """The rating of the sound, 1 to 4.5."""
    frozen: float
    """Share of the time in which the picture was frozen. The library defines a freeze."""
    longest_s: float
    """The longest time between two decoded pictures."""
    pictures: float
    """Decoded pictures as a share of the taken pictures."""
    fps: float
    height: int
    """Median height of the decoded pictures, in lines."""
    delay_p95_ms: float
    """The time from the camera to the output of the decoder."""
    keys: int
    """Decoded key frames."""


def judge(source: Side, sink: Side, begin_ns: int, end_ns: int, one_way_ms: float) -> Quality:
    """Rate the call between the two times. `one_way_ms`: the delay of the network from one side to the other."""
    samples = [sample for sample in sink.samples if begin_ns <= sample.at_ns <= end_ns]
    assert len(samples) >= 2, "too short"
    first, last = samples[0], samples[-1]
    sights = [sight for sight in sink.sights if first.at_ns <= sight[1] <= last.at_ns]
    taken = sum(first.at_ns <= at <= last.at_ns for at in source.taken)
    seconds = (last.at_ns - first.at_ns) / 1e9
    concealed = share(last.concealed - first.concealed, last.samples - first.samples)
    buffered_s = share(last.buffered_s - first.buffered_s, last.buffered_samples - first.buffered_samples)
    delay_ms = one_way_ms + buffered_s * 1000 + FRAMING_MS
    return Quality(
        concealed=concealed,
        mos=mos(rating(concealed, delay_ms, burstiness(first, last))),
        frozen=(last.freeze_s - first.freeze_s) / seconds,
        longest_s=longest_s([at for _, at, _ in sights], first.at_ns, last.at_ns),
        pictures=share(last.frames_decoded - first.frames_decoded, taken),
        fps=(last.frames_decoded - first.frames_decoded) / seconds,
        height=int(statistics.median_low([height for _, _, height in sights] or [0])),
        delay_p95_ms=percentile([(at - source.taken[counter - 1]) / 1e6 for counter, at, _ in sights], 95),
        keys=last.key_frames_decoded - first.key_frames_decoded,
    )


def rating(lost: float, delay_ms: float, burst: float = 1.0) -> float:
    """Return R of the E-model, 0 to 93.2. `lost`: share. `burst`: the mean run of losses, divided by that of independent
    losses.
    """
    effective = 95 * lost * 100 / (lost * 100 / burst + BPL)  # §7.5, Ie = 0
    return max(0.0, DEFAULT_R - delay_impairment(delay_ms) - effective)


def delay_impairment(delay_ms: float) -> float:
    """Return Idd (§7.4), which is 0 up to 100 ms."""
    if delay_ms <= 100:
        return 0.0
    x = math.log2(delay_ms / 100)
    return 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)


def mos(r: float) -> float:
    """Return the MOS by annex B."""
    return 1.0 if r <= 0 else 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6


def burstiness(first: Sample, last: Sample) -> float:
    """Return the mean length of concealed runs, divided by the expected length with independent losses. The minimum is 1."""
    runs, lost = last.concealments - first.concealments, last.concealed - first.concealed
    expected = 1 / (1 - min(0.9, share(lost, last.samples - first.samples)))
    return max(1.0, share(lost, runs * PACKET_S * RATE_HZ) / expected)


def longest_s(times_ns: Sequence[int], begin_ns: int, end_ns: int) -> float:
    """Return the longest time without a picture. The begin and the end of the period count too."""
    return max(b - a for a, b in pairwise([begin_ns, *sorted(times_ns), end_ns])) / 1e9


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least `percent` of the values do not exceed. NaN: there are no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else math.nan


def share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
