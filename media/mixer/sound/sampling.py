"""The loudness of microphones whose packets do not state it: Opus without audio levels (RFC 6464).

A separate thread decodes one packet in MIXER_SAMPLE_EVERY of each microphone. This module owns the thread, its decoders and the
choice of the loudest. For all other microphones, the packet plane chooses the loudest (`Plane.set_mixed_voices`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from media.ground import limits
from media.mixer.ground.marks import Marks
from media.mixer.ground.scene import AudioCodec
from media.mixer.sound.codecs import AudioDecoder, open_decoder
from media.mixer.sound.mixing import SILENT, level_of

RELEASE_DB_PER_S = 20.0
MARGIN_DB = 6.0
SILENT_DB = 57.0
"""The values that `voice.rs` also uses. SILENT_DB: quieter microphones are not mixed while there are more than three
(MIXER_UNMEASURED); 127 is full scale, so this is -70 dBov. Larger: quiet speech is not mixed. Smaller: noise takes a place.
RELEASE_DB_PER_S: how fast the measured loudness falls. Larger: a speaker loses the place in a pause. Smaller: a silent one
keeps it. MARGIN_DB: how much louder a new microphone must be to replace a mixed one. Larger: a new speaker waits longer.
Smaller: the mixed microphones change too often.
"""


@dataclass(slots=True)
class Sampled:
    """A microphone without audio levels. The sampling thread writes `loudness`, and the mixing thread reads it."""

    ssrc: int
    codec: AudioCodec
    _count: int = 0
    _db: float = 0.0
    _at_s: float = 0.0
    _decoder: AudioDecoder | None = None

    def is_due(self) -> bool:
        """Report whether to decode this packet: one in MIXER_SAMPLE_EVERY."""
        self._count += 1
        return self._count % limits.MIXER_SAMPLE_EVERY == 1

    def note(self, payload: bytes, now_s: float) -> None:
        if self._decoder is None:
            self._decoder = open_decoder(self.codec)
        samples = self._decoder.decode(payload)
        heard = float(SILENT - (level_of(samples) if len(samples) else SILENT))
        self._db, self._at_s = max(heard, self.loudness(now_s)), now_s

    def loudness(self, now_s: float) -> float:
        """Return the recent loudness in dB above digital silence, 0..127."""
        return max(0.0, self._db - (now_s - self._at_s) * RELEASE_DB_PER_S)


@dataclass
class Sampling:
    """The measurement of all microphones without audio levels. The receiving thread calls `put`, and the mixing thread calls
    `choose`.
    """

    marks: Marks = field(default_factory=Marks)
    _waiting: deque[tuple[Sampled, bytes, float]] = field(
        default_factory=lambda: deque(maxlen=limits.MIXER_SAMPLES_WAITING)
    )
    _bell: threading.Event = field(default_factory=threading.Event)
    _chosen: set[int] = field(default_factory=set)

    def put(self, one: Sampled, payload: bytes, now_s: float) -> None:
        if one.is_due():
            self._waiting.append((one, payload, now_s))
            self._bell.set()

    def work(self) -> None:
        """Decode all packets that wait."""
        while self._waiting:
            one, payload, now_s = self._waiting.popleft()
            with self.marks.at(one.ssrc):
                one.note(payload, now_s)

    def run(self) -> None:
        """Run the thread. It never returns."""
        while True:
            self._bell.wait()
            self._bell.clear()
            self.work()

    def choose(self, microphones: Iterable[Sampled], now_s: float) -> set[int]:
        """Return the SSRCs that are mixed now. Silence gets no place, and microphones of similar loudness do not take turns. If
        there are enough places, all are mixed.
        """
        loudness = {one.ssrc: one.loudness(now_s) for one in microphones}
        if len(loudness) <= limits.MIXER_UNMEASURED:
            self._chosen = set(loudness)
            return self._chosen
        chosen = {ssrc for ssrc in self._chosen if loudness.get(ssrc, 0.0) > SILENT_DB}
        others = [ssrc for ssrc, db in loudness.items() if db > SILENT_DB and ssrc not in chosen]
        for ssrc in sorted(others, key=loudness.__getitem__, reverse=True):
            if len(chosen) >= limits.MIXER_UNMEASURED:
                quietest = min(chosen, key=loudness.__getitem__)
                if loudness[ssrc] <= loudness[quietest] + MARGIN_DB:
                    break
                chosen.remove(quietest)
            chosen.add(ssrc)
        self._chosen = chosen
        return chosen
