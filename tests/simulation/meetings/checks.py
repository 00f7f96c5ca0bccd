"""What must hold after each step of a simulated meeting, and the memory that the checks compare with.

The memory holds only what people did and what the server answered. So a fault in the state of the server cannot hide itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conference import Conference, Hall, Participant, Source, limits
from conference.chair import floor, roles, rules
from conference.chair.course import rollcall
from conference.chair.floor import Mode
from conference.chair.rights import Role
from conference.chair.voting import cards
from conference.chair.voting.vote import State, Vote
from conference.ground.marks import WAITS
from rooms.policy.bearers import bearer
from tests.simulation.meetings.people import is_heard


class Broken(AssertionError):
    """An invariant does not hold. `rule` is its name."""

    def __init__(self, rule: str, why: object) -> None:
        super().__init__(f"{rule}: {why}")
        self.rule = rule


def hold(rule: str, met: object, why: object = "") -> None:
    if not met:
        raise Broken(rule, why)


@dataclass
class Ballots:
    """The ballots of one vote: the choices that the server acknowledged, by bearer."""

    way: str
    kind: str
    counted: dict[str, tuple[int, ...]] = field(default_factory=dict)
    unsure: Counter[str] = field(default_factory=Counter)
    """The orders whose effect is not known, by bearer: without an answer, or refused because the database gave none."""
    phones: dict[str, str] = field(default_factory=dict)
    """The card of each phone with an acknowledged ballot."""
    closed: bool = False


@dataclass
class Undo:
    at: float
    used: bool = False


@dataclass
class Memory:
    """What people did, and what the server answered."""

    ballots: dict[str, Ballots] = field(default_factory=dict)
    undos: dict[str, Undo] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    """The last acknowledged marks of the roll call, by site. Uncertain marks are not here."""
    roll_run: int = 0
    roll_unsure: bool = False
    removed: dict[str, float] = field(default_factory=dict)
    """The time of each removal, by identity."""
    turns: dict[str, str] = field(default_factory=dict)
    """Who spoke, by the id of the turn."""
    chair: str = ""
    connected: dict[str, float] = field(default_factory=dict)
    """When an identity was connected last (Unix seconds)."""
    tick_s: float = 1.0
    """Seconds between two rounds of the timed work in the last step."""
    restarted_at: float = float("-inf")
    away_since: float | None = None
    """Since when the chair is away, as the people know it."""

    def end(self) -> None:
        """Forget the meeting, which ended because all had left. The next one begins with nothing."""
        for one in (self.ballots, self.undos, self.marks, self.removed, self.turns):
            one.clear()
        self.roll_run, self.roll_unsure, self.chair, self.away_since = 0, False, "", None


def visible(meeting: Conference) -> list[Participant]:
    return [one for one in meeting.participants.values() if not one.grants.hidden]


def speakers(meeting: Conference, memory: Memory, now: float) -> None:
    """One speaker at most in the mode of one microphone, and nobody is heard whom the rules bar."""
    state, chair = meeting.machines.speech.state, meeting.machines.roles.chair
    if state.mode is not Mode.SEVERAL:
        hold("one speaker", len(state.turns) <= 1, state.turns)
    hold("few speakers", len(state.turns) <= limits.SPEAKERS, len(state.turns))
    memory.turns |= {one.id: one.identity for one in state.turns}
    row = meeting.course.roll.state.current
    called = meeting.course.roll.calls and not state.turns
    staged = bearer(row.site.id) if called and row is not None else ""
    heard = {one.identity for one in visible(meeting) if is_heard(one) and bearer(one.identity) != staged}
    if meeting.course.breaks.state.silent:
        hold("silence in a recess", not heard, heard)
    if state.mode is Mode.ONE:
        lent = bool(meeting.machines.roles.lent_to)
        allowed = {meeting.machines.roles.holder if lent else chair} | {one.identity for one in state.turns}
        hold("one microphone", heard <= allowed, heard - allowed)
    for identity in heard:
        one = meeting.participants[identity]
        why = meeting.machines.barred(one, Source.MICROPHONE, "audio")
        hold("nobody is heard who is barred", not why or why == "unmute_off", (identity, why))


def grants(meeting: Conference, memory: Memory, now: float) -> None:
    """Every grant of the floor ends, and belongs to a participant."""
    state = meeting.machines.speech.state
    waits = now - memory.restarted_at <= limits.FLOOR_RESTORED_S + 2 * memory.tick_s
    for turn in state.turns:
        most = turn.since + limits.TURN_MOST_S
        over = most if turn.ends_at is None else min(most, turn.ends_at + limits.OVERTIME_S)
        over = max(over, memory.restarted_at)
        hold("every grant ends", now <= over + 2 * memory.tick_s, (turn, now - over))
        hold("no grant to an absent person", turn.identity in meeting.participants or waits, turn)
    for request in state.queue:
        hold("no request of an absent person", request.identity in meeting.participants or waits, request)
    identities = [one.identity for one in state.queue]
    hold("one request each", len(set(identities)) == len(identities), identities)
    hold("no speaker twice", len({one.identity for one in state.turns}) == len(state.turns), state.turns)


def chair(meeting: Conference, memory: Memory, now: float) -> None:
    """The rights of the chair have a connected holder, and only a present person gets a role."""
    state = meeting.machines.roles
    here = {one.identity for one in visible(meeting) if isinstance(one, Hall) or one.client is not None}
    memory.connected |= dict.fromkeys(here, now)
    hold("roles of those who are connected", set(state.present) == here, set(state.present) ^ here)
    holder = state.holder
    hold("the chair's rights have a holder", holder in here or holder == roles.OPERATORS, holder)
    if state.chair in here:
        hold("the chair holds the rights", holder == state.chair, holder)
        memory.away_since = None
    elif state.chair != memory.chair or memory.away_since is None:
        memory.away_since = now
    waited = now - (memory.away_since or now) > limits.CHAIR_AWAY_S + 2 * memory.tick_s
    successors = {one for one, role in state.present.items() if role in (Role.CO_CHAIR, Role.SECRETARY)}
    if waited and successors:
        hold("the rights are lent", holder in successors, (holder, successors))
    if state.chair != memory.chair and state.chair:
        seen = memory.connected.get(state.chair, float("-inf"))
        hold("no role for an absent person", now - seen <= 2 * memory.tick_s, (state.chair, now - seen))
    memory.chair = state.chair


def ballots(meeting: Conference, memory: Memory, now: float) -> None:
    """Ballots equal voters, and each acknowledged ballot counts once, as it was cast."""
    for vote in meeting.polls.votes.all:
        known = memory.ballots.get(vote.id)
        if known is None or known.way == "hands" or vote.state in (State.PREPARED, State.ANNULLED):
            continue
        entitled = {one.identity for one in vote.entitled}
        voted = set(vote.result.voters) if vote.result is not None else set(vote.named) | set(vote.box.voted)
        cast = vote.result.cast if vote.result is not None else vote.cast
        hold("ballots equal voters", cast == len(voted), (vote.id, cast, len(voted)))
        hold("only the entitled vote", voted <= entitled, voted - entitled)
        hold("no ballot is lost", set(known.counted) <= voted, set(known.counted) - voted)
        phones(vote, known)
        hold("no ballot from nowhere", voted <= set(known.counted) | set(known.unsure), voted - set(known.counted))
        if vote.state is State.CLOSED and not known.closed:
            known.closed = True
            counts(vote, known)


def phones(vote: Vote, known: Ballots) -> None:
    """A card has one phone, and a phone with a ballot keeps its card until the end. Then nothing of the phones remains."""
    held = vote.claims.values()
    entitled = {one.identity for one in vote.entitled}
    hold("one phone a card", len(set(held)) == len(held) and set(held) <= entitled, vote.claims)
    if vote.state is State.OPEN:
        kept = {phone: vote.claims.get(cards.hashed(phone)) for phone in known.phones}
        hold("a phone with a ballot keeps its card", kept == known.phones, (kept, known.phones))
    else:
        hold("the end forgets the phones", not (vote.claims or vote.codes or vote.old_codes), vote.id)


def counts(vote: Vote, known: Ballots) -> None:
    """The result is the sum of the acknowledged ballots."""
    assert vote.result is not None
    if set(known.unsure) - set(known.counted) or not vote.result.counts:
        return
    cast = [0] * len(vote.result.counts)
    for choices in known.counted.values():
        for one in choices:
            cast[one] += 1
    if not known.unsure:
        hold("each ballot counts once", list(vote.result.counts) == cast, (vote.result.counts, cast))


def roll(meeting: Conference, memory: Memory, now: float) -> None:
    """The roll call never goes back: no run begins again, and no acknowledged mark is lost."""
    state = meeting.course.roll.state
    if meeting.course.breaks.state.stop is not None:
        return
    hold("the roll call goes on", state.run >= memory.roll_run, (state.run, memory.roll_run))
    if state.run > memory.roll_run:
        memory.roll_run = state.run
        memory.marks.clear()
    found = {row.site.id: row.mark.presence for row in state.rows if row.mark is not None}
    if not memory.roll_unsure and state.phase != "ready":
        lost = {site: mark for site, mark in memory.marks.items() if found.get(site) != mark}
        hold("no mark is lost", not lost, lost)


def session(meeting: Conference, memory: Memory, now: float) -> None:
    """Who waits outside of a closed session neither hears nor speaks."""
    state = meeting.course.breaks.state
    for one in visible(meeting):
        outside = state.closed is not None and one.identity in state.closed.out
        if outside and not isinstance(one, Hall):
            hold("the lobby is deaf", WAITS in one.grants.attributes and not one.grants.can_subscribe, one.identity)
            hold("the lobby is silent", not one.grants.can_publish, one.identity)
        if not isinstance(one, Hall) and state.closed is None and state.stop is None:
            hold("all return from the lobby", WAITS not in one.grants.attributes, one.identity)


EACH: tuple[Callable[[Conference, Memory, float], None], ...] = (speakers, grants, chair, ballots, roll, session)


def document(meeting: Conference) -> None:
    """The desks read what the machines hold."""
    read: dict[str, Any] = json.loads(meeting.document.whole("host"))
    hold("the desk shows all people", set(read.get("people", {})) == {one.identity for one in visible(meeting)}, read)
    state = meeting.machines.speech.state
    shown = [one["identity"] if "identity" in one else one["id"] for one in read.get("floor", {}).get("turns", ())]
    hold("the desk shows the turns", shown == [one.identity for one in state.turns], (shown, state.turns))
    queue = sorted(read.get("queue", {}), key=lambda one: read["queue"][one]["o"])
    hold("the desk shows the queue", queue == [one.identity for one in state.queue], (queue, state.queue))
    shown_votes = {id_: (row["state"], row["cast"]) for id_, row in read.get("votes", {}).items()}
    held = {
        one.id: (one.state.value, one.cast if one.result is None else one.result.cast)
        for one in meeting.polls.votes.all
    }
    hold("the desk shows the votes", shown_votes == held, (shown_votes, held))
    holder = meeting.machines.roles.holder
    hold("the desk shows the chair", read.get("chair", {}).get("id", "") == holder, (read.get("chair"), holder))


def kept(meeting: Conference) -> dict[str, Any]:
    """Return what a restart must keep: floor, queue, roles, rules, roll call, votes, agenda and breaks."""
    state = meeting.course.roll.state
    called = rollcall.as_json(state) | {"since": 0}
    known = roles.as_json(meeting.machines.roles)
    return {
        "floor": floor.as_json(meeting.machines.speech.state),
        "roles": known,
        "rules": rules.as_json(meeting.machines.rules),
        "roll call": called,
        "votes": [
            (one.id, one.state.value, one.cast, sorted(map(str, voters(one)))) for one in meeting.polls.votes.all
        ],
        "agenda": [(one.id, one.state.value) for one in meeting.agenda.agenda.items],
        "breaks": meeting.course.breaks.state.phase,
    }


def voters(vote: Vote) -> set[str]:
    return set(vote.named) | set(vote.hands) | set(vote.box.voted)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for part, value in before.items():
        was, found = (json.loads(json.dumps(one)) for one in (value, after[part]))
        hold(f"a restart keeps the {part}", found == was, (was, found))


def may_enter(memory: Memory, identity: str, issued_at: float) -> bool:
    """Report whether a removal does not keep this token out."""
    removed_at = memory.removed.get(identity)
    return removed_at is None or issued_at > removed_at
