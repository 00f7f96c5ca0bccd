"""The rows of the operators' board: one for each hall of a date, the current state and then each change.

Rows are plain values in the form of `signaling.api` (`/occurrences/{id}/legs`). The module owns the counters of the last
reading. The caller has checked the rights of the operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from conference import Hall, Participant, marks
from rooms.dialling import contacts, legs
from rooms.dialling.legs import Standing
from rooms.dialling.rehearsal import checks
from rooms.sites.terminals import is_pc
from rooms.store.database import Database
from rooms.store.tables.dialling import DialLeg, LegAlarm
from signaling.halls.board.live import LiveHalls, Statistics
from signaling.halls.board.values import Row, alarm_row, moment, readiness_row, reason_row
from signaling.halls.board.watchers import Watchers
from signaling.halls.calls.rooms import Meetings
from signaling.halls.ground import limits
from signaling.halls.sip.trace import Traces
from signaling.host.dates import PREFIX


class News(NamedTuple):
    """The changes of a board. `phoned`: all telephone calls to sites; None: no change. `rehearsed`: the results of the rehearsal
    that have changed.
    """

    legs: list[Row]
    phoned: list[Row] | None
    rehearsed: list[checks.Entry]


class _Reading(NamedTuple):
    """The state of a date. `changes`: the number of changes before the reading. `at`: seconds of the monotonic clock."""

    changes: int
    at: float
    legs: list[Row]
    phoned: list[Row]
    results: list[checks.Entry]
    """The entries of the rehearsal."""


class _Counted(NamedTuple):
    """The counters of a line when its rates were last calculated. `figures`: None before the first rates."""

    at_us: int
    received: int
    sent: int
    figures: Row | None


class Rows:
    """A process has one object of this class. `monotonic` returns seconds."""

    def __init__(
        self,
        database: Database,
        live: LiveHalls,
        meetings: Meetings,
        watchers: Watchers,
        traces: Traces,
        monotonic: Callable[[], float],
    ) -> None:
        self._database, self._live, self._meetings = database, live, meetings
        self._watchers, self._traces, self._monotonic = watchers, traces, monotonic
        self._counted: dict[int, _Counted] = {}
        """The counters of each line."""
        self._last: dict[str, _Reading] = {}
        """The last reading of each watched date."""
        self._turn = asyncio.Lock()

    async def rows(self, occurrence_id: str) -> list[Row]:
        async with self._database.reading() as session:
            found = await legs.of_date(session, occurrence_id)
            alarms = await legs.alarms_of(session, [one.leg.id for one in found])
        statistics = self._live.statistics(self._monotonic())
        return [self._row(one, alarms.get(one.leg.id, []), statistics) for one in found]

    async def watch(self, occurrence_id: str) -> AsyncIterator[News]:
        """Yield all rows, then the changed rows, after each change and at least every `BOARD_S`. Raise Refusal
        `too_many_requests`.
        """
        if not self._watchers.has(occurrence_id):
            self._last.pop(occurrence_id, None)
        try:
            with self._watchers.watching(occurrence_id) as news:
                self._take_pictures(occurrence_id, True)
                async for changes in self._changes(occurrence_id, news):
                    yield changes
        finally:
            if not self._watchers.has(occurrence_id):
                self._take_pictures(occurrence_id, False)

    async def _changes(self, occurrence_id: str, news: asyncio.Event) -> AsyncIterator[News]:
        shown: dict[str, Row] = {}
        phoned: list[Row] | None = None
        versions: dict[str, int] = {}
        while True:
            news.clear()
            begun = self._monotonic()
            reading = await self._reading(occurrence_id)
            self._take_pictures(occurrence_id, True)
            changed = [row for row in reading.legs if shown.get(row["leg_id"]) != row]
            rehearsed = [one for one in reading.results if versions.get(one.site_id) != one.version]
            yield News(changed, reading.phoned if reading.phoned != phoned else None, rehearsed)
            shown, phoned = {row["leg_id"]: row for row in reading.legs}, reading.phoned
            versions = {one.site_id: one.version for one in reading.results}
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.BOARD_S):
                    await news.wait()
            await asyncio.sleep(max(0.0, begun + limits.BOARD_PACE_S - self._monotonic()))

    async def _reading(self, occurrence_id: str) -> _Reading:
        """Return the state of a date. Watchers of one date share a reading, unless the date has changed since its start."""
        async with self._turn:
            known, changes, now = (
                self._last.get(occurrence_id),
                self._watchers.changes(occurrence_id),
                self._monotonic(),
            )
            if known is not None and known.changes == changes and now - known.at < limits.BOARD_PACE_S:
                return known
            rows = await self.rows(occurrence_id)
            made = _Reading(changes, now, rows, *await self._noted(occurrence_id))
            self._last = {date: one for date, one in self._last.items() if self._watchers.has(date)}
            self._last[occurrence_id] = made
            return made

    def changed(self, occurrence_id: str) -> None:
        """Send the news of this date at once, because another part has changed a row of the database."""
        self._watchers.changed(occurrence_id)

    async def _noted(self, occurrence_id: str) -> tuple[list[Row], list[checks.Entry]]:
        """Return the telephone calls to sites, and the entries of the rehearsal."""
        async with self._database.reading() as session:
            phoned = [asdict(one) for one in await contacts.calls_of(session, occurrence_id)]
            return phoned, await checks.entries(session, occurrence_id)

    def _take_pictures(self, occurrence_id: str, watched: bool) -> None:
        """Begin or stop to take small pictures of each hall. `watched`: at least one operator watches the board."""
        conference = self._live.conference(occurrence_id)
        if conference is not None and conference.program is not None:
            conference.program.watch(watched)

    def trace(self, leg_id: str) -> str:
        """Return the redacted messages of the leg's calls, and the current statistics of its lines."""
        text = self._traces.of(leg_id)
        hall = self._live.hall(leg_id)
        if hall is None:
            return text
        peers = self._live.statistics(self._monotonic()).peers
        figures = [f"{line.local} {peers.get(line.id)}" for line in hall.lines.opened()]
        return text + "\n\n=== RTP, RTCP\n" + "\n".join(figures)

    def _row(self, one: Standing, alarms: Sequence[LegAlarm], statistics: Statistics) -> Row:
        leg, hall, pc = one.leg, self._live.hall(one.leg.id), self._live.pc(one.leg.id)
        return {
            "leg_id": leg.id,
            "terminal_id": one.terminal.id,
            "terminal": one.terminal.name,
            "hall": one.hall.name if one.hall is not None else "",
            "site": one.site.name,
            "site_id": one.site.id,
            "unit_path": one.unit.path,
            "unit": one.unit.name,
            "protocol": "pc" if is_pc(one.terminal) else "sip",
            "address": self._live.address(leg.id) or one.terminal.sip_uri,
            "state": leg.state,
            "reason": reason_row(leg.reason),
            "attempts": leg.attempt - 1 + (leg.state in ("calling", "ringing", "connected")),
            "next_try_at": leg.next_try_at,
            "since": leg.since,
            "secure": bool(hall and hall.plan and hall.plan.encrypted),
            "unprotected": self._is_unprotected(one, hall),
            "audio": self._audio(hall, statistics) if pc is None else _pc_audio(pc),
            "video": self._video(hall, statistics),
            "simpler": bool(hall and hall.program.is_simpler(hall)),
            "content": bool(hall and hall.content_allowed),
            "floor_wanted_at": moment(hall.floor_wanted_at) if hall else _hand(pc),
            "camera": bool(hall and hall.signal.moves_camera),
            "presets": one.terminal.presets,
            "on_stage": bool(hall and hall.program.stage.front == hall.sid),
            "lecture": bool(hall and hall.program.stage.mode == "lecture" and hall.program.stage.site == hall.sid),
            "layout": (hall.layout or "") if hall else "",
            "text": hall.text if hall else "",
            "readiness": readiness_row(leg),
            "thumbnail_url": _thumbnail_url(leg, hall),
            "taken_off": leg.taken_off,
            "waits": bool(hall and marks.WAITS in hall.grants.attributes),
            "alarms": [alarm_row(alarm) for alarm in alarms],
        }

    def _is_unprotected(self, one: Standing, hall: Hall | None) -> bool:
        """Report whether the hall is in an important meeting without encryption, which the setting `important_encryption` may
        permit.
        """
        important = self._meetings.is_important(PREFIX + one.leg.occurrence_id)
        return important and hall is not None and hall.plan is not None and not hall.plan.encrypted

    def _audio(self, hall: Hall | None, statistics: Statistics) -> Row | None:
        if hall is None or hall.plan is None or hall.plan.audio is None:
            return None
        rest = {"codec": hall.plan.audio.codec, "muted": hall.muted, "deafened": hall.deafened}
        return rest | self._figures(hall, "audio", statistics)

    def _video(self, hall: Hall | None, statistics: Statistics) -> Row | None:
        if hall is None or hall.plan is None or hall.plan.video is None:
            return None
        group = hall.program.group_of(hall)
        size = f"{group.width}x{group.height}" if group is not None else ""
        rest = {"codec": "h264", "size": size, "fps": group.fps if group is not None else 0}
        return rest | self._figures(hall, "video", statistics)

    def _figures(self, hall: Hall, medium: Any, statistics: Statistics) -> Row:
        """Return the rates since the last reading of the hall's counters. `up` is the direction from the hall."""
        line = hall.lines.line(medium)
        taken, peers = statistics
        known = peers.get(line.id) if line is not None else None
        if line is None or known is None:
            return dict.fromkeys(("up_bps", "down_bps", "loss_up", "loss_down", "rtt_ms", "jitter_ms"))
        before = self._counted.get(line.id)
        age_s = (taken - before.at_us) / 1e6 if before is not None else 0.0
        poor = max(known.up_loss or 0, known.down_loss or 0) >= limits.BOARD_POOR
        if before is not None and before.figures is not None and age_s < limits.BOARD_FIGURES_S and not poor:
            return before.figures
        if before is None:
            before = _Counted(taken, known.received_bytes, known.sent_bytes, None)
            self._counted[line.id] = before
        seconds = max(age_s, 1e-6)
        figures = {
            "up_bps": _rounded((known.received_bytes - before.received) * 8 / seconds),
            "down_bps": _rounded((known.sent_bytes - before.sent) * 8 / seconds),
            "loss_up": _share(known.up_loss),
            "loss_down": _share(known.down_loss),
            "rtt_ms": _step(known.rtt_ms) if known.rtt_ms >= 0 else None,
            "jitter_ms": _step(known.down_jitter_ms),
        }
        if age_s >= 0.5:
            self._counted[line.id] = _Counted(taken, known.received_bytes, known.sent_bytes, figures)
        while len(self._counted) > limits.BOARD_LINES:
            del self._counted[next(iter(self._counted))]
        return figures


