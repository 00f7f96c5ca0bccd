"""Letters: their text, their PDF read back, and their DOCX filled from good and hostile templates."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import unicodedata
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from pypdf import PdfReader

from rooms import limits
from rooms.booking.meeting import attendees
from rooms.booking.planning.requests import AttendeeRequest
from rooms.errors import Refusal
from rooms.meetings import wording
from rooms.meetings.letters import addressing, records, typesetting, word
from rooms.meetings.letters import fields as filling
from rooms.meetings.letters.addressing import Personal
from rooms.policy.actors import SYSTEM
from rooms.store.database import Database
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Holding, Person, Post, Unit
from tests.rooms.invited import BASE, Wanted, meeting
from tests.rooms.postgres import POSTGRESQL_IN_SIM
from tests.rooms.province import Province

MADE = datetime(2026, 3, 3, 1, tzinfo=UTC)
VOWELS = "aăâeêioôơuưy"
TONES = ("", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323")
ALPHABET = [unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES] + ["đ"]


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def words_of(docx: bytes) -> str:
    document = Document(io.BytesIO(docx))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(one.text for one in document.paragraphs), *cells])


async def drafted(database: Database, province: Province, now: datetime, wanted: Wanted, **more: Any) -> filling.Fields:
    async def work(session: Any) -> filling.Fields:
        made = await meeting(session, province, wanted, now)
        return await filling.draft(
            session, made.id, more.get("kind", "invite"), more.get("signer"), date(2026, 3, 4), BASE, number="12"
        )

    return await database.transact(work)


def test_dates_as_decree_30_writes_them() -> None:
    at = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)
    assert wording.moment(at) == "14 giờ 00 phút, thứ Ba, ngày 24 tháng 11 năm 2026"
    assert wording.place_and_date("Long An", date(2021, 6, 4)) == "Long An, ngày 04 tháng 6 năm 2021"
    assert wording.place_and_date("Tây Ninh", date(2026, 2, 14)) == "Tây Ninh, ngày 14 tháng 02 năm 2026"
    assert wording.heading("UBND tỉnh Long An") == ["ỦY BAN NHÂN DÂN", "TỈNH LONG AN"]
    assert wording.heading("Sở Y tế") == ["SỞ Y TẾ"]
    assert wording.place_name("Ủy ban nhân dân phường Tân An") == "Tân An"
    assert wording.place_name("Sở Y tế") == ""


async def test_a_draft_says_what_the_meeting_is(database: Database, province: Province, now: datetime) -> None:
    fields = await drafted(database, province, now, Wanted())
    assert fields["agency"] == ["ỦY BAN NHÂN DÂN", "TỈNH LONG AN"]
    assert fields["nation"][0] == "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
    assert (fields["number"], fields["symbol"]) == ("12", "GM-UBND")
    assert fields["place_date"] == "Long An, ngày 04 tháng 3 năm 2026"
    assert fields["time"] == "14 giờ 00 phút, thứ Ba, ngày 10 tháng 3 năm 2026"
    assert fields["chair"] == "Đồng chí Nguyễn Văn TINH - Chủ tịch UBND tỉnh Long An"
    assert fields["signing"] == ["TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"]
    assert set(fields["recipients"][:2]) == {"Chủ tịch UBND xã Đức Lập", "Chủ tịch UBND xã Mỹ Hạnh"}
    assert fields["places"][0].startswith("Điểm cầu chính: Phòng họp tinh")
    assert fields["papers"] == ["5180/UBND-VHXH"]
    assert re.fullmatch(rf"{BASE}/join\?number=\d{{9}}", fields["address"])


@POSTGRESQL_IN_SIM
async def test_no_letter_holds_a_pin_or_a_personal_link(database: Database, province: Province, now: datetime) -> None:
    async def work(session: Any) -> tuple[Meeting, filling.Fields, filling.Fields]:
        ordinary = await meeting(session, province, Wanted(hall=""), now)
        important = await meeting(session, province, Wanted(class_="important", hall=""), now)
        made = [
            await filling.draft(session, one.id, "invite", None, date(2026, 3, 4), BASE)
            for one in (ordinary, important)
        ]
        return ordinary, made[0], made[1]

    row, ordinary, important = await database.transact(work)
    said = text_of(typesetting.pdf(ordinary, MADE)) + words_of(word.docx(ordinary))
    assert row.pin
    assert row.number
    assert not re.search(rf"(?<!\d){row.pin}(?!\d)", said)
    assert not re.search(r"(?i)mật khẩu|password|/moi#", said)
    assert important["address"] == ""
    for one in (text_of(typesetting.pdf(important, MADE)), words_of(word.docx(important))):
        assert "Quét mã" not in one
        assert "PIN" not in one
        assert "qua trình duyệt:" not in one


@POSTGRESQL_IN_SIM
async def test_a_letter_says_how_to_join_by_browser_and_only_the_own_one_has_the_pin(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: Any) -> tuple[Meeting, filling.Fields, list[Personal], filling.Fields]:
        made = await meeting(session, province, Wanted(), now)
        waiting = await meeting(session, province, Wanted(state="asked", hall=""), now)
        fields = [
            await filling.draft(session, one.id, "invite", None, date(2026, 3, 4), BASE) for one in (made, waiting)
        ]
        return made, fields[0], await addressing.personal(session, made, date(2026, 3, 4)), fields[1]

    row, fields, personal, waiting = await database.transact(work)
    assert waiting["join_number"] == "", "an asked meeting has no number to join by"
    digits = f"{row.number[:3]} {row.number[3:6]} {row.number[6:]}"  # type: ignore[index]
    general = " ".join(text_of(typesetting.pdf(fields, MADE)).split())
    for said in (general, words_of(word.docx(fields))):
        assert f"nhập mã cuộc họp {digits} và mã PIN do thư ký cuộc họp gửi riêng" in said
        assert f"kiểm tra thiết bị trước tại {BASE}/test".replace(" ", "") in said.replace(" ", "")
    printed = typesetting.pdf_set(fields, personal, MADE, row.pin)
    own = [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(printed)).pages]
    assert len(own) == len(personal) == 4
    assert personal[0].label in own[0]
    for said in own:
        assert f"và mã PIN {row.pin}" in said
        assert "danh sách kèm theo" not in said
    by_label = {one.label: one.place for one in personal}
    assert by_label["Lê Thị Ước"] == addressing.BY_BROWSER
    assert by_label["Chủ tịch UBND xã Đức Lập"] == "Điểm cầu xa2"
    assert "Điểm cầu xa1" not in own[[one.label for one in personal].index("Chủ tịch UBND xã Đức Lập")]


def test_the_names_of_agencies() -> None:
    province_ = Unit(name="Tỉnh Tây Ninh", tier=1, block="government")
    commune = Unit(name="Xã 10", tier=3, block="government")
    ward = Unit(name="Phường Long An", tier=3, block="government")
    committee = Unit(name="UBND tỉnh Long An", tier=1, block="government")
    health = Unit(name="Sở Y tế", tier=1, block="government")
    board = Unit(name="Ban Tổ chức Tỉnh ủy", tier=1, block="party")
    office = Unit(name="Văn phòng Đảng ủy", tier=3, block="party")
    state = Unit(name="Chính phủ", tier=0, block="government")
    above = addressing.superior
    assert above(health, province_) == "UBND tỉnh Tây Ninh"
    assert above(health, committee) == "UBND tỉnh Long An"
    assert above(board, province_) == "Tỉnh ủy Tây Ninh"
    assert above(office, commune) == "Đảng ủy xã 10"
    assert [above(one, province_) for one in (commune, ward, committee)] == ["", "", ""]
    assert above(health, state) == above(health, None) == ""
    assert addressing.agency(commune) == "Ủy ban nhân dân xã 10"
    assert wording.heading(addressing.agency(commune)) == ["ỦY BAN NHÂN DÂN", "XÃ 10"]
    assert addressing.agency(committee) == "Ủy ban nhân dân tỉnh Long An"
    assert wording.area("Tỉnh ủy Tây Ninh") == wording.area("Sở Y tế") == ("", "")
    chair = Post(title="Chủ tịch UBND", signs_as="TM.")
    assert filling.signing_block(chair, commune, commune, "Chủ tịch UBND") == ["TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"]


async def test_a_unit_is_addressed_by_its_head_and_a_typed_label_stays(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: Any) -> list[str]:
        commune = await session.get_one(Unit, province.units["xa1"])
        commune.name = "Xã Mỹ Hạnh"
        post = await session.get_one(Post, "post-xa1")
        post.title = "Chủ tịch UBND"
        wishes = (
            AttendeeRequest(unit_id=commune.id),
            AttendeeRequest(unit_id=province.units["xa2"], label="Đại diện lãnh đạo UBND xã Đức Lập"),
            AttendeeRequest(unit_id=province.units["yt"]),
        )
        made = await meeting(session, province, Wanted(attendees=wishes), now)
        return list((await filling.draft(session, made.id, "invite", None, date(2026, 3, 4)))["recipients"])

    assert set(await database.transact(work)) == {
        "Chủ tịch UBND xã Mỹ Hạnh",
        "Đại diện lãnh đạo UBND xã Đức Lập",
        "Giám đốc Sở Y tế",
    }


def test_a_preview_is_a_picture_of_each_page_and_marks_a_draft() -> None:
    fields = filling.sample()
    (plain, _), count = typesetting.preview(fields, draft=False)
    marked = typesetting.preview(fields, draft=True)[0][0]
    assert count == 2, "the letter and its annex"
    assert plain.startswith(b"\x89PNG")
    assert plain != marked
    long = {**fields, "content": "Nội dung dài. " * 1400}
    pages, count = typesetting.preview(long, draft=False)
    assert len(pages) == typesetting.PREVIEW_PAGES < count


@POSTGRESQL_IN_SIM
async def test_the_signing_block_follows_the_post(database: Database, province: Province, now: datetime) -> None:
    posts = {
        "KT.": ("Phó Chủ tịch UBND tỉnh", ["TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"]),
        "TL.": ("Chánh Văn phòng", ["TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"]),
        "TUQ.": ("Phó Chánh Văn phòng", ["TUQ. CHỦ TỊCH", "PHÓ CHÁNH VĂN PHÒNG"]),
        "": ("Ủy viên", ["TM. ỦY BAN NHÂN DÂN", "ỦY VIÊN"]),
    }

    async def work(session: Any) -> dict[str, list[str]]:
        made = await meeting(session, province, Wanted(), now)
        found = {}
        for place, (signs_as, (title, _)) in enumerate(posts.items()):
            person = Person(id=f"signer{place}", code=f"s{place}", name="Phạm Tấn Hòa", search_name="pham tan hoa")
            person.unit_id = province.units["tinh"]
            post = Post(id=f"p{place}", unit_id=province.units["tinh"], title=title, rank=50, signs_as=signs_as)
            post.valid_from = date(2020, 1, 1)
            session.add_all([person, post])
            await session.flush()
            session.add(Holding(id=f"h{place}", post_id=post.id, person_id=person.id, valid_from=date(2020, 1, 1)))
            await session.flush()
            found[signs_as] = (await filling.draft(session, made.id, "invite", person.id, date(2026, 3, 4)))["signing"]
        return found

    assert await database.transact(work) == {signs_as: lines for signs_as, (_, lines) in posts.items()}


def test_a_department_signs_without_tm() -> None:
    unit = Unit(name="Sở Y tế", short_name="SYT")
    deputy = Post(title="Phó Giám đốc Sở Y tế", signs_as="KT.")
    assert filling.signing_block(deputy, unit, unit, "Giám đốc") == ["KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"]
    office = Post(title="Chánh Văn phòng", signs_as="TL.")
    assert filling.signing_block(office, unit, unit, "Chánh Văn phòng") == ["CHÁNH VĂN PHÒNG"], "the head of the host"
    head = Post(title="Giám đốc", signs_as="")
    assert filling.signing_block(head, unit, unit, "Giám đốc") == ["GIÁM ĐỐC"]


def test_the_pdf_keeps_every_vietnamese_letter() -> None:
    fields = filling.sample()
    line = " ".join(ALPHABET)
    fields["content"] = f"{line} {line.upper()}"
    fields["recipients"] = [line]
    pdf = typesetting.pdf(fields, MADE)
    said = unicodedata.normalize("NFC", text_of(pdf))
    missing = [one for one in (*ALPHABET, *(one.upper() for one in ALPHABET)) if one not in said]
    assert not missing
    for wanted in ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc", "KT. CHỦ TỊCH", "Nơi nhận:"):
        assert wanted in said
    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(io.BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()  # type: ignore[index]
    }
    assert all(re.fullmatch(r"/[A-Z]{6}\+LiberationSerif.*", one) for one in fonts), fonts


def test_markup_in_the_words_stays_words() -> None:
    fields = filling.sample()
    hostile = '#read("/etc/passwd") *đậm* $x$ #sys.inputs \\ ] } <a> @b {{ 7*7 }} {% for %}'
    fields["content"] = hostile
    assert '#read("/etc/passwd")' in text_of(typesetting.pdf(fields, MADE)).replace("\n", " ")
    said = words_of(word.docx(fields))
    assert hostile in said
    assert "49" not in said


def test_each_letter_of_a_set_has_its_own_page_numbers() -> None:
    fields = filling.sample()
    fields["content"] = "Nội dung dài. " * 300
    names = [f"Chủ tịch UBND xã số {number}" for number in range(3)]
    to = [Personal(one, "") for one in names]
    reader = PdfReader(io.BytesIO(typesetting.pdf_set(fields, to, MADE)))
    pages = [page.extract_text() for page in reader.pages]
    assert len(pages) == 6
    for place, name in enumerate(names):
        assert name in pages[2 * place]
        assert pages[2 * place + 1].lstrip().startswith("2")
    for wrong in ([], to[:1] * 301):
        with pytest.raises(Refusal, match="too_many_letters"):
            typesetting.pdf_set(fields, wrong, MADE)


@POSTGRESQL_IN_SIM
async def test_many_invitees_are_shown_as_one_line_and_an_annex(
    database: Database, province: Province, now: datetime
) -> None:
    labels = [f"Chủ tịch UBND xã Thứ {number}" for number in range(96)]
    assert filling.grouped(labels, "cấp xã") == ["Chủ tịch UBND xã Thứ (96 đơn vị cấp xã, danh sách kèm theo)"]
    assert filling.grouped(labels[:5], "cấp xã") == labels[:5]
    guests = tuple(AttendeeRequest(guest_name=f"Khách {n}") for n in range(30))
    fields = await drafted(database, province, now, Wanted(attendees=guests))
    assert fields["recipients"] == ["Khách (30 đại biểu, danh sách kèm theo)"]
    assert "Địa chỉ" not in text_of(typesetting.pdf(fields, MADE)), "no column of addresses without an address"
    assert len(fields["sites"]) == 30
    assert "Khách 29" in text_of(typesetting.pdf(fields, MADE))


async def test_amended_and_cancelled_letters(database: Database, province: Province, now: datetime) -> None:
    async def work(session: Any) -> tuple[filling.Fields, filling.Fields]:
        made = await meeting(session, province, Wanted(), now)
        first = await filling.draft(session, made.id, "invite", None, date(2026, 3, 4), BASE)
        await records.make(
            session, made.id, "invite", first, "12", "GM-UBND", date(2026, 3, 4), None, None, SYSTEM, now
        )
        made.title = "Giao ban tháng 3 (mở rộng)"
        await attendees.add(
            session, made, [AttendeeRequest(unit_id=province.units["khcn"])], date(2026, 3, 10), SYSTEM, now
        )
        amended = await filling.draft(session, made.id, "amend", None, date(2026, 3, 6), BASE)
        made.reason = "Theo ý kiến chỉ đạo của cấp trên"
        called_off = await filling.draft(session, made.id, "cancel", None, date(2026, 3, 7), BASE)
        assert [one.number for one in await records.listed(session, made.id)] == ["12"]
        return amended, called_off

    amended, called_off = await database.transact(work)
    assert amended["replaces"] == "Thay thế Giấy mời số 12/GM-UBND ngày 04/03/2026"
    assert called_off["replaces"].startswith("Hủy Giấy mời số 12/GM-UBND")
    assert "Thành phần: thêm 1, bớt 0" in amended["changes"]
    assert any("mở rộng" in line and "trước đây" in line for line in amended["changes"])
    said = text_of(typesetting.pdf(called_off, MADE))
    assert "THÔNG BÁO" in said
    assert "Theo ý kiến chỉ đạo của cấp trên" in said
    assert "Yêu cầu" not in said
    assert "hủy" in words_of(word.docx(called_off))


def test_fields_are_bounded() -> None:
    sample = filling.sample()
    for name, value in (
        ("content", "x" * (limits.LETTER_TEXT_CHARACTERS + 1)),
        ("recipients", ["x"] * (limits.LETTER_LINES + 1)),
        ("sites", [{"unit": "x"}] * (limits.LETTER_LINES + 1)),
        ("time", 7),
        ("agenda", "no list"),
        ("sites", [1]),
        ("what", "unknown"),
    ):
        with pytest.raises(Refusal, match="bad_letter"):
            filling.checked({**sample, name: value})
    longest = filling.checked({**sample, "content": "x" * limits.LETTER_TEXT_CHARACTERS})
    assert len(longest["content"]) == limits.LETTER_TEXT_CHARACTERS


def test_the_built_in_template_says_everything() -> None:
    fields = filling.sample()
    fields["address"] = f"{BASE}/hop/{'0' * 32}"
    made = word.docx(fields)
    said = words_of(made)
    for wanted in (
        "GIẤY MỜI",
        "Số: 12/GM-UBND",
        "Chủ tịch UBND xã Đức Hòa;",
        "KT. CHỦ TỊCH",
        "Lưu: VT.",
        "Hậu Nghĩa",
    ):
        assert wanted in said
    assert "{" not in said
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert any(name.startswith("word/media/") for name in archive.namelist())
    without = word.docx({**fields, "address": ""})
    with zipfile.ZipFile(io.BytesIO(without)) as archive:
        assert not any(name.startswith("word/media/") for name in archive.namelist())


def test_a_letter_without_any_field_values_can_be_made() -> None:
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text_of(typesetting.pdf({}, MADE))
    assert "{" not in words_of(word.docx(filling.checked({})))
    party = filling.checked({**filling.sample(), "nation": filling.PARTY, "agency": ["TỈNH ỦY LONG AN", "VĂN PHÒNG"]})
    said = text_of(typesetting.pdf(party, MADE))
    assert "ĐẢNG CỘNG SẢN VIỆT NAM" in said
    assert "Số 12-GM-UBND" in said
    assert "Độc lập" not in said


def template(*lines: str) -> bytes:
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def rewritten(content: bytes, change: dict[str, bytes]) -> bytes:
    """Return a copy of the archive with some entries replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in change:
                new.writestr(name, old.read(name))
        for name, body in change.items():
            new.writestr(name, body)
    return out.getvalue()


