"""The delegates that halls report by keypad: `*2`, their number, `#`. The roll call stores the report. The hall hears and reads
the number again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from conference.chair.course.calling import Calling
from conference.chair.course.rollcall import Report
from conference.chair.rights import By, Way
from conference.ground.errors import Refusal
from conference.halls.hall import Hall

SPOKEN: Final = {"roll_call_over": "delegates_over", "not_stored": "delegates_failed"}
"""The announcement for a refused report. Other refusals: the site is in no list."""


class Reports:
    """The reports from the keypads of one conference. `actor` returns the giver of an order."""

    def __init__(self, roll: Calling, actor: Callable[[str, str, Way], By]) -> None:
        self._roll, self._actor = roll, actor
        self.stored: dict[str, asyncio.Task[None]] = {}
        """The reports that are being stored, by hall."""
        self._next: dict[str, int] = {}
        """The last number of a hall that reported again before the answer."""

    def press(self, hall: Hall, delegates: int) -> None:
        """Take the number from the keypad of a hall, and announce the answer there (`Hall.report`)."""
        if hall.identity in self.stored:
            self._next[hall.identity] = delegates
            return
        task = asyncio.get_running_loop().create_task(self._report(hall, delegates))
        self.stored[hall.identity] = task
        task.add_done_callback(lambda _done: self._answered(hall))

    def _answered(self, hall: Hall) -> None:
        del self.stored[hall.identity]
        delegates = self._next.pop(hall.identity, None)
        if delegates is not None and not hall.left:
            self.press(hall, delegates)

    async def _report(self, hall: Hall, delegates: int) -> None:
        by = self._actor(hall.identity, hall.grants.name, "keypad")
        known = self._roll.reported(hall.identity)
        head, deputies = (known.head, known.deputies) if known is not None else ("", ())
        try:
            await self._roll.report(by, hall.identity, Report(delegates, head, deputies, hall.identity, "keypad"))
        except Refusal as refused:
            if not hall.left:
                hall.notify(SPOKEN.get(refused.code, "delegates_none"))
        else:
            if not hall.left:
                hall.notify("delegates_recorded", delegates)
