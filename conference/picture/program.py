"""What the halls of one conference see and hear: keeps the mixer's scene true to who is there, who speaks and what was set.

Declarative: whatever changes, the whole scene is made anew at most SCENE_S later and sent if it differs, so that a mixer that
was restarted needs nothing else. Owns which sources are fed to the mixer and which program, mix and presentation each hall gets.
Does not decode, and knows no SDP.
"""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple, Protocol

from conference.announcements.spoken_texts import Language
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import Quality
from conference.ground.outbox import change
from conference.ground.permissions import Source
from conference.people.participant import Participant
from conference.people.participant import Stage as Surroundings
from conference.picture import groups, layout, lone_hall
from conference.picture.composed import Composed
from conference.picture.content_token import ContentToken, ContentTokenChange
from conference.picture.groups import Key, View, Wish
from conference.picture.layout import Layout, Stage
from conference.picture.seat import Seat
from conference.ports.halls import HallPorts, Served
from conference.ports.media import MixerDoor, Producer
from conference.ports.time import Cancellable
from conference.tracks import backup_codec, subscriptions
from conference.tracks.track import Subscriber, Track
from media import scene as pictures

log = logging.getLogger(__name__)

CODECS: Final[Mapping[str, str]] = {
    "video/h264": "h264",
    "video/vp8": "vp8",
    "audio/opus": "opus",
    "audio/red": "opus",
    "audio/g722": "g722",
    "audio/pcma": "pcma",
    "audio/pcmu": "pcmu",
}
"""What the mixer understands, by MIME type in small letters. Of RED it gets the primary block alone."""
HALLS: Final = "halls"
"""Among those who lack a codec: no participant's sid."""
PAYLOAD_TYPES: Final[Mapping[str, int]] = {"pcmu": 0, "pcma": 8, "g722": 9, "vp8": 96, "h264": 97, "opus": 111}
"""Of what the mixer makes."""
OPUS: Final = PAYLOAD_TYPES["opus"]
BROWSERS: Final = "browsers"
"""The program of those that decode no H.264, by its name."""


Mode = Literal["meeting", "reception", "echo"]
"""`reception`: each hall is alone, with words on the screen and announcements. `echo`: it sees and hears itself."""


class Seen(NamedTuple):
    """One site as it is now. `camera`, `microphone`, `content` None: it sends none."""

    participant: Participant
    camera: Producer | None
    microphone: Producer | None
    content: Producer | None
    muted: bool

    @property
    def site(self) -> str:
        return self.participant.sid


class FeedKey(NamedTuple):
    site: str
    kind: str
    content: bool


@dataclass(slots=True)
class Feed:
    """A source on its way to the mixer."""

    producer: Producer
    ssrc: int


class PictureStage(Surroundings, Protocol):
    """The conference as its picture sees it."""

    @property
    def participants(self) -> Mapping[str, Participant]:
        """By identity."""


