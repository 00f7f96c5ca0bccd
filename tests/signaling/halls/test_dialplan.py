"""The destination of a number that a terminal dials."""

from __future__ import annotations

from typing import Any

import pytest

from conference import Refusal
from signaling.halls.calls.dialplan import Dialled, Target, read
from signaling.halls.calls.rooms import Rooms
from signaling.halls.ground import limits
from tests.conference.hall_doubles import HallParty, HallWorld


@pytest.mark.parametrize(
    ("dialled", "known", "leads_to"),
    [
        ("Echo", False, Dialled(Target.ECHO)),
        ("*43", True, Dialled(Target.ECHO)),
        ("truc", True, Dialled(Target.OPERATOR)),
        ("truc", False, Dialled(Target.MENU)),
        ("0", False, Dialled(Target.NUMBER, "0")),
        ("", False, Dialled(Target.MENU)),
        ("diemcau", False, Dialled(Target.MENU)),
        ("123456789", False, Dialled(Target.NUMBER, "123456789")),
        ("123456789*246810", True, Dialled(Target.NUMBER, "123456789", "246810")),
        ("123456789#246810", True, Dialled(Target.NUMBER, "123456789", "246810")),
        ("12345678", False, Dialled(Target.NOWHERE)),
        ("hall-b", True, Dialled(Target.NOWHERE)),
        ("+84912345678", True, Dialled(Target.NOWHERE)),
    ],
)
def test_a_number_leads_to_its_target(dialled: str, known: bool, leads_to: Dialled) -> None:
    assert read(dialled, known=known, own_name="diemcau") == leads_to


def test_a_further_hall_gets_no_test_room() -> None:
    world = HallWorld()
    numbers = iter(range(100))
    meetings: Any = None
    rooms = Rooms(world.registry, meetings, lambda count: next(numbers).to_bytes(count, "big"))
    for number in range(limits.TEST_ROOMS):
        HallParty(world, f"hall-{number}", room=rooms.test_room().name, mode="echo")
    with pytest.raises(Refusal):
        rooms.test_room()
