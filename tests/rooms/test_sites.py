"""Sites, halls, terminals and networks on both databases; the nearest hall; merged sites."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal
from rooms.org import units
from rooms.policy.actors import COMMAND
from rooms.sites import halls, networks, places, terminals
from rooms.store.database import Database
from rooms.store.tables.sites import Network, Site
from rooms.succession import moves
from tests.rooms.province import Province

DAY = date(2026, 3, 3)


async def code_of(work: Callable[[], Awaitable[object]]) -> str:
    with pytest.raises(Refusal) as refused:
        await work()
    return refused.value.code


async def test_sites(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        fields = {"code": "s1", "name": "Điểm cầu Đức Hòa", "unit_id": province.units["xa1"], "capability": "pc"}
        made = await places.create(session, fields, COMMAND, now)
        assert made.valid_from == DAY
        assert made.search_name == "diem cau duc hoa"
        assert await code_of(lambda: places.create(session, fields, COMMAND, now)) == "code_taken"
        await places.edit(session, made.id, {"address": "Số 1"}, COMMAND, now, expected_version=1)
        assert await code_of(lambda: places.edit(session, made.id, {}, COMMAND, now, 1)) == "version_mismatch"
        own = {"nearest_site_id": made.id}
        assert await code_of(lambda: places.edit(session, made.id, own, COMMAND, now)) == "nearest_is_itself"
        for name, code in (("nearest_site_id", "unknown_site"), ("network_id", "unknown_network")):
            wrong = {name: "nowhere"}
            assert await code_of(partial(places.edit, session, made.id, wrong, COMMAND, now)) == code
        operator = province.actor("operator", "xa1")
        away = {"unit_id": province.units["xa2"]}
        assert await code_of(lambda: places.edit(session, made.id, away, operator, now)) == "denied"
        assert await places.search(session, "duc hoa") == [made]
        assert await places.search(session, "S1", day=date(2026, 3, 2)) == []
        assert made in await places.search(session, "", below=province.paths["xa1"], capability="pc")
        assert await code_of(lambda: places.edit(session, made.id, {"valid_to": DAY}, COMMAND, now)) == "dates_reversed"

    await database.transact(work)


async def test_halls(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        fields = {"code": "h1", "name": "Hội trường Đông", "site_id": province.sites["xa1"], "seats": 80}
        made = await halls.create(session, fields | {"equipment": ["recorder", "projector"]}, COMMAND, now)
        assert (made.setup_min, made.bookable) == (15, True)
        assert await code_of(lambda: halls.create(session, fields, COMMAND, now)) == "code_taken"
        assert await halls.search(session, "hoi truong dong") == [made]
        assert await halls.search(session, "diem cau xa1", seats=60, equipment=["projector"]) == [made]
        assert await halls.search(session, "", seats=60, equipment=["interpreter"]) == []
        assert [one.code for one in await halls.search(session, "", seats=61)] == ["tinh", "h1"]
        operator = province.actor("operator", "xa1")
        away = {"site_id": province.sites["khcn"]}
        assert await code_of(lambda: halls.edit(session, made.id, away, operator, now)) == "denied"
        await halls.edit(session, made.id, {"seats": 90}, operator, now, expected_version=1)
        assert await code_of(lambda: halls.edit(session, made.id, {}, operator, now, 1)) == "version_mismatch"
        assert await code_of(lambda: halls.get(session, "x")) == "unknown_hall"
        many = {"equipment": [f"e{n}" for n in range(limits.EQUIPMENT + 1)]}
        assert await code_of(lambda: halls.edit(session, made.id, many, operator, now)) == "invalid"

    await database.transact(work)


async def test_terminals(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        fields: dict[str, Any] = {"code": "t1", "name": "Codec đỏ", "site_id": province.sites["xa1"]}
        made = await terminals.create(session, fields | {"hall_id": province.halls["xa1"]}, COMMAND, now)
        assert (made.profile, made.bandwidth_kbps, made.active) == ("720p", 10_000, True)
        assert (made.protocols, made.codecs, made.encrypts, made.shows_content) == (["sip"], [], True, True)
        assert await code_of(lambda: terminals.create(session, fields, COMMAND, now)) == "code_taken"
        other = {"hall_id": province.halls["khcn"]}
        assert await code_of(lambda: terminals.edit(session, made.id, other, COMMAND, now)) == "hall_elsewhere"
        moved = {"site_id": province.sites["khcn"]}
        assert await code_of(lambda: terminals.edit(session, made.id, moved, COMMAND, now)) == "hall_elsewhere"
        await terminals.edit(session, made.id, moved | other, COMMAND, now, expected_version=1)
        assert await code_of(lambda: terminals.edit(session, made.id, {}, COMMAND, now, 1)) == "version_mismatch"
        many = {"codecs": ["h264"] * (limits.CODECS + 1)}
        unknown = ({"protocols": ["x"]}, {"codecs": ["h265"]}, {"profile": "8k"}, {"e164": "123"})
        for wrong in (many, {"sip_uri": "http://x"}, *unknown):
            assert await code_of(partial(terminals.edit, session, made.id, wrong, COMMAND, now)) == "invalid"
        await terminals.edit(session, made.id, {"protocols": ["h323"]}, COMMAND, now)
        await terminals.edit(session, made.id, {"sip_uri": "sip:12345@10.1.1.1"}, COMMAND, now)
        assert made.protocols == ["h323", "sip"], "a terminal with a SIP address is called"
        for text in ("12345", "codec", "Codec đỏ", "diem cau khcn"):
            assert made in await terminals.search(session, text)
        await terminals.edit(session, made.id, {"active": False}, COMMAND, now)
        assert made not in await terminals.search(session, "12345")
        assert await terminals.search(session, "", site_id=province.sites["khcn"], active=False) == [made]

    await database.transact(work)


async def test_networks(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        fields = {"code": "noibo", "name": "Nội bộ", "ranges": ["10.20.0.0/16", "fd00:1::/64"], "closed": True}
        made = await networks.create(session, fields, COMMAND, now)
        found = await networks.every(session)
        assert networks.closed_zone(found, "10.20.3.4") is made
        assert networks.closed_zone(found, "fd00:1::5%eth0") is made
        zone = networks.closed_zone(found, "10.21.3.4")
        assert zone is not None
        assert zone.code == "tslcd"
        assert networks.closed_zone(found, "::ffff:10.20.3.4") is made
        for outside in ("8.8.8.8", "", "x", "10.20.0.0/16", "fe80::1"):
            assert networks.closed_zone(found, outside) is None
        for ranges in (["10.0.0.1/8"], ["10.0.0.0/33"], ["::/x"], ["1"] * (limits.RANGES + 1)):
            wrong = {"ranges": ranges}
            assert await code_of(partial(networks.edit, session, made.id, wrong, COMMAND, now)) == "invalid"
        await networks.edit(session, made.id, {"closed": False}, COMMAND, now)
        assert networks.closed_zone([made], "10.20.3.4") is None
        assert await code_of(lambda: networks.create(session, fields, COMMAND, now)) == "code_taken"
        assert await code_of(lambda: networks.create(session, fields, province.actor("admin", "xa1"), now)) == "denied"
        assert await code_of(lambda: networks.get(session, "x")) == "unknown_network"

    await database.transact(work)


@pytest.mark.parametrize(
    ("range_", "wide"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("0.0.0.0/1", True),
        ("128.0.0.0/1", True),
        ("11.0.0.0/8", True),
        ("14.224.0.0/11", True),
        ("8.0.0.0/6", True),
        ("2001:ee0::/31", True),
        ("2000::/3", True),
        ("fc00::/6", True),
        ("::ffff:0:0/96", False),
        ("203.113.0.0/16", False),
        ("2001:ee0::/32", False),
        ("10.0.0.0/8", False),
        ("172.16.0.0/12", False),
        ("172.0.0.0/8", True),
        ("192.168.0.0/16", False),
        ("100.64.0.0/10", False),
        ("127.0.0.0/8", False),
        ("fd00::/8", False),
        ("fc00::/7", False),
    ],
)
def test_terminals_call_from_no_range_that_is_too_wide(range_: str, wide: bool) -> None:
    assert networks.too_wide([range_]) == [range_] * wide


async def test_the_mark_is_refused_below_a_wide_range_in_any_order(
    database: Database, province: Province, now: datetime
) -> None:
    async def work(session: AsyncSession) -> None:
        fields = {"code": "net", "name": "Internet", "ranges": ["10.0.0.0/8", "0.0.0.0/0"]}
        both = fields | {"terminals": True}
        assert await code_of(lambda: networks.create(session, both, COMMAND, now)) == "invalid"
        made = await networks.create(session, fields, COMMAND, now)
        assert made.terminals is False
        mark, wide = {"terminals": True}, {"ranges": ["::/0"]}
        assert await code_of(lambda: networks.edit(session, made.id, mark, COMMAND, now)) == "invalid"
        await networks.edit(session, made.id, {"ranges": ["10.0.0.0/8"]} | mark, COMMAND, now)
        assert await code_of(lambda: networks.edit(session, made.id, wide, COMMAND, now)) == "invalid"
        await networks.edit(session, made.id, wide | {"terminals": False}, COMMAND, now)

    await database.transact(work)


@given(st.lists(st.ip_addresses(v=4).map(lambda one: f"{one}/32"), max_size=3), st.ip_addresses(v=4))
def test_an_address_is_inside_only_the_ranges_of_its_network(ranges: list[str], address: Any) -> None:
    zone = Network(code="z", name="Z", ranges=ranges, closed=True)
    assert (networks.closed_zone([zone], str(address)) is zone) == (f"{address}/32" in ranges)


async def test_the_nearest_hall(database: Database, province: Province, now: datetime) -> None:
    async def nearest(session: AsyncSession, code: str) -> tuple[str, str]:
        found = await places.nearest(session, province.sites[code], DAY)
        assert found is not None
        return found.site.code, found.why

    async def work(session: AsyncSession) -> None:
        assert await nearest(session, "xa1") == ("xa1", "own")
        # In the tree, xa2 is equally far from every sibling. The province's own site is one step nearer.
        assert await nearest(session, "xa2") == ("tinh", "tree")
        below = await units.create(
            session,
            {"code": "d", "name": "D", "kind": "district", "tier": 2, "block": "government"}
            | {"parent_id": province.units["tinh"]},
            COMMAND,
            now,
        )
        for code in ("xa1", "xa2", "khcn"):
            await units.move(session, province.units[code], below.id, COMMAND, now)
        for code, place in (("xa1", (10.6, 106.4)), ("khcn", (10.9, 106.4)), ("xa2", (10.8, 106.4))):
            where = {"latitude": place[0], "longitude": place[1]}
            await places.edit(session, province.sites[code], where, COMMAND, now)
        assert await nearest(session, "xa2") == ("khcn", "distance")
        by_hand = {"nearest_site_id": province.sites["xa1"]}
        await places.edit(session, province.sites["xa2"], by_hand, COMMAND, now)
        assert await nearest(session, "xa2") == ("xa1", "set")
        await halls.edit(session, province.halls["xa1"], {"bookable": False}, COMMAND, now)
        assert await nearest(session, "xa2") == ("khcn", "distance")
        for code in ("tinh", "tinh-a", "khcn"):
            await halls.edit(session, province.halls[code], {"bookable": False}, COMMAND, now)
        assert await places.nearest(session, province.sites["xa2"], DAY) is None

    await database.transact(work)


POINTS = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(POINTS, POINTS)
def test_distances(one: tuple[float, float], other: tuple[float, float]) -> None:
    here, there = (Site(latitude=lat, longitude=lon) for lat, lon in (one, other))
    away = places.distance_km(here, there)
    back = places.distance_km(there, here)
    assert away is not None
    assert back is not None
    assert 0 <= away <= 20_016
    assert away == pytest.approx(back, abs=1e-3)
    assert places.distance_km(here, here) == pytest.approx(0, abs=1e-3)
    assert places.distance_km(here, Site(latitude=None, longitude=0.0)) is None


async def test_two_sites_are_merged(database: Database, province: Province, now: datetime) -> None:
    async def work(session: AsyncSession) -> None:
        values = {"code": "moi", "name": "Điểm cầu mới", "unit_id": province.units["tinh"], "capability": "hall"}
        olds = [province.sites["xa1"], province.sites["khcn"]]
        await places.edit(session, province.sites["xa2"], {"nearest_site_id": olds[0]}, COMMAND, now)
        assert (
            await code_of(lambda: moves.merge(session, olds, values, DAY, province.actor("operator", "xa1"), now))
            == "denied"
        )
        heir, moved = await moves.merge(session, olds, values, DAY, COMMAND, now)
        assert moved == {"halls": 2, "terminals": 2, "sites_closed": 2}
        assert (await halls.get(session, province.halls["xa1"])).site_id == heir.id
        assert (await places.get(session, province.sites["xa2"])).nearest_site_id == heir.id
        assert {one.code for one in await places.search(session, "", day=DAY)} == {"moi", "tinh", "vp", "yt", "xa2"}

    await database.transact(work)