class Program:
    """One per conference with halls. Implements what the mixer tells (`media.MixerEvents`)."""

    def __init__(self, conference: PictureStage, ports: HallPorts, mode: Mode = "meeting") -> None:
        self.conference = conference
        self.outbox = conference.outbox
        self.ports = ports
        self.mode = mode
        self.stage = Stage()
        self.floor = ContentToken(may=lambda _: mode == "meeting")
        """Who may show slides, by sid. Whoever asks last has it: who presents takes over, as on terminals among themselves."""
        self._sharing: set[str] = set()
        """Browsers that share their screen."""
        self.layout: Layout | None = None
        """None: what suits the number of pictures."""
        self.text = ""
        self.about = ("", "")
        """The title of its meeting, and the number to dial."""
        self.recording = False
        self.most_height = 720
        self.halls: dict[str, Seat] = {}  # by sid
        self.composed: Composed | None = None
        """There is one from the first browser on that decodes no H.264."""
        self.watched = False
        """Somebody looks at the board: thumbnails are wanted."""
        self.thumbnails: dict[str, bytes] = {}
        self._preview = ""
        """The program that most halls see, by its name."""
        self.health = "starting"  # "ready", "lost", "degraded"
        self.sound_late = False
        """What halls hear does not come in time."""
        self.closed = False
        self._most_groups = limits.GROUPS
        self._content_height = limits.CONTENT_HEIGHTS[0]
        """Of a presentation by itself; 0: there is no power for one."""
        self._presented = False
        self._page = 0
        self._version = itertools.count(1)
        self._numbers = itertools.count(0x1001)
        self._ssrcs: dict[str, int] = {}
        """Of each program, mix and voice by its name, as long as it is made."""
        self._feeds: dict[FeedKey, Feed] = {}
        self._groups: dict[str, pictures.Group] = {}
        self._spoken: dict[str, list[pictures.Prompt]] = {}
        """By hall: what is said to it now, then what follows."""
        self._spoken_at: dict[str, float] = {}
        self._scene = pictures.Scene(0)
        self._begun: deque[float] = deque(maxlen=limits.PROGRAMS_BEGUN)
        """When scenes came with a program that was not there before."""
        self._timer: Cancellable | None = None
        self._stage_timer: Cancellable | None = None
        self._page_timer: Cancellable | None = None
        self.mixer: MixerDoor = ports.open_mixer(conference.router, self)

    # -- who is there

    def enter(self, hall: Seat) -> None:
        self.halls[hall.sid] = hall
        self.changed()

    def leave(self, hall: Seat) -> None:
        self.halls.pop(hall.sid, None)
        self.thumbnails.pop(hall.sid, None)
        self._hush(hall.sid)
        self.gone(hall.sid)

    def gone(self, sid: str) -> None:
        """Somebody has left, hall or not."""
        self.stage = layout.without(self.stage, sid)
        self._sharing.discard(sid)
        if self.composed is not None:
            self.composed.gone(sid)
        self._move_floor(self.floor.give_up(sid))
        self.changed()

    # -- who presents

    def floor_moved(self, changes: Sequence[ContentTokenChange]) -> None:
        """Terminals know already: the hall that holds the token is seen, no other one."""
        if changes:
            for hall in tuple(self.halls.values()):
                hall.let_present(hall.sid == self.floor.holder)
            self.changed()

    def _move_floor(self, changes: Sequence[ContentTokenChange]) -> None:
        if changes:
            self.floor_moved(changes)
            self.ports.floor_moved(self, changes)

    def _follow_browsers(self, seen: Sequence[Seen]) -> bool:
        """A browser needs not ask: it has the token while it shares. True: somebody else has it now."""
        before, holder = self._sharing, self.floor.holder
        shares = [one.site for one in seen if one.content is not None and one.site not in self.halls]
        self._sharing = set(shares)
        changes = [change for sid in before - self._sharing for change in self.floor.give_up(sid)]
        asking = [sid for sid in shares if sid not in before]
        if self.floor.holder is None and not asking:
            asking = shares[:1]  # the hall that took over has finished, the browser has not
        if self.mode == "meeting":
            changes += [change for sid in asking for change in self.floor.ask(sid)]
        self._move_floor(changes)
        return self.floor.holder != holder

    def _presenter(self, seen: Sequence[Seen]) -> Seen | None:
        shares = [one for one in seen if one.content is not None]
        holds = (one for one in shares if one.site == self.floor.holder)
        return next(holds, None) or next(iter(shares), None)

    # -- its programs

    def group_of(self, hall: Seat) -> pictures.Group | None:
        """The program that this hall gets."""
        return self._groups.get(hall.sid)

    @property
    def picture(self) -> bytes | None:
        """What most halls see, small (JPEG); None: nobody looked, or nothing is made."""
        return self.thumbnails.get(self._preview)

    def unseen(self) -> list[str]:
        """Whose pictures the halls do not get though they are sent, by name; the first of them."""
        people = self.conference.participants.values()
        missed = (one for one in people if one.sid not in self.halls and any(map(_missed, one.tracks.values())))
        return [_label(one) for one in itertools.islice(missed, limits.UNSEEN)]

    def heard(self, sid: str) -> None:
        """Who speaks now, "" nobody."""
        now = self.conference.clock.monotonic()
        before, self.stage = self.stage, layout.heard(self.stage, sid, now)
        if self.stage.front != before.front:
            self.changed()
        due = layout.next_due(self.stage)
        if due is not None and self._stage_timer is None:
            self._stage_timer = self.conference.turns.call_later(max(0.0, due - now), self._settle_stage)

    def _settle_stage(self) -> None:
        self._stage_timer = None
        self.heard(self.stage.loudest)

    def changed(self) -> None:
        """Something that the scene is made of may be different."""
        if self._timer is None and not self.closed:
            self._timer = self.conference.turns.call_later(self._pace_s(), self._rebuild)

    def _pace_s(self) -> float:
        now = self.conference.clock.monotonic()
        many = len(self._begun) == limits.PROGRAMS_BEGUN and now - self._begun[0] < limits.PROGRAMS_BEGUN_S
        return limits.SCENE_SLOW_S if many else limits.SCENE_S

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for timer in (self._timer, self._stage_timer, self._page_timer):
            if timer is not None:
                timer.cancel()
        self._feeds.clear()
        if self.composed is not None:
            self.composed.close()
        self.mixer.close()
        for one in tuple(self.conference.participants.values()):
            for track in tuple(one.tracks.values()):
                for codec in (track, track.backup):
                    if codec is not None:
                        _mix(codec, None)
                backup_codec.forgo(track, HALLS)

    def compose_for(self, viewer: Subscriber) -> None:
        """Its browser decodes none of the halls' pictures: it is shown one of all of them."""
        if self.mode != "meeting" or self.closed:
            return
        if self.composed is None:
            self.composed = Composed(self.conference)
        self.composed.admit(viewer)
        self.changed()

    # -- what operators set

    def set_layout(self, name: Layout | None) -> None:
        self.layout = name
        self.changed()

    def set_stage(self, mode: layout.Mode, site: str = "", hold_s: float | None = None) -> None:
        """Raises Refusal `participant_not_found`."""
        if mode != "auto" and not any(one.sid == site for one in self.conference.participants.values()):
            raise Refusal("participant_not_found")
        hold = self.stage.hold_s if hold_s is None else min(max(hold_s, limits.HOLD_LEAST_S), limits.HOLD_MOST_S)
        self.stage = replace(self.stage, mode=mode, site="" if mode == "auto" else site, hold_s=hold)
        self.changed()

    def set_about(self, title: str, number: str) -> None:
        """What a hall reads while nobody else is there."""
        self.about = title, number
        self.changed()

    def set_text(self, text: str) -> None:
        """Over the picture of all halls; "" takes it away."""
        self.text = text[: limits.HALL_TEXT_CHARACTERS]
        self.changed()

    def say(self, hall: Seat, *words: tuple[str, Language]) -> None:
        """Recorded announcements into this hall's sound alone, one after the other, instead of what is said to it now; a hall
        without sound is told nothing.
        """
        if hall.plan is not None and hall.audio is None:
            return
        self._hush(hall.sid)
        self._spoken[hall.sid] = [
            pictures.Prompt(f"{code} {next(self._numbers)}", hall.sid, self.ports.announcement(code, language))
            for code, language in words
        ]
        while len(self._spoken) > limits.PROMPTS:
            self._hush(next(iter(self._spoken)))
        self._begin_saying(hall.sid)

    def _hush(self, sid: str) -> None:
        self._spoken.pop(sid, None)
        self._spoken_at.pop(sid, None)

    def _begin_saying(self, sid: str) -> None:
        self._spoken_at[sid] = self.conference.clock.monotonic()
        self.changed()
        self.conference.turns.call_later(limits.PROMPT_S, self._next_words)

    def _next_words(self, ended: str = "") -> None:
        """`ended`: the name of an announcement that was said; others have had their time."""
        now = self.conference.clock.monotonic()
        for sid, waiting in list(self._spoken.items()):
            if waiting and (waiting[0].id == ended or now - self._spoken_at[sid] >= limits.PROMPT_S - 0.01):
                del waiting[0]
                if waiting:
                    self._begin_saying(sid)
            if not waiting:
                self._hush(sid)
                self.changed()

    def watch(self, watched: bool) -> None:
        if self.watched != watched:
            self.watched = watched
            self.changed()

    # -- what the mixer tells

    def ready(self, mixer: Any) -> None:
        self.health = "ready"

    def lost(self, mixer: Any) -> None:
        """The process has ended; it is started again and gets the scene."""
        self.health = "lost"
        self.sound_late = False

    def degraded(self, mixer: Any, step: int) -> None:
        self.health = f"degraded {step}" if step else "ready"

    def refused(self, mixer: Any, group: str, code: str) -> None:
        """No power for one more program: its halls get one of the others. For a presentation of its own: it is made smaller, in
        the end it is shown in the first picture. The browsers' waits until there is.
        """
        found = next((one for one in self._scene.groups if one.id == group and group != BROWSERS), None)
        if found is None:
            return
        if found.clock:
            made = sum(one.clock and one.id != BROWSERS for one in self._scene.groups)
            self._most_groups = max(1, min(self._most_groups, made) - 1)
        else:
            self._content_height = max((one for one in limits.CONTENT_HEIGHTS if one < found.height), default=0)
        self.changed()

    def accepted(self, mixer: Any, group: str) -> None:
        """There was power in the end; what was given up meanwhile stays so while as much is wanted."""

    def late(self, mixer: Any, is_late: bool) -> None:
        """Halls hear chopped words: an alarm on the board until it is over."""
        self.sound_late = is_late
        words = "is late" if is_late else "is in time again"
        log.warning("the sound of %s for its halls %s", self.conference.name, words)

    def levels(self, mixer: Any, sites: Mapping[str, float]) -> None:
        """Voices carry their levels to the plane, which knows the browsers' too and tells who speaks."""

    def thumbnail(self, mixer: Any, site: str, jpeg: bytes) -> None:
        if (site in self.halls or site == self._preview) and len(jpeg) <= limits.THUMBNAIL_BYTES:
            self.thumbnails[site] = jpeg

    def prompt_ended(self, mixer: Any, prompt: str) -> None:
        self._next_words(prompt)

    # -- the scene

    @change
    def _rebuild(self) -> None:
        self._timer = None
        if self.closed:
            return
        seen = self._seen()
        if self._follow_browsers(seen):
            seen = self._seen()
        sharing = self._presenter(seen)
        if self._presented != (sharing is not None):
            self._presented = sharing is not None
            self._content_height, self._most_groups = limits.CONTENT_HEIGHTS[0], limits.GROUPS
        programs = self._programs(tuple(self._wishes(seen, sharing)))
        contents = groups.gather(self._content_wishes(sharing), limits.CONTENT_GROUPS, self._content_height)
        made = {self._group(key, wishes, seen): wishes for key, wishes in (*programs.items(), *contents.items())}
        if {group.id for group in made} - {group.id for group in self._scene.groups}:
            self._begun.append(self.conference.clock.monotonic())
        self._choose_preview(made)
        browsers = self._browsers(seen, sharing)
        if browsers is not None:
            made[browsers] = ()
        opened = self._open_microphones(seen)
        self._feed(seen, made, opened, sharing)
        mixes = {sid: self._mix(hall, sid in opened) for sid, hall in self.halls.items() if hall.audio is not None}
        scene = self._make(seen, tuple(made), tuple(dict.fromkeys(mixes.values())), opened, sharing)
        if self._send(self._with_ended(scene)):
            self._serve(made, mixes)
            self._send(replace(scene, version=self._scene.version))
            self._forget_names()
        self._turn_pages(seen)

    def _programs(self, wishes: Sequence[Wish]) -> Mapping[Key, Sequence[Wish]]:
        """As many as there is power for. Once no more than those are wanted, or a presentation has begun or ended, more may be
        asked for again.
        """
        wanted = groups.gather(wishes, limits.GROUPS, self.most_height)
        if len(wanted) <= self._most_groups:
            self._most_groups = limits.GROUPS
            return wanted
        return groups.gather(wishes, self._most_groups, self.most_height)

    def _seen(self) -> list[Seen]:
        """In the order of the list of attendees, browsers after the halls."""
        here = [one for one in self.conference.participants.values() if not one.grants.hidden and not one.left]
        return sorted((_look(one, self.halls.get(one.sid)) for one in here), key=self._position)

    def _position(self, one: Seen) -> int:
        hall = self.halls.get(one.site)
        return hall.position if hall is not None else limits.HALLS

    def _wishes(self, seen: Sequence[Seen], sharing: Seen | None) -> Iterator[Wish]:
        shown = [one.site for one in seen if one.camera is not None]
        if shown and not self.stage.front:
            self.stage = replace(self.stage, speaker=shown[0])  # until somebody speaks: nobody looks at himself alone
        name = self.layout or layout.automatic(len(shown))
        for hall in self.halls.values():
            if hall.plan is None or hall.plan.video is None or not hall.plan.video.stream.we_send:
                continue
            alone = self.mode == "meeting" and [one.site for one in seen] == [hall.sid]
            text = hall.text or self.text or (lone_hall.words(*self.about, hall.language) if alone else "")
            own = hall.layout or name
            if sharing is not None and not self._has_second(hall) and sharing.site != hall.sid:
                view = View(f"slides {text}", "slides", content=sharing.site, text=text)
            elif self.mode == "meeting" and (alone or layout.sees_himself(own, shown, self.stage, hall.sid)):
                view = View(f"front {own} {text}", own, viewer=hall.sid, text=text)
            else:
                view = View(f"all {own} {text}", own, text=text)
            yield Wish(hall.sid, view, hall.plan.video, hall.budget_bps("video", sharing is not None))

    def _has_second(self, hall: Seat) -> bool:
        """Whether a presentation is shown to it apart."""
        return hall.plan is not None and hall.plan.content is not None and self._content_height > 0

    def _content_wishes(self, sharing: Seen | None) -> Iterator[Wish]:
        """The presentation whole, for those who take a second picture; nobody gets his own back."""
        if sharing is None:
            return
        view = View("content", "1", content=sharing.site)
        for hall in self.halls.values():
            if hall.sid != sharing.site and hall.plan is not None and hall.plan.content and self._has_second(hall):
                yield Wish(hall.sid, view, hall.plan.content, hall.budget_bps("content", True))

    def _group(self, key: Key, wishes: Sequence[Wish], seen: Sequence[Seen]) -> pictures.Group:
        view, shape = key
        shown = [one.site for one in seen if one.camera is not None]
        cells: tuple[str, ...] = ()
        if view.role != "content" and self.mode != "reception":
            name: Any = view.layout
            cells = layout.cells(name, shown, self.stage, view.viewer, self._page)
            if view.viewer and not cells:
                # Nobody else has a picture: the name of who speaks stands in its place.
                others = [one.site for one in seen if one.site != view.viewer]
                cells = tuple(layout.ordered(others, self.stage)[:1])
        name = f"{view.role} {shape.name}"
        return pictures.Group(
            id=name,
            ssrc=self._ssrc(name),
            payload_type=PAYLOAD_TYPES["h264"],
            codec="h264",
            width=shape.width,
            height=shape.height,
            fps=shape.fps,
            bitrate_bps=shape.bitrate_bps,
            layout=view.layout,  # type: ignore[arg-type]
            cells=cells,
            profile=shape.profile,
            mode=groups.mode_of(wishes),
            without=view.viewer,
            content=view.content,
            clock=view.role != "content",
            notice=view.role != "content",
            text=view.text,
        )

    def _browsers(self, seen: Sequence[Seen], sharing: Seen | None) -> pictures.Group | None:
        """For those that decode no H.264: the pictures and slides that come in it, the others they have anyway. None: nobody
        needs it, or there is nothing to show.
        """
        if self.composed is None or not self.composed.viewers:
            return None
        shown = [one.site for one in seen if _is_h264(one.camera)]
        content = sharing.site if sharing is not None and _is_h264(sharing.content) else ""
        if not shown and not content:
            return None
        # None of them is the viewer: two stand side by side.
        suits = layout.automatic(max(len(shown), 3) if len(shown) > 1 else 1)
        name: Layout = "slides" if content else self.layout or suits
        return pictures.Group(
            id=BROWSERS,
            ssrc=self._ssrc(BROWSERS),
            payload_type=PAYLOAD_TYPES["vp8"],
            codec="vp8",
            width=limits.BROWSER_SIZE[0],
            height=limits.BROWSER_SIZE[1],
            fps=limits.BROWSER_FPS,
            bitrate_bps=limits.BROWSER_BPS,
            layout=name,
            cells=layout.cells(name, shown, self.stage, "", self._page),
            content=content,
            clock=True,
            notice=True,
            text=self.text,
        )

    def _open_microphones(self, seen: Sequence[Seen]) -> tuple[str, ...]:
        """Those who spoke last first, when there are too many."""
        if self.mode == "reception":
            return ()
        able = [one.site for one in seen if one.microphone is not None and not one.muted]
        if len(able) > limits.MICROPHONES:
            able = layout.ordered(able, self.stage)[: limits.MICROPHONES]
        return tuple(able)

    def _mix(self, hall: Seat, speaks: bool) -> pictures.Mix:
        """Its own, without its own voice, while it may speak or something is said to it alone; else that of all who listen in its
        codec.
        """
        audio = hall.audio
        assert audio is not None
        alone = speaks or hall.sid in self._spoken
        name = f"mix {audio.codec} {hall.sid}" if alone else f"mix {audio.codec}"
        number = self._ssrc(name)
        excluded = hall.sid if alone and self.mode != "echo" else ""
        return pictures.Mix(name, number, PAYLOAD_TYPES[audio.codec], audio.codec, excluded)

    def _feed(
        self,
        seen: Sequence[Seen],
        made: Mapping[pictures.Group, Sequence[Wish]],
        opened: Sequence[str],
        sharing: Seen | None,
    ) -> None:
        """Exactly the sources that are shown or heard go to the mixer."""
        shown = {site for group in made for site in group.cells} | set(self._thumbnail_sites())
        wanted: dict[FeedKey, Producer] = {}
        for one in seen:
            if one.camera is not None and one.site in shown:
                wanted[FeedKey(one.site, "video", False)] = one.camera
            if one.microphone is not None and self._listens_to(one.site, opened):
                # The mixer takes no packets of what it does not need; a hall's voice is ready when it is unmuted.
                wanted[FeedKey(one.site, "audio", False)] = one.microphone
        if sharing is not None and sharing.content is not None and any(group.content for group in made):
            wanted[FeedKey(sharing.site, "video", True)] = sharing.content
        for key, feed in list(self._feeds.items()):
            if wanted.get(key) is not feed.producer:
                del self._feeds[key]
                self.mixer.starve(feed.ssrc)
        for key, producer in wanted.items():
            if key not in self._feeds:
                number = next(self._numbers)
                self.mixer.feed(producer, number)
                self._feeds[key] = Feed(producer, number)

        self._tell_publishers(seen, made, wanted)

    def _tell_publishers(
        self, seen: Sequence[Seen], made: Mapping[pictures.Group, Sequence[Wish]], fed: Mapping[FeedKey, Producer]
    ) -> None:
        """Browsers send what somebody looks at, and halls look too."""
        large = {group.cells[0] for group in made if group.cells and group.layout in layout.LARGE_FIRST}
        for one in seen:
            for track in () if one.site in self.halls else tuple(one.participant.tracks.values()):
                content = track.source is Source.SCREEN_SHARE
                producer = fed.get(FeedKey(one.site, "video", content))
                understood = _understood(track)
                shown = understood is not None and producer is not None and producer is understood.producer
                full = content or one.site in large
                _mix(track, None if understood is not track else _quality(full) if shown else None)
                if track.backup is not None:
                    _mix(track.backup, _quality(full) if shown and understood is track.backup else None)
                if understood is None and track.live:
                    backup_codec.want(track, HALLS, CODECS)

    def _listens_to(self, site: str, opened: Sequence[str]) -> bool:
        return self.mode != "reception" and (site in opened or site in self.halls)

    def _make(
        self,
        seen: Sequence[Seen],
        made: tuple[pictures.Group, ...],
        mixes: tuple[pictures.Mix, ...],
        opened: tuple[str, ...],
        sharing: Seen | None,
    ) -> pictures.Scene:
        speaking = self.conference.speakers.names()
        return pictures.Scene(
            version=self._scene.version,
            sources=tuple(_source(key, feed, self.halls.get(key.site)) for key, feed in self._feeds.items()),
            sites=tuple(_info(one, one.site in speaking, self.halls.get(one.site)) for one in seen),
            groups=made,
            mixes=mixes,
            voices=tuple(self._voices(opened)),
            open_microphones=opened,
            content=sharing.site if sharing is not None else "",
            recording=self.recording,
            prompts=tuple(waiting[0] for waiting in self._spoken.values()),
            thumbnails=(*self._thumbnail_sites(), *([self._preview] if self.watched and self._preview else [])),
        )

    def _voices(self, opened: Sequence[str]) -> Iterator[pictures.Voice]:
        """Of as many halls as the mixer takes, those that are heard now first."""
        heard = [sid for sid in layout.ordered(opened, self.stage) if sid in self.halls]
        others = [sid for sid in self.halls if sid not in opened]
        for sid in (heard + others)[: limits.VOICES]:
            feed = self._feeds.get(FeedKey(sid, "audio", False))
            if feed is not None and self.mode == "meeting":
                yield pictures.Voice(sid, feed.ssrc, self._ssrc(f"voice {sid}"), OPUS)

    def _choose_preview(self, made: Mapping[pictures.Group, Sequence[Wish]]) -> None:
        shown = {group.id: len(wishes) for group, wishes in made.items() if group.clock}
        chosen = max(shown, key=shown.__getitem__, default="")
        if chosen != self._preview:
            self.thumbnails.pop(self._preview, None)
            self._preview = chosen

    def _thumbnail_sites(self) -> tuple[str, ...]:
        """A few at a time: whatever is decoded costs."""
        if not self.watched or not self.halls:
            return ()
        able = [sid for sid, hall in self.halls.items() if hall.camera is not None]
        start = self._page * limits.THUMBNAILS % max(1, len(able))
        return tuple((able + able)[start : start + limits.THUMBNAILS][: len(able)])

    def _send(self, scene: pictures.Scene) -> bool:
        """False: the mixer refused it, which is our own bug; what it makes goes on."""
        if scene == self._scene:
            return True
        wanted = replace(scene, version=next(self._version))
        try:
            self.mixer.set_scene(wanted)
        except pictures.SceneError:
            log.exception("a scene of %s", self.conference.name)
            return False
        self._scene = wanted
        return True

    def _with_ended(self, scene: pictures.Scene) -> pictures.Scene:
        """Programs and mixes that end are still made while their halls change over: with them would end what is sent to halls."""
        groups, mixes = {one.id for one in scene.groups}, {one.id for one in scene.mixes}
        old_groups = tuple(replace(one, cells=(), ending=True) for one in self._scene.groups if one.id not in groups)
        old_mixes = tuple(one for one in self._scene.mixes if one.id not in mixes)
        return replace(scene, groups=scene.groups + old_groups, mixes=scene.mixes + old_mixes)

    def _serve(self, made: Mapping[pictures.Group, Sequence[Wish]], mixes: Mapping[str, pictures.Mix]) -> None:
        program: dict[str, Producer] = {}
        content: dict[str, Producer] = {}
        for group, wishes in made.items():
            output = self.mixer.output(group.ssrc)
            # Only the presentation alone has no clock.
            (program if group.clock else content).update((wish.hall, output) for wish in wishes)
        self._groups = {wish.hall: group for group, wishes in made.items() if group.clock for wish in wishes}
        if self.composed is not None:
            composed = next((group for group in made if group.id == BROWSERS), None)
            self.composed.show(None if composed is None else self.mixer.output(composed.ssrc))
        voices = {voice.site: self.mixer.output(voice.ssrc_out) for voice in self._scene.voices}
        large = {group.cells[0] for group in made if group.cells and group.layout in layout.LARGE_FIRST}
        for sid, hall in list(self.halls.items()):
            mix = self.mixer.output(mixes[sid].ssrc) if sid in mixes else None
            hall.serve(Served(program.get(sid), mix, content.get(sid)))
            hall.set_voice(voices.get(sid))
            hall.shown_large(sid in large)

    def _ssrc(self, name: str) -> int:
        if name not in self._ssrcs:
            self._ssrcs[name] = next(self._numbers)
        return self._ssrcs[name]

    def _forget_names(self) -> None:
        """A name that is used again later gets another number."""
        used = set(self._scene.outputs())
        self._ssrcs = {name: number for name, number in self._ssrcs.items() if number in used}

    def _turn_pages(self, seen: Sequence[Seen]) -> None:
        """While a lecturer looks at many listeners, or thumbnails are shown in turn."""
        turns = self.watched or any(group.layout == "lecture" and group.without for group in self._scene.groups)
        if turns and self._page_timer is None:
            self._page_timer = self.conference.turns.call_later(limits.PAGE_S, self._next_page)

    def _next_page(self) -> None:
        self._page_timer = None
        self._page += 1
        self.changed()


