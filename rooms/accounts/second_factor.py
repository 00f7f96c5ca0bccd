"""The second factor: time-based codes (RFC 6238) of an application on a telephone, and codes on paper for when it is lost.

Owns the secret (sealed), the last step that was used (a code counts once) and the digests of the paper codes. How often
somebody may try is the business of whoever takes his attempts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import limits
from rooms.errors import Refusal
from rooms.identifiers import digest, new_bytes, new_recovery_code
from rooms.policy.actors import Actor
from rooms.sealing import Seal, SealBroken
from rooms.store import audit
from rooms.store.tables.accounts import Account

DIGITS = 6
ISSUER = "Điểm Cầu"
BEFORE, AFTER = 1, 1
"""Steps by which a telephone's clock may be off."""


@dataclass(frozen=True)
class Enrolment:
    """What the application has to know: an address for a QR code, and the secret in base32 to be typed."""

    uri: str
    secret: str


def begin(account: Account, seal: Seal) -> Enrolment:
    """A new secret that counts after it was confirmed by a code. Raises Refusal `totp_present`."""
    if account.totp_confirmed:
        raise Refusal(
            "totp_present",
            "Tài khoản đã có ứng dụng xác thực. Hãy gỡ ứng dụng cũ trước.",
            "an application is set up already: remove it first",
        )
    key = new_bytes(limits.TOTP_SECRET_BYTES)
    account.totp_secret = seal.seal(key.hex(), _about(account))
    account.totp_last_step = 0
    uri = _totp(key).get_provisioning_uri(account.name, ISSUER)
    return Enrolment(uri, uri.split("secret=")[1].split("&")[0])


async def confirm(
    session: AsyncSession, account: Account, code: str, seal: Seal, actor: Actor, now: datetime
) -> list[str]:
    """The application shows the right code: from now on it is asked for. The paper codes, told this one time."""
    if not account.totp_secret or account.totp_confirmed:
        raise Refusal("totp_absent", "Hãy bắt đầu cài ứng dụng xác thực trước.", "begin with the set-up first")
    if not _takes(account, code, seal, now):
        raise wrong()
    account.totp_confirmed = True
    await audit.record(session, now, actor, "accounts.totp_set", "account", account.id)
    return renew_recovery(account)


def renew_recovery(account: Account) -> list[str]:
    """New paper codes; the old ones no longer count."""
    codes = [new_recovery_code() for _ in range(limits.RECOVERY_CODES)]
    account.recovery = [digest(_bare(code)) for code in codes]
    return codes


def check(account: Account, code: str, seal: Seal, now: datetime) -> bool:
    """Whether `code` is right now, and not used before; it is used by this. Write the account afterwards.

    Codes of other lengths than six digits are paper codes.
    """
    if not account.totp_confirmed:
        return False
    if len(code) == DIGITS and code.isdigit():
        return _takes(account, code, seal, now)
    return _takes_recovery(account, code)


async def remove(session: AsyncSession, account: Account, actor: Actor, now: datetime) -> None:
    """Forget the application and the paper codes: a telephone was lost, or changes hands."""
    account.totp_secret, account.totp_confirmed, account.totp_last_step, account.recovery = "", False, 0, []
    await audit.record(session, now, actor, "accounts.totp_reset", "account", account.id)


def wrong() -> Refusal:
    return Refusal(
        "second_factor_wrong",
        "Mã không đúng hoặc đã dùng rồi. Hãy chờ mã mới trên ứng dụng rồi nhập lại.",
        "the code is wrong or was used: wait for a new one and try again",
    )


def _takes(account: Account, code: str, seal: Seal, now: datetime) -> bool:
    try:
        totp = _totp(bytes.fromhex(seal.open(account.totp_secret, _about(account))))
    except SealBroken as error:
        raise Refusal(
            "seal_broken",
            "Máy chủ không còn khóa để đọc ứng dụng xác thực này. Hãy nhờ quản trị viên gỡ rồi cài lại.",
            "the server has lost the key of this second factor: ask an administrator to reset it",
        ) from error
    current = int(now.timestamp()) // limits.TOTP_STEP_S
    for step in range(current - BEFORE, current + AFTER + 1):
        right = totp.generate(step * limits.TOTP_STEP_S).decode()
        if step > account.totp_last_step and compare_digest(right.encode(), code.encode()):
            account.totp_last_step = step
            return True
    return False


def _takes_recovery(account: Account, code: str) -> bool:
    given = digest(_bare(code))
    left = [one for one in account.recovery if not compare_digest(one, given)]
    if len(left) == len(account.recovery):
        return False
    account.recovery = left
    return True


def _bare(code: str) -> str:
    return "".join(one for one in code.lower() if one.isalnum())


def _totp(key: bytes) -> TOTP:
    """SHA-1, as every application has it."""
    return TOTP(key, DIGITS, SHA1(), limits.TOTP_STEP_S)  # noqa: S303


def _about(account: Account) -> str:
    return f"totp:{account.id}"
