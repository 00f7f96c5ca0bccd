"""Real terminals (baresip) that call a real server, and see and hear each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import Baresip, HallNet, hall_net, is_colour, tone_of
from tests.waiting import until_blocking

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing())]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HallNet]:
    """Give a meeting for all tests. Each test has its own halls, because a hall's row keeps the hall's earlier calls."""
    halls = tuple(f"hall-{letter}" for letter in "abcdg")
    with hall_net(tmp_path_factory.mktemp("halls"), (*halls, "other"), lobby=False) as made:
        yield made


def established(one: Baresip) -> bool:
    return "Call established" in one.text()


def hears(hall: Baresip, hz: float) -> bool:
    return abs(tone_of(*hall.hears()) - hz) < 10


def are(net: HallNet, halls: list[Baresip], state: str) -> bool:
    """Report whether the board shows this state for these halls. A hall may have no row yet."""
    found = net.states()
    return all(found.get(one.name) == state for one in halls)


def listed(net: HallNet) -> dict[str, str]:
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
    until_blocking(lambda: "connected" not in net.states().values(), "the halls have left the meeting", 90)


def test_two_halls_meet_and_the_called_one_is_called_again(net: HallNet, halls: list[Baresip]) -> None:
    """A hall is called by the command, and another hall dials in. They see and hear each other. The called hall hangs up."""
    other = Baresip(net, "hall-b", "blue", 880, codec="G722/16000/1").start()
    halls.append(other)
    until_blocking(lambda: "200 OK" in other.text(), "hall B is not registered", 20)
    net.command("hall", "call", net.booked.number, "hall-b")
    until_blocking(lambda: established(other), "hall B was not called", 40)
    one = join(halls, net, "hall-a", "red", 440)
    until_blocking(lambda: is_colour(one.saw(), "blue"), "hall A does not see hall B", 40)
    until_blocking(lambda: is_colour(other.saw(), "red"), "hall B does not see hall A", 40)
    until_blocking(lambda: hears(one, 880), "hall A does not hear hall B", 40)
    until_blocking(lambda: hears(other, 440), "hall B does not hear hall A", 40)
    until_blocking(lambda: are(net, halls, "connected"), "the board does not say so", 20)
    other.command("hangup")
    until_blocking(lambda: other.text().count("Call established") >= 2, "it is not called once more", 60)
    until_blocking(lambda: listed(net)["hall-a"] == "connected", "the command does not list hall A", 20)
    net.command("hall", "drop", net.booked.number)
    until_blocking(lambda: are(net, halls, "left"), "they are not dropped", 40)


@pytest.mark.sim
def test_the_same_over_tls_and_srtp(net: HallNet, halls: list[Baresip]) -> None:
    encrypted = {"transport": "tls", "encryption": "srtp-mand", "codec": "G722/16000/1"}
    one = join(halls, net, "hall-c", "red", 440, **encrypted)
    other = join(halls, net, "hall-d", "blue", 880, **encrypted)
    until_blocking(lambda: is_colour(one.saw(), "blue"), "hall C does not see hall D", 40)
    until_blocking(lambda: is_colour(other.saw(), "red"), "hall D does not see hall C", 40)


def test_a_terminal_that_is_not_invited_needs_the_pin(net: HallNet, halls: list[Baresip]) -> None:
    inside = join(halls, net, "hall-g", "red", 440)
    stranger = join(halls, net, "other", "blue", 880)
    stranger.press("000000#")
    stranger.press(f"{net.booked.number}#{net.booked.pin}#")
    until_blocking(lambda: are(net, [inside, stranger], "connected"), "number and PIN do not open", 60)
    until_blocking(lambda: is_colour(stranger.saw(), "red"), "it does not see hall G", 40)
    assert inside.process is not None
    assert inside.process.poll() is None
