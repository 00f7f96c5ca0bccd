"""The sound of one conference in steps of 20 ms. The loudest microphones are decoded and mixed. A site does not hear its own
microphone. Each different mix is encoded once for all its listeners.

It owns playout, limiters and encoders. `tick` does all the work; the caller passes the time, and packets with `put`. A
microphone without packets costs nothing. The packet plane sends the loudest microphones; `sampling.py` chooses among those that
the plane cannot measure.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from media.frames.port import Frames
from media.ground import limits
from media.mixer.ground.marks import Marks
from media.mixer.ground.scene import CLOCK_HZ, AudioCodec, Mix, Scene, Source
from media.mixer.sound.codecs import AudioDecoder, AudioEncoder, open_decoder, open_encoder
from media.mixer.sound.mixing import Limiter, level_of, total
from media.mixer.sound.playout import FLOOR, Playout
from media.mixer.sound.prompts import DUCKED, Player
from media.mixer.sound.rates import RATE_HZ, Samples
from media.mixer.sound.sampling import Sampled, Sampling
from media.mixer.sound.sync import PIPE_US, LipSync

logger = logging.getLogger(__name__)

TICK_US = 20_000
JITTER_MS = 60
"""Milliseconds that the mixer's input waits for a missing packet. Chosen. Sound in order is not delayed. Longer: a lost packet
delays sound more. Shorter: late packets count as lost.
"""
_SYNC_TICKS = 25
_HELD_MOST = int(limits.MIXER_AUDIO_DELAY_S * RATE_HZ)
_SKEW_US = 5_000
"""Microseconds. A smaller difference between sound and picture is not corrected. Chosen. Larger: lips and sound may differ by
this time. Smaller: measurement noise changes the delay again and again.
"""
IDLE_TICKS = 50
"""Ticks of 20 ms: one second. Chosen. A microphone without packets for this time is skipped, and its hall gets the common mix.
Until then its hall has its own mix, without its own voice. Longer: more encoding. Shorter: mixes change in short pauses.
"""


class Microphone:
    """An open microphone: its packets before decoding, its decoder, its playout."""

    def __init__(self, source: Source) -> None:
        assert source.kind == "audio"
        self.source = source
        self.scale = RATE_HZ // CLOCK_HZ[source.codec]
        self.playout = Playout()
        self.skew_us: float | None = None
        self.sampled: Sampled | None = None
        """Set if only decoding shows how loud the microphone is."""
        if source.unmeasured:
            self.sampled = Sampled(source.ssrc, source.codec)  # type: ignore[arg-type]
        self._waiting: deque[tuple[int, bytes]] = deque(maxlen=limits.MIXER_PACKETS_WAITING)
        self._decoder: AudioDecoder | None = None
        self._dry_ticks = IDLE_TICKS
        self.left_out = False
        """True if this microphone has no audio levels and other such microphones are louder."""

    def put(self, timestamp: int, payload: bytes) -> None:
        """Store a packet, from the thread that receives frames. When a second of sound waits, the oldest packet is dropped. For
        a microphone that is left out, only the last packets are kept until it is mixed.
        """
        self._waiting.append((timestamp, payload))
        if self.left_out and len(self._waiting) > limits.MIXER_HISTORY:
            self._waiting.popleft()

    @property
    def idle(self) -> bool:
        """True if nothing of this microphone was heard for IDLE_TICKS and no packet waits to be mixed."""
        return self._dry_ticks >= IDLE_TICKS and (self.left_out or not self._waiting)

    def pull(self) -> Samples:
        if self._decoder is None:
            self._decoder = open_decoder(self.source.codec)  # type: ignore[arg-type]
        if not self.left_out and self._waiting and self.playout.is_dry:
            self.playout.restart((self._waiting[-1][0] - self._waiting[0][0]) * self.scale)
        while self._waiting and not self.left_out:
            timestamp, payload = self._waiting.popleft()
            self.playout.push(timestamp * self.scale, self._decoder.decode(payload))
        block = self.playout.pull()
        self._dry_ticks = self._dry_ticks + 1 if self.playout.is_dry else 0
        return block

    def hold(self, early_us: float | None) -> None:
        """Set the delay so that sound plays with its picture. The goal stays between FLOOR and `limits.MIXER_AUDIO_DELAY_S`.
        None: FLOOR.
        """
        self.skew_us = early_us
        if early_us is None:
            self.playout.goal = FLOOR
        elif abs(early_us) > _SKEW_US:
            margin = self.playout.margin
            wanted = margin + early_us * RATE_HZ / 1e6
            self.playout.goal = int(max(FLOOR, min(_HELD_MOST, wanted)))


@dataclass(slots=True)
class _Channel:
    """An encoder for all mixes that sound the same."""

    encoder: AudioEncoder
    limiter: Limiter = field(default_factory=Limiter)


Heard = tuple[AudioCodec, str, str]
"""The key of a mix: the codec, the site left out, and whether its announcement is included. The site is "" if its microphone is
not mixed and no announcement plays for it.
"""


class Console:
    """The sound of one conference. One thread calls `put`, and one thread calls `tick`. Any thread may call `show`, `levels`
    and `figures`.
    """

    def __init__(self, frames: Frames, sync: LipSync, marks: Marks | None = None) -> None:
        self._frames = frames
        self._marks = marks or Marks()
        self._sync = sync
        self.sampling = Sampling(self._marks)
        self._next: Scene | None = None
        self._scene = Scene(0)
        self._microphones: dict[int, Microphone] = {}
        self._awake: set[str] = set()
        """The sites whose microphones are mixed now."""
        self._listeners: list[tuple[Heard, list[tuple[int, int]]]] = []
        """The different mixes with their outputs (SSRC, payload type). Empty if they must be computed again."""
        self._told: set[str] = set()
        self._channels: dict[Heard, _Channel] = {}
        self._voices: dict[int, _Channel] = {}
        self._players: dict[str, Player] = {}
        self._played: dict[str, None] = {}
        self.on_prompt_end: Callable[[str], None] | None = None
        self.ticks = 0
        self.encoded = 0
        self._now_s = 0.0

    def show(self, scene: Scene) -> None:
        self._next = scene

    def put(self, ssrc: int, timestamp: int, payload: bytes) -> None:
        if microphone := self._microphones.get(ssrc):
            microphone.put(timestamp, payload)
            if microphone.sampled is not None:
                self.sampling.put(microphone.sampled, payload, self._now_s)

    def tick(self, number: int) -> None:
        """Make the 20 ms that begin at `number` * 20 ms of monotonic time, and send all packets."""
        if self._next is not None:
            self._take(self._next)
        at_us = number * TICK_US
        self._now_s = at_us / 1e6
        blocks = {one.source.site: self._pull(one) for one in self._loudest()}
        self.ticks += 1
        if self.ticks % _SYNC_TICKS == 0:
            self._follow_pictures(at_us)
        self._send_mixes(number, blocks)
        self._send_voices(number, blocks)
        for site, player in tuple(self._players.items()):
            if player.done:
                self._end_prompt(site, player)

    def _loudest(self) -> list[Microphone]:
        """Return the microphones with recent packets. Of microphones without measured loudness only the loudest are returned."""
        unmeasured = [one for one in self._microphones.values() if one.sampled is not None]
        chosen = self.sampling.choose((one.sampled for one in unmeasured if one.sampled), self._now_s)
        for one in unmeasured:
            one.left_out = one.source.ssrc not in chosen
        return [one for one in self._microphones.values() if not one.idle]

    def _pull(self, one: Microphone) -> Samples:
        with self._marks.at(one.source.ssrc):
            return one.pull()

    def levels(self) -> dict[str, float]:
        """Return the loudness (0..1, root mean square of full scale) of each mixed microphone."""
        return {one.source.site: one.playout.level for one in tuple(self._microphones.values()) if not one.idle}

    def figures(self) -> dict[str, dict[str, float]]:
        """Return figures of each open microphone: mixed or not, skew to its picture in ms, concealed samples, late packets,
        delay in ms.
        """
        return {
            one.source.site: {
                "awake": not one.idle,
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
        self._take_microphones(scene)
        self._take_prompts(scene)
        self._listeners = []
        voices = {voice.ssrc_out for voice in scene.voices}
        self._voices = {ssrc: one for ssrc, one in self._voices.items() if ssrc in voices}

    def _take_microphones(self, scene: Scene) -> None:
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

    def _take_prompts(self, scene: Scene) -> None:
        """Start new prompts. A prompt that is in two scenes is played once. A prompt that is missing in the scene stops."""
        for prompt in scene.prompts:
            if prompt.id not in self._played:
                self._played[prompt.id] = None
                if before := self._players.get(prompt.site):
                    self._end_prompt(prompt.site, before)
                self._players[prompt.site] = Player(prompt)
        told = {prompt.id for prompt in scene.prompts}
        self._played = {one: None for one in self._played if one in told}
        self._players = {site: one for site, one in self._players.items() if one.prompt.id in told}

    def _end_prompt(self, site: str, player: Player) -> None:
        del self._players[site]
        if self.on_prompt_end is not None:
            self.on_prompt_end(player.prompt.id)

    def _follow_pictures(self, at_us: int) -> None:
        for microphone in self._microphones.values():
            if microphone.idle:
                continue
            source, position = microphone.source, microphone.playout.position
            video = self._scene.source_of(source.site, "video")
            early = None
            if video is not None and position is not None:
                early = self._sync.early_us(video.ssrc, source.ssrc, position / microphone.scale, at_us)
            microphone.hold(early)

    # -- output

    def _heard(self, mix: Mix) -> Heard:
        prompt = mix.hears or mix.without
        own = mix.without if mix.without in self._awake else ""
        return mix.codec, own, prompt if prompt in self._told else ""

    def _arrange(self, awake: set[str], told: set[str]) -> None:
        """Find which mixes sound the same. This changes with the mixed microphones, not with each tick."""
        if self._listeners and (awake, told) == (self._awake, self._told):
            return
        self._awake, self._told = awake, told
        found: dict[Heard, list[tuple[int, int]]] = {}
        for mix in self._scene.mixes:
            found.setdefault(self._heard(mix), []).append((mix.ssrc, mix.payload_type))
        self._listeners = list(found.items())
        self._channels = {key: one for key, one in self._channels.items() if key in found}

    def _send_mixes(self, number: int, blocks: dict[str, Samples]) -> None:
        everyone = total(blocks)
        told = {site: player.block() for site, player in self._players.items() if player.playing}
        self._arrange(set(blocks), set(told))
        for key, outputs in self._listeners:
            codec, site, prompt = key
            own = blocks.get(site)
            block = everyone if own is None else everyone - own
            if prompt:
                block = block * DUCKED + told[prompt]
            if payload := self._encode(key, codec, block):
                timestamp, captured_us = _moment(codec, number)
                self._frames.send_mix(outputs, timestamp, payload, captured_us, clock_hz=CLOCK_HZ[codec])

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
            if payload:
                timestamp, captured_us = _moment("opus", number)
                level = level_of(block)
                self._frames.send_audio(
                    voice.ssrc_out, voice.payload_type, timestamp, payload, captured_us, level=level
                )

    def _encode(self, key: Heard, codec: AudioCodec, block: Samples) -> bytes:
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = _Channel(open_encoder(codec))
        self.encoded += 1
        return channel.encoder.encode(channel.limiter.apply(block))


def _moment(codec: AudioCodec, number: int) -> tuple[int, int]:
    """Return the RTP timestamp and the capture time of a tick."""
    return number * (CLOCK_HZ[codec] // 50) & 0xFFFFFFFF, number * TICK_US - PIPE_US


def heard(scene: Scene) -> list[Source]:
    """Return the sources whose sound is decoded, one for each site."""
    opened = dict.fromkeys(scene.open_microphones)
    found = {source.site: source for source in scene.sources if source.kind == "audio" and source.site in opened}
    return list(found.values())
