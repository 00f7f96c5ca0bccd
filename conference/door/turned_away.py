"""Who was turned away from one conference: who pauses, who is barred for good, and what a restart must not forget.

Keeps no knock and sends no news. `LOBBY.md` beside this file gives the rules and the reasons. `now` is in Unix seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conference.door.knock import Knocker
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ports.shared import Shared, Table

Bar = tuple[str, str]
"""(identity, name of the bar) of a person or hall that is kept out for good; either may be empty."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The latest denial, and how many there were in a row."""

    at: float
    times: int
    why: Refusal


def bar_of(who: Knocker) -> str:
    """What a final denial closes: the link, and for an account or without a link the person."""
    return f"link {who.bearer}" if who.bearer and not who.key else who.person


class TurnedAway:
    def __init__(self, shared: Shared, owner: str) -> None:
        most = limits.LOBBY_SETTLED
        self.persons: Table[Denial] = shared.table(owner, "persons", most, Denial)
        self.origins: Table[Denial] = shared.table(owner, "origins", most, Denial)
        self.barred: Table[Refusal] = shared.table(owner, "barred", most, Refusal)
        """By `bar_of`."""
        self.kept_out: Table[str] = shared.table(owner, "kept_out", most, str)
        """Identities that no token brings back, however new it is, each with its bar; empty: the bar is not known."""
        self.entered: Table[Knocker] = shared.table(owner, "entered", most, Knocker)
        """By identity: the knockers that got leave to enter. A host who removes a participant can then keep that person out."""

    def check_barred(self, who: Knocker) -> None:
        """Raises the Refusal of a final denial. It holds whether the lobby is on or not."""
        why = self.barred.get(bar_of(who))
        if why is not None:
            raise why

    def check_person(self, who: Knocker, now: float) -> None:
        """Raises the Refusal of the latest denial during a pause, and after too many denials."""
        denial = self.persons.get(who.person)
        if denial is not None and (now - denial.at < limits.LOBBY_PAUSE_S or denial.times >= limits.LOBBY_DENIALS):
            raise denial.why

    def check_origin(self, who: Knocker, now: float) -> None:
        """Raises Refusal `lobby_pause`: people of this origin were turned away under several names."""
        denial = self.origins.get(who.origin)
        if denial is not None and now - denial.at < _pause_s(denial.times):
            raise Refusal("lobby_pause")

    def deny(self, who: Knocker, why: Refusal, now: float, *, final: bool) -> None:
        _count(self.persons, who.person, why, now, 1)
        if who.origin:
            _count(self.origins, who.origin, why, now, limits.LOBBY_ORIGIN_DENIALS if final else 1)
        if final or who.person in self.barred:
            self.barred.put(bar_of(who), why)

    def forgive(self, who: Knocker) -> None:
        """A host let this person in. The bar of a link stays, because other people hold the link too."""
        self.persons.pop(who.person)
        self.barred.pop(who.person)

    def note_entry(self, who: Knocker) -> None:
        """Notes that this knocker got leave to enter."""
        self.entered.put(who.identity, who)

    def keep_out(self, identity: str, now: float) -> list[str]:
        """Refuses this identity until a host pardons. Its account, its link, or its name from its network are refused too, as far
        as they are known. Returns all identities of that person.
        """
        who = self.entered.get(identity)
        same, bar = [identity], ""
        if who is not None:
            bar = bar_of(who)
            self.deny(who, Refusal("removed"), now, final=True)
            same += [one.identity for one in self.entered.values() if bar_of(one) == bar and one is not who]
        for one in same:
            self.kept_out.put(one, bar)
        return same

    @property
    def count(self) -> int:
        """How many are turned away for good."""
        return len(self.barred) + sum(not bar for bar in self.kept_out.values())

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Who is turned away for good, the newest last and `LOBBY_BARS` at most: what a restart must not forget."""
        known = set(self.kept_out.values())
        denied = (("", name) for name, _ in self.barred.items() if name not in known)
        return (*denied, *self.kept_out.items())[-limits.LOBBY_BARS :]

    def restore(self, bars: Iterable[Bar]) -> None:
        """Puts back the bars of before a restart."""
        for identity, bar in bars:
            if identity:
                self.kept_out.put(identity, bar)
            if bar:
                self.barred.put(bar, Refusal("removed" if identity else "lobby_denied"))

    def pardon(self) -> None:
        for table in (self.persons, self.origins, self.barred, self.kept_out):
            table.clear()


def _count(table: Table[Denial], name: str, why: Refusal, now: float, least: int) -> None:
    before = table.get(name)
    table.put(name, Denial(now, max(before.times + 1 if before is not None else 1, least), why))


def _pause_s(times: int) -> float:
    """How long no new person of an origin asks after so many denials there."""
    more = times - limits.LOBBY_ORIGIN_DENIALS
    return min(limits.LOBBY_PAUSE_S * 2.0 ** min(more, 10), limits.LOBBY_PAUSE_MOST_S) if more >= 0 else 0.0
