"""The people who wait for one conference: knocks, tickets, and news for waiting people and hosts.

This module does not decide who must wait or who is denied (`lobby.py`). It knows no sockets: a caller that wants news gives a
callback. `now` is in Unix seconds.
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
        """A counter of the changes that hosts see."""
        self.waiting: OrderedDict[str, Knock] = OrderedDict()
        """The waiting knocks by id, the longest waiting first."""
        self.tickets: OrderedDict[str, Knock] = OrderedDict()
        """All knocks by ticket, including the decided ones."""
        self.admitted: Table[bool] = shared.table(owner, "admitted", limits.LOBBY_SETTLED, bool)
        """The admitted accounts, by the key of the knocker."""
        self.watchers: set[Tell] = set()
        self._watched_at = float("-inf")

    # -- people who wait

    def open(self, who: Knocker, now: float, random: Callable[[], str]) -> Knock:
        """Make a new knock. A person whose account was admitted before does not wait."""
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
        """Return the knock of a ticket. The ticket is valid only together with its original key and bearer."""
        knock = self.tickets.get(ticket)
        return knock if knock is not None and (knock.who.key, knock.who.bearer) == (who.key, who.bearer) else None

    def same_person(self, who: Knocker) -> Knock | None:
        """Return the waiting knock of the same account from another window. One person has only one row."""
        return next((one for one in self.waiting.values() if who.key and one.who.key == who.key), None)

    def was_admitted(self, who: Knocker) -> bool:
        return who.key != "" and who.key in self.admitted

    def check_room(self, who: Knocker) -> None:
        """Raise Refusal `lobby_full` if there is no room for this person."""
        same = sum(1 for one in self.waiting.values() if not one.who.key and one.who.source == who.source)
        if len(self.waiting) >= limits.LOBBY_WAITING or (not who.key and same >= limits.LOBBY_SOURCE):
            raise Refusal("lobby_full")

    def look(self, ticket: str, now: float) -> Knock:
        """Return the knock for its bearer. This call keeps the knock waiting. Raises Refusal `knock_unknown`."""
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
        """Return a waiting knock. Raises Refusal `knock_unknown`."""
        knock = self.waiting.get(id_)
        if knock is None:
            raise Refusal("knock_unknown")
        return knock

    def admit(self, ids: Iterable[str]) -> list[Knock]:
        """Admit these knocks and return the ones that were still waiting."""
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
        """Deny a knock, even if it was admitted. The account is no longer admitted either."""
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
        """Remove the oldest decided tickets beyond the limit. Waiting knocks have their own limit."""
        while len(self.tickets) - len(self.waiting) > limits.LOBBY_SETTLED:
            del self.tickets[next(one for one, k in self.tickets.items() if k.state is not State.WAITING)]

    # -- hosts and news

    def watch(self, tell: Tell) -> bool:
        """Call `tell` once, at the next news. Returns False if too many hosts wait for news already."""
        if len(self.watchers) >= limits.LOBBY_WATCHERS:
            return False
        self.watchers.add(tell)
        return True

    def watch_not(self, tell: Tell) -> None:
        self.watchers.discard(tell)

    def hosted_now(self, now: float) -> None:
        """Note that a host looks at the lobby. Waiting people are notified when the first host arrives."""
        came = not self.hosted(now)
        self._watched_at = now
        if came:
            self._tell_waiting()

    def hosted(self, now: float) -> bool:
        """Report whether a host has looked at the lobby within LOBBY_SILENT_S."""
        return now - self._watched_at < limits.LOBBY_SILENT_S

    def note_news(self) -> None:
        """Notify the hosts that something they see has changed."""
        self.revision += 1
        self._tell_hosts()

    def wake(self) -> None:
        """Wake all requests that wait for news, although there is no news."""
        self._tell_waiting()
        self._tell_hosts()

    def _tell_waiting(self) -> None:
        for knock in self.waiting.values():
            knock.news()

    def _tell_hosts(self) -> None:
        watchers, self.watchers = self.watchers, set()
        for tell in watchers:
            tell()
