"""The part of the day between the opening and the end: the chair leads browsers and halls. Every picture and every sound is
checked at its receivers, and the record of the meeting must later tell exactly what happened.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from playwright.async_api import expect

from tests.interop import sound
from tests.interop.browsers.day import HOST_HZ, URL, Day
from tests.interop.terminals import qr
from tests.interop.terminals.fleet import Phone
from tests.interop.terminals.hallnet import Baresip, colour_of
from tests.interop.window import MIDDLE, PATIENCE_MS, Window
from tests.waiting import until

TONES = MAIN_HZ, FIRST_HZ, BUSY_HZ, WARD_HZ, _ = 430, 610, 780, 1150, HOST_HZ
WARD_COLOUR = "magenta"
WARD_NAME, FIRST_NAME, HOST_NAME = "Phường Kiến Tường", "Xã 07", "Văn thư"
BOUND_S = 90
ASK = """async ([method, path, token, body]) => {
  const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(`/api/v1${path}`, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
  return [answer.status, answer.status === 204 ? null : await answer.json()];
}"""
"""Sends a request as the user of the page, or with a token."""


DESK = """async (date) => {
  const ask = async () => (await (await fetch(`/api/v1/occurrences/${date}/moderation`, { method: 'POST' })).json()).key;
  const key = (window.deskKey ??= await ask());
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/desk`);
  const whole = await new Promise((done, failed) => {
    socket.onopen = () => socket.send(JSON.stringify({ hello: { token: key } }));
    socket.onclose = failed;
    socket.onmessage = ({ data }) => ((whole) => whole && done(whole))(JSON.parse(data).whole);
  });
  socket.close();
  return [key, whole];
}"""
"""Reads the desk document as a host who is not in the call. Returns the key of the host too."""


@dataclass
class There:
    """Three complete terminals, and two scripted phones without media."""

    main: Baresip
    first: Baresip
    busy: Baresip
    late: Phone
    added: Phone

    @property
    def complete(self) -> tuple[Baresip, Baresip, Baresip]:
        return self.main, self.first, self.busy


@dataclass
class Turn:
    """A turn to speak as its witnesses saw it: the moments between which it began, and those between which it ended."""

    who: str
    began: tuple[datetime, datetime]
    ended: tuple[datetime, datetime] | None = None

    @property
    def seconds(self) -> tuple[float, float]:
        """Return the bounds of its length."""
        assert self.ended is not None
        return (self.ended[0] - self.began[1]).total_seconds(), (self.ended[1] - self.began[0]).total_seconds()


@dataclass
class Sitting:
    """The meeting: who takes part, and what the test saw."""

    day: Day
    operator: Window
    host: Window
    ward: Window
    """The browser of an invited ward or guest, by the personal link in the mail."""
    occurrence: str
    joined: tuple[datetime, datetime]
    """The moments between which the ward joined."""
    ended: tuple[datetime, datetime] = (datetime.min, datetime.max)
    """The moments between which all were out."""
    turns: list[Turn] = field(default_factory=list)
    halls: There | None = None
    """The halls of the whole day. None in a walk with other halls."""

    @property
    def there(self) -> There:
        assert self.halls is not None
        return self.halls

    @property
    def conference(self) -> str:
        return f"o-{self.occurrence}"

    async def order(self, name: str, by: Window | None = None, unless: Collection[str] = (), **fields: Any) -> Any:
        """Give an order over the documented API, with the token of the giver's call. `unless`: expected refusals."""
        window = by or self.host
        path = f"/conferences/{self.conference}/desk/{name}"
        status, answer = await window.page.evaluate(ASK, ["POST", path, window.call_token, fields])
        assert status == 200 or answer["code"] in unless, answer
        return answer

    async def read(self, part: str) -> list[dict[str, Any]]:
        """Read a list about the date as the operator."""
        path = f"/occurrences/{self.occurrence}/{part}?limit=200"
        status, answer = await self.operator.page.evaluate(ASK, ["GET", path, "", None])
        assert status == 200, answer
        assert answer.get("next_cursor") is None
        items: list[dict[str, Any]] = answer["items"]
        return items

    async def desk(self) -> dict[str, Any]:
        """Return the desk document as a host reads it."""
        _, document = await self.host.page.evaluate(DESK, self.occurrence)
        return dict(document)

    async def legs(self) -> list[dict[str, Any]]:
        """Return the rows of the halls on the board."""
        status, answer = await self.operator.page.evaluate(
            ASK, ["GET", f"/occurrences/{self.occurrence}/legs", "", None]
        )
        assert status == 200, answer
        rows: list[dict[str, Any]] = answer
        return rows

    async def on_stage(self, called: Collection[str]) -> str:
        """Wait until the roll call has a site on stage that was not called yet, and return the site."""
        found = ""

        async def one() -> bool:
            nonlocal found
            found = (await self.desk())["roll"].get("at", "")
            return found not in ("", *called)

        await until(one, lambda: f"another site than {called} is on stage: {found}", BOUND_S)
        return found

    async def call(self, who: str) -> None:
        """Call the next speaker by one press. The turn before ends with it."""
        before = self.day.clock.now()
        asking = self.host.part("asking").first
        await expect(asking).to_contain_text(who, timeout=PATIENCE_MS)
        identity = await asking.get_attribute("data-identity")
        assert identity
        await asking.get_by_test_id("call-speaker").click()
        for window in (self.host, self.ward):
            turn = window.part("floor-turn")
            await expect(turn).to_have_attribute("data-identity", identity, timeout=PATIENCE_MS)
            await expect(turn).to_have_count(1, timeout=PATIENCE_MS)
        moment = before, self.day.clock.now()
        if self.turns and self.turns[-1].ended is None:
            self.turns[-1].ended = moment
        self.turns.append(Turn(who, moment))

    async def end_turn(self) -> None:
        before = self.day.clock.now()
        await self.host.part("end-turn").click()
        await expect(self.ward.part("floor-turn")).to_have_count(0, timeout=PATIENCE_MS)
        self.turns[-1].ended = before, self.day.clock.now()


# The steps


async def passes_the_floor(s: Sitting) -> None:
    """One microphone goes from a browser to a hall and back to another browser. All others see the speaker large, and hear the
    speaker alone.
    """
    host, ward, there = s.host, s.ward, s.there
    await host.part("chair-toggle").click()
    await host.part("chair-part-people").click()
    await expect(host.part("chair-code")).to_contain_text((await s.desk())["chair_code"], timeout=PATIENCE_MS)
    await host.part("chair-part-floor").click()
    await host.part("mode-one").click()
    await hears(there.busy, HOST_HZ)  # the microphone of the chair is never barred
    await host.part("mic-toggle").click()
    await hears(there.busy)
    await ward.page.keyboard.press("h")
    await expect(ward.part("own-place")).to_have_text("Thứ 1 trong hàng chờ", timeout=PATIENCE_MS)
    await s.call(WARD_NAME)
    await ward.part("unmute-yes").click(timeout=PATIENCE_MS)
    await hears(there.busy, WARD_HZ)
    await hall_sees_large(there.busy, ward.colour)
    await hall_sees_large(there.main, ward.colour)
    await listens(host, WARD_HZ)
    await sees_large(host, ward.colour)
    there.first.press("*5")
    await s.call(FIRST_NAME)
    await hears(there.busy, FIRST_HZ)
    await hall_sees_large(there.busy, there.first.colour)
    for window in (host, ward):
        await listens(window, FIRST_HZ)
        await sees_large(window, there.first.colour)
    await expect(ward.part("mic-toggle")).to_have_attribute("aria-pressed", "false")
    await host.page.keyboard.press("h")
    await s.call(HOST_NAME)
    await host.part("mic-toggle").click()
    await hears(there.first, HOST_HZ)
    await hall_sees_large(there.first, host.colour)
    await listens(ward, HOST_HZ)
    await sees_large(ward, host.colour)
    await s.end_turn()
    await host.part("mode-discussion").click()


async def calls_the_roll(s: Sitting) -> None:
    """Call the sites in turn. Each present hall is on the stage of all, and is heard. The absent sites are marked before."""
    terminals = {f"hall_terminal.{one['terminal_id']}": one["terminal"].lower() for one in await s.legs()}
    await s.order("roll_prepare")

    async def connected() -> set[str]:
        """Return the sites that the server sees connected: the roll call reads the signals before the first mark."""
        rows = (await s.desk())["roll_sites"]
        return {site for site, one in rows.items() if one["g"].startswith("1")}

    async def known() -> bool:
        return len(await connected()) == 6

    await until(known, "the roll call knows the five halls, and the ward by its browser", BOUND_S)
    await asyncio.to_thread(s.there.first.press, "*22#")

    async def two_delegates() -> bool:
        return {"d": 2} in (await s.desk()).get("reported", {}).values()

    await until(two_delegates, "the hall has reported two delegates", BOUND_S)
    sites, here = (await s.desk())["roll_sites"].keys(), await connected()
    assert here <= terminals.keys() <= sites, "also the hall that the operator added"
    await s.order("roll_begin")
    for site in sites - here:
        await s.order("roll_mark", site=site, presence="absent")
    called: list[str] = []
    while here - set(called):
        called.append(await s.on_stage(called))
        for terminal in s.there.complete:
            if terminals[called[-1]].endswith(terminal.name):
                await sees_large(s.ward, terminal.colour)
                other = s.there.main if terminal is s.there.first else s.there.first
                await hall_sees_large(other, terminal.colour)
                await hears(other, terminal.hz, HOST_HZ)
        await s.order("roll_mark", site=called[-1], presence="present")
        if (await s.desk())["roll"].get("at") == called[-1]:
            # The next site may follow by itself at this moment. Then this order passes over a site, which comes again later.
            await s.order("roll_next", unless=("roll_call_last", "roll_call_state"))
    roll = (await s.desk())["roll"]
    counts = roll["totals"]
    assert (roll["phase"], counts["present"], counts["absent"]) == ("done", len(here), len(sites - here))


async def takes_a_recess(s: Sitting) -> None:
    """All microphones go off, and all see the slate. One press brings everything back."""
    host, ward, there = s.host, s.ward, s.there
    await hears(there.busy, FIRST_HZ, HOST_HZ)
    await host.part("chair-part-breaks").click()
    await host.part("recess-begin").click()
    await expect(ward.part("slate-left")).to_contain_text("còn 1", timeout=PATIENCE_MS)
    await expect(host.part("mic-toggle")).to_have_attribute("aria-pressed", "false", timeout=PATIENCE_MS)
    await hears(there.busy)
    await hears(there.first)
    await hall_sees_nobody(there.first)
    await host.part("slate-end").click()
    await hears(there.busy, FIRST_HZ)
    await host.part("unmute-yes").click(timeout=PATIENCE_MS)
    await hears(there.busy, FIRST_HZ, HOST_HZ)
    await expect(ward.part("slate")).to_have_count(0)
    await until(lambda: len(colours(there.first)) >= 4, "the pictures are back", BOUND_S, in_thread=True)
    await host.part("chair-part-floor").click()


async def votes_in_secret(s: Sitting) -> None:
    """Three halls vote by their keypads, the second delegate of one hall by phone, and two people by their pages. Nobody reads a
    choice; all read the result.
    """
    vote = (await s.order("vote_prepare", title="Thông qua nghị quyết", way="secret", base="cast", phones=True))["vote"]
    await s.order("vote_open", vote=vote)
    phone = await votes_by_phone(s)
    for terminal, keys in ((s.there.main, "*11"), (s.there.first, "*12"), (s.there.busy, "*13")):
        await asyncio.to_thread(terminal.press, keys)
    for window in (s.host, s.ward):
        answer = await s.order("ballot", window, vote=vote, choices=[0])
        assert answer["said"] == "vote_recorded"
    row: dict[str, Any] = {}

    async def all_counted() -> bool:
        row.update((await s.desk())["votes"][vote])
        return row["cast"] == 6

    await until(all_counted, lambda: f"six ballots are in the box: {row}", BOUND_S)
    assert "rows" not in row, "not even a host reads who voted how"
    again = await s.order("ballot", s.ward, unless=("vote_cast_already",), vote=vote, choices=[1])
    assert again["code"] == "vote_cast_already", "a secret ballot is final"
    await s.order("vote_close", vote=vote)
    closed = (await s.desk())["votes"][vote]
    assert (closed["state"], closed["result"]["counts"], closed["result"]["adopted"]) == ("closed", [4, 1, 1], True)
    assert "rows" not in closed
    await expect(phone.part("card-ended")).to_contain_text("Phiếu đã được ghi nhận", timeout=PATIENCE_MS)
    told = str([one for one in await s.read("timeline") if one["kind"].startswith("vote")])
    assert "vote_closed" in told
    for one in s.there.complete:
        assert one.name not in told.lower(), "the timeline names no voter"


async def votes_by_phone(s: Sitting) -> Window:
    """Scan the QR code in the picture that the hall receives, and vote for it. Return the phone."""
    address = ""

    def found() -> bool:
        nonlocal address
        address = qr.read(s.there.first.picture())
        return bool(address)

    await until(found, "the hall sees a QR code", BOUND_S, in_thread=True)
    assert address.startswith(f"{URL}/phieu#"), address
    phone = await s.day.phone()
    await phone.page.goto(address)
    await phone.part("card-take").tap()
    await expect(phone.part("card-site")).to_contain_text("Xã 07 · Phiếu của bạn", timeout=PATIENCE_MS)
    await phone.part("card-option-0").tap()
    await phone.part("card-to-review").tap()
    await phone.part("card-send").tap()
    await expect(phone.part("card-recorded")).to_have_text("Đã ghi nhận phiếu kín.", timeout=PATIENCE_MS)
    assert await phone.page.evaluate("innerWidth") == 390, "nothing is wider than the phone"
    return phone


async def shares_a_second_screen(s: Sitting) -> None:
    """The host presents, then the ward. Halls and browsers see the newest screen."""
    host, ward, there = s.host, s.ward, s.there
    await host.part("share-toggle").click()
    await hall_sees_large(there.first, "cyan")
    await sees_large(ward, "cyan")
    await ward.part("share-toggle").click()
    await hall_sees_large(there.first, "orange")
    await sees_large(host, "orange")
    await ward.part("share-toggle").click()
    await hall_sees_large(there.first, "cyan")
    await host.part("share-toggle").click()
    await until(lambda: "cyan" not in colours(there.first), "nobody presents", BOUND_S, in_thread=True)


async def joins_by_the_link(day: Day, host: Window, link: str) -> Window:
    """Join as the invited ward, by the personal link in its mail. The host lets the ward in from the lobby."""
    ward = await day.page(WARD_COLOUR, WARD_HZ, "orange")
    await ward.page.goto(f"{URL}/join#k={link}")
    await ward.part("join-enter").click(timeout=PATIENCE_MS)
    await ward.part("preview-video").wait_for(timeout=PATIENCE_MS)
    await ward.part("join-button").click()
    await expect(host.part("knock-bar")).to_contain_text(WARD_NAME, timeout=PATIENCE_MS)
    await host.part("knock-admit").click()
    await ward.part("stage").wait_for(timeout=PATIENCE_MS)
    return ward


async def ends_for_all(s: Sitting) -> None:
    await s.host.part("chair-end").click()
    await s.host.part("chair-end-sure").click()
    for window in (s.host, s.ward):
        await expect(window.part("left-page")).to_contain_text("Cuộc họp đã kết thúc", timeout=PATIENCE_MS)


async def the_record_tells_what_happened(s: Sitting) -> None:
    """Attendance and speaking times equal what the test did."""
    assert await attended(s, WARD_NAME) == 7, "five halls, the host and the ward"
    timeline = await s.read("timeline")
    called = [one["on_name"] for one in timeline if one["kind"] == "call_speaker"]
    assert all(turn.who in name for turn, name in zip(s.turns, called, strict=True)), called
    kinds = [one["kind"] for one in timeline]
    order = [
        "call_speaker",
        "roll_call.began",
        "roll_call.ended",
        "recess.began",
        "recess.ended",
        "vote_opened",
        "vote_closed",
    ]
    assert [kind for kind in dict.fromkeys(kinds) if kind in order] == order


async def attended(s: Sitting, joined: str) -> int:
    """Check how long each was there and spoke, and when the one who `joined` before our eyes came. Return the number of rows."""
    rows = {one["name"]: one for one in await s.read("attendance")}
    for name, row in rows.items():
        came, left = datetime.fromisoformat(row["came_at"]), datetime.fromisoformat(row["left_at"])
        assert within(left, s.ended), row
        assert (row["stays"], row["present_s"]) == (1, pytest.approx((left - came).total_seconds(), abs=0.01)), row
        turns = [turn for turn in s.turns if turn.who in name]
        least, most = (sum(turn.seconds[at] for turn in turns) for at in (0, 1))
        assert (row["turns"], least <= row["spoken_s"] <= most) == (len(turns), True), (row, least, most)
    (own,) = (row for name, row in rows.items() if joined in name)
    assert within(datetime.fromisoformat(own["came_at"]), s.joined), own
    return len(rows)


def within(at: datetime, moments: tuple[datetime, datetime]) -> bool:
    return moments[0] <= at <= moments[1]


async def hears(terminal: Baresip, *wanted: int) -> None:
    """Wait until the terminal hears exactly these tones."""
    heard: set[int] = set()
    lengths: list[int] = []

    def right() -> bool:
        nonlocal heard
        rate, samples = terminal.hears()
        heard = sound.tones(samples, TONES, rate)
        lengths.append(samples.size)
        return heard == set(wanted)

    def fault() -> str:
        """Say whether sound still arrives: otherwise the last second is an old one."""
        new = lengths[-1] - lengths[0]
        said = [line for line in terminal.text().splitlines() if line.strip() and "efps=" not in line]
        return f"{terminal.name} hears {heard}, not {wanted}; {new} new samples\n" + "\n".join(said[-30:])

    await until(right, fault, BOUND_S, in_thread=True)


async def listens(window: Window, *wanted: int) -> None:
    """Wait until the page plays exactly these tones."""

    async def right() -> bool:
        return await window.hears(TONES) == set(wanted)

    await until(right, f"the page {window.colour} hears {wanted}", BOUND_S)


async def sees_large(window: Window, colour: str) -> None:
    """Wait until this colour is in the middle of the large picture of the page."""
    tile = window.page.locator(".main[data-testid=tile] video")
    only = f"(all) => all.length === 1 ? ({MIDDLE})(all[0]) : null"

    async def right() -> bool:
        middle: list[int] | None = await tile.evaluate_all(only)
        return middle is not None and colour_of((middle[0], middle[1], middle[2])) == colour

    await until(right, f"the page {window.colour} sees {colour} large", BOUND_S)


def points(terminal: Baresip) -> Counter[str]:
    """Count the points of each colour in the received picture."""
    found = terminal.picture()[20::40, 20::40].reshape(-1, 3).tolist()
    return Counter(name for red, green, blue in found if (name := colour_of((red, green, blue))))


def colours(terminal: Baresip) -> set[str]:
    """Return the colours in the received picture."""
    return set(points(terminal))


async def hall_sees_large(terminal: Baresip, colour: str) -> None:
    """Wait until this colour fills more than twice as much of the received picture as each other colour."""

    def right() -> bool:
        found = points(terminal)
        return found[colour] > 2 * max((count for name, count in found.items() if name != colour), default=0)

    await until(right, lambda: f"{terminal.name} sees {colour} large: {points(terminal)}", BOUND_S, in_thread=True)


async def hall_sees_nobody(terminal: Baresip) -> None:
    await until(
        lambda: not points(terminal), lambda: f"{terminal.name} sees {points(terminal)}", BOUND_S, in_thread=True
    )
