"""The keypad of a hall: commands in a meeting, and the menu for number and PIN before it. Pure.

The keys are those on which hardware multipoint units agree (`*6` microphone, `*0` operator), and the recorded announcement
names them. Owns no clock: the caller gives the time of each key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal, NamedTuple

from conference.announcements.spoken_texts import Language
from conference.ground import limits


class Command(Enum):
    MICROPHONE = "microphone"  # off or on
    FLOOR = "floor"  # request the floor, or take the request back
    LAYOUT = "layout"
    OPERATOR = "operator"
    CHAIR = "chair"  # take the chair: the chair code follows
    CODE = "code"  # the chair code is complete
    DELEGATES = "delegates"  # report the delegates: their number follows
    COUNT = "count"  # the number of delegates is complete
    BEGIN = "begin"  # open the meeting, from the chair's hall
    HELP = "help"
    VOTE_FOR = "vote_for"
    VOTE_AGAINST = "vote_against"
    VOTE_ABSTAIN = "vote_abstain"


COMMANDS: Final[Mapping[str, Command]] = {
    "*6": Command.MICROPHONE,
    "*5": Command.FLOOR,
    "*4": Command.LAYOUT,
    "*0": Command.OPERATOR,
    "*7": Command.CHAIR,
    "*1": Command.BEGIN,
    "*2": Command.DELEGATES,
    "**": Command.HELP,
    "*#": Command.HELP,
}
VOTES: Final[Mapping[str, Command]] = {
    "*11": Command.VOTE_FOR,
    "*12": Command.VOTE_AGAINST,
    "*13": Command.VOTE_ABSTAIN,
}
"""Commands of three keys, which begin with the keys of BEGIN. Before the opening of a meeting there is no vote, so `*1` is then
BEGIN at once. After the opening `*1` is only the beginning of these commands.
"""
SPELLED: Final[Mapping[Command, Command]] = {Command.CHAIR: Command.CODE, Command.DELEGATES: Command.COUNT}
"""The commands after which digits follow, and the command when `#` ended the digits."""
_BEGIN: Final = "*1"
KEYS: Final = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class Keypad:
    """The keys of an unfinished command, and the time of the last key. `repr` shows no key: they may be half of a ballot.

    `digits`: the digits of a chair code after `*7`, or of a number of delegates after `*2`, until `#`. `spells`: the command
    that `#` completes. None: no digits are expected.
    """

    keys: str = field(default="", repr=False)
    at: float = float("-inf")
    digits: str = field(default="", repr=False)
    spells: Command | None = field(default=None, repr=False)


def press(pad: Keypad, key: str, now: float, *, waits: bool = True) -> tuple[Keypad, Command | None]:
    """Return the keypad and the command after a key. A star begins a command. A command is forgotten if KEY_PAUSE_S passes
    between two of its keys. Other keys do nothing. `waits`: the hall waits for the opening of the meeting. A chair code and a
    number of delegates may take CODE_PAUSE_S for each digit.
    """
    if key not in KEYS:
        return pad, None
    if pad.spells is not None and key != "*" and now - pad.at <= limits.CODE_PAUSE_S:
        return _spell(pad, pad.spells, key, now)
    begun = pad.keys if now - pad.at <= limits.KEY_PAUSE_S else ""
    keys = begun + key if begun else (key if key == "*" else "")
    if not waits and keys == _BEGIN:
        return Keypad(keys, now), None
    if begun == _BEGIN and keys not in VOTES:
        keys = key if key == "*" else ""  # As after each other command, a star begins anew.
    command = COMMANDS.get(keys) or VOTES.get(keys)
    spells = SPELLED.get(command) if command is not None else None
    return Keypad("" if command or len(keys) > 1 else keys, now, "", spells), command


def _spell(pad: Keypad, spells: Command, key: str, now: float) -> tuple[Keypad, Command | None]:
    """Add a digit. With the complete command the keypad still has the digits: the next key forgets the digits."""
    if key == "#":
        return Keypad("", float("-inf"), pad.digits), spells
    return replace(pad, at=now, digits=(pad.digits + key)[-limits.CHAIR_CODE_DIGITS :]), None


# -- two ways of one key press

Way = Literal["packets", "signalling"]
"""The way of a key press: RFC 4733 packets or INFO."""


class Heard(NamedTuple):
    key: str
    way: Way
    at: float

    def __repr__(self) -> str:
        return f"Heard({self.way})"


def twice(heard: tuple[Heard, ...], key: str, way: Way, now: float) -> tuple[tuple[Heard, ...], bool]:
    """Report whether this press has already arrived by the other way, because some terminals send each key both ways.

    `heard` holds recent keys that arrived by one way only. The first returned value is the new `heard`.
    """
    lately = tuple(one for one in heard if now - one.at <= limits.KEY_TWICE_S)
    partner = next((one for one in lately if one.key == key and one.way != way), None)
    if partner is not None:
        return tuple(one for one in lately if one is not partner), True
    return (*lately, Heard(key, way, now))[-limits.KEYS_HEARD :], False


# -- the menu


class Asks(Enum):
    """The next step for the caller. The values are codes of announcements."""

    NUMBER = "ask_number"
    PIN = "ask_pin"
    CHECK = "check"  # no announcement; number and PIN are checked
    WRONG = "wrong"
    TOO_MANY = "too_many_tries"


@dataclass(frozen=True, slots=True)
class Menu:
    """The menu of a caller without a meeting. If the address gives the `number`, the menu asks only for the PIN."""

    asks: Asks = Asks.NUMBER
    number: str = ""
    digits: str = ""
    tries: int = 0
    language: Language | None = None
    """The caller's language; None: not known yet."""

    @property
    def over(self) -> bool:
        return self.asks is Asks.TOO_MANY


def dial(menu: Menu, key: str) -> Menu:
    """Return the menu after a key. After CHECK the caller of this function uses `judged`.

    `#` ends the number or the PIN. `*` deletes the typed digits. Without digits `*` changes the language.
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
    """Return the menu after the check of number and PIN. The caller does not learn which one was wrong."""
    if menu.asks is not Asks.CHECK or right:
        return menu
    tries = menu.tries + 1
    asks = Asks.TOO_MANY if tries >= limits.MENU_TRIES else Asks.WRONG
    return Menu(asks, tries=tries, language=menu.language)


def unjudged(menu: Menu) -> Menu:
    """Return the menu after a check that was not possible. It asks for the PIN again and does not count as a try."""
    return replace(menu, asks=Asks.PIN, digits="")
