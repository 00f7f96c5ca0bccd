"""The sheet of the personal messages, as the secretary opens it in Excel."""

import io

import openpyxl
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.store.tables.org import Unit
from rooms.store.tables.records import AuditEntry
from tests.signaling.api.office import Office
from tests.signaling.api.test_meetings import approved

PHONE = "+84 912 345 678"


async def test_the_sheet_warns_first_and_shows_telephones_as_written(office: Office) -> None:
    async def work(session: AsyncSession) -> None:
        (await session.get_one(Unit, office.province.units["yt"])).phone = PHONE

    await office.database.transact(work)
    meeting = await approved(office)
    desk = await office.client("secretary", "khcn")
    made = await desk.post(f"/meetings/{meeting['id']}/messages.xlsx", json={})
    assert made.status_code == 200, made.text
    sheet = openpyxl.load_workbook(io.BytesIO(made.content)).active
    notes, rows = [sheet["A1"].value, sheet["A2"].value], list(sheet.iter_rows(min_row=3))
    assert "không chuyển tiếp tệp này" in notes[0]
    assert [one.value for one in rows[0]] == ["Nơi nhận", "Điện thoại", "Tin nhắn"]
    (cells,) = [row for row in rows if row[1].value == PHONE]
    assert cells[2].value.startswith(f"Kính gửi: {cells[0].value}\n")
    assert {(one.data_type, one.quotePrefix, one.alignment.wrap_text) for one in cells} == {("s", True, True)}
    widths = [sheet.column_dimensions[one].width for one in "ABC"]
    assert widths[0] > len(cells[0].value)
    assert widths[2] > 40, "a message is no column of eight characters"
    copied = await desk.post(f"/meetings/{meeting['id']}/messages", json={})
    assert copied.status_code == 200, copied.text
    async with office.database.reading() as session:
        query = select(AuditEntry.detail).where(AuditEntry.action == "meeting.messages")
        assert {one["way"] for one in await session.scalars(query)} == {"sheet", "copy"}
