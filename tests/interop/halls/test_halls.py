"""Real terminals (baresip) that call a real server, and see and hear each other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import Baresip, HallNet, hall_net, is_colour, tone_of
from tests.waiting import until_blocking

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing())]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HallNet]:
    """Give a meeting for all tests. Each test has its own halls, because a hall's row keeps the hall's earlier calls."""
    halls = tuple(f"hall-{letter}" for letter in "abcdefg")
    with hall_net(tmp_path_factory.mktemp("halls"), (*halls, "other"), lobby=False) as made:
        yield made


def established(one: Baresip) -> bool:
    return "Call established" in one.text()


def states(net: HallNet, halls: list[Baresip]) -> list[str]:
    """Return the states of these halls, as the command shows them. The state is empty before a hall has a row."""
    found = board(net)
    return [found.get(one.name, "") for one in halls]


def board(net: HallNet) -> dict[str, str]:
    """Return the state of each hall, as the command shows it."""
    rows = (line.split() for line in net.command("hall", "list", net.booked.number).splitlines())
    return {row[0]: row[1] for row in rows}


def join(halls: list[Baresip], net: HallNet, name: str, colour: str, hz: int, **options: Any) -> Baresip:
    """Start a terminal that dials the meeting's number. Wait until its call is established."""
    halls.append(Baresip(net, name, colour, hz, **options).start(f"/dial sip:{net.booked.number}@{hallnet.SERVER}"))
    until_blocking(lambda: established(halls[-1]), f"{name} is in no call", 30)
    return halls[-1]


@pytest.fixture
def halls(net: HallNet) -> Iterator[list[Baresip]]:
    """Give the halls of a test. No hall is in the meeting afterwards, because each test has a red hall and a blue hall."""
    started: list[Baresip] = []
    yield started
    for one in started:
        one.stop()
    until_blocking(lambda: "connected" not in board(net).values(), "the halls have left the meeting", 90)


def test_two_halls_dial_in_and_see_and_hear_each_other(net: HallNet, halls: list[Baresip]) -> None:
    one = join(halls, net, "hall-a", "red", 440)
    other = join(halls, net, "hall-b", "blue", 880, codec="G722/16000/1")
    until_blocking(lambda: is_colour(one.saw(), "blue"), "hall A does not see hall B", 40)
    until_blocking(lambda: is_colour(other.saw(), "red"), "hall B does not see hall A", 40)
    for party in halls:
        party.stop()
    assert abs(tone_of(*one.heard()) - 880) < 10
    assert abs(tone_of(*other.heard()) - 440) < 10


def test_the_same_over_tls_and_srtp(net: HallNet, halls: list[Baresip]) -> None:
    encrypted = {"transport": "tls", "encryption": "srtp-mand", "codec": "G722/16000/1"}
    one = join(halls, net, "hall-c", "red", 440, **encrypted)
    other = join(halls, net, "hall-d", "blue", 880, **encrypted)
    until_blocking(lambda: is_colour(one.saw(), "blue"), "hall C does not see hall D", 40)
    until_blocking(lambda: is_colour(other.saw(), "red"), "hall D does not see hall C", 40)


def test_a_hall_whose_call_ends_is_called_again(net: HallNet, halls: list[Baresip]) -> None:
    for name, colour, hz in (("hall-e", "red", 440), ("hall-f", "blue", 880)):
        halls.append(Baresip(net, name, colour, hz).start())
        until_blocking(lambda: "200 OK" in halls[-1].text(), f"{name} is not registered", 20)
    net.command("hall", "call", net.booked.number, "hall-e", "hall-f")
    for one in halls:
        until_blocking(partial(established, one), f"{one.name} was not called", 40)
    until_blocking(lambda: is_colour(halls[0].saw(), "blue"), "hall E does not see hall F", 40)
    until_blocking(lambda: states(net, halls) == ["connected"] * 2, "the board says so", 20)
    halls[1].command("hangup")
    until_blocking(lambda: halls[1].text().count("Call established") >= 2, "it is not called once more", 60)
    net.command("hall", "drop", net.booked.number)
    until_blocking(lambda: states(net, halls) == ["left"] * 2, "both are dropped", 40)


def test_a_terminal_that_is_not_invited_needs_the_pin(net: HallNet, halls: list[Baresip]) -> None:
    inside = join(halls, net, "hall-g", "red", 440)
    stranger = join(halls, net, "other", "blue", 880)
    for key in "000000#":
        stranger.command("sndcode", key)
    for key in f"{net.booked.number}#{net.booked.pin}#":
        stranger.command("sndcode", key)
    until_blocking(lambda: is_colour(stranger.saw(), "red"), "number and PIN do not open", 60)
    assert inside.process is not None
    assert inside.process.poll() is None
