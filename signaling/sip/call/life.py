"""The state of a call and its end, which is reported once. The table is in `states`."""

from __future__ import annotations

from collections.abc import Callable

from signaling.sip.call.causes import Cause
from signaling.sip.call.states import TABLE, Event, State


class Life:
    def __init__(self, first: State, on_end: Callable[[Cause], None]) -> None:
        self.state = first
        self.cause: Cause | None = None
        """The reason for the end. When the call is given up, the reason is set before the end."""
        self._on_end = on_end
        self._ended = False

    def go(self, event: Event) -> bool:
        """Go to the next state of the table. Return False if the table has no step for `event`."""
        after = TABLE.get((self.state, event))
        if after is None:
            return False
        self.state = after
        return True

    def end(self, cause: Cause) -> None:
        """Report the end of a call that is closed. A second end is ignored."""
        assert self.state is State.CLOSED
        if not self._ended:
            self._ended = True
            self.cause = cause
            self._on_end(cause)
