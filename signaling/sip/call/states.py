"""The states of a call as a table. The table only names the steps: `call` carries them out."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class State(Enum):
    DIALLING = auto()
    RINGING = auto()
    CANCELLING = auto()
    """We gave up and wait for the end of our INVITE."""
    OFFERED = auto()
    """The other side called, and we have not answered."""
    ANSWERED = auto()
    """Our 200 is sent, but the ACK has not arrived."""
    LEAVING = auto()
    """We hung up before the ACK. BYE must wait for the ACK."""
    STANDING = auto()
    CLOSED = auto()


class Event(Enum):
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    LOST = auto()
    HANG_UP = auto()
    ACCEPT = auto()
    REFUSE = auto()
    ACK = auto()
    NO_ACK = auto()
    CANCEL = auto()
    BYE = auto()
    GONE = auto()
    """The other side is gone: it has no such dialog, gives no answer, breaks the protocol, or did not refresh the session."""


S, V = State, Event
TABLE: Final[dict[tuple[State, Event], State]] = {
    (S.DIALLING, V.PROVISIONAL): S.RINGING,
    (S.DIALLING, V.SUCCESS): S.STANDING,
    (S.DIALLING, V.FAILURE): S.CLOSED,
    (S.DIALLING, V.LOST): S.CLOSED,
    (S.DIALLING, V.HANG_UP): S.CANCELLING,
    (S.RINGING, V.PROVISIONAL): S.RINGING,
    (S.RINGING, V.SUCCESS): S.STANDING,
    (S.RINGING, V.FAILURE): S.CLOSED,
    (S.RINGING, V.LOST): S.CLOSED,
    (S.RINGING, V.HANG_UP): S.CANCELLING,
    (S.CANCELLING, V.PROVISIONAL): S.CANCELLING,
    (S.CANCELLING, V.SUCCESS): S.CLOSED,
    (S.CANCELLING, V.FAILURE): S.CLOSED,
    (S.CANCELLING, V.LOST): S.CLOSED,
    (S.OFFERED, V.ACCEPT): S.ANSWERED,
    (S.OFFERED, V.REFUSE): S.CLOSED,
    (S.OFFERED, V.CANCEL): S.CLOSED,
    (S.OFFERED, V.BYE): S.CLOSED,
    (S.ANSWERED, V.ACK): S.STANDING,
    (S.ANSWERED, V.NO_ACK): S.CLOSED,
    (S.ANSWERED, V.HANG_UP): S.LEAVING,
    (S.ANSWERED, V.BYE): S.CLOSED,
    (S.LEAVING, V.ACK): S.CLOSED,
    (S.LEAVING, V.NO_ACK): S.CLOSED,
    (S.LEAVING, V.BYE): S.CLOSED,
    (S.STANDING, V.HANG_UP): S.CLOSED,
    (S.STANDING, V.BYE): S.CLOSED,
    (S.STANDING, V.GONE): S.CLOSED,
}
