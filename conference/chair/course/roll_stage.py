"""The site on stage in a roll call: its large picture and its microphone, and what is given back after the site."""

from __future__ import annotations

from contextlib import suppress

from conference.chair.course.pauses import Leads
from conference.ground.errors import Refusal
from conference.ground.marks import WAITS
from conference.ground.permissions import Source
from conference.halls.hall import Hall
from conference.halls.spotlight import Shown
from conference.people.participant import Participant


class RollStage:
    """The stage of one roll call."""

    def __init__(self, leads: Leads) -> None:
        self._leads = leads
        self._before: Shown | None = None
        """The stage from before the roll call."""
        self._was_muted: tuple[Participant, bool, bool] | None = None
        """The participant on stage, with the microphone before: muted, locked."""

    def shows(self, identity: str) -> bool:
        """Report whether this participant is on stage, and may be heard there."""
        return self._was_muted is not None and self._was_muted[0].identity == identity and not self.held

    def follow(self, one: Participant | None) -> None:
        """Show the site that is called when it comes back from the lobby, and hide it when it is sent there."""
        if one is not None and not one.left and (WAITS not in one.grants.attributes or self.shows(one.identity)):
            self.show(one)

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
        one = None if one is not None and WAITS in one.grants.attributes else one
        if self.held:
            return
        if self._was_muted is not None and self._was_muted[0] is one:
            return
        self._mute_again()
        spotlight = self._leads.spotlight
        if self._before is None:
            self._before = spotlight.shown
        if one is None or one.left:
            spotlight.restore(self._before)
            return
        spotlight.show(one, "broadcast")
        if isinstance(one, Hall):
            self._was_muted = (one, one.muted, one.locked)
            one.set_muted(False)
            one.say("floor_given")
        else:
            self._was_muted = (one, not one.microphones(), False)
            with suppress(Refusal):
                one.ask_to_unmute()

    def free(self) -> None:
        """Show the picture from before the roll call again."""
        self._mute_again()
        before, self._before = self._before, None
        if not self._leads.speaks:
            self._leads.spotlight.restore(before or Shown())

    def _mute_again(self) -> None:
        """Mute the site that was on stage, if its microphone was off before, or may not be on now. A site that a
        leader muted on stage stays muted.
        """
        before, self._was_muted = self._was_muted, None
        if before is None or before[0].left:
            return
        one = before[0]
        if isinstance(one, Hall):
            barred = bool(self._leads.barred(one, Source.MICROPHONE, "audio"))
            one.set_muted(before[1] or one.muted or barred, locked=before[2] or one.locked)
        elif before[1] or self._leads.barred(one, Source.MICROPHONE, "audio"):
            one.silence()
