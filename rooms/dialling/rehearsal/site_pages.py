"""The page of one site for one rehearsal, which a link opens without an account. Its bearer enters and signs the site's result.

The secret is sealed with the installation's key, and nothing is stored. A link is valid for one date of a rehearsal and one site,
until a day after the rehearsal. It opens no meeting and gives no other right.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.meeting.leaders import contact_name
from rooms.dialling import planning
from rooms.dialling.rehearsal import checks
from rooms.dialling.rehearsal.checks import Rehearsal, Result, SiteResult
from rooms.errors import Refusal
from rooms.identifiers import raw_of, text_of
from rooms.org.names import cleaned
from rooms.policy.actors import Actor
from rooms.store.tables.meetings import Meeting
from rooms.store.tables.org import Unit

PAGE: Final = "/tongduyet"
SEAL_BYTES: Final = 12
RAW_BYTES: Final = 16 + 16 + SEAL_BYTES


@dataclass(frozen=True)
class SitePage:
    """A rehearsal as one site sees it."""

    rehearsal: Rehearsal
    site: SiteResult
    open: bool
    """Results can be entered now."""
    contact: str = ""
    """The person and the office to call. Empty if the office has no telephone."""
    phone: str = ""
    """The telephone of the office. A person's own telephone is never shown here (`rooms.policy.disclosure`)."""


def address(base: str, key: bytes, occurrence_id: str, site_id: str) -> str:
    """Return the link for a site. `base` has no slash at its end. `key`: the key of the installation."""
    raw = bytes.fromhex(occurrence_id) + bytes.fromhex(site_id)
    return f"{base}{PAGE}#{text_of(raw + _seal(key, occurrence_id, site_id))}"


def _seal(key: bytes, occurrence_id: str, site_id: str) -> bytes:
    text = f"diemcau rehearsal 1:{occurrence_id}:{site_id}"
    return hmac.digest(key, text.encode(), hashlib.sha256)[:SEAL_BYTES]


def _read(key: bytes, secret: str) -> tuple[str, str] | None:
    """Return date and site of the secret, or None for a secret that is not ours."""
    raw = raw_of(secret)
    if raw is None or len(raw) != RAW_BYTES:
        return None
    occurrence_id, site_id = raw[:16].hex(), raw[16:32].hex()
    return (occurrence_id, site_id) if hmac.compare_digest(_seal(key, occurrence_id, site_id), raw[32:]) else None


async def look(session: AsyncSession, key: bytes, secret: str, now: datetime) -> SitePage | None:
    """Return the page, or None if the link is not valid (any more)."""
    read = _read(key, secret)
    try:
        found = await checks.of_date(session, read[0]) if read is not None else None
    except Refusal:  # the rehearsal has another date now
        return None
    if read is None or found is None or found.occurrence_id != read[0]:
        return None
    site = next((one for one in found.sites if one.site_id == read[1]), None)
    ends = found.ends_at + timedelta(hours=limits.SITE_LINK_H)
    if site is None or found.state in ("cancelled", "skipped", "postponed") or now >= ends:
        return None
    opened = bool(found.number) and now >= found.opens_at
    return SitePage(found, site, opened, *await helper(session, found.of_meeting_id))


async def helper(session: AsyncSession, meeting_id: str) -> tuple[str, str]:
    """Return the secretary or the operator with the host's office, and the office's telephone."""
    meeting = await session.get_one(Meeting, meeting_id)
    host = await session.get_one(Unit, meeting.host_unit_id)
    if not host.phone:
        return "", ""
    return ", ".join(filter(None, (await contact_name(session, meeting), host.name))), host.phone


async def enter(
    session: AsyncSession,
    key: bytes,
    secret: str,
    result: Result,
    sign: bool,
    expected: int,
    name: str,
    address_: str,
    now: datetime,
) -> SitePage | None:
    """Store the result that the site enters. `name`: who signs. Raise `name_missing` and the refusals of `checks.enter`."""
    page = await look(session, key, secret, now)
    if page is None:
        return None
    signer = cleaned(name)[: limits.SIGNER]
    if not sign and page.site.signed_at is not None:
        raise Refusal("name_missing", "Kết quả đã ký: hãy ký lại khi sửa.", "sign the changed result again")
    if sign and not signer:
        raise Refusal("name_missing", "Hãy ghi họ tên người ký.", "write the name of the person who signs")
    actor = Actor("link", page.site.site_id, name=signer, address=address_)
    date = page.rehearsal.occurrence_id
    await checks.enter(session, date, page.site.site_id, result, sign, expected, actor, now, by_site=True)
    return await look(session, key, secret, now)


async def links(
    session: AsyncSession, key: bytes, base: str, rehearsal: Rehearsal, occurrence_id: str, now: datetime
) -> dict[str, str]:
    """Return the link of each site, on the rehearsal's own board while the links are valid."""
    _, meeting = await planning.date_of(session, occurrence_id)
    late = now >= rehearsal.ends_at + timedelta(hours=limits.SITE_LINK_H)
    if meeting.rehearses_id is None or not rehearsal.number or late:
        return {}
    return {one.site_id: address(base, key, rehearsal.occurrence_id, one.site_id) for one in rehearsal.sites}
