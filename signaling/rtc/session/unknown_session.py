"""A browser resumes a session that this server does not know, after a crash say. It has to join again, and at once.

`livekit-client` (read in 2.9.9 and 2.23.0, `RTCEngine.attemptReconnect`) takes `leave` with RECONNECT as the first answer to a
resume for one more failed attempt: it waits for the next step of its backoff, 1.2 s to 7 s, before it joins. The same `leave` on
a socket that has been answered with `reconnect` skips the backoff (`handleDisconnect(leaveReconnect)`), but not while the
resume is still under way, which takes two seconds and then waits for a peer connection that is dead.

So the answer has three steps. `reconnect` names a TURN server without credentials, which `RTCPeerConnection.setConfiguration`
must refuse (InvalidAccessError, W3C WebRTC 4.4.1.6): the resume fails at this place, without delay. The client has sent its
`sync_state` just before. Then `leave` finds no attempt under way, and the socket stays open: a close would begin one more wait.
A page that gives its own `iceServers` ignores ours and joins when its dead peer connection is given up, after 17 s.
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
"""Never reached: without a user and a credential no browser takes it."""


def skips_backoff(ask: Ask) -> bool:
    """Whether it is `livekit-client` in a browser. In React Native it names its system, and no browser would refuse. Other
    libraries join at once after a `leave`.
    """
    return ask.library == "JS" and not ask.client.os


class UnknownSession:
    """A session that cannot be resumed: `reconnect`, then `leave` at its `sync_state` or soon, then its end."""

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
        """The client has failed to resume. It is told once."""
        if not self._told:
            self._told = True
            self.cancel()
            self._send(messages.leave(Left(Reason.STATE_MISMATCH, Action.RECONNECT)))
            self._timer = self._turns.call_later(limits.UNKNOWN_SESSION_LEFT_S, self._end)

    def cancel(self) -> None:
        self._timer.cancel()
