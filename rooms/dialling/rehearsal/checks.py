"""The results of a rehearsal: picture, sound both ways, name plate and delegates of each site, with a signature.

An operator or the site itself enters the results. A change after the signature removes the signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.holds import rehearsals
from rooms.dialling import duty, lead, planning
from rooms.errors import Refusal
from rooms.org.names import cleaned
from rooms.policy.actors import Actor
from rooms.store import audit
from rooms.store.tables.dialling import RehearsalCheck
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.org import Unit
from rooms.store.tables.sites import Site

RESULTS: Final = ("picture", "sound_in", "sound_out", "name_plate")


@dataclass(frozen=True)
class Result:
    """The observations at a site. None: not checked yet."""

    picture: bool | None = None
    sound_in: bool | None = None
    sound_out: bool | None = None
    name_plate: bool | None = None
    delegates: int | None = None
    note: str = ""

    @property
    def complete(self) -> bool:
        return None not in (self.picture, self.sound_in, self.sound_out, self.name_plate, self.delegates)

    @property
    def good(self) -> bool:
        return all(getattr(self, name) for name in RESULTS)


NOTHING: Final = Result()


@dataclass(frozen=True)
class SiteResult:
    """A site of a rehearsal. `version`: 0 before the first entry. `signed_at` None: not signed."""

    site_id: str
    site: str
    unit: str
    result: Result = NOTHING
    by_site: bool = False
    signed_at: datetime | None = None
    signed_name: str = ""
    version: int = 0


@dataclass(frozen=True)
class Rehearsal:
    """The last date of a rehearsal, with the results of its sites in the order of the unit tree."""

    occurrence_id: str
    meeting_id: str
    number: str
    starts_at: datetime
    ends_at: datetime
    state: str
    opens_at: datetime
    """The time from which results can be entered."""
    of_meeting_id: str
    of_title: str
    sites: tuple[SiteResult, ...]


async def of_date(session: AsyncSession, occurrence_id: str) -> Rehearsal | None:
    """Return the rehearsal of this date's meeting, or the rehearsal that this date belongs to. None: there is no rehearsal.
    Raise `occurrence_unknown`.
    """
    date, meeting = await planning.date_of(session, occurrence_id)
    if meeting.rehearses_id is not None:
        return await _told(session, date, meeting)
    rehearsal = await rehearsals.of_meeting(session, meeting.id)
    dates = await rehearsals.dates_of(session, rehearsal.id) if rehearsal is not None else []
    if rehearsal is None or not dates or dates[-1].state in ("cancelled", "skipped"):
        return None
    return await _told(session, dates[-1], rehearsal)


async def _told(session: AsyncSession, date: Occurrence, rehearsal: Meeting) -> Rehearsal:
    return (await of_dates(session, [(date, rehearsal)]))[0]


async def of_dates(session: AsyncSession, dates: Sequence[tuple[Occurrence, Meeting]]) -> list[Rehearsal]:
    """Return these dates of rehearsals with their results. The number of queries does not depend on the number of dates."""
    meetings = {
        one.id: one
        for one in await session.scalars(
            select(Meeting).where(Meeting.id.in_([rehearsal.rehearses_id for _, rehearsal in dates]))
        )
    }
    known: dict[str, dict[str, RehearsalCheck]] = {date.id: {} for date, _ in dates}
    for row in await session.scalars(select(RehearsalCheck).where(RehearsalCheck.occurrence_id.in_(known))):
        known[row.occurrence_id][row.site_id] = row
    invited = await duty.sites_by_meeting(session, {date.id: rehearsal.id for date, rehearsal in dates})
    ids = {rehearsal.id: invited[rehearsal.id] | set(known[date.id]) for date, rehearsal in dates}
    rows = await session.execute(
        select(Site.id, Site.name, Unit.name.label("unit"))
        .join(Unit, Unit.id == Site.unit_id)
        .where(Site.id.in_(set().union(*ids.values())))
        .order_by(Unit.tier, Unit.position, Site.search_name, Site.id)
    )
    sites = rows.all()
    made = []
    for date, rehearsal in dates:
        meeting, entered = meetings[rehearsal.rehearses_id or ""], known[date.id]
        mine = [one for one in sites if one.id in ids[rehearsal.id]]
        found = tuple(_site(one.id, one.name, one.unit, entered.get(one.id)) for one in mine)
        at = (date.starts_at, date.ends_at, date.state, _opens_at(date))
        made.append(Rehearsal(date.id, rehearsal.id, rehearsal.number or "", *at, meeting.id, meeting.title, found))
    return made


def _site(site_id: str, name: str, unit: str, row: RehearsalCheck | None) -> SiteResult:
    if row is None:
        return SiteResult(site_id, name, unit)
    signed = row.signed_at, row.signed_name
    return SiteResult(site_id, name, unit, _result(row), row.by_site, *signed, row.version)


def _result(row: RehearsalCheck) -> Result:
    return Result(row.picture, row.sound_in, row.sound_out, row.name_plate, row.delegates, row.note)


@dataclass(frozen=True)
class Entry:
    """The result that was entered for a site, without the names of the site. `version` differs after each change."""

    site_id: str
    result: Result
    by_site: bool
    signed_at: datetime | None
    signed_name: str
    version: int


async def entries(session: AsyncSession, occurrence_id: str) -> list[Entry]:
    """Return what was entered for the sites of this date of a rehearsal."""
    rows = await session.scalars(
        select(RehearsalCheck).where(RehearsalCheck.occurrence_id == occurrence_id).order_by(RehearsalCheck.site_id)
    )
    return [Entry(one.site_id, _result(one), one.by_site, one.signed_at, one.signed_name, one.version) for one in rows]


async def enter(
    session: AsyncSession,
    occurrence_id: str,
    site_id: str,
    result: Result,
    sign: bool,
    expected: int,
    actor: Actor,
    now: datetime,
    by_site: bool = False,
) -> SiteResult:
    """Store what was seen at a site. With `sign`, sign it. `expected`: the version that the actor saw.

    Raise `not_a_rehearsal`, `unknown_site`, `not_begun`, `result_changed`, `result_missing`, `bad_result`.
    """
    date, rehearsal = await planning.date_of(session, occurrence_id)
    await session.refresh(date, with_for_update=True)
    told = {one.site_id: one for one in (await _require(session, date, rehearsal, now)).sites}
    if site_id not in told:
        raise Refusal(
            "unknown_site", "Điểm cầu này không có trong buổi tổng duyệt.", "this site is not in the rehearsal"
        )
    before = told[site_id]
    _require_good(result, sign)
    if sign and now < await lead.of_date(session, date.id):
        raise Refusal(
            "not_signed_yet",
            "Chưa ký được: buổi tổng duyệt chưa gọi hội trường. Kết quả đã ghi vẫn được lưu.",
            "a result can be signed only from the time at which the halls are called",
        )
    if before.version != expected:
        raise Refusal(
            "result_changed",
            "Kết quả của điểm cầu này vừa được người khác ghi. Hãy xem lại rồi ghi tiếp.",
            "another user has just entered the result of this site: look at it again",
        )
    row = await session.get(RehearsalCheck, (date.id, site_id))
    if row is None:
        row = RehearsalCheck(occurrence_id=date.id, site_id=site_id)
        session.add(row)
    for name in RESULTS:
        setattr(row, name, getattr(result, name))
    row.delegates, row.note = result.delegates, cleaned(result.note)
    row.by_site, row.changed_at, row.version = by_site, now, expected + 1
    signer = "" if by_site else actor.id[:64]
    row.signed_at, row.signed_by, row.signed_name = (now, signer, actor.name[:200]) if sign else (None, "", "")
    await session.flush()
    if before.signed_at is not None and not sign:
        lost = {"site": site_id, "signed": before.signed_name, "by_site": by_site}
        host = rehearsal.host_unit_id
        await audit.record(session, now, actor, "rehearsal.unsign", "occurrence", date.id, host, lost)
    if sign:
        detail = {"site": site_id, "good": result.good, "by_site": by_site}
        host = rehearsal.host_unit_id
        await audit.record(session, now, actor, "rehearsal.sign", "occurrence", date.id, host, detail)
    return _site(site_id, before.site, before.unit, row)


async def _require(session: AsyncSession, date: Occurrence, rehearsal: Meeting, now: datetime) -> Rehearsal:
    if rehearsal.rehearses_id is None:
        raise Refusal("not_a_rehearsal", "Đây không phải là buổi tổng duyệt.", "this date is no rehearsal")
    if rehearsal.state != "approved" or date.state in ("cancelled", "postponed", "skipped") or now < _opens_at(date):
        raise Refusal(
            "not_begun",
            f"Chỉ ghi được kết quả từ {limits.ENTRY_HOST_MIN} phút trước giờ tổng duyệt của cuộc họp đã duyệt.",
            f"results can be entered from {limits.ENTRY_HOST_MIN} minutes before the rehearsal of an approved meeting",
        )
    return await _told(session, date, rehearsal)


def _opens_at(date: Occurrence) -> datetime:
    return date.starts_at - timedelta(minutes=limits.ENTRY_HOST_MIN)


def _require_good(result: Result, sign: bool) -> None:
    if sign and not result.complete:
        raise Refusal(
            "result_missing",
            "Hãy ghi số đại biểu trước khi ký (không có thì ghi 0)."
            if result.delegates is None
            else "Hãy ghi đủ hình, tiếng hai chiều và biển tên trước khi ký.",
            "enter picture, sound both ways, name plate and delegates before you sign",
        )
    if sign and not result.good and not result.note.strip():
        raise Refusal(
            "result_unexplained",
            "Có mục chưa đạt. Hãy ghi rõ ở ghi chú rồi ký.",
            "something failed: write what is wrong in the note, then sign",
        )
    few = result.delegates is None or 0 <= result.delegates <= limits.DELEGATES_OF_A_SITE
    if not few or len(result.note) > limits.REHEARSAL_NOTE:
        raise Refusal(
            "bad_result", "Số đại biểu hoặc ghi chú không hợp lệ.", "the number of delegates or the note is bad"
        )
