"""The orders of operators to the halls of a date, and how an operator takes an order back.

The module owns the undo tokens. The caller has checked the rights of the operator. The result of an order is one row of
`values` for each hall.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from conference import Hall, Refusal, layout
from conference.chair.rights import By, Role
from rooms import errors
from rooms.dialling import legs, planning
from rooms.dialling.legs import Standing
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.sites import terminals
from rooms.store import audit
from rooms.store.database import Database, is_away
from signaling.halls.board.live import LiveHalls
from signaling.halls.board.values import TEXTS, Row, alarm_row, done, not_done, refused
from signaling.halls.board.watchers import Watchers
from signaling.halls.calls.outgoing import Outgoing
from signaling.halls.dial.transitions import WISHES
from signaling.halls.ground import limits

log = logging.getLogger(__name__)
UNDER_WAY: Final = ("calling", "ringing", "connected")
UNDOABLE: Final = frozenset(("mute", "unmute", "deafen", "undeafen", "stage", "layout", "text", "drop"))


@dataclass(frozen=True)
class Order:
    """The action that an operator wants. `layout` empty: automatic. `mode` belongs to the action `stage`,
    `preset` to the actions `preset` and `store_preset`, `name` to `store_preset`: the position gets this name. None: the
    position keeps its name.
    """

    action: str
    leg_ids: tuple[str, ...]
    layout: str = ""
    text: str = ""
    mode: str = "pinned"
    pan: int = 0
    tilt: int = 0
    zoom: int = 0
    preset: int = 0
    name: str | None = None


@dataclass
class _Undo:
    occurrence_id: str
    until: float
    steps: list[Callable[[], None]]


class Orders:
    """A process has one object of this class. `monotonic` returns seconds."""

    def __init__(
        self,
        database: Database,
        live: LiveHalls,
        outgoing: Outgoing,
        watchers: Watchers,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._database, self._live, self._outgoing, self._watchers = database, live, outgoing, watchers
        self._clock, self._monotonic, self._random_bytes = clock, monotonic, random_bytes
        self._undo: OrderedDict[str, _Undo] = OrderedDict()

    async def order(self, occurrence_id: str, wanted: Row, actor: Actor) -> Row:
        """Carry out an order from the API. `wanted`: the fields of `Order`."""
        given = wanted | {"leg_ids": tuple(dict.fromkeys(wanted["leg_ids"]))}
        return await self.command(occurrence_id, Order(**given), actor)

    async def command(self, occurrence_id: str, order: Order, actor: Actor) -> Row:
        """Carry out an order. Return the result of each hall, and a token that takes the order back. The token is empty if
        nothing can be taken back.
        """
        async with self._database.reading() as session:
            known = {one.leg.id: one for one in await legs.of_date(session, occurrence_id)}
        steps: list[Callable[[], None]] = []
        results = await self._do_all(known, order, actor, steps)
        if order.action == "stage" and not order.leg_ids:
            results = [self._free_stage(occurrence_id, actor, steps)]
        await self._note(occurrence_id, order, known, actor)
        self._watchers.changed(occurrence_id)
        return {"results": results, "undo": self._keep(occurrence_id, steps) if order.action in UNDOABLE else ""}

    async def _do_all(
        self, known: Mapping[str, Standing], order: Order, actor: Actor, steps: list[Callable[[], None]]
    ) -> list[Row]:
        """Carry out an order hall by hall. A refusal of the database for one hall does not stop the order for the others.

        If the database is away, the remaining halls fail without a query, because each query may take seconds.
        """
        results: list[Row] = []
        away = False
        for leg_id in order.leg_ids:
            try:
                result = (
                    not_done(leg_id, "not_taken")
                    if away
                    else await self._do(known.get(leg_id), leg_id, order, actor, steps)
                )
            except (OSError, SQLAlchemyError) as error:
                log.warning("the order %s of leg %s could not be carried out: %s", order.action, leg_id, error)
                away = isinstance(error, OSError) or is_away(error)
                result = not_done(leg_id, "not_taken")
            results.append(result)
        return results

    async def _do(
        self, standing: Standing | None, leg_id: str, order: Order, actor: Actor, steps: list[Callable[[], None]]
    ) -> Row:
        if standing is None:
            return not_done(leg_id, "unknown_leg")
        if order.action == "remove":
            return await self._remove(standing, actor)
        if order.action in WISHES or order.action == "probe":
            result = await self._call(standing, order.action, actor)
            if order.action == "drop" and standing.leg.state in UNDER_WAY:
                steps.append(lambda: self._outgoing.call_again(leg_id))
            return result
        hall = self._live.hall(leg_id)
        if hall is None:
            return not_done(leg_id, "not_connected")
        try:
            if order.action == "store_preset":
                await self._name_preset(hall, standing, order, actor)
            undo = self._chaired(hall, standing, order, actor) or self._apply(hall, order)
        except errors.Refusal as refusal:
            return refused(leg_id, refusal)
        if undo is not None:
            steps.append(undo)
        return done(leg_id)

    async def _name_preset(self, hall: Hall, standing: Standing, order: Order, actor: Actor) -> None:
        """Store the name of a position before the camera stores the position: if this fails, the camera keeps its old position.

        Every later meeting shows the name, so the actor must operate the halls of the terminal's unit. Raise Refusal.
        """
        _require_camera(hall)
        if not roles.allows(actor, "halls.operate", standing.unit.path):
            raise Refusal("not_own_hall", *TEXTS["not_own_hall"])
        number, name = order.preset, order.name
        if name is not None:
            await self._database.transact(
                lambda session: terminals.name_preset(session, standing.terminal.id, number, name)
            )

    async def _remove(self, standing: Standing, actor: Actor) -> Row:
        """Take the hall off the date, then end its call. The order matters: after the first step no part calls this hall again
        by itself.
        """
        leg = standing.leg
        await self._database.transact(lambda session: planning.take_off(session, leg.occurrence_id, leg.terminal_id))
        return await self._call(standing, "drop", actor)

    async def _call(self, standing: Standing, action: str, actor: Actor) -> Row:
        leg, now = standing.leg, self._clock()
        if action == "probe":
            self._outgoing.probe_row(leg)
            return done(leg.id)
        if action != "drop":
            try:
                await self._database.transact(
                    lambda session: planning.ask(session, leg.occurrence_id, leg.terminal_id, actor, now)
                )
            except errors.Refusal as refusal:
                return refused(leg.id, refusal)
        why = await self._outgoing.caller.want(leg.id, action)
        if why:
            return not_done(leg.id, why) | {"ok": True}
        return done(leg.id)

    def _chaired(self, hall: Hall, standing: Standing, order: Order, actor: Actor) -> Callable[[], None] | None:
        """Give an order that the chair of the meeting may give too. Return the function that undoes the order, or None for
        another order. Raise Refusal.
        """
        conference = self._live.conference(standing.leg.occurrence_id)
        if conference is None or order.action not in ("mute", "unmute", "stage"):
            return None
        chair, by = conference.chair, operator(actor)
        if order.action == "stage":
            shown = chair.stage(by, hall.identity, "lecture" if order.mode == "lecture" else "pinned")
            hall.give_floor()
            return lambda: chair.restage(by, shown)
        before = (hall.muted, hall.locked)
        chair.set_hall_muted(by, hall, order.action == "mute", locked=order.action == "mute")
        return lambda: chair.set_hall_muted(by, hall, before[0], locked=before[1])

    def _apply(self, hall: Hall, order: Order) -> Callable[[], None] | None:
        """Apply an order to a connected hall. Return the function that undoes the order, or None if it cannot be undone. Raise
        Refusal.
        """
        action = order.action
        if action in ("deafen", "undeafen"):
            was = hall.deafened
            hall.set_deafened(action == "deafen")
            return lambda: hall.set_deafened(was)
        if action == "layout":
            earlier = hall.layout
            hall.set_layout(order.layout if order.layout in layout.PLACES else None)  # type: ignore[arg-type]
            return lambda: hall.set_layout(earlier)
        if action == "text":
            text = hall.text
            hall.set_text(order.text)
            return lambda: hall.set_text(text)
        _require_camera(hall)
        if action == "camera":
            hall.signal.camera.move(order.pan, order.tilt, order.zoom)
        else:
            hall.signal.camera.preset(order.preset, store=action == "store_preset")
        return None

    def _free_stage(self, occurrence_id: str, actor: Actor, steps: list[Callable[[], None]]) -> Row:
        """Let the picture follow the active speaker again."""
        conference = self._live.conference(occurrence_id)
        if conference is None or conference.program is None:
            return not_done("", "not_connected")
        chair, by = conference.chair, operator(actor)
        shown = chair.stage(by)
        steps.append(lambda: chair.restage(by, shown))
        return done("")

    async def _note(self, occurrence_id: str, order: Order, known: Mapping[str, Standing], actor: Actor) -> None:
        codes = [known[one].terminal.code for one in order.leg_ids if one in known][:50]
        detail: Row = {"terminals": codes, "count": len(order.leg_ids)}
        if order.action in ("preset", "store_preset"):
            detail["preset"] = order.preset
        if order.action == "store_preset" and order.name is not None:
            detail["name"] = order.name

        async def work(session: Any) -> None:
            meeting = (await planning.date_of(session, occurrence_id))[1]
            unit, now = meeting.host_unit_id, self._clock()
            await audit.record(session, now, actor, f"hall.{order.action}", "occurrence", occurrence_id, unit, detail)

        await self._database.transact(work)

    def _keep(self, occurrence_id: str, steps: list[Callable[[], None]]) -> str:
        if not steps:
            return ""
        token = self._random_bytes(16).hex()
        self._undo[token] = _Undo(occurrence_id, self._monotonic() + limits.UNDO_S, steps)
        while len(self._undo) > limits.UNDOS:
            self._undo.popitem(last=False)
        return token

    def undo(self, occurrence_id: str, token: str) -> None:
        """Take an order back. A token works once, and only for `UNDO_S`. Raise Refusal `undo_gone` if the token is not valid."""
        found = self._undo.pop(token, None)
        late = found is not None and found.until < self._monotonic()
        if found is None or late or found.occurrence_id != occurrence_id:
            raise Refusal("undo_gone", *TEXTS["undo_gone"])
        for step in reversed(found.steps):
            step()
        self._watchers.changed(occurrence_id)

    async def acknowledge(self, occurrence_id: str, alarm_id: str, actor: Actor) -> Row:
        """Mark an alarm as seen. Raise Refusal `unknown_alarm`."""
        now = self._clock()
        alarm = await self._database.transact(
            lambda session: legs.acknowledge(session, alarm_id, occurrence_id, actor, now)
        )
        hall = self._live.hall(alarm.leg_id)
        if alarm.code == "operator" and hall is not None:
            hall.program.say(hall, ("operator_seen", hall.language))
        self._watchers.changed(occurrence_id)
        return alarm_row(alarm)


def operator(actor: Actor) -> By:
    """Return the operator as the table of rights knows the operator: on behalf of the chair."""
    return By("", actor.name, Role.OPERATOR, for_chair=True, way="rest")


def _require_camera(hall: Hall) -> None:
    if not hall.signal.moves_camera:
        raise Refusal("no_camera", *TEXTS["no_camera"])
