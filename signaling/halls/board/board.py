"""The operators' board of one date: a row for each hall, its news, and what is done to halls, with a way back.

Rows are plain values as `signaling.api` shows them (HALLS: `/occurrences/{id}/legs`). Reads the register, the caller and the live
conference; owns undo tokens and who looks. Rights were asked for before.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from conference import Conference, Hall, layout
from conference.halls.dialout import REASONS
from rooms.dialling import accounts, legs, planning
from rooms.dialling.legs import Standing
from rooms.errors import Refusal
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.database import is_away
from rooms.store.tables.dialling import DialLeg, LegAlarm, SipAccount
from signaling.halls import listening
from signaling.halls.board.bans import Bans
from signaling.halls.dial.rows import order_of
from signaling.halls.dial.transitions import WISHES
from signaling.halls.halls import Halls
from signaling.host import limits
from signaling.host.dates import PREFIX

log = logging.getLogger(__name__)
Row = dict[str, Any]
UNDER_WAY: Final = ("calling", "ringing", "connected")
LIVE: Final = ("mute", "unmute", "deafen", "undeafen", "stage", "layout", "text", "camera")
ALARMS: Final = {**REASONS, "operator": ("Gọi người điều hành", "asks for the operator")}
UNDOABLE: Final = frozenset(("mute", "unmute", "deafen", "undeafen", "stage", "drop"))
TEXTS: Final = {
    "not_connected": ("Điểm cầu chưa vào họp.", "the hall is not in the meeting"),
    "unknown_leg": ("Không có điểm cầu này trong buổi họp.", "no such hall in this meeting"),
    "elsewhere": (
        "Máy chủ khác đang giữ cuộc gọi này; đã chuyển yêu cầu.",
        "another node holds this call; it was told",
    ),
    "later": (
        "Máy chủ chưa ghi được; sẽ làm ngay khi ghi được.",
        "the server cannot write this down now; it is done as soon as it can",
    ),
    "not_taken": ("Máy chủ chưa làm được; hãy thử lại.", "the server could not do this; try again"),
    "undo_gone": ("Không hoàn tác được nữa.", "this cannot be undone any more"),
    "no_camera": ("Thiết bị này không cho điều khiển máy quay.", "this terminal's camera cannot be moved"),
}


@dataclass(frozen=True)
class Order:
    """What an operator wants. `site`: of `stage`, empty: automatic. `mode`: of `stage`."""

    action: str
    leg_ids: tuple[str, ...]
    layout: str = ""
    text: str = ""
    mode: str = "pinned"
    pan: int = 0
    tilt: int = 0
    zoom: int = 0


@dataclass
class _Undo:
    occurrence_id: str
    until: float
    steps: list[Callable[[], None]]


class Board:
    """Of all dates of this process."""

    def __init__(self, halls: Halls) -> None:
        self._halls = halls
        self._bans = Bans(halls)
        self._undo: OrderedDict[str, _Undo] = OrderedDict()
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._bytes: dict[int, tuple[int, int, int]] = {}
        """(taken at us, received, sent) of each line when it was last shown."""
        halls.changed = self._changed

    # -- reading

    async def rows(self, occurrence_id: str) -> list[Row]:
        async with self._halls.around.database.reading() as session:
            found = await legs.of_date(session, occurrence_id)
            alarms = await legs.alarms_of(session, [one.leg.id for one in found])
        statistics = self._statistics()
        return [self._row(one, alarms.get(one.leg.id, []), statistics) for one in found]

    async def watch(self, occurrence_id: str) -> AsyncIterator[list[Row]]:
        """All rows, then those that have changed, as they change or every few seconds. Raises Refusal `busy`."""
        watchers = self._watchers.setdefault(occurrence_id, set())
        if len(watchers) >= limits.BOARD_WATCHERS:
            raise Refusal("too_many_requests", "Quá nhiều người đang xem bảng này.", "too many look at this board")
        news = asyncio.Event()
        watchers.add(news)
        self._set_watched(occurrence_id, True)
        try:
            async for rows in self._changes(occurrence_id, news):
                yield rows
        finally:
            watchers.discard(news)
            if not watchers:
                self._watchers.pop(occurrence_id, None)
                self._set_watched(occurrence_id, False)

    async def _changes(self, occurrence_id: str, news: asyncio.Event) -> AsyncIterator[list[Row]]:
        shown: dict[str, Row] = {}
        while True:
            rows = await self.rows(occurrence_id)
            self._set_watched(occurrence_id, True)
            changed = [row for row in rows if shown.get(row["leg_id"]) != row]
            shown = {row["leg_id"]: row for row in rows}
            yield changed
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.BOARD_S):
                    await news.wait()
            news.clear()

    def _changed(self, occurrence_id: str) -> None:
        for news in self._watchers.get(occurrence_id, ()):
            news.set()

    def _set_watched(self, occurrence_id: str, watched: bool) -> None:
        conference = self._conference(occurrence_id)
        if conference is not None and conference.program is not None:
            conference.program.watch(watched)

    def thumbnail(self, occurrence_id: str, leg_id: str) -> bytes | None:
        hall = self._hall(leg_id)
        return hall.program.thumbnails.get(hall.sid) if hall is not None else None

    def program(self, occurrence_id: str) -> Row:
        """How the picture for the halls of a date stands."""
        conference = self._conference(occurrence_id)
        program = conference.program if conference is not None else None
        if program is None or not program.halls:
            return {
                "layout": "auto",
                "text": "",
                "running": False,
                "degraded": "",
                "sound_late": False,
                "picture_url": "",
                "unseen": [],
            }
        step = program.health.removeprefix("degraded ") if program.health.startswith("degraded") else ""
        url = f"/api/v1/occurrences/{occurrence_id}/program/picture" if program.picture is not None else ""
        running = program.health not in ("starting", "lost")
        return {
            "layout": program.layout or "auto",
            "text": program.text,
            "running": running,
            "degraded": step,
            "sound_late": program.sound_late,
            "picture_url": url,
            "unseen": program.unseen(),
        }

    def picture(self, occurrence_id: str) -> bytes | None:
        conference = self._conference(occurrence_id)
        return conference.program.picture if conference is not None and conference.program is not None else None

    def trace(self, leg_id: str) -> str:
        """What was said in its calls, redacted, and how its lines fare now."""
        text = self._halls.traces.of(leg_id)
        hall = self._hall(leg_id)
        if hall is None:
            return text
        peers = self._statistics()[1]
        figures = [f"{line.local} {peers.get(line.id)}" for line in hall.lines.opened()]
        return text + "\n\n=== RTP, RTCP\n" + "\n".join(figures)

    # -- rows

    def _statistics(self) -> tuple[int, Mapping[int, Any]]:
        registry = self._halls.registry
        if registry is None:
            return 0, {}
        return round(self._halls.around.clock.monotonic() * 1e6), registry.around.media.statistics().peers

    def _row(self, one: Standing, alarms: Sequence[LegAlarm], statistics: tuple[int, Mapping[int, Any]]) -> Row:
        leg, hall = one.leg, self._hall(one.leg.id)
        return {
            "leg_id": leg.id,
            "terminal_id": one.terminal.id,
            "terminal": one.terminal.name,
            "hall": one.hall.name if one.hall is not None else "",
            "site": one.site.name,
            "unit_path": one.unit.path,
            "unit": one.unit.name,
            "protocol": "sip",
            "address": self._address(one),
            "state": leg.state,
            "reason": _reason(leg.reason),
            "attempts": leg.attempt - 1 + (leg.state in ("calling", "ringing", "connected")),
            "next_try_at": leg.next_try_at,
            "since": leg.since,
            "secure": bool(hall and hall.plan and hall.plan.encrypted),
            "unprotected": self._is_unprotected(one, hall),
            "audio": self._audio(hall, statistics),
            "video": self._video(hall, statistics),
            "content": bool(hall and hall.content_allowed),
            "floor_wanted_at": _moment(hall.floor_wanted_at) if hall else None,
            "camera": bool(hall and hall.signal.moves_camera),
            "on_stage": bool(hall and hall.program.stage.front == hall.sid),
            "layout": (hall.layout or hall.program.layout or "auto") if hall else "",
            "readiness": _readiness(leg),
            "thumbnail_url": self._thumbnail_url(leg, hall),
            "taken_off": leg.taken_off,
            "alarms": [_alarm(alarm) for alarm in alarms],
        }

    def _is_unprotected(self, one: Standing, hall: Hall | None) -> bool:
        """In an important meeting without encryption (setting `important_encryption`)."""
        important = self._halls.around.live.is_important(PREFIX + one.leg.occurrence_id)
        return important and hall is not None and hall.plan is not None and not hall.plan.encrypted

    def _address(self, one: Standing) -> str:
        call = self._halls.calls.get(one.leg.id)
        return (call.address if call is not None else "") or one.terminal.sip_uri

    def _thumbnail_url(self, leg: DialLeg, hall: Hall | None) -> str:
        known = hall is not None and hall.sid in hall.program.thumbnails
        return f"/api/v1/occurrences/{leg.occurrence_id}/legs/{leg.id}/thumbnail" if known else ""

    def _audio(self, hall: Hall | None, statistics: tuple[int, Mapping[int, Any]]) -> Row | None:
        if hall is None or hall.plan is None or hall.plan.audio is None:
            return None
        rest = {"codec": hall.plan.audio.codec, "muted": hall.muted, "deafened": hall.deafened}
        return rest | self._figures(hall, "audio", statistics)

    def _video(self, hall: Hall | None, statistics: tuple[int, Mapping[int, Any]]) -> Row | None:
        if hall is None or hall.plan is None or hall.plan.video is None:
            return None
        group = hall.program.group_of(hall)
        size = f"{group.width}x{group.height}" if group is not None else ""
        rest = {"codec": "h264", "size": size, "fps": group.fps if group is not None else 0}
        return rest | self._figures(hall, "video", statistics)

    def _figures(self, hall: Hall, medium: Any, statistics: tuple[int, Mapping[int, Any]]) -> Row:
        """Rates since the last look, from its counters; up is from the hall."""
        line = hall.lines.line(medium)
        taken, peers = statistics
        known = peers.get(line.id) if line is not None else None
        if line is None or known is None:
            return dict.fromkeys(("up_bps", "down_bps", "loss_up", "loss_down", "rtt_ms", "jitter_ms"))
        before = self._bytes.get(line.id, (taken, known.received_bytes, known.sent_bytes))
        if taken - before[0] >= 500_000 or line.id not in self._bytes:
            self._bytes[line.id] = (taken, known.received_bytes, known.sent_bytes)
            while len(self._bytes) > limits.BOARD_LINES:
                del self._bytes[next(iter(self._bytes))]
        seconds = max(taken - before[0], 1) / 1e6
        rates = [
            round((now - then) * 8 / seconds)
            for now, then in zip((known.received_bytes, known.sent_bytes), before[1:], strict=True)
        ]
        return {
            "up_bps": rates[0],
            "down_bps": rates[1],
            "loss_up": known.up_loss,
            "loss_down": known.down_loss,
            "rtt_ms": known.rtt_ms if known.rtt_ms >= 0 else None,
            "jitter_ms": known.down_jitter_ms,
        }

    def _hall(self, leg_id: str) -> Hall | None:
        """In the meeting, connected."""
        call = self._halls.calls.get(leg_id)
        in_meeting = call is not None and call.stood and call.room is not None
        if call is None or not in_meeting or call.room is None or call.room.hall.left:
            return None
        return call.room.hall if call.room.conference.name.startswith(PREFIX) else None

    def _conference(self, occurrence_id: str) -> Conference | None:
        registry = self._halls.registry
        try:
            return registry.get(PREFIX + occurrence_id) if registry is not None else None
        except Refusal:
            return None

    # -- terminals

    @property
    def realm(self) -> str:
        return self._halls.around.config.realm

    @property
    def servers(self) -> Sequence[str]:
        return self._halls.around.servers

    def digest(self, algorithm: str, alias: str, password: str) -> str:
        return listening.secret(algorithm, alias, self.realm, password)

    async def refresh(self) -> None:
        await self._halls.refresh()

    def wake(self) -> None:
        self._halls.caller.wake()

    async def states(self) -> list[Row]:
        async with self._halls.around.database.reading() as session:
            known = await accounts.aliases(session)
            last = await legs.of_terminals(session, list(known))
        return [self._state(account, last.get(account.terminal_id)) for account in known.values()]

    def _state(self, account: SipAccount, leg: DialLeg | None) -> Row:
        agent = self._halls.agent
        binding = agent.registrar.find(account.alias) if agent is not None else None
        return {
            "terminal_id": account.terminal_id,
            "alias": account.alias,
            "registered": binding is not None,
            "address": str(binding.hop) if binding is not None else "",
            "user_agent": binding.user_agent if binding is not None else "",
            "last_call_at": leg.answered_at if leg is not None else None,
            "last_call_reason": _reason(leg.reason) if leg is not None else None,
        }

    # -- doing

    async def order(self, occurrence_id: str, wanted: Row, actor: Actor) -> Row:
        """`wanted`: the fields of `Order`."""
        given = wanted | {"leg_ids": tuple(dict.fromkeys(wanted["leg_ids"]))}
        return await self.command(occurrence_id, Order(**given), actor)

    async def command(self, occurrence_id: str, order: Order, actor: Actor) -> Row:
        """What became of it, hall by hall, and a token that takes it back."""
        async with self._halls.around.database.reading() as session:
            known = {one.leg.id: one for one in await legs.of_date(session, occurrence_id)}
        steps: list[Callable[[], None]] = []
        results = await self._do_all(known, order, actor, steps)
        if order.action == "stage" and not order.leg_ids:
            results = [self._free_stage(occurrence_id, steps)]
        await self._note(occurrence_id, order, known, actor)
        self._changed(occurrence_id)
        return {"results": results, "undo": self._keep(occurrence_id, steps) if order.action in UNDOABLE else ""}

    async def _do_all(
        self, known: Mapping[str, Standing], order: Order, actor: Actor, steps: list[Callable[[], None]]
    ) -> list[Row]:
        """What the database refuses of one hall keeps nobody from the others. One that is away is asked once: each try may take
        seconds.
        """
        results: list[Row] = []
        away = False
        for leg_id in order.leg_ids:
            try:
                done = (
                    _no(leg_id, "not_taken") if away else await self._do(known.get(leg_id), leg_id, order, actor, steps)
                )
            except (OSError, SQLAlchemyError) as error:
                log.warning("%s of leg %s was not taken: %s", order.action, leg_id, error)
                away = isinstance(error, OSError) or is_away(error)
                done = _no(leg_id, "not_taken")
            results.append(done)
        return results

    async def _do(
        self, standing: Standing | None, leg_id: str, order: Order, actor: Actor, steps: list[Callable[[], None]]
    ) -> Row:
        if standing is None:
            return _no(leg_id, "unknown_leg")
        if order.action == "remove":
            return await self._remove(standing, actor)
        if order.action in WISHES or order.action == "probe":
            done = await self._call(standing, order.action, actor)
            if order.action == "drop" and standing.leg.state in UNDER_WAY:
                steps.append(lambda: self._halls.call_again(leg_id))
            return done
        hall = self._hall(leg_id)
        if hall is None:
            return _no(leg_id, "not_connected")
        try:
            undo = self._apply(hall, order)
        except Refusal as refusal:
            return {
                "leg_id": leg_id,
                "ok": False,
                "code": refusal.code,
                "vi": refusal.vietnamese,
                "en": refusal.english,
            }
        if undo is not None:
            steps.append(undo)
        return {"leg_id": leg_id, "ok": True, "code": "", "vi": "", "en": ""}

    async def _remove(self, standing: Standing, actor: Actor) -> Row:
        """Off the date first: whatever becomes of the call, nothing calls this hall again by itself."""
        leg = standing.leg
        await self._halls.around.database.transact(
            lambda session: planning.take_off(session, leg.occurrence_id, leg.terminal_id)
        )
        return await self._call(standing, "drop", actor)

    async def _call(self, standing: Standing, action: str, actor: Actor) -> Row:
        leg, halls = standing.leg, self._halls
        now = halls.clock()
        if action == "probe":
            halls.probe(order_of(leg, halls.around.key))
            return {"leg_id": leg.id, "ok": True, "code": "", "vi": "", "en": ""}
        if action != "drop":
            try:
                await halls.around.database.transact(
                    lambda session: planning.ask(session, leg.occurrence_id, leg.terminal_id, actor, now)
                )
            except Refusal as refusal:
                return {
                    "leg_id": leg.id,
                    "ok": False,
                    "code": refusal.code,
                    "vi": refusal.vietnamese,
                    "en": refusal.english,
                }
        why = await halls.caller.want(leg.id, action)
        if why:
            return _no(leg.id, why) | {"ok": True}
        return {"leg_id": leg.id, "ok": True, "code": "", "vi": "", "en": ""}

    def _apply(self, hall: Hall, order: Order) -> Callable[[], None] | None:
        """Its undoing. Raises Refusal."""
        action = order.action
        if action in ("mute", "unmute"):
            before = (hall.muted, hall.locked)
            hall.set_muted(action == "mute", locked=action == "mute")
            return lambda: hall.set_muted(before[0], locked=before[1])
        if action in ("deafen", "undeafen"):
            was = hall.deafened
            hall.set_deafened(action == "deafen")
            return lambda: hall.set_deafened(was)
        if action == "stage":
            stage, program = hall.program.stage, hall.program
            program.set_stage("lecture" if order.mode == "lecture" else "pinned", hall.sid)
            hall.give_floor()
            return lambda: program.set_stage(stage.mode, stage.site)
        if action == "layout":
            hall.set_layout(order.layout if order.layout in layout.PLACES else None)  # type: ignore[arg-type]
        elif action == "text":
            hall.set_text(order.text)
        elif not hall.signal.moves_camera:
            raise Refusal("no_camera", *TEXTS["no_camera"])
        else:
            hall.signal.move_camera(order.pan, order.tilt, order.zoom)
        return None

    def _free_stage(self, occurrence_id: str, steps: list[Callable[[], None]]) -> Row:
        """Whoever speaks, again."""
        conference = self._conference(occurrence_id)
        program = conference.program if conference is not None else None
        if program is None:
            return _no("", "not_connected")
        before = program.stage
        program.set_stage("auto")
        steps.append(lambda: program.set_stage(before.mode, before.site))
        return {"leg_id": "", "ok": True, "code": "", "vi": "", "en": ""}

    def set_program(self, occurrence_id: str, name: str, text: str | None) -> None:
        """The layout of all halls ("auto": what suits), a message to all. Raises Refusal."""
        conference = self._conference(occurrence_id)
        if conference is None or conference.program is None:
            raise Refusal("not_connected", *TEXTS["not_connected"])
        if name:
            conference.program.set_layout(name if name in layout.PLACES else None)  # type: ignore[arg-type]
        if text is not None:
            conference.program.set_text(text)
        self._changed(occurrence_id)

    async def _note(self, occurrence_id: str, order: Order, known: Mapping[str, Standing], actor: Actor) -> None:
        codes = [known[one].terminal.code for one in order.leg_ids if one in known][:50]
        detail = {"terminals": codes, "count": len(order.leg_ids)}

        async def work(session: Any) -> None:
            meeting = (await planning.date_of(session, occurrence_id))[1]
            unit, now = meeting.host_unit_id, self._halls.clock()
            await audit.record(session, now, actor, f"hall.{order.action}", "occurrence", occurrence_id, unit, detail)

        await self._halls.around.database.transact(work)

    def _keep(self, occurrence_id: str, steps: list[Callable[[], None]]) -> str:
        if not steps:
            return ""
        token = self._halls.around.random_bytes(16).hex()
        self._undo[token] = _Undo(occurrence_id, self._halls.around.clock.monotonic() + limits.UNDO_S, steps)
        while len(self._undo) > limits.UNDOS:
            self._undo.popitem(last=False)
        return token

    def undo(self, occurrence_id: str, token: str) -> None:
        """Once, and not for long. Raises Refusal `undo_gone`."""
        found = self._undo.pop(token, None)
        late = found is not None and found.until < self._halls.around.clock.monotonic()
        if found is None or late or found.occurrence_id != occurrence_id:
            raise Refusal("undo_gone", *TEXTS["undo_gone"])
        for step in reversed(found.steps):
            step()
        self._changed(occurrence_id)

    async def acknowledge(self, occurrence_id: str, alarm_id: str, actor: Actor) -> Row:
        """Raises Refusal `unknown_alarm`."""
        now = self._halls.clock()
        alarm = await self._halls.around.database.transact(
            lambda session: legs.acknowledge(session, alarm_id, occurrence_id, actor, now)
        )
        hall = self._hall(alarm.leg_id)
        if alarm.code == "operator" and hall is not None:
            hall.program.say(hall, ("operator_seen", hall.language))
        self._changed(occurrence_id)
        return _alarm(alarm)

    # -- who dialled the operator

    async def calls(self, actor: Actor) -> list[Row]:
        return await self._halls.operator.rows(actor)

    async def acknowledge_call(self, call_id: str, actor: Actor) -> Row:
        return await self._halls.operator.acknowledge(call_id, actor)

    async def place_call(self, call_id: str, occurrence_id: str, actor: Actor) -> None:
        await self._halls.operator.place(call_id, occurrence_id, actor)

    async def end_call(self, call_id: str, actor: Actor) -> None:
        await self._halls.operator.end(call_id, actor)

    # -- who is not heard for a while

    async def bans(self, actor: Actor) -> list[Row]:
        return await self._bans.rows(actor)

    async def lift_ban(self, subject: str, actor: Actor) -> None:
        await self._bans.lift(subject, actor)


def _no(leg_id: str, code: str) -> Row:
    return {"leg_id": leg_id, "ok": False, "code": code, "vi": TEXTS[code][0], "en": TEXTS[code][1]}


def _reason(code: str) -> Row:
    return _told(REASONS, code)


def _told(texts: Mapping[str, tuple[str, str]], code: str) -> Row:
    vietnamese, english = texts.get(code, (code, code))
    return {"code": code, "vi": vietnamese, "en": english}


def _readiness(leg: DialLeg) -> Row:
    return {"state": leg.readiness, "at": leg.readiness_at, "reason": _reason(leg.readiness_reason)}


def _alarm(alarm: LegAlarm) -> Row:
    return {
        "id": alarm.id,
        "code": alarm.code,
        "text": _told(ALARMS, alarm.code),
        "at": alarm.at,
        "acknowledged_by": alarm.acknowledged_name or alarm.acknowledged_by,
        "acknowledged_at": alarm.acknowledged_at,
    }


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
