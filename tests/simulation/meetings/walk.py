"""A random meeting of one seed: people, halls and a server with faults, from the first joining to the end for all.

`simulate` returns what was done and which invariant broke. The same seed always gives the same meeting.
"""

from __future__ import annotations

import asyncio
import logging
import random
import tempfile
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from conference import Conference, Grants, Hall, Refusal
from tests.rooms import migrated
from tests.rooms.postgres import nowhere_kept
from tests.simulation.meetings import checks, choices, endings, instants
from tests.simulation.meetings.checks import Memory, hold
from tests.simulation.meetings.orders import Order, Orders
from tests.simulation.meetings.people import Person, Terminal, invited, operator
from tests.simulation.meetings.server import CODE, MOODS, Data, Process

WELL_S = 90.0
"""Seconds until a store without faults has written all that waits: more than its longest pause between two attempts (60 s)."""


@dataclass
class Outcome:
    """The result of a simulated meeting. `broken` empty: every invariant held."""

    seed: int
    steps: int = 0
    simulated_s: float = 0.0
    rule: str = ""
    broken: str = ""
    done: Counter[str] = field(default_factory=Counter)
    """How often each step and order was done."""
    refused: Counter[str] = field(default_factory=Counter)
    """The refusals, by code."""
    story: deque[str] = field(default_factory=lambda: deque(maxlen=40))
    """The last steps and orders, for the person who looks for the fault."""

    def __str__(self) -> str:
        return f"seed {self.seed}, step {self.steps}: {self.broken or 'all invariants hold'}"


STORED: Final = 10
"""Each seed that this number divides has a real store on SQLite. More: faster walks, which see the real store less often."""


class Walk:
    """A simulated meeting in progress."""

    def __init__(self, seed: int, data: Data) -> None:
        self.chance = random.Random(seed)
        self.outcome = Outcome(seed)
        self.people, self.halls = invited()
        self.memory = Memory()
        self._data = data
        self.process = Process(data, self.chance, 1000.0)
        self.orders = Orders(self.process, self.memory)
        self.stays: list[tuple[str, float, float, str]] = []
        """The stays that ended in all processes: identity, came, left, reason."""
        self.lost: list[tuple[str, float, float]] = []
        """The stays that a kill cut, or whose end was not stored before the kill: identity, came, killed."""
        self._stored_at = self.now
        """When the store had nothing to write last (Unix seconds)."""
        self._killed: list[Process] = []
        """The killed processes, whose tasks wait for ever."""

    @property
    def meeting(self) -> Conference | None:
        return self.process.conference

    @property
    def now(self) -> float:
        return self.process.world.time.time()

    @property
    def here(self) -> list[Person]:
        return [one for one in self.people.values() if one.here]

    async def begin(self) -> None:
        await self.process.start()
        for one in self.people.values():
            if self.chance.random() < 0.8 or one.identity.endswith("chu.1"):
                self.come(one)
        for hall in self.halls.values():
            hall.come(self.process)
        self.check()  # the memory must know who was here before the first step

    # -- parts of steps

    def come(self, one: Person) -> None:
        """Join with a fresh token, or sometimes with an old one. A removed person must not come in with an old token."""
        fresh = one.fresh(self.now)
        grants = self.chance.choice(fresh) if fresh and self.chance.random() < 0.6 else one.fetch_token(self.process)
        may = checks.may_enter(self.memory, one.identity, grants.issued_at)
        try:
            one.come(self.process, grants)
        except Refusal as refused:
            self.outcome.refused[refused.code] += 1
            return
        hold("who was removed stays out", may, (one.identity, grants.issued_at, self.memory.removed))

    def call(self, hall: Terminal) -> None:
        """Let the server call a hall. A removed hall stays out."""
        try:
            hall.come(self.process)
        except Refusal as refused:
            self.outcome.refused[refused.code] += 1

    def tell(self, what: str) -> None:
        self.outcome.story.append(f"{self.outcome.steps} {self.now % 100_000:.1f} {what}")

    async def pass_s(self, seconds: float) -> None:
        before = self.now
        self.memory.tick_s = await self.process.pass_s(seconds)
        self.outcome.simulated_s += self.now - before

    async def settle(self) -> None:
        """Let the database become well, and wait until everything is stored."""
        self.process.database.mood = "well"
        for _ in range(20):
            if not self.process.store.waiting and not self.orders.pending:
                return
            await self.pass_s(WELL_S / 10)
        hold("everything is stored", not self.process.store.waiting, self.process.store.waiting)

    def give(self, giver: Person | None, name: str, fields: dict[str, Any]) -> Order:
        """Give an order. None: the operator gives it."""
        self.outcome.done[name] += 1
        self.tell(f"{giver.identity if giver is not None else 'operator'}: {name} {fields}")
        if giver is None:
            return self.orders.give(operator(self.now), name, fields)
        assert giver.party is not None
        return self.orders.give(giver.party.participant.grants, name, fields)

    def check(self) -> None:
        meeting = self.meeting
        if meeting is None:
            self.memory.end()
            return
        if not self.process.store.waiting:
            self._stored_at = self.now
        for each in checks.EACH:
            each(meeting, self.memory, self.now)
        if self.outcome.steps and self.outcome.steps % 10 == 0:
            self.process.world.time.advance(0.6)
            checks.document(meeting)

    # -- a restart

    async def kill(self, settled: bool) -> None:
        """Kill the server, and start another one on the same data. `settled`: everything was stored at that time."""
        if settled:
            await self.settle()
            await self.orders.quiet()
        meeting = self.meeting
        stopped = meeting is None or meeting.course.breaks.state.stop is not None
        before = None if meeting is None or stopped else checks.kept(meeting)
        unstored = not settled and bool(self.process.store.waiting)
        old, down_s = self.process, self.chance.choice((2.0, 20.0, 100.0))
        self.stays += old.stays.over
        self.lost += [(identity, came, self.now) for identity, came in old.stays.here.values()]
        if unstored:
            ends = await old.stored_ends()
            self.lost += [
                (identity, came, self.now)
                for identity, came, left, _ in old.stays.over
                if left >= self._stored_at and (identity, round(came, 3)) not in ends
            ]
        old.kill()
        self._killed.append(old)
        for order in list(self.orders.pending):
            if order.task is not None:
                order.task.cancel()
        await self.orders.quiet()
        self.memory.roll_unsure |= not settled
        if unstored:  # an order that acts at once is stored when the database answers
            self.memory.removed.clear()
        self.process = Process(self._data, self.chance, old.world.time.now + down_s)
        self.orders = Orders(self.process, self.memory)
        self.memory.restarted_at, self.memory.away_since = self.now, None
        await self.process.start()
        waiting = [one for one in self.people.values() if one.here]
        for person in self.people.values():
            person.party = None
        halls = [one for one in self.halls.values() if one.here]
        for hall in self.halls.values():
            hall.party = None
        first, *others = halls or [self.halls["hall-1"]]
        self.call(first)
        if unstored and self.meeting is not None:  # a chair who came or took the chair while the database was away
            self.memory.chair = self.meeting.machines.roles.chair
        if settled and before is not None and self.meeting is not None:
            checks.compare(before, checks.kept(self.meeting))
        for hall in others:
            self.call(hall)
        for person in waiting:
            self.come(person)

    async def close(self) -> None:
        """End all processes and their tasks."""
        self.process.kill()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for process in (*self._killed, self.process):
            await process.close()