def _mix(track: Track, quality: Quality | None) -> None:
    if track.mixed != quality:
        track.mixed = quality
        subscriptions.update_wish(track)


def _look(participant: Participant, hall: Seat | None) -> Seen:
    tracks = list(participant.tracks.values())
    camera = _live(tracks, Source.CAMERA)
    content = _live(tracks, Source.SCREEN_SHARE)
    if hall is not None:
        return Seen(participant, camera, hall.microphone, content, hall.muted)
    microphone = _live(tracks, Source.MICROPHONE)
    return Seen(participant, camera, microphone, content, microphone is None)


def _live(tracks: Sequence[Track], source: Source) -> Producer | None:
    """The producer of the first such track that sends something the mixer understands."""
    for track in tracks:
        if track.source is source and not track.muted:
            understood = _understood(track)
            if understood is not None:
                return understood.producer
    return None


def _understood(track: Track) -> Track | None:
    """The track or its second codec, as the mixer can take it."""
    for codec in (track, track.backup):
        if codec is not None and codec.producer is not None and codec.mime.lower() in CODECS:
            return codec
    return None


def _missed(track: Track) -> bool:
    """It is sent in no codec that the mixer takes: none was promised, or the one that was does not come."""
    if track.kind != "video" or track.muted or not track.live:
        return False
    if HALLS in track.lacking:
        return track.awaited is not None and track.awaited.given_up
    promised = track.announcement.backup
    return _understood(track) is None and (promised is None or promised.lower() not in CODECS)


def _quality(full: bool) -> Quality:
    return Quality.HIGH if full else Quality.MEDIUM


def _is_h264(producer: Producer | None) -> bool:
    return producer is not None and producer.mime.lower() == "video/h264"


def _source(key: FeedKey, feed: Feed, hall: Seat | None) -> pictures.Source:
    codec: Any = CODECS[feed.producer.mime.lower()]
    kind: Any = key.kind
    number = next((one.payload_type for one in feed.producer.codecs if one.name == codec), PAYLOAD_TYPES[codec])
    plan = hall.plan.audio if hall is not None and hall.plan is not None and kind == "audio" else None
    unmeasured = plan is not None and plan.codec == "opus" and plan.levels_id == 0
    return pictures.Source(feed.ssrc, kind, codec, number, key.site, key.content, unmeasured)


def _label(participant: Participant) -> str:
    return (participant.grants.name or participant.identity)[: limits.LABEL_CHARACTERS]


def _info(one: Seen, speaking: bool, hall: Seat | None) -> pictures.SiteInfo:
    wants = hall is not None and hall.floor_wanted_at is not None
    return pictures.SiteInfo(one.site, _label(one.participant), one.muted, speaking, wants, one.camera is not None)
