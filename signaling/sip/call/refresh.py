"""The session timer of an established call (RFC 4028): when this side refreshes, and when the call ends without a refresh."""

from __future__ import annotations

from collections.abc import Callable

from signaling.sip.dialog.core import Core
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timer
from signaling.sip.wire import session_timer
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Response


class SessionTimer:
    def __init__(self, core: Core, refresh: Callable[[], None], expired: Callable[[], None]) -> None:
        self._core = core
        self._on_refresh = refresh
        self._on_end = expired
        self.agreed: session_timer.Session | None = None
        self._refresh: Timer | None = None
        self._end: Timer | None = None

    def arm(self) -> None:
        """Start the timers again from now."""
        self.stop()
        if self.agreed is None:
            return
        if self.agreed.ours:
            self._refresh = self._core.timers.after(self.agreed.refresh_s, self._refresh_now)
        if self.agreed.agreed:
            self._end = self._core.timers.after(self.agreed.end_s, self._expire)

    def postpone(self) -> None:
        """Try the refresh again later: the present offer also refreshes, if it succeeds."""
        self._refresh = self._core.timers.after(self._core.config.timing.whole, self._refresh_now)

    def stop(self) -> None:
        for timer in (self._refresh, self._end):
            if timer is not None:
                timer.cancel()
        self._refresh = self._end = None

    def fields(self) -> list[tuple[str, str]]:
        """Return the fields of our offer that keep the agreed timer."""
        agreed = self.agreed
        if agreed is None:
            return []
        who = ("uac" if agreed.ours else "uas") if agreed.agreed else ""
        fields = session_timer.wanted(agreed.interval_s, limits.SESSION_LEAST_S)
        fields[0] = "session-expires", f"{agreed.interval_s};refresher={who}" if who else str(agreed.interval_s)
        return fields

    def renew(self, response: Response) -> bool:
        """Take the timer from a 2xx to our offer. Return False if it is unreadable."""
        usual = self.agreed.interval_s if self.agreed else self._core.config.session_expires_s
        try:
            self.agreed = session_timer.as_client(response, usual)
        except Malformed:
            return False
        return True

    def stretch(self, response: Response) -> bool:
        """Take the least interval of a 422. Return False if the interval cannot be used."""
        try:
            least = response.seconds("min-se")
        except Malformed:
            return False
        if least is None or self.agreed is None or not self.agreed.interval_s < least <= limits.SESSION_MOST_S:
            return False
        self.agreed = session_timer.Session(least, self.agreed.ours, self.agreed.agreed)
        return True

    def _refresh_now(self) -> None:
        self._refresh = None
        self._on_refresh()

    def _expire(self) -> None:
        self._end = None
        self._on_end()
