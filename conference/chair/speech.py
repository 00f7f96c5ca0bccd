"""The speaking floor with its effects: hands, microphones, the large picture, the timer and the undo.

Owns the state of the floor. `chair.py` has checked the right of each order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from conference.chair import floor
from conference.chair.floor import Ended, Floor, Given, Kind, Lowered, Mode, Raised, Turn, Warned
from conference.ground.errors import Refusal
from conference.ground.marks import HAND, UNIT
from conference.halls.hall import Hall
from conference.halls.microphones import Called, Microphones
from conference.halls.spotlight import Shown, Spotlight
from conference.people.participant import Participant
from conference.ports.time import Clock

WARNINGS: Final[Mapping[int, str]] = {1: "time_ends_in_1", 2: "time_over"}
"""The announcements of the timer by the number of the warning."""
MS_DIGITS: Final = 13
"""The digits of a time in ms since 1970, until the year 2286."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The result of an undo. `unmuted`: the number of halls that are heard again. `asked`: the number of people who are asked
    to switch their microphones on themselves.
    """

    unmuted: int
    asked: int


@dataclass(frozen=True, slots=True)
class Before:
    """What the undo of a call to speak gives back. `muted`: the sids that the call muted."""

    token: str
    called: Called
    shown: Shown
    muted: frozenset[str]


class Speech:
    """The floor of one conference. The keys of `participants` are identities. `leads` reports whether a participant is the
    chair, who is never muted by the floor. `turned` reports the beginning and the end of a turn (None: no end yet).
    """

    def __init__(
        self,
        participants: Mapping[str, Participant],
        clock: Clock,
        microphones: Microphones,
        spotlight: Spotlight,
        leads: Callable[[str], bool],
        turned: Callable[[Turn, float | None], None],
        changed: Callable[[], None],
    ) -> None:
        self.state = Floor()
        self._participants, self._clock = participants, clock
        self._microphones, self._spotlight = microphones, spotlight
        self._leads, self._turned, self._changed = leads, turned, changed
        self._before: Before | None = None
        self._orders: dict[str, int] = {}

    def step(self, event: floor.Event) -> None:
        """Step the machine and carry out the effects. Raises Refusal."""
        before = self.state
        self.state, effects = floor.step(self.state, event, self._clock.time())
        for effect in effects:
            EFFECTS[type(effect)](self, effect)
        if self.state is not before:
            self._changed()

    def call(self, one: Participant, token: str, time_s: float) -> None:
        """Give the floor to a participant: large picture, microphone, timer. The others are muted as the mode says."""
        called, shown, heard = self._microphones.called(one), self._spotlight.shown, self._microphones.heard()
        self.step(floor.Call(one.identity, token, _delegation(one), time_s))
        if self.state.mode is not Mode.DISCUSSION:
            self._microphones.enforce()
        self._before = Before(token, called, shown, heard - self._microphones.heard())

    def touched(self, sids: Collection[str]) -> None:
        """Note a newer order about these microphones. The undo of a call leaves them as they are."""
        if self._before is not None:
            self._before = replace(self._before, muted=self._before.muted.difference(sids))

    def take_back(self, token: str) -> TakenBack:
        """Undo the last call: queue and timer, then microphones and picture. Raises Refusal `undo_gone`."""
        before = self._before
        if before is None or before.token != token:
            raise Refusal("undo_gone")
        self.step(floor.TakeBack(token))
        self._before = None
        unmuted, asked = self._microphones.restore(before.muted, before.called)
        self._spotlight.restore(before.shown)
        return TakenBack(unmuted, asked)

    def set_mode(self, mode: Mode) -> None:
        self.step(floor.SetMode(mode))
        self._before = None
        self._microphones.enforce()

    def came(self, one: Participant, *, asks: bool = True) -> None:
        """Show a request that a restart kept, or queue a request that the participant's token still holds. `asks`: the
        participant may ask to speak.
        """
        place, raised = self.state.place_of(one.identity), one.grants.attributes.get(HAND, "")
        if place is not None:
            show_hand(one, self.state.queue[place].at)
        elif raised and not asks:
            show_hand(one, None)
        elif raised:
            known = raised.isdecimal() and raised.isascii() and len(raised) <= MS_DIGITS
            at = min(int(raised) / 1000, self._clock.time()) if known else None
            with suppress(Refusal):
                self.step(floor.Ask(one.identity, at=at))
        if self.state.turn_of(one.identity) is not None:
            self._spotlight.show(one)

    def gone(self, one: Participant) -> None:
        self._spotlight.gone(one.sid)
        self.step(floor.Gone(one.identity))

    def tick(self) -> None:
        self.step(floor.Tick())

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the queue for the desks, by identity: the order `o`, and the kind `k` if the kind is not a speech. The time of
        the request is `h` of the participant's row. A request keeps its `o` while no request is moved, so that one request
        changes one row.
        """
        orders: dict[str, int] = {}
        last = 0
        for one in self.state.queue:
            known = self._orders.get(one.identity, 0)
            last = orders[one.identity] = known if known > last else last + 1
        self._orders = orders
        kinds = {one.identity: one.kind for one in self.state.queue}
        return {
            identity: {"o": order} | ({} if kinds[identity] is Kind.SPEECH else {"k": kinds[identity].value})
            for identity, order in orders.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Return the floor for the desks. Times are ms since 1970. Usual values are absent."""
        state = self.state
        turns = [
            {
                "id": one.identity,
                "kind": one.kind.value,
                "delegation": one.delegation,
                "since": _ms(one.since),
                "ends_at": None if one.ends_at is None else _ms(one.ends_at),
                "warned": one.warned,
            }
            for one in state.turns
        ]
        spoken = {one: round(time_s) for one, time_s in state.spoken.items()}
        budgets = {one: round(time_s) for one, time_s in state.budgets.items()}
        known = {
            "mode": "" if state.mode is Mode.DISCUSSION else state.mode.value,
            "turns": turns,
            "spoken": spoken,
            "budgets": budgets,
            "stage": self._spotlight.identity,
        }
        return {name: value for name, value in known.items() if value}

    # -- effects

    def _given(self, effect: Given) -> None:
        self._turned(effect.turn, None)
        one = self._participants.get(effect.turn.identity)
        if one is not None and not effect.again:  # an undo gives back picture and microphone itself
            self._spotlight.show(one)
            self._microphones.open(one)

    def _ended(self, effect: Ended) -> None:
        self._turned(effect.turn, self._clock.time())
        one = self._participants.get(effect.turn.identity)
        if one is None or effect.why == "undone":
            return
        self._spotlight.clear(one)
        if (
            self.state.mode is Mode.DISCUSSION
            or self._leads(one.identity)
            or self.state.turn_of(one.identity) is not None
        ):
            return
        if isinstance(one, Hall):
            one.set_muted(True, locked=one.locked)
            if effect.why in ("ended", "time"):
                one.notify("turn_ended")
        else:
            one.silence()

    def _warned(self, effect: Warned) -> None:
        one = self._participants.get(effect.turn.identity)
        if isinstance(one, Hall):
            one.notify(WARNINGS[effect.turn.warned])

    def _raised(self, effect: Raised) -> None:
        one = self._participants.get(effect.request.identity)
        if one is not None:
            show_hand(one, effect.request.at)

    def _lowered(self, effect: Lowered) -> None:
        one = self._participants.get(effect.identity)
        if one is not None:
            show_hand(one, None)


EFFECTS: Final[Mapping[type[floor.Effect], Callable[[Speech, Any], None]]] = {
    Given: Speech._given,
    Ended: Speech._ended,
    Warned: Speech._warned,
    Raised: Speech._raised,
    Lowered: Speech._lowered,
}


def show_hand(one: Participant, at: float | None) -> None:
    """Show the time of a request (Unix seconds) in the attributes, and in a hall's picture. None: no request."""
    if isinstance(one, Hall):
        one.floor_wanted_at = at
        one.program.changed()
    one.update_facts(name=None, metadata=None, attributes={HAND: "" if at is None else str(_ms(at))})


def kind_of(text: str) -> Kind:
    """Return the kind of a request. A client that names no kind wants to speak."""
    return Kind(text) if text in {one.value for one in Kind} else Kind.SPEECH


def _delegation(one: Participant) -> str:
    """Return the unit whose time the participant uses. Without a unit the participant uses the own time."""
    return one.grants.attributes.get(UNIT, "") or one.identity


def _ms(at: float) -> int:
    return round(at * 1000)
