"""Test doubles of lines, of the mixer and of a hall's signalling, and halls that join a conference on them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from conference import Conference, ContentTokenChange, Entry, Grants, Kind
from conference.ground.plan import AudioCodec, AudioPlan, Endpoint, Keys, MediaPlan, Stream, VideoPlan
from conference.halls.hall import Hall, Wished
from conference.picture.program import Program
from conference.picture.scene import Mode
from conference.ports.halls import LineOptions
from media import line_codec
from media.mixer.ground.scene import Group, Scene, check
from tests.conference.doubles import FakeProducer, World
from tests.conference.parties import Format

_numbers = itertools.count(1)
OPTIONS = LineOptions("10.0.0.9", range(20_000, 21_000))


class FakeLineConsumer:
    def __init__(self, producer: Any, payload_types: Mapping[int, int], single_nal: bool) -> None:
        self.producer, self.payload_types, self.single_nal = producer, payload_types, single_nal
        self.switched: list[Any] = []
        self.paused = self.closed = False
        producer.followers.append(self)

    def switch(self, producer: Any, payload_types: Mapping[int, int]) -> None:
        assert not self.closed, "it ended with its source"
        self.producer.followers.remove(self)
        producer.followers.append(self)
        self.producer, self.payload_types = producer, payload_types
        self.switched.append(producer)

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def close(self) -> None:
        self.closed = True


class FakeLine:
    """Records its calls, and refuses the calls that the real line refuses."""

    def __init__(self, events: Any, host: str, port: int) -> None:
        self.id = next(_numbers)
        self.events = events
        self.local, self.local_rtcp = (host, port), (host, port + 1)
        self.said: list[tuple[str, Any]] = []
        self.producers: list[FakeProducer] = []
        self.consumers: list[FakeLineConsumer] = []
        self.limits: list[int] = []
        self.feedback: list[str] = []
        self.closed = False

    def set_remote(self, rtp: Any, rtcp: Any = None) -> None:
        self.said.append(("remote", rtp))

    def set_keys(self, profile: str, receive: bytes, send: bytes) -> None:
        assert profile.startswith(("AES_CM_128", "AEAD_AES"))
        assert receive != send
        assert not any(name == "remote" for name, _ in self.said), "a line without keys is plain from its address on"
        self.said.append(("keys", profile))

    def set_feedback(self, kinds: Any) -> None:
        self.feedback = list(kinds)

    def accept_audio_levels(self, number: int) -> None:
        self.said.append(("levels", number))

    def receive(self, kind: Any, codecs: Sequence[Any], ssrc: int = 0, *, is_microphone: bool = False) -> FakeProducer:
        assert not self.closed
        assert is_microphone == (kind == "audio")
        made = FakeProducer(kind, codecs[0].mime, ("",))
        made.codecs = tuple(codecs)
        self.producers.append(made)
        return made

    def send(
        self, producer: Any, payload_types: Mapping[int, int], ssrc: int = 0, *, single_nal: bool = False
    ) -> FakeLineConsumer:
        assert not self.closed
        assert not producer.closed
        assert payload_types, "nothing would be sent"
        self.consumers.append(FakeLineConsumer(producer, dict(payload_types), single_nal))
        return self.consumers[-1]

    def limit(self, bitrate_bps: int) -> None:
        self.limits.append(bitrate_bps)

    def open_messages(self, send_type: int, receive_type: int) -> None:
        assert not self.producers
        assert not self.consumers
        self.said.append(("messages", (send_type, receive_type)))

    def send_message(self, message: bytes) -> None:
        assert any(name == "messages" for name, _ in self.said)
        self.said.append(("message", message))

    def close(self) -> None:
        self.closed = True


class FakeMixer:
    """Checks each scene as the real mixer does. An output exists as long as the scene contains it."""

    def __init__(self, events: Any) -> None:
        self.events = events
        self.scenes: list[Scene] = []
        self.fed: dict[int, Any] = {}
        self.starved: list[int] = []
        self.outputs: dict[int, FakeProducer] = {}
        self.room: Callable[[Sequence[Group]], bool] = lambda groups: False
        self.asked: list[int] = []
        """The heights of the programs of the last question."""
        self.closed = False

    def set_scene(self, scene: Scene) -> None:
        check(scene)
        assert {source.ssrc for source in scene.sources} == set(self.fed), "sources and feeds differ"
        assert not self.scenes or scene.version > self.scenes[-1].version
        before = self.scenes[-1].outputs() if self.scenes else {}
        for ssrc in before.keys() - scene.outputs().keys():
            if ssrc in self.outputs:
                self.outputs.pop(ssrc).close()
        self.scenes.append(scene)

    def request_keyframe(self, ssrc: int) -> None:
        return

    def output(self, ssrc: int) -> FakeProducer:
        made = self.scenes[-1].outputs()[ssrc]
        if ssrc not in self.outputs:
            codec = line_codec(made.payload_type, getattr(made, "codec", "opus"))
            self.outputs[ssrc] = FakeProducer("video" if codec.name in ("h264", "vp8") else "audio", codec.mime, ("",))
            self.outputs[ssrc].codecs = (codec,)
        assert not self.outputs[ssrc].closed
        return self.outputs[ssrc]

    def feed(self, producer: Any, ssrc: int) -> None:
        assert not producer.closed
        assert ssrc not in self.fed
        self.fed[ssrc] = producer

    def starve(self, ssrc: int) -> None:
        del self.fed[ssrc]
        self.starved.append(ssrc)

    def has_room(self, groups: Sequence[Group]) -> bool:
        self.asked = [group.height for group in groups]
        return self.room(groups)

    def close(self) -> None:
        self.closed = True


class FakePorts:
    """`ports.HallPorts`."""

    def __init__(self) -> None:
        self.mixers: list[FakeMixer] = []
        self.wishes: list[tuple[str, Wished]] = []
        self.silences: list[Hall] = []
        self.floor_changes: list[ContentTokenChange] = []

    def open_mixer(self, router: Any, events: Any) -> FakeMixer:
        self.mixers.append(FakeMixer(events))
        return self.mixers[-1]

    def announcement(self, code: str, language: str) -> str:
        return f"/{code}.ogg" if language == "vi" else f"/{code}.{language}.ogg"

    def wished(self, conference: str, wished: Wished) -> None:
        self.wishes.append((conference, wished))

    def content_token_moved(self, program: Program, changes: Sequence[ContentTokenChange]) -> None:
        self.floor_changes += changes

    def silent(self, conference: str, hall: Hall) -> None:
        self.silences.append(hall)


class FakeSignal:
    """`ports.HallSignal`."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def request_keyframe(self) -> None:
        self.said.append("keyframe")

    def hang_up(self, code: str) -> None:
        self.said.append(f"hang up {code}")

    def renegotiate(self) -> None:
        self.said.append("renegotiate")

    @property
    def moves_camera(self) -> bool:
        return True

    @property
    def camera(self) -> FakeSignal:
        return self

    def move(self, pan: int, tilt: int, zoom: int) -> None:
        self.said.append(f"camera {pan} {tilt} {zoom}")

    def preset(self, number: int, *, store: bool) -> None:
        self.said.append(f"camera {'store' if store else 'go to'} {number}")

    def pressed(self, key: str) -> bool:
        return False

    def camera_said(self, frame: bytes) -> None:
        self.said.append(f"camera said {frame.hex()}")


