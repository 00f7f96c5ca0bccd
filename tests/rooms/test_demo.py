"""The demonstration month: it loads on any day, holds every case that a demonstration needs, and loads only into an empty
installation.
"""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from rooms.accounts import first_administrator
from rooms.demo import loading
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from rooms.store.tables.booking import Change, Proposal, Step
from rooms.store.tables.meetings import Attendee, Meeting, Occurrence
from rooms.store.tables.records import AuditEntry, Job
from tests.rooms.postgres import POSTGRESQL_IN_SIM

pytestmark = pytest.mark.timeout(300)


@POSTGRESQL_IN_SIM
async def test_the_demo_month_holds_every_case_to_show(database: Database, now: datetime) -> None:
    await database.transact(lambda session: first_administrator.link(session, COMMAND, now))
    done = await database.transact(lambda session: loading.load(session, COMMAND, now))
    assert done.counts["units"] > 120
    assert 150 <= done.counts["meetings"] <= 250
    assert set(done.links) == set(done.roles) == {"vanthu", "lanhdao", "vanhanh", "chuyenvien", "vanthu.xa", "kiemtoan"}
    async with database.reading() as session:

        async def titles(*conditions: object) -> list[str]:
            query = select(Meeting.title).join(Occurrence, Occurrence.meeting_id == Meeting.id)
            return list(await session.scalars(query.where(*conditions)))  # type: ignore[arg-type]

        async def actions(action: str) -> int:
            return await session.scalar(select(func.count()).where(Change.action == action)) or 0

        assert "Tập huấn nghiệp vụ văn thư" in await titles(Meeting.state == "cancelled")
        put_off = await titles(Occurrence.state == "postponed")
        # The second meeting gave way. Its new time waits for approval.
        assert sorted(put_off) == ["Hội nghị quán triệt nghị quyết", "Tổng kết công tác thi đua"]
        assert await titles(Proposal.meeting_id == Meeting.id, Proposal.state == "waiting") == [
            "Tổng kết công tác thi đua"
        ]
        assert await actions("displaced") == 1
        assert await actions("raise_class") == 1
        assert len(await titles(Meeting.state == "asked")) == 3
        assert len(await titles(Meeting.state == "held")) == 1
        assert "Sơ kết công tác chuyển đổi số" in await titles(Meeting.public)
        assert await titles(Meeting.precedence_reason == "Mưa lớn, triều cường")
        states = select(Attendee.substitute_state, func.count()).group_by(Attendee.substitute_state)
        substitutes = {state: count for state, count in await session.execute(states)}  # noqa: C416
        assert (substitutes["agreed"], substitutes["refused"]) == (4, 1)
        assert await session.scalar(select(func.count()).where(Step.state == "open")) or 0 >= 3
        secret = await session.scalar(select(func.count()).where(AuditEntry.action == "meeting.secret_refused"))
        assert secret == 1
        held = await session.scalar(select(func.count()).where(Occurrence.closed_at.is_not(None)))
        assert held
        assert held > 50
        assert not await session.scalar(select(func.count()).where(Job.kind.like("mail.%")))
        assert {one for one in await session.scalars(select(AuditEntry.at))} == {now}  # noqa: C416
    with pytest.raises(Refusal, match="demo_not_empty"):
        await database.transact(lambda session: loading.load(session, COMMAND, now))
    await database.transact(
        lambda session: session.execute(update(Account).filter_by(name="vanthu").values(password="x"))
    )
    again = await database.transact(lambda session: loading.unused(session, COMMAND, now))
    assert set(again.links) == set(again.roles) == set(done.links) - {"vanthu"}
    assert again.links["lanhdao"] != done.links["lanhdao"]


@pytest.mark.parametrize(
    "day",
    [
        "2026-02-14",
        pytest.param("2026-04-30", marks=pytest.mark.sim),
        pytest.param("2027-01-02", marks=pytest.mark.sim),
    ],
)
async def test_the_demo_loads_on_holidays_and_weekends_too(sqlite_template: Path, tmp_path: Path, day: str) -> None:
    shutil.copy(sqlite_template, tmp_path / "rooms.db")
    at = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=9)
    opened = Database.open(f"sqlite:///{tmp_path / 'rooms.db'}")
    try:
        done = await opened.transact(lambda session: loading.load(session, COMMAND, at))
    finally:
        await opened.close()
    assert done.counts["meetings"] > 150
