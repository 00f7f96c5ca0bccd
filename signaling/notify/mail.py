"""Mails: from plain values to MIME, and to the mail server by SMTP. Mails go to official domains only, unless a reason is
given.

The subject is ASCII-safe (RFC 2047). The body is UTF-8 as text and HTML, Vietnamese first. Invitations carry their calendar
entry as iMIP (RFC 6047). A mail has one recipient.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from rooms.booking.meeting.attendees import is_address
from rooms.meetings import calendar_entries
from rooms.meetings.invitations import Outgoing
from rooms.meetings.sending import is_official
from rooms.org.names import cleaned
from signaling.notify import limits
from signaling.notify.notices import Notice, notice
from signaling.notify.worker import GiveUp

POLICY = SMTP.clone(cte_type="7bit", max_line_length=76)
PERMANENT = range(500, 600)
_SUBJECT = re.compile(rb"^Subject: [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", re.MULTILINE)


class MailRefused(Exception):
    """The mail may not be sent. `state` is stored with the attendee."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state = state


@dataclass(frozen=True)
class MailServer:
    """The mail server that takes the mails."""

    host: str
    port: int
    tls: str = "starttls"
    """`starttls`, `tls` or `none`."""
    user: str = ""
    password: str = ""
    sender: str = ""
    name: str = "Điểm Cầu"
    domains: tuple[str, ...] = ()
    """Official domains."""
    trust: ssl.SSLContext | None = None
    """The trusted authorities; None: the authorities of the system. Without TLS nothing is read."""


class Mailer:
    """The sender of mails, a few at the same time."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._trust = server.trust
        self._places = asyncio.Semaphore(limits.MAILS_AT_ONCE)

    def check(self, address: str, reason: str) -> bool:
        """Report whether the address is official. An address that is not official passes with a reason. Raises MailRefused."""
        if not address:
            raise MailRefused("no_address", "no address is known")
        if not is_address(address):
            raise MailRefused("refused", "not a mail address")
        if is_official(address, self.server.domains):
            return True
        if not reason:
            raise MailRefused("refused", "this is not an official domain, and no reason was given")
        return False

    async def send(self, message: EmailMessage, to: str) -> None:
        """Send one mail. Raises GiveUp if the server will never take the mail, and OSError or SMTPException if a retry may
        succeed.
        """
        import aiosmtplib  # a heavy import

        raw = serialised(message)
        if len(raw) > limits.MAIL_BYTES:
            raise GiveUp("the mail is too large")
        server = self.server
        async with self._places:
            try:
                await aiosmtplib.send(
                    raw,
                    sender=server.sender,
                    recipients=[to],
                    hostname=server.host,
                    port=server.port,
                    username=server.user or None,
                    password=server.password or None,
                    use_tls=server.tls == "tls",
                    start_tls=server.tls == "starttls",
                    tls_context=self._authorities(),
                    timeout=limits.SMTP_WAIT_S,
                )
            except aiosmtplib.SMTPRecipientsRefused as error:
                if all(one.code in PERMANENT for one in error.recipients):
                    raise GiveUp("the mail server refused the recipient") from error
                raise
            except aiosmtplib.SMTPResponseException as error:
                if error.code in PERMANENT and not isinstance(error, aiosmtplib.SMTPAuthenticationError):
                    raise GiveUp(f"the mail server refused the mail: {error.code}") from error
                raise

    def _authorities(self) -> ssl.SSLContext | None:
        """Return the trusted authorities. They are read once: to read the authorities of the system takes tens of milliseconds,
        in which the server does nothing else.
        """
        if self._trust is None and self.server.tls != "none":
            self._trust = ssl.create_default_context()
        return self._trust

    def compose(self, mail: Outgoing, now: datetime) -> EmailMessage:
        """Return the whole mail."""
        return build(self.server, mail.to.name, mail.to.email, notice(mail), now, *_invitation(mail, now))


def build(
    server: MailServer,
    name: str,
    address: str,
    said: Notice,
    now: datetime,
    entry: bytes | None = None,
    method: str = "",
) -> EmailMessage:
    """Return the mail as MIME. Text, HTML and the calendar entry are alternatives (RFC 6047 section 2.4)."""
    message = EmailMessage(policy=POLICY)
    user, _, domain = server.sender.partition("@")
    message["From"] = Address(server.name, user, domain)
    to_user, _, to_domain = address.partition("@")
    message["To"] = Address(cleaned(name), to_user, to_domain)
    message["Subject"] = cleaned(said.subject)[: limits.SUBJECT_CHARACTERS]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{said.identifier}@{domain or 'diemcau.invalid'}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "vi, en"
    message.set_content(said.text, charset="utf-8", cte="quoted-printable")
    message.add_alternative(said.html, subtype="html", charset="utf-8", cte="quoted-printable")
    if entry is not None:
        message.add_alternative(entry.decode(), subtype="calendar", charset="utf-8", cte="base64")
        part = list(message.iter_parts())[-1]
        part.set_param("method", method)
        part.set_param("component", "VEVENT")
    return message


def serialised(message: EmailMessage) -> bytes:
    """Return the bytes of the mail, in ASCII. The subject is encoded as a whole: Python's `email` loses blanks between plain
    and encoded words when it folds a line ("07giờ").
    """
    raw = message.as_bytes(policy=POLICY)
    subject = Header(str(message["Subject"]), "utf-8", header_name="Subject", maxlinelen=76).encode(linesep="\r\n")
    return _SUBJECT.sub(lambda _: f"Subject: {subject}\r\n".encode("ascii"), raw, count=1)


def _invitation(mail: Outgoing, now: datetime) -> tuple[bytes | None, str]:
    if mail.entry is None:
        return None, ""
    if mail.kind == "invite":
        return calendar_entries.request(mail.entry, now), "REQUEST"
    if mail.kind == "date" and mail.date is not None:
        return calendar_entries.request_date(mail.entry, mail.date, now), "REQUEST"
    if mail.kind == "date_off" and mail.date is not None:
        return calendar_entries.cancel(mail.entry, now, mail.date.original_at), "CANCEL"
    return calendar_entries.cancel(mail.entry, now), "CANCEL"
