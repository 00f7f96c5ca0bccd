"""The pictures and the sound of the halls of one conference: collects settings and events, and keeps the mixer's scene up to
date.

Each change makes the whole scene again (`scene.py`), SCENE_S later, or SCENE_SLOW_S later after many new programs. The mixer
gets the scene if it differs (`applier.py`). So a mixer that was restarted needs nothing else. `PICTURE.md` beside this file
gives the rules. Does not decode, and knows no SDP.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from conference.announcements.spoken_texts import Language
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.outbox import change
from conference.ground.permissions import Source
from conference.people.participant import Participant
from conference.people.participant import Stage as Surroundings
from conference.picture import layout, power, publishers, sites
from conference.picture.applier import Applier, key_of
from conference.picture.composed import Composed
from conference.picture.content_token import ContentToken, ContentTokenChange, follow_browsers
from conference.picture.layout import Layout, Stage
from conference.picture.power import Power
from conference.picture.scene import BROWSERS, Mode, Site, State, hearers, presenter, scene
from conference.picture.seat import Seat
from conference.picture.sites import Seen
from conference.picture.status import MixerStatus
from conference.picture.words.prompts import Prompts
from conference.picture.words.splash import Splash
from conference.ports.halls import HallPorts
from conference.ports.time import Cancellable, Turns
from conference.tracks.track import Subscriber
from media import at_step
from media import scene as pictures


class PictureStage(Surroundings, Protocol):
    """The conference as its picture sees it."""

    @property
    def participants(self) -> Mapping[str, Participant]:
        """The participants, by identity."""


class Timer:
    """A timer that runs `action` once after each start. A start during a run changes nothing."""

    def __init__(self, turns: Turns, action: Callable[[], None]) -> None:
        self._turns = turns
        self._action = action
        self._running: Cancellable | None = None

    def start(self, delay_s: float) -> None:
        if self._running is None:
            self._running = self._turns.call_later(delay_s, self._end)

    def _end(self) -> None:
        self._running = None
        self._action()

    @property
    def runs(self) -> bool:
        return self._running is not None

    def cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()


class Program:
    """The program of one conference with halls."""

    def __init__(self, conference: PictureStage, ports: HallPorts, mode: Mode = "meeting") -> None:
        self.conference = conference
        self.outbox = conference.outbox
        self.ports = ports
        self.mode = mode
        self.stage = Stage()
        self.content_token = ContentToken(partial(_may_present, self))
        """The right to show slides, by sid. The last participant that requests it gets it, as between two terminals."""
        self._sharing: frozenset[str] = frozenset()
        """The browsers that share their screen."""
        self.layout: Layout | None = None
        """The chosen layout. None: the layout fits the number of pictures."""
        self.text = ""
        self.vote: Mapping[Language, str] = {}
        """The words about the open vote or the newest result, by language."""
        self.recording = False
        self.plates: Mapping[str, str] = {}
        """The words on the tile of a site in place of its name, by identity."""
        self.halls: dict[str, Seat] = {}  # by sid
        self.composed: Composed | None = None
        """The composed picture. It exists from the first browser on that does not decode H.264."""
        self.watched = False
        """An operator looks at the board, so thumbnails are needed."""
        self.checked = False
        """The roll call needs the look of each site, so thumbnails are needed."""
        self.thumbnails: dict[str, bytes] = {}
        self._preview = ""
        """The name of the program that most halls see."""
        self.closed = False
        self._power = Power()
        self._pause = power.Pause()
        self._simpler: frozenset[str] = frozenset()
        self._page = 0
        self._begun: deque[float] = deque(maxlen=limits.PROGRAMS_BEGUN)
        """The times of recent scenes with a new program."""
        self._scene_timer = Timer(conference.turns, self._rebuild)
        self._stage_timer = Timer(conference.turns, self._settle_stage)
        self._page_timer = Timer(conference.turns, self._turn_page)
        self._power_timer = Timer(conference.turns, self._ask_again)
        self.splash = Splash(conference.turns, self.changed)
        self.prompts = Prompts(conference.clock, conference.turns, self.changed)
        self.status = MixerStatus(conference.name, self)
        self._applier = Applier(conference.name, ports.open_mixer(conference.router, self.status))

    # -- participants

    def enter(self, hall: Seat) -> None:
        self.halls[hall.sid] = hall
        self.changed()

    def leave(self, hall: Seat) -> None:
        self.halls.pop(hall.sid, None)
        self.thumbnails.pop(hall.sid, None)
        self.status.looks.pop(hall.sid, None)
        self.prompts.leave(hall.sid)
        self.gone(hall.sid)

    def gone(self, sid: str) -> None:
        """Remove a participant that left; it may be a hall or not."""
        self.stage = layout.without(self.stage, sid)
        self._sharing -= {sid}
        if self.composed is not None:
            self.composed.gone(sid)
        self._pass_content_token(self.content_token.give_up(sid))
        self.changed()

    # -- the presenter

    def content_token_moved(self, changes: Sequence[ContentTokenChange]) -> None:
        """Show the second picture of the hall that holds the token, and of no other hall. The terminals know the change
        already.
        """
        if changes:
            for hall in tuple(self.halls.values()):
                hall.let_present(hall.sid == self.content_token.holder)
            self.changed()

    def _pass_content_token(self, changes: Sequence[ContentTokenChange]) -> None:
        if changes:
            self.content_token_moved(changes)
            self.ports.content_token_moved(self, changes)

    # -- programs

    def group_of(self, hall: Seat) -> pictures.Group | None:
        """Return the program that this hall gets."""
        return self._applier.programs.get(hall.sid)

    def is_simpler(self, hall: Seat) -> bool:
        """Report whether this hall gets a simpler picture because the mixer has no power for a better one."""
        group, step = self.group_of(hall), self.status.step
        return hall.sid in self._simpler or (group is not None and at_step(group, step) != at_step(group, 0))

    @property
    def picture(self) -> bytes | None:
        """Return a small JPEG of the program that most halls see. None if no operator looks, or no program exists."""
        return self.thumbnails.get(self._preview)

    def unseen(self) -> list[str]:
        """Return the names of the first people who send a picture that the halls do not get."""
        return publishers.unseen(self._browsers())

    def _browsers(self) -> Iterator[Participant]:
        return (one for one in tuple(self.conference.participants.values()) if one.sid not in self.halls)

    def heard(self, sid: str) -> None:
        """Note who speaks now. An empty sid means no participant."""
        now = self.conference.clock.monotonic()
        before, self.stage = self.stage, layout.heard(self.stage, sid, now)
        if self.stage.front != before.front:
            self.changed()
        due = layout.next_due(self.stage)
        if due is not None:
            self._stage_timer.start(max(0.0, due - now))

    def _settle_stage(self) -> None:
        self.heard(self.stage.loudest)

    def changed(self) -> None:
        """Note that the scene may have changed."""
        if not self.closed:
            self._scene_timer.start(self._pace_s())

    def _pace_s(self) -> float:
        now = self.conference.clock.monotonic()
        many = len(self._begun) == limits.PROGRAMS_BEGUN and now - self._begun[0] < limits.PROGRAMS_BEGUN_S
        return limits.SCENE_SLOW_S if many else limits.SCENE_S

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        for timer in (self._scene_timer, self._stage_timer, self._page_timer, self._power_timer):
            timer.cancel()
        if self.composed is not None:
            self.composed.close()
        self._applier.close()
        publishers.release(tuple(self.conference.participants.values()))

    def compose_for(self, viewer: Subscriber) -> None:
        """Show the composed picture to a browser that decodes no hall's picture."""
        if self.mode != "meeting" or self.closed:
            return
        if self.composed is None:
            self.composed = Composed(self.conference)
        self.composed.admit(viewer)
        self.changed()

    # -- operator settings

    def set_layout(self, name: Layout | None) -> None:
        self.layout = name
        layout_chosen(self, "")

    def set_stage(self, mode: layout.Mode, site: str = "", hold_s: float | None = None) -> None:
        """Set the mode of the stage. Raises Refusal `participant_not_found`."""
        if mode != "auto" and not any(one.sid == site for one in self.conference.participants.values()):
            raise Refusal("participant_not_found")
        hold = self.stage.hold_s if hold_s is None else min(max(hold_s, limits.HOLD_LEAST_S), limits.HOLD_MOST_S)
        self.stage = layout.ordered_stage(self.stage, mode, "" if mode == "auto" else site, hold)
        self.changed()

    def set_text(self, text: str) -> None:
        """Set the text over the picture of all halls; "" removes it."""
        self.text = text[: limits.HALL_TEXT_CHARACTERS]
        self.changed()

    def say(self, hall: Seat, *words: tuple[str, Language]) -> None:
        """Play recorded announcements to one hall, one after the other. They replace the current announcement. A hall without
        sound gets none.
        """
        if hall.plan is None or hall.audio is not None:
            self.prompts.say(hall.sid, [(code, self.ports.announcement(code, language)) for code, language in words])

    def watch(self, watched: bool) -> None:
        if self.watched != watched:
            self.watched = watched
            self.changed()

    # -- reports of the mixer

    def refused(self, group: str) -> None:
        """Note that the mixer has no power for a program. The program for browsers waits until there is power."""
        asked = [one for one in self._applier.sent.groups if one.id != BROWSERS]
        after = power.refused(self._power, asked, group)
        if after is not self._power:
            self._power = after
            if not self._power_timer.runs:
                self._pause = power.refused_at(self._pause, self.conference.clock.monotonic())
                self._power_timer.start(self._pause.length_s)
            self.changed()

    def _ask_again(self) -> None:
        """Request everything again if the mixer has room for all of it."""
        if self._power.is_full:
            return
        everything = scene(replace(self._state(tuple(one.site for one in self._look())), power=power.full(self._power)))
        if self._applier.mixer.has_room(everything.picture.groups):
            self._power = power.full(self._power)
            self._pause = replace(self._pause, asked_at=self.conference.clock.monotonic())
            self.changed()
        else:
            self._power_timer.start(self._pause.length_s)

    def keep_thumbnail(self, site: str, jpeg: bytes) -> None:
        if (site in self.halls or site == self._preview) and len(jpeg) <= limits.THUMBNAIL_BYTES:
            self.thumbnails[site] = jpeg

    # -- the scene

    @change
    def _rebuild(self) -> None:
        if self.closed:
            return
        seen = self._look()
        holder = self.content_token.holder
        self._follow_browsers(seen)
        if self.content_token.holder != holder:
            seen = self._look()  # the second picture of another hall is visible now
        state = self._state(tuple(one.site for one in seen))
        wanted = scene(state)
        self._power = power.asked(state.power, wanted.programs_wanted)
        self._simpler = wanted.simpler
        if wanted.halls_of.keys() - {one.id for one in self._applier.sent.groups}:
            self._begun.append(self.conference.clock.monotonic())
        if wanted.preview != self._preview:
            self.thumbnails.pop(self._preview, None)
            self._preview = wanted.preview
        producers = {key: producer for one in seen for key, producer in one.producers()}
        fed = {key_of(source): producers[key_of(source)] for source in wanted.picture.sources}
        publishers.tell([one.participant for one in seen if one.site.sid not in self.halls], wanted, fed)
        self._applier.apply(wanted, fed, self.halls, self.composed)
        if self.watched or self.checked or wanted.turns_pages:
            self._page_timer.start(limits.PAGE_S)

    def _look(self) -> list[Seen]:
        people = self.conference.participants.values()
        return sites.look(people, self.halls, self.conference.speakers.names(), self.plates)

    def _follow_browsers(self, seen: Sequence[Seen]) -> None:
        """Update the token from the browsers that share, because a browser does not request it."""
        shares = [one.site.sid for one in seen if one.content is not None and one.site.sid not in self.halls]
        changes = follow_browsers(self.content_token, self._sharing, shares)
        self._sharing = frozenset(shares)
        self._pass_content_token(changes)

    def _state(self, seen: tuple[Site, ...]) -> State:
        shown = [one.sid for one in seen if one.camera is not None]
        self.stage = layout.begun(self.stage, shown)
        sids = {identity: one.sid for identity, one in self.conference.participants.items()}
        return State(
            mode=self.mode,
            sites=seen,
            viewers=tuple(sites.viewer(hall, sids) for hall in self.halls.values()),
            stage=self.stage,
            holder=self.content_token.holder,
            power=power.presenting(self._power, presenter(seen, self.content_token.holder) is not None),
            layout=self.layout,
            text=self.text,
            vote=self.vote,
            about=self.splash.about,
            waiting=self.splash.waiting,
            begun=self.splash.begun,
            recess=self.splash.recess,
            stopped=self.splash.stopped,
            apart=frozenset(sid for sid, hall in self.halls.items() if hall.apart),
            page=self._page,
            watched=self.watched or self.checked,
            composed=self.composed is not None and bool(self.composed.viewers),
            recording=self.recording,
            prompts=self.prompts.now,
        )

    def _turn_page(self) -> None:
        """Show the next page, while a lecturer looks at many listeners or thumbnails are made in turn."""
        self._page += 1
        self.changed()


