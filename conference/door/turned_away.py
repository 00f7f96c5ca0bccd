"""The people who were denied entry to one conference: pauses, final bars, and the data that must survive a restart.

This module stores no knocks and sends no news. `LOBBY.md` beside this file gives the rules and the reasons. `now` is in Unix
seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conference.door.knock import Knocker
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ports.shared import Shared, Table

Bar = tuple[str, str]
"""(identity, name of the bar) of a person or hall that is kept out for good. Either part may be empty."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The latest denial, and the number of denials in a row."""

    at: float
    times: int
    why: Refusal


def bar_of(who: Knocker) -> str:
    """Return the name that a final denial bars: the link; or the person, for an account or without a link."""
    return f"link {who.bearer}" if who.bearer and not who.key else who.person


class TurnedAway:
    def __init__(self, shared: Shared, owner: str) -> None:
        most = limits.LOBBY_SETTLED
        self.persons: Table[Denial] = shared.table(owner, "persons", most, Denial)
        self.origins: Table[Denial] = shared.table(owner, "origins", most, Denial)
        self.barred: Table[Refusal] = shared.table(owner, "barred", most, Refusal)
        """The reasons of final denials, by `bar_of`."""
        self.kept_out: Table[str] = shared.table(owner, "kept_out", most, str)
        """The identities that no token can bring back, not even a new one, each with its bar. Empty: the bar is not known."""
        self.entered: Table[Knocker] = shared.table(owner, "entered", most, Knocker)
        """The knockers that got permission to enter, by identity. With this table a host who removes a participant can keep
        that person out.
        """

    def check_barred(self, who: Knocker) -> None:
        """Raise the Refusal of a final denial. The denial counts even if the lobby is off."""
        why = self.barred.get(bar_of(who))
        if why is not None:
            raise why

    def check_person(self, who: Knocker, now: float) -> None:
        """Raise the Refusal of the latest denial: during the pause after it, and without end after LOBBY_DENIALS denials."""
        denial = self.persons.get(who.person)
        if denial is not None and (now - denial.at < limits.LOBBY_PAUSE_S or denial.times >= limits.LOBBY_DENIALS):
            raise denial.why

    def check_origin(self, who: Knocker, now: float) -> None:
        """Raise Refusal `lobby_pause` while the origin pauses: after LOBBY_ORIGIN_DENIALS denials, or after one final denial."""
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
        """Forget the denials of a person that a host admitted. The bar of a link stays, because other people have the link."""
        self.persons.pop(who.person)
        self.barred.pop(who.person)

    def note_entry(self, who: Knocker) -> None:
        """Note that this knocker got permission to enter."""
        self.entered.put(who.identity, who)

    def keep_out(self, identity: str, now: float) -> list[str]:
        """Refuse this identity until a host pardons. Returns all identities of that person.

        The person's account, link, or name from the network is refused too, if it is known.
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
        """The number of bars and of removed identities without a bar. All people on one barred link count as one."""
        return len(self.barred) + sum(not bar for bar in self.kept_out.values())

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The people who are kept out for good and must survive a restart: `LOBBY_BARS` at most, the newest last."""
        known = set(self.kept_out.values())
        denied = (("", name) for name, _ in self.barred.items() if name not in known)
        return (*denied, *self.kept_out.items())[-limits.LOBBY_BARS :]

    def restore(self, bars: Iterable[Bar]) -> None:
        """Restore the bars from before a restart."""
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
    """Return how long new people of an origin must wait after `times` denials there."""
    more = times - limits.LOBBY_ORIGIN_DENIALS
    return min(limits.LOBBY_PAUSE_S * 2.0 ** min(more, 10), limits.LOBBY_PAUSE_MOST_S) if more >= 0 else 0.0
