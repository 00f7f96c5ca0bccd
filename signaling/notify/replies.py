"""Answers that arrive by mail: from a raw mail to its answer, or to the reason why it has no answer. The module is sans-IO.

The format is iMIP REPLY (RFC 6047, RFC 5546 section 3.2.3). Mails are hostile: size, parts, headers and lines are checked
before parsing. The sender must be the attendee of the answer. DKIM and SPF are *not* verified here; the mail server that passes
the mail on must do so.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from typing import TYPE_CHECKING

from rooms.meetings import calendar_entries
from rooms.meetings.answers import MailReply
from rooms.meetings.wording import ZONE
from signaling.notify import limits

if TYPE_CHECKING:
    import icalendar

_METHOD = re.compile(r"^METHOD:\s*REPLY\s*$", re.IGNORECASE | re.MULTILINE)
_ID = re.compile(r"[0-9a-f]{32}")
UNREADABLE = (
    MessageError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    AssertionError,
    OverflowError,
)
"""The errors that the parsers raise for malformed bytes."""


class NoReply(Exception):
    """The mail contains no answer. The message gives the reason for the log and holds no text of the mail."""


def read(raw: bytes) -> MailReply:
    """Return the answer in a mail. Raises NoReply."""
    if len(raw) > limits.REPLY_BYTES:
        raise NoReply("the mail is too large")
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0]
    if head.count(b"\n") > limits.REPLY_HEADERS:
        raise NoReply("too many headers")
    if _longest_header(raw) > limits.REPLY_HEADER_BYTES:
        raise NoReply("a header is too long")
    if raw.count(b"\n--") > 4 * limits.REPLY_PARTS:
        raise NoReply("too many parts")
    try:
        message = BytesParser(policy=policy.default.clone(raise_on_defect=False)).parsebytes(raw)
        return _read(message)
    except NoReply:
        raise
    except UNREADABLE as error:
        raise NoReply(f"not readable: {type(error).__name__}") from error


def _read(message: EmailMessage) -> MailReply:
    if str(message.get("Auto-Submitted", "no")).split(";")[0].strip().lower() == "auto-replied":
        raise NoReply("this is an automatic answer")
    sender = _sender(message)
    event = _event(message)
    attendee, status = _attendee(event)
    if attendee != sender:
        raise NoReply("the sender is not the attendee of the answer")
    meeting_id = calendar_entries.meeting_of(str(event.get("UID", "")))
    if not _ID.fullmatch(meeting_id):
        raise NoReply("the answer is not for an invitation of this server")
    if status not in calendar_entries.ANSWERS:
        raise NoReply("the answer is not accept, decline or tentative")
    sequence = int(event.get("SEQUENCE", 0) or 0)
    comment = event.get("COMMENT", "")
    words = str(comment[0] if isinstance(comment, list) else comment)[:500]
    said = calendar_entries.ANSWERS[status]
    return MailReply(meeting_id, sender, said, max(0, min(sequence, 2**31)), words, _date(event), _stamp(event))


def _date(event: icalendar.Component) -> datetime | None:
    """Return RECURRENCE-ID in UTC (RFC 5545 section 3.8.4.4): one date of a series. A time without a zone is in the zone of
    Việt Nam.
    """
    given = event.get("RECURRENCE-ID")
    if given is None:
        return None
    if isinstance(given, list) or "RANGE" in given.params:
        raise NoReply("the answer is for several dates of a series, but not for all")
    at = given.dt
    if not isinstance(at, datetime):
        raise NoReply("the answer is for a whole day")
    return (at if at.tzinfo is not None else at.replace(tzinfo=ZONE)).astimezone(UTC)


def _stamp(event: icalendar.Component) -> datetime | None:
    """Return DTSTAMP, which is always in UTC (RFC 5545 section 3.8.7.2)."""
    given = event.get("DTSTAMP")
    at = None if given is None or isinstance(given, list) else given.dt
    if not isinstance(at, datetime):
        return None
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)


def _longest_header(raw: bytes) -> int:
    """Return the length of the longest parsed header with its folded lines, in the mail and its parts. The time of parsing
    grows faster than the length.
    """
    longest = current = 0
    for line in raw.split(b"\n"):
        if line[:8].lower().startswith((b"from:", b"auto-sub", b"content-")):
            current = len(line)
        elif current and line[:1] in (b" ", b"\t"):
            current += len(line)
        else:
            current = 0
        longest = max(longest, current)
    return longest


def _sender(message: EmailMessage) -> str:
    froms = message.get_all("From", [])
    found = getaddresses([str(one) for one in froms])
    if len(froms) != 1 or len(found) != 1 or "@" not in found[0][1]:
        raise NoReply("the mail does not have exactly one sender")
    return found[0][1].lower()


def _event(message: EmailMessage) -> icalendar.Component:
    for count, part in enumerate(message.walk()):
        if count > limits.REPLY_PARTS:
            raise NoReply("too many parts")
        if part.get_content_type() in ("text/calendar", "application/ics"):
            content = part.get_payload(decode=True)
            if not isinstance(content, bytes) or len(content) > limits.REPLY_CALENDAR_BYTES:
                raise NoReply("the calendar entry is too large")
            text = content.decode("utf-8", "replace")
            if not _METHOD.search(text):
                continue
            if text.count("\n") > limits.REPLY_LINES:
                raise NoReply("the calendar entry is too long")
            return _only_event(text)
    raise NoReply("no calendar entry with METHOD:REPLY")


def _only_event(text: str) -> icalendar.Component:
    import icalendar  # a heavy import

    events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    if len(events) != 1:
        raise NoReply("the calendar entry does not have exactly one VEVENT")
    return events[0]


def _attendee(event: icalendar.Component) -> tuple[str, str]:
    given = event.get("ATTENDEE")
    if given is None or isinstance(given, list):
        raise NoReply("the calendar entry does not have exactly one ATTENDEE")
    address = str(given).strip().lower()
    return address.removeprefix("mailto:"), str(given.params.get("PARTSTAT", "")).upper()
