"""What a hall does by its keypad: commands inside a meeting, and the menu of number and PIN before it. Pure.

The keys are those of hardware multipoint units where they agree (`*6` microphone, `*0` operator), and as the recorded
announcement says them. Owns no clock: the time of each key is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal, NamedTuple

from conference.announcements.spoken_texts import Language
from conference.ground import limits


class Command(Enum):
    MICROPHONE = "microphone"  # off or on
    FLOOR = "floor"  # ask for it, or take the wish back
    LAYOUT = "layout"
    OPERATOR = "operator"
    HELP = "help"


COMMANDS: Final[Mapping[str, Command]] = {
    "*6": Command.MICROPHONE,
    "*5": Command.FLOOR,
    "*4": Command.LAYOUT,
    "*0": Command.OPERATOR,
    "**": Command.HELP,
    "*#": Command.HELP,
}
KEYS: Final = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Keypad:
    """The keys pressed so far."""

    keys: str = ""
    at: float = float("-inf")


def press(pad: Keypad, key: str, now: float) -> tuple[Keypad, Command | None]:
    """A star begins a command. What is begun and not ended within KEY_PAUSE_S is forgotten; stray keys do nothing."""
    if key not in KEYS:
        return pad, None
    begun = pad.keys if now - pad.at <= limits.KEY_PAUSE_S else ""
    keys = begun + key if begun else (key if key == "*" else "")
    command = COMMANDS.get(keys)
    return Keypad("" if command or len(keys) > 1 else keys, now), command


# -- two ways to one ear

Way = Literal["packets", "signalling"]
"""RFC 4733, or INFO."""


class Heard(NamedTuple):
    key: str
    way: Way
    at: float


def twice(heard: tuple[Heard, ...], key: str, way: Way, now: float) -> tuple[tuple[Heard, ...], bool]:
    """Whether the same press has come by the other way already: some terminals send each key both ways. `heard`: what came
    lately and has no partner yet; what it is from now on comes back.
    """
    lately = tuple(one for one in heard if now - one.at <= limits.KEY_TWICE_S)
    partner = next((one for one in lately if one.key == key and one.way != way), None)
    if partner is not None:
        return tuple(one for one in lately if one is not partner), True
    return (*lately, Heard(key, way, now))[-limits.KEYS_HEARD :], False


# -- the menu


class Asks(Enum):
    """What the caller hears next; the values are codes of announcements."""

    NUMBER = "ask_number"
    PIN = "ask_pin"
    CHECK = "check"  # nothing is said: number and PIN are looked up
    WRONG = "wrong"
    TOO_MANY = "too_many_tries"


@dataclass(frozen=True, slots=True)
class Menu:
    """A caller who has no meeting yet. `number` given from the address: only the PIN is asked for."""

    asks: Asks = Asks.NUMBER
    number: str = ""
    digits: str = ""
    tries: int = 0
    language: Language | None = None
    """None: not known yet."""

    @property
    def over(self) -> bool:
        return self.asks is Asks.TOO_MANY


def dial(menu: Menu, key: str) -> Menu:
    """`#` ends the number or the PIN, `*` takes back what was typed, or where nothing was changes the language. After CHECK the
    answer is given by `judged`.
    """
    if menu.asks not in (Asks.NUMBER, Asks.PIN, Asks.WRONG) or key not in KEYS:
        return menu
    asks = Asks.NUMBER if menu.asks is Asks.WRONG else menu.asks
    if key == "*" and not menu.digits:
        return replace(menu, asks=asks, language="vi" if menu.language == "en" else "en")
    if key == "*":
        return replace(menu, asks=asks, digits="")
    if key.isdigit():
        return replace(menu, asks=asks, digits=(menu.digits + key)[-limits.MENU_DIGITS :])
    if key != "#" or not menu.digits:
        return replace(menu, asks=asks)
    if asks is Asks.NUMBER:
        return replace(menu, asks=Asks.PIN, number=menu.digits, digits="")
    return replace(menu, asks=Asks.CHECK)


def judged(menu: Menu, right: bool) -> Menu:
    """Number and PIN were looked up. Which of the two was wrong is not told."""
    if menu.asks is not Asks.CHECK or right:
        return menu
    tries = menu.tries + 1
    asks = Asks.TOO_MANY if tries >= limits.MENU_TRIES else Asks.WRONG
    return Menu(asks, tries=tries, language=menu.language)


def unjudged(menu: Menu) -> Menu:
    """They could not be looked up: the PIN is asked for again, and it was no try."""
    return replace(menu, asks=Asks.PIN, digits="")
