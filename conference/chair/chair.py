"""The chair of one live meeting: every order of a leader, with its right asked in the one table, and its effects.

`Chair` (`Conference.chair`) has the orders. `Machines` (`Conference.machines`) steps roles, rules and floor, stores them, and
puts them into the desk document. No other part does. An order that acts at once (mute, remove, lock, give the floor) is stored
when the database answers. An order about roles is stored first, and is refused without the database. `Machines` implements
`tracks.gate.Gate` and `people.participant.Hands`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from conference.chair import floor, rights, roles, rules
from conference.chair.codes import Codes
from conference.chair.floor import Mode
from conference.chair.rights import Act, By, Role, Way
from conference.chair.roles import Roles
from conference.chair.rules import Rules
from conference.chair.speech import Speech, TakenBack, kind_of
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Grants, Passage, Source
from conference.halls.hall import Hall
from conference.halls.halls import Halls
from conference.halls.microphones import Microphones
from conference.halls.spotlight import Shown, Spotlight
from conference.people.participant import Participant
from conference.picture import layout
from conference.ports.proceedings import Proceedings, Record, Turn
from conference.ports.shared import Table
from conference.ports.time import Clock
from conference.tracks import publishing
from conference.tracks.gate import Sender
from conference.tracks.track import Track
from rooms.policy.bearers import bearer

VERSION: Final = 1
"""The version of the stored states."""


class Meeting(Protocol):
    """The conference as its chair sees it."""

    @property
    def name(self) -> str: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def participants(self) -> Mapping[str, Participant]: ...
    @property
    def halls(self) -> Halls: ...
    @property
    def removed(self) -> Table[float]: ...
    def kick(self, identity: str, revoked_at: float | None = None) -> None: ...


class Announces(Protocol):
    """The desk document."""

    def put(self, section: str, value: Any, *, host_only: bool = False) -> None: ...
    def put_row(self, section: str, key: str, row: Mapping[str, Any] | None, *, host_only: bool = False) -> None: ...


class Machines:
    """The machines of roles, rules and floor, and what happens to them when participants come and go.

    `repaint` is called for a participant whose role has changed. `code` returns the chair code of a conference, for keypads.
    None: this server has no chair codes. `entry_muted`: the rule for newcomers, as the meeting was planned.
    """

    def __init__(
        self,
        meeting: Meeting,
        document: Announces,
        repaint: Callable[[Participant], None],
        proceedings: Proceedings | None = None,
        code: Callable[[str], str] | None = None,
        *,
        entry_muted: bool = False,
    ) -> None:
        self.meeting, self._document, self._repaint = meeting, document, repaint
        self._proceedings = proceedings
        self.codes = Codes(code(meeting.name) if code is not None else "")
        self.roles = Roles()
        self.rules = Rules(entry_muted=entry_muted)
        self.microphones = Microphones(meeting.participants, self.barred)
        self.spotlight = Spotlight(meeting.participants, lambda: meeting.halls.program, self._announce_floor)
        self.speech = Speech(
            meeting.participants,
            meeting.clock,
            self.microphones,
            self.spotlight,
            lambda identity: self.roles.holder == identity,
            self._turned,
            self.floor_changed,
        )
        self.silent: Callable[[], bool] = lambda: False
        """Reports whether all microphones must stay off, because of a recess."""
        self.stopped: Callable[[], bool] = lambda: False
        """Reports whether no participant may enter, because secret content came up."""
        self.outside: Callable[[str], bool] = lambda identity: False
        """Reports whether a participant waits in the lobby of a closed session."""
        self.staged: Callable[[str], bool] = lambda identity: False
        """Reports whether the roll call shows a participant now, and nobody has the floor."""
        self._queued: frozenset[str] = frozenset()
        """The identities of the queue as the document shows them."""
        self._members: dict[str, None] = {}
        """The bearers who have been in the meeting. They may come back while the meeting is locked."""
        self._awaited_until: float | None = None
        """Until this time (Unix seconds) the floor keeps turns and requests of people who have not come back after a restart."""
        self._rules_stored = False
        self._restore()
        self._announce()

    # -- who came and who left

    def came(self, one: Participant) -> None:
        """Note a participant that joined."""
        if one.grants.hidden:
            return
        who = bearer(one.identity)
        known = who in self._members
        self._members.pop(who, None)
        self._members[who] = None
        while len(self._members) > limits.CHAIR_MEMBERS:
            del self._members[next(iter(self._members))]
        if (self.rules.locked and not known) or not (self._rules_stored or self.rules == Rules()):
            self._rules_stored = True
            self._store("rules", _rules_kept(self.rules, self._members))
        self.step_roles(_arrival(one))
        if isinstance(one, Hall):
            self.spotlight.came()
            self.microphones.came(one, entry_muted=self.mutes_entry(one))
        self.speech.came(one, asks=not self.outside(one.identity))

    def gone(self, one: Participant) -> None:
        """Note a participant that left and is no longer among the participants."""
        if one.grants.hidden:
            return
        if isinstance(one, Hall):
            self.microphones.gone(one)
        self.step_roles(roles.Gone(one.identity))
        self.speech.gone(one)

    def connected(self, one: Participant) -> None:
        """Note that a signalling connection was lost, or is there again. A chair without a connection is away."""
        if one.left or one.grants.hidden or self.meeting.participants.get(one.identity) is not one:
            return
        here, known = one.client is not None, one.identity in self.roles.present
        if here != known:
            self.step_roles(_arrival(one) if here else roles.Gone(one.identity))
            if here:  # the rights may have gone to another while the microphone stayed on
                self.microphones.enforce()

    def forget(self, identity: str) -> None:
        """Note a person who was removed: the old token opens nothing after a restart, and the lock keeps the person out."""
        self._store("removed", {"at": dict(self.meeting.removed.items()[-limits.REMOVED_KEPT :])})
        if self._members.pop(bearer(identity), "") is None and self.rules.locked:
            self._store("rules", _rules_kept(self.rules, self._members))

    def tick(self) -> None:
        """Do the timed work, about once a second."""
        now = self.meeting.clock.time()
        if self._awaited_until is not None and now >= self._awaited_until:
            self._awaited_until = None
            state = self.speech.state
            known = {one.identity for one in state.queue} | {one.identity for one in state.turns}
            for identity in known - set(self.meeting.participants):
                self.speech.step(floor.Gone(identity))
        self.step_roles(roles.Tick())
        self.speech.tick()

    def finish(self) -> None:
        """End all turns, because the meeting ends. A server that stops does not call this: the meeting goes on after it."""
        self.speech.step(floor.Finish())

    def shuts_out(self, grants: Grants) -> bool:
        """Report whether the lock keeps the bearer out. Hosts, halls that the server calls, and people who were in the meeting
        may enter.
        """
        free = grants.passage is Passage.EXEMPT or grants.may_moderate(self.meeting.name)
        if self.stopped():
            return True
        return self.rules.locked and not free and bearer(grants.identity) not in self._members

    @property
    def speaks(self) -> bool:
        """Report whether a participant has the floor."""
        return bool(self.speech.state.turns)

    # -- tracks.gate.Gate

    def mutes_entry(self, sender: Sender) -> bool:
        """A speaker who comes back after a lost line or a restart is no newcomer. The chair lets others in by asking them."""
        speaks = self.speech.state.turn_of(sender.identity) is not None or sender.identity in self.rules.allowed
        return self.rules.entry_muted and not speaks and self.roles.of(sender.identity) not in rights.LEADERS

    def barred(self, sender: Sender, source: Source, kind: str) -> str:
        if self.silent() and kind == "audio" and source is not Source.SCREEN_SHARE_AUDIO:
            return "in_recess"
        if kind == "audio" and source is not Source.SCREEN_SHARE_AUDIO and self.staged(sender.identity):
            return ""
        role = role_of(self, sender.identity)
        return rules.barred(self.rules, self.speech.state, sender.identity, role, source, kind)

    def bars_chat(self, identity: str) -> str:
        """Return the code of the refusal if this participant may not write to the chat now, or an empty text."""
        return rules.bars_chat(self.rules, role_of(self, identity))

    # -- people.participant.Hands

    def hand(self, one: Participant, up: bool, kind: str = "", way: Way = "page") -> None:
        """Queue a request to speak, or take it back. Raises Refusal `floor_queue_full`, `in_lobby`, `not_allowed`."""
        by = self.by(one.identity, one.grants.name, way)
        if up:
            rights.ask(by, Act.ASK_FLOOR)
            if self.outside(one.identity):
                raise Refusal("in_lobby")
            self.speech.step(floor.Ask(one.identity, kind_of(kind)))
        else:
            self.speech.step(floor.Withdraw(one.identity))

    def take_chair(self, hall: Participant, code: str) -> None:
        """Make a hall the chair, if its code is right. Raises Refusal `chair_code_wrong`, `chair_code_shut`."""
        by = self.by(hall.identity, hall.grants.name, "keypad")
        self.ask(by, Act.TAKE_CHAIR)
        if self.codes.is_shut(hall.identity):
            raise Refusal("chair_code_shut")
        if not self.codes.fits(hall.identity, code):
            self.codes_changed()
            self.note(by, Act.TAKE_CHAIR, hall, {"wrong": True})
            raise Refusal("chair_code_wrong")
        self.step_roles(roles.Taken(hall.identity))
        self.note(by, Act.TAKE_CHAIR, hall)

    def codes_changed(self) -> None:
        self._store("roles", _kept(self.roles, self.codes.wrong))
        self._document.put("chair_codes_shut", self.codes.as_json() or None, host_only=True)

    # -- who acts

    def by(self, identity: str, name: str, way: Way) -> By:
        """Return the actor for a participant, or for a host at a desk. A leader who is not the chair acts on behalf of the chair.

        The caller has checked that a person who is not in the meeting is a host: this person acts as secretary. A chair whose
        signalling line is lost acts as co-chair by another line, because the chair's own rights wait or are lent.
        """
        present = identity in self.meeting.participants
        role = role_of(self, identity) if present else Role.SECRETARY
        if role is Role.CHAIR and identity not in self.roles.present:
            role = Role.CO_CHAIR
        return By(identity, name, role, role in rights.LEADERS and role is not Role.CHAIR, way)

    def ask(self, by: By, act: Act, identity: str = "") -> None:
        """Raise Refusal if the table does not permit the act, on this participant if one is named."""
        rights.ask(by, act, role_of(self, identity) if identity else None)

    # -- the machines

    def step_roles(self, event: roles.Event) -> None:
        before = self.roles
        self.roles, effects = roles.step(before, event, self.meeting.clock.time())
        self._roles_changed(before, effects)

    def _roles_changed(self, before: Roles, effects: Collection[roles.Effect]) -> None:
        if (before.chair, before.booked, before.appointed) != (
            self.roles.chair,
            self.roles.booked,
            self.roles.appointed,
        ):
            self._store("roles", _kept(self.roles, self.codes.wrong))
        for effect in effects:
            if isinstance(effect, roles.RoleChanged):
                one = self.meeting.participants.get(effect.identity)
                if one is not None:
                    self._repaint(one)
        if effects:
            self._announce_chair()
        ruled, now = (before.holder, before.chair, before.appointed), self.roles
        if ruled != (now.holder, now.chair, now.appointed):
            self.microphones.enforce()  # The holder before needs the floor now. A short loss of the network mutes no chair.

    async def store_roles(self, by: By, act: Act, event: roles.Event, one: Participant | None) -> None:
        """Store new roles, then let them take effect. Raises Refusal `not_stored`. The roles may have changed while the
        database answered, so the event is stepped again. If that is refused, the store gets the roles that hold, and the record
        says that the order was not done.
        """
        wanted, _ = roles.step(self.roles, event, self.meeting.clock.time())
        if self._proceedings is not None:
            stored = {**_kept(wanted, self.codes.wrong), "version": VERSION}
            await self._proceedings.keep(self.meeting.name, "roles", stored, (self._record(by, act, one),))
        try:
            self.step_roles(event)
        except Refusal as refused:
            self._store("roles", _kept(self.roles, self.codes.wrong))
            self.note(by, act, one, {"not_done": refused.code})
            raise

    def step_rules(self, event: rules.Event) -> None:
        self.rules, effects = rules.step(self.rules, event, self.meeting.clock.time())
        if effects:
            self._store("rules", _rules_kept(self.rules, self._members))
            self._document.put("rules", rules.as_json(self.rules))

    def floor_changed(self) -> None:
        self._store("floor", floor.as_json(self.speech.state))
        self._announce_floor()

    def _turned(self, turn: floor.Turn, ended_at: float | None) -> None:
        if self._proceedings is None:
            return
        one = self.meeting.participants.get(turn.identity)
        name = one.grants.name if one is not None else turn.identity
        self._proceedings.turn(
            self.meeting.name,
            Turn(turn.id, turn.identity, name, turn.since, ended_at, turn.kind.value, turn.delegation),
        )

    # -- the document and the store

    def _announce(self) -> None:
        """Announce what a restart kept. A section that is absent has its usual values."""
        if self.rules != Rules():
            self._document.put("rules", rules.as_json(self.rules))
        if self.speech.state != floor.Floor():
            self._announce_floor()
        if self.codes.code:
            self._document.put("chair_code", self.codes.code, host_only=True)
        if self.codes.as_json():
            self._document.put("chair_codes_shut", self.codes.as_json(), host_only=True)
        self._announce_chair()

    def _announce_floor(self) -> None:
        """Announce the floor. The queue changes row by row, because a hall's hand must stay a short message."""
        self._document.put("floor", self.speech.as_json() or None)
        rows = self.speech.rows()
        for identity in (*rows, *(self._queued - rows.keys())):
            self._document.put_row("queue", identity, rows.get(identity))
        self._queued = frozenset(rows)

    def _announce_chair(self) -> None:
        phase, holder = self.roles.phase, self.roles.holder
        said = {"id": holder or None, "phase": phase.value} if phase is not roles.Phase.VACANT else None
        self._document.put("chair", said)

    def note(self, by: By, act: Act, one: Participant | None = None, detail: Mapping[str, Any] | None = None) -> None:
        """Record an order that has taken effect."""
        if self._proceedings is not None:
            record = self._record(by, act, one, detail)
            self._proceedings.note(self.meeting.name, "floor", None, (record,))

    def _record(
        self, by: By, act: Act, one: Participant | None = None, detail: Mapping[str, Any] | None = None
    ) -> Record:
        on, name = (one.identity, one.grants.name) if one is not None else ("", "")
        at = self.meeting.clock.time()
        return Record(act.value, at, by.identity, by.name, by.for_chair, by.way, on, name, detail or {})

    def _store(self, machine: str, state: Mapping[str, Any]) -> None:
        if self._proceedings is not None:
            self._proceedings.note(self.meeting.name, machine, {**state, "version": VERSION})

    def _restore(self) -> None:
        """Take up the meeting where a crash left it."""
        if self._proceedings is None:
            return
        kept, now = self._proceedings.restored(self.meeting.name), self.meeting.clock.time()
        known = {machine: state for machine, state in kept.items() if state.get("version") == VERSION}
        if "roles" in known:
            self.roles = roles.from_json(known["roles"], now)
            self.codes.restore(known["roles"].get("wrong_codes", {}))
        if "rules" in known:
            self.rules, self._rules_stored = rules.from_json(known["rules"]), True
            self._members = dict.fromkeys(map(str, known["rules"].get("members", ())))
        if "floor" in known:
            self.speech.state = floor.from_json(known["floor"])
            self._awaited_until = now + limits.FLOOR_RESTORED_S
        for identity, at in known.get("removed", {}).get("at", {}).items():
            self.meeting.removed.put(str(identity), float(at))


