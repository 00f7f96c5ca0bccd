"""The answer to a browser that tries to resume a session unknown to this server, for example after a crash. The browser must
join again at once.

`livekit-client` (read in 2.9.9 and 2.23.0, `RTCEngine.attemptReconnect`) counts `leave` with RECONNECT, as the first answer to
a resume, as one more failed attempt. It waits for the next step of its backoff, 1.2 s to 7 s, before it joins. If the first
answer was `reconnect`, the same `leave` skips the backoff (`handleDisconnect(leaveReconnect)`). But a `leave` during the resume
does not skip the backoff. The resume takes two seconds and then waits for a peer connection that is dead.

Therefore the answer has three steps. First, `reconnect` names a TURN server without credentials.
`RTCPeerConnection.setConfiguration` must refuse such a server (InvalidAccessError, W3C WebRTC 4.4.1.6), so the resume fails
here without delay. The client has sent its `sync_state` just before. Second, `leave` arrives while no attempt runs. Third, the
socket stays open, because a close would begin one more wait. A page with its own `iceServers` ignores our server. Such a page
joins when it gives up its dead peer connection, after 17 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from livekit.protocol import rtc

from conference.ground.events import Action, Left, Reason
from conference.ports.time import Cancellable, Turns
from signaling.rtc.wire import limits, messages
from signaling.rtc.wire.join import Ask

REFUSED: Final = "turn:127.0.0.1"
"""An address that is never contacted: browsers refuse a TURN server without a user and a credential."""


def skips_backoff(ask: Ask) -> bool:
    """Report whether the client is `livekit-client` in a browser. In React Native it names its system, and React Native does
    not refuse the TURN server. Other libraries join at once after a `leave`.
    """
    return ask.library == "JS" and not ask.client.os


class UnknownSession:
    """A session that cannot be resumed: it sends `reconnect`, then `leave` after the client's `sync_state` or a timeout, then
    ends.
    """

    def __init__(
        self,
        facts: messages.ServerFacts,
        turns: Turns,
        send: Callable[[rtc.SignalResponse], None],
        end: Callable[[], None],
    ) -> None:
        self._turns = turns
        self._send = send
        self._end = end
        self._timer: Cancellable = turns.call_later(limits.UNKNOWN_SESSION_SYNC_S, self.leave)
        self._told = False
        servers = [rtc.ICEServer(urls=[REFUSED])]
        send(rtc.SignalResponse(reconnect=rtc.ReconnectResponse(ice_servers=servers, server_info=facts.info())))

    def leave(self) -> None:
        """Send `leave` once: the client has failed to resume."""
        if not self._told:
            self._told = True
            self.cancel()
            self._send(messages.leave(Left(Reason.STATE_MISMATCH, Action.RECONNECT)))
            self._timer = self._turns.call_later(limits.UNKNOWN_SESSION_LEFT_S, self._end)

    def cancel(self) -> None:
        self._timer.cancel()
