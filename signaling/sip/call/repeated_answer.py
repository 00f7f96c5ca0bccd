"""A 2xx to an INVITE, which is sent again until its ACK arrives, also over TCP (RFC 3261 section 13.3.1.4)."""

from __future__ import annotations

from collections.abc import Callable

from signaling.sip.dialog.core import Core
from signaling.sip.transaction.timers import Timer
from signaling.sip.transaction.transaction import ServerTransaction
from signaling.sip.wire.message import Response


class RepeatedAnswer:
    """The retransmission of a 2xx. `give_up` is called after 64*T1."""

    def __init__(self, core: Core, served: ServerTransaction, response: Response, give_up: Callable[[], None]) -> None:
        self._core = core
        self._served = served
        self._response = response
        self._give_up = give_up
        self._spacing = core.config.timing.t1
        self._until = core.now + core.config.timing.whole
        core.transactions.answer(served, response)
        self._timer: Timer | None = core.timers.after(self._spacing, self._ring)

    def _ring(self) -> None:
        timing = self._core.config.timing
        if self._core.now >= self._until:
            self._timer = None
            self._give_up()
            return
        self._core.transactions.answer(self._served, self._response)
        self._spacing = min(self._spacing * 2, timing.t2)
        self._timer = self._core.timers.at(min(self._core.now + self._spacing, self._until), self._ring)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
