"""The list of notices, the board that wakes open pages, and its limits."""

from __future__ import annotations

import pytest

from rooms.errors import Refusal
from rooms.notices import records
from rooms.notices.records import News
from signaling.api.ground.notices import NoticeBoard
from signaling.host import limits
from tests.signaling.api.office import Office


async def told(office: Office, account: str, key: str) -> None:
    await office.database.transact(lambda s: records.tell(s, [account], News("approved", key), office.now))


async def test_a_notice_of_another_process_wakes_the_pages_of_its_account_only(office: Office) -> None:
    client = await office.client("secretary")
    account, other = (await client.get("/session")).json()["me"]["account_id"], "somebody"
    board = NoticeBoard(office.database, office.secretariat.clock)  # as in another process on the same database
    with board.watching(account) as own, board.watching(other) as foreign:
        await told(office, account, "first")
        await board.look()
        assert (own.is_set(), foreign.is_set()) == (True, False)
        own.clear()
        await board.look()
        assert not own.is_set()
        page = (await client.get("/notices", params={"unread": True})).json()
        assert [one["read"] for one in page["items"]] == [False]
        office.pass_minutes(0.1)
        read = await client.put("/notices/read", json={"ids": [page["items"][0]["id"]]})
        assert read.json() == {"unread": 0, "waiting": 0}
        await board.look()
        assert own.is_set()  # another device of the user shows the new number


async def test_the_open_pages_are_limited(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NOTICE_PAGES_EACH", 1)
    monkeypatch.setattr(limits, "NOTICE_PAGES", 2)
    board = office.secretariat.notices
    with board.watching("one"):
        with pytest.raises(Refusal) as refused, board.watching("one"):
            pass
        assert refused.value.code == "too_many_requests"
        with board.watching("two"), pytest.raises(Refusal), board.watching("three"):
            pass
    with board.watching("three"):
        pass


async def test_the_list_has_pages_and_each_account_reads_its_own(office: Office) -> None:
    client = await office.client("secretary")
    account = (await client.get("/session")).json()["me"]["account_id"]
    for number in range(3):
        await told(office, account, f"notice {number}")
        office.pass_minutes(1)
    first = (await client.get("/notices", params={"limit": 2})).json()
    rest = (await client.get("/notices", params={"limit": 2, "cursor": first["next"]})).json()
    times = [one["at"] for one in first["items"] + rest["items"]]
    assert (len(times), times, rest["next"]) == (3, sorted(times, reverse=True), None)
    stranger = await office.client("secretary", "vp")
    await stranger.put("/notices/read", json={"ids": [one["id"] for one in first["items"]]})
    assert (await stranger.get("/notices")).json()["items"] == []
    assert len((await client.get("/notices", params={"unread": True})).json()["items"]) == 3
