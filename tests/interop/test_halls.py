"""Real terminals (baresip) against a whole server: they dial in, see and hear one another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop import hallnet
from tests.interop.hallnet import Baresip, HallNet, hall_net, is_colour, tone_of, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing())]


@pytest.fixture
def net(tmp_path: Path) -> Iterator[HallNet]:
    with hall_net(tmp_path, ("hall-a", "hall-b")) as made:
        yield made


@pytest.fixture
def halls() -> Iterator[list[Baresip]]:
    started: list[Baresip] = []
    yield started
    for one in started:
        one.stop()


def test_two_halls_dial_in_and_see_and_hear_each_other(net: HallNet, halls: list[Baresip]) -> None:
    number = f"/dial sip:{net.booked.number}@{hallnet.SERVER}"
    halls.append(Baresip(net, "hall-a", "red", 440).start(number))
    halls.append(Baresip(net, "hall-b", "blue", 880, codec="G722/16000/1").start(number))
    for one in halls:
        wait_for(lambda one=one: "Call established" in one.text(), 30, f"{one.name} is in no call:\n{one.text()}")
    wait_for(lambda: is_colour(halls[0].saw(), "blue"), 40, "hall A does not see hall B")
    wait_for(lambda: is_colour(halls[1].saw(), "red"), 40, "hall B does not see hall A")
    for one in halls:
        one.stop()
    assert abs(tone_of(*halls[0].heard()) - 880) < 10
    assert abs(tone_of(*halls[1].heard()) - 440) < 10