def test_an_office_template_is_checked_and_filled() -> None:
    own = template(
        "{{ title }} số {{ number }}", "{% for one in recipients %}{{ one }} | {% endfor %}", "{{ khong_co }}"
    )
    warned = word.check_template(own)
    assert [one.where for one in warned] == ["khong_co"]
    assert "GIẤY MỜI số 12" in words_of(word.docx(filling.sample(), own))


@pytest.mark.parametrize(
    "line",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ title.__class__ }}{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ lipsum.__globals__ }}",
        "{% for a in recipients.__class__.__base__.__subclasses__() %}{{ a }}{% endfor %}",
        "{{ '%c' % 65 }}{{ title.format.__globals__ }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ recipients.append('x') }}",
    ],
)
def test_a_template_can_only_read_the_fields(line: str) -> None:
    said = ""
    with contextlib.suppress(Refusal):
        said = words_of(word.docx(filling.sample(), template(line)))
    assert not re.search(r"subclass|<class|uid=|root:|globals", said)


REACH = (
    "{{ qr.tpl.save('FILE') }}",
    "{% if qr.tpl %}{{ qr.tpl.save('FILE') }}{% endif %}",
    "{{ (qr|attr('tpl')).save('FILE') }}{{ qr['tpl']['save']('FILE') }}",
    "{{ [qr]|map(attribute='tpl')|map('attr', 'save')|list }}",
    "{% set x = qr.tpl.replace_zipname('docProps/core.xml', 'FILE') %}{{ x }}",
    "{{ qr.tpl.replace_media('FILE', 'FILE') }}{{ qr.tpl.new_subdoc('FILE') }}{{ qr.tpl.write_xml('FILE') }}",
)