# -- the steps


Step = Callable[[Walk], Awaitable[None]]


async def waits(walk: Walk) -> None:
    await walk.pass_s(walk.chance.choice((0.3, 1.0, 3.0, 8.0, 12.0, 25.0)))


async def waits_long(walk: Walk) -> None:
    await walk.pass_s(walk.chance.choice((60.0, 130.0, 400.0, 3700.0)))


async def leader_orders(walk: Walk) -> None:
    meeting = walk.meeting
    if meeting is None:
        return
    leads = [one for one in walk.here if any(one.identity.endswith(end) for end in ("chu.1", "pho.1", "thu.1"))]
    giver = walk.chance.choice([*leads, *leads, None])
    if walk.chance.random() < 0.05:
        giver = walk.chance.choice(walk.here) if walk.here else None
    name, choose = choices.pick(walk.chance, choices.LEADING)
    fields = choose(walk.chance, meeting, walk.memory)
    if fields is not None:
        order = walk.give(giver, name, fields)
        if walk.chance.random() < 0.7:
            await walk.orders.quiet()
        walk.outcome.refused[order.code] += 1


async def own_orders(walk: Walk) -> None:
    meeting = walk.meeting
    if meeting is None or not walk.here:
        return
    for _ in range(walk.chance.choice((1, 1, 3))):
        name, choose = choices.pick(walk.chance, choices.OWN)
        fields = choose(walk.chance, meeting, walk.memory)
        if fields is not None:
            order = walk.give(walk.chance.choice(walk.here), name, fields)
            if walk.chance.random() < 0.5:
                await walk.orders.quiet()
            walk.outcome.refused[order.code] += 1


async def all_vote(walk: Walk) -> None:
    """Most people vote in the open vote, some of them twice."""
    meeting = walk.meeting
    vote = meeting.polls.votes.open if meeting is not None else None
    if meeting is None or vote is None:
        return
    for one in walk.here:
        for _ in range(walk.chance.choice((0, 1, 1, 1, 2))):
            fields = choices.ballot(walk.chance, meeting, walk.memory)
            if fields is not None:
                walk.give(one, "ballot", fields)


