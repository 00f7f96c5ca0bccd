"""The button that makes the list of halls that are not connected: who may press it, and from which time."""

from sqlalchemy import select

from rooms.store.tables.records import AuditEntry
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem


async def test_an_operator_makes_the_list_after_half_past_six(office: Office) -> None:
    office.now = office.now.replace(hour=23, minute=0)  # 06:00 in Việt Nam
    operator = await office.client("operator", "xa1")
    problem(await (await office.client("approver")).post("/hall-report"), 403, "denied")
    early = await operator.post("/hall-report")
    assert (early.status_code, early.json()) == (200, None)
    office.pass_minutes(31)
    made = await operator.post("/hall-report")
    assert made.status_code == 200, made.text
    assert made.json()["rows"] == []
    assert (await operator.get("/hall-report")).json() == made.json()
    async with office.database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.object_kind == "hall_report")))
    assert [(one.action, one.detail) for one in entries] == [("hall_report.make", {"count": 0})]
