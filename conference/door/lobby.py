"""The lobby: who waits outside of a conference, who was let in or turned away, and who has to be told.

Owns what is remembered before there is a conference at all, so that nobody who waits costs media. What has to wait is said by
whoever planned the meeting; that a token does not go around the lobby is checked at the door (`admission.check_lobby`). Knows no
socket: whoever wants news leaves a callback. `now` is in Unix seconds throughout.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from conference.door import admission
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.names import folded
from conference.ground.permissions import Grants
from conference.ground.process_memory import ProcessMemory
from conference.ports.shared import Shared, Table

Tell = Callable[[], None]


class State(Enum):
    """Of somebody who knocked."""

    WAITING = "waiting"
    ADMITTED = "admitted"
    DENIED = "denied"
    EXPIRED = "expired"
    ENDED = "ended"
    GONE = "gone"


class Happening(Enum):
    """What ends the waiting, or takes an admission back."""

    ADMIT = "admit"
    DENY = "deny"
    EXPIRE = "expire"
    END = "end"
    LEAVE = "leave"


MOVES: Final[dict[tuple[State, Happening], State]] = {
    (State.WAITING, Happening.ADMIT): State.ADMITTED,
    (State.WAITING, Happening.DENY): State.DENIED,
    (State.WAITING, Happening.EXPIRE): State.EXPIRED,
    (State.WAITING, Happening.END): State.ENDED,
    (State.WAITING, Happening.LEAVE): State.GONE,
    (State.ADMITTED, Happening.DENY): State.DENIED,
}
"""Everything else changes nothing: what was decided stays so."""


@dataclass(frozen=True, slots=True)
class Knocker:
    """Who asks. `key`: by what one person is known again wherever he sits (an account); empty: by his ticket alone. `bearer`: the
    invitation or account that vouches for his name; a link of a unit may be in several hands. `always`: he waits whatever is
    set. `source`: his network, for the bound of those without a key.
    """

    identity: str
    name: str
    way: str = ""
    key: str = ""
    bearer: str = ""
    always: bool = False
    source: str = ""

    @property
    def hand(self) -> str:
        """By what he is known again without a ticket: his account, else how, from where and under which name he comes."""
        return f"key {self.key}" if self.key else f"{self.crowd} {folded(self.name)}"

    @property
    def crowd(self) -> str:
        """Those among whom one hides who calls himself otherwise: they come the same way, with the same link, from one network.
        Empty: an account hides nobody.
        """
        return "" if self.key else f"from {self.way} {self.bearer} {self.source}"

    @property
    def voucher(self) -> str:
        """What is turned away for good: the account, the link, else the hand."""
        return f"link {self.bearer}" if self.bearer and not self.key else self.hand


@dataclass(frozen=True, slots=True)
class Denial:
    """`times` in a row; `final`: for good, as a host wants it."""

    at: float
    times: int
    why: Refusal
    final: bool = False


@dataclass(slots=True)
class Knock:
    """`ticket` is the secret of whoever waits; `id` is what hosts see."""

    id: str
    ticket: str
    who: Knocker
    since: float
    seen_at: float
    state: State = State.WAITING
    why: Refusal | None = None
    tells: list[Tell] = field(default_factory=list)

    def move(self, happening: Happening, why: Refusal | None = None) -> bool:
        """Whether it changed anything."""
        state = MOVES.get((self.state, happening))
        if state is None:
            return False
        self.state, self.why = state, why
        self.news()
        return True

    def listen(self, tell: Tell) -> bool:
        """`tell` is called once, at the next news; of too many windows the first one is told to look now."""
        self.tells.append(tell)
        if len(self.tells) > limits.LOBBY_LISTENERS:
            self.tells.pop(0)()
        return True

    def listens_not(self, tell: Tell) -> None:
        if tell in self.tells:
            self.tells.remove(tell)

    def news(self) -> None:
        tells, self.tells = self.tells, []
        for tell in tells:
            tell()


Bar = tuple[str, str]
"""(identity, voucher) of a person or hall that is kept out for good; either may be empty."""


@dataclass(frozen=True, slots=True)
class LobbyBook:
    """Who was let in, turned away and removed, in one conference: all nodes have to know it."""

    admitted: Table[bool]
    """By the key of the knocker."""
    denied: Table[Denial]
    """By `hand`, `crowd` and `voucher`."""
    revoked: Table[float]
    """By identity: when the leave was taken back, Unix seconds."""
    seen: Table[Knocker]
    """By identity: the knockers that got leave to enter. A host who removes a participant can then keep that person out."""
    kept_out: Table[str]
    """Identities that no token brings back, however new it is, each with its voucher; empty: it is not known."""
    passed: Table[bool]
    """Identities that were in when the lobby was switched on."""

    @classmethod
    def of(cls, shared: Shared, name: str) -> LobbyBook:
        owner, most = f"lobby {name}", limits.LOBBY_SETTLED
        return cls(
            shared.table(owner, "admitted", most, bool),
            shared.table(owner, "denied", most, Denial),
            shared.table(owner, "revoked", most, float),
            shared.table(owner, "seen", most, Knocker),
            shared.table(owner, "kept_out", most, str),
            shared.table(owner, "passed", most, bool),
        )


@dataclass(slots=True)
class Lobby:
    """Of one conference."""

    name: str
    on: bool = False
    ordered: bool | None = None
    """As whoever planned the meeting wants it; a host may have switched it since."""
    revision: int = 0
    """Counts what hosts see."""
    waiting: OrderedDict[str, Knock] = field(default_factory=OrderedDict)
    """By id, longest first."""
    tickets: OrderedDict[str, Knock] = field(default_factory=OrderedDict)
    """By ticket, the decided ones too."""
    touched_at: float = 0.0
    watched_at: float = float("-inf")
    watchers: set[Tell] = field(default_factory=set)
    book: LobbyBook = field(default_factory=lambda: LobbyBook.of(ProcessMemory(), ""))

    # -- whoever asks to come in

    def knock(self, who: Knocker, ticket: str, now: float, random: Callable[[], str]) -> Knock:
        """The knock of that ticket, or of this person, or a new one. Raises Refusal `lobby_full`, `lobby_denied`,
        `lobby_pause`.
        """
        found = self.foresee(who, ticket, now)
        if found is not None:
            return found
        if who.key in self.book.admitted and who.key:
            return self._remember(Knock("", random() + random(), who, now, now, State.ADMITTED))
        made = self._remember(Knock(random(), random() + random(), who, now, now))
        self.waiting[made.id] = made
        self._news()
        return made

    def foresee(self, who: Knocker, ticket: str, now: float) -> Knock | None:
        """What `knock` would find, None: a new one. Changes nothing. Raises as `knock` does."""
        self.expire(now)
        self.check_final(who)
        known = self._known(who, ticket)
        if known is not None and known.state in (State.WAITING, State.ADMITTED):
            return known
        same = next((one for one in self.waiting.values() if who.key and one.who.key == who.key), None)
        if same is not None:  # a second window of his: one person, one row
            return same
        if not (who.key and who.key in self.book.admitted):
            self._check_denied(known, who, now)
            self._check_room(who)
        return None

    def _known(self, who: Knocker, ticket: str) -> Knock | None:
        """A ticket counts only together with what it was given for."""
        knock = self.tickets.get(ticket)
        return knock if knock is not None and (knock.who.key, knock.who.bearer) == (who.key, who.bearer) else None

    def admits(self, who: Knocker, ticket: str) -> bool:
        """Whether this person, or the bearer of this ticket, was let in before."""
        knock = self._known(who, ticket)
        return (knock is not None and knock.state is State.ADMITTED) or (
            who.key != "" and who.key in self.book.admitted
        )

    def check_final(self, who: Knocker) -> None:
        """Raises Refusal `lobby_denied`: he was turned away for good, whether the lobby is on or not."""
        for name in (who.voucher, who.hand):
            denial = self.book.denied.get(name)
            if denial is not None and denial.final:
                raise denial.why

    def _check_denied(self, known: Knock | None, who: Knocker, now: float) -> None:
        """A ticket that was thrown away changes nothing: neither the name nor the network asks again at once."""
        own = self.book.denied.get(who.hand)
        if own is not None and (now - own.at < limits.LOBBY_PAUSE_S or own.times >= limits.LOBBY_DENIALS):
            raise own.why
        if known is not None and known.state is State.DENIED and now - known.seen_at < limits.LOBBY_PAUSE_S:
            raise known.why or Refusal("lobby_denied")
        crowd = self.book.denied.get(who.crowd)
        if crowd is not None and now - crowd.at < _pause_s(crowd.times):
            raise Refusal("lobby_pause")

    def _check_room(self, who: Knocker) -> None:
        same = sum(1 for one in self.waiting.values() if not one.who.key and one.who.source == who.source)
        if len(self.waiting) >= limits.LOBBY_WAITING or (not who.key and same >= limits.LOBBY_SOURCE):
            raise Refusal("lobby_full")

    def look(self, ticket: str, now: float) -> Knock:
        """As its bearer sees it; it keeps him waiting. Raises Refusal `knock_unknown`."""
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
            self._settle(knock, Happening.LEAVE)

    # -- hosts

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
            self._settle(knock, Happening.ADMIT)
            self.book.denied.pop(knock.who.hand)
            if knock.who.key:
                self.book.admitted.put(knock.who.key, True)
        return found

    def deny(self, id_: str, why: str, now: float, *, final: bool = False) -> Knock:
        """`why`: in the host's words, may be empty. `final`: this account, this link, or this name from this network does not
        come in any more. Raises Refusal `knock_unknown`.
        """
        knock = self.find(id_)
        knock.seen_at = now
        told = Refusal("lobby_denied", why, why)
        self._settle(knock, Happening.DENY, told)
        self._count_denial(knock.who.hand, told, now, 1)
        if knock.who.crowd:
            self._count_denial(knock.who.crowd, told, now, limits.LOBBY_CROWD_DENIALS if final else 1)
        if final:
            self.book.denied.put(knock.who.voucher, Denial(now, limits.LOBBY_DENIALS, told, final=True))
        return knock

    def _count_denial(self, name: str, why: Refusal, now: float, least: int) -> None:
        before = self.book.denied.get(name)
        times = before.times + 1 if before is not None else 1
        self.book.denied.put(name, Denial(now, max(times, least), why, before is not None and before.final))

    @property
    def barred(self) -> int:
        """How many are turned away for good."""
        unknown = sum(not voucher for voucher in self.book.kept_out.values())
        return sum(1 for one in self.book.denied.values() if one.final) + unknown

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Who is turned away for good, the newest last and `LOBBY_BARS` at most: what a restart must not forget."""
        known = set(self.book.kept_out.values())
        denied = (("", name) for name, one in self.book.denied.items() if one.final and name not in known)
        return (*denied, *self.book.kept_out.items())[-limits.LOBBY_BARS :]

    def restore(self, bars: Iterable[Bar], now: float) -> None:
        """Puts back the bars of before a restart."""
        for identity, voucher in bars:
            if identity:
                self.book.kept_out.put(identity, voucher)
            if voucher:
                why = Refusal("removed" if identity else "lobby_denied")
                self.book.denied.put(voucher, Denial(now, limits.LOBBY_DENIALS, why, final=True))

    def pardon(self) -> None:
        """Whoever was turned away may ask again."""
        self.book.denied.clear()
        self.book.kept_out.clear()
        for knock in [one for one in self.tickets.values() if one.state is State.DENIED]:
            del self.tickets[knock.ticket]
        self._news()

    def set(self, on: bool, present: Iterable[str]) -> None:
        """On: those who are `present` (identities) stay free to come back. Off: whoever waits only for that, comes in."""
        if on == self.on:
            return
        self.on = on
        if on:
            for identity in present:
                self.book.passed.put(identity, True)
        else:
            self.admit([one.id for one in self.waiting.values() if not one.who.always])
        self._news()

    def order(self, on: bool, present: Iterable[str]) -> None:
        """As planned; what a host has set since stays until the plan is another."""
        if on != self.ordered:
            self.ordered = on
            self.set(on, present)

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
        self.watched_at = now
        if came:
            self._tell_waiting()

    def hosted(self, now: float) -> bool:
        """Whether a host is looking."""
        return now - self.watched_at < limits.LOBBY_SILENT_S

    # -- those who must not come in any more

    def forget(self, identity: str, now: float) -> None:
        """Removed from the call: the leave that it had is void, and its tokens given until now."""
        self.book.revoked.put(identity, now)
        self.book.passed.pop(identity)
        keys = {one.who.key for one in self.tickets.values() if one.who.identity == identity} - {""}
        for knock in list(self.tickets.values()):
            if knock.who.identity == identity or knock.who.key in keys:
                self._take_back(knock, Refusal("removed"), now)

    def remember(self, who: Knocker) -> None:
        """Notes that this knocker got leave to enter."""
        self.book.seen.put(who.identity, who)

    def keep_out(self, identity: str, now: float) -> list[str]:
        """Refuses this identity until a host pardons. Its account, its link, or its name from its network are refused too, as far
        as they are known. Returns all identities of that person.
        """
        who = self.book.seen.get(identity)
        same = [identity]
        if who is not None:
            why = Refusal("removed")
            self._count_denial(who.hand, why, now, 1)
            if who.crowd:
                self._count_denial(who.crowd, why, now, limits.LOBBY_CROWD_DENIALS)
            self.book.denied.put(who.voucher, Denial(now, limits.LOBBY_DENIALS, why, final=True))
            same += [one.identity for one in self.book.seen.values() if one.voucher == who.voucher and one is not who]
        for one in same:
            self.book.kept_out.put(one, who.voucher if who is not None else "")
            self.forget(one, now)
        self._news()
        return same

    def bar(self, bearer: str, why: Refusal, now: float) -> None:
        """A bearer, or WAY.BEARER, that vouches for nobody any more."""
        for knock in list(self.tickets.values()):
            if knock.who.bearer and bearer in (knock.who.bearer, f"{knock.who.way}.{knock.who.bearer}"):
                self._take_back(knock, why, now)

    def _take_back(self, knock: Knock, why: Refusal, now: float) -> None:
        self.book.admitted.pop(knock.who.key)
        knock.seen_at = now
        self._settle(knock, Happening.DENY, why)

    def end(self, why: Refusal, spared: Callable[[Knocker], bool] = lambda who: False) -> None:
        """Everybody who waits hears that it is over, and why; but for those who are `spared`. A meeting that
        nobody planned may be held again under its number: whoever was let in before is not let in then.
        """
        for knock in list(self.waiting.values()):
            if not spared(knock.who):
                self._settle(knock, Happening.END, why)
        if self.ordered is None:
            self.book.admitted.clear()
            self.book.passed.clear()
            for knock in [one for one in self.tickets.values() if one.state is State.ADMITTED]:
                del self.tickets[knock.ticket]

    def check(self, grants: Grants, present: bool) -> None:
        """The door. Raises Refusal `removed`, `lobby_waits`."""
        if grants.identity in self.book.kept_out:
            raise Refusal("removed")
        passed = present or grants.identity in self.book.passed
        admission.check_lobby(grants, on=self.on, passed=passed, revoked_at=self.book.revoked.get(grants.identity))

    # -- time

    def expire(self, now: float) -> None:
        for knock in list(self.waiting.values()):
            if now - knock.since >= limits.LOBBY_WAIT_S:
                self._settle(knock, Happening.EXPIRE)
            elif now - knock.seen_at >= limits.LOBBY_SILENT_S:
                self._settle(knock, Happening.LEAVE)

    def idle(self, now: float) -> bool:
        return not self.waiting and now - self.touched_at >= limits.LOBBY_KEPT_S

    def wake(self) -> None:
        """Whoever waits for news looks again, though there are none."""
        self._tell_waiting()
        self._tell_hosts()

    def _tell_waiting(self) -> None:
        for knock in self.waiting.values():
            knock.news()

    def _settle(self, knock: Knock, happening: Happening, why: Refusal | None = None) -> None:
        waited = knock.id in self.waiting
        if not knock.move(happening, why):
            return
        if waited:
            del self.waiting[knock.id]
            self._news()
        self._trim()

    def _remember(self, knock: Knock) -> Knock:
        self.tickets[knock.ticket] = knock
        self._trim()
        return knock

    def _trim(self) -> None:
        """Those who wait are bounded elsewhere; of the decided ones the oldest is forgotten first."""
        while len(self.tickets) - len(self.waiting) > limits.LOBBY_SETTLED:
            del self.tickets[next(one for one, k in self.tickets.items() if k.state is not State.WAITING)]

    def _news(self) -> None:
        self.revision += 1
        self._tell_hosts()

    def _tell_hosts(self) -> None:
        watchers, self.watchers = self.watchers, set()
        for tell in watchers:
            tell()