async def opens_vote(walk: Walk) -> None:
    """The operator opens the vote that is next, or a new one."""
    meeting = walk.meeting
    if meeting is None or meeting.polls.votes.open is not None:
        return
    for name, choose in (("vote_prepare", choices.question), ("vote_open", choices.prepared)):
        fields = choose(walk.chance, meeting, walk.memory)
        if fields is not None:
            walk.outcome.refused[walk.give(None, name, fields).code] += 1
            await walk.orders.quiet()


async def phones_vote(walk: Walk) -> None:
    """Phones at the sites take cards and vote, some of them twice, at another site, or by a code that was replaced."""
    meeting = walk.meeting
    if meeting is None:
        return
    taken_back = choices.withdrawn(walk.chance, meeting, walk.memory)
    if taken_back is not None and walk.chance.random() < 0.3:
        walk.give(None, "vote_withdraw", taken_back)
    for _ in range(walk.chance.choice((1, 3, 6))):
        fields = choices.phone(walk.chance, meeting, walk.memory)
        if fields is not None:
            walk.outcome.done["ballot by phone"] += 1
            order = walk.orders.give(Grants(), "ballot", fields, phone=f"phone-{walk.chance.randrange(8)}")
            walk.tell(f"{order.phone}: {fields}")
            if walk.chance.random() < 0.5:
                await walk.orders.quiet()
            walk.outcome.refused[order.code] += 1


async def calls_and_takes_back(walk: Walk) -> None:
    """An undo at once restores the queue, the turns, the picture and the halls."""
    meeting = walk.meeting
    await walk.orders.quiet()
    if meeting is None or walk.orders.pending:
        return
    fields = choices.call(walk.chance, meeting, walk.memory)
    if fields is None:
        return
    before = _floor(meeting)
    order = walk.give(None, "call_speaker", fields)
    await walk.orders.quiet()
    if order.code:
        return
    made: Any = order.answer
    for number in range(2):
        back = walk.give(None, "undo", {"undo": made.undo})
        await walk.orders.quiet()
        hold("an undo works once", (back.code == "undo_gone") == bool(number), (number, back.code))
    after = _floor(meeting)
    for part, value in before.items():
        hold("an undo restores", after[part] == value, (part, value, after[part]))


def _floor(meeting: Conference) -> dict[str, Any]:
    state = meeting.machines.speech.state
    halls = [one for one in checks.visible(meeting) if isinstance(one, Hall)]
    return {
        "queue": state.queue,
        "turns": [(one.id, one.identity, one.ends_at and round(one.ends_at, 3)) for one in state.turns],
        "picture": meeting.machines.spotlight.shown,
        "halls": {one.identity: (one.muted, one.locked) for one in halls},
        "spoken": {one: round(time_s, 3) for one, time_s in state.spoken.items() if time_s > 0.001},
    }


async def calls_roll(walk: Walk) -> None:
    """The next orders of a roll call that goes its usual way. Most sites have several delegates, who vote by phone."""
    for _ in range(walk.chance.choice((1, 1, 6))):
        if walk.meeting is not None:
            await _roll(walk, walk.meeting)


async def _roll(walk: Walk, meeting: Conference) -> None:
    state = meeting.course.roll.state
    row = state.current
    mark = (
        {} if row is None else {"site": row.site.id, "presence": walk.chance.choice(("present", "present", "absent"))}
    )
    if row is not None and walk.chance.random() < 0.7:
        walk.give(None, "report_delegates", {"site": row.site.id, "delegates": walk.chance.randrange(1, 5)})
        await walk.orders.quiet()
    wanted: dict[str, tuple[str, dict[str, Any]]] = {
        "none": ("roll_prepare", {"sites": []}),
        "ready": ("roll_begin", {}),
        "calling": ("roll_mark", mark),
        "paused": ("roll_resume", {}),
        "done": ("roll_prepare", {"sites": []}),
    }
    order = walk.give(None, *wanted[state.phase])
    await walk.orders.quiet()
    walk.outcome.refused[order.code] += 1


async def comes(walk: Walk) -> None:
    """A person comes, first of all one who was removed."""
    absent = [one for one in walk.people.values() if not one.here]
    removed = [one for one in absent if one.identity in walk.memory.removed]
    if absent:
        walk.come(walk.chance.choice(removed if removed and walk.chance.random() < 0.6 else absent))


async def leaves(walk: Walk) -> None:
    if len(walk.here) > 4:
        walk.chance.choice(walk.here).leave()


