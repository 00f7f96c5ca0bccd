"""Import and export of files, the demonstration, the API description, and each limit of bodies and uploads at limit + 1."""

import csv
import io
import json
import zipfile
from typing import Any

import openpyxl

from rooms.exchange import sheets
from signaling.api.models import limits as shapes
from signaling.host import limits
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import book, wanted


async def test_an_import_file_is_previewed_before_it_is_applied(office: Office) -> None:
    admin = await office.client("admin")
    exported = await admin.get("/exports/halls.csv")
    assert exported.content.startswith(b"\xef\xbb\xbf")
    seen = await admin.post("/imports/preview", data={"kind": "halls"}, files={"file": ("h.csv", exported.content)})
    assert seen.status_code == 200, seen.text
    assert (seen.json()["unchanged"], seen.json()["troubles"]) == (4, [])
    changed = exported.content.decode().replace("Phòng họp khcn", "Phòng họp mới").encode()
    seen = await admin.post("/imports/preview", data={"kind": "halls"}, files={"file": ("h.csv", changed)})
    body = {"kind": "halls", "digest": seen.json()["digest"]}
    problem(
        await admin.post("/imports/apply", data=body | {"digest": "0" * 64}, files={"file": ("h.csv", changed)}),
        409,
        "import_outdated",
    )
    done = (await admin.post("/imports/apply", data=body, files={"file": ("h.csv", changed)})).json()
    assert (done["applied"], done["changed"]) == (True, 1)
    wrong = changed.decode().replace("60", "sáu mươi").encode()
    seen = await admin.post("/imports/preview", data={"kind": "halls"}, files={"file": ("h.csv", wrong)})
    assert seen.json()["troubles"][0]["where"]
    xlsx = await admin.get("/exports/units.xlsx")
    assert xlsx.content[:2] == b"PK"
    again = await admin.post("/imports/preview", data={"kind": "units"}, files={"file": ("u.xlsx", xlsx.content)})
    assert again.json()["troubles"] == []
    reader = await office.client("secretary")
    problem(
        await reader.post("/imports/preview", data={"kind": "units"}, files={"file": ("u.xlsx", xlsx.content)}),
        403,
        "denied",
    )


HOSTILE = ("=cmd|' /C calc'!A0", '+HYPERLINK("http://x.test")', "-2+3", "@SUM(1+9)*cmd", "'=1", "-5", "\uff1d1")
"""Names of units that a spreadsheet could run as formulas."""


async def test_no_name_in_an_export_is_a_formula(office: Office) -> None:
    """Show that each exported cell is text, and that the file can be imported without any change."""
    admin = await office.client("admin")
    for number, name in enumerate(HOSTILE):
        body = {"code": f"xau{number}", "name": name, "kind": "department", "tier": 1, "block": "government"}
        made = await admin.post("/units", json=body | {"parent_id": office.province.units["tinh"]})
        assert made.status_code == 201, made.text
    table = (await admin.get("/exports/units.csv")).content
    cells = [cell for row in csv.reader(io.StringIO(table.decode("utf-8-sig"))) for cell in row]
    assert not [cell for cell in cells if cell[:1] in sheets.STARTS_FORMULA]
    assert {f"'{name}" for name in HOSTILE} <= set(cells)
    book = (await admin.get("/exports/units.xlsx")).content
    stored = [cell for row in openpyxl.load_workbook(io.BytesIO(book)).active.iter_rows() for cell in row]
    assert {cell.data_type for cell in stored if cell.value is not None} == {"s"}
    assert {f"'{name}" for name in HOSTILE} <= {cell.value for cell in stored}
    for content in (table, book):
        given: dict[str, Any] = {"data": {"kind": "units"}, "files": {"file": ("u", content)}}
        seen = (await admin.post("/imports/preview", **given)).json()
        assert (seen["changed"], seen["created"], seen["troubles"]) == (0, 0, [])
        assert seen["unchanged"] >= len(HOSTILE)


async def test_a_workbook_that_hides_its_markup_is_refused(office: Office) -> None:
    """Show that entities in a sheet are refused when the sheet's part has another name. A commune's operator sends it."""
    operator, book = await office.client("operator", "xa1"), io.BytesIO()
    honest = await operator.get("/exports/terminals.xlsx")
    assert honest.status_code == 200, honest.text
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>'
    with zipfile.ZipFile(io.BytesIO(honest.content)) as read, zipfile.ZipFile(book, "w") as made:
        for name in read.namelist():
            text = read.read(name).replace(b"sheet1.xml", b"sheet1.bin")
            made.writestr(name.replace("sheet1.xml", "sheet1.bin"), laughs if "sheet1" in name else text)
    given: dict[str, Any] = {"data": {"kind": "terminals"}, "files": {"file": ("t.xlsx", book.getvalue())}}
    problem(await operator.post("/imports/preview", **given), 422, "file_malformed")
    same: dict[str, Any] = {"data": {"kind": "terminals"}, "files": {"file": ("t.xlsx", honest.content)}}
    assert (await operator.post("/imports/preview", **same)).status_code == 200


