"""The orders by which a desk reads and writes the chat. A page in the call uses data packets (`conference/data/chat.py`)."""

from __future__ import annotations

from pydantic import Field

from conference import Refusal, limits
from conference.chair import rules
from conference.ports.proceedings import ChatLine
from signaling.orders.performing import Given
from signaling.orders.shapes import Message


class Saying(Message):
    """A line. `to`: the identity of its only reader. `reply`: the line that it answers. Empty: all people, none."""

    text: str = Field(min_length=1, max_length=limits.CHAT_CHARACTERS)
    to: str = Field(default="", max_length=limits.IDENTITY_BYTES)
    reply: str = Field(default="", max_length=limits.CHAT_KEY_CHARACTERS)


class Line(Message):
    """A line of the chat. `at`: ms since 1970. `writer` and `to` are identities, `to_name` is the name of the only reader."""

    id: str
    at: int
    writer: str
    name: str
    text: str
    to: str
    to_name: str
    reply: str


class Since(Message):
    """The last line that the desk has. Empty: none."""

    since: str = Field(default="", max_length=limits.CHAT_KEY_CHARACTERS)


class Lines(Message):
    """The next lines, the oldest first. `more`: further lines follow these."""

    lines: list[Line]
    more: bool


async def say(given: Given, wanted: Saying) -> Line:
    meeting, by = given.meeting(), given.by
    code = rules.bars_chat(meeting.machines.rules, by.role)
    if code:
        raise Refusal(code)
    return _shown(meeting.chat.write(by.identity, by.name or by.identity, wanted.text, wanted.to, wanted.reply))


async def read(given: Given, wanted: Since) -> Lines:
    lines, more = given.meeting().chat.lines(given.by.identity, given.by.name, wanted.since)
    return Lines(lines=[_shown(one) for one in lines], more=more)


def _shown(line: ChatLine) -> Line:
    return Line(
        id=line.id,
        at=round(line.at * 1000),
        writer=line.identity,
        name=line.name,
        text=line.text,
        to=line.to,
        to_name=line.to_name,
        reply=line.reply,
    )
