"""Secrets of personal links. They are derived from the installation's key, so that no secret is stored and a link can be made
again.

A link leads to a page. The secret is in the fragment, which browsers do not send or log. This module does not decide what a
link may do: callers ask `rooms.policy.classes` each time.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.identifiers import digest, raw_of, text_of
from rooms.store.tables.meetings import Attendee

SECRET_BYTES = 24
SECRET_CHARACTERS = 64
ANSWERING_CHARACTERS = 32
TOKEN_CHARACTERS = 1000
LEAST_KEY_BYTES = 32
ANSWER_PAGE = "/moi"
ACTION_PAGE = "/duyet"
MEETING_PAGE = "/hop"
CHECK_PAGE = "/test"
JOIN_PAGE = "/join"


@dataclass(frozen=True)
class Action:
    """The target of a button in a mail. The button is only a shortcut and gives no right.

    The user must sign in and then decide. At the decision, the link must have our seal and name the open step.
    """

    kind: str
    """`approve` or `refuse`."""
    meeting_id: str
    step_id: str
    expires_at: datetime


def secret_for(key: bytes, attendee_id: str, link_round: int = 0) -> str:
    """Return the 192-bit secret of an attendee's personal link, as base64url. `key`: at least 32 bytes, the key of the
    installation.
    """
    return _sealed(key, f"attendee:{attendee_id}:{link_round}")


def address(base: str, secret: str) -> str:
    """Return the personal link. `base` has no slash at its end."""
    return f"{base}{ANSWER_PAGE}#{secret}"


def meeting_address(base: str, meeting_id: str) -> str:
    """Return the address of a meeting's page, for QR codes. The page needs a signed-in user or a personal link."""
    return f"{base}{MEETING_PAGE}/{meeting_id}"


async def find(session: AsyncSession, secret: str) -> Attendee | None:
    """Return the attendee of this link, or None if the link was never issued or is revoked, or the attendee was removed."""
    if not secret or len(secret) > SECRET_CHARACTERS:
        return None
    found: Attendee | None = await session.scalar(select(Attendee).where(Attendee.link_digest == digest(secret)))
    return found


def issue(key: bytes, attendee: Attendee) -> str:
    """Return the secret of this attendee's link, and make the link valid. The caller commits."""
    secret = secret_for(key, attendee.id, attendee.link_round)
    attendee.link_digest = digest(secret)
    return secret


def answering(key: bytes, attendee: Attendee) -> str:
    """Return the secret of a link that answers for the attendee and opens no meeting. The desk may pass it on, because the desk
    may record the answer itself.

    It is the attendee's identifier and a seal of 64 bits, so it is as long as a personal link. Nothing is stored. `revoke` also
    ends it.
    """
    return text_of(bytes.fromhex(attendee.id) + _answer_seal(key, attendee))


async def find_answering(session: AsyncSession, key: bytes, secret: str) -> Attendee | None:
    """Return the attendee of a personal link or of an answering link, or None."""
    found = await find(session, secret)
    raw = raw_of(secret) if found is None and len(secret) == ANSWERING_CHARACTERS else None
    if raw is None:
        return found
    attendee = await session.get(Attendee, raw[:16].hex())
    fits = attendee is not None and hmac.compare_digest(_answer_seal(key, attendee), raw[16:])
    return attendee if fits else None


def revoke(attendee: Attendee) -> None:
    """Make the link invalid. The next link will be different."""
    attendee.link_digest = None
    attendee.link_round += 1


def action_token(key: bytes, action: Action) -> str:
    """Return the text for the fragment of `ACTION_PAGE`: meeting, action, step, end and seal, with dots between them. The page
    needs only the first part.
    """
    text = f"{action.meeting_id}.{action.kind}.{action.step_id}.{int(action.expires_at.timestamp())}"
    return f"{text}.{_sealed(key, f'action:{text}')}"


def read_action(key: bytes, token: str, now: datetime) -> Action:
    """Return the action that `action_token` sealed. Raise Refusal `link_invalid` or `link_expired`."""
    text, _, seal = token[:TOKEN_CHARACTERS].rpartition(".")
    if not hmac.compare_digest(_sealed(key, f"action:{text}").encode(), seal.encode()):
        raise Refusal(
            "link_invalid",
            "Liên kết không đúng. Hãy mở lại từ thư đã nhận.",
            "the link is not valid: open it again from the mail",
        )
    meeting_id, kind, step_id, end = text.split(".")
    expires = datetime.fromtimestamp(int(end), UTC)
    if now >= expires:
        raise Refusal(
            "link_expired",
            "Liên kết đã hết hạn. Hãy đăng nhập và mở mục Phê duyệt.",
            "the link has expired: sign in and open the approvals",
        )
    return Action(kind, meeting_id, step_id, expires)


def _answer_seal(key: bytes, attendee: Attendee) -> bytes:
    text = f"diemcau answer 1:{attendee.id}:{attendee.link_round}"
    return hmac.digest(key, text.encode(), hashlib.sha256)[:8]


def _sealed(key: bytes, text: str) -> str:
    assert len(key) >= LEAST_KEY_BYTES, "the key of the installation is too short"
    return text_of(hmac.digest(key, b"diemcau link 1:" + text.encode(), hashlib.sha256)[:SECRET_BYTES])
