"""Results of users' own checks of network, microphone, speaker and camera. A user reads the code of the result to the help
desk.

This module owns the lifetime and the number of results. A result identifies no person, no device and no address. `figures` are
numbers and words of a table (`signaling.api.models.checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.identifiers import new_check_code
from rooms.store.tables.sites import DeviceCheck

TRIES = 20
"""Random codes that are tried until one is unused. Chosen. More: no effect, because few of the 10^8 codes are used. Fewer: a
result may get no code.
"""


async def keep(session: AsyncSession, figures: Mapping[str, Any], now: datetime) -> str:
    """Store a result and return its code of eight digits, which a user can read aloud without spelling.

    Expired results are deleted. At the limit, the oldest results are deleted too.
    """
    await session.execute(delete(DeviceCheck).where(DeviceCheck.made_at < _oldest(now)))
    spare = (await session.scalar(select(func.count()).select_from(DeviceCheck)) or 0) + 1 - limits.CHECKS
    if spare > 0:
        first = select(DeviceCheck.code).order_by(DeviceCheck.made_at, DeviceCheck.code).limit(spare)
        await session.execute(delete(DeviceCheck).where(DeviceCheck.code.in_(first)))
    code = await _new_code(session)
    session.add(DeviceCheck(code=code, made_at=now, figures=dict(figures)))
    await session.flush()
    return code


async def find(session: AsyncSession, code: str, now: datetime) -> DeviceCheck | None:
    found = await session.get(DeviceCheck, code)
    return found if found is not None and found.made_at >= _oldest(now) else None


def kept_until(made_at: datetime) -> datetime:
    return made_at + timedelta(days=limits.CHECK_KEPT_DAYS)


def _oldest(now: datetime) -> datetime:
    return now - timedelta(days=limits.CHECK_KEPT_DAYS)


async def _new_code(session: AsyncSession) -> str:
    """Return an unused code. Few of the 10^8 codes are in use, so the first tries find one."""
    for _ in range(TRIES):
        code = new_check_code()
        if await session.get(DeviceCheck, code) is None:
            return code
    raise AssertionError("no free code")
