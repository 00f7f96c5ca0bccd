"""Pushes to browsers: the guard of targets, what a push service answers, and the limit of browsers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from rooms import limits as bounds
from rooms.notices import pushes, records
from rooms.notices.records import News
from rooms.sealing import Seal
from rooms.store.database import Database
from rooms.store.tables.notices import PushSubscription
from rooms.store.tables.records import Job
from signaling.notify import limits
from signaling.notify.push import Pusher, PushKey
from signaling.notify.worker import GiveUp, Later
from tests.rooms.invited import KEY
from tests.rooms.people import SignedIn, signed_in
from tests.rooms.province import Province
from tests.signaling.notify.receiver import Receiver

SEAL, NOW = Seal(KEY), datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
VAPID = PushKey(KEY, "mailto:hop@longan.gov.vn")


@pytest.fixture
async def reader(database: Database, province: Province) -> SignedIn:
    return await signed_in(database, "secretary", province.units["tinh"], NOW)


@pytest.fixture
async def gone() -> AsyncIterator[Receiver]:
    async with Receiver(500, 201, 410) as made:
        yield made


async def told(database: Database, reader: SignedIn, at: datetime) -> list[dict[str, Any]]:
    """Write a notice, and return the jobs for pushes of this minute."""
    news = News("approved", f"at:{at.isoformat()}")
    await database.transact(lambda s: records.tell(s, [reader.account_id], news, at))
    async with database.reading() as session:
        rows = await session.scalars(select(Job).where(Job.kind == pushes.DELIVER, Job.created_at == at))
        return [one.payload for one in rows]


async def subscribed(database: Database, account: str, endpoint: str, at: datetime = NOW) -> None:
    await database.transact(lambda s: pushes.subscribe(s, SEAL, account, endpoint, at))


async def test_a_lost_browser_is_deleted_and_an_error_is_tried_again(
    database: Database, reader: SignedIn, gone: Receiver
) -> None:
    await subscribed(database, reader.account_id, gone.url)
    (payload,) = await told(database, reader, NOW)
    assert await told(database, reader, NOW + timedelta(seconds=30)) == []  # one push a minute
    pusher = Pusher(database, SEAL, VAPID, ("127.0.0.0/8",))
    with pytest.raises(Later):
        await pusher.deliver(payload, NOW)
    await pusher.deliver(payload, NOW)
    assert gone.bodies == ["", ""]
    late = NOW + timedelta(seconds=limits.PUSH_LATE_S + 1)
    await pusher.deliver(payload, late)  # too late: not sent
    await Pusher(database, SEAL, None, ("127.0.0.0/8",)).deliver(payload, NOW)  # pushes were switched off
    assert len(gone.requests) == 2
    await pusher.deliver(payload, NOW)
    async with database.reading() as session:
        assert await session.get(PushSubscription, payload["digest"]) is None
    await pusher.deliver(payload, NOW)
    assert len(gone.requests) == 3


async def test_a_push_goes_through_the_guard_of_targets(database: Database, reader: SignedIn, gone: Receiver) -> None:
    await subscribed(database, reader.account_id, gone.url)
    (payload,) = await told(database, reader, NOW)
    with pytest.raises(GiveUp, match="not a public address"):
        await Pusher(database, SEAL, VAPID).deliver(payload, NOW)
    assert gone.requests == []


async def test_an_account_has_few_browsers_and_the_last_account_of_a_browser_counts(
    database: Database, province: Province, reader: SignedIn
) -> None:
    for number in range(bounds.PUSHES_EACH + 1):
        at = NOW + timedelta(seconds=number)
        await subscribed(database, reader.account_id, f"https://push.example/{number}", at)
    other = await signed_in(database, "secretary", province.units["vp"], NOW)
    await subscribed(database, other.account_id, "https://push.example/5", NOW)
    await database.transact(partial(pushes.unsubscribe, account_id=other.account_id, endpoint="https://push.example/4"))
    async with database.reading() as session:
        rows = list(await session.scalars(select(PushSubscription)))
        assert sorted(SEAL.open(one.endpoint, f"push:{one.digest}")[-1] for one in rows) == ["1", "2", "3", "4", "5"]
        assert {one.account_id for one in rows} == {reader.account_id, other.account_id}
    assert all("push.example" not in one.endpoint for one in rows)