class HallWorld(World):
    def __init__(self, **options: Any) -> None:
        self.ports = FakePorts()
        super().__init__(halls=self.ports, **options)

    @property
    def mixer(self) -> FakeMixer:
        return self.ports.mixers[-1]

    def scene(self) -> Scene:
        return self.mixer.scenes[-1]

    def settle(self) -> None:
        self.time.advance(0.1)


def stream(port: int, **more: Any) -> Stream:
    return Stream(Endpoint("10.0.0.1", port), Endpoint("10.0.0.1", port + 1), **more)


def keys(number: int) -> Keys:
    return Keys("AES128_CM_SHA1_80", bytes([number]) * 30, bytes([number + 1]) * 30)


def audio(codec: AudioCodec = "pcma", **more: Any) -> AudioPlan:
    number = {"pcma": 8, "pcmu": 0, "g722": 9, "opus": 114}[codec]
    return AudioPlan(stream(5000, **more), codec, number, number, 101, 101)


def video(**more: Any) -> VideoPlan:
    bounds = {name: more.pop(name) for name in ("max_fs", "max_mbps", "max_br_bps", "mode", "profile") if name in more}
    values: dict[str, Any] = {
        "profile": "baseline",
        "mode": 1,
        "max_fs": 3600,
        "max_mbps": 108_000,
        "max_br_bps": 2_000_000,
    } | bounds
    feedback: Any = frozenset({"pli", "fir"})
    where = stream(more.pop("port", 5002), **more)
    return VideoPlan(where, 98, (98, 99), level=31, feedback=feedback, **values)


def plan(codec: AudioCodec = "pcma", content: bool = False, **more: Any) -> MediaPlan:
    shown = video(port=5004) if content else None
    return MediaPlan(audio=audio(codec), video=video(), content=shown, **more)


class HallParty:
    """A hall in a conference."""

    def __init__(
        self,
        world: HallWorld,
        name: str,
        agreed: MediaPlan | None = None,
        *,
        room: str = "c",
        mode: Mode = "meeting",
        called: str = "",
        **facts: Any,
    ) -> None:
        grants = Grants(identity=name, name=called or name.title(), conference=room, join=True, kind=Kind.SIP, **facts)
        entry = Entry(grants=grants, dual=False, packets=Format(), auto_subscribe=False)
        self.world = world
        self.signal = FakeSignal()
        world.registry.check(grants)
        self.conference: Conference = world.registry.create(room)
        self.hall = self.conference.halls.expect(entry, self.signal, OPTIONS, mode)
        self.ends = self.hall.lines.prepare()
        self.conference.halls.welcome(self.hall)
        self.hall.apply(agreed or plan())
        for line in self.lines:
            line.events.heard(line, "first")
        world.settle()

    @property
    def sid(self) -> str:
        return self.hall.sid

    @property
    def lines(self) -> tuple[Any, ...]:
        return self.hall.lines.opened()

    def muted(self) -> bool:
        return self.hall.muted

    def line(self, medium: Any) -> Any:
        return self.hall.lines.line(medium)

    def sends(self, medium: Any) -> Any:
        """Return the consumer whose packets go to the hall."""
        return self.hall.lines.consumer(medium)

    def press(self, keys: str) -> None:
        for key in keys:
            line = self.line("audio")
            line.events.dtmf(line, key, 100)
        self.world.settle()
