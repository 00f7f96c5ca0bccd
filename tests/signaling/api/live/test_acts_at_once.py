"""Orders that act at once, also while the database is away. A desk ends when the account behind its key is switched off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from conference.ground.events import Reason
from rooms.store.database import Database
from signaling.desk.channels import Channels
from signaling.orders.doorway import Doorway
from tests.signaling.api.live.test_hosting import Held, held

__all__ = ["held"]
WAIT_S = 20


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function after which no transaction of a database succeeds."""

    async def fails(*_: Any, **__: Any) -> None:
        raise OperationalError("insert", None, OSError("away"))

    return lambda: monkeypatch.setattr(Database, "transact", fails)


async def test_mute_remove_lock_and_end_act_without_the_database(held: Held, away: Any) -> None:
    _, host, chair = await held.chair()
    guest, other = await held.guest(), await held.guest("Anh Tùng", "10.2.2.2")
    desk = held.path.replace("/host", "/desk")
    token = held.office.authenticator.sign(other.participant.grants, 600, held.time.time())
    away()
    assert (await host.post(f"{desk}/mute_all", json={})).json()["muted"] == 2
    assert guest.muted
    assert (await host.post(f"{desk}/remove", json={"identity": guest.identity})).status_code == 200
    assert guest.left() is Reason.REMOVED
    assert (await host.post(f"{desk}/lock", json={"locked": True})).status_code == 200
    assert chair.conference.machines.rules.locked
    assert (await host.post(f"{desk}/end", json={})).status_code == 200
    assert [chair.left(), other.left()] == [Reason.CONFERENCE_DELETED] * 2
    assert held.shut(token) == "ended"


async def test_the_desk_of_an_account_that_is_switched_off_ends_at_once(held: Held) -> None:
    office = held.office
    desk, _, chair = await held.chair()
    key = (await desk.post(f"/occurrences/{held.date}/moderation")).json()["key"]
    secretariat = office.secretariat
    shared, hosts = secretariat.lobbies.shared, secretariat.hosts
    around = Doorway(office.authenticator, secretariat.lobbies, shared, secretariat.live, hosts, held.time.time)
    channels = Channels(around, held.time, iter(map(str, range(9))).__next__, secretariat.about)
    grants = office.authenticator.verify(key, held.time.time())
    channel, _ = await channels.welcome(grants, None, "10.1.1.1")
    held.time.advance(1)  # the booked facts reach the document
    woken = asyncio.Event()
    channel.attach(woken.set, lambda _: None)
    assert channel.audience == "host"
    assert '"title":' in (channel.take() or "")
    watching = asyncio.create_task(channels.run())
    secretariat.live.end_account(grants.account)
    await asyncio.wait_for(woken.wait(), WAIT_S)
    watching.cancel()
    assert channel.code == 4003
    assert '"signed_out"' in (channel.take() or "")
    assert len(channels) == 0
    assert chair.left() is Reason.REMOVED