def announce(program: Program, code: str) -> None:
    """Play a recorded announcement to all halls. The halls of one language hear it at the same time. A hall that hears another
    announcement hears this one afterwards.
    """
    able = [one for one in program.halls.values() if one.plan is None or one.audio is not None]
    places = {
        one.sid if program.prompts.has(one.sid) else hearers(one.language): program.ports.announcement(
            code, one.language
        )
        for one in able
    }
    for place, path in places.items():
        program.prompts.queue(place, code, path)


def _may_present(program: Program, sid: str) -> bool:
    """Report whether the rules let this participant present now. A hall outside of a closed session may not."""
    if program.mode != "meeting" or (sid in program.halls and program.halls[sid].apart):
        return False
    one = next((one for one in program.conference.participants.values() if one.sid == sid), None)
    return one is None or not one.table.gate.barred(one, Source.SCREEN_SHARE, "video")


def take_content_back(program: Program) -> None:
    """Take the content token from its holder by order of the chair."""
    changes = program.content_token.revoke()
    if changes:
        program.content_token_moved(changes)
        program.ports.content_token_moved(program, changes)


def layout_chosen(program: Program, hall: str) -> None:
    """Note that a layout was chosen now: it acts during the present stage. `hall`: a sid; "": the common layout."""
    program.stage = replace(program.stage, chosen=program.stage.chosen | {hall})
    program.changed()


