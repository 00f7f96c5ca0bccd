"""Import and export of CSV and XLSX: every error with line and column before the first write, all or nothing, limits for
hostile files.
"""

import asyncio
import io
import shutil
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting import attendees
from rooms.errors import Refusal
from rooms.exchange import census, exports, forms, imports, sheets
from rooms.org import posts
from rooms.org.fields import Field, checked, from_text, to_text
from rooms.org.names import cleaned
from rooms.policy.actors import COMMAND, Actor
from rooms.sites import halls
from rooms.store.database import Database
from rooms.store.tables.org import Person, Unit
from rooms.store.tables.sites import Hall, Site
from tests.rooms.postgres import POSTGRESQL_IN_SIM, postgresql_in_sim_except
from tests.rooms.province import Province

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
PEOPLE = "Mã,Họ tên,Thư công vụ,Đơn vị (mã)\n"


async def previewed(database: Database, kind: str, content: bytes | str, actor: Actor = COMMAND) -> imports.Outcome:
    sheet = sheets.read(content.encode() if isinstance(content, str) else content)
    async with database.reading() as session:
        return await imports.preview(session, kind, sheet, actor, NOW)


async def applied(
    database: Database, kind: str, content: bytes | str, actor: Actor = COMMAND, digest: str | None = None
) -> imports.Outcome:
    sheet = sheets.read(content.encode() if isinstance(content, str) else content)
    return await database.transact(lambda session: imports.apply(session, kind, sheet, actor, NOW, digest))


async def exported(database: Database, kind: str, file: str = "csv", actor: Actor = COMMAND) -> bytes:
    async with database.reading() as session:
        return await exports.export(session, kind, actor, NOW, "csv" if file == "csv" else "xlsx")