async def loses_line(walk: Walk) -> None:
    connected = [one for one in walk.here if one.connected]
    if len(connected) > 3:
        walk.chance.choice(connected).lose_line()


async def chair_loses_line(walk: Walk) -> None:
    meeting = walk.meeting
    one = walk.people.get(meeting.machines.roles.chair) if meeting is not None else None
    if one is not None and one.connected and len(walk.here) > 3:
        one.lose_line()


async def resumes(walk: Walk) -> None:
    away = [one for one in walk.here if not one.connected]
    if away:
        walk.chance.choice(away).resume()


async def loads_again(walk: Walk) -> None:
    """A person opens the page again: the same identity joins, and the older session ends."""
    if walk.here:
        walk.come(walk.chance.choice(walk.here))


async def microphones(walk: Walk) -> None:
    for one in walk.here:
        if one.connected and walk.chance.random() < 0.4:
            one.switch_microphone(walk.chance.random() < 0.7)
    walk.process.world.time.turn()


async def keypad(walk: Walk) -> None:
    halls = [one for one in walk.halls.values() if one.here]
    if halls:
        keys = walk.chance.choice(("*5", "*5", "*6", "*6", "*11", "*12", "*13", f"*7{CODE}#", "*70000#", "*4"))
        walk.outcome.done[keys] += 1
        press(walk, walk.chance.choice(halls), keys)


def press(walk: Walk, hall: Terminal, keys: str) -> None:
    """Press keys. A hall's ballot has no answer on the wire, so the memory counts it as uncertain."""
    meeting = walk.meeting
    vote = meeting.polls.votes.open if meeting is not None else None
    if vote is not None and keys in ("*11", "*12", "*13"):
        known = walk.memory.ballots.get(vote.id)
        if known is not None and hall.identity not in known.counted:
            known.unsure[hall.identity] += 1
    hall.press(keys)


async def hall_changes(walk: Walk) -> None:
    hall = walk.chance.choice(list(walk.halls.values()))
    if not hall.here:
        walk.call(hall)
    elif walk.chance.random() < 0.5:
        hall.leave()


async def mood(walk: Walk) -> None:
    walk.process.database.mood = "well" if walk.chance.random() < 0.6 else walk.chance.choice(MOODS)


async def kills(walk: Walk) -> None:
    await walk.kill(settled=walk.chance.random() < 0.5)


STEPS: Final[tuple[tuple[int, Step], ...]] = (
    (30, waits),
    (2, waits_long),
    (40, leader_orders),
    (25, own_orders),
    (2, opens_vote),
    (4, all_vote),
    (6, phones_vote),
    (6, calls_roll),
    (3, calls_and_takes_back),
    (6, comes),
    (4, leaves),
    (4, loses_line),
    (2, chair_loses_line),
    (4, resumes),
    (2, loads_again),
    (8, microphones),
    (8, keypad),
    (2, hall_changes),
    (5, mood),
    (2, kills),
)
"""The steps with their weights."""


# -- a whole meeting


def simulate(seed: int, steps: int) -> Outcome:
    """Run the meeting of a seed for this number of steps, and then end it. Each `STORED`th seed has a real database."""
    with watched() as errors:
        if seed % STORED:
            return instants.run(lambda: _simulate(Walk(seed, Data(None)), steps, errors))
        with tempfile.TemporaryDirectory(prefix="meetings-", dir=nowhere_kept()) as folder:
            migrated.put(Path(folder))
            return instants.run(lambda: _simulate(Walk(seed, Data(Path(folder))), steps, errors))


async def _simulate(walk: Walk, steps: int, errors: list[str]) -> Outcome:
    weights = [weight for weight, _ in STEPS]
    outcome = walk.outcome
    try:
        await walk.begin()
        while outcome.steps < steps:
            outcome.steps += 1
            (step,) = walk.chance.choices([one for _, one in STEPS], weights)
            outcome.done[step.__name__] += 1
            walk.tell(step.__name__)
            await step(walk)
            await walk.orders.quiet()
            hold("the server has no error", not errors, errors)
            walk.check()
        await endings.end(walk)
        hold("the server has no error", not errors, errors)
    except AssertionError as broken:
        outcome.rule = getattr(broken, "rule", "assertion of the server")
        outcome.broken = str(broken) or repr(broken)
    finally:
        await walk.close()
    return outcome


class Errors(logging.Handler):
    """Collects what the server logs as an error of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(logging.Formatter().format(record))


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect the errors in the log, and keep the warnings of a database that is away out of the output."""
    root, errors = logging.getLogger(), Errors()
    level, handlers = root.level, root.handlers[:]
    root.handlers[:] = [errors]
    root.setLevel(logging.ERROR)
    try:
        yield errors.found
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
