"""The class policy as tables: each class with each way in, for every kind of participant."""

import itertools

import pytest

from rooms.errors import Refusal
from rooms.policy import classes
from rooms.policy.classes import IMPORTANT, ORDINARY, SECRET, WAYS, Presence, Way, admission

HALL_ONLY: tuple[tuple[Way, bool, bool, bool, str], ...] = (
    ("hall_terminal", True, True, True, ""),
    ("dial_out", True, True, True, ""),
    ("hall_terminal", False, True, True, "terminal_unknown"),
    ("dial_out", False, True, True, "terminal_unknown"),
    ("hall_terminal", True, False, True, "network_open"),
    ("dial_out", True, False, True, "network_open"),
    ("hall_terminal", True, True, False, "not_invited"),
    ("dial_out", True, True, False, "not_invited"),
    ("browser", True, True, True, "halls_only"),
    ("phone_browser", True, True, True, "halls_only"),
    ("personal_link", True, True, True, "halls_only"),
    ("number_pin", True, True, True, "halls_only"),
    ("share_link", True, True, True, "halls_only"),
    ("guest", True, True, True, "halls_only"),
)


@pytest.mark.parametrize(("way", "registered", "closed", "invited", "code"), HALL_ONLY)
def test_important(way: Way, registered: bool, closed: bool, invited: bool, code: str) -> None:
    verdict = admission(IMPORTANT, way, terminal_registered=registered, network_closed=closed, invited=invited)
    assert (verdict.allowed, verdict.code) == (not code, code)
    if verdict.allowed:
        assert verdict.lobby == (way == "hall_terminal")


ANYWHERE: tuple[tuple[Way, bool, bool, bool, str], ...] = (
    # way, invited, host, lobby of the meeting on, result
    ("browser", True, False, True, "waits"),
    ("browser", True, False, False, "enters"),
    ("browser", False, False, True, "waits"),
    ("browser", True, True, True, "enters"),
    ("phone_browser", True, False, True, "waits"),
    ("personal_link", True, False, True, "waits"),
    ("personal_link", True, False, False, "enters"),
    ("personal_link", False, False, False, "not_invited"),
    ("number_pin", False, False, False, "waits"),
    ("number_pin", True, False, False, "enters"),
    ("share_link", False, False, False, "waits"),
    ("guest", False, False, False, "waits"),
    ("guest", True, False, True, "waits"),
    ("dial_out", False, False, True, "terminal_unknown"),
    ("dial_out", False, True, True, "enters"),
)


@pytest.mark.parametrize(("way", "invited", "host", "lobby", "what"), ANYWHERE)
def test_ordinary(way: Way, invited: bool, host: bool, lobby: bool, what: str) -> None:
    verdict = admission(ORDINARY, way, invited=invited, host=host, lobby=lobby)
    assert (verdict.code or ("waits" if verdict.lobby else "enters")) == what


def test_a_registered_hall_enters_an_ordinary_meeting() -> None:
    known = admission(ORDINARY, "hall_terminal", terminal_registered=True, invited=True)
    assert known.allowed
    assert not known.lobby
    assert admission(ORDINARY, "hall_terminal", invited=True).lobby
    assert admission(ORDINARY, "hall_terminal", terminal_registered=True).lobby


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_meeting_refuses_every_way_of_entry(way: Way) -> None:
    for flags in itertools.product((False, True), repeat=5):
        names = ("terminal_registered", "network_closed", "invited", "host", "lobby")
        verdict = admission(SECRET, way, **dict(zip(names, flags, strict=True)))
        assert not verdict.allowed
        assert verdict.code == "state_secret"


def test_only_a_hall_terminal_enters_an_important_meeting() -> None:
    for way in WAYS:
        for flags in itertools.product((False, True), repeat=5):
            names = ("terminal_registered", "network_closed", "invited", "host", "lobby")
            given = dict(zip(names, flags, strict=True))
            verdict = admission(IMPORTANT, way, **given)
            hall = way in ("hall_terminal", "dial_out") and given["terminal_registered"] and given["network_closed"]
            assert verdict.allowed == (hall and (given["invited"] or given["host"]))


def test_refusals_say_what_to_do() -> None:
    for code, (vietnamese, english) in classes.REFUSALS.items():
        with pytest.raises(Refusal) as caught:
            classes.refused(code).require()
        assert (caught.value.code, caught.value.vietnamese, caught.value.english) == (code, vietnamese, english)
        assert vietnamese.endswith(".")
        assert "Hãy" in vietnamese


@pytest.mark.parametrize("bad", [("casual", "browser"), ("ordinary", "telepathy")])
def test_an_unknown_class_or_way_is_our_bug(bad: tuple[str, str]) -> None:
    with pytest.raises(KeyError):
        admission(*bad)  # type: ignore[arg-type]


def test_resolved() -> None:
    assert classes.resolved("", IMPORTANT) == IMPORTANT
    assert classes.resolved(ORDINARY, IMPORTANT) == ORDINARY
    for asked, default, code in (
        (SECRET, ORDINARY, "state_secret"),
        ("", SECRET, "state_secret"),
        ("x", "", "unknown_class"),
    ):
        with pytest.raises(Refusal) as caught:
            classes.resolved(asked, default)
        assert caught.value.code == code


def test_raising_the_class_drops_participants_not_admitted() -> None:
    present = [
        Presence("Trình duyệt", "browser", invited=True),
        Presence("Hội trường A", "hall_terminal", True, True, invited=True),
        Presence("Hội trường B", "hall_terminal", True, False, invited=True),
        Presence("Chủ trì", "browser", host=True),
    ]
    found = classes.dropped(IMPORTANT, present)
    assert [(one.label, one.verdict.code) for one in found] == [
        ("Trình duyệt", "halls_only"),
        ("Hội trường B", "network_open"),
        ("Chủ trì", "halls_only"),
    ]
    assert classes.dropped(ORDINARY, present) == ()
    assert classes.raises(ORDINARY, IMPORTANT)
    assert classes.lowers(IMPORTANT, ORDINARY)
    assert not classes.raises(IMPORTANT, IMPORTANT)
    assert not classes.lowers(ORDINARY, IMPORTANT)


def test_an_important_meeting_admits_a_pc_only_where_the_policy_says_so() -> None:
    known = {"terminal_registered": True, "invited": True, "pc": True}
    assert admission("ordinary", "dial_out", **known).allowed
    assert admission("important", "dial_out", network_closed=True, **known).code == "pc_refused"
    counts = known | {"pc_counts": True}
    assert admission("important", "dial_out", **counts).code == "network_open"
    assert (
        admission("important", "dial_out", network_closed=True, encrypted=False, **counts).code == "encryption_needed"
    )
    assert admission("important", "dial_out", network_closed=True, **counts).allowed
    assert admission("important", "browser", network_closed=True, **counts).code == "halls_only"
