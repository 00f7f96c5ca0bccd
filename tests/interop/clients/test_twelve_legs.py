"""The server is killed in a chaired meeting of twelve legs: four halls and eight browsers' clients. One of them has the floor,
others wait in the queue, the roll call stands at a site, a secret vote has some ballots. All of it is there again, and all legs
return.

The server is a real process with a real database file. It calls the halls again; the clients return by themselves. While no
server runs, the path to the server keeps their connections waiting, as a load balancer does. So the times are those of the
server, without the backoff of a library. `tests/bench/returns/again.py` measures our page at a port that refuses.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import LiveServer, start_server
from tests.interop.person import Person, token
from tests.interop.proxy import Proxy
from tests.interop.terminals import hallnet
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.hallnet import Booked
from tests.ports import free_port
from tests.running.runs import LONG_RUN
from tests.security.test_every_leg import desk_of
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.longer, pytest.mark.timeout(1800 if LONG_RUN else 300)]

KEY, SECRET, HOST = "twelve", "t" * 32, "127.0.0.1"
KILLS = 20 if LONG_RUN else 1
NAMES = FIRST, CHAIR, AN, BINH, CUONG, DUNG, GIANG, HOA = tuple(
    f"browser.{name}" for name in ("khanh", "thu", "an", "binh", "cuong", "dung", "giang", "hoa")
)
"""FIRST comes first and chairs at first, then gives the chair to CHAIR."""
HALLS = tuple(f"hall-{place}" for place in range(4))
SITES = (*(f"hall_terminal.{name}" for name in HALLS), *NAMES)
BACK_S = 90.0
"""Seconds until all legs must be back. Chosen. Larger: a failure shows late. Smaller: the test fails on a busy machine."""


@dataclass
class Away:
    """The seconds from a kill to the return of each leg."""

    browsers: list[float] = field(default_factory=list)
    halls: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"browsers {shown(self.browsers)}; halls {shown(self.halls)}"


def shown(values: list[float]) -> str:
    ordered = sorted(values)
    return f"p50 {ordered[len(ordered) // 2]:.2f} s, p99 {ordered[len(ordered) * 99 // 100]:.2f} s ({len(ordered)})"


class Sitting:
    """The meeting, its legs, and the server that runs now."""

    def __init__(self, folder: Path, booked: Booked) -> None:
        self.folder, self.booked = folder, booked
        self.conference = f"o-{self.booked.occurrence}"
        self.sip = free_port()
        self.server: LiveServer
        self.people: dict[str, Person] = {}
        self.phones: list[Phone] = []
        self.back_at: dict[str, float] = {}
        """The monotonic time of each client's last return."""
        self.vote = ""

    async def start(self) -> None:
        own = {"DIEMCAU_API_KEY": KEY, "DIEMCAU_API_SECRET": SECRET, "DIEMCAU_SIP_HOST": HOST}
        own |= {"DIEMCAU_SIP_UDP_PORT": str(self.sip), "DIEMCAU_SIP_TCP_PORT": str(self.sip)}
        own |= {"DIEMCAU_SIP_TLS_PORT": "-1"} | ({"LC_ALL": "C.UTF-8"} if LONG_RUN else {})  # a start as in a service
        self.server = await asyncio.to_thread(start_server, self.folder / "data", "--halls", **own)

    def token(self, name: str) -> str:
        return token(KEY, SECRET, name, self.conference, room_admin=name in (FIRST, CHAIR))

    async def ask(self, who: str, order: str, **fields: Any) -> httpx.Response:
        async with httpx.AsyncClient(timeout=60) as client:
            address = f"{self.server.url}/api/v1/conferences/{self.conference}/desk/{order}"
            return await client.post(address, json=fields, headers={"authorization": f"Bearer {self.token(who)}"})

    async def order(self, who: str, order: str, **fields: Any) -> Any:
        answer = await self.ask(who, order, **fields)
        assert answer.status_code == 200, (order, answer.text)
        return answer.json()

    async def desk(self) -> dict[str, Any]:
        """Return the desk document as a host reads it."""
        async with desk_of(self.server.ws_url, self.token(CHAIR)) as desk:
            await desk.until(lambda: desk.state)
            return desk.state

    def rows(self, query: str) -> list[Any]:
        """Read the database file of the server, as an auditor would."""
        connection = sqlite3.connect(f"file:{self.folder / 'data' / 'diemcau.sqlite'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def stays(self, condition: str) -> list[str]:
        """Return the identities of the stored stays."""
        return [one[0] for one in self.rows(f"SELECT identity FROM attendance WHERE {condition} ORDER BY identity")]

    async def join(self, proxy: Proxy, stack: AsyncExitStack) -> None:
        for place, name in enumerate(HALLS):
            phone = Phone(name, self.booked.passwords[name], f"127.0.2.{place + 1}", (HOST, self.sip))
            self.phones.append(await stack.enter_async_context(phone))
            await phone.register()
        for name in NAMES:
            person = self.people[name] = Person(proxy.url, self.token(name), takes=())
            await stack.enter_async_context(person)
            person.room.on("reconnected", lambda name=name: self.back_at.update({name: time.monotonic()}))
        await until(lambda: all(one.stands for one in self.phones), "the server has called all halls", BACK_S)

    async def kill(self, proxy: Proxy, away: Away) -> None:
        """Kill the server, start it again with its data, and wait until all legs are back."""
        killed_at = time.monotonic()
        proxy.cut()
        await asyncio.to_thread(self.server.stop, signal.SIGKILL)
        await self.start()
        proxy.lead_to(self.server.port)
        proxy.mend()
        await until(lambda: all(self.back_at.get(one, 0) > killed_at for one in NAMES), "all clients return", BACK_S)
        await until(lambda: all(has(one, killed_at) for one in self.phones), "all halls are called again", BACK_S)
        away.browsers += [self.back_at[one] - killed_at for one in NAMES]
        away.halls += [one.stood_at[-1] - killed_at for one in self.phones]


def has(phone: Phone, since: float) -> bool:
    return phone.stands and phone.stood_at[-1] > since


@pytest.fixture
def booked(tmp_path: Path) -> Booked:
    return hallnet.prepare(tmp_path, HALLS, ("127.0.0.0/8",), lobby=False, connect="call")


@asynccontextmanager
async def sitting(folder: Path, booked: Booked) -> AsyncIterator[tuple[Sitting, Proxy]]:
    made = Sitting(folder, booked)
    await made.start()
    try:
        async with Proxy(made.server.port) as proxy, AsyncExitStack() as stack:
            await made.join(proxy, stack)
            yield made, proxy
    finally:
        made.server.stop()


# What a restart must keep


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the desk document that a restart keeps."""
    roll, floor, queue, people = (document[name] for name in ("roll", "floor", "queue", "people"))
    return {
        "people": {identity: one.get("r") for identity, one in sorted(people.items())},
        "chair": document["chair"],
        "floor": [floor["mode"], floor["turns"], floor.get("budgets")],
        "queue": [
            (one, queue[one].get("k"), people[one]["h"]) for one in sorted(queue, key=lambda one: queue[one]["o"])
        ],
        "rules": document.get("rules"),
        "roll call": [roll[name] for name in ("phase", "run", "at", "plate", "began_at", "totals")],
        "marks": {
            site: [row.get(name) for name in ("o", "n", "d", "p", "at", "by")]
            for site, row in document["roll_sites"].items()
        },
        "delegates": document["reported"],
        "votes": document["votes"],
    }


async def begins(s: Sitting) -> None:
    """Give the chair to CHAIR, and bring the meeting into the state that must survive."""
    await s.order(FIRST, "hand_over", identity=CHAIR)
    await s.order(CHAIR, "appoint", identity=HOA, role="secretary")
    await s.order(CHAIR, "set_floor_mode", mode="one")
    await s.order(CHAIR, "set_budget", delegation=AN, budget_s=900)
    await s.order(CHAIR, "set_rules", entry_muted=True, share_off="guests")
    for name in (AN, BINH, CUONG):
        await s.order(name, "ask_floor")
    await s.phones[0].press("*5")
    await until(lambda: queue_has(s, SITES[0]), "the hall is in the queue")
    await s.order(DUNG, "ask_floor", kind="order")
    sites = [{"id": one, "name": f"Điểm cầu {place}"} for place, one in enumerate(SITES)]
    await s.order(CHAIR, "roll_prepare", sites=sites)
    await s.phones[1].press("*215#")
    await s.order(AN, "report_delegates", delegates=7, head="Trần Thị Bình", deputies=["Lê Văn Cường"])
    await until(lambda: reported(s, SITES[1]), "the hall has reported its delegates")
    await s.order(CHAIR, "roll_begin")


async def queue_has(s: Sitting, identity: str) -> bool:
    return identity in (await s.desk()).get("queue", {})


async def reported(s: Sitting, site: str) -> bool:
    return (await s.desk())["reported"].get(site) == {"d": 15}


async def goes_on(s: Sitting, turn: int) -> list[int]:
    """Mark the site on stage, open a secret vote with ballots of two people and a hall, and call the next speaker. Return the
    counts of the ballots.
    """
    roll = (await s.desk())["roll"]
    if roll["totals"]["present"] + roll["totals"]["absent"] == len(SITES) - 1:
        await s.order(CHAIR, "roll_end")
        await s.order(CHAIR, "roll_prepare", sites=[{"id": one, "name": one} for one in SITES])
        await s.order(CHAIR, "roll_begin")
        roll = (await s.desk())["roll"]
    await s.order(CHAIR, "roll_mark", site=roll["at"], presence="absent" if turn % 3 == 2 else "present")
    await s.order(CHAIR, "roll_next")
    s.vote = (await s.order(CHAIR, "vote_prepare", title=f"Nghị quyết {turn}", way="secret", base="cast"))["vote"]
    await s.order(CHAIR, "vote_open", vote=s.vote)
    for name, choice in ((AN, 0), (BINH, 1)):
        await s.order(name, "ballot", vote=s.vote, choices=[choice])
    await s.phones[2].press("*11")
    await until(lambda: cast(s, 3), "three ballots are in the box")
    queue = (await s.desk())["queue"]
    speaker = min(queue, key=lambda one: queue[one]["o"])
    await s.order(CHAIR, "call_speaker", identity=speaker, time_s=600)
    here = f"SELECT 1 FROM speaking_turn WHERE identity = '{speaker}' AND ended_at IS NULL"
    await until(lambda: s.rows(here), "the turn is stored")
    return [2, 1, 0]


async def cast(s: Sitting, count: int) -> bool:
    return bool((await s.desk())["votes"][s.vote]["cast"] == count)


async def same(s: Sitting, before: dict[str, Any]) -> None:
    """Check that the desk shows what it showed before the kill."""
    after: dict[str, Any] = {}

    async def complete() -> bool:
        after.clear()
        after.update(kept(await s.desk()))
        return after["people"].keys() == before["people"].keys() and after["chair"] == before["chair"]

    await until(complete, lambda: f"all are there under the same identities: {after}, not {before}")
    for part, value in before.items():
        assert after[part] == value, part
    await until(lambda: s.stays("left_at IS NULL") == sorted(SITES), "all are in the attendance again")
    (speaker,) = before["floor"][1]
    turns = s.rows(f"SELECT began_at FROM speaking_turn WHERE identity = '{speaker['id']}' AND ended_at IS NULL")
    assert len(turns) == 1, "it is the turn from before the kill"


async def orders_still_count(s: Sitting, counts: list[int], speaker: str) -> None:
    """A second ballot of a voter is refused, the others vote, and the result has each ballot once. The rights are as before."""
    again = await s.ask(AN, "ballot", vote=s.vote, choices=[1])
    assert again.json()["code"] == "vote_cast_already"
    await s.phones[2].press("*12")  # the second ballot of the hall
    await s.phones[3].press("*12")
    await s.order(GIANG, "ballot", vote=s.vote, choices=[2])
    await until(lambda: cast(s, 5), "five ballots are in the box")
    for name in (FIRST, AN):
        assert (await s.ask(name, "hand_over", identity=name)).status_code == 403, "the chair is not theirs"
    await s.order(CHAIR, "vote_close", vote=s.vote)
    counts = [one + more for one, more in zip(counts, (0, 1, 1), strict=True)]
    assert (await s.desk())["votes"][s.vote]["result"]["counts"] == counts
    await s.order(CHAIR, "end_turn", identity=speaker)
    if speaker.startswith("hall_terminal"):
        await next(one for one in s.phones if speaker.endswith(one.name)).press("*5")
    else:
        await s.order(speaker, "ask_floor")
    await until(lambda: queue_has(s, speaker), "the last speaker waits again")


# A kill while orders are on their way


@dataclass
class Sent:
    """An order that was on its way at the kill. `answered_at` (monotonic seconds): None: the server died before its answer."""

    who: str
    order: str
    fields: dict[str, Any]
    sent_at: float = 0.0
    answered_at: float | None = None

    async def give(self, s: Sitting) -> None:
        self.sent_at = time.monotonic()
        try:
            await s.order(self.who, self.order, **self.fields)
        except httpx.TransportError:
            return
        self.answered_at = time.monotonic()


async def is_killed_amid_orders(s: Sitting, proxy: Proxy, away: Away) -> None:
    """Kill the server while ballots, marks and hands arrive. What was answered is there. The rest is there once or not at all."""
    await s.order(CHAIR, "roll_end")
    await s.order(CHAIR, "roll_prepare", sites=[{"id": one, "name": one} for one in SITES])
    await s.order(CHAIR, "roll_begin")
    s.vote = (await s.order(CHAIR, "vote_prepare", title="Đang gửi", way="secret", base="cast"))["vote"]
    await s.order(CHAIR, "vote_open", vote=s.vote)
    marks = [Sent(CHAIR, "roll_mark", {"site": one, "presence": "present"}) for one in NAMES]
    ballots = [Sent(one, "ballot", {"vote": s.vote, "choices": [0]}) for one in NAMES]
    hands = [Sent(one, "ask_floor", {}) for one in (FIRST, GIANG, HOA)]
    before, rules = marked(s), (await s.desk())["rules"]
    assert (rules["entry_muted"], rules["share_off"]) == (True, "guests")

    async def one_after_another(orders: list[Sent]) -> None:
        for one in orders:
            await one.give(s)

    async with asyncio.TaskGroup() as given:
        given.create_task(one_after_another(marks))
        for one in (*hands, *ballots):
            given.create_task(one.give(s))
        while not all(any(one.answered_at for one in orders) for orders in (marks, ballots)):
            await asyncio.sleep(0)
        proxy.cut()
        s.server.process.send_signal(signal.SIGKILL)
    assert any(one.answered_at is None for one in (*marks, *ballots)), "some orders were cut"
    await s.kill(proxy, away)
    desk = await s.desk()
    for one in marks:
        site = one.fields["site"]
        there, noted = desk["roll_sites"][site].get("p") == "present", marked(s)[site] - before[site]
        assert (there or not one.answered_at, noted) == (True, int(there)), (one, noted)
    stored = [one.sent_at for one in marks if one.answered_at]
    for one in hands:  # a hand acts at once, and is stored before what is stored later
        must = one.answered_at is not None and any(one.answered_at < at for at in stored)
        assert one.who in desk["queue"] or not must, (one, stored, desk["queue"])
    assert len({one["o"] for one in desk["queue"].values()}) == len(desk["queue"])
    assert desk["rules"] == rules
    await each_ballot_counts_once(s, ballots)


def marked(s: Sitting) -> Counter[str]:
    """Return how often the record has a mark of each site."""
    return Counter(one[0] for one in s.rows("SELECT on_id FROM meeting_event WHERE kind = 'roll_call.marked'"))


async def each_ballot_counts_once(s: Sitting, ballots: list[Sent]) -> None:
    """All vote again, and otherwise. Whose ballot was answered is refused; of the others one of both ballots counts."""
    again = {one.who: await s.ask(one.who, "ballot", vote=s.vote, choices=[1]) for one in ballots}
    counted = [who for who, answer in again.items() if answer.status_code != 200]
    assert {again[who].json()["code"] for who in counted} == {"vote_cast_already"}
    assert {one.who for one in ballots if one.answered_at} <= set(counted)
    await s.order(CHAIR, "vote_close", vote=s.vote)
    result = (await s.desk())["votes"][s.vote]["result"]
    assert result["counts"] == [len(counted), len(ballots) - len(counted), 0]


async def calls_an_absent_site(s: Sitting) -> None:
    """A hall was hung up. It is absent in the roll call of the invited sites, and the server calls it again by one order."""
    await s.order(CHAIR, "remove", identity=SITES[3])
    await until(lambda: not s.phones[3].stands, "the hall is out")
    await s.order(CHAIR, "roll_end")
    await s.order(CHAIR, "roll_prepare")
    assert set(SITES[:4]) <= (await s.desk())["roll_sites"].keys(), "the list has the halls of the booking"
    await s.order(CHAIR, "roll_begin")
    await s.order(CHAIR, "roll_mark", site=SITES[3], presence="absent")
    assert (await s.order(CHAIR, "roll_call_again"))["called"] == 1
    await until(lambda: s.phones[3].stands, "the hall was called", BACK_S)


async def test_twelve_legs_and_the_meeting_return_after_a_kill(tmp_path: Path, booked: Booked) -> None:
    away = Away()
    async with sitting(tmp_path, booked) as (s, proxy):
        await begins(s)
        for turn in range(KILLS):
            counts = await goes_on(s, turn)
            before = kept(await s.desk())
            await s.kill(proxy, away)
            await same(s, before)
            await orders_still_count(s, counts, before["floor"][1][0]["id"])
        assert before["floor"][2] == {AN: 900}, "the budget was kept"
        await is_killed_amid_orders(s, proxy, away)
        await calls_an_absent_site(s)
        assert not [what for one in s.phones for what in one.doubled]
        assert s.stays("reason = 'lost'") == sorted(SITES * (KILLS + 1))
        out = [event for one in s.people.values() for event in one.events if event[0] == "disconnected"]
        assert not out
    print(f"killed {KILLS + 1} times with 12 legs, away since the kill: {away}")
