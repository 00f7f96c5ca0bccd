"""Recess, closed session, roll call, secret vote and the stop for secret content, with two hall terminals and a browser's client,
over the real packet plane and mixer. Every check is at a receiver, or in what the server writes.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from livekit import api, rtc

from conference.chair.voting import box as boxes
from rooms.policy.bearers import bearer
from signaling.meetings.ballot_keys import BallotKeys
from tests.conftest import ROOT
from tests.interop.browsers.test_halls_and_browsers import SECURE, There
from tests.interop.halls.test_chair import A_HZ, ANN_HZ, B_HZ, HALL_A, HALL_B, hall, hears, muted, order
from tests.interop.person import mute, token
from tests.interop.terminals.quirks import Terminal
from tests.interop.terminals.test_quirks_server import serve
from tests.security.test_every_leg import desk_of
from tests.signaling.desk.desk_client import DeskClient
from tests.signaling.meetings.test_ballot_keys import boxes_in
from tests.signaling.notify.receiver import Receiver
from tests.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")  # the loop of the receiver
ANN = "browser.ann"
QUESTION = "Oscar 7395"
AGAINST, ABSTAIN = 1, 2
KEYS = re.compile(r"\*1[123]|\b(?:signal|key|digit|dtmf|phím)s?[:= ]{1,3}[0-9*#]", re.IGNORECASE)
"""A choice as a hall dials it, or one key of it."""
BALLOT = re.compile(
    r'(?=\b(hall_terminal\.hall-[ab]|browser\.ann)\\?"(?:\s*:\s*([124])\b|[^}]{0,200}?\[\s*([0-2])\s*\]))'
)
"""Who voted, and how: the forms of a ballot by name. A row has the identity and a mask of bits, an event has a list of one."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture(scope="module")
def there(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory, DIEMCAU_LOG_LEVEL="debug", DIEMCAU_WEBHOOK_URLS=receiver.url)


async def heard_again(terminal: Terminal, expected: set[int], why: str) -> None:
    """Wait until a whole second of new sound has exactly these tones."""
    terminal.heard.clear()
    await until(lambda: len(terminal.heard) >= 8000 and hears(terminal) == expected, why)


def operator_key(there: There) -> api.AccessToken:
    """Return the token of a program with the server's key."""
    grants = api.VideoGrants(room=f"o-{there.booked.occurrence}", room_admin=True, room_create=True)
    return api.AccessToken(there.server.api_key, there.server.api_secret).with_identity("tong-dai").with_grants(grants)


def signals(desk: DeskClient, site: str) -> tuple[str, str]:
    """Return the signals of a site before the roll call, and the mark that they suggest."""
    row = desk.state.get("roll_sites", {}).get(site, {})
    return row.get("g", ""), row.get("e", "")


async def test_a_program_with_a_key_is_named_in_the_record(there: There) -> None:
    """Every order of the server API is an operator's, and the timeline of the date names the key."""
    name, key = f"o-{there.booked.occurrence}", operator_key(there)

    def call(method: str, **fields: Any) -> int:
        url = f"{there.server.url}/twirp/livekit.RoomService/{method}"
        bearer = {"authorization": f"Bearer {key.to_jwt()}"}
        return httpx.post(url, json={"room": name, **fields}, headers=bearer, timeout=30, verify=SECURE).status_code

    async with there.person("ann") as ann, there.person("ben") as ben:
        microphone = await ann.speak(ANN_HZ)
        assert call("MutePublishedTrack", identity=ann.identity, track_sid=microphone.sid, muted=True) == 200
        await until(lambda: microphone.muted, "the client knows")
        assert call("UpdateParticipant", identity=ben.identity, name="Nguyễn Văn Bền") == 200
        await until(
            lambda: ann.room.remote_participants[ben.identity].name == "Nguyễn Văn Bền", "the other client knows"
        )
        assert call("UpdateParticipant", identity=ben.identity, metadata="no change of the person") == 200
        assert call("RemoveParticipant", identity=ben.identity) == 200
        await until(lambda: not ben.room.isconnected(), "the other is out")
        assert call("DeleteRoom") == 200
        await until(lambda: not ann.room.isconnected(), "the meeting has ended")
    wanted = [("mute_one", "browser.ann"), ("change_person", "browser.ben"), ("remove", "browser.ben"), ("end", "")]
    told: list[Any] = []

    def recorded() -> bool:
        items = there.ask("GET", f"/occurrences/{there.booked.occurrence}/timeline").json()["items"]
        told[:] = [one for one in items if one.get("by_name") == "tong-dai"]
        return [(one["kind"], one.get("on_id", "")) for one in told] == wanted

    await until(recorded, lambda: f"the record names the key: {told}")
    assert {one["way"] for one in told} == {"api"}


