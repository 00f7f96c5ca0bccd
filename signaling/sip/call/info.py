"""INFO in both directions of an established call (RFC 6086): keys that a person pressed, and bodies for other modules."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from conference import PeerError
from signaling.sip.call.causes import Cause, Kind
from signaling.sip.call.events import Reports
from signaling.sip.call.far_end import FarEnd
from signaling.sip.call.life import Life
from signaling.sip.call.states import State
from signaling.sip.dialog.core import Core
from signaling.sip.ground import limits
from signaling.sip.wire import mediacontrol
from signaling.sip.wire.message import Request, Response


class Info:
    """The INFOs. Ours are sent one after another, because datagrams could overtake each other."""

    def __init__(
        self, core: Core, life: Life, far_end: FarEnd, reports: Reports[Any], gone: Callable[[Cause], None]
    ) -> None:
        self._core = core
        self._life = life
        self._far_end = far_end
        self._reports = reports
        self._gone = gone
        self._queue: deque[tuple[str, bytes, Callable[[int], None]]] = deque()

    def send(self, content_type: str, body: bytes, done: Callable[[int], None]) -> None:
        """Queue one INFO. `done` gets the status of its answer: 408 without an answer, 481 outside an established call, 503 if
        too many wait.
        """
        standing = self._life.state is State.STANDING
        if self._far_end.dialog is None or not standing or len(self._queue) >= limits.BODY_QUEUE:
            status = 503 if standing else 481
            self._core.timers.after(0.0, lambda: done(status))
            return
        self._queue.append((content_type, body, done))
        if len(self._queue) == 1:
            self._send_next()

    def receive(self, request: Request) -> int:
        """Read their INFO and return the status of its answer."""
        if self._life.state is not State.STANDING:
            return 481
        if request.content_type in {mediacontrol.DTMF_RELAY, mediacontrol.DTMF}:
            return self._press(request)
        return self._reports.info(request.content_type, request.body)

    def _press(self, request: Request) -> int:
        try:
            press = mediacontrol.read(request.content_type, request.body)
        except PeerError:
            return 400
        if isinstance(press, mediacontrol.Press):
            self._reports.dtmf(press.digit, press.duration_ms)
        return 200

    def _send_next(self) -> None:
        dialog = self._far_end.dialog
        if not self._queue or dialog is None or self._life.state is not State.STANDING:
            for *_, done in self._queue:
                done(481)
            self._queue.clear()
            return
        content_type, body, done = self._queue[0]

        def make() -> Request:
            made = dialog.request("INFO", self._core.contact(dialog.hop))
            made.headers.add("content-type", content_type)
            made.body = body
            return made

        def finished(status: int) -> None:
            if self._queue:
                self._queue.popleft()
            done(status)
            if status == 481:
                self._gone(Cause(Kind.EXPIRED, 481))
            self._send_next()

        def answered(response: Response) -> None:
            if response.is_final:
                finished(response.status)

        self._far_end.ask_inside(make, answered, lambda _: finished(408))
