"""What the mixer of one conference tells, and how the mixer is. Implements `media.MixerEvents`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from conference.picture.prompts import Prompts

log = logging.getLogger(__name__)


class Told(Protocol):
    """What is told of what the mixer makes."""

    @property
    def prompts(self) -> Prompts: ...
    def refused(self, group: str) -> None: ...
    def keep_thumbnail(self, site: str, jpeg: bytes) -> None: ...


class MixerStatus:
    def __init__(self, name: str, told: Told) -> None:
        self._name = name
        self._told = told
        self.health = "starting"  # "ready", "lost", "degraded"
        self.sound_late = False
        """What halls hear does not come in time."""

    def ready(self, mixer: Any) -> None:
        self.health = "ready"

    def lost(self, mixer: Any) -> None:
        """The process has ended; it is started again and gets the scene."""
        self.health = "lost"
        self.sound_late = False

    def degraded(self, mixer: Any, step: int) -> None:
        self.health = f"degraded {step}" if step else "ready"

    def refused(self, mixer: Any, group: str, code: str) -> None:
        self._told.refused(group)

    def accepted(self, mixer: Any, group: str) -> None:
        """There was power in the end; what was given up in between stays so while as much is wanted."""

    def late(self, mixer: Any, is_late: bool) -> None:
        """Halls hear chopped words: an alarm on the board until it is over."""
        self.sound_late = is_late
        words = "is late" if is_late else "is in time again"
        log.warning("the sound of %s for its halls %s", self._name, words)

    def levels(self, mixer: Any, sites: Mapping[str, float]) -> None:
        """Voices carry their levels to the plane, which knows the browsers' too and tells who speaks."""

    def thumbnail(self, mixer: Any, site: str, jpeg: bytes) -> None:
        self._told.keep_thumbnail(site, jpeg)

    def prompt_ended(self, mixer: Any, prompt: str) -> None:
        self._told.prompts.go_on(prompt)
