"""Applies the wanted scene: the streams to the mixer, the mixer's scene, and the outputs for each hall.

Owns the SSRCs. Decides nothing about pictures or sound (`scene.py`).
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from conference.picture.composed import Composed
from conference.picture.scene import BROWSERS, FeedKey, Scene
from conference.picture.seat import Seat
from conference.ports.halls import Served
from conference.ports.media import MixerDoor, Producer
from media import scene as pictures

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Feed:
    """A source that is sent to the mixer."""

    producer: Producer
    ssrc: int


class Applier:
    def __init__(self, name: str, mixer: MixerDoor) -> None:
        self.name = name
        self.mixer = mixer
        self.sent = pictures.Scene(0)
        """The scene that the mixer has now."""
        self.programs: Mapping[str, pictures.Group] = {}
        """The program that each hall gets, by hall."""
        self._versions = itertools.count(1)
        self._numbers = itertools.count(0x1001)
        self._ssrcs: dict[str, int] = {}
        """The SSRC of each program, mix and voice, by name, while the mixer makes it."""
        self._feeds: dict[FeedKey, Feed] = {}

    def apply(
        self, wanted: Scene, fed: Mapping[FeedKey, Producer], seats: Mapping[str, Seat], composed: Composed | None
    ) -> None:
        """Apply a scene. Ending programs and mixes stay until their halls have changed over. Otherwise the halls' streams would
        end with them.
        """
        self._feed(fed)
        scene = self._numbered(wanted.picture)
        if self._send(_with_ended(scene, self.sent)):
            self._serve(wanted, scene, seats, composed)
            self._send(scene)
            used = set(self.sent.outputs())
            # A name that is used again later gets another number.
            self._ssrcs = {name: number for name, number in self._ssrcs.items() if number in used}

    def close(self) -> None:
        self._feeds.clear()
        self.mixer.close()

    def _feed(self, fed: Mapping[FeedKey, Producer]) -> None:
        for key, feed in list(self._feeds.items()):
            if fed.get(key) is not feed.producer:
                del self._feeds[key]
                self.mixer.starve(feed.ssrc)
        for key, producer in fed.items():
            if key not in self._feeds:
                number = next(self._numbers)
                self.mixer.feed(producer, number)
                self._feeds[key] = Feed(producer, number)

    def _numbered(self, scene: pictures.Scene) -> pictures.Scene:
        return replace(
            scene,
            sources=tuple(replace(one, ssrc=self._feeds[key_of(one)].ssrc) for one in scene.sources),
            groups=tuple(replace(one, ssrc=self._ssrc(one.id)) for one in scene.groups),
            mixes=tuple(replace(one, ssrc=self._ssrc(one.id)) for one in scene.mixes),
            voices=tuple(
                replace(
                    one, ssrc_in=self._feeds[FeedKey(one.site, "audio")].ssrc, ssrc_out=self._ssrc(f"voice {one.site}")
                )
                for one in scene.voices
            ),
        )

    def _ssrc(self, name: str) -> int:
        if name not in self._ssrcs:
            self._ssrcs[name] = next(self._numbers)
        return self._ssrcs[name]

    def _send(self, scene: pictures.Scene) -> bool:
        """Send a scene to the mixer. Returns False if the mixer refused it, which is our own bug. The mixer then keeps the old
        scene.
        """
        if replace(scene, version=self.sent.version) == self.sent:
            return True
        wanted = replace(scene, version=next(self._versions))
        try:
            self.mixer.set_scene(wanted)
        except pictures.SceneError:
            log.exception("the scene of %s cannot be applied", self.name)
            return False
        self.sent = wanted
        return True

    def _serve(
        self, wanted: Scene, scene: pictures.Scene, seats: Mapping[str, Seat], composed: Composed | None
    ) -> None:
        """Give each hall its outputs, and give the composed picture the program for browsers."""
        outputs = {one.id: self.mixer.output(one.ssrc) for one in scene.groups if one.id in wanted.halls_of}
        outputs.update((one.id, self.mixer.output(one.ssrc)) for one in scene.mixes)
        # Only a separate presentation has no clock.
        programs = {hall: one for one in scene.groups if one.clock for hall in wanted.halls_of.get(one.id, ())}
        contents = {hall: one.id for one in scene.groups if not one.clock for hall in wanted.halls_of[one.id]}
        self.programs = programs
        if composed is not None:
            made = next((one for one in scene.groups if one.id == BROWSERS), None)
            composed.show(None if made is None else self.mixer.output(made.ssrc))
        voices = {voice.site: self.mixer.output(voice.ssrc_out) for voice in scene.voices}
        for sid, hall in list(seats.items()):
            program = outputs[programs[sid].id] if sid in programs else None
            mix = outputs[wanted.mix_of[sid]] if sid in wanted.mix_of else None
            content = outputs[contents[sid]] if sid in contents else None
            hall.serve(Served(program, mix, content))
            hall.set_voice(voices.get(sid))
            hall.shown_large(sid in wanted.large)


def key_of(source: pictures.Source) -> FeedKey:
    return FeedKey(source.site, source.kind, source.content)


def _with_ended(scene: pictures.Scene, sent: pictures.Scene) -> pictures.Scene:
    groups, mixes = {one.id for one in scene.groups}, {one.id for one in scene.mixes}
    old_groups = tuple(replace(one, cells=(), ending=True) for one in sent.groups if one.id not in groups)
    old_mixes = tuple(one for one in sent.mixes if one.id not in mixes)
    return replace(scene, groups=scene.groups + old_groups, mixes=scene.mixes + old_mixes)
