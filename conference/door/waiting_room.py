"""Who waits outside of one conference: knocks, tickets, and news for those who wait and for hosts.

Decides neither who has to wait nor who is turned away (`lobby.py`). Knows no socket: a caller that wants news leaves a callback.
`now` is in Unix seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from conference.door.knock import Happening, Knock, Knocker, State, Tell
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ports.shared import Shared, Table


class WaitingRoom:
    def __init__(self, shared: Shared, owner: str) -> None:
        self.revision = 0
        """Counts what hosts see."""
        self.waiting: OrderedDict[str, Knock] = OrderedDict()
        """By id, longest first."""
        self.tickets: OrderedDict[str, Knock] = OrderedDict()
        """By ticket, the decided ones too."""
        self.admitted: Table[bool] = shared.table(owner, "admitted", limits.LOBBY_SETTLED, bool)
        """By the key of the knocker."""
        self.watchers: set[Tell] = set()
        self._watched_at = float("-inf")

    # -- those who wait

    def open(self, who: Knocker, now: float, random: Callable[[], str]) -> Knock:
        """A new knock. A person whose account was let in before does not wait."""
        if self.was_admitted(who):
            knock = Knock("", random() + random(), who, now, now, State.ADMITTED)
        else:
            knock = Knock(random(), random() + random(), who, now, now)
            self.waiting[knock.id] = knock
        self.tickets[knock.ticket] = knock
        self._trim()
        if knock.state is State.WAITING:
            self.note_news()
        return knock

    def known(self, who: Knocker, ticket: str) -> Knock | None:
        """A ticket counts only together with what it was given for."""
        knock = self.tickets.get(ticket)
        return knock if knock is not None and (knock.who.key, knock.who.bearer) == (who.key, who.bearer) else None

    def same_person(self, who: Knocker) -> Knock | None:
        """The row of the same account in another window: one person has one row."""
        return next((one for one in self.waiting.values() if who.key and one.who.key == who.key), None)

    def was_admitted(self, who: Knocker) -> bool:
        return who.key != "" and who.key in self.admitted

    def check_room(self, who: Knocker) -> None:
        """Raises Refusal `lobby_full`."""
        same = sum(1 for one in self.waiting.values() if not one.who.key and one.who.source == who.source)
        if len(self.waiting) >= limits.LOBBY_WAITING or (not who.key and same >= limits.LOBBY_SOURCE):
            raise Refusal("lobby_full")

    def look(self, ticket: str, now: float) -> Knock:
        """The knock as its bearer sees it. A look keeps the knock waiting. Raises Refusal `knock_unknown`."""
        knock = self.tickets.get(ticket)
        if knock is None:
            raise Refusal("knock_unknown")
        if knock.state is State.WAITING:
            knock.seen_at = now
        self.expire(now)
        return knock

    def leave(self, ticket: str) -> None:
        knock = self.tickets.get(ticket)
        if knock is not None and knock.state is State.WAITING:
            self.settle(knock, Happening.LEAVE)

    def expire(self, now: float) -> None:
        for knock in list(self.waiting.values()):
            if now - knock.since >= limits.LOBBY_WAIT_S:
                self.settle(knock, Happening.EXPIRE)
            elif now - knock.seen_at >= limits.LOBBY_SILENT_S:
                self.settle(knock, Happening.LEAVE)

    # -- decisions

    def find(self, id_: str) -> Knock:
        """Raises Refusal `knock_unknown`."""
        knock = self.waiting.get(id_)
        if knock is None:
            raise Refusal("knock_unknown")
        return knock

    def admit(self, ids: Iterable[str]) -> list[Knock]:
        """Those of them who still wait."""
        found = [self.waiting[one] for one in dict.fromkeys(ids) if one in self.waiting]
        for knock in found:
            self.settle(knock, Happening.ADMIT)
            if knock.who.key:
                self.admitted.put(knock.who.key, True)
        return found

    def deny(self, knock: Knock, why: Refusal, now: float) -> None:
        knock.seen_at = now
        self.settle(knock, Happening.DENY, why)

    def take_back(self, knock: Knock, why: Refusal, now: float) -> None:
        """Denies a knock, though it was admitted."""
        self.admitted.pop(knock.who.key)
        self.deny(knock, why, now)

    def settle(self, knock: Knock, happening: Happening, why: Refusal | None = None) -> None:
        waited = knock.id in self.waiting
        if not knock.move(happening, why):
            return
        if waited:
            del self.waiting[knock.id]
            self.note_news()
        self._trim()

    def drop_tickets(self, state: State) -> None:
        for knock in [one for one in self.tickets.values() if one.state is state]:
            del self.tickets[knock.ticket]

    def _trim(self) -> None:
        """Those who wait are bounded elsewhere; of the decided ones the oldest is forgotten first."""
        while len(self.tickets) - len(self.waiting) > limits.LOBBY_SETTLED:
            del self.tickets[next(one for one, k in self.tickets.items() if k.state is not State.WAITING)]

    # -- hosts and news

    def watch(self, tell: Tell) -> bool:
        """`tell` is called once, at the next news. False: too many wait for them already."""
        if len(self.watchers) >= limits.LOBBY_WATCHERS:
            return False
        self.watchers.add(tell)
        return True

    def watch_not(self, tell: Tell) -> None:
        self.watchers.discard(tell)

    def hosted_now(self, now: float) -> None:
        """A host is looking: those who wait hear it when he comes."""
        came = not self.hosted(now)
        self._watched_at = now
        if came:
            self._tell_waiting()

    def hosted(self, now: float) -> bool:
        """Whether a host is looking."""
        return now - self._watched_at < limits.LOBBY_SILENT_S

    def note_news(self) -> None:
        """Something that hosts see has changed."""
        self.revision += 1
        self._tell_hosts()

    def wake(self) -> None:
        """Everybody who waits for news looks again, though there are none."""
        self._tell_waiting()
        self._tell_hosts()

    def _tell_waiting(self) -> None:
        for knock in self.waiting.values():
            knock.news()

    def _tell_hosts(self) -> None:
        watchers, self.watchers = self.watchers, set()
        for tell in watchers:
            tell()
