"""The tracks of a test participant for aiortc: prepared VP8 pictures, and Opus that is encoded only during speech."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from typing import Any, TypeAlias

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from signaling.bot import limits, voice
from signaling.bot.voice import Turns

Packet: TypeAlias = "av.Packet[Any]"

_SILENT_OPUS = b"\xf8\xff\xfe"
"""RFC 6716: 20 ms, full band, one channel, empty."""
_SILENCE_EVERY_TICKS = 20
"""Ticks of 20 ms between two packets of a test participant in silence, as an Opus encoder with discontinuous transmission sends
them. Larger: the server may take the track for dead. Smaller: silence costs more packets.
"""
_TAIL_TICKS = 10
"""Packets (20 ms each) whose audio level says "silent" after a test participant has spoken. Larger: more encoding. Smaller: the
server may miss the end of the speech.
"""
_PICTURE_BASE = Fraction(1, limits.PICTURES_PER_SECOND)
_VOICE_BASE = Fraction(1, voice.RATE_HZ)
_NOTHING = np.zeros(voice.TICK_SAMPLES, np.int16)


class Picture(MediaStreamTrack):
    """The loop of `scene.encode`, one packet for each picture."""

    kind = "video"

    def __init__(self, pictures: tuple[bytes, ...], phase_s: float) -> None:
        """`phase_s` spreads the participants of one process over the time between two pictures."""
        super().__init__()
        self._pictures = pictures
        self._phase_s = phase_s
        self._origin_s: float | None = None
        self._next = 0
        self.sent_bytes = 0

    async def recv(self) -> Packet:
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        due = self._due(now)
        if due > now:
            await asyncio.sleep(due - now)
        data = self._pictures[self._next % len(self._pictures)]
        packet: Packet = av.Packet(data)
        packet.pts, packet.time_base = self._next, _PICTURE_BASE
        self._next += 1
        self.sent_bytes += len(data)
        return packet

    def _due(self, now: float) -> float:
        """Return the time of the next picture. Pictures depend on each other, so none is left out: after a lag the clock starts
        again.
        """
        if self._origin_s is None:
            self._origin_s = now + self._phase_s
        due = self._origin_s + self._next / limits.PICTURES_PER_SECOND
        if now - due > limits.LAG_S:
            self._origin_s += now - due
            return now
        return due


class Voice(MediaStreamTrack):
    """Speech in the participant's turn, and few packets in silence. `origin_s`: the loop time of tick 0, the same for a whole
    group.
    """

    kind = "audio"

    def __init__(self, index: int, turns: Turns, origin_s: float) -> None:
        super().__init__()
        self._index = index
        self._turns = turns
        self._origin_s = origin_s
        self._phrase = voice.phrase(index % voice.VOICES)
        self._first: int | None = None
        self._next = 0
        self._tail = _TAIL_TICKS
        self.sent_bytes = 0

    async def recv(self) -> Packet | av.AudioFrame:
        """Return an AudioFrame, whose level aiortc measures and sends (RFC 6464). In long silence, return a packet without a
        level.
        """
        if self.readyState != "live":
            raise MediaStreamError
        await self._wait()
        tick = self._next
        if self._turns.speaks(self._index, tick):
            self._next, self._tail = tick + 1, _TAIL_TICKS
            return self._frame(self._phrase[tick % voice.TURN_TICKS], tick)
        start = self._turns.next_start(self._index, tick)
        if self._tail:
            self._next, self._tail = tick + 1, self._tail - 1
            # The encoder is 312 samples late, and stamps a packet with the time of the samples that it held back. So the last
            # frame before a gap takes the time of the gap's end. Then the first packet after the gap has the right time.
            return self._frame(_NOTHING, tick if self._tail else start - 1)
        self._next = min(tick + _SILENCE_EVERY_TICKS, start)
        return self._silence(tick)

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        current = int((now - self._origin_s) / voice.TICK_S)
        if self._first is None:
            self._first = self._next = current
        elif (current - self._next) * voice.TICK_S > limits.LAG_S:
            self._next = current
        await asyncio.sleep(max(self._origin_s + self._next * voice.TICK_S - now, 0))

    def _frame(self, samples: voice.Samples, tick: int) -> av.AudioFrame:
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
        frame.sample_rate = voice.RATE_HZ
        frame.pts, frame.time_base = self._pts(tick), _VOICE_BASE
        return frame

    def _silence(self, tick: int) -> Packet:
        packet: Packet = av.Packet(_SILENT_OPUS)
        packet.pts, packet.time_base = self._pts(tick), _VOICE_BASE
        self.sent_bytes += len(_SILENT_OPUS)
        return packet

    def _pts(self, tick: int) -> int:
        """Return the time of a tick, from 0 at the first frame. The library aiortc counts encoded packets from their first
        packet, and uses ready packets as they are.
        """
        assert self._first is not None
        return (tick - self._first) * voice.TICK_SAMPLES
