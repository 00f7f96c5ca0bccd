"""The lobby of one conference: people who wait (`room`), people who were denied (`turned_away`), and permissions to enter that
hold or were taken back.

A lobby exists before its conference, so people who wait use no media. The planner of the meeting decides who must wait.
`admission.check_lobby` checks at the entry that a token does not bypass the lobby. `LOBBY.md` gives the rules and the reasons.
`now` is in Unix seconds.
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
        """The setting of the meeting's planner. A host may have changed the switch since then."""
        self.owner = f"lobby {name}"
        """The name of this lobby in the shared tables."""
        self.touched_at = 0.0
        self.room = WaitingRoom(shared, self.owner)
        self.turned_away = TurnedAway(shared, self.owner)
        self._revoked: Table[float] = shared.table(self.owner, "revoked", limits.LOBBY_SETTLED, float)
        """The time when a permission to enter was taken back, by identity, in Unix seconds."""
        self._passed: Table[bool] = shared.table(self.owner, "passed", limits.LOBBY_SETTLED, bool)
        """The identities that were in the conference when the lobby was switched on."""

    # -- people who ask to enter

    def knock(self, who: Knocker, ticket: str, now: float, random: Callable[[], str]) -> Knock:
        """Return the knock of this ticket or person, or a new knock. Raises Refusal `lobby_full`, `lobby_denied`,
        `lobby_pause`.
        """
        return self.foresee(who, ticket, now) or self.room.open(who, now, random)

    def foresee(self, who: Knocker, ticket: str, now: float) -> Knock | None:
        """Return the knock that `knock` would find; None if `knock` would make a new one. Changes no decision. Raises like
        `knock`.
        """
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
        """Report whether this person, or the bearer of this ticket, was admitted before."""
        knock = self.room.known(who, ticket)
        return (knock is not None and knock.state is State.ADMITTED) or self.room.was_admitted(who)

    # -- hosts

    def admit(self, ids: Iterable[str]) -> list[Knock]:
        """Admit these knocks and return the ones that were still waiting."""
        found = self.room.admit(ids)
        for knock in found:
            self.turned_away.forgive(knock.who)
        return found

    def deny(self, id_: str, why: str, now: float, *, final: bool = False) -> Knock:
        """Deny a knock. Raises Refusal `knock_unknown`.

        `why` is the host's text and may be empty. `final`: this account, this link, or this name from this network can no
        longer enter.
        """
        knock, told = self.room.find(id_), Refusal("lobby_denied", why, why)
        self.room.deny(knock, told, now)
        self.turned_away.deny(knock.who, told, now, final=final)
        return knock

    def pardon(self) -> None:
        """Let all denied and removed people ask again."""
        self.turned_away.pardon()
        self.room.drop_tickets(State.DENIED)
        self.room.note_news()

    def set(self, on: bool, present: Iterable[str]) -> None:
        """Switch the lobby on or off. On: the identities in `present` can still come back. Off: the people who waited only
        because of the switch are admitted.
        """
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
        """Apply the planner's setting. A later change by a host stays until the plan changes."""
        if on != self.ordered:
            self.ordered = on
            self.set(on, present)

    # -- people who can no longer enter

    def forget(self, identity: str, now: float) -> None:
        """Take back the permission of a participant that was removed from the call. All its admissions end, and its tokens that
        were issued up to `now` are void.
        """
        self._revoked.put(identity, now)
        self._passed.pop(identity)
        keys = {one.who.key for one in self.room.tickets.values() if one.who.identity == identity} - {""}
        for knock in list(self.room.tickets.values()):
            if knock.who.identity == identity or knock.who.key in keys:
                self.room.take_back(knock, Refusal("removed"), now)

    def keep_out(self, identity: str, now: float) -> list[str]:
        """Refuse this person until a host pardons all denied people. A new token does not help either. Returns all identities
        of that person.
        """
        same = self.turned_away.keep_out(identity, now)
        for one in same:
            self.forget(one, now)
        self.room.note_news()
        return same

    def bar(self, bearer: str, why: Refusal, now: float) -> None:
        """Take back the admissions of a bearer that is no longer valid. `bearer` is a bearer or WAY.BEARER."""
        for knock in list(self.room.tickets.values()):
            if knock.who.bearer and bearer in (knock.who.bearer, f"{knock.who.way}.{knock.who.bearer}"):
                self.room.take_back(knock, why, now)

    def end(self, why: Refusal, spared: Callable[[Knocker], bool] = lambda who: False) -> None:
        """End the waiting of all people except the `spared` ones, with the reason.

        A meeting without a plan may be held again under the same number. The admissions to the ended meeting must not count
        then, so they are removed.
        """
        for knock in list(self.room.waiting.values()):
            if not spared(knock.who):
                self.room.settle(knock, Happening.END, why)
        if self.ordered is None:
            self.room.admitted.clear()
            self._passed.clear()
            self.room.drop_tickets(State.ADMITTED)

    def check(self, grants: Grants, present: bool) -> None:
        """Check the grants at the entry. Raises Refusal `removed`, `lobby_waits`."""
        if grants.identity in self.turned_away.kept_out:
            raise Refusal("removed")
        passed = present or grants.identity in self._passed
        admission.check_lobby(grants, on=self.on, passed=passed, revoked_at=self._revoked.get(grants.identity))

    def idle(self, now: float) -> bool:
        return not self.room.waiting and now - self.touched_at >= limits.LOBBY_KEPT_S
