"""The fields and the answers of the orders. An unknown field is refused."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from conference import limits
from signaling.host.bodies import Body

MOST_IDS = limits.LOBBY_WAITING


class Message(Body):
    """The base of the fields and answers."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class Nothing(Message):
    """An order without fields."""


class Muting(Message):
    """A mute of all. `spare_floor`: except those who have the floor."""

    spare_floor: bool = False


class Done(Message):
    """The answer of an order that has no other result."""


class Whom(Message):
    """The identity of a participant, as the meeting shows it."""

    identity: str = Field(min_length=1, max_length=limits.IDENTITY_BYTES)


class Removing(Whom):
    """A removal. `keep_out`: refuse this account, this link, this name from this network, or this terminal from now on."""

    keep_out: bool = False


class Muted(Message):
    """The result of muting all. `muted`: the number of microphones that were on. `undo` takes it back for `undo_s` seconds."""

    muted: int
    undo: str
    undo_s: float


class Undoing(Message):
    """The `undo` of the order that is taken back."""

    undo: str = Field(max_length=64)


class Undone(Message):
    """The result of the undo. `unmuted`: halls that are heard again. `asked`: participants in browsers, who decide themselves."""

    unmuted: int
    asked: int


class Extending(Message):
    """An extension of the booked end."""

    minutes: Literal[15, 30]


class Extended(Message):
    """The booked end after the extension."""

    ends_at: datetime


class Admitting(Message):
    """The users to admit. `all`: all users who wait now."""

    ids: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=MOST_IDS)
    all: bool = False


class Admitted(Message):
    """The number of admitted users."""

    admitted: int
