"""The rows of the operators' board: one for each hall of a date, the current state and then each change.

Rows are plain values in the form of `signaling.api` (`/occurrences/{id}/legs`). The module owns the counters of the last
reading. The caller has checked the rights of the operator.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, NamedTuple

from conference import Hall, marks
from rooms.dialling import contacts, legs
from rooms.dialling.legs import Standing
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
    """The changes of a board. `phoned`: all telephone calls to sites; None: no change."""

    legs: list[Row]
    phoned: list[Row] | None


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
        self._bytes: dict[int, tuple[int, int, int]] = {}
        """(time in us, bytes received, bytes sent) of each line when the rates were last calculated."""

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
        while True:
            rows, calls = await self.rows(occurrence_id), await self._phoned(occurrence_id)
            self._take_pictures(occurrence_id, True)
            changed = [row for row in rows if shown.get(row["leg_id"]) != row]
            yield News(changed, calls if calls != phoned else None)
            shown, phoned = {row["leg_id"]: row for row in rows}, calls
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.BOARD_S):
                    await news.wait()
            news.clear()

    def changed(self, occurrence_id: str) -> None:
        """Send the news of this date at once, because another part has changed a row of the database."""
        self._watchers.changed(occurrence_id)

    async def _phoned(self, occurrence_id: str) -> list[Row]:
        async with self._database.reading() as session:
            return [asdict(one) for one in await contacts.calls_of(session, occurrence_id)]

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
        leg, hall = one.leg, self._live.hall(one.leg.id)
        return {
            "leg_id": leg.id,
            "terminal_id": one.terminal.id,
            "terminal": one.terminal.name,
            "hall": one.hall.name if one.hall is not None else "",
            "site": one.site.name,
            "site_id": one.site.id,
            "unit_path": one.unit.path,
            "unit": one.unit.name,
            "protocol": "sip",
            "address": self._live.address(leg.id) or one.terminal.sip_uri,
            "state": leg.state,
            "reason": reason_row(leg.reason),
            "attempts": leg.attempt - 1 + (leg.state in ("calling", "ringing", "connected")),
            "next_try_at": leg.next_try_at,
            "since": leg.since,
            "secure": bool(hall and hall.plan and hall.plan.encrypted),
            "unprotected": self._is_unprotected(one, hall),
            "audio": self._audio(hall, statistics),
            "video": self._video(hall, statistics),
            "content": bool(hall and hall.content_allowed),
            "floor_wanted_at": moment(hall.floor_wanted_at) if hall else None,
            "camera": bool(hall and hall.signal.moves_camera),
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


def _thumbnail_url(leg: DialLeg, hall: Hall | None) -> str:
    known = hall is not None and hall.sid in hall.program.thumbnails
    return f"/api/v1/occurrences/{leg.occurrence_id}/legs/{leg.id}/thumbnail" if known else ""
