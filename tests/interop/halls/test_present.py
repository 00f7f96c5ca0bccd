"""The content token on a real server. A hall requests the token by BFCP and presents, a browser shares its screen, and each
takes the token from the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from livekit import rtc

from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.halls.test_chair import order
from tests.interop.presenter import (
    CHAIR_ACTION_ACK,
    DENIED,
    ERROR,
    GRANTED,
    RELEASED,
    REVOKED,
    UNAUTHORIZED,
    Presenter,
    shows,
)
from tests.interop.terminals.quirks import Terminal, Viewer
from tests.interop.terminals.test_quirks_server import serve
from tests.waiting import until

HALL = "hall_terminal.hall-a"
SCREEN = rtc.TrackSource.SOURCE_SCREENSHARE


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


@asynccontextmanager
async def leaving(there: There, *halls: Terminal) -> AsyncIterator[None]:
    """Hang up the calls of these halls at the end, also after a failure, so that the meeting is empty for the next test."""
    try:
        yield
    finally:
        for one in halls:
            if one.remote_sdp and not one.ended.is_set():
                assert await one.hang_up() == 200
        await until(lambda: "connected" not in {row["state"] for row in there.rows()}, "the board knows that they left")


def is_green(viewer: Viewer) -> bool:
    return shows(viewer, 1)


def is_blue(viewer: Viewer) -> bool:
    return shows(viewer, 2)


@pytest.mark.parametrize("floor", ["udp", pytest.param("tcp", marks=pytest.mark.sim)])
async def test_a_hall_presents_then_a_browser_takes_over_and_back(there: There, floor: Literal["udp", "tcp"]) -> None:
    plain = there.terminal("hall-b", low=True)
    password = there.booked.passwords["hall-a"]
    hall = Presenter(floor, "hall-a", HOST, password=password, low=True)
    async with there.person("ann") as ann, hall, plain, leaving(there, hall, plain):
        assert await there.dial(hall) == 200
        assert await there.dial(plain) == 200
        await hall.open_floor()
        await until(lambda: ann.view(HALL).frames > 5, "the hall's camera")
        assert (HALL, SCREEN) not in ann.views, "nobody sees a second picture without the token"

        hall.ask()
        await until(lambda: hall.told[-1:] == [GRANTED], "the token is free: it is granted")
        await until(lambda: ann.view(HALL, SCREEN).tint == "green", "the browser sees the hall's slide")
        await until(lambda: is_green(plain.viewer), "a hall without a second picture sees it in the first")

        screen = await ann.show("blue", source=SCREEN, size=(640, 360))
        await until(lambda: hall.told[-1:] == [REVOKED], "the browser has taken the token")
        await until(lambda: ann.saw("unpublished", HALL), "the hall's slide is public no longer")
        await until(lambda: is_blue(hall.slide_viewer), "the hall sees the browser's screen on its second line")
        await until(lambda: is_blue(plain.viewer), "the other hall sees it in its picture")

        hall.ask()
        await until(lambda: hall.told[-1:] == [GRANTED], "the hall takes it back")
        await until(lambda: is_green(plain.viewer), "its slide is shown again")
        hall.release()
        await until(lambda: hall.told[-1:] == [RELEASED], "the hall has finished")
        await until(lambda: is_blue(plain.viewer), "the browser's screen, which it never took away, is shown again")
        hall.ask()
        await until(lambda: hall.told[-1:] == [GRANTED], "and back once more")
        await ann.room.local_participant.unpublish_track(screen.publication.sid)
        assert await hall.hang_up() == 200
        await until(lambda: not is_green(plain.viewer) and not is_blue(plain.viewer), "nobody presents")


BLUE = (30, 40, 210)


async def test_a_hall_presentation_reaches_the_hall_and_both_browsers(there: There) -> None:
    """Two halls with a second picture take the token from each other, and both browsers see each presentation."""
    passwords = there.booked.passwords
    one = Presenter("udp", "hall-a", HOST, password=passwords["hall-a"], low=True)
    two = Presenter("tcp", "hall-b", HOST, (120, 120, 120), 880, passwords["hall-b"], slide=BLUE, low=True)
    async with there.person("ann") as ann, there.person("ben") as ben, one, two, leaving(there, one, two):
        for hall in (one, two):
            assert await there.dial(hall) == 200
            await hall.open_floor()
        one.ask()
        await until(lambda: one.told[-1:] == [GRANTED], "hall A has the token")
        await until(lambda: is_green(two.slide_viewer), "hall B sees it on its second line")
        for person in (ann, ben):
            await until(lambda person=person: person.view(HALL, SCREEN).tint == "green", "each browser sees it")  # type: ignore[misc]
        assert one.slide_viewer.picture is None, "nobody gets his own back"

        two.ask()
        await until(lambda: two.told[-1:] == [GRANTED] and one.told[-1:] == [REVOKED], "hall B has taken over")
        await until(lambda: is_blue(one.slide_viewer), "hall A sees that on its second line")
        other = "hall_terminal.hall-b"
        for person in (ann, ben):
            await until(lambda person=person: person.view(other, SCREEN).tint == "blue", "each browser sees it")  # type: ignore[misc]
            await until(lambda person=person: person.saw("unpublished", HALL), "and no more of hall A's")  # type: ignore[misc]

        two.release()
        await until(lambda: two.told[-1:] == [RELEASED], "nobody presents")
        one.ask()
        await until(lambda: one.told[-1:] == [GRANTED], "hall A once more")
        two.slide_viewer.forget()
        await until(lambda: is_green(two.slide_viewer), "hall B sees it again")


async def test_the_chair_switches_pictures_of_halls_off_and_takes_presentations_back(there: There) -> None:
    """Rules for halls hold for terminals, which know no rules. A hall that leads the meeting stops a presentation over its floor
    channel; before, it is refused.
    """
    passwords = there.booked.passwords
    one = Presenter("udp", "hall-a", HOST, password=passwords["hall-a"], low=True)
    lead = Presenter("tcp", "hall-b", HOST, (120, 120, 120), 880, passwords["hall-b"], slide=BLUE, low=True)
    async with there.person("ann") as ann, one, lead, leaving(there, one, lead):
        for hall in (one, lead):
            assert await there.dial(hall) == 200
            await hall.open_floor()
        lead.watch()
        one.ask()
        await until(lambda: ann.view(HALL, SCREEN).tint == "green", "the browser sees the slide")

        order(there, "set_rules", share_off="halls", camera_off="halls")
        await until(lambda: one.told[-1:] == [REVOKED], "the rule takes the token back")
        await until(lambda: ann.publication(HALL, rtc.TrackKind.KIND_VIDEO) is None, "no picture of the hall is left")
        one.ask()
        await until(lambda: one.told[-1:] == [DENIED], "and it gets no other token")
        order(there, "set_rules", share_off="nobody", camera_off="nobody")
        frames = ann.view(HALL).frames
        await until(lambda: ann.view(HALL).frames > frames, "the camera is back")
        one.ask()
        await until(lambda: one.told[-1:] == [GRANTED] and lead.shown == one.request, "it presents again")
        lead.revoke(one.request)
        await until(lambda: lead.answers == [(ERROR, UNAUTHORIZED)], "hall B does not lead the meeting")
        await until(lambda: ann.view(HALL, SCREEN).tint == "green", "so the slide stays")

        order(there, "hand_over", identity="hall_terminal.hall-b")
        lead.revoke(one.request)
        await until(lambda: lead.answers[1:] == [(CHAIR_ACTION_ACK, 0)], "the chair's hall may")
        await until(lambda: one.told[-1:] == [REVOKED] and lead.shown is None, "nobody presents")
        await ann.show("blue", source=SCREEN, size=(640, 360))
        await until(lambda: is_blue(one.slide_viewer) and lead.shown is not None, "a browser presents")
        assert lead.shown is not None
        lead.revoke(lead.shown)
        await until(lambda: lead.answers[2:] == [(CHAIR_ACTION_ACK, 0)] and lead.shown is None, "its screen has ended")


class Fragmenting(Presenter):
    """A presenter that sends its slides in FU-A and STAP-A (RFC 6184 sections 5.7 and 5.8), as packetization mode 1 allows."""

    def _packets(self, nal: bytes) -> list[bytes]:
        if len(nal) < 100:
            return [bytes((nal[0] & 0xE0 | 24,)) + len(nal).to_bytes(2, "big") + nal]
        parts = [nal[1:][at : at + 500] for at in range(0, len(nal) - 1, 500)]
        if len(parts) == 1:
            return [nal]
        kinds = [0x80, *[0] * (len(parts) - 2), 0x40]
        head = nal[0] & 0xE0 | 28
        return [bytes((head, kind | nal[0] & 31)) + part for kind, part in zip(kinds, parts, strict=True)]


async def test_slides_reach_a_terminal_of_mode_0_in_single_units(there: There) -> None:
    """A terminal of mode 0 gets slides in single NAL units from the mixer, whatever units the presenter sends."""
    passwords = there.booked.passwords
    simple = Presenter("udp", "hall-b", HOST, password=passwords["hall-b"], modes=(0,))
    hall = Fragmenting("udp", "hall-a", HOST, password=passwords["hall-a"])
    async with there.person("ann") as ann, hall, simple, leaving(there, hall, simple):
        for one in (hall, simple):
            assert await there.dial(one) == 200
            await one.open_floor()
        hall.ask()
        await until(lambda: hall.told[-1:] == [GRANTED], "the token is free")
        await until(lambda: ann.view(HALL, SCREEN).tint == "green", "the browser sees the slide, forwarded as it is")
        await until(lambda: is_green(simple.slide_viewer), "the terminal of mode 0 sees it too")
        hall.release()
        await until(lambda: hall.told[-1:] == [RELEASED], "it has finished")
        await ann.show("blue", source=SCREEN, size=(1280, 720))
        await until(lambda: is_blue(simple.slide_viewer), "a browser's screen")
        for viewer in (simple.viewer, simple.slide_viewer):
            assert set(viewer.shapes) == {"single"}
            assert viewer.largest_nal <= 1200
