"""The dial plan: the target of a number that a terminal dials. Pure.

There are four targets: the test room, the operator, a meeting by its number, and the menu. Every other number leads nowhere: no
call leaves this server, and no call reaches another hall.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rooms.identifiers import DIGITS

ECHO: Final = frozenset(("echo", "test", "thu", "*43", "9196"))
OPERATOR: Final = frozenset(("operator", "truc", "0", "*0"))
MENU: Final = frozenset(("", "welcome", "menu"))


class Target(Enum):
    ECHO = "echo"
    OPERATOR = "operator"
    NUMBER = "number"
    MENU = "menu"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Dialled:
    """The target of a dialled number. `number` and `pin` belong to the target NUMBER; the PIN may be missing."""

    target: Target
    number: str = ""
    pin: str = ""


def read(dialled: str, *, known: bool, own_name: str) -> Dialled:
    """Return the target of a dialled number. `known`: the terminal is in the register, so it may call the operator. `own_name`:
    the user part of this server.
    """
    word = dialled.lower()
    if word in ECHO:
        return Dialled(Target.ECHO)
    if word in OPERATOR and known:
        return Dialled(Target.OPERATOR)
    number, _, pin = dialled.replace("#", "*").partition("*")
    if not leads_somewhere(number, (*OPERATOR, own_name)):
        return Dialled(Target.NOWHERE)
    return Dialled(Target.NUMBER, number, pin) if number.isdigit() else Dialled(Target.MENU)


def leads_somewhere(number: str, others: Collection[str]) -> bool:
    """Report whether a number leads to the menu, to one of `others`, or may be the number of a meeting.

    All meeting numbers have one length. Without a PIN the caller does not learn which numbers exist.
    """
    known = number.lower() in MENU or number.lower() in others
    return known or (number.isascii() and number.isdigit() and len(number) == DIGITS)
