"""The events and the health of the mixer of one conference. Implements `media.MixerEvents`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from conference.ground import limits
from conference.picture.words.prompts import Prompts

log = logging.getLogger(__name__)


class Told(Protocol):
    """The receiver of the mixer's events."""

    @property
    def prompts(self) -> Prompts: ...
    def refused(self, group: str) -> None: ...
    def keep_thumbnail(self, site: str, jpeg: bytes) -> None: ...


class MixerStatus:
    def __init__(self, name: str, told: Told) -> None:
        self._name = name
        self._told = told
        self.health = "starting"  # "ready", "lost", "degraded"
        self.step = 0
        """The steps by which the mixer makes all pictures worse because of the load (`MixerEvents.degraded`)."""
        self.sound_late = False
        """True while the halls' sound is late."""
        self.looks: dict[str, Literal["good", "black", "frozen"]] = {}
        """The look of the last thumbnail of each hall, by sid."""

    def ready(self, mixer: Any) -> None:
        self.health = "ready"

    def lost(self, mixer: Any) -> None:
        """Note that the mixer's process ended. It is started again and gets the scene."""
        self.health, self.step = "lost", 0
        self.sound_late = False

    def degraded(self, mixer: Any, step: int) -> None:
        self.health = f"degraded {step}" if step else "ready"
        self.step = step

    def refused(self, mixer: Any, group: str, code: str) -> None:
        self._told.refused(group)

    def accepted(self, mixer: Any, group: str) -> None:
        """Ignore the event. The mixer had power in the end, but the lower number of programs stays while as many are wanted."""

    def late(self, mixer: Any, is_late: bool) -> None:
        """Note that the halls' sound is interrupted. The board shows an alarm until it is over."""
        self.sound_late = is_late
        words = "is late" if is_late else "is no longer late"
        log.warning("the sound of %s for its halls %s", self._name, words)

    def levels(self, mixer: Any, sites: Mapping[str, float]) -> None:
        """Ignore the event. The plane gets the levels from the voices, and reports the speakers together with the browsers'
        levels.
        """

    def thumbnail(self, mixer: Any, site: str, jpeg: bytes) -> None:
        self._told.keep_thumbnail(site, jpeg)

    def looked(self, mixer: Any, site: str, look: Literal["good", "black", "frozen"]) -> None:
        if site in self.looks or len(self.looks) < limits.HALLS:
            self.looks[site] = look

    def prompt_ended(self, mixer: Any, prompt: str) -> None:
        self._told.prompts.go_on(prompt)