def test_the_qr_code_is_no_way_to_files(tmp_path: Path) -> None:
    """A template can reach the library's document through the QR picture. The document reads and writes any file by its name."""
    file, secret = tmp_path / "kept", b"<secret>never in a letter</secret>"
    file.write_bytes(secret)
    fields = {**filling.sample(), "address": "https://diemcau.example/hop/1"}
    assert Document(io.BytesIO(word.docx(fields, template("{{ qr }}")))).inline_shapes
    for line in REACH:
        made = b""
        with contextlib.suppress(Refusal):
            made = word.docx(fields, template("{{ qr }}", line.replace("FILE", str(file))))
        assert file.read_bytes() == secret, line
        if made:
            with zipfile.ZipFile(io.BytesIO(made)) as archive:
                assert not any(b"never in a letter" in archive.read(name) for name in archive.namelist()), line


@pytest.mark.parametrize("way", ["rb", "wb"])
def test_the_process_of_a_template_opens_no_file(way: str, tmp_path: Path) -> None:
    """The second defence: the process that runs a template cannot open a file descriptor."""
    file = tmp_path / "kept"
    file.write_bytes(b"secret")
    code = f"from rooms.meetings.letters import filling; filling.close_the_door(); open({str(file)!r}, {way!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert done.returncode == 1
    assert "OSError: [Errno 24]" in done.stderr
    assert file.read_bytes() == b"secret"


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the process of a template little time and memory, so that a template that takes too much ends soon."""
    monkeypatch.setattr(limits, "TEMPLATE_CPU_S", 2)
    monkeypatch.setattr(limits, "TEMPLATE_WAIT_S", 15.0)
    monkeypatch.setattr(limits, "TEMPLATE_MEMORY_BYTES", 400 * 1024 * 1024)


@pytest.mark.usefixtures("small_limits")
def test_control_a_harmless_template_passes_under_small_limits() -> None:
    assert filling.sample()["title"] in words_of(word.docx(filling.sample(), template("{{ title }}")))


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize(
    "line",
    [
        "{% for a in range(10) %}{% endfor %}",
        "{% set x = 'a' * 10**9 %}{{ (x ~ x)|length }}{{ x * 100 }}",
        "{{ 9**(9**9) }}",
        "{% for a in recipients * 100000000 %}{{ a }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ title",
    ],
)
def test_a_template_that_takes_too_much_is_stopped(line: str) -> None:
    with pytest.raises(Refusal, match="bad_template"):
        word.docx(filling.sample(), template(line))


def test_harmful_template_archives_are_refused() -> None:
    good = template("{{ title }}")
    word.look_through(good)
    outside = b'Id="r" Type="http://x/%s" Target="http://evil/x" TargetMode="External"'
    rels = b'<Relationships xmlns="x"><Relationship ' + outside + b"/></Relationships>"
    bomb = rewritten(good, {"word/media/a.bin": b"\0" * (limits.TEMPLATE_UNPACKED_BYTES + 1)})
    assert len(bomb) < limits.TEMPLATE_BYTES
    wrong = [
        b"",
        b"not a zip",
        good[: len(good) // 2],
        b"\0" * (limits.TEMPLATE_BYTES + 1),
        bomb,
        rewritten(good, {f"word/media/{n}": b"" for n in range(limits.TEMPLATE_ENTRIES + 1)}),
        rewritten(good, {"word/vbaProject.bin": b"x"}),
        rewritten(good, {"word/embeddings/oleObject1.bin": b"x"}),
        rewritten(good, {"word/_rels/settings.xml.rels": rels % b"attachedTemplate"}),
        rewritten(good, {"word/document.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}),
        rewritten(good, {"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16")}),
        *(rewritten(good, {"word/_rels/settings.xml.rels": rels % b"attachedTemplate"}) for rels in hidden(rels)),
    ]
    for content in wrong:
        with pytest.raises(Refusal, match="bad_template"):
            word.look_through(content)
    word.look_through(rewritten(good, {"word/_rels/x.rels": rels % b"hyperlink"}))


def hidden(rels: bytes) -> list[bytes]:
    """Return the same relation in other spellings that XML allows."""
    plain = rels.replace(b"%", b"%%").replace(b"%%s", b"%s")
    return [
        plain.replace(b'Id="r"', b'Id="a>b"'),
        plain.replace(b"External", b"Ex&#116;ernal"),
        plain.replace(b"External", b" external "),
        plain.replace(b"External", b"Elsewhere"),
        plain.replace(b'Id="r"', b"Id=\"Type='x/hyperlink'\""),
        plain.replace(b"http://evil/x", b"http://evil/" + b"x" * 5000),
        plain.replace(b"<Relationship ", b"<Relationship\n\n"),
    ]


def test_an_archive_that_lies_about_its_size() -> None:
    good = bytearray(rewritten(template("x"), {"word/media/a.xml": b"a" * 100_000}))
    with zipfile.ZipFile(io.BytesIO(bytes(good))) as archive:
        size = archive.getinfo("word/media/a.xml").file_size.to_bytes(4, "little")
    lie = bytes(good).replace(size, (10).to_bytes(4, "little"))
    with pytest.raises(Refusal, match="bad_template"):
        word.look_through(lie)


async def test_templates_belong_to_units(database: Database, province: Province, now: datetime) -> None:
    content = template("{{ title }}")

    async def work(session: Any) -> None:
        secretary = province.actor("secretary", "tinh")
        kept = await records.upload(session, province.units["tinh"], "invite", "Mẫu tỉnh", content, secretary, now)
        again = await records.upload(session, province.units["tinh"], "invite", "Mẫu tỉnh", content, secretary, now)
        assert again.id == kept.id
        host = await session.get_one(Unit, province.units["khcn"])
        assert (
            await records.template_of(session, kept.id, host)
        ).id == kept.id  # a template of the unit above is available
        own = await records.upload(session, province.units["yt"], "invite", "Mẫu Sở", content, secretary, now)
        with pytest.raises(Refusal, match="unknown_template"):
            await records.template_of(session, own.id, host)
        with pytest.raises(Refusal, match="denied"):
            await records.upload(
                session, province.units["tinh"], "invite", "x", content, province.actor("secretary", "yt"), now
            )

    await database.transact(work)


def test_typesetting_needs_no_system_fonts() -> None:
    """The page uses only the fonts of the package. The process finds no other fonts."""
    script = (
        "import sys; sys.path.insert(0, '.');"
        "from datetime import datetime, UTC;"
        "from rooms.meetings.letters import fields, typesetting;"
        "sys.stdout.buffer.write(typesetting.pdf(fields.sample(), datetime(2026, 1, 1, tzinfo=UTC)))"
    )
    made = subprocess.run(
        [sys.executable, "-c", script],
        env={"HOME": "/nonexistent", "FONTCONFIG_FILE": "/nonexistent", "PATH": ""},
        capture_output=True,
        check=True,
    ).stdout
    assert "GIẤY MỜI" in text_of(made)
