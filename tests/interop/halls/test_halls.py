"""Real terminals (baresip) against a whole server: they dial in, see and hear one another."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import Baresip, HallNet, hall_net, is_colour, tone_of, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing())]


@pytest.fixture
def net(tmp_path: Path) -> Iterator[HallNet]:
    with hall_net(tmp_path, ("hall-a", "hall-b", "other"), lobby=False) as made:
        yield made


def established(one: Baresip) -> bool:
    return "Call established" in one.text()


def join(halls: list[Baresip], net: HallNet, name: str, colour: str, hz: int, **options: Any) -> Baresip:
    """It dials the meeting's number."""
    halls.append(Baresip(net, name, colour, hz, **options).start(f"/dial sip:{net.booked.number}@{hallnet.SERVER}"))
    wait_for(lambda: established(halls[-1]), 30, f"{name} is in no call")
    return halls[-1]


@pytest.fixture
def halls() -> Iterator[list[Baresip]]:
    started: list[Baresip] = []
    yield started
    for one in started:
        one.stop()


def test_two_halls_dial_in_and_see_and_hear_each_other(net: HallNet, halls: list[Baresip]) -> None:
    one = join(halls, net, "hall-a", "red", 440)
    other = join(halls, net, "hall-b", "blue", 880, codec="G722/16000/1")
    wait_for(lambda: is_colour(one.saw(), "blue"), 40, "hall A does not see hall B")
    wait_for(lambda: is_colour(other.saw(), "red"), 40, "hall B does not see hall A")
    for party in halls:
        party.stop()
    assert abs(tone_of(*one.heard()) - 880) < 10
    assert abs(tone_of(*other.heard()) - 440) < 10


def test_the_same_over_tls_and_srtp(net: HallNet, halls: list[Baresip]) -> None:
    encrypted = {"transport": "tls", "encryption": "srtp-mand", "codec": "G722/16000/1"}
    one = join(halls, net, "hall-a", "red", 440, **encrypted)
    other = join(halls, net, "hall-b", "green", 880, **encrypted)
    wait_for(lambda: is_colour(one.saw(), "green"), 40, "hall A does not see hall B")
    wait_for(lambda: is_colour(other.saw(), "red"), 40, "hall B does not see hall A")


def test_halls_are_called_and_one_that_dies_is_called_again(net: HallNet, halls: list[Baresip]) -> None:
    for name, colour, hz in (("hall-a", "red", 440), ("hall-b", "blue", 880)):
        halls.append(Baresip(net, name, colour, hz).start())
        wait_for(lambda: "200 OK" in halls[-1].text(), 20, f"{name} is not registered")
    net.command("hall", "call", net.booked.number, "hall-a", "hall-b")
    for one in halls:
        wait_for(partial(established, one), 40, f"{one.name} was not called")
    wait_for(lambda: is_colour(halls[0].saw(), "blue"), 40, "hall A does not see hall B")
    wait_for(lambda: "connected" in net.command("hall", "list", net.booked.number), 20, "the board says so")
    assert net.command("hall", "list", net.booked.number).count("connected") == 2
    halls[1].command("hangup")
    wait_for(lambda: halls[1].text().count("Call established") >= 2, 60, "it is not called once more")
    net.command("hall", "drop", net.booked.number)
    wait_for(lambda: net.command("hall", "list", net.booked.number).count(" left ") == 2, 40, "both are dropped")


def test_a_terminal_that_is_not_invited_needs_the_pin(net: HallNet, halls: list[Baresip]) -> None:
    inside = join(halls, net, "hall-a", "red", 440)
    stranger = join(halls, net, "other", "blue", 880)
    for key in "000000#":
        stranger.command("sndcode", key)
    for key in f"{net.booked.number}#{net.booked.pin}#":
        stranger.command("sndcode", key)
    wait_for(lambda: is_colour(stranger.saw(), "red"), 60, "number and PIN do not open")
    assert inside.process is not None
    assert inside.process.poll() is None
