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
    halls = tuple(f"hall-{letter}" for letter in "abcdg")
    with hall_net(tmp_path_factory.mktemp("halls"), (*halls, "other"), lobby=False) as made:
        yield made


def registered(one: Baresip) -> bool:
    return "200 OK" in one.text()


def established(one: Baresip) -> bool:
    return "Call established" in one.text()


def hears(hall: Baresip, hz: float) -> bool:
    try:
        return abs(tone_of(*hall.hears()) - hz) < 10
    except ValueError:  # the hall has decoded nothing yet
        return False


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


def test_two_called_halls_meet_and_one_is_called_again(net: HallNet, halls: list[Baresip]) -> None:
    """A command calls two halls. They see and hear each other. One hangs up and is called again."""
    one = Baresip(net, "hall-a", "red", 440).start()
    other = Baresip(net, "hall-b", "blue", 880, codec="G722/16000/1").start()
    halls += [one, other]
    for hall in halls:
        until_blocking(partial(registered, hall), f"{hall.name} is not registered", 20)
    net.command("hall", "call", net.booked.number, "hall-a", "hall-b")
    for hall in halls:
        until_blocking(partial(established, hall), f"{hall.name} was not called", 40)
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