def role_of(machines: Machines, identity: str) -> Role:
    """Return the role of a participant, also while its connection is lost. Its media path may still work then."""
    one = machines.meeting.participants.get(identity)
    if one is None or one.grants.hidden or identity in machines.roles.present:
        return machines.roles.of(identity)
    return roles.of_absent(machines.roles, identity, _arrival(one).role)


class Silence:
    """A mute of all participants. `sids`: the participants whose microphones were on. `until` is in seconds of the monotonic
    clock.
    """

    def __init__(self, token: str, until: float, sids: tuple[str, ...], halls: frozenset[str]) -> None:
        self.token, self.until, self.sids, self.halls = token, until, sids, halls


class Chair:
    """The orders of one conference. Each order asks the right of `by`, acts, and is recorded."""

    def __init__(self, machines: Machines, suffix: Callable[[], str]) -> None:
        self.machines = machines
        self._meeting = machines.meeting
        self._suffix = suffix
        self._silence: Silence | None = None

    # -- orders that act at once

    def mute_one(self, by: By, identity: str) -> bool:
        """Mute a participant's microphones. Returns True if one was on."""
        one = self._find(by, Act.MUTE_ONE, identity)
        self.machines.step_rules(rules.Bar(identity))
        self._touch(one)
        on = one.silence()
        self.machines.note(by, Act.MUTE_ONE, one)
        return on

    def mute_all(self, by: By, *, spare_floor: bool = False) -> Silence:
        """Mute all participants except the actor. `spare_floor`: except those with the floor too."""
        self.machines.ask(by, Act.MUTE_ALL)
        spared = {by.identity} | ({one.identity for one in self.machines.speech.state.turns} if spare_floor else set())
        others = [one for one in tuple(self._meeting.participants.values()) if one.identity not in spared]
        self.machines.speech.touched([one.sid for one in others])
        silenced = [one for one in others if one.silence()]
        self.machines.step_rules(rules.Bar())
        until = self._meeting.clock.monotonic() + limits.SILENCE_UNDO_S
        halls = frozenset(one.identity for one in silenced if isinstance(one, Hall))
        self._silence = Silence(self._suffix(), until, tuple(one.sid for one in silenced), halls)
        self.machines.note(by, Act.MUTE_ALL, detail={"muted": len(silenced)})
        return self._silence

    def mute_track(self, by: By, identity: str, track_sid: str, muted: bool) -> Track:
        """Mute or unmute one track, for the server API. Raises Refusal."""
        act = Act.MUTE_ONE if muted else Act.UNMUTE_ASK
        one = self._find(by, act, identity)
        self._touch(one)
        track = publishing.mute_from_outside(one, track_sid, muted)
        self.machines.note(by, act, one, {"track": track.source.value})
        return track

    def set_hall_muted(self, by: By, hall: Hall, muted: bool, *, locked: bool) -> None:
        """Mute or unmute a hall, for an operator. Raises Refusal `floor_needed` if others have the floor."""
        act = Act.MUTE_ONE if muted else Act.UNMUTE_ASK
        self.machines.ask(by, act, hall.identity)
        barred = self.machines.barred(hall, Source.MICROPHONE, "audio")
        if barred and not muted:
            raise Refusal(barred)
        self._touch(hall)
        hall.set_muted(muted, locked=locked)
        self.machines.note(by, act, hall)

    def ask_to_unmute(self, by: By, identity: str) -> None:
        """Ask a participant to unmute. Raises Refusal `floor_needed`: in the mode of one microphone a participant must be called
        to speak. Raises Refusal `in_recess`: nobody may be heard, and a page that answers at the end surprises a hall.
        """
        one = self._find(by, Act.UNMUTE_ASK, identity)
        barred = self.machines.barred(one, Source.MICROPHONE, "audio")
        if barred in ("floor_needed", "in_recess"):
            raise Refusal(barred)
        one.ask_to_unmute()
        self._touch(one)
        self.machines.step_rules(rules.Allow(identity))
        self.machines.note(by, Act.UNMUTE_ASK, one)

    def lower_hand(self, by: By, identity: str) -> None:
        one = self._find(by, Act.LOWER_HAND, identity)
        one.lower_hand()
        self.machines.note(by, Act.LOWER_HAND, one)

    def remove(self, by: By, identity: str, revoked_at: float | None = None) -> None:
        """Remove a participant. Raises Refusal `host_stays`, `participant_not_found`."""
        one = self._find(by, Act.REMOVE, identity)
        self._meeting.kick(identity, revoked_at)
        self.machines.note(by, Act.REMOVE, one)

    def lock(self, by: By, locked: bool) -> None:
        self.machines.ask(by, Act.LOCK)
        self.machines.step_rules(rules.Lock() if locked else rules.Unlock())
        self.machines.note(by, Act.LOCK, detail={"locked": locked})

    def set_rules(self, by: By, wanted: rules.Set) -> None:
        """Change the rules, and mute at once what they forbid."""
        self.machines.ask(by, Act.SET_RULES)
        self.machines.step_rules(wanted)
        self.machines.microphones.enforce()
        self.machines.note(by, Act.SET_RULES, detail=rules.as_json(self.machines.rules))

    def allow_codes(self, by: By) -> None:
        """Accept chair codes again after too many wrong ones. Raises Refusal `chair_codes_open`."""
        self.machines.ask(by, Act.ALLOW_CODES)
        self.machines.codes.allow()
        self.machines.codes_changed()
        self.machines.note(by, Act.ALLOW_CODES)

    def set_floor_mode(self, by: By, mode: Mode) -> None:
        self.machines.ask(by, Act.SET_FLOOR_MODE)
        self.machines.speech.set_mode(mode)
        self.machines.note(by, Act.SET_FLOOR_MODE, detail={"mode": mode.value})

    def set_budget(self, by: By, delegation: str, budget_s: float) -> None:
        self.machines.ask(by, Act.SET_BUDGET)
        self.machines.speech.step(floor.SetBudget(delegation, budget_s))
        self.machines.note(by, Act.SET_BUDGET, detail={"delegation": delegation, "budget_s": budget_s})

    def call_speaker(self, by: By, identity: str, time_s: float = 0.0) -> str:
        """Give the floor (mời phát biểu). Returns the token of the undo. Raises Refusal `floor_full`, and `in_recess`: a call
        would switch the microphone of a hall on.
        """
        one = self._find(by, Act.CALL_SPEAKER, identity)
        if self.machines.silent():
            raise Refusal("in_recess")
        token = self._suffix()
        self.machines.speech.call(one, token, time_s)
        self.machines.note(by, Act.CALL_SPEAKER, one, {"time_s": time_s})
        return token

    def end_turn(self, by: By, identity: str = "") -> None:
        """End the turn of a participant, or all turns. Participants may end their own turn. Raises Refusal `floor_not_given`."""
        if not identity or identity != by.identity:
            self.machines.ask(by, Act.END_TURN)
        self.machines.speech.step(floor.End(identity))
        self.machines.note(by, Act.END_TURN, self._meeting.participants.get(identity))

    def reorder(self, by: By, identity: str, place: int) -> None:
        one = self._find(by, Act.REORDER, identity)
        self.machines.speech.step(floor.Move(identity, place))
        self.machines.note(by, Act.REORDER, one, {"place": place})

    def stage(self, by: By, identity: str = "", mode: layout.Mode = "pinned") -> Shown:
        """Show a participant large to all, or follow the active speaker again. Return the stage before, for `restage`."""
        before = self.machines.spotlight.shown
        if not identity:
            self.machines.ask(by, Act.STAGE)
            self.machines.spotlight.clear()
            self.machines.note(by, Act.STAGE)
            return before
        one = self._find(by, Act.STAGE, identity)
        self.machines.spotlight.show(one, mode)
        self.machines.note(by, Act.STAGE, one, {"mode": mode})
        return before

    def restage(self, by: By, shown: Shown) -> None:
        """Undo `stage`."""
        self.machines.ask(by, Act.STAGE)
        self.machines.spotlight.restore(shown)

    def undo(self, by: By, token: str) -> TakenBack:
        """Undo the last mute of all, or the last call to speak. Raises Refusal `undo_gone`."""
        self.machines.ask(by, Act.UNDO)
        made, now = self._silence, self._meeting.clock.monotonic()
        if made is None or made.token != token:
            back = self.machines.speech.take_back(token)
        elif now > made.until:
            raise Refusal("undo_gone")
        else:
            self._silence = None
            self.machines.microphones.forget(made.halls)
            back = TakenBack(*self.machines.microphones.give_back(made.sids))
        self.machines.note(by, Act.UNDO, detail={"unmuted": back.unmuted, "asked": back.asked})
        return back

    def _touch(self, one: Participant) -> None:
        """Let no undo take a newer order about this microphone back."""
        self.machines.speech.touched((one.sid,))
        if self._silence is not None:
            self._silence.sids = tuple(sid for sid in self._silence.sids if sid != one.sid)
            self._silence.halls -= {one.identity}

    # -- orders about roles

    async def hand_over(self, by: By, identity: str) -> None:
        """Give the chair to a participant. Raises Refusal `chair_lent`."""
        self._ask_chair(by, Act.HAND_OVER)
        one = self._find(by, Act.HAND_OVER, identity)
        await self.machines.store_roles(by, Act.HAND_OVER, roles.Given(identity), one)

    async def appoint(self, by: By, identity: str, role: Role) -> None:
        """Make a participant co-chair, secretary, delegate, observer or guest. Raises Refusal `chair_lent`."""
        self._ask_chair(by, Act.APPOINT)
        one = self._find(by, Act.APPOINT, identity)
        await self.machines.store_roles(by, Act.APPOINT, roles.Appointed(identity, role), one)

    async def release(self, by: By) -> None:
        """Give the chair up, or revoke it as an operator. Raises Refusal `no_chair`, `chair_lent`."""
        act = Act.REVOKE_CHAIR if by.role is Role.OPERATOR else Act.RELEASE_CHAIR
        self._ask_chair(by, act)
        former = self._meeting.participants.get(self.machines.roles.chair)
        role = Role.HALL if isinstance(former, Hall) else Role.DELEGATE
        await self.machines.store_roles(by, act, roles.Released(role), former)

    def _ask_chair(self, by: By, act: Act) -> None:
        """Ask the right of an order that changes roles for good. While the chair is away for a short time, the borrower of the
        rights may not give it. Raises Refusal `chair_lent`.
        """
        self.machines.ask(by, act)
        now = self._meeting.clock.time()
        if by.role is not Role.OPERATOR and not roles.gives_roles(self.machines.roles, by.identity, now):
            raise Refusal("chair_lent")

    def _find(self, by: By, act: Act, identity: str) -> Participant:
        """Return the participant, after the right was asked. Only an operator sees a hidden one. Raises Refusal."""
        one = self._meeting.participants.get(identity)
        if one is None or (one.grants.hidden and by.role is not Role.OPERATOR):
            self.machines.ask(by, act)
            raise Refusal("participant_not_found")
        self.machines.ask(by, act, identity)
        return one


def _kept(state: Roles, wrong_codes: Mapping[str, int]) -> dict[str, Any]:
    """Return the stored roles, with the wrong chair codes: a meeting that was empty must not open the keypads again."""
    return {**roles.as_json(state), "wrong_codes": dict(wrong_codes)}


def _rules_kept(known: Rules, members: Collection[str]) -> dict[str, Any]:
    """Return the rules for the store. The members are stored while the meeting is locked, because they may come back after a
    restart.
    """
    return rules.as_json(known) | ({"members": list(members)} if known.locked else {})


def _arrival(one: Participant) -> roles.Came:
    """Return the arrival with the role that the token gives: by the claim, or by the way in."""
    grants = one.grants
    if grants.role in {role.value for role in Role}:
        return roles.Came(one.identity, Role(grants.role))
    if isinstance(one, Hall):
        return roles.Came(one.identity, Role.HALL)
    if grants.may_moderate(grants.conference):
        return roles.Came(one.identity, Role.CHAIR, default=True)
    return roles.Came(one.identity, Role.GUEST if grants.passage is Passage.ADMITTED else Role.DELEGATE)
