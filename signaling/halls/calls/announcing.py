"""Announcements to one hall, by voice and in its picture, in its language."""

from __future__ import annotations

import asyncio
from typing import Final

from conference import Refusal, spoken_texts
from conference.announcements.spoken_texts import Language
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.rooms import RECEPTION
from signaling.halls.ground import limits

SHOWN: Final = frozenset(
    {
        *("lobby", "denied", "forbidden", "full", "not_started", "unknown_address"),
        *("operator", "operator_seen", "operator_absent", "ended_by_operator"),
    }
)
"""The announcements that the picture of the reception shows as text too."""


def text_of(language: Language | None, code: str) -> str:
    """Return the text in the language of the hall, or in both languages if the language is not known."""
    if language is not None:
        return spoken_texts.text(code, language)
    return f"{spoken_texts.text(code, 'vi')}\n{spoken_texts.text(code, 'en')}"


def say(leg: Leg, code: str) -> None:
    """Announce something to this hall alone, in its language. In the reception the picture also shows the text of a code in
    `SHOWN`.
    """
    if leg.room is None:
        return
    hall = leg.room.hall
    hall.program.say(hall, (code, hall.language))
    if leg.room.conference.name == RECEPTION and code in SHOWN:
        hall.set_text(text_of(leg.party.language, code))


def explain(leg: Leg, why: Refusal) -> None:
    """Show in the picture of the reception that no connection is free, and whom to call."""
    room = leg.room
    if why.code == "conference_full" and room is not None and room.conference.name == RECEPTION:
        room.hall.set_text(why.english if leg.party.language == "en" else why.vietnamese)


def last_words(leg: Leg, code: str, reason: str = "") -> None:
    """Announce the text of `code`, and hang up after `LAST_WORDS_S`. `reason`: the reason of the end; empty: the code."""
    say(leg, code)
    asyncio.get_running_loop().call_later(limits.LAST_WORDS_S, leg.end, reason or code)
