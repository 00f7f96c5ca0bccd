"""The events for the user of a call. An exception in an event ends this call and no other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from signaling.sip.call.causes import Cause
from signaling.sip.dialog.core import Core

log = logging.getLogger(__name__)
C = TypeVar("C")
Whole = TypeVar("Whole", contravariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """The refusal of an offer, for example 488 with a Warning."""

    status: int = 488
    headers: tuple[tuple[str, str], ...] = ()


class Events(Protocol[Whole]):
    """The user of a call. `Whole` is `Call`, which is in a layer above this file."""

    def ringing(self, call: Whole, body: bytes) -> None:
        """Handle a provisional answer above 100 (180, 183). `body`: its SDP, or empty."""

    def answered(self, call: Whole, body: bytes) -> None:
        """Handle the start of the established call.

        `body`: their answer to our offer; empty if they offered and we answered.
        """

    def reoffered(self, call: Whole, body: bytes) -> bytes | Refused:
        """Return our answer to their offer: in a re-INVITE, in an UPDATE, or in the 2xx to our INVITE without an offer. An
        empty `body` asks for our offer (late offer); `renegotiated` reports their answer.
        """

    def renegotiated(self, call: Whole, body: bytes, status: int) -> None:
        """Handle their answer to our offer in an established call. Status 300 and above: they refused, and nothing changed."""

    def info(self, call: Whole, content_type: str, body: bytes) -> int:
        """Return the status of the answer, for example 200, 400 or 415."""

    def dtmf(self, call: Whole, digit: str, duration_ms: int) -> None: ...

    def ended(self, call: Whole, cause: Cause) -> None:
        """Handle the end. This is the last event, and it comes once."""


class Reports(Generic[C]):
    """The events of one call, for its parts."""

    def __init__(self, core: Core, call: C, hang_up: Callable[[], None]) -> None:
        self._core = core
        self._call = call
        self._hang_up = hang_up
        self.events: Events[C] | None = None
        self.over = False
        """The call has ended: only `ended` is still reported."""

    def ringing(self, body: bytes) -> None:
        self._ask(lambda events: events.ringing(self._call, body))

    def answered(self, body: bytes) -> None:
        self._ask(lambda events: events.answered(self._call, body))

    def reoffered(self, body: bytes) -> bytes | Refused:
        reply = self._ask(lambda events: events.reoffered(self._call, body))
        return Refused(500) if reply is None else reply

    def renegotiated(self, body: bytes, status: int) -> None:
        self._ask(lambda events: events.renegotiated(self._call, body, status))

    def info(self, content_type: str, body: bytes) -> int:
        status = self._ask(lambda events: events.info(self._call, content_type, body))
        return status if status is not None and 200 <= status < 700 else 500

    def dtmf(self, digit: str, duration_ms: int) -> None:
        self._ask(lambda events: events.dtmf(self._call, digit, duration_ms))

    def ended(self, cause: Cause) -> None:
        self.over = True
        if self.events is None:
            return
        try:
            self.events.ended(self._call, cause)
        except Exception:
            self._count_defect()

    def _ask(self, ask: Callable[[Events[C]], T]) -> T | None:
        """Return the result of an event.

        Return None if the call has no user, or if the event raised; then the call is hung up.
        """
        if self.events is None or self.over:
            return None
        try:
            return ask(self.events)
        except Exception:
            self._count_defect()
            self._core.timers.after(0.0, self._hang_up)
            return None

    def _count_defect(self) -> None:
        log.exception("an event of a call failed")
        self._core.defects += 1
