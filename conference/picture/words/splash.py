"""The text in the picture of a hall that has nobody to see. The hall is alone, or waits in the lobby. Or the meeting is not
opened yet, is in recess, or was stopped.

`Splash` keeps the state. The words are pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from conference.announcements.spoken_texts import Language
from conference.ground import limits
from conference.ports.time import Turns

_NUMBER: Final[dict[Language, str]] = {"vi": "Mã cuộc họp: {number}", "en": "Meeting number: {number}"}
_STARTS: Final[dict[Language, str]] = {"vi": "Bắt đầu lúc {at}", "en": "Starts at {at}"}
_ALONE: Final[dict[Language, str]] = {"vi": "Đang chờ các điểm cầu khác", "en": "Waiting for the other sites"}
_WAITS: Final[dict[Language, str]] = {
    "vi": "Micro đang tắt. Chờ chủ trì khai mạc",
    "en": "Microphone off. Waiting for the chair to open the meeting",
}

_RECESS: Final[dict[Language, str]] = {"vi": "GIẢI LAO", "en": "RECESS"}
_RETURN: Final[dict[Language, str]] = {"vi": "Họp lại lúc {at}", "en": "The meeting goes on at {at}"}
APART: Final[dict[Language, str]] = {
    "vi": "HỌP KÍN\nXin chờ. Điểm cầu tự động vào lại khi họp kín xong",
    "en": "CLOSED SESSION\nPlease wait. Your site returns by itself at the end",
}
"""The words for a hall in the lobby during a closed session. They name no agenda item."""
STOPPED: Final[dict[Language, str]] = {"vi": "CUỘC HỌP ĐÃ DỪNG", "en": "THE MEETING WAS STOPPED"}

BEGUN: Final[dict[Language, str]] = {
    "vi": "Cuộc họp bắt đầu. Muốn phát biểu, bấm *6 để bật micro",
    "en": "The meeting has begun. To speak, press *6 for your microphone",
}
"""The words over the picture after the opening."""


@dataclass(frozen=True, slots=True)
class About:
    """The meeting in words: its title, the number to dial, and the local time of its start (`08:00`). Empty: not known."""

    title: str = ""
    number: str = ""
    starts: str = ""


UNKNOWN: Final = About()


def words(about: About, language: Language, *, waits: bool = False) -> str:
    """Return up to three lines: the meeting's title, its number, and what the hall waits for. `waits`: for the opening, else
    for other sites. Unknown parts are left out.
    """
    title = about.title
    if len(title) > limits.WAITING_TITLE_CHARACTERS:
        title = title[: limits.WAITING_TITLE_CHARACTERS - 1].rstrip() + "…"
    groups = " ".join(about.number[at : at + 3] for at in range(0, len(about.number), 3))
    known = [_NUMBER[language].format(number=groups)] if groups else []
    if waits and about.starts:
        known.append(_STARTS[language].format(at=about.starts))
    lines = [title, " · ".join(known), (_WAITS if waits else _ALONE)[language]]
    return "\n".join(line for line in lines if line)


def slate(until: str, language: Language) -> str:
    """Return the words of a recess. `until`: the local time of return (`09:30`), empty if it was not said."""
    lines = [_RECESS[language], _RETURN[language].format(at=until) if until else ""]
    return "\n".join(line for line in lines if line)


class Splash:
    """The words about one meeting for its halls, and its state: before the opening, in recess, or stopped. `changed` is called
    after each change.
    """

    def __init__(self, turns: Turns, changed: Callable[[], None]) -> None:
        self._turns, self._changed = turns, changed
        self.about = UNKNOWN
        self.waiting = False
        """The chair has not opened the meeting."""
        self.begun = False
        """The chair opened the meeting a moment ago."""
        self.recess: str | None = None
        """The local time of return during a recess, may be empty. None: no recess."""
        self.stopped = False
        """The meeting was stopped because of secret content."""

    def set_about(self, about: About) -> None:
        self.about = about
        self._changed()

    def wait(self) -> None:
        self.waiting = True
        self._changed()

    def begin(self) -> None:
        """Show the meeting in place of the splash, and for a while the words about the opening."""
        self.waiting, self.begun = False, True
        self._turns.call_later(limits.HALL_NOTICE_S, self._end_notice)
        self._changed()

    def set_recess(self, until: str | None) -> None:
        self.recess = until
        self._changed()

    def stop(self) -> None:
        self.stopped = True
        self.about = UNKNOWN
        self._changed()

    def _end_notice(self) -> None:
        self.begun = False
        self._changed()