def pin(program: Program, pins: Sequence[str]) -> None:
    """Give these sites (sids) fixed places in layouts with several places; "" for an automatic place."""
    program.stage = replace(program.stage, pins=tuple(pins)[: limits.PINS])
    program.changed()


def label(program: Program, plates: Mapping[str, str]) -> None:
    """Set the words on the tiles of sites in place of their names, by identity."""
    program.plates = dict(plates)
    program.changed()


def show_vote(program: Program, words: Mapping[Language, str], for_s: float | None = None) -> None:
    """Show words about a vote over the picture of all halls, by language. The words stay for `for_s` seconds. None: they stay
    until others replace them.
    """
    program.vote = words
    program.changed()

    def end() -> None:
        if program.vote is words:
            program.vote = {}
            program.changed()

    if for_s is not None:
        program.conference.turns.call_later(for_s, end)


def move_apart(program: Program, hall: Seat) -> None:
    """Note that a hall went to the lobby or came back. In the lobby it may not present, and hears no announcement."""
    if hall.apart:
        changes = program.content_token.give_up(hall.sid)
        if changes:
            program.content_token_moved(changes)
            program.ports.content_token_moved(program, changes)
        program.prompts.leave(hall.sid)
    program.changed()


def look_at_all(program: Program, checked: bool) -> None:
    """Begin or end the check of all halls' pictures before a roll call."""
    if program.checked != checked:
        program.checked = checked
        program.changed()
