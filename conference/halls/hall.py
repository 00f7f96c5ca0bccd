"""A hall terminal as a participant: its lines, its tracks, and the pictures and sound that it receives.

Browsers see an ordinary participant with a camera, a microphone and sometimes a presentation. A hall has no browser connection.
Its media are lines of the packet plane. The lines are opened before the call is offered (`prepare`) and set by the agreement
(`apply`). Owns the hall's keypad and wishes. Does not know SDP or SIP (`HallSignal`) or the content of the program
(`program.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from conference.announcements import spoken_texts
from conference.announcements.spoken_texts import Language
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import Action, Event, LayersWanted, Left, MuteAsked, Quality, Reason
from conference.ground.identifiers import ParticipantSid
from conference.ground.marks import UNMUTE_ASKED, WAITS
from conference.ground.permissions import Source
from conference.ground.plan import AudioPlan, MediaPlan
from conference.halls import keypad
from conference.halls.keypad import Command, Keypad
from conference.halls.lines import Lines, Medium
from conference.people.channels import NoChannels
from conference.people.link import Link
from conference.people.participant import Participant, Stage
from conference.picture.layout import CYCLE, Layout
from conference.picture.program import Program, layout_chosen, move_apart, take_content_back
from conference.ports.clients import Entry
from conference.ports.halls import HallSignal, LineOptions, Served
from conference.ports.media import Line, Producer
from conference.ports.time import Clock
from conference.tracks import publishing
from conference.tracks.track import Announcement, Track

_CHOICES: Final = {Command.VOTE_FOR: 0, Command.VOTE_AGAINST: 1, Command.VOTE_ABSTAIN: 2}
"""The options of a motion, in the order of `chair.voting.question.MOTION`."""
Wants = Literal["operator", "floor", "mute", "layout", "begin"]

CAMERA: Final = Announcement("camera", "video", Source.CAMERA, width=1280, height=720)
MICROPHONE: Final = Announcement("microphone", "audio", Source.MICROPHONE, red=False)
CONTENT: Final = Announcement("content", "video", Source.SCREEN_SHARE, width=1920, height=1080)


class LineLink:
    """The media path of a hall, and the events of its lines. Implements `people.link.Link` and `lines.LineOwner`."""

    channels = NoChannels()

    def __init__(self, hall: Hall, clock: Clock) -> None:
        self.ever_connected = False
        self.alive: set[Medium] = set()
        """The lines on which packets arrive."""
        self._hall = hall
        self._clock = clock
        self._quiet_since: float | None = clock.monotonic()
        self._asked_whether_there = False

    def quiet_s(self, now: float) -> float | None:
        return None if self._quiet_since is None else now - self._quiet_since

    def failed_s(self, now: float) -> None:
        return None

    def peers(self) -> tuple[Line, ...]:
        """Return the lines. For statistics they count as peers."""
        return self._hall.lines.opened()

    def close(self) -> None:
        self._hall.lines.close()

    # -- lines.LineOwner

    def line_alive(self, medium: Medium, alive: bool) -> None:
        """Note that packets arrive, or have stopped for a while. When all lines are silent, the signalling asks once whether
        the hall is still there.
        """
        (self.alive.add if alive else self.alive.discard)(medium)
        if self.alive:
            self._quiet_since = None
            self._asked_whether_there = False
            if not self.ever_connected:
                self.ever_connected = True
                self._hall.media_connected()
            return
        if self._quiet_since is None:
            self._quiet_since = self._clock.monotonic()
        if not alive and not self._asked_whether_there:
            self._asked_whether_there = True
            self._hall.program.ports.silent(self._hall.stage.name, self._hall)

    def line_wants_keyframe(self, medium: Medium) -> None:
        """Ask for a key frame over the signalling, because requests by packets had no effect."""
        self._hall.signal.request_keyframe()

    def line_limited(self, medium: Medium, bitrate_bps: int) -> None:
        """Note a lower bit rate that the hall requested for a picture, so that it gets another program. A limit for sound is
        ignored.
        """
        if medium != "audio":
            self._hall.narrow(medium, bitrate_bps)

    def line_pressed(self, key: str) -> None:
        if not self._hall.signal.pressed(key):
            self._hall.press(key)

    def line_said(self, frame: bytes) -> None:
        self._hall.signal.camera_said(frame)


class Remote:
    """The remote control of a hall: the effect of its keys in a meeting."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._pad = Keypad()

    def press(self, key: str, now: float) -> None:
        self._pad, command = keypad.press(self._pad, key, now, waits=WAITS in self._hall.grants.attributes)
        if command is not None:
            self._do(command)

    def _do(self, command: Command) -> None:
        hall = self._hall
        if command is Command.MICROPHONE:
            self._toggle_microphone()
        elif command is Command.FLOOR:
            self._ask_floor()
        elif command is Command.LAYOUT:
            hall.set_layout(_next_layout(hall.layout))
            hall.say("layout")
            hall.wish("layout")
        elif command is Command.OPERATOR:
            hall.say("operator")
            hall.wish("operator")
        elif command is Command.CHAIR:
            hall.say("ask_chair_code")
        elif command is Command.CODE:
            self._take_chair(self._pad.digits)
        elif command is Command.DELEGATES:
            hall.say("ask_delegates")
        elif command is Command.COUNT:
            self._report(self._pad.digits)
        elif command is Command.BEGIN:
            if hall.waiting and not hall.apart:
                hall.wish("begin")
        elif command in _CHOICES:
            hall.ballot(_CHOICES[command])
        else:
            hall.say("help")

    def _ask_floor(self) -> None:
        hall = self._hall
        wanted = hall.floor_wanted_at is None
        try:
            hall.raise_hand(wanted)
        except Refusal as refusal:
            hall.say("waiting" if refusal.code == "in_lobby" else "floor_queue_full")
            return
        hall.say("floor_asked" if wanted else "floor_withdrawn")
        hall.wish("floor", wanted)

    def _take_chair(self, code: str) -> None:
        """Take the chair with its code, and announce the result."""
        hall = self._hall
        try:
            hall.stage.hands.take_chair(hall, code)
        except Refusal as refusal:
            hall.notify(refusal.code if refusal.code in spoken_texts.TEXTS else "chair_code_shut")
        else:
            hall.notify("chair_taken")
            hall.wish("floor")

    def _report(self, digits: str) -> None:
        """Report the number of delegates, unless the hall waits outside of a closed session."""
        if self._hall.apart:
            self._hall.say("waiting")
        elif digits.isdecimal() and int(digits) <= limits.ROLL_DELEGATES:
            self._hall.report(int(digits))
        else:
            self._hall.say("delegates_wrong")

    def _toggle_microphone(self) -> None:
        hall = self._hall
        if hall.muted and hall.locked:
            hall.say("waiting" if WAITS in hall.grants.attributes else "unmute_denied")
            return
        barred = hall.table.gate.barred(hall, Source.MICROPHONE, "audio")
        if hall.muted and barred:
            hall.notify("floor_needed" if barred == "floor_needed" else "unmute_denied")
            return
        hall.set_muted(not hall.muted)
        hall.set_mark(UNMUTE_ASKED, on=False)
        hall.say("muted" if hall.muted else "unmuted")
        hall.wish("mute", hall.muted)


