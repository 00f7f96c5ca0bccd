"""The lobby of one conference: who waits (`room`), who was turned away (`turned_away`), and whose leave to enter counts.

It is there before a conference, so that people who wait cost no media. The planner of the meeting says who has to wait;
that a token does not go around the lobby is checked at the door (`admission.check_lobby`). `LOBBY.md` gives the rules and the
reasons. `now` is in Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from conference.door import admission
from conference.door.knock import Happening, Knock, Knocker, State
from conference.door.turned_away import TurnedAway
from conference.door.waiting_room import WaitingRoom
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Grants
from conference.ports.shared import Shared, Table


class Lobby:
    def __init__(self, name: str, shared: Shared, *, on: bool = False, ordered: bool | None = None) -> None:
        self.name = name
        self.on = on
        self.ordered = ordered
        """As the planner of the meeting wants it; a host may have switched it since."""
        self.owner = f"lobby {name}"
        """Of the shared tables."""
        self.touched_at = 0.0
        self.room = WaitingRoom(shared, self.owner)
        self.turned_away = TurnedAway(shared, self.owner)
        self._revoked: Table[float] = shared.table(self.owner, "revoked", limits.LOBBY_SETTLED, float)
        """By identity: when the leave was taken back, Unix seconds."""
        self._passed: Table[bool] = shared.table(self.owner, "passed", limits.LOBBY_SETTLED, bool)
        """Identities that were in when the lobby was switched on."""

    # -- those who ask to come in

    def knock(self, who: Knocker, ticket: str, now: float, random: Callable[[], str]) -> Knock:
        """The knock of that ticket, or of this person, or a new one. Raises Refusal `lobby_full`, `lobby_denied`,
        `lobby_pause`.
        """
        return self.foresee(who, ticket, now) or self.room.open(who, now, random)

    def foresee(self, who: Knocker, ticket: str, now: float) -> Knock | None:
        """What `knock` would find, None: a new one. Changes nothing. Raises as `knock` does."""
        self.room.expire(now)
        self.turned_away.check_barred(who)
        known = self.room.known(who, ticket)
        if known is not None and known.state in (State.WAITING, State.ADMITTED):
            return known
        same = self.room.same_person(who)
        if same is None and not self.room.was_admitted(who):
            self.turned_away.check_person(who, now)
            if known is not None and known.state is State.DENIED and now - known.seen_at < limits.LOBBY_PAUSE_S:
                raise known.why or Refusal("lobby_denied")
            self.turned_away.check_origin(who, now)
            self.room.check_room(who)
        return same

    def admits(self, who: Knocker, ticket: str) -> bool:
        """Whether this person, or the bearer of this ticket, was let in before."""
        knock = self.room.known(who, ticket)
        return (knock is not None and knock.state is State.ADMITTED) or self.room.was_admitted(who)

    # -- hosts

    def admit(self, ids: Iterable[str]) -> list[Knock]:
        """Those of them who still wait."""
        found = self.room.admit(ids)
        for knock in found:
            self.turned_away.forgive(knock.who)
        return found

    def deny(self, id_: str, why: str, now: float, *, final: bool = False) -> Knock:
        """`why`: in the host's words, may be empty. `final`: this account, this link, or this name from this network does not
        come in any more. Raises Refusal `knock_unknown`.
        """
        knock, told = self.room.find(id_), Refusal("lobby_denied", why, why)
        self.room.deny(knock, told, now)
        self.turned_away.deny(knock.who, told, now, final=final)
        return knock

    def pardon(self) -> None:
        """Everybody who was turned away may ask again."""
        self.turned_away.pardon()
        self.room.drop_tickets(State.DENIED)
        self.room.note_news()

    def set(self, on: bool, present: Iterable[str]) -> None:
        """On: those who are `present` (identities) stay free to come back. Off: those who wait only for that come in."""
        if on == self.on:
            return
        self.on = on
        if on:
            for identity in present:
                self._passed.put(identity, True)
        else:
            self.admit([one.id for one in self.room.waiting.values() if not one.who.always])
        self.room.note_news()

    def order(self, on: bool, present: Iterable[str]) -> None:
        """As planned; what a host has set since stays until the plan is another."""
        if on != self.ordered:
            self.ordered = on
            self.set(on, present)

    # -- those who must not come in any more

    def forget(self, identity: str, now: float) -> None:
        """Removed from the call: the leave that it had is void, and its tokens given until now."""
        self._revoked.put(identity, now)
        self._passed.pop(identity)
        keys = {one.who.key for one in self.room.tickets.values() if one.who.identity == identity} - {""}
        for knock in list(self.room.tickets.values()):
            if knock.who.identity == identity or knock.who.key in keys:
                self.room.take_back(knock, Refusal("removed"), now)

    def keep_out(self, identity: str, now: float) -> list[str]:
        """Refuses this person until a host pardons, also inside the call. Returns all identities of that person."""
        same = self.turned_away.keep_out(identity, now)
        for one in same:
            self.forget(one, now)
        self.room.note_news()
        return same

    def bar(self, bearer: str, why: Refusal, now: float) -> None:
        """A bearer, or WAY.BEARER, that vouches for nobody any more."""
        for knock in list(self.room.tickets.values()):
            if knock.who.bearer and bearer in (knock.who.bearer, f"{knock.who.way}.{knock.who.bearer}"):
                self.room.take_back(knock, why, now)

    def end(self, why: Refusal, spared: Callable[[Knocker], bool] = lambda who: False) -> None:
        """Everybody who waits hears that it is over, and why; but for those who are `spared`. A meeting that
        nobody planned may be held again under its number: a person who was let in before is not let in then.
        """
        for knock in list(self.room.waiting.values()):
            if not spared(knock.who):
                self.room.settle(knock, Happening.END, why)
        if self.ordered is None:
            self.room.admitted.clear()
            self._passed.clear()
            self.room.drop_tickets(State.ADMITTED)

    def check(self, grants: Grants, present: bool) -> None:
        """The door. Raises Refusal `removed`, `lobby_waits`."""
        if grants.identity in self.turned_away.kept_out:
            raise Refusal("removed")
        passed = present or grants.identity in self._passed
        admission.check_lobby(grants, on=self.on, passed=passed, revoked_at=self._revoked.get(grants.identity))

    def idle(self, now: float) -> bool:
        return not self.room.waiting and now - self.touched_at >= limits.LOBBY_KEPT_S
