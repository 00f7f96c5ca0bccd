"""The site on stage in a roll call: its large picture and its microphone, and what is given back after the site."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from conference.chair.course.pauses import Leads
from conference.ground.errors import Refusal
from conference.ground.marks import WAITS
from conference.ground.permissions import Source
from conference.halls.hall import Hall
from conference.halls.spotlight import Shown
from conference.people.participant import Participant


@dataclass(frozen=True, slots=True)
class Staged:
    """The participant on stage, with its microphone from before. `locked`: the key of the hall could not unmute it."""

    one: Participant
    muted: bool
    locked: bool


@dataclass(frozen=True, slots=True)
class Hidden:
    """A hall that left the stage for the lobby. `muted`: it was muted on stage. `locked`: its key could not unmute it when it
    had left the stage.
    """

    identity: str
    muted: bool
    locked: bool


class RollStage:
    """The stage of one roll call."""

    def __init__(self, leads: Leads) -> None:
        self._leads = leads
        self._before: Shown | None = None
        """The picture from before the roll call."""
        self._picture = Shown()
        """The picture as the roll call has set it."""
        self._staged: Staged | None = None
        self._hidden: Hidden | None = None

    def shows(self, identity: str) -> bool:
        """Report whether this participant is on stage, and may be heard there."""
        return self._staged is not None and self._staged.one.identity == identity and not self.held

    def follow(self, one: Participant | None) -> None:
        """Hide the site that is called when it goes to the lobby, and show it when it is here again. A picture that a leader
        chose meanwhile stays. So does a mute on stage.
        """
        if one is None or one.left or self.held:
            return
        waits, staged = WAITS in one.grants.attributes, self._staged
        if staged is not None and staged.one.identity == one.identity and (waits or staged.one is not one):
            self._hide(one)
        if waits or (self._staged is not None and self._staged.one is one):
            return
        self._mute_again()
        self._show(one, large=self._has_picture)

    @property
    def held(self) -> str:
        """Return why no site may be shown now: the code of a refusal. Empty: a site may be shown."""
        if self._leads.silent():
            return "in_recess"
        return "roll_call_waits" if self._leads.speaks else ""

    def show(self, one: Participant | None) -> None:
        """Show a site large and open its microphone. None, or a participant in the lobby: the site is not here, and the picture
        is as it was before. Nothing changes while a participant has the floor, and in a recess.
        """
        if self.held or (self._staged is not None and self._staged.one is one):
            return
        self._mute_again()
        self._hidden = None
        if one is None or one.left or WAITS in one.grants.attributes:
            self._give_picture_back()
        else:
            self._show(one, large=True)

    def free(self) -> None:
        """Show the picture from before the roll call again."""
        self._mute_again()
        self._hidden = None
        before, self._before = self._before, None
        if not self._leads.speaks:
            self._leads.spotlight.restore(before or Shown())

    def _show(self, one: Participant, *, large: bool) -> None:
        spotlight = self._leads.spotlight
        if self._before is None:
            self._before = spotlight.shown
        if large:
            spotlight.show(one, "broadcast")
            self._picture = spotlight.shown
        if not isinstance(one, Hall):
            self._staged = Staged(one, not one.microphones(), False)
            with suppress(Refusal):
                one.ask_to_unmute()
            return
        self._staged, stays_muted = Staged(one, one.muted, one.locked), self._stays_muted(one)
        self._hidden = None
        if not stays_muted:
            one.set_muted(False)
            one.say("floor_given")

    def _hide(self, one: Participant) -> None:
        """Take the site off the stage: it is in the lobby, or its call was lost and it comes with a new one."""
        staged = self._staged
        muted = staged is not None and isinstance(staged.one, Hall) and staged.one.muted
        self._mute_again(one)
        if isinstance(one, Hall):
            self._hidden = Hidden(one.identity, muted, one.locked)
        if self._has_picture or self._leads.spotlight.identity == one.identity:
            self._give_picture_back()

    @property
    def _has_picture(self) -> bool:
        """Report whether all see the picture of the roll call, or the automatic picture: nobody chose another one."""
        return self._leads.spotlight.shown in (self._picture, Shown())

    def _give_picture_back(self) -> None:
        spotlight = self._leads.spotlight
        if self._before is None:
            self._before = spotlight.shown
        spotlight.restore(self._before)
        self._picture = spotlight.shown

    def _stays_muted(self, hall: Hall) -> bool:
        """Report whether this hall was muted when it was on stage, or by an order since then."""
        hidden = self._hidden
        if hidden is None or hidden.identity != hall.identity or not hall.muted:
            return False
        return hidden.muted or (hall.locked and not hidden.locked)

    def _mute_again(self, again: Participant | None = None) -> None:
        """Mute the site that was on stage, if its microphone was off before, or may not be on now. A site that a
        leader muted on stage stays muted. `again`: the same site in a new call.
        """
        staged, self._staged = self._staged, None
        one = again or (staged.one if staged is not None else None)
        if staged is None or one is None or one.left:
            return
        if isinstance(one, Hall):
            barred = bool(self._leads.barred(one, Source.MICROPHONE, "audio"))
            one.set_muted(staged.muted or one.muted or barred, locked=staged.locked or one.locked)
        elif staged.muted or self._leads.barred(one, Source.MICROPHONE, "audio"):
            one.silence()
