"""How ready a hall is before its meeting: the known facts, and the facts in its answer to OPTIONS."""

from __future__ import annotations

import pytest

from conference.halls.dialout import REASONS
from rooms.policy.classes import Verdict
from signaling.halls.dial.readiness import known
from signaling.halls.sip.probe import answered
from signaling.sip.call.causes import Cause, Kind
from signaling.sip.wire.message import Response


@pytest.mark.parametrize(
    ("status", "took_s", "colour"),
    [(200, 0.1, "green"), (200, 5.0, "amber"), (486, 0.1, "amber"), (404, 0.1, "red"), (405, 0.1, "amber")],
)
def test_readiness(status: int, took_s: float, colour: str) -> None:
    assert answered(None, Response(status=status), took_s)[0] == colour


def test_a_terminal_that_does_not_answer_is_not_ready() -> None:
    assert answered(Cause(Kind.UNREACHABLE), None, 32.0) == ("red", "unreachable")


def test_an_address_outside_is_refused_only_by_meetings_of_closed_networks() -> None:
    outside = Cause(Kind.FORBIDDEN_TARGET, detail="network_open")
    assert answered(outside, None, 0.0, closed=True) == ("red", "network_open")
    assert answered(outside, None, 0.0, closed=False) == ("amber", "outside_zones")


def test_known_problems_decide_the_readiness_without_a_probe() -> None:
    good = {"reachable": True, "has_account": True, "elsewhere": False}
    fits, open_network = Verdict(True), Verdict(False, False, "network_open")
    assert known(fits, **good) is None
    assert known(open_network, **good | {"reachable": False}) == ("red", "network_open")
    assert known(Verdict(False, False, "halls_only"), **good) == ("red", "class_forbids")
    assert known(fits, **good | {"reachable": False}) == ("red", "not_registered")
    assert known(fits, **good | {"reachable": False, "has_account": False}) == ("red", "no_address")
    assert known(fits, **good | {"elsewhere": True}) == ("amber", "other_meeting")
    for one in (known(fits, **good | {"elsewhere": True}), answered(None, Response(status=200), 9.0)):
        assert one is not None
        assert all(REASONS[one[1]])
    vietnamese, english = REASONS["outside_zones"]
    assert "mạng được đánh dấu cho thiết bị hội trường" in vietnamese
    assert "networks marked for hall terminals" in english