async def test_bodies_and_uploads_are_bounded(office: Office) -> None:
    admin = await office.client("admin")
    for path, most in (
        ("/units", limits.BODY_BYTES),
        ("/join", limits.BODY_BYTES),
        ("/meetings", limits.DESK_BODY_BYTES),
        ("/imports/preview", limits.UPLOAD_BODY_BYTES),
        ("/letter-templates", limits.UPLOAD_BODY_BYTES),
        ("/hooks/none", limits.BODY_BYTES),
        ("/conferences", limits.BODY_BYTES),
    ):
        answer = await admin.post(path, content=b" " * (most + 1), headers={"content-type": "application/json"})
        assert answer.status_code == 413, (path, answer.status_code)
    big = b"a" * (shapes.UPLOAD_BYTES + 1)
    problem(
        await admin.post("/imports/preview", data={"kind": "units"}, files={"file": ("u.csv", big)}),
        413,
        "file_too_long",
    )
    deep = b"[" * 60_000
    problem(
        await admin.post("/units", content=deep, headers={"content-type": "application/json"}), 400, "request_malformed"
    )


BEYOND: tuple[tuple[str, object], ...] = (
    ("title", "x" * 301),
    ("description", "x" * 20_001),
    ("hall_ids", ["x"] * (shapes.HALLS + 1)),
    ("terminal_ids", ["x"] * (shapes.TERMINALS + 1)),
    ("attendees", [{"guest_name": "An"}] * (shapes.ATTENDEES + 1)),
    ("documents", [{"number": "1"}] * (shapes.DOCUMENTS + 1)),
    ("agenda", [{"title": "1"}] * (shapes.AGENDA + 1)),
    ("skip", ["2026-03-04"] * (shapes.DATES + 1)),
    ("duration_min", 24 * 60 + 1),
    ("legs", 5001),
    ("rule", "FREQ=DAILY" + ";BYDAY=MO" * 60),
    ("starts_at", "2026-03-04T14:00:00"),
    ("starts_at", "9999-12-31T23:59:59+00:00"),
    ("title", "a\x00b"),
    ("title", "\ud800"),
)


async def test_every_field_of_a_booking_is_bounded(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    for name, value in BEYOND:
        request = json.dumps(wanted(office) | {name: value}).encode()
        answer = await desk.post("/meetings", content=request, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), (name, answer.text)
        assert answer.json()["code"] in ("fields_wrong", "request_malformed"), name


async def test_an_invalid_booking_writes_nothing(office: Office) -> None:
    desk = await office.client("secretary", "khcn")
    cases = (
        ({"starts_at": office.at("2026-03-02 14:00")}, "past"),
        ({"starts_at": office.at("2026-03-04 20:00")}, "outside_hours"),
        ({"starts_at": office.at("2026-03-07 09:00")}, "day_off"),
        ({"type_code": "nothing"}, "unknown_type"),
        ({"hall_ids": ["nothing"]}, "unknown_hall"),
        ({"attendees": [{"unit_id": "nothing"}]}, "bad_attendees"),
    )
    for changes, code in cases:
        answer = await desk.post("/meetings", json=wanted(office, **changes))
        body = answer.json()
        assert (answer.status_code >= 400, body["code"]) == (True, code), body
        assert body["vi"]
    assert (await desk.get("/meetings")).json()["items"] == []


async def test_the_demonstration_is_for_an_empty_installation(office: Office) -> None:
    admin = await office.client("admin")
    assert (await admin.get("/demo")).json() == {"offered": False, "empty": False}
    problem(await admin.post("/demo"), 409, "demo_not_empty")
    problem(await (await office.client("secretary")).post("/demo"), 403, "denied")
    problem(await office.stranger().post("/demo"), 401, "signed_out")


async def test_the_description_and_its_page(office: Office) -> None:
    guest = office.stranger()
    schema = (await guest.get("/openapi.json")).json()
    assert schema["openapi"].startswith("3.1")
    assert len(schema["paths"]) > 100
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            assert operation.get("x-action"), f"{method} {path}"
            assert operation.get("description"), f"{method} {path}"
    page = await guest.get("/docs")
    assert "<script" not in page.text
    assert "/meetings/{meeting_id}/decide" in page.text
    assert "http" not in (await guest.get("/docs.css")).text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


async def test_health_asks_the_database(office: Office) -> None:
    guest = office.stranger()
    assert (await guest.get("/health")).json()["ready"]
    await book(await office.client("secretary", "khcn"), wanted(office))
