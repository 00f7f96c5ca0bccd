"""The time of invitees and their halls, as the desk sees them: who is busy, and which halls are held. A real server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.async_api import expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.booking.changes import deciding
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.booking import HallObjection
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Site
from tests.rooms.people import add_account
from tests.web.desk.province import HASHED, working_day
from tests.web.desk.test_desk import Served, settled, sign_in
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser
OTHER = "Họp góp ý dự thảo quy chế làm việc"
"""A meeting of the province at 08:00 of the second working day. The office is invited, and `lanhdao` leads it."""
KIND = "Họp liên ngành góp ý dự thảo"
"""A type of conference. The form checks halls and invitees only after a type is chosen."""


async def at_eight(visitor: Visitor, served: Served, title: str) -> None:
    """Open the form for a meeting of several units at the time of `OTHER`."""
    at = working_day(2, served.now).astimezone(UTC).isoformat().replace("+00:00", "Z")
    await sign_in(visitor, served, path=f"/book?kind=conference&at={at}&min=60")
    await visitor.part("book-title").fill(title)
    await visitor.part("book-type").select_option(label=KIND)
    await visitor.part("secret-no").check()


async def test_busy_invitees_are_named_also_on_editing(visit: Visit, served: Served, database: Database) -> None:
    async with database.reading() as session:
        leader = (await session.get_one(Person, served.desk.people["lanhdao"])).name
    visitor = await visit()
    await at_eight(visitor, served, "Họp bàn về chuyển đổi số")
    await visitor.part("invite-own").click()
    await visitor.part("guest-person").click()
    await visitor.part("guest-person").fill(leader)
    await visitor.part("guest-person-option").filter(has_text=leader).first.click()
    lines = visitor.part("busy-line")
    await expect(lines).to_have_count(2)
    await expect(lines.first).to_contain_text(leader)
    await expect(lines.first).to_contain_text(f"bận 08:00-10:00 ({OTHER}")
    await expect(lines.last).to_contain_text(f"được mời họp 08:00-10:00 ({OTHER}")
    await expect(visitor.part("guest-busy")).to_have_count(2)
    await expect(visitor.part("live-free")).to_be_visible()
    assert await visitor.barriers() == []
    await visitor.part("busy-dismiss").first.click()
    await expect(lines).to_have_count(1)
    await visitor.part("book-clock").select_option("10:30")
    await expect(visitor.part("busy")).to_have_count(0)
    await visitor.part("book-hold").click()
    await expect(visitor.part("meeting-said")).to_contain_text("Đã giữ hội trường")
    meeting = visitor.page.url.rpartition("/")[2].partition("?")[0]
    await visitor.page.goto(f"{served.url}/book?edit={meeting}")
    await expect(visitor.part("live-free")).to_have_text("Không trùng lịch; còn điểm cần xem dưới đây.")
    await expect(visitor.part("live")).to_contain_text("ngày làm việc")  # short notice
    await visitor.part("book-clock").select_option("09:00")
    await expect(lines).to_contain_text(f"được mời họp 08:00-10:00 ({OTHER}")
    assert await visitor.barriers() == []
    await visitor.part("book-save").click()
    await expect(visitor.part("meeting-said")).to_contain_text("Đã lưu thay đổi")


async def test_a_unit_sees_the_hold_of_its_hall_and_objects(visit: Visit, served: Served, database: Database) -> None:
    """The form holds the halls of invited units by default. A desk of the commune objects on the board, and the host sees it."""
    async with database.reading() as session:
        hall, unit, name = (
            await session.execute(
                select(Hall.name, Unit.id, Unit.name)
                .join(Site, Site.id == Hall.site_id)
                .join(Unit, Unit.id == Site.unit_id)
                .where(Unit.tier == 3)
                .order_by(Hall.code)
            )
        ).first() or ("", "", "")
    visitor = await visit()
    at = working_day(6, served.now).astimezone(UTC).isoformat().replace("+00:00", "Z")
    await sign_in(visitor, served, path=f"/book?kind=conference&at={at}&min=60")
    await visitor.part("book-title").fill("Hội nghị với các xã")
    await visitor.part("book-type").select_option(label=KIND)
    await visitor.part("secret-no").check()
    await visitor.part("open-tree").click()
    await visitor.part("tree-search").fill(name)
    await visitor.part("tree").get_by_role("checkbox", name=name).first.check()
    await visitor.part("tree-done").click()
    await expect(visitor.part("hold-guests")).to_be_checked()
    await expect(visitor.part("guest-halls-count")).to_have_text("1 hội trường trống")
    await visitor.part("book-submit").click()
    await expect(visitor.part("hall-hold")).to_contain_text("Giữ tạm")
    assert await visitor.barriers() == []
    meeting = visitor.page.url.rpartition("/")[2].partition("?")[0]
    await database.transact(lambda s: add_account(s, "xa", None, {"secretary": unit}, served.now, HASHED))
    other = await visit()
    day = working_day(6, served.now).date().isoformat()
    await sign_in(other, served, "xa", path=f"/board?day={day}&span=day&view=table")
    await expect(other.part("held-line")).to_contain_text(hall)
    await expect(other.part("held-line")).to_contain_text("Hội nghị với các xã")
    assert await other.barriers() == []
    await other.part("object").click()
    await other.part("object-reason").fill("Xã họp Hội đồng nhân dân")
    assert await other.barriers() == []
    await other.part("object-send").click()
    await expect(other.part("held-line")).to_have_count(0)
    await visitor.page.goto(f"{served.url}/meetings/{meeting}")
    await expect(visitor.part("hall-hold")).to_contain_text("Đơn vị báo không giữ được: Xã họp Hội đồng nhân dân")
    await expect(visitor.part("hall-hold")).to_contain_text("Không giữ")
    await database.transact(lambda s: _takes_back(s, meeting, served.now))
    await other.page.reload()
    await expect(other.part("held-line")).to_contain_text("Đã giữ")
    for reason in ("Xã họp Hội đồng nhân dân", "Hội trường đang sửa"):
        await other.part("object").click()
        await other.part("object-reason").fill(reason)
        await other.part("object-send").click()
        await expect(other.part("held-line")).to_contain_text(reason)
        if reason == "Hội trường đang sửa":
            break
        await other.part("withdraw-objection").click()
        await expect(other.part("object")).to_be_visible()
    await visitor.page.reload()
    await visitor.part("hold-other").click()
    await expect(visitor.part("call-add")).to_be_visible()
    await visitor.page.go_back()
    await visitor.part("give-back").click()
    await expect(visitor.part("hall-hold")).to_contain_text("Không giữ")
    await other.page.reload()
    await other.part("board-page").wait_for()
    await settled(other)
    await expect(other.part("held-line")).to_have_count(0)


async def _takes_back(session: AsyncSession, meeting_id: str, now: datetime) -> None:
    """Forget the objection, and approve the meeting: the hold of the hall is firm then."""
    for one in await session.scalars(select(HallObjection).where(HallObjection.meeting_id == meeting_id)):
        await session.delete(one)
    await session.flush()
    for _ in range(2):
        await deciding.decide(session, meeting_id, True, "", COMMAND, now)
