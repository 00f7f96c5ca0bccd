"""A subscription of a terminal to an event package (RFC 6665): its dialog, its time, the order of its NOTIFYs.

The user of the subscription makes the bodies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from signaling.sip.dialog.core import Core
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.dialog.exchange import Exchange
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timer
from signaling.sip.transaction.transaction import Do
from signaling.sip.wire.message import Request, Response


class SubscriptionEvents(Protocol):
    def refreshed(self, subscription: Subscription) -> None:
        """Send the whole state by `notify`, because the subscription began or was refreshed."""

    def unsubscribed(self, subscription: Subscription) -> None:
        """Handle the end, which is the last event. The terminal ended the subscription, refused a NOTIFY or is unreachable, the
        time ran out, or our side called `end`.
        """


class Subscription:
    """A subscription. `identity`: the proven alias. `resource`: the user part of the request URI."""

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        package: str,
        event: str,
        identity: str,
        resource: str,
        closed: Callable[[Subscription], None],
    ) -> None:
        self._core = core
        self.dialog = dialog
        self.package = package
        self.identity = identity
        self.resource = resource
        self.events: SubscriptionEvents | None = None
        self.host = dialog.hop.host
        self.counted = False
        """True if the subscription has a dialog of its own. Then the agent counts the address as a peer."""
        self._event = event
        self._closed = closed
        self._until = core.now
        self._timer: Timer | None = None
        self._queue: deque[tuple[str, bytes]] = deque()
        self._sending: Exchange | None = None
        self._over = ""
        """The reason for the end; empty until then."""
        self._told = False

    def extend(self, seconds: int) -> None:
        """Extend the subscription by `seconds` from now."""
        if self._timer is not None:
            self._timer.cancel()
        self._until = self._core.now + seconds
        self._timer = self._core.timers.after(seconds, lambda: self.end("timeout"))

    def notify(self, content_type: str, body: bytes) -> bool:
        """Queue one NOTIFY. Return False if the subscription has ended, or if too many wait; then send the whole state later."""
        if self._over or len(self._queue) >= limits.BODY_QUEUE:
            return False
        self._queue.append((content_type, body))
        self._next()
        return True

    def end(self, reason: str) -> None:
        """Send a last NOTIFY and end. `reason`: from RFC 6665 section 4.1.3 (timeout, noresource, deactivated)."""
        if self._over:
            return
        self._over = reason
        self._queue.clear()
        self._queue.append(("", b""))
        self._next()

    def _next(self) -> None:
        if self._sending is not None or not self._queue:
            return
        content_type, body = self._queue.popleft()
        self._sending = Exchange(
            self._core, lambda: self._make(content_type, body), self.dialog.hop, self._answered, self._failed
        )
        self._sending.start()
        if self._over:
            self._stop()

    def _make(self, content_type: str, body: bytes) -> Request:
        made = self.dialog.request("NOTIFY", self._core.contact(self.dialog.hop, focus=self.package == "conference"))
        left = max(0, int(self._until - self._core.now))
        state = f"terminated;reason={self._over}" if self._over else f"active;expires={left}"
        made.headers.rows.extend(
            [("event", self._event), ("subscription-state", state), ("user-agent", self._core.config.name)]
        )
        if body:
            made.headers.add("content-type", content_type)
        made.body = body
        return made

    def _answered(self, response: Response) -> None:
        if not response.is_final:
            return
        self._sending = None
        if response.status >= 300 and not self._over:
            self._over = "rejected"
            self._stop()
        elif not self._over or self._queue:
            self._next()

    def _failed(self, _why: Do) -> None:
        self._sending = None
        if not self._told:
            self._over = self._over or "noresponse"
            self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._told:
            return
        self._told = True
        self._closed(self)
        if self.events is not None:
            self.events.unsubscribed(self)
