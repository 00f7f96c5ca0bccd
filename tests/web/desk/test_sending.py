"""The desk sends to many, with a real mail server: invitations, reminders to answer, and messages to pass on. Also letters."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

import openpyxl
import pytest
from playwright.async_api import expect

from tests.conftest import start_server
from tests.ports import free_port
from tests.rooms.postgres import at_once
from tests.signaling.notify.dovecot import PASSWORD, USER, Dovecot
from tests.signaling.notify.mailbox import Mailbox
from tests.signaling.notify.test_replies import mail
from tests.waiting import until
from tests.web.desk.province import furnish, working_day
from tests.web.desk.test_desk import Served, sign_in
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

TITLE = "Họp bàn việc sắp xếp trụ sở"
GUESTS = 12
REFUSED = "khach12@tayninh.gov.vn"


@pytest.fixture(scope="module")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    opened = Mailbox.open(tmp_path_factory.mktemp("mail"), refused=REFUSED)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    opened = Dovecot.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, dovecot: Dovecot) -> Iterator[Served]:
    folder, port = tmp_path_factory.mktemp("desk"), free_port()
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(furnish(folder, now))
    server = start_server(
        folder,
        "--http-port",
        str(port),
        DIEMCAU_PUBLIC_URL=f"http://127.0.0.1:{port}",
        DIEMCAU_SMTP_HOST="127.0.0.1",
        DIEMCAU_SMTP_PORT=str(mailbox.port),
        DIEMCAU_SMTP_TLS="none",
        DIEMCAU_MAIL_FROM="hop@tayninh.gov.vn",
        DIEMCAU_MAIL_DOMAINS="tayninh.gov.vn",
        DIEMCAU_IMAP_HOST="127.0.0.1",
        DIEMCAU_IMAP_PORT=str(dovecot.port),
        DIEMCAU_IMAP_TLS="none",
        DIEMCAU_IMAP_USER=USER,
        DIEMCAU_IMAP_PASSWORD=PASSWORD,
        DIEMCAU_IMAP_EVERY_S="1",
    )
    yield Served(server, desk, now, {})
    server.stop()


def subjects(mailbox: Mailbox, address: str) -> list[str]:
    return [str(one["Subject"]).split("]")[0] + "]" for one in mailbox.to(address)]


async def booked(visitor: Visitor, served: Served) -> str:
    """Book an internal meeting of the office with guests, by the request of the page. Return the path of its page."""
    guests = [{"guest_name": f"Khách {n}", "guest_email": f"khach{n}@tayninh.gov.vn"} for n in range(1, GUESTS + 1)]
    request = {
        "title": TITLE,
        "type_code": "internal",
        "host_unit_id": served.desk.office,
        "starts_at": working_day(6, served.now).astimezone(UTC).isoformat(),
        "duration_min": 60,
        "submit": True,
        "attendees": [
            {"person_id": served.desk.people["lanhdao"]},
            *guests,
            {"guest_name": "Bà Lê Thị Ngoài", "guest_email": "ngoai@khach.example.vn"},
            {"guest_name": "Ông Trần Không Thư"},
        ],
    }
    answer = await visitor.page.context.request.post(
        f"{served.url}/api/v1/meetings", data=request, headers={"origin": served.url}
    )
    assert answer.status == 201, await answer.text()
    return f"/meetings/{(await answer.json())['id']}"


def accepted(invitation: EmailMessage) -> bytes:
    """Return the answer that a calendar program makes from an invitation (iMIP)."""
    calendar = next(part for part in invitation.walk() if part.get_content_type() == "text/calendar")
    lines = re.sub(r"\r?\n[ \t]", "", calendar.get_content()).replace("\r\n", "\n")
    lines = lines.replace("METHOD:REQUEST", "METHOD:REPLY").replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED")
    return mail(lines, sender=str(invitation["X-Rcpt"]))


async def test_invitations_reminders_and_messages_go_to_many(
    visit: Visit, served: Served, mailbox: Mailbox, dovecot: Dovecot
) -> None:
    visitor = await visit()
    await visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.url)
    await sign_in(visitor, served, path="")
    path = await booked(visitor, served)
    await until(lambda: len(mailbox.raw()) >= GUESTS - 1, "the booking invites all whom mail reaches")
    await visitor.page.goto(served.url + path)
    await expect(visitor.part("mail-off")).to_have_count(0)
    await expect(visitor.part("sending-standing")).to_contain_text(f"{GUESTS - 1}/{GUESTS + 3}")
    await expect(visitor.part("sending-standing")).to_contain_text("Bà Lê Thị Ngoài; Ông Trần Không Thư")
    await visitor.part("sending-each").click()
    lines = visitor.part("sending-line")
    await expect(lines.filter(has_text="Khách 12")).to_contain_text("Gửi thư lỗi")
    await expect(lines.filter(has_text="Bà Lê Thị Ngoài")).to_contain_text("Ngoài thư công vụ")
    await expect(lines.filter(has_text="Ông Trần Không Thư")).to_contain_text("Chưa có địa chỉ thư")
    assert await visitor.barriers() == []
    await visitor.part("sending-state").select_option(label="Gửi thư lỗi (1)")
    await expect(lines).to_have_count(1)
    await expect(lines).to_contain_text("Khách 12")
    await visitor.part("sending-state").select_option(label=f"Tất cả ({GUESTS + 3})")

    await visitor.part("send-remind").click()
    await expect(visitor.part("sending-said")).to_contain_text(f"Đang gửi {GUESTS} thư nhắc trả lời")
    await until(lambda: subjects(mailbox, "khach1@tayninh.gov.vn") == ["[Mời họp]", "[Đề nghị trả lời]"], "a reminder")
    await visitor.part("send-remind").click()
    await expect(visitor.part("sending-said")).to_contain_text(f"{GUESTS} nơi đã được nhắc hôm nay")

    await lines.filter(has_text="Khách 2").first.get_by_role("checkbox").check()
    await expect(visitor.part("send-invite")).to_contain_text("(1)")
    await visitor.part("send-invite").click()
    await until(lambda: subjects(mailbox, "khach2@tayninh.gov.vn").count("[Mời họp]") == 2, "the invitation again")
    dovecot.put(accepted(mailbox.to("khach3@tayninh.gov.vn")[0]))
    await until(lambda: "\\Seen" in dovecot.flags()[0], "the answer is fetched from the mailbox", in_thread=True)
    await visitor.page.reload()
    await visitor.part("sending-each").click()
    await expect(lines.filter(has_text="Khách 3")).to_contain_text("Dự họp")
    await _messages_are_passed_on(visit, visitor)


async def _messages_are_passed_on(visit: Visit, visitor: Visitor) -> None:
    """Copy the messages. The person's link answers only, the guest's link also leads to the meeting."""
    await visitor.part("copy-common").click()
    await expect(visitor.part("messages-copied")).to_contain_text("gửi vào nhóm được")
    common = await visitor.page.evaluate("navigator.clipboard.readText()")
    assert "mã PIN" in common
    assert "/moi" not in common, "in a group everybody could answer for everybody"
    await visitor.part("copy-messages").click()
    await expect(visitor.part("messages-copied")).to_contain_text(f"Đã sao chép {GUESTS + 3} tin nhắn riêng")
    texts = (await visitor.page.evaluate("navigator.clipboard.readText()")).split("----------")
    async with visitor.page.expect_download() as waiting:
        await visitor.part("message-sheet").click()
    book = openpyxl.load_workbook(io.BytesIO((await (await waiting.value).path()).read_bytes()))
    warning, *_ = lines = list(book.worksheets[0].iter_rows(values_only=True))
    assert "không chuyển tiếp tệp này" in str(warning[0])
    headings, *rows = lines[2:]
    assert headings == ("Nơi nhận", "Điện thoại", "Tin nhắn")
    assert len(rows) == GUESTS + 3
    assert all(f"Kính gửi: {label}" in str(text) for label, _, text in rows)
    by_name = {re.findall(r"Kính gửi: (.*)", one)[0]: one for one in texts}
    guest = by_name["Ông Trần Không Thư"]
    person = next(one for name, one in by_name.items() if "Khách" not in name and "mã PIN" in one)
    stranger = await visit(width=390, height=740)
    await stranger.page.goto(re.findall(r"Trả lời: (\S+)", person)[0])
    await expect(stranger.page.locator("h1")).to_contain_text(TITLE)
    await expect(stranger.part("answer-page")).to_contain_text("Liên kết này chỉ dùng để trả lời")
    await stranger.part("rsvp-accept").check()
    await stranger.part("rsvp-send").click()
    await expect(stranger.part("answer-sent")).to_be_visible()
    other = await visit(width=390, height=740)
    await other.page.goto(re.findall(r"Trả lời và vào họp: (\S+)", guest)[0])
    await expect(other.page.get_by_role("link", name="Tới trang vào họp")).to_be_visible()
    await visitor.page.reload()
    await visitor.part("sending-each").click()
    await expect(visitor.part("sending-line").filter(has_text="Chánh Văn phòng")).to_contain_text("Dự họp")


async def test_a_letter_is_made_and_saved(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="/meetings")
    await visitor.part("found").get_by_role("link", name="Họp giao ban Văn phòng").click()
    await visitor.part("new-letter").click()
    await expect(visitor.part("letter-page")).to_have_count(1)
    before = await visitor.part("letter-page").get_attribute("src")
    await visitor.part("letter-number").fill("125")
    await expect(visitor.part("letter-page")).not_to_have_attribute("src", before or "")
    await expect(visitor.part("letter-page")).to_have_js_property("naturalWidth", 794)
    assert await visitor.barriers() == []
    await visitor.part("make-letter").click()
    for form, begins in (("pdf", b"%PDF"), ("docx", b"PK")):
        async with visitor.page.expect_download() as waiting:
            await visitor.part(f"letter-{form}").first.click()
        assert (await (await waiting.value).path()).read_bytes().startswith(begins)


async def test_a_letter_of_an_unapproved_meeting_warns_before_it_gets_a_number(visit: Visit, served: Served) -> None:
    visitor = await visit()
    await sign_in(visitor, served, path="/meetings")
    await visitor.part("found").get_by_role("link", name="Họp góp ý dự thảo quy chế làm việc").click()
    await visitor.part("new-letter").click()
    await expect(visitor.part("letter-waits")).to_contain_text("Cuộc họp chưa được duyệt")
    await visitor.part("letter-number").fill("126")
    await expect(visitor.part("make-letter")).to_be_disabled()
    path = visitor.page.url.replace(served.url, f"{served.url}/api/v1")
    refused = await visitor.page.context.request.post(
        f"{path}/letters", data={"number": "126"}, headers={"origin": served.url}
    )
    assert (refused.status, (await refused.json())["code"]) == (409, "letter_not_approved")
    await visitor.part("letter-sure").check()
    await visitor.part("make-letter").click()
    await expect(visitor.part("letters")).to_contain_text("số 126/GM")