class Notice:
    """A text over the picture of one hall that disappears by itself."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def show(self, words: str) -> None:
        """Write the words over the hall's picture, unless an operator's text is there."""
        if not self._hall.text:
            self._hall.set_text(words)
            self._hall.stage.turns.call_later(limits.HALL_NOTICE_S, self._hide, words)

    def _hide(self, words: str) -> None:
        if self._hall.text == words and not self._hall.left:
            self._hall.set_text("")


@dataclass(frozen=True, slots=True)
class Wished:
    """A request that the hall made with its keypad or its own menus."""

    hall: Hall
    what: Wants
    on: bool = True


class Hall(Participant):
    """A hall in a conference. `Halls.expect` makes it. All methods run in the conference's event loop."""

    def __init__(
        self,
        stage: Stage,
        entry: Entry,
        program: Program,
        signal: HallSignal,
        options: LineOptions,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.program = program
        self.signal = signal
        self.plan: MediaPlan | None = None
        self.layout: Layout | None = None
        self.text = ""
        self.alone = ""
        """The identity of the site that this hall sees alone; empty: none."""
        self.card = ("", "")
        """The address of the QR code by which people in this hall vote, and the words about the open vote."""
        self.apart = False
        """The hall waits in the lobby during a closed session."""
        self.waiting = False
        """The hall waits, muted, for the chair to open the meeting."""
        self.language: Language = "vi"
        """The language of the announcements to this hall."""
        self.muted = False
        self.locked = False
        """True while the hall cannot unmute itself, because a host muted it."""
        self.deafened = False
        self.floor_wanted_at: float | None = None
        self.ballot: Callable[[int], None] = lambda choice: self.say("vote_none")
        """Takes a ballot from the keypad: the place of an option of a motion. The chair of the meeting sets the function.
        A ballot is no wish (`wish`), because wishes reach the operator's board.
        """
        self.report: Callable[[int], None] = lambda delegates: self.say("delegates_none")
        """Takes the number of delegates from the keypad. The roll call of the meeting sets the function."""
        self.stop: Callable[[str], bool] = lambda sid: False
        """Stops the presentation of a participant (sid) by order of this hall, if the hall leads the meeting. The chair of the
        meeting sets the function.
        """
        self.position = 10_000
        """The place in the order of sites. It is 0 for a hall of the date's call list. The default is for other halls."""
        self.served = Served(None, None, None)
        self.microphone: Producer | None = None
        """The sound as the hall sends it, for the mixer. Browsers get it from the mixer, as Opus (`set_voice`)."""
        self.camera: Producer | None = None
        self._remote = Remote(self)
        self._notice = Notice(self)
        self.content: Producer | None = None
        self.content_allowed = False
        self.withheld: set[Source] = set()
        """The pictures that the rules of the meeting forbid to this hall now."""
        self.narrowed: dict[Medium, int] = {}
        """Lower bit rates that the hall has requested during the call (TMMBR), bit/s."""
        self._wishes: tuple[int, int] = (0, 0)
        self.link = LineLink(self, stage.clock)
        self.lines = Lines(stage.router, self.link, options, random_bytes)
        super().__init__(stage, ParticipantSid("PA_" + stage.tracks.suffix()), entry, self)

    def _connect(self) -> Link:
        return self.link

    @property
    def audio(self) -> AudioPlan | None:
        """Return the agreed audio if the hall receives sound."""
        plan = self.plan.audio if self.plan is not None else None
        return plan if plan is not None and plan.stream.we_send else None

    def budget_bps(self, medium: Medium, sharing: bool) -> int:
        """Return the rate limit for one picture. 0: the hall set no limit in its description and requested none later."""
        bounds = [self.narrowed.get(medium, 0)]
        if self.plan is not None and self.plan.limit_bps:
            rest = max(self.plan.limit_bps - limits.AUDIO_BPS, 1)
            bounds.append(rest // 2 if sharing and self.plan.content is not None else rest)
        return min((one for one in bounds if one), default=0)

    # -- the call

    def apply(self, plan: MediaPlan) -> None:
        """Apply a new agreement. Media that are no longer in the plan end."""
        self.plan = plan
        self.lines.apply(plan)
        self._publish()
        self.program.changed()
        self._tell_wishes()

    def _publish(self) -> None:
        self.microphone = self.lines.producer("audio")
        video = self.lines.producer("video")
        if video is not self.camera:
            self.camera = video
            self.replace(CAMERA, None if self.apart else video)
        content = self.lines.producer("content")
        if content is not self.content:
            self.content = content
            self.replace(CONTENT, content if self.content_allowed and not self.apart else None)

    def set_voice(self, producer: Producer | None) -> None:
        """Publish the hall's sound for browsers: Opus, from the mixer."""
        self.replace(MICROPHONE, None if self.apart else producer)

    def replace(self, announcement: Announcement, producer: Producer | None) -> None:
        """Replace the published track of one source. The lines and the mixer end the packets themselves. A picture that the
        rules forbid is not published.
        """
        if producer is not None and announcement is not MICROPHONE and _is_withheld(self, announcement):
            producer = None
        old = track_of(self, announcement.source)
        if old is not None and old.producer is producer:
            return
        if old is not None:
            publishing.unpublish(self, old, tell=False, ends=False)
        if producer is not None and not self.left:
            track = publishing.publish(self, announcement, producer)
            if announcement is MICROPHONE and self.muted:
                publishing.set_muted(self, track, True)

    def let_present(self, allowed: bool) -> None:
        """Set whether the hall holds the content token. Only with the token do others see its second picture."""
        if self.content_allowed != allowed:
            self.content_allowed = allowed
            self._tell_wishes()
            self.replace(CONTENT, self.content if allowed and not self.apart else None)
            self.program.changed()

    def serve(self, served: Served) -> None:
        """Send these outputs to the hall from now on."""
        self.served = served
        self.lines.serve(served, deafened=self.deafened)

    # -- changes by operators and hosts

    def set_muted(self, muted: bool, *, locked: bool = False) -> None:
        """Mute or unmute the hall. `locked`: the hall cannot undo the mute with its keypad."""
        self.locked = locked and muted
        if self.muted == muted:
            return
        self.muted = muted
        track = track_of(self, Source.MICROPHONE)
        if track is not None:
            publishing.set_muted(self, track, muted)
        self.program.changed()

    def silence(self) -> bool:
        """Mute the hall by order of a host. An announcement reports the mute to the hall, and the hall's key cannot undo it."""
        on = not self.muted
        if on or not self.locked:
            self.say("unmute_denied")
        self.set_muted(True, locked=True)
        self.set_mark(UNMUTE_ASKED, on=False)
        return on

    def ask_to_unmute(self) -> None:
        """Unlock the hall's microphone key, and announce this in sound and picture. Raises Refusal `microphone_on`."""
        if not self.muted:
            raise Refusal("microphone_on")
        self.set_muted(True, locked=False)
        self.notify("unmute_asked")
        self.set_mark(UNMUTE_ASKED, on=True)

    def unsilence(self) -> bool:
        if self.muted and self.locked:
            self.set_muted(False)
            self.say("unmuted")
        return True

    def notify(self, code: str, number: int | None = None) -> None:
        """Announce a text in sound and picture. `number`: a number after the text, read digit by digit."""
        digits = "" if number is None else str(number)
        self.say(code, *(f"digit_{digit}" for digit in digits))
        self._notice.show(f"{spoken_texts.text(code, self.language)} {digits}".rstrip())

    def lower_hand(self) -> None:
        if self.floor_wanted_at is not None:
            self.raise_hand(False)
            self.say("floor_withdrawn")

    def set_deafened(self, deafened: bool) -> None:
        self.deafened = deafened
        self.lines.serve(self.served, deafened=deafened)

    def set_layout(self, name: Layout | None) -> None:
        """Set the hall's own layout. None: the layout of all others."""
        self.layout = name
        layout_chosen(self.program, self.sid)

    def narrow(self, medium: Medium, bitrate_bps: int) -> None:
        """Note that the hall requested a lower bit rate for a picture."""
        if self.narrowed.get(medium) != bitrate_bps:
            self.narrowed[medium] = bitrate_bps
            self.program.changed()

    def set_text(self, text: str) -> None:
        """Set the text over the hall's own picture."""
        self.text = text[: limits.HALL_TEXT_CHARACTERS]
        self.program.changed()

    def give_floor(self) -> None:
        """Give the floor to a hall that requested it, and announce this to the hall."""
        if self.floor_wanted_at is not None:
            self.raise_hand(False)
            self.say("floor_given")

    # -- the hall as a client (ports.Client)

    def deliver(self, event: Event) -> None:
        if isinstance(event, Left):
            self.signal.hang_up(event.reason.value)
        elif isinstance(event, LayersWanted):
            self._wishes = (0 if event.highest is None else event.highest.value + 1, self._wishes[1])
            self._tell_wishes()
        elif isinstance(event, MuteAsked):
            self.set_muted(event.muted, locked=event.muted)

    def shown_large(self, large: bool) -> None:
        """Note whether the hall is large in a program: on stage, or alone in the picture."""
        if self._wishes[1] != int(large):
            self._wishes = (self._wishes[0], int(large))
            self._tell_wishes()

    def _tell_wishes(self) -> None:
        """Limit the hall's camera to the size that viewers need. The limit is UP_FULL_BPS if a program shows the hall large, or
        if a browser wants more than the lowest quality. Otherwise it is UP_TILE_BPS. The bandwidth of the register limits both,
        and half of it while the hall presents.
        """
        if self.plan is None or self.plan.video is None:
            return
        quality, large = self._wishes
        full = large or quality > Quality.MEDIUM.value
        bounds = [limits.UP_FULL_BPS if full else limits.UP_TILE_BPS]
        if self.plan.pictures_bps:
            presents = self.content_allowed and self.plan.content is not None
            bounds.append(self.plan.pictures_bps // 2 if presents else self.plan.pictures_bps)
            self.lines.limit("content", self.plan.pictures_bps // 2)
        self.lines.limit("video", min(bounds))

    # -- the remote control

    def press(self, key: str) -> None:
        """Handle a key that no menu used. It arrived by RFC 4733 or by the signalling."""
        self._remote.press(key, self.stage.clock.monotonic())

    def say(self, *codes: str) -> None:
        """Announce texts, one after the other."""
        self.program.say(self, *((code, self.language) for code in codes))

    def wish(self, what: Wants, on: bool = True) -> None:
        self.program.ports.wished(self.stage.name, Wished(self, what, on))

    def keyframe_asked(self) -> None:
        """Ask for a key frame, because the hall's decoder requested one over the signalling."""
        if self.served.program is not None:
            self.served.program.request_keyframe()
        if self.served.content is not None:
            self.served.content.request_keyframe()

    # -- the end of the call

    def hung_up(self) -> None:
        """Leave because the hall hung up."""
        self.client = None
        if not self.left:
            self.stage.remove(self, Reason.CLIENT_INITIATED)

    def dismiss(self, reason: Reason, action: Action) -> None:
        client, self.client = self.client, None
        if client is not None:
            self.signal.hang_up(reason.value)


def _next_layout(name: Layout | None) -> Layout | None:
    """Return the next offered layout. After the last one comes None, the layout of all others."""
    if name is None:
        return CYCLE[0]
    place = CYCLE.index(name) + 1 if name in CYCLE else 0
    return CYCLE[place] if place < len(CYCLE) else None


def set_apart(hall: Hall, apart: bool) -> None:
    """Send the hall to the lobby, or let it return. In the lobby it sees words, hears nothing, and nobody sees or hears it. All
    streams stop at once, and not with the next scene.
    """
    if hall.apart == apart:
        return
    hall.apart = apart
    _mark_waits(hall)
    if apart:
        hall.serve(Served(None, None, None))
        hall.replace(MICROPHONE, None)
    _show(hall)
    move_apart(hall.program, hall)


def set_waiting(hall: Hall, waiting: bool) -> None:
    """Let the hall wait for the chair to open the meeting, or end this wait. Its microphone does not change."""
    hall.waiting = waiting
    _mark_waits(hall)


def _mark_waits(hall: Hall) -> None:
    """Set the mark of a hall that waits, in the lobby or for the opening. The mark stays until both waits have ended."""
    waits = hall.apart or hall.waiting
    if waits != (WAITS in hall.grants.attributes):
        hall.set_mark(WAITS, on=waits)


def obey(hall: Hall) -> None:
    """Withhold the pictures that the rules forbid now, and show again what they permit. A hall that presents loses the content
    token.
    """
    if hall.content_allowed and not hall.program.content_token.may(hall.sid):
        hall.notify("share_off")
        take_content_back(hall.program)
    _show(hall)


def _show(hall: Hall) -> None:
    hall.replace(CAMERA, None if hall.apart else hall.camera)
    hall.replace(CONTENT, hall.content if hall.content_allowed and not hall.apart else None)


def _is_withheld(hall: Hall, announcement: Announcement) -> bool:
    """Report whether the rules forbid this picture of the hall. An announcement tells the hall once."""
    source = announcement.source
    barred = hall.table.gate.barred(hall, source, announcement.kind)
    if barred and source not in hall.withheld:
        hall.notify(barred)
    hall.withheld = hall.withheld | {source} if barred else hall.withheld - {source}
    return bool(barred)


def show_alone(hall: Hall, identity: str) -> None:
    """Show one site to this hall alone, whatever the others see. Empty: the picture of all others."""
    hall.alone = identity
    hall.program.changed()


def track_of(hall: Hall, source: Source) -> Track | None:
    return next((one for one in hall.tracks.values() if one.source is source), None)
