"""Secrets of personal links: derived from the installation's key, so that nothing secret is stored and a link can be made anew.

A link leads to a page; the secret travels in the fragment, which browsers neither send nor log. Does not decide what the
link may do: `rooms.policy.classes` is asked each time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.errors import Refusal
from rooms.identifiers import digest
from rooms.store.tables.meetings import Attendee

SECRET_BYTES = 24
SECRET_CHARACTERS = 64
TOKEN_CHARACTERS = 1000
LEAST_KEY_BYTES = 32
ANSWER_PAGE = "/moi"
ACTION_PAGE = "/duyet"
MEETING_PAGE = "/hop"


@dataclass(frozen=True)
class Action:
    """What a button in a mail points at. It saves searching, it is no right: whoever follows it signs in and then decides,
    and when he does so the link has to be ours and of the step that is open.
    """

    kind: str
    """`approve` or `refuse`."""
    meeting_id: str
    step_id: str
    expires_at: datetime


def secret_for(key: bytes, attendee_id: str, link_round: int = 0) -> str:
    """The 192 bits of one attendee's personal link, as base64url. `key`: 32 bytes or more, of the installation."""
    return _sealed(key, f"attendee:{attendee_id}:{link_round}")


def address(base: str, secret: str) -> str:
    """The link for people. `base` without a slash at its end."""
    return f"{base}{ANSWER_PAGE}#{secret}"


def meeting_address(base: str, meeting_id: str) -> str:
    """The page of a meeting: whoever opens it has to sign in or be invited. This is what a QR code holds."""
    return f"{base}{MEETING_PAGE}/{meeting_id}"


async def find(session: AsyncSession, secret: str) -> Attendee | None:
    """Whose link this is; None when it was never given out or is revoked, or he is no longer invited."""
    if not secret or len(secret) > SECRET_CHARACTERS:
        return None
    found: Attendee | None = await session.scalar(select(Attendee).where(Attendee.link_digest == digest(secret)))
    return found


def issue(key: bytes, attendee: Attendee) -> str:
    """The secret of this attendee's link; from now on it opens. The caller commits."""
    secret = secret_for(key, attendee.id, attendee.link_round)
    attendee.link_digest = digest(secret)
    return secret


def revoke(attendee: Attendee) -> None:
    """The link no longer opens; the next one will be another."""
    attendee.link_digest = None
    attendee.link_round += 1


def action_token(key: bytes, action: Action) -> str:
    """Text for the fragment of `ACTION_PAGE`: meeting, action, step, end and the seal, with dots between. The page needs the
    first part only.
    """
    text = f"{action.meeting_id}.{action.kind}.{action.step_id}.{int(action.expires_at.timestamp())}"
    return f"{text}.{_sealed(key, f'action:{text}')}"


def read_action(key: bytes, token: str, now: datetime) -> Action:
    """What `action_token` sealed. Raises Refusal `link_invalid` or `link_expired`."""
    text, _, seal = token[:TOKEN_CHARACTERS].rpartition(".")
    if not hmac.compare_digest(_sealed(key, f"action:{text}").encode(), seal.encode()):
        raise Refusal("link_invalid", "Liên kết không đúng. Hãy mở lại từ thư đã nhận.", "the link is not valid")
    meeting_id, kind, step_id, end = text.split(".")
    expires = datetime.fromtimestamp(int(end), UTC)
    if now >= expires:
        raise Refusal(
            "link_expired",
            "Liên kết đã hết hạn. Hãy đăng nhập và mở mục Phê duyệt.",
            "the link has expired; sign in and open the approvals",
        )
    return Action(kind, meeting_id, step_id, expires)


def _sealed(key: bytes, text: str) -> str:
    assert len(key) >= LEAST_KEY_BYTES, "the key of the installation is too short"
    return _text(hmac.digest(key, b"diemcau link 1:" + text.encode(), hashlib.sha256)[:SECRET_BYTES])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
