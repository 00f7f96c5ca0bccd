"""Recess, closed session, roll call and the stop for secret content, with two hall terminals and a browser's client, over the
real packet plane and mixer. Every check is at a receiver.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from livekit import api, rtc

from tests.interop.browsers.test_halls_and_browsers import SECURE, There
from tests.interop.halls.test_chair import A_HZ, ANN_HZ, B_HZ, HALL_A, HALL_B, hall, hears, muted, order
from tests.interop.person import mute
from tests.interop.terminals.quirks import Terminal
from tests.interop.terminals.test_quirks_server import serve
from tests.security.test_every_leg import desk_of
from tests.signaling.desk.desk_client import DeskClient
from tests.waiting import until


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


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


async def test_breaks_and_the_roll_call_reach_every_leg(there: There) -> None:
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

        order(there, "secret_stop")
        await until(lambda: any(name == "disconnected" for name, _ in ann.events), "the browser is out at once")
        assert not a.ended.is_set(), "halls hear a sentence first"
        await until(lambda: a.ended.is_set() and b.ended.is_set(), "then they get BYE")
