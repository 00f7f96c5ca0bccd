"""The text in the picture of a hall that is alone in its meeting. Pure."""

from __future__ import annotations

from typing import Final

from conference.announcements.spoken_texts import Language
from conference.ground import limits

_WORDS: Final[dict[Language, tuple[str, str]]] = {
    "vi": ("Mã cuộc họp: {number}", "Đang chờ các điểm cầu khác"),
    "en": ("Meeting number: {number}", "Waiting for the other sites"),
}


def words(title: str, number: str, language: Language) -> str:
    """Return up to three lines: the meeting's title, its number, and a note that others are expected. Unknown parts are left
    out.
    """
    numbered, waits = _WORDS[language]
    if len(title) > limits.WAITING_TITLE_CHARACTERS:
        title = title[: limits.WAITING_TITLE_CHARACTERS - 1].rstrip() + "…"
    groups = " ".join(number[at : at + 3] for at in range(0, len(number), 3))
    lines = [title, numbered.format(number=groups) if number else "", waits]
    return "\n".join(line for line in lines if line)
