"""Keys of a hall: commands in the meeting, and number and PIN before the hall joins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import keypad, limits, spoken_texts
from conference.halls.keypad import COMMANDS, KEYS, VOTES, Asks, Command, Heard, Keypad, Menu, Way, twice


def type_keys(keys: str, pause_s: float = 0.5) -> list[Command]:
    pad, found = Keypad(), []
    for place, key in enumerate(keys):
        pad, command = keypad.press(pad, key, place * pause_s)
        if command:
            found.append(command)
    return found


@pytest.mark.parametrize(("keys", "command"), COMMANDS.items())
def test_each_command(keys: str, command: Command) -> None:
    assert type_keys(keys) == [command]


def type_in_meeting(keys: str, pause_s: float = 0.5) -> list[Command]:
    """Type keys in a hall that does not wait for the opening of the meeting."""
    pad, found = Keypad(), []
    for place, key in enumerate(keys):
        pad, command = keypad.press(pad, key, place * pause_s, waits=False)
        if command:
            found.append(command)
    return found


@pytest.mark.parametrize(("keys", "command"), VOTES.items())
def test_each_ballot(keys: str, command: Command) -> None:
    assert type_in_meeting(keys) == [command]
    assert type_in_meeting(keys, pause_s=limits.KEY_PAUSE_S) == [command]
    assert type_in_meeting(keys, pause_s=limits.KEY_PAUSE_S + 0.1) == []


@pytest.mark.parametrize(("keys", "command"), [one for one in COMMANDS.items() if one[0] != "*1"])
def test_the_other_commands_in_a_meeting(keys: str, command: Command) -> None:
    assert type_in_meeting(keys) == [command]
    assert type_in_meeting("*1" + keys) == [command], "after half a ballot"
    assert type_in_meeting("*14" + keys) == [command]
    assert type_in_meeting("*1" + "*1" + keys) == [command]


@pytest.mark.parametrize("keys", ["*1", "*14", "*10", "*1#", "*1A", "*1*", "*", "11", "12", "*1*1", "*9*1"])
def test_keys_that_are_no_ballot(keys: str) -> None:
    assert type_in_meeting(keys) == []


def test_a_ballot_after_other_keys() -> None:
    assert type_in_meeting("*1*11") == [Command.VOTE_FOR]
    assert type_in_meeting("*9*12") == [Command.VOTE_AGAINST]
    assert type_in_meeting("*1311*13") == [Command.VOTE_ABSTAIN] * 2
    assert type_in_meeting("*6*12*6") == [Command.MICROPHONE, Command.VOTE_AGAINST, Command.MICROPHONE]


def test_a_hall_that_waits_opens_the_meeting_and_does_not_vote() -> None:
    assert type_keys("*1") == [Command.BEGIN]
    assert type_keys("*11*12") == [Command.BEGIN] * 2


def test_no_text_of_a_keypad_shows_a_key() -> None:
    pad, _ = keypad.press(Keypad(), "*", 0.0)
    pad, _ = keypad.press(pad, "1", 0.0, waits=False)
    assert repr(pad) == "Keypad(at=0.0)"
    heard, _ = twice((), "3", "packets", 0.0)
    assert repr(heard) == "(Heard(packets),)"


@given(st.text(alphabet=sorted(KEYS), max_size=40))
def test_only_a_star_and_a_one_change_between_waiting_and_meeting(keys: str) -> None:
    """All commands of two keys, except BEGIN, work in a meeting as they work before it."""
    assert [one for one in type_in_meeting(keys) if one not in VOTES.values()] == [
        one for one in type_keys(keys) if one is not Command.BEGIN
    ]


def test_stray_keys_do_nothing_and_the_next_command_works() -> None:
    assert type_keys("12345#6*6") == [Command.MICROPHONE]
    assert type_keys("*9*6") == [Command.MICROPHONE]
    assert type_keys("*6*6") == [Command.MICROPHONE] * 2


def test_a_command_that_is_not_ended_is_forgotten() -> None:
    assert type_keys("*6", pause_s=limits.KEY_PAUSE_S) == [Command.MICROPHONE]
    assert type_keys("*6", pause_s=limits.KEY_PAUSE_S + 0.1) == []


def heard_once(presses: list[tuple[str, Way, float]]) -> str:
    heard: tuple[Heard, ...] = ()
    kept = ""
    for key, way, now in presses:
        heard, again = twice(heard, key, way, now)
        kept += "" if again else key
        assert len(heard) <= limits.KEYS_HEARD
    return kept


def test_a_key_from_packets_and_signalling_counts_once() -> None:
    both: list[tuple[str, Way, float]] = []
    for place, key in enumerate("*6*66#"):
        both += [(key, "signalling", place * 0.3), (key, "packets", place * 0.3 + 0.1)]
    assert heard_once(both) == "*6*66#"
    assert heard_once([(key, way, at) for key, way, at in both if way == "packets"]) == "*6*66#"
    # All keys arrive from one source first, as when packets were delayed.
    late = sorted(both, key=lambda one: (one[1] == "packets", one[2]))
    assert heard_once([(key, way, 0.0) for key, way, _ in late]) == "*6*66#"
    assert heard_once([("6", "packets", 0.0), ("6", "signalling", limits.KEY_TWICE_S + 0.1)]) == "66"
    assert heard_once([("6", "packets", 0.0)] * 100) == "6" * 100


def test_what_the_announcement_says_is_what_the_keys_do() -> None:
    words = spoken_texts.text("help", "en")
    spoken = {"Star six": "*6", "Star five": "*5", "Star four": "*4", "Star zero": "*0"}
    assert all(name in words and keys in COMMANDS for name, keys in spoken.items())


def through(menu: Menu, keys: str) -> Menu:
    for key in keys:
        menu = keypad.dial(menu, key)
    return menu


def test_number_and_pin() -> None:
    menu = through(Menu(), "123456789#654321#")
    assert (menu.asks, menu.number, menu.digits) == (Asks.CHECK, "123456789", "654321")
    assert keypad.judged(menu, right=True) == menu


@pytest.mark.parametrize("pin", ["654321", "87654321"])
def test_the_pound_key_ends_a_pin_of_any_length(pin: str) -> None:
    menu = through(Menu(), f"123456789#{pin}")
    assert (menu.asks, menu.digits) == (Asks.PIN, pin)
    assert keypad.dial(menu, "#").asks is Asks.CHECK


def test_a_star_takes_back_what_was_typed() -> None:
    assert through(Menu(), "999*123456789#").number == "123456789"


def test_a_star_before_any_digit_changes_the_language() -> None:
    assert Menu().language is None
    menu = through(Menu(), "*")
    assert (menu.language, menu.asks) == ("en", Asks.NUMBER)
    assert through(menu, "*").language == "vi"
    assert through(menu, "99*").language == "en", "it takes back"
    menu = keypad.judged(through(menu, "111111111#*222222#"), right=False)
    assert (menu.asks, menu.language, menu.tries) == (Asks.WRONG, "vi", 1)
    assert through(menu, "*").language == "en"


def test_an_empty_entry_is_not_counted_as_a_try() -> None:
    assert through(Menu(), "###").asks is Asks.NUMBER
    assert through(Menu(), "###").tries == 0


def test_three_tries() -> None:
    menu, heard = Menu(), []
    for _ in range(limits.MENU_TRIES):
        menu = keypad.judged(through(menu, "111111111#222222#"), right=False)
        heard.append(menu.asks)
    assert heard == [Asks.WRONG, Asks.WRONG, Asks.TOO_MANY]
    assert menu.over
    assert through(menu, "123456789#123456#") == menu


def test_codes_are_recorded() -> None:
    assert all(one.value in spoken_texts.TEXTS for one in Asks if one is not Asks.CHECK)


@given(st.text(alphabet=[*sorted(KEYS), "x", " "], max_size=200), st.lists(st.booleans(), max_size=20))
def test_tries_and_digits_are_bounded_for_any_keys(keys: str, answers: list[bool]) -> None:
    menu, left = Menu(), list(answers)
    for key in keys:
        menu = keypad.dial(menu, key)
        assert len(menu.digits) <= limits.MENU_DIGITS
        assert len(menu.number) <= limits.MENU_DIGITS
        if menu.asks is Asks.CHECK:
            menu = keypad.judged(menu, left.pop() if left else False)
            if menu.asks is Asks.CHECK:
                return
    assert menu.tries <= limits.MENU_TRIES