# Figures are rounded for the comparison of rows: a row is sent only when a user would read something else.


def _pc_audio(pc: Participant) -> Row:
    """Return the microphone of a PC in hall mode. Its rates are in the statistics of its own page."""
    rates = dict.fromkeys(("up_bps", "down_bps", "loss_up", "loss_down", "rtt_ms", "jitter_ms"))
    return {"codec": "opus", "muted": not pc.microphones(), "deafened": False} | rates


def _hand(pc: Participant | None) -> datetime | None:
    raised = pc.grants.attributes.get(marks.HAND, "") if pc is not None else ""
    return moment(int(raised) / 1000) if raised.isdecimal() and raised.isascii() else None


def _rounded(bps: float) -> int:
    """Return a rate with two significant digits."""
    return int(float(f"{bps:.1e}"))


def _share(loss: float | None) -> float | None:
    return None if loss is None else round(loss, 2)


def _step(ms: float | None) -> float | None:
    """Return a time in steps of 5 ms. A short time is 1 ms at least."""
    return None if ms is None else float(max(1, 5 * round(ms / 5)))


def _thumbnail_url(leg: DialLeg, hall: Hall | None) -> str:
    known = hall is not None and hall.sid in hall.program.thumbnails
    return f"/api/v1/occurrences/{leg.occurrence_id}/legs/{leg.id}/thumbnail" if known else ""
