"""Test scenarios that a client requests for itself (the SDKs' `simulateScenario`): one function for each.

A scenario affects other participants no more than the client could by leaving, by speaking, or by changing its network.
"""

from __future__ import annotations

from collections.abc import Callable

from livekit.protocol import rtc

from conference import Participant
from conference.ground.events import Action, Reason
from conference.ports.clients import PathWish
from signaling.rtc.session.context import GOING_AWAY, Requester
from signaling.rtc.wire import limits

_PATHS: dict[int, PathWish] = {
    rtc.CandidateProtocol.UDP: "any",
    rtc.CandidateProtocol.TCP: "tcp",
    rtc.CandidateProtocol.TLS: "relay",
}


def simulate(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    run = TABLE.get(message.WhichOneof("scenario") or "")
    if run is not None:
        run(session, participant, message)


def speaker_update(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    """Report to all that this participant speaks, for some seconds. A participant that is hidden or has no open microphone is
    not reported.
    """
    open_ = any(track.kind == "audio" and not track.muted for track in participant.tracks.values())
    if open_ and not participant.grants.hidden:
        seconds = max(limits.SIMULATED_SPEECH_LEAST_S, min(message.speaker_update, limits.SIMULATED_SPEECH_S))
        participant.stage.speakers.play(participant.sid, limits.SIMULATED_LEVEL, seconds)


def node_failure(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    """End the participant as if this server had died: without a message, and without a way to resume."""
    session.participant = None
    participant.client = None
    participant.leave(Reason.SIGNAL_CLOSE)
    session.close(GOING_AWAY)


def migration(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    """Send the client away to join again: sessions do not move between servers."""
    _end(participant, Reason.MIGRATION, Action.RECONNECT)


def server_leave(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    _end(participant, Reason.SERVER_SHUTDOWN, Action.DISCONNECT)


def leave_request_full_reconnect(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    _end(participant, Reason.UNKNOWN, Action.RECONNECT)


def switch_candidate_protocol(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    """Make the client return over another path. UDP (or an unknown value): any path. TCP: TCP only. TLS: the TURN server only,
    or TCP only if there is no TURN server. Some clients resume, others join again.
    """
    path = _PATHS.get(message.switch_candidate_protocol, "any")
    if path == "relay" and session.context.encoder.facts.relays is None:
        path = "tcp"
    participant.stage.paths.prefer(participant, path)
    participant.dismiss(Reason.UNKNOWN, Action.RESUME)


def disconnect_signal_on_resume(session: Requester, participant: Participant, message: rtc.SimulateScenario) -> None:
    session.context.cut_next_resume(participant.sid, silent=False)


def disconnect_signal_on_resume_no_messages(
    session: Requester, participant: Participant, message: rtc.SimulateScenario
) -> None:
    session.context.cut_next_resume(participant.sid, silent=True)


def _end(participant: Participant, reason: Reason, action: Action) -> None:
    participant.dismiss(reason, action)
    participant.leave(reason)


TABLE: dict[str, Callable[[Requester, Participant, rtc.SimulateScenario], None]] = {
    "speaker_update": speaker_update,
    "node_failure": node_failure,
    "migration": migration,
    "server_leave": server_leave,
    "leave_request_full_reconnect": leave_request_full_reconnect,
    "switch_candidate_protocol": switch_candidate_protocol,
    "disconnect_signal_on_resume": disconnect_signal_on_resume,
    "disconnect_signal_on_resume_no_messages": disconnect_signal_on_resume_no_messages,
}