def ballots_in(text: str) -> set[tuple[str, int]]:
    """Return who is joined with which choice in a text."""
    return {(who, int(mask).bit_length() - 1 if mask else int(at)) for who, mask, at in BALLOT.findall(text)}


def back_up(data: Path, to: Path) -> None:
    """Make a backup while the server runs, as an operator does. Without a lock it is a copy of the database."""
    line = [sys.executable, "-m", "signaling", "db", "backup", str(to), "--data-dir", str(data)]
    subprocess.run(line, check=True, capture_output=True, cwd=ROOT)


def files(folder: Path) -> str:
    """Return all bytes below a folder, with the log and the free pages of a database: one character for each byte."""
    return "".join(one.read_bytes().decode("latin-1") for one in sorted(folder.rglob("*")) if one.is_file())


def cells(database: Path) -> str:
    """Return the texts in all rows of a database. The bytes of its pages could have the digits of a key by chance."""
    with closing(sqlite3.connect(database)) as opened:
        tables = [name for (name,) in opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for name in tables for row in opened.execute(f'SELECT * FROM "{name}"')]
    return "\n".join(str(cell) for row in rows for cell in row if not isinstance(cell, bytes))


async def votes_by_keys(there: There, a: Terminal, b: Terminal, backup: Path) -> dict[str, str]:
    """Let A give a ballot by name. Then A and B give a secret ballot by their keys, and the client by REST. An operator makes a
    backup before the last ballot. Return what those who lead and the client heard.
    """
    server, date = there.server, f"o-{there.booked.occurrence}"
    jwt = token(server.api_key, server.api_secret, ANN, date)
    sites = (HALL_A, HALL_B, ANN, "browser.bao", "browser.chi")

    async def row(desk: DeskClient, **facts: Any) -> None:
        await desk.until(lambda: facts.items() <= desk.state.get("votes", {}).get(vote, {}).items())

    async with desk_of(server.ws_url, operator_key(there).to_jwt()) as host, desk_of(server.ws_url, jwt) as member:
        vote = order(there, "vote_prepare", title="Ghi tên")["vote"]
        order(there, "vote_open", vote=vote)
        await a.press("*13", by="packets")
        await row(host, cast=1)
        order(there, "vote_close", vote=vote)
        vote = order(there, "vote_prepare", title=QUESTION, way="secret")["vote"]
        order(there, "vote_open", vote=vote, expected=[{"identity": one, "name": one} for one in sites])
        await a.press("*11", by="packets")
        await row(host, cast=1)
        url = f"{server.url}/api/v1/conferences/{date}/desk/ballot"
        ballot = {"vote": vote, "choices": [AGAINST]}
        async with httpx.AsyncClient(verify=SECURE, timeout=30) as web:
            given = await web.post(url, json=ballot, headers={"authorization": f"Bearer {jwt}"})
        assert given.json()["said"] == "vote_recorded"
        await row(host, cast=2)
        keys = BallotKeys.open(server.data_dir, 0).held(date)
        await asyncio.to_thread(back_up, server.data_dir, backup)
        (box,) = boxes_in(files(backup).encode("latin-1"))
        names = sorted(map(bearer, sites))
        opened = boxes.unseal(box, vote, names, receipts=False, keys=keys)
        assert opened is not None
        assert opened.box.voted == {HALL_A, ANN}
        await b.press("*12", by="info")
        await row(member, cast=3)
        order(there, "vote_close", vote=vote)
        for desk in (host, member):
            await row(desk, state="closed")
        left = BallotKeys.open(server.data_dir, 0).held(date)
        assert boxes.unseal(box, vote, names, receipts=False, keys=left) is None, "nobody opens the backup afterwards"
        return {name: json.dumps(desk.said) for name, desk in (("host", host), ("member", member))}


