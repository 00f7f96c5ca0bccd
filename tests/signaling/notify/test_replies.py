"""Answers by mail: as calendar programs write them, and as attackers do."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.meetings.answers import MailReply
from signaling.notify import limits
from signaling.notify.replies import NoReply, read

MEETING = "0123456789abcdef" * 2
NOW = datetime(2026, 3, 3, 1, tzinfo=UTC)

CALENDAR = f"""BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:REPLY
BEGIN:VEVENT
ATTENDEE;PARTSTAT=ACCEPTED;CN="UBND xã Mỹ Hạnh":mailto:XA1@longan.gov.vn
COMMENT:Sẽ dự đủ thành phần
DTSTAMP:20260303T010000Z
DTSTART:20260310T070000Z
ORGANIZER:mailto:hop@longan.gov.vn
SEQUENCE:2
SUMMARY:Accepted: Giao ban
UID:{MEETING}@longan.gov.vn
END:VEVENT
END:VCALENDAR
"""


def mail(calendar: str = CALENDAR, sender: str = "UBND xã <xa1@longan.gov.vn>", extra: str = "") -> bytes:
    """Return the mail that Outlook sends: alternatives, with the calendar among them."""
    return (
        f"From: {sender}\r\nTo: hop@longan.gov.vn\r\nSubject: Accepted: Giao ban\r\n{extra}"
        'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nDự\r\n"
        '--b\r\nContent-Type: text/calendar; method=REPLY; charset="utf-8"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        f"{calendar.replace(chr(10), chr(13) + chr(10))}\r\n--b--\r\n"
    ).encode()


def test_an_answer_is_read() -> None:
    assert read(mail()) == MailReply(
        MEETING, "xa1@longan.gov.vn", "accepted", 2, "Sẽ dự đủ thành phần", stamped=datetime(2026, 3, 3, 1, tzinfo=UTC)
    )


@pytest.mark.parametrize(("status", "answer"), [("DECLINED", "declined"), ("TENTATIVE", "tentative")])
def test_other_answers(status: str, answer: str) -> None:
    assert read(mail(CALENDAR.replace("ACCEPTED;", f"{status};"))).answer == answer


def test_a_bare_calendar_and_no_sequence() -> None:
    body = CALENDAR.replace("SEQUENCE:2\n", "").replace("\n", "\r\n")
    raw = f"From: xa1@longan.gov.vn\r\nContent-Type: text/calendar; charset=utf-8\r\n\r\n{body}".encode()
    assert read(raw).sequence == 0


@pytest.mark.parametrize(
    "written",
    [
        "RECURRENCE-ID:20260310T070000Z",
        "RECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:20260310T140000",
        "RECURRENCE-ID:20260310T140000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260310T080000",
    ],
)
def test_a_reply_can_answer_one_date_of_a_series(written: str) -> None:
    found = read(mail(CALENDAR.replace("SEQUENCE:2", f"SEQUENCE:2\n{written}")))
    assert (found.date_at, found.answer) == (datetime(2026, 3, 10, 7, tzinfo=UTC), "accepted")


WRONG = {
    "another sender": mail(sender="xa2@longan.gov.vn"),
    "two senders": mail(sender="xa1@longan.gov.vn, xa2@longan.gov.vn"),
    "two From": mail(extra="From: xa1@longan.gov.vn\r\n"),
    "a name that looks like an address": mail(sender='"xa1@longan.gov.vn" <x@evil.example>'),
    "no sender": mail(sender=""),
    "an automatic answer": mail(extra="Auto-Submitted: auto-replied\r\n"),
    "not a reply": mail(CALENDAR.replace("METHOD:REPLY", "METHOD:REQUEST")),
    "an unknown answer": mail(CALENDAR.replace("ACCEPTED;", "DELEGATED;")),
    "a meeting of others": mail(CALENDAR.replace(MEETING, "abc")),
    "a whole day": mail(CALENDAR.replace("SEQUENCE:2", "SEQUENCE:2\nRECURRENCE-ID;VALUE=DATE:20260310")),
    "this and following": mail(
        CALENDAR.replace("SEQUENCE:2", "SEQUENCE:2\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260310T070000Z")
    ),
    "two dates": mail(
        CALENDAR.replace("SEQUENCE:2", "SEQUENCE:2\nRECURRENCE-ID:20260310T070000Z\nRECURRENCE-ID:20260311T070000Z")
    ),
    "a date that is none": mail(CALENDAR.replace("SEQUENCE:2", "SEQUENCE:2\nRECURRENCE-ID:yesterday")),
    "a date before all time": mail(
        CALENDAR.replace("SEQUENCE:2", "SEQUENCE:2\nRECURRENCE-ID;TZID=Asia/Ho_Chi_Minh:00010101T000000")
    ),
    "two attendees": mail(
        CALENDAR.replace("COMMENT:", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:xa2@longan.gov.vn\nCOMMENT:")
    ),
    "two events": mail(CALENDAR.replace("END:VCALENDAR", "BEGIN:VEVENT\nUID:x\nEND:VEVENT\nEND:VCALENDAR")),
    "no event": mail("BEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n"),
    "a broken calendar": mail("METHOD:REPLY\nBEGIN:VCALENDAR\nBEGIN:VEVENT\n"),
    "a sequence that is none": mail(CALENDAR.replace("SEQUENCE:2", "SEQUENCE:many")),
    "nothing": b"",
    "no calendar": b"From: xa1@longan.gov.vn\r\n\r\nOK",
    "bytes": bytes(range(256)) * 10,
}


@pytest.mark.parametrize("raw", WRONG.values(), ids=WRONG.keys())
def test_mails_that_are_no_valid_reply_are_refused(raw: bytes) -> None:
    with pytest.raises(NoReply):
        read(raw)


def test_bounds() -> None:
    long = mail(CALENDAR.replace("Sẽ dự đủ thành phần", "x" * 2000))
    assert len(read(long).comment) == 500
    nested = b"From: xa1@longan.gov.vn\r\n" + b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(400)
    )
    many_parts = mail().replace(b"--b--", b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 200 + b"--b--")
    beyond = [
        mail(extra="X: y\r\n" * (limits.REPLY_HEADERS + 1)),
        mail(CALENDAR.replace("SUMMARY:", "X-A:b\n" * (limits.REPLY_LINES + 1) + "SUMMARY:")),
        mail(CALENDAR.replace("Sẽ dự đủ thành phần", "x" * limits.REPLY_CALENDAR_BYTES)),
        mail() + b"x" * limits.REPLY_BYTES,
        nested,
        many_parts,
        b"(" * 100_000,
        b"From: " + b"(" * 100_000 + b"\r\n\r\n",
        b"From: " + b"<" * 100_000 + b"\r\n\r\n",
        b"From: " + b"a@b," * 100_000 + b"\r\n\r\n",
        b"From: " + b"=?utf-8?q?a?= " * 30_000 + b"\r\n\r\n",
        b"Content-Type: text/plain" + b"\r\n ;a=b" * 300 + b"\r\n\r\n",
    ]
    for raw in beyond:
        started = time.process_time()
        with pytest.raises(NoReply):
            read(raw)
        assert time.process_time() - started < 2.0


@given(st.data())
def test_mutated_replies_are_read_or_raise_no_reply(data: st.DataObject) -> None:
    raw = bytearray(mail())
    for _ in range(data.draw(st.integers(1, 20))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    try:
        found = read(bytes(raw))
    except NoReply:
        return
    assert found.answer in ("accepted", "declined", "tentative")
    assert len(found.comment) <= 500