@dataclass(frozen=True, slots=True)
class LobbySetting:
    """The switch of a lobby, the plan at that time (None: no plan), and the people and halls that are kept out."""

    on: bool
    ordered: bool | None
    bars: tuple[Bar, ...] = ()

    @property
    def matters(self) -> bool:
        """Without it the lobby would not come back as it is."""
        return self.on != bool(self.ordered) or bool(self.bars)


class Lobbies:
    """Of all conferences of this process."""

    def __init__(self, random: Callable[[], str], shared: Shared | None = None) -> None:
        """`random`: 80 bits or more as text."""
        self.closed = False
        self.shared: Shared = shared if shared is not None else ProcessMemory()
        self._random = random
        self._lobbies: OrderedDict[str, Lobby] = OrderedDict()
        self._settings = self.shared.table("lobbies", "settings", limits.LOBBY_SETTINGS, LobbySetting)
        """Of lobbies that are not in memory: they come back as they were. Never dropped for others: that would open a door."""
        self._ticked_at = float("-inf")

    def __len__(self) -> int:
        return len(self._lobbies)

    def find(self, name: str) -> Lobby | None:
        """Raises Refusal `lobby_limit`: a lobby that a host has set is never taken for one that is off."""
        found = self._lobbies.get(name)
        return self._make(name, self._ticked_at) if found is None and name in self._settings else found

    def get(self, name: str, now: float) -> Lobby:
        """Made when need be. Raises Refusal `lobby_limit`."""
        admission.check_name(name)
        lobby = self._lobbies.get(name) or self._make(name, now)
        lobby.touched_at = now
        self._lobbies.move_to_end(name)
        return lobby

    def _make(self, name: str, now: float) -> Lobby:
        if len(self._lobbies) >= limits.LOBBIES:
            self._drop_idle(now)
        if len(self._lobbies) >= limits.LOBBIES:
            raise Refusal("lobby_limit")
        kept = self._settings.pop(name) or LobbySetting(False, None)
        made = self._lobbies[name] = Lobby(name, kept.on, kept.ordered, book=LobbyBook.of(self.shared, name))
        made.restore(kept.bars, now)
        return made

    def restore(self, name: str, setting: LobbySetting) -> None:
        """As it was before the server was started anew. Raises Refusal `lobby_limit`."""
        if len(self._settings) >= limits.LOBBY_SETTINGS:
            raise Refusal("lobby_limit")
        self._settings.put(name, setting)

    def check_settable(self) -> None:
        """Room for one more that somebody sets. Raises Refusal `lobby_limit`."""
        if len(self._settings) + len(self._lobbies) >= limits.LOBBY_SETTINGS:
            raise Refusal("lobby_limit")

    def knock(self, name: str, who: Knocker, ticket: str, now: float) -> Knock:
        """Raises Refusal `lobby_full`, `lobby_denied`, `lobby_pause`, `lobby_limit`."""
        return self.get(name, now).knock(who, ticket, now, self._random)

    def check(self, grants: Grants, present: bool) -> None:
        """The door of the call. Raises Refusal."""
        lobby = self.find(grants.conference)
        if lobby is not None:
            lobby.check(grants, present)

    def forget(self, name: str, identity: str, now: float) -> None:
        lobby = self._lobbies.get(name)
        if lobby is not None:
            lobby.forget(identity, now)

    def bar(self, bearer: str, why: Refusal, now: float) -> None:
        for lobby in self._lobbies.values():
            lobby.bar(bearer, why, now)

    def end(self, name: str, why: Refusal) -> None:
        lobby = self._lobbies.get(name)
        if lobby is not None:
            lobby.end(why)

    def tick(self, now: float) -> None:
        if now - self._ticked_at < limits.LOBBY_TICK_S:
            return
        self._ticked_at = now
        for lobby in self._lobbies.values():
            if lobby.waiting:
                lobby.expire(now)

    def close(self) -> None:
        """The server stops: whoever waits for news asks again, elsewhere or later."""
        self.closed = True
        for lobby in self._lobbies.values():
            lobby.wake()

    def _drop_idle(self, now: float) -> None:
        for name in [name for name, one in self._lobbies.items() if one.idle(now)]:
            lobby = self._lobbies[name]
            setting = LobbySetting(lobby.on, lobby.ordered, lobby.bars)
            if setting.matters:
                if len(self._settings) >= limits.LOBBY_SETTINGS:
                    continue
                self._settings.put(name, setting)
            del self._lobbies[name]
            self.shared.drop(f"lobby {name}")


def _pause_s(times: int) -> float:
    """How long nobody new of a crowd asks after so many of it were turned away."""
    more = times - limits.LOBBY_CROWD_DENIALS
    return min(limits.LOBBY_PAUSE_S * 2.0 ** min(more, 10), limits.LOBBY_PAUSE_MOST_S) if more >= 0 else 0.0
