"""The memory of one live meeting for its store: the last states, the stays, and the rows that wait for the database."""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import conference
import rooms.limits
from conference.ground.events import ParticipantView
from conference.ports.proceedings import ChatLine, Record, State, Turn
from rooms.identifiers import new_id
from rooms.policy.actors import Actor
from rooms.proceedings import writing
from rooms.proceedings.reading import Open
from rooms.proceedings.writing import Batch, Run, Values
from signaling.host import limits

log = logging.getLogger(__name__)
NAME, IDENTITY = 200, 256
"""The lengths of columns in `rooms.store.tables.proceedings`."""


@dataclass(frozen=True)
class Wipe:
    """A stop for secret content that the database has not done yet."""

    actor: Actor
    for_chair: bool
    at: datetime


class Sitting:
    """A run of a meeting in this process."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.states: dict[str, State] = {}
        """The last state of each machine that was accepted."""
        self.waiting = Batch()
        self.writing = 0
        """Rows that are being stored."""
        self.wipe: Wipe | None = None
        self.lock = asyncio.Lock()
        """The writer holds it. So states and events are stored in their order."""
        self.task: asyncio.Task[None] | None = None
        self.seen_at = run.began_at
        self.lost = 0
        """Rows that found no place in `waiting`, and that the record does not name yet."""
        self.lines: deque[ChatLine] = deque(maxlen=rooms.limits.CHAT_LINES)
        """The stored lines of the chat."""
        self._wordless: frozenset[str] | None = None
        """After a stop for secret content: the only machines whose states are still stored."""
        self._stops = 0
        self._stays: dict[str, Values] = {}
        """The stays without an end, by the sid of the participant."""
        self._turns: dict[str, Values] = {}
        self._last = 0

    @classmethod
    def resumed(cls, found: Open, at: datetime) -> "Sitting":
        """Return the sitting of an earlier process. The stays of that process ended when the sitting was last seen."""
        made = cls(found.run)
        made.states = {name: state for name, state in found.states.items() if state}
        made.seen_at = found.seen_at
        made._wordless = frozenset(made.states) if found.wiped else None
        made.lines.extend(_line(one) for one in found.lines)
        made._turns = {one.id: _columns(one) for one in found.turns}
        for one in found.stays:
            made.waiting.stays[one.id] = _columns(one) | {"left_at": found.seen_at, "reason": "lost"}
        if found.stays:
            made.add(events=[Record("restarted", at.timestamp())])
        return made

    @property
    def occupied(self) -> bool:
        """Report whether a participant is present."""
        return bool(self._stays)

    def add(self, states: Mapping[str, State] | None = None, events: Sequence[Record] = ()) -> None:
        """Add states and events to what waits."""
        made = self.batch(states or {}, events)
        self.states.update(made.states)
        self.waiting.states |= made.states
        self._put(made.events)

    def batch(self, states: Mapping[str, State], records: Sequence[Record]) -> Batch:
        """Return states and events that do not wait yet. After a stop for secret content they have no words."""
        kept = {name: one for name, one in states.items() if self._wordless is None or name in self._wordless}
        return Batch(states=kept, events=[self._event(one) for one in records], stops=self._stops)

    def cut(self, batch: Batch) -> None:
        """Destroy the words of a batch if a stop for secret content has come since it was made."""
        if batch.stops != self._stops:
            batch.states.clear()
            for one in batch.events:
                one["detail"] = {}

    def accept(self, batch: Batch) -> None:
        """Take over the states of a batch that is stored."""
        self.cut(batch)
        self.states.update(batch.states)

    def take_back(self, machine: str, batch: Batch) -> None:
        """Undo a batch that was refused. The database may have stored it before it stopped to answer."""
        batch.withdrawn = True  # what is put here must not be written before the batch
        self.waiting.states.setdefault(machine, self.states.get(machine, {}))
        self.waiting.retracted |= {one["place"] for one in batch.events}

    def came(self, who: ParticipantView, at: datetime) -> None:
        name = writing.text(who.grants.name or who.identity, NAME)
        stay: Values = {"id": new_id(), "identity": who.identity, "name": name, "came_at": at}
        stay |= {"left_at": None, "reason": ""}
        self._stays[who.sid] = stay
        self._keep_stay(stay)
        self.add(events=[Record("came", at.timestamp(), on=who.identity, on_name=name)])

    def left(self, who: ParticipantView, at: datetime) -> None:
        stay = self._stays.pop(who.sid, None)
        if stay is None:
            return
        self._keep_stay(stay | {"left_at": at, "reason": who.reason.value})
        detail = {"reason": who.reason.value}
        self.add(events=[Record("left", at.timestamp(), on=who.identity, on_name=stay["name"], detail=detail)])

    def chat(self, line: ChatLine) -> None:
        if self._wordless is not None or not self._has_place():
            return
        values: Values = {"id": line.id[:32], "at": moment(line.at), "identity": line.identity, "to_id": line.to}
        values |= {"name": writing.text(line.name, NAME), "to_name": writing.text(line.to_name, NAME)}
        text = writing.text(line.text, conference.limits.CHAT_CHARACTERS)
        self.waiting.lines.append(values | {"reply_to": line.reply[:32], "text": text})

    def note_stored(self, lines: Sequence[Values]) -> None:
        """Remember stored lines of the chat, for people who come back to the meeting."""
        for one in lines if self._wordless is None else ():
            who = (one["identity"], one["name"], one["text"], one["to_id"], one["to_name"], one["reply_to"])
            self.lines.append(ChatLine(one["id"], one["at"].timestamp(), *who))

    def turn(self, turn: Turn) -> None:
        values: Values = {
            "id": turn.id[:64],
            "identity": turn.identity,
            "name": writing.text(turn.name, NAME),
            "kind": turn.kind[:10],
            "delegation": writing.text(turn.delegation, NAME),
            "began_at": moment(turn.began_at),
            "ended_at": None if turn.ended_at is None else moment(turn.ended_at),
        }
        self._turns.pop(values["id"], None)
        if turn.ended_at is None:
            self._turns[values["id"]] = values
        self._keep_turn(values)

    def end(self, at: datetime) -> None:
        """End the sitting, and the turns that the chair did not end."""
        for one in self._turns.values():
            self._keep_turn(one | {"ended_at": at})
        self._turns.clear()
        self.waiting.ended_at = at

    def strip(self, wipe: Wipe, kept: Mapping[str, State]) -> None:
        """Destroy all words in memory: states, chat and details. Who and when stays, and the states `kept`."""
        self.wipe, self._wordless = wipe, frozenset(kept)
        self._stops += 1
        self.states = dict(kept)
        self.lines.clear()
        self.waiting.states.clear()
        self.waiting.lines.clear()
        for one in self.waiting.events:
            one["detail"] = {}

    def taken(self, at: datetime) -> Batch:
        """Take all that waits, and say in the record how many rows were lost."""
        taken, self.waiting = self.waiting, Batch()
        if self.lost:
            lost, self.lost = self.lost, 0
            taken.events += self.batch({}, [Record("gap", at.timestamp(), detail={"rows": lost})]).events
        return taken

    def give_back(self, taken: Batch) -> None:
        """Put what could not be stored before all that came later."""
        taken.add(self.waiting)
        self.waiting = taken

    def _put(self, events: list[Values]) -> None:
        for one in events:
            if self._has_place():
                self.waiting.events.append(one)

    def _keep_stay(self, values: Values) -> None:
        if values["id"] in self.waiting.stays or self._has_place():
            self.waiting.stays[values["id"]] = values

    def _keep_turn(self, values: Values) -> None:
        if values["id"] in self.waiting.turns or self._has_place():
            self.waiting.turns[values["id"]] = values

    def _has_place(self) -> bool:
        if len(self.waiting) < limits.UNSTORED_ROWS:
            return True
        if not self.lost:
            log.error("the record of a meeting has a gap: %d rows wait for the database", len(self.waiting))
        self.lost += 1
        return False

    def _event(self, record: Record) -> Values:
        at = moment(record.at)
        self._last = writing.place(at, self._last)
        return {
            "place": self._last,
            "at": at,
            "kind": record.kind[:40],
            "by_id": record.by[:IDENTITY],
            "by_name": writing.text(record.by_name, NAME),
            "for_chair": record.for_chair,
            "way": record.way[:10],
            "on_id": record.on[:IDENTITY],
            "on_name": writing.text(record.on_name, NAME),
            "detail": writing.detail(record.detail) if self._wordless is None else {},
        }


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _line(row: Any) -> ChatLine:
    return ChatLine(row.id, row.at.timestamp(), row.identity, row.name, row.text, row.to_id, row.to_name, row.reply_to)


def fits(state: State) -> bool:
    """Report whether a state can be stored."""
    return len(json.dumps(state)) <= limits.STATE_BYTES


def _columns(row: Any) -> Values:
    return {one.name: getattr(row, one.name) for one in row.__table__.columns if one.name != "sitting_id"}
