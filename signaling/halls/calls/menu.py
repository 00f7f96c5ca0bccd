"""The menu for halls that have no meeting yet: number and PIN by keypad, questions by voice and in the picture, in the hall's
language.

The module knows which halls are in the menu and what they typed. `entrance` decides which meeting a hall may enter;
`conference.halls.keypad` decides what the keys mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from conference import PeerError, Refusal, keypad, spoken_texts
from conference.announcements.spoken_texts import Language
from conference.halls.keypad import Asks, Menu
from rooms import errors
from rooms.dialling.entering import Arrival
from signaling.halls.calls.announcing import explain, last_words, text_of
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.operator import Operator
from signaling.halls.ground import limits

OPERATOR_DIGIT: Final = "0"
"""The digit that calls the operator, in place of a meeting number."""


class Door(Protocol):
    async def arrive(self, one: Leg, number: str, pin: str) -> Arrival | None:
        """Return the meeting of this number and PIN, or None if they are wrong."""

    async def let_in(self, one: Leg, arrival: Arrival) -> None:
        """Put the leg into the meeting or its lobby. Raise Refusal, PeerError, Refusal of rooms."""


class Menus:
    """A process has one object of this class."""

    def __init__(self, door: Door, operator: Operator, start: Callable[[Coroutine[Any, Any, Any]], None]) -> None:
        self._door, self._operator, self._start = door, operator, start
        self.guests: dict[Leg, Menu] = {}
        self._ahead: dict[Leg, str] = {}
        """The keys that a hall pressed during the check of number and PIN. They count if number and PIN are wrong."""

    def begin(self, one: Leg, number: str = "") -> None:
        """Put a leg into the menu. `ask` asks the question after the media have started. `number`: the dialled number; then
        only the PIN is missing.
        """
        asks = Asks.PIN if number else Asks.NUMBER
        self.guests[one] = Menu(asks, number, language=one.party.language)

    def pressed(self, one: Leg, key: str) -> bool:
        """Take a key. Return False if the leg is not in the menu."""
        before = self.guests.get(one)
        if before is None:
            return False
        if before.asks is Asks.CHECK:
            self._ahead[one] = (self._ahead.get(one, "") + key)[: limits.KEYS_AHEAD]
            return True  # A hall has at most one check at a time.
        menu = self.guests[one] = keypad.dial(before, key)
        if menu.language is not None and menu.language != before.language:
            one.speak(menu.language)
            self.ask(one)
        elif menu.asks is Asks.PIN and menu.number == OPERATOR_DIGIT and key == "#" and self._operator.takes(one):
            del self.guests[one]
        elif menu.asks is Asks.CHECK:
            self._start(self._check(one, menu))
        elif key == "#":
            self.ask(one)
        else:
            self._show(one)
        return True

    async def _check(self, one: Leg, menu: Menu) -> None:
        try:
            arrival = await self._door.arrive(one, menu.number, menu.digits)
        except Exception:
            self._ahead.pop(one, None)
            if one in self.guests:
                self.guests[one] = keypad.unjudged(menu)
                self.ask(one)
            raise
        ahead = self._ahead.pop(one, "")
        if one not in self.guests:
            return
        self.guests[one] = menu = keypad.judged(menu, arrival is not None)
        if arrival is None:
            self.ask(one)
            if menu.over:
                asyncio.get_running_loop().call_later(limits.LAST_WORDS_S, one.end, "too many tries")
            else:
                for key in ahead:
                    self.pressed(one, key)
            return
        del self.guests[one]
        try:
            await self._door.let_in(one, arrival)
        except errors.Refusal as refusal:  # from `rooms`: the class forbids the entry, or the door is shut
            last_words(one, "forbidden" if refusal.code == "class_forbids" else "not_started")
        except (Refusal, PeerError) as error:
            turned_away = isinstance(error, Refusal) and error.code in ("lobby_denied", "lobby_pause")
            last_words(one, "denied" if turned_away else "full")
            if isinstance(error, Refusal):
                explain(one, error)
        except Exception:
            last_words(one, "full")  # The hall may call again in a few minutes.
            raise

    def gone(self, one: Leg) -> None:
        """Remove a leg that has ended or has left the menu. Idempotent."""
        self.guests.pop(one, None)
        self._ahead.pop(one, None)

    def ask(self, one: Leg) -> None:
        """Ask the question as text in the picture and by voice. Until the first wrong try, also say which keys call the
        operator and change the language.
        """
        menu = self.guests[one]
        language: Language = menu.language or "vi"
        words: list[tuple[str, Language]] = [(menu.asks.value, language)]
        if menu.asks is Asks.WRONG:
            words.append(("ask_number", language))
        if menu.asks is Asks.NUMBER and menu.tries == 0:
            words = [("welcome", language), *words]
        if menu.tries == 0:
            words += [("operator_key", language), ("other_language", _other(language))]
        if one.room is not None:
            one.room.hall.program.say(one.room.hall, *words)
        self._show(one)

    def _show(self, one: Leg) -> None:
        menu = self.guests[one]
        code = "ask_number" if menu.asks is Asks.CHECK else menu.asks.value
        typed = "•" * len(menu.digits) if menu.asks is Asks.PIN else menu.digits
        if one.room is None:
            return
        lines = text_of(menu.language, code)
        if menu.language is not None and not menu.over:
            lines += "\n" + spoken_texts.text("other_language", _other(menu.language))
        one.room.hall.set_text(f"{lines}\n{typed}".strip())


def _other(language: Language) -> Language:
    return "vi" if language == "en" else "en"