async def searched(there: There, backup: Path, heard: dict[str, str], receiver: Receiver) -> None:
    """Search for the secret ballots. The ballot by name shows that the search finds what there is."""
    data, date = there.server.data_dir, there.booked.occurrence

    def timeline() -> str:
        return there.ask("GET", f"/occurrences/{date}/timeline").text

    await until(lambda: timeline().count("vote_closed") >= 2, lambda: f"the record has both votes: {timeline()}", 10)
    texts = {
        "log": "".join(there.server.output),
        "trace of A": there.trace("hall-a"),
        "trace of B": there.trace("hall-b"),
        "webhooks": "".join(receiver.bodies),
        "timeline": timeline(),
    }
    stores = heard | {
        "rows": cells(data / "diemcau.sqlite"),
        "rows of the backup": cells(backup / "database.sqlite"),
        "files": files(data),
        "files of the backup": files(backup),
    }
    for where, text in stores.items():
        assert (where, ballots_in(text)) == (where, {(HALL_A, ABSTAIN)}), "the ballot by name, and no other"
        assert QUESTION in text, where
    for where, text in texts.items():
        assert (where, ballots_in(text)) == (where, set())
    for where, text in (texts | stores).items():
        if "files" not in where:  # their bytes are in `rows`, and the pages of a database can have two digits by chance
            assert (where, KEYS.findall(text)) == (where, [])
    assert "debug   executing" in texts["log"]
    assert texts["trace of B"].count("[phím/key]") == 3, "the trace has the keys of B, without the digits"
    assert "hall-a" in texts["trace of A"]
    assert HALL_A in texts["webhooks"]
    assert QUESTION in texts["timeline"]
    assert HALL_A in texts["timeline"]
    assert [KEYS.search(one) is not None for one in ("*12", "Signal=1", "key 1")] == [True, True, True]


async def test_breaks_and_the_roll_call_reach_every_leg(there: There, receiver: Receiver, tmp_path: Path) -> None:
    a, b = hall(there, "hall-a", A_HZ), hall(there, "hall-b", B_HZ)
    async with there.person("ann") as ann, a, b:
        microphone = await ann.speak(ANN_HZ)
        assert await there.dial(a) == 200
        assert await there.dial(b) == 200
        await heard_again(a, {ANN_HZ, B_HZ}, "in a discussion hall A hears both")

        order(there, "recess", until=round(time.time() * 1000) + 600_000)
        assert muted(there, "hall-a")
        assert muted(there, "hall-b")
        await heard_again(a, set(), "nobody is heard in a recess")
        mute(microphone, False)  # a foreign client that knows no recess
        await until(lambda: microphone.muted, "the server refuses the unmute")
        order(there, "recess_end")
        assert not muted(there, "hall-a")
        mute(microphone, False)
        await heard_again(a, {ANN_HZ, B_HZ}, "after the recess all is as before")

        order(there, "closed_session", out=[HALL_B])
        await until(lambda: ann.publication(HALL_B, rtc.TrackKind.KIND_AUDIO) is None, "the browser gets no hall B")
        await heard_again(a, {ANN_HZ}, "hall A does not hear hall B")
        b.heard.clear()
        await until(lambda: ann.ear(HALL_A).hears(A_HZ), "the session goes on inside")
        assert not b.heard, "hall B gets no sound at all"
        order(there, "closed_session_end")
        await heard_again(b, {ANN_HZ, A_HZ}, "hall B hears the meeting again")
        await heard_again(a, {ANN_HZ, B_HZ}, "and is heard again")

        sites = [{"id": HALL_A, "name": "Hội trường A"}, {"id": HALL_B, "name": "Hội trường B"}]
        order(there, "roll_prepare", sites=sites)
        async with desk_of(there.server.ws_url, operator_key(there).to_jwt()) as desk:
            # connected, and heard for three seconds; a picture of one colour, as of a closed lens
            await desk.until(lambda: {signals(desk, one) for one in (HALL_A, HALL_B)} == {("11b", "fault")})
        order(there, "roll_begin")
        await until(lambda: there.row("hall-a")["on_stage"], "the first site is large")
        order(there, "roll_mark", site=HALL_A, presence="present")
        order(there, "roll_next")
        await until(lambda: there.row("hall-b")["on_stage"], "the second site is large")
        order(there, "roll_end")

        heard = await votes_by_keys(there, a, b, tmp_path / "backup")
        await searched(there, tmp_path / "backup", heard, receiver)

        order(there, "secret_stop")
        await until(lambda: any(name == "disconnected" for name, _ in ann.events), "the browser is out at once")
        assert not a.ended.is_set(), "halls hear a sentence first"
        await until(lambda: a.ended.is_set() and b.ended.is_set(), "then they get BYE")
