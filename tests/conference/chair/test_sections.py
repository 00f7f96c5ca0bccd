"""The sections `meeting` and `people` of the desk document, from the joins and acts of participants."""

from __future__ import annotations

import json
from typing import Any

from conference import Conference, Passage, marks
from conference.ground.events import Reason
from tests.conference.chair.test_chair import Store
from tests.conference.chair.test_document import Reader
from tests.conference.doubles import World
from tests.conference.hall_doubles import HallParty, HallWorld
from tests.conference.parties import CAMERA, MICROPHONE, Party

PLACES = ("Phước Chỉ", "Hưng Thuận", "Thạnh Bình", "Truông Mít", "Ninh Điền", "Long Thuận", "Mỹ Quý", "Vĩnh Hưng")
KINDS = ("Xã", "Phường", "Đặc khu", "Thị trấn")
SITES, WHOLE_BYTES, CHANGE_BYTES = 240, 40_000, 200
"""The aims for a meeting of 240 sites."""


def whole(conference: Conference, world: World) -> dict[str, Any]:
    world.time.advance(1)
    return dict(json.loads(conference.document.whole("member")))


def test_a_meeting_has_its_name_its_start_and_the_booked_facts() -> None:
    world = World()
    conference = world.registry.create("c")
    assert whole(conference, world) == {"meeting": {"name": "c"}}
    began = round(world.time.time() * 1000)
    Party(world, "an")
    world.pass_time(2)
    Party(world, "binh")
    conference.sections.describe("Giao ban tuần", 1_796_155_200)
    told = {"name": "c", "started_at": began, "title": "Giao ban tuần", "ends_at": 1_796_155_200_000}
    assert whole(conference, world)["meeting"] == told
    conference.sections.describe("", None)
    assert whole(conference, world)["meeting"] == {"name": "c", "started_at": began}


def test_the_meeting_starts_when_the_chair_opens_it() -> None:
    world = HallWorld()
    conference = world.registry.create("c")
    conference.halls.wait()
    HallParty(world, "hall")
    chair = Party(world, "an", passage=Passage.HOST)
    world.pass_time(300)
    assert "started_at" not in whole(conference, world)["meeting"], "halls are called before the opening"
    began = round(world.time.time() * 1000)
    conference.begin()
    world.pass_time(5)
    conference.begin()
    assert whole(conference, world)["meeting"]["started_at"] == began
    chair.participant.leave(Reason.CLIENT_INITIATED)
    Party(world, "binh")
    assert whole(conference, world)["meeting"]["started_at"] == began


def test_the_start_outlives_a_crash_and_ends_when_all_have_left() -> None:
    store = Store()
    world = HallWorld(proceedings=store)
    began = round(world.time.time() * 1000)
    Party(world, "an")
    again = HallWorld(proceedings=store)
    again.time.advance(60)
    conference = Party(again, "an").conference
    assert whole(conference, again)["meeting"]["started_at"] == began
    conference.participants["an"].leave(Reason.CLIENT_INITIATED)
    conference.close(Reason.CONFERENCE_IDLE)
    later = HallWorld(proceedings=store)
    later.time.advance(600)
    assert whole(Party(later, "binh").conference, later)["meeting"]["started_at"] == began + 600_000


def test_a_row_shows_microphone_camera_hand_and_role() -> None:
    world = World()
    an = Party(world, "an", raises_hand=True, attributes={marks.UNIT: "Sở Nội vụ"})
    host = Party(world, "chủ trì", passage=Passage.HOST)
    reader = Reader(an.conference.document, "member")
    assert whole(an.conference, world)["people"] == {
        "an": {"n": "An", "u": "Sở Nội vụ"},
        host.participant.identity: {"n": "Chủ Trì", "r": "chair"},
    }
    an.publish(MICROPHONE, CAMERA)
    an.participant.raise_hand(True)
    raised = int(an.participant.grants.attributes[marks.HAND])
    world.time.advance(1)
    assert reader.state["people"]["an"] == {"n": "An", "u": "Sở Nội vụ", "m": 1, "c": 1, "h": raised}
    an.participant.silence()
    an.participant.lower_hand()
    an.end("cam")
    world.time.advance(1)
    assert reader.state["people"]["an"] == {"n": "An", "u": "Sở Nội vụ"}
    an.participant.leave(Reason.CLIENT_INITIATED)
    world.time.advance(1)
    assert "an" not in reader.state["people"]


def test_a_lost_connection_shows_away_until_the_resume() -> None:
    world = World()
    an = Party(world, "an")
    lost = round(world.time.time() * 1000)
    an.participant.detach(an.client)
    assert whole(an.conference, world)["people"]["an"] == {"n": "An", "a": lost}
    an.conference.resume("an", an.sid, an.client)
    assert whole(an.conference, world)["people"]["an"] == {"n": "An"}


def test_a_hidden_participant_has_no_row() -> None:
    world = World()
    an = Party(world, "an")
    Party(world, "quan sát", hidden=True)
    assert set(whole(an.conference, world)["people"]) == {"an"}


def test_a_meeting_of_240_sites_fits_in_40_kb_and_a_change_in_200_bytes() -> None:
    world = HallWorld()
    site, place = named(SITES)
    own = {marks.UNIT: place, marks.SITE: site}
    party = HallParty(world, f"hall_terminal.{SITES:032x}", called=site, attributes=own)
    conference = party.conference
    row = whole(conference, world)["people"][party.hall.identity]
    assert row == {"n": site, "u": place, "k": "h", "m": 1, "c": 1}
    for number in range(
        1, SITES
    ):  # 240 halls of the test would take half a minute: the others get rows of the same form
        site, place = named(number)
        conference.document.put_row("people", f"hall_terminal.{number:032x}", row | {"n": site, "u": place})
    reader = Reader(conference.document)
    assert len(whole(conference, world)["people"]) == SITES
    assert len(conference.document.whole("host").encode()) < WHOLE_BYTES
    for act in (
        lambda: party.hall.set_muted(True, locked=True),
        lambda: party.press("*5"),
        lambda: party.hall.leave(Reason.CLIENT_INITIATED),
    ):
        reader.patches.clear()
        act()
        world.time.advance(1)
        assert len(reader.patches) == 1
        assert len(reader.patches[0].encode()) < CHANGE_BYTES


def named(number: int) -> tuple[str, str]:
    """Return the names of a site and of its unit."""
    place = f"{KINDS[number % 4]} {PLACES[number % 8]} {number // 8 + 1}"
    return f"UBND {place[0].lower()}{place[1:]}", place
