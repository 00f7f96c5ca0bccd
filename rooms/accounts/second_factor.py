"""The second factor: time-based codes (RFC 6238) of an application on a telephone, and paper codes for a lost telephone.

This module owns the sealed secret, the last used step (each code is valid once) and the digests of the paper codes. The caller
limits the rate of attempts.
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
"""Steps of 30 s by which the clock of a telephone may be late (BEFORE) or early (AFTER). RFC 6238 section 5.2 recommends one
step. Larger BEFORE: a stolen code stays valid longer. Larger AFTER: a code can be used earlier than its time. Smaller: a
telephone with a wrong clock makes every code wrong.
"""


@dataclass(frozen=True)
class Enrolment:
    """The data for the application: an address for a QR code, and the same secret in base32 for typing."""

    uri: str
    secret: str


def begin(account: Account, seal: Seal) -> Enrolment:
    """Create a new secret, which is valid after the user confirmed it with a code. Raise Refusal `totp_present`."""
    if account.totp_confirmed:
        raise Refusal(
            "totp_present",
            "Tài khoản đã có ứng dụng xác thực. Hãy gỡ ứng dụng cũ trước.",
            "an authenticator application is already set up: remove it first",
        )
    key = new_bytes(limits.TOTP_SECRET_BYTES)
    account.totp_secret = seal.seal(key.hex(), _about(account))
    account.totp_last_step = 0
    uri = _totp(key).get_provisioning_uri(account.name, ISSUER)
    return Enrolment(uri, uri.split("secret=")[1].split("&")[0])


async def confirm(
    session: AsyncSession, account: Account, code: str, seal: Seal, actor: Actor, now: datetime
) -> list[str]:
    """Confirm the application with a code. From now on each sign-in needs a code. Return the paper codes, which are shown only
    once.

    Raise Refusal `totp_absent`, `second_factor_wrong`, `seal_broken`.
    """
    if not account.totp_secret or account.totp_confirmed:
        raise Refusal(
            "totp_absent",
            "Hãy bắt đầu cài ứng dụng xác thực trước.",
            "start the set-up of an authenticator application first",
        )
    if not _takes(account, code, seal, now):
        raise wrong()
    account.totp_confirmed = True
    await audit.record(session, now, actor, "accounts.totp_set", "account", account.id)
    return renew_recovery(account)


def renew_recovery(account: Account) -> list[str]:
    """Return new paper codes. The old codes are no longer valid."""
    codes = [new_recovery_code() for _ in range(limits.RECOVERY_CODES)]
    account.recovery = [digest(_bare(code)) for code in codes]
    return codes


def check(account: Account, code: str, seal: Seal, now: datetime) -> bool:
    """Report whether `code` is valid and was not used before. This call uses the code up. The caller must store the account.

    A code with another length than six digits is a paper code.
    """
    if not account.totp_confirmed:
        return False
    if len(code) == DIGITS and code.isdigit():
        return _takes(account, code, seal, now)
    return _takes_recovery(account, code)


async def remove(session: AsyncSession, account: Account, actor: Actor, now: datetime) -> None:
    """Delete the application and the paper codes, because a telephone was lost or has a new owner."""
    account.totp_secret, account.totp_confirmed, account.totp_last_step, account.recovery = "", False, 0, []
    await audit.record(session, now, actor, "accounts.totp_reset", "account", account.id)


def wrong() -> Refusal:
    return Refusal(
        "second_factor_wrong",
        "Mã không đúng hoặc đã dùng rồi. Hãy chờ mã mới trên ứng dụng rồi nhập lại.",
        "the code is wrong or already used: wait for a new code and try again",
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
    """Return the TOTP generator with SHA-1, which all applications support."""
    return TOTP(key, DIGITS, SHA1(), limits.TOTP_STEP_S)  # noqa: S303


def _about(account: Account) -> str:
    return f"totp:{account.id}"