def refused(content: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        sheets.read(content)
    assert caught.value.vietnamese
    assert caught.value.english
    return caught.value.code


# Export and import


@pytest.mark.parametrize("kind", forms.FORMS)
@postgresql_in_sim_except("file", ["csv", "xlsx"], both=["csv"])
async def test_an_export_reads_back_as_unchanged(database: Database, province: Province, kind: str, file: str) -> None:
    outcome = await previewed(database, kind, await exported(database, kind, file))
    assert outcome.troubles == ()
    assert (outcome.created, outcome.changed) == (0, 0)
    assert outcome.unchanged == outcome.rows > 0


async def test_new_and_changed_people(database: Database, province: Province) -> None:
    content = PEOPLE + "p9,Nguyễn  Thị Đào,dao@longan.gov.vn,xa1\nxa1-1,Lê Văn Mới,xa1-1@longan.gov.vn,xa2\n"
    outcome = await previewed(database, "people", content)
    assert (outcome.created, outcome.changed, outcome.unchanged, outcome.applied) == (1, 1, 0, False)
    done = await applied(database, "people", content, digest=outcome.digest)
    assert done.applied
    async with database.reading() as session:
        rows = {one.code: one for one in await session.scalars(select(Person))}
    assert rows["p9"].name == "Nguyễn Thị Đào"
    assert rows["p9"].search_name == "nguyen thi dao"
    assert rows["p9"].active
    assert rows["xa1-1"].unit_id == province.units["xa2"]
    assert rows["xa1-1"].version == 2


@POSTGRESQL_IN_SIM
async def test_units_in_any_order_and_moved(database: Database, province: Province) -> None:
    content = (
        "code;name;kind;tier;block;parent_code\n"
        "p2;Phòng Hai;office;2;government;p1\n"
        "p1;Phòng Một;office;2;government;khcn\n"
        "yt;Sở Y tế;department;1;government;khcn\n"
    )
    assert (await applied(database, "units", content)).created == 2
    async with database.reading() as session:
        rows = {one.code: one for one in await session.scalars(select(Unit))}
    assert rows["p2"].path == f"{rows['p1'].path}{rows['p2'].id}/"
    assert rows["p1"].path.startswith(province.paths["khcn"])
    assert rows["yt"].path == f"{province.paths['khcn']}{rows['yt'].id}/"


async def test_halls_sites_and_posts(database: Database, province: Province) -> None:
    await applied(
        database,
        "sites",
        "code,name,unit_code,capability,nearest_site_code,latitude\n"
        "s1,Điểm cầu mới,xa2,none,s2,10.5\ns2,Điểm cầu hai,xa2,hall,,\n",
    )
    await applied(database, "halls", "code,name,site_code,seats,equipment\nh1,Hội trường,s2,80,projector; recorder\n")
    await applied(database, "posts", "unit_code,title,rank,is_head,person_code\nxa1,Chủ tịch,1,có,xa2-2\n")
    async with database.reading() as session:
        site = (await session.scalars(select(Site).where(Site.code == "s1"))).one()
        hall = (await session.scalars(select(Hall).where(Hall.code == "h1"))).one()
        assert site.nearest_site_id == hall.site_id
        assert site.latitude == 10.5
        assert hall.equipment == ["projector", "recorder"]
        assert hall.setup_min == 15
        unit = province.units["xa1"]
        head = await attendees.heads_of(session, [unit], date(2026, 3, 3))
        before = await attendees.heads_of(session, [unit], date(2026, 3, 2))
    assert head[unit][0].code == "xa2-2"
    assert before[unit][0].code == "xa1-1"


# Errors


@POSTGRESQL_IN_SIM
async def test_every_error_is_reported_and_nothing_is_written(database: Database, province: Province) -> None:
    content = (
        "code,name,email,unit_code,active,phone\n"
        "ok,Người đúng,,xa1,có,\n"
        ",Không mã,,xa1,,\n"
        "a b,Mã sai,,xa1,,\n"
        "c1,,,nowhere,maybe,\n"
        "c2,Thư sai,x@,xa1,,abc\n"
        "ok,Lặp lại,,xa1,,\n"
        f"c3,{'x' * 201},,xa1,,\n"
    )
    outcome = await previewed(database, "people", content)
    assert [(one.where, one.code) for one in outcome.troubles] == [
        ("3:code", "missing"),
        ("4:code", "malformed"),
        ("5:name", "missing"),
        ("5:unit_code", "unknown_code"),
        ("5:active", "not_yes_or_no"),
        ("6:email", "malformed"),
        ("6:phone", "malformed"),
        ("7:code", "row_repeated"),
        ("8:name", "too_long"),
    ]
    assert all(one.vietnamese.startswith(f"Dòng {one.where.split(':')[0]}: ") for one in outcome.troubles)
    with pytest.raises(Refusal) as caught:
        await applied(database, "people", content)
    assert caught.value.code == "import_has_errors"
    assert len(caught.value.troubles) == 9
    async with database.reading() as session:
        assert not await session.scalar(select(func.count()).select_from(Person).where(Person.code == "ok"))


@POSTGRESQL_IN_SIM
@pytest.mark.parametrize(
    ("kind", "content", "troubles"),
    [
        ("people", "code,name,wat\nx,y,z\n", [("1:wat", "unknown_column"), ("1:unit_code", "column_missing")]),
        ("people", "code,Mã,name,unit_code\na,b,c,xa1\n", [("1:code", "column_repeated")]),
        (
            "units",
            "code,name,kind,tier,block,parent_code\na,A,x,1,other,b\nb,B,x,1,other,a\nc,C,x,1,other,c\n",
            [("2:parent_code", "unit_cycle"), ("3:parent_code", "unit_cycle"), ("4:parent_code", "unit_cycle")],
        ),
        (
            "units",
            "code,name,kind,tier,block,parent_code\ntinh,UBND,committee,1,government,xa1\n",
            [("2:parent_code", "unit_cycle")],
        ),
        (
            "units",
            "code,name,kind,tier,block,valid_from,valid_to\na,A,x,99,nobody,01/02/2026,31/01/2026\n"
            "b,B,x,1,other,1/2/2026,1/2/2026\nc,C,x,1,other,30/2/2026,\n",
            [
                ("2:tier", "out_of_range"),
                ("2:block", "not_a_choice"),
                ("3:valid_to", "dates_reversed"),
                ("4:valid_from", "not_a_day"),
            ],
        ),
        (
            "terminals",
            "code,name,site_code,hall_code,sip_uri\nt1,T,xa1,khcn,http://x\nt2,T,xa1,khcn,sip:a@b\n",
            [("2:sip_uri", "malformed"), ("3:hall_code", "hall_elsewhere")],
        ),
        (
            "sites",
            "code,name,unit_code,capability,nearest_site_code\nxa2,X,xa2,none,xa2\n",
            [("2:nearest_site_code", "nearest_is_itself")],
        ),
        ("halls", "code,name,site_code,seats\nh,H,xa1,0\n", [("2:seats", "out_of_range")]),
        (
            "halls",
            "code,name,site_code,seats\nh,H,xa1,ba\nh2,H,xa1,1.5\n",
            [("2:seats", "not_a_number"), ("3:seats", "not_a_number")],
        ),
    ],
)
async def test_what_is_wrong_in_a_file(
    database: Database, province: Province, kind: str, content: str, troubles: list[tuple[str, str]]
) -> None:
    assert [(one.where, one.code) for one in (await previewed(database, kind, content)).troubles] == troubles


@POSTGRESQL_IN_SIM
async def test_a_tree_that_is_too_deep(database: Database, province: Province) -> None:
    heads = "code,name,kind,tier,block,parent_code\n"
    lines = [f"u{n},U,x,1,other,{f'u{n - 1}' if n else 'tinh'}\n" for n in range(limits.UNIT_DEPTH)]
    assert (await previewed(database, "units", heads + "".join(lines[:-1]))).troubles == ()
    (trouble,) = (await previewed(database, "units", heads + "".join(lines))).troubles
    assert trouble.code == "unit_too_deep"
    assert trouble.where == f"{limits.UNIT_DEPTH + 1}:parent_code"


@POSTGRESQL_IN_SIM
async def test_the_number_of_reported_errors_is_limited(
    database: Database, province: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TROUBLES", 3)
    outcome = await previewed(database, "people", PEOPLE + "".join(f"p{n},,,xa1\n" for n in range(4)))
    assert [one.where for one in outcome.troubles] == ["2:name", "3:name", "4:name"]
    with pytest.raises(Refusal) as caught:
        await applied(database, "people", PEOPLE + "".join(f"p{n},,,xa1\n" for n in range(4)))
    assert "4 lỗi" in caught.value.vietnamese
    assert len(caught.value.troubles) == 3


@POSTGRESQL_IN_SIM
async def test_rights_are_asked_for_each_line(database: Database, province: Province) -> None:
    clerk = province.actor("admin", "xa1")
    content = PEOPLE + "n1,Người một,,xa1\nn2,Người hai,,xa2\nxa2-1,Người ba,,xa1\n"
    outcome = await previewed(database, "people", content, clerk)
    assert [(one.where, one.code) for one in outcome.troubles] == [("3:code", "denied"), ("4:code", "denied")]
    seen = sheets.read(await exported(database, "people", "csv", clerk))
    assert {cells[0] for _, cells in seen.rows} == {"xa1-1", "xa1-2"}
    weak = province.actor("admin", "xa1", factors=1)
    assert (await previewed(database, "people", PEOPLE + "n1,Người một,,xa1\n", weak)).troubles[0].code == "denied"


async def test_an_old_preview_is_not_applied(database: Database, province: Province) -> None:
    content = PEOPLE + "xa1-1,Tên mới,,xa1\n"
    outcome = await previewed(database, "people", content)
    await applied(database, "people", PEOPLE + "xa1-1,Tên khác,,xa1\n")
    with pytest.raises(Refusal) as caught:
        await applied(database, "people", content, digest=outcome.digest)
    assert caught.value.code == "import_outdated"
    with pytest.raises(Refusal) as caught:
        await previewed(database, "cats", content)
    assert caught.value.code == "unknown_kind"


# Hostile and odd files


def test_encodings() -> None:
    for content in ("a,b\nĐức,2\n".encode(), "a,b\r\nĐức,2\r\n".encode("utf-8-sig"), "\n\na;b\nĐức;2".encode()):
        sheet = sheets.read(content)
        assert sheet.headings == ("a", "b")
        assert sheet.rows[0][1] == ("Đức", "2")
    for content in ("a,b\nĐức,2\n".encode("utf-16"), "a,b\nÐức".encode("cp1258", "ignore") + b"\xd0\xf3", b"a\0b"):
        assert refused(content) == "encoding_unknown"


def test_bounds() -> None:
    row = b"x\n"
    assert refused(b"x" * (limits.SHEET_BYTES + 1)) == "file_too_large"
    assert refused(b" \n") == "file_empty"
    assert len(sheets.read(b"h\n" + row * limits.SHEET_ROWS).rows) == limits.SHEET_ROWS
    assert refused(b"h\n" + row * (limits.SHEET_ROWS + 1)) == "too_many_rows"
    assert len(sheets.read(b",".join([b"h"] * limits.SHEET_COLUMNS)).headings) == limits.SHEET_COLUMNS
    assert refused(b",".join([b"h"] * (limits.SHEET_COLUMNS + 1))) == "too_many_columns"
    assert sheets.read(b"h\n" + b"x" * limits.CELL_CHARS).rows
    assert refused(b"h\n" + b"x" * (limits.CELL_CHARS + 1)) == "cell_too_long"
    assert refused(b'h\n"x"y,\n') == "file_malformed"
    assert refused(b'h\n"' + b"x" * 200_000 + b'"') == "file_malformed"


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def repacked(content: bytes, name: str, replacement: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            new.writestr(part, replacement if part == name else old.read(part))
        if name not in old.namelist():
            new.writestr(name, replacement)
    return buffer.getvalue()


async def test_the_register_is_counted_in_the_branch(database: Database, province: Province, now: datetime) -> None:
    """Rows that lack something are counted: posts without holder, halls without terminal, terminals without account."""

    async def work(session: AsyncSession) -> None:
        whole = SimpleNamespace(**await census.counted(session, COMMAND, now))
        clerk = province.actor("admin", "khcn")
        before = SimpleNamespace(**await census.counted(session, clerk, now))
        assert (whole.units, before.units) == (6, 1)
        assert (before.posts, before.vacant_posts, before.people, before.people_without_account) == (1, 0, 2, 2)
        assert (before.halls, before.halls_without_terminal) == (1, 0)
        assert (before.terminals, before.terminals_without_account) == (1, 1)
        await posts.create(session, {"unit_id": province.units["khcn"], "title": "Văn thư"}, COMMAND, now)
        room = {"code": "p2", "name": "Phòng 2", "site_id": province.sites["khcn"], "seats": 9}
        await halls.create(session, room, COMMAND, now)
        after = SimpleNamespace(**await census.counted(session, clerk, now))
        assert (after.vacant_posts, after.halls_without_terminal) == (1, 1)
        nobody = await census.counted(session, province.actor("secretary", "khcn"), now)
        assert set(nobody.values()) == {0}

    await database.transact(work)


def test_cells_of_a_workbook_are_text() -> None:
    content = workbook(
        ("mã", "ngày"), (1.0, datetime(2026, 3, 4)), (True, 2.5), (None, None), ("x", date(2026, 12, 31)), (2.0**60, 3)
    )
    assert [cells for _, cells in sheets.read(content).rows] == [
        ("1", "04/03/2026"),
        ("có", "2.5"),
        ("x", "31/12/2026"),
        (str(2.0**60), "3"),
    ]


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = repacked(workbook(("a",)), "xl/media/x.bin", b"\0" * (limits.XLSX_UNPACKED_BYTES + 1))
    assert len(bomb) < limits.SHEET_BYTES
    assert refused(bomb) == "file_too_large"
    buffer = io.BytesIO(workbook(("a",)))
    with zipfile.ZipFile(buffer, "a") as archive:
        for number in range(limits.XLSX_PARTS):
            archive.writestr(f"x{number}", b"")
    assert refused(buffer.getvalue()) == "file_too_large"


def test_no_part_is_read_under_another_name() -> None:
    """The reader follows relationships, so a part cannot hide under another file name."""
    book, laughs = io.BytesIO(), b'<!DOCTYPE x [<!ENTITY a "ha">]><worksheet>&a;</worksheet>'
    with zipfile.ZipFile(io.BytesIO(workbook(("a",)))) as honest, zipfile.ZipFile(book, "w") as made:
        for name in honest.namelist():
            text = honest.read(name).replace(b"sheet1.xml", b"sheet1.bin")
            made.writestr(name.replace("sheet1.xml", "sheet1.bin"), laughs if "sheet1" in name else text)
    assert refused(book.getvalue()) == "file_malformed"


@pytest.mark.parametrize(
    "markup", [b"<!--%s-->", b"<!--%s", b"<![CDATA[%s]]>", b"<?x %s?>", b'<c r="%s"/>'], ids=lambda one: one.decode()
)
def test_overlong_markup_is_refused_before_it_is_parsed(markup: bytes) -> None:
    """Expat before 2.6 takes seconds for a megabyte of such markup (CVE-2023-52425)."""
    text = b"<worksheet>" + markup % (b"a" * (limits.XLSX_TOKEN_BYTES + 10)) + b"</worksheet>"
    assert refused(repacked(workbook(("a",)), "xl/worksheets/sheet1.xml", text)) == "file_malformed"


def test_a_workbook_that_lies() -> None:
    book, part = workbook(("a",), ("b",)), "xl/worksheets/sheet1.xml"
    ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert refused(repacked(book, part, laughs)) == "file_malformed"
    assert refused(repacked(book, part, laughs.decode().encode("utf-16"))) == "file_malformed"
    with pytest.raises(Refusal, match="file_malformed"):
        sheets._readable_parts(
            repacked(book, part, laughs.decode().encode("utf-16-le"))
        )  # the zero bytes reveal UTF-16
    far = f'<worksheet {ns}><sheetData><row r="999999999"><c r="A999999999"><v>1</v></c></row></sheetData></worksheet>'
    assert refused(repacked(book, part, far.encode())) == "too_many_rows"
    wide = f'<worksheet {ns}><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row></sheetData></worksheet>'
    assert refused(repacked(book, part, wide.encode())) in ("file_empty", "too_many_columns", "file_malformed")
    assert refused(book[: len(book) // 2]) == "file_malformed"
    assert refused(b"PK\x03\x04" + b"x" * 100) == "file_malformed"


def test_a_workbook_is_made_of_any_text() -> None:
    content = sheets.to_xlsx("x", ["h"], [[f"a{sign}b"] for sign in "\x00\x0b\x1f\ufffe\uffff"])
    assert [cells for _, cells in sheets.read(content).rows] == [("a\ufffdb",)] * 5
    assert cleaned("a\uffffb\ufffe") == "a b"


def test_formulas_in_exported_cells_are_escaped() -> None:
    rows = [["=1+1", "+84 272", "-5", "@x", "\t=1", "'=1", "a=1", "＝1", "-2+3", "|calc", ""]]
    text = sheets.to_csv(["h"] * 11, rows).decode("utf-8-sig").splitlines()[1]
    assert text == "'=1+1,'+84 272,'-5,'@x,'\t=1,''=1,a=1,'＝1,'-2+3,'|calc,"
    book = openpyxl.load_workbook(io.BytesIO(sheets.to_xlsx("x", ["h"] * 11, rows)))
    assert {cell.data_type for row in book.active.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}
    assert book.active["A2"].value == "'=1+1"
    assert book.active["A2"].data_type != "f"


def test_a_sheet_for_people_has_no_apostrophe_and_no_formula() -> None:
    content = sheets.for_people("x", ["a", "b"], [["=1+1", "+84 272"], ["a\x00b", "'x"]], ["= note"])
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert rows == [["= note", None], ["a", "b"], ["=1+1", "+84 272"], ["a\ufffdb", "'x"]]
    typed = [cell for row in book.active.iter_rows() for cell in row if cell.value is not None]
    assert {(cell.data_type, cell.quotePrefix) for cell in typed} == {("s", True)}


WORDS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\ufffe\uffff")
CELLS = st.text(WORDS, max_size=30).map(str.strip)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5))
def test_any_text_survives_a_file(rows: list[list[str]]) -> None:
    kept = [tuple(row) for row in rows if any(row)]
    for content in (sheets.to_csv(["a", "b", "c"], rows), sheets.to_xlsx("x", ["a", "b", "c"], rows)):
        sheet = sheets.read(content)
        assert sheet.headings == ("a", "b", "c")
        assert [cells for _, cells in sheet.rows] == kept


@given(st.text(max_size=20))
def test_a_guarded_text_starts_no_formula_and_can_be_read_back(text: str) -> None:
    guarded = sheets.guarded(text)
    assert sheets.unguarded(guarded) == text
    assert guarded[:1] not in sheets.STARTS_FORMULA


@given(
    st.one_of(
        st.tuples(st.just("day"), st.dates(date(1900, 1, 1), date(2199, 12, 31))),
        st.tuples(st.just("number"), st.floats(-90, 90)),
        st.tuples(st.just("integer"), st.integers(-90, 90)),
        st.tuples(st.just("yes"), st.booleans()),
        st.tuples(st.just("instant"), st.datetimes(timezones=st.just(UTC))),
        st.tuples(
            st.just("codes"), st.lists(st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True), max_size=5, unique=True)
        ),
    )
)
def test_a_value_reads_back_from_its_text(pair: tuple[str, object]) -> None:
    field = Field("x", "X", pair[0], most=90, least=-90, empty=[] if pair[0] == "codes" else None)  # type: ignore[arg-type]
    assert checked(field, from_text(field, to_text(field, pair[1]))) == pair[1]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40).filter(cleaned)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(NAMES, min_size=1, max_size=5))
def test_any_name_makes_the_round_trip(sqlite_template: Path, tmp_path: Path, names: list[str]) -> None:
    async def trip() -> None:
        path = tmp_path / "trip.db"
        shutil.copy(sqlite_template, path)
        database = Database.open(f"sqlite:///{path}")
        rows = [[f"u{n}", name, "office", "1", "other"] for n, name in enumerate(names)]
        content = sheets.to_csv(["code", "name", "kind", "tier", "block"], rows)
        assert (await applied(database, "units", content)).created == len(names)
        for file in ("csv", "xlsx"):
            outcome = await previewed(database, "units", await exported(database, "units", file))
            assert (outcome.unchanged, outcome.troubles) == (len(names), ())
        async with database.reading() as session:
            stored = list(await session.scalars(select(Unit.name).order_by(Unit.code)))
        assert stored == [cleaned(name) for name in names]
        await database.close()

    asyncio.run(trip())
