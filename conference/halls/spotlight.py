"""The participant that all others see large: on the stage of the halls' program, and by a mark for browsers.

A hall that joins later gets the same picture: the program is made with the first hall, so `came` sets its stage again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from conference.ground.errors import Refusal
from conference.ground.marks import STAGE
from conference.people.participant import Participant
from conference.picture import layout
from conference.picture.program import Program


@dataclass(frozen=True, slots=True)
class Shown:
    """The stage at one moment: the mode and the site of the halls' program, and the sid of the participant with the mark."""

    mode: layout.Mode = "auto"
    site: str = ""
    marked: str = ""


class Spotlight:
    """`program` returns the program of the halls, or None while there are no halls. `changed` is called after the participant
    with the mark has changed.
    """

    def __init__(
        self,
        participants: Mapping[str, Participant],
        program: Callable[[], Program | None],
        changed: Callable[[], None],
    ) -> None:
        self._participants = participants
        self._program, self._changed = program, changed
        self._shown = Shown()

    @property
    def shown(self) -> Shown:
        """Return the stage now. An operator may have changed the program's stage since the last order."""
        program = self._program()
        if program is None:
            return self._shown
        return Shown(program.stage.mode, program.stage.site, self._shown.marked)

    @property
    def identity(self) -> str:
        """Return the identity of the participant with the mark. Empty: none."""
        one = self._find(self._shown.marked)
        return one.identity if one is not None else ""

    def show(self, one: Participant, mode: layout.Mode = "pinned") -> None:
        self.restore(Shown(mode, one.sid, one.sid))

    def clear(self, one: Participant | None = None) -> None:
        """Let the picture follow the active speaker again. With `one`: only if this participant is shown."""
        if one is None or one.sid in (self._shown.marked, self._shown.site):
            self.restore(Shown())

    def restore(self, wanted: Shown) -> None:
        """Set the stage. A participant who left in the meantime is not shown: the stage is automatic."""
        marked = self._find(wanted.marked)
        site = wanted.site if self._find(wanted.site) is not None else ""
        before, self._shown = (
            self._shown,
            Shown(wanted.mode if site else "auto", site, "" if marked is None else marked.sid),
        )
        self._apply()
        if before.marked == self._shown.marked:
            return
        for one, on in ((self._find(before.marked), False), (marked, True)):
            if one is not None:
                with suppress(Refusal):  # a participant whose attributes are full is shown large to the halls only
                    one.set_mark(STAGE, on=on)
        self._changed()

    def came(self) -> None:
        """Set the stage of a program that a first hall has just made."""
        program = self._program()
        if program is not None and len(program.halls) == 0:
            self._apply()

    def gone(self, sid: str) -> None:
        if sid in (self._shown.marked, self._shown.site):
            self.restore(Shown())

    def _apply(self) -> None:
        program = self._program()
        if program is not None:
            program.set_stage(self._shown.mode, self._shown.site)

    def _find(self, sid: str) -> Participant | None:
        if not sid:
            return None
        return next((one for one in self._participants.values() if one.sid == sid and not one.left), None)
