"""Lip sync: the age of the shown picture and of the heard sound, and from both the time to delay the sound.

The ages come from the sender reports of both streams (RFC 3550 §6.4.1: one clock for a site). Until reports arrive, the fastest
arrival of each stream is used. This assumes an equally fast network for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PIPE_US = 25_000
"""Microseconds from a decoded picture to the packets of the composed picture: half a tick of waiting, and the encoder. Sound is
delayed by the same time in its timestamps. So lips and sound agree in halls that use our RTCP reports and in halls that just
play. Larger or smaller: lips and sound differ.
"""
_FORGET_US_A_S = 200.0
"""Microseconds a second (200 ppm) by which the fastest arrival is forgotten. Chosen: more than two cheap clocks differ. Larger:
jitter moves the time of capture. Smaller: the time of capture runs away from a sender with a slower clock.
"""
_AVERAGE = 0.1
"""Share of the newest age in the mean age of a stream. Chosen. Larger: jitter moves the mean. Smaller: the mean follows a
change late.
"""


@dataclass(slots=True)
class SenderClock:
    """A conversion of one stream's unwrapped RTP timestamps to capture times in µs, on the sender's clock or on ours."""

    clock_hz: int
    _report: tuple[int, int] | None = None
    _offset_us: float | None = None
    _arrived_us: int = 0

    @property
    def reported(self) -> bool:
        return self._report is not None

    def report(self, rtp_timestamp: int, ntp_us: int) -> None:
        self._report = (rtp_timestamp, ntp_us)

    def arrive(self, rtp_timestamp: int, arrival_us: int) -> None:
        """Record an arrival. The fastest arrival counts. It is slowly forgotten, to follow a sender with a slower clock."""
        transit = arrival_us - rtp_timestamp * 1e6 / self.clock_hz
        if self._offset_us is None or abs(transit - self._offset_us) > 5e6:  # a new timeline
            self._offset_us = transit
        else:
            forgotten = self._offset_us + (arrival_us - self._arrived_us) * _FORGET_US_A_S / 1e6
            self._offset_us = min(transit, forgotten)
        self._arrived_us = arrival_us

    def capture_us(self, rtp_timestamp: float, by_report: bool) -> float | None:
        if by_report:
            if self._report is None:
                return None
            return self._report[1] + (rtp_timestamp - self._report[0]) * 1e6 / self.clock_hz
        return None if self._offset_us is None else self._offset_us + rtp_timestamp * 1e6 / self.clock_hz


@dataclass(slots=True)
class LipSync:
    """The lip sync of all streams. The threads that receive and decode write, and the mixing thread reads. Each value has one
    writer.
    """

    _clocks: dict[int, SenderClock] = field(default_factory=dict)
    _ages_us: dict[tuple[int, bool], float] = field(default_factory=dict)

    def expect(self, ssrc: int, clock_hz: int) -> None:
        self._clocks[ssrc] = SenderClock(clock_hz)

    def forget(self, ssrc: int) -> None:
        self._clocks.pop(ssrc, None)
        for by_report in (False, True):
            self._ages_us.pop((ssrc, by_report), None)

    def report(self, ssrc: int, rtp_timestamp: int, ntp_us: int) -> None:
        if clock := self._clocks.get(ssrc):
            clock.report(rtp_timestamp, ntp_us)

    def arrive(self, ssrc: int, rtp_timestamp: int, arrival_us: int) -> None:
        if clock := self._clocks.get(ssrc):
            clock.arrive(rtp_timestamp, arrival_us)

    def show(self, ssrc: int, rtp_timestamp: int, now_us: int) -> None:
        """Record that a picture is ready."""
        clock = self._clocks.get(ssrc)
        for by_report in (False, True):
            captured = clock.capture_us(rtp_timestamp, by_report) if clock else None
            if captured is not None:
                age, key = now_us - captured, (ssrc, by_report)
                before = self._ages_us.get(key, age)
                self._ages_us[key] = age if abs(age - before) > 1e6 else before + (age - before) * _AVERAGE

    def early_us(self, video: int, audio: int, rtp_timestamp: float, now_us: int) -> float | None:
        """Return how much older the picture is than the sound at `rtp_timestamp` that is mixed now. Positive: delay the sound."""
        picture, sound = self._clocks.get(video), self._clocks.get(audio)
        if picture is None or sound is None:
            return None
        by_report = picture.reported and sound.reported
        age, captured = self._ages_us.get((video, by_report)), sound.capture_us(rtp_timestamp, by_report)
        return None if age is None or captured is None else age + PIPE_US - (now_us - captured)
