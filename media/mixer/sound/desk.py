"""The sound of one conference, 20 ms at a time: open microphones are decoded, mixed without each one's own, and encoded once
for all that hear the same.

Owns playout, limiters and encoders. `tick` is the whole of it: time is handed in, and so are packets, by `put`.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from media import limits
from media.mixer.frames import Frames
from media.mixer.marks import Marks
from media.mixer.scene import CLOCK_HZ, AudioCodec, Mix, Scene, Source
from media.mixer.sound.codecs import AudioEncoder, open_decoder, open_encoder
from media.mixer.sound.mixing import Limiter, total
from media.mixer.sound.playout import FLOOR, Playout
from media.mixer.sound.prompts import DUCKED, Player
from media.mixer.sound.rates import RATE_HZ, Samples
from media.mixer.sound.sync import PIPE_US, LipSync

logger = logging.getLogger(__name__)

TICK_US = 20_000
JITTER_MS = 60
"""How long the frame port waits for a packet that is missing. Sound that is in order is not held back by it."""
_SYNC_TICKS = 25
_HELD_MOST = int(limits.MIXER_AUDIO_DELAY_S * RATE_HZ)
_SKEW_US = 5_000  # below it nothing is corrected


class Microphone:
    """An open one: its packets not yet decoded, its decoder, its playout."""

    def __init__(self, source: Source) -> None:
        assert source.kind == "audio"
        self.source = source
        self.scale = RATE_HZ // CLOCK_HZ[source.codec]
        self.playout = Playout()
        self.skew_us: float | None = None
        self._waiting: deque[tuple[int, bytes]] = deque(maxlen=limits.MIXER_PACKETS_WAITING)
        self._decoder = open_decoder(source.codec)  # type: ignore[arg-type]

    def put(self, timestamp: int, payload: bytes) -> None:
        """From the thread that takes frames in; the oldest goes when a second of sound waits."""
        self._waiting.append((timestamp, payload))

    def pull(self) -> Samples:
        while self._waiting:
            timestamp, payload = self._waiting.popleft()
            self.playout.push(timestamp * self.scale, self._decoder.decode(payload))
        return self.playout.pull()

    def hold(self, early_us: float | None) -> None:
        """Moves the delay so that sound comes with its picture; it never goes below what the network needs."""
        self.skew_us = early_us
        if early_us is None:
            self.playout.goal = FLOOR
        elif abs(early_us) > _SKEW_US:
            margin = self.playout.margin
            wanted = margin + early_us * RATE_HZ / 1e6
            self.playout.goal = int(max(FLOOR, min(_HELD_MOST, wanted)))


@dataclass(slots=True)
class _Channel:
    """One encoded sound, for all mixes that hear it."""

    encoder: AudioEncoder
    limiter: Limiter = field(default_factory=Limiter)


Heard = tuple[str, str, bool]
"""What a mix is made of: codec, the site left out (only if it is heard at all), whether its announcement is in it."""


class Desk:
    """`put` from one thread, everything else from the one that ticks; `show` may come from any."""

    def __init__(self, frames: Frames, sync: LipSync, marks: Marks | None = None) -> None:
        self._frames = frames
        self._marks = marks or Marks()
        self._sync = sync
        self._next: Scene | None = None
        self._scene = Scene(0)
        self._microphones: dict[int, Microphone] = {}
        self._open: set[str] = set()
        self._channels: dict[Heard, _Channel] = {}
        self._voices: dict[int, _Channel] = {}
        self._players: dict[str, Player] = {}
        self._played: dict[str, None] = {}
        self.on_prompt_end: Callable[[str], None] | None = None
        self.ticks = 0
        self.encoded = 0

    def show(self, scene: Scene) -> None:
        self._next = scene

    def put(self, ssrc: int, timestamp: int, payload: bytes) -> None:
        if microphone := self._microphones.get(ssrc):
            microphone.put(timestamp, payload)

    def tick(self, number: int) -> None:
        """The 20 ms that begin at `number` * 20 ms of monotonic time: everything that is to be sent leaves."""
        if self._next is not None:
            self._take(self._next)
        at_us = number * TICK_US
        blocks = {one.source.site: self._pull(one) for one in self._microphones.values()}
        self.ticks += 1
        if self.ticks % _SYNC_TICKS == 0:
            self._follow_pictures(at_us)
        self._send_mixes(number, blocks)
        self._send_voices(number, blocks)
        for site, player in tuple(self._players.items()):
            if player.done:
                self._end_prompt(site, player)

    def _pull(self, one: Microphone) -> Samples:
        with self._marks.at(one.source.ssrc):
            return one.pull()

    def levels(self) -> dict[str, float]:
        """0..1 (root mean square of full scale) of each open microphone."""
        return {one.source.site: one.playout.level for one in tuple(self._microphones.values())}

    def figures(self) -> dict[str, dict[str, float]]:
        """Of each open microphone: skew to its picture in ms, samples concealed, packets too late, delay in ms."""
        return {
            one.source.site: {
                "skew_ms": round((one.skew_us or 0) / 1000, 1),
                "concealed": one.playout.concealed,
                "late": one.playout.late,
                "margin_ms": round(one.playout.margin * 1000 / RATE_HZ, 1),
            }
            for one in tuple(self._microphones.values())
        }

    # -- the scene

    def _take(self, scene: Scene) -> None:
        self._next, self._scene = None, scene
        wanted = {source.ssrc: source for source in heard(scene)}
        for ssrc, microphone in tuple(self._microphones.items()):
            if wanted.get(ssrc) != microphone.source:
                del self._microphones[ssrc]
                self._frames.forget(ssrc)
                self._sync.forget(ssrc)
        for ssrc, source in wanted.items():
            if ssrc not in self._microphones:
                self._microphones[ssrc] = Microphone(source)
                self._sync.expect(ssrc, CLOCK_HZ[source.codec])
                self._frames.expect(ssrc, source.codec, CLOCK_HZ[source.codec], JITTER_MS)
        self._open = {source.site for source in wanted.values()}
        for prompt in scene.prompts:
            if prompt.id not in self._played:
                self._played[prompt.id] = None
                if before := self._players.get(prompt.site):
                    self._end_prompt(prompt.site, before)
                self._players[prompt.site] = Player(prompt)
        told = {prompt.id for prompt in scene.prompts}
        self._played = {one: None for one in self._played if one in told}
        self._players = {site: one for site, one in self._players.items() if one.prompt.id in told}
        kept = {self._heard(mix) for mix in scene.mixes}
        self._channels = {key: one for key, one in self._channels.items() if key in kept}
        voices = {voice.ssrc_out for voice in scene.voices}
        self._voices = {ssrc: one for ssrc, one in self._voices.items() if ssrc in voices}

    def _end_prompt(self, site: str, player: Player) -> None:
        del self._players[site]
        if self.on_prompt_end is not None:
            self.on_prompt_end(player.prompt.id)

    def _follow_pictures(self, at_us: int) -> None:
        for microphone in self._microphones.values():
            source, position = microphone.source, microphone.playout.position
            video = self._scene.source_of(source.site, "video")
            early = None
            if video is not None and position is not None:
                early = self._sync.early_us(video.ssrc, source.ssrc, position / microphone.scale, at_us)
            microphone.hold(early)

    # -- out

    def _heard(self, mix: Mix) -> Heard:
        opened = mix.without in self._open
        player = self._players.get(mix.without) if mix.without else None
        told = player is not None and player.playing
        return mix.codec, mix.without if opened or told else "", told

    def _send_mixes(self, number: int, blocks: dict[str, Samples]) -> None:
        everyone = total(blocks)
        told = {site: player.block() for site, player in self._players.items() if player.playing}
        made: dict[Heard, bytes] = {}
        for mix in self._scene.mixes:
            key = self._heard(mix)
            if key not in made:
                own = blocks.get(key[1])
                block = everyone if own is None else everyone - own
                if key[2] and key[1] in told:
                    block = block * DUCKED + told[key[1]]
                made[key] = self._encode(key, mix.codec, block)
            self._send(mix.ssrc, mix.payload_type, mix.codec, number, made[key])
        if len(self._channels) != len(made):
            self._channels = {key: self._channels[key] for key in made}

    def _send_voices(self, number: int, blocks: dict[str, Samples]) -> None:
        for voice in self._scene.voices:
            block = blocks.get(voice.site)
            if block is None or voice.ssrc_in not in self._microphones:
                continue
            channel = self._voices.get(voice.ssrc_out)
            if channel is None:
                channel = self._voices[voice.ssrc_out] = _Channel(open_encoder("opus"))
            payload = channel.encoder.encode(channel.limiter.apply(block))
            self.encoded += 1
            self._send(voice.ssrc_out, voice.payload_type, "opus", number, payload, level_of(block))

    def _encode(self, key: Heard, codec: AudioCodec, block: Samples) -> bytes:
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(open_encoder(codec))
        self.encoded += 1
        return channel.encoder.encode(channel.limiter.apply(block))

    def _send(
        self, ssrc: int, payload_type: int, codec: AudioCodec, number: int, payload: bytes, level: int = -1
    ) -> None:
        if payload:
            clock_hz, captured_us = CLOCK_HZ[codec], number * TICK_US - PIPE_US
            timestamp = number * (clock_hz // 50) & 0xFFFFFFFF
            self._frames.send_audio(ssrc, payload_type, timestamp, payload, captured_us, clock_hz=clock_hz, level=level)


def level_of(block: Samples) -> int:
    """RFC 6464: 0 for full scale, 127 for silence, in -dBov."""
    power = float(block @ block) / len(block) / 32768**2
    return 127 if power < 1e-12 else min(127, max(0, round(-10 * math.log10(power))))


def heard(scene: Scene) -> list[Source]:
    """The sources whose sound is decoded, one a site."""
    opened = dict.fromkeys(scene.open_microphones)
    found = {source.site: source for source in scene.sources if source.kind == "audio" and source.site in opened}
    return list(found.values())
