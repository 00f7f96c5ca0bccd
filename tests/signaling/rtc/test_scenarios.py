"""Scenarios that a client may simulate for itself: the messages that the client gets, and that no other client is disturbed."""

from __future__ import annotations

from typing import Any

import pytest
from livekit.protocol import models, rtc

from conference.ground.limits import PLAYED_GAP_S
from signaling.rtc.session.context import GOING_AWAY, NORMAL, Context
from signaling.rtc.session.session import Session
from signaling.rtc.wire import limits
from signaling.rtc.wire.join import Ask
from signaling.rtc.wire.messages import Encoder, Relay, ServerFacts
from tests.conference.doubles import describe, peer_of
from tests.signaling.rtc.signal_desk import Guest, Recorder, SignalDesk

OFFER = describe("audio recvonly", "video recvonly", "application")
SPEAKING = describe("audio recvonly", "video recvonly", "application", "audio sendonly mic")


@pytest.fixture
def office() -> SignalDesk:
    return SignalDesk()


def play(guest: Guest, **scenario: Any) -> None:
    guest.ask(simulate=rtc.SimulateScenario(**scenario))


def connected(office: SignalDesk, name: str, **options: Any) -> Guest:
    guest = office.join(name, offer=OFFER, **options)
    peer_of(guest.participant).connect()
    return guest


def resume(office: SignalDesk, participant: Any) -> tuple[Session, Recorder]:
    ask = Ask(dual=False, client=models.ClientInfo(), resume_sid=participant.sid)
    return office.open(participant.grants, ask)


def test_a_speaker_is_played_for_a_while(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben")
    play(ann, speaker_update=3)
    assert not ben.wire.of("speakers_changed"), "nobody is heard without a microphone"
    ann.ask(add_track=rtc.AddTrackRequest(cid="mic", type="AUDIO", source="MICROPHONE"))
    ann.ask(offer=rtc.SessionDescription(type="offer", sdp=SPEAKING, id=2))
    for _ in range(3):
        play(ann, speaker_update=3)
    assert [(one.sid, one.active) for told in ben.wire.of("speakers_changed") for one in told.speakers] == [
        (ann.participant.sid, True)
    ]
    office.world.time.advance(3)
    assert not ben.wire.last("speakers_changed").speakers[0].active
    assert len(ben.wire.of("speakers_changed")) == 2
    play(ann, speaker_update=3)
    assert len(ben.wire.of("speakers_changed")) == 2, "not again at once"
    office.world.time.advance(PLAYED_GAP_S)
    play(ann, speaker_update=10_000)
    office.world.time.advance(limits.SIMULATED_SPEECH_S)
    assert len(ben.wire.of("speakers_changed")) == 4
    office.world.time.advance(PLAYED_GAP_S)
    ann.ask(mute=rtc.MuteTrackRequest(sid=next(iter(ann.participant.tracks)), muted=True))
    play(ann, speaker_update=1)
    assert len(ben.wire.of("speakers_changed")) == 4


def test_no_speech_is_short_enough_for_endless_reports(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=SPEAKING), office.join("ben")
    ann.ask(add_track=rtc.AddTrackRequest(cid="mic", type="AUDIO", source="MICROPHONE"))
    for _ in range(900):
        play(ann, speaker_update=0)
        play(ann, speaker_update=-5)
        office.world.time.advance(0.05)
    turns = 45 / (limits.SIMULATED_SPEECH_LEAST_S + PLAYED_GAP_S)
    assert ann.wire.code is None
    assert 2 * turns - 2 <= len(ben.wire.of("speakers_changed")) <= 2 * turns + 2


def test_the_node_fails(office: SignalDesk) -> None:
    ann, ben = connected(office, "ann"), office.join("ben")
    participant, said = ann.participant, len(ann.wire.frames)
    play(ann, node_failure=True)
    assert (ann.wire.code, len(ann.wire.frames)) == (GOING_AWAY, said), "not a word"
    assert ben.wire.last("update").participants[-1].state == models.ParticipantInfo.DISCONNECTED
    _, wire = resume(office, participant)
    assert (wire.kinds(), wire.last("leave").action) == (["leave"], rtc.LeaveRequest.RECONNECT)


@pytest.mark.parametrize(
    ("scenario", "reason", "action"),
    [
        ("migration", models.DisconnectReason.MIGRATION, rtc.LeaveRequest.RECONNECT),
        ("server_leave", models.DisconnectReason.SERVER_SHUTDOWN, rtc.LeaveRequest.DISCONNECT),
        ("leave_request_full_reconnect", models.DisconnectReason.UNKNOWN_REASON, rtc.LeaveRequest.RECONNECT),
    ],
)
def test_the_client_is_sent_off(office: SignalDesk, scenario: str, reason: int, action: int) -> None:
    ann, ben = connected(office, "ann"), office.join("ben")
    play(ann, **{scenario: True})
    told = ann.wire.last("leave")
    assert (told.reason, told.action, ann.wire.code) == (reason, action, NORMAL)
    assert list(office.world.registry.get("c").participants) == ["ben"]
    assert ben.wire.code is None


@pytest.mark.parametrize(("relays", "path", "forced"), [(None, "tcp", False), (True, None, True)])
def test_another_path_is_taken_after_a_resume(
    office: SignalDesk, relays: bool | None, path: str | None, forced: bool
) -> None:
    given = (lambda sid, _: [Relay(("turns:turn.example:443",), f"9:{sid}", "secret")]) if relays else None
    old = office.context
    encoder = Encoder(ServerFacts("ND_test", relays=given))
    office.context = Context(old.registry, old.authority, encoder, old.packets, old.tally)
    ann = connected(office, "ann")
    participant = ann.participant
    play(ann, switch_candidate_protocol="TLS")
    assert (ann.wire.last("leave").action, participant.left) == (rtc.LeaveRequest.RESUME, False)
    assert peer_of(participant).only == path
    _, wire = resume(office, participant)
    told = wire.last("reconnect")
    assert (told.client_configuration.force_relay == models.ClientConfigSetting.ENABLED) is forced
    assert [one.username for one in told.ice_servers] == ([f"9:{participant.sid}"] if relays else [])
    ann.session.lost()
    again = connected(office, "ann")
    assert peer_of(again.participant).only == path, "who joins anew comes the same way"
    joined = again.wire.last("join").client_configuration
    assert (joined.force_relay == models.ClientConfigSetting.ENABLED) is forced
    participant = again.participant
    session, wire = resume(office, participant)
    session.receive(
        rtc.SignalRequest(simulate=rtc.SimulateScenario(switch_candidate_protocol="UDP")).SerializeToString(), 1e6
    )
    assert peer_of(participant).only is None
    assert not participant.relay_wanted


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("disconnect_signal_on_resume", ["reconnect", "update", "room_update", "refresh_token"]),
        ("disconnect_signal_on_resume_no_messages", []),
    ],
)
def test_the_next_resume_is_cut(office: SignalDesk, scenario: str, said: list[str]) -> None:
    ann = connected(office, "ann")
    participant = ann.participant
    play(ann, **{scenario: True})
    ann.session.lost()
    _, wire = resume(office, participant)
    assert (wire.kinds(), wire.code) == (said, GOING_AWAY)
    _, wire = resume(office, participant)
    assert (wire.kinds()[0], wire.code) == ("reconnect", None), "once only"
    for number in range(2 * limits.CUT_RESUMES):
        office.context.cut_next_resume(f"PA_{number}", silent=True)
    assert len(office.context.cut_resumes) == limits.CUT_RESUMES


def test_unknown_scenarios_are_ignored(office: SignalDesk) -> None:
    ann = office.join("ann")
    said = len(ann.wire.frames)
    play(ann, subscriber_bandwidth=100_000)
    play(ann)
    assert (ann.wire.code, len(ann.wire.frames)) == (None, said)


def test_a_hundred_come_back_at_once(office: SignalDesk) -> None:
    """Show that a hundred clients resume their sessions after all sockets are lost at once, as when a proxy restarts. No client
    is notified that another left.

    Sockets and media are doubles here. They are real in `tests/interop/clients/test_resume.py`.
    """
    guests = [connected(office, f"g{number}") for number in range(100)]
    people = [guest.participant for guest in guests]
    for guest in guests:
        guest.session.lost()
    wires = [resume(office, participant)[1] for participant in people]
    office.world.pass_time(3)
    assert list(office.world.registry.get("c").participants.values()) == people
    for wire in wires:
        assert wire.kinds()[:4] == ["reconnect", "update", "room_update", "refresh_token"]
        assert len(wire.of("update")[0].participants) == 100
        states = {one.state for told in wire.of("update") for one in told.participants}
        assert models.ParticipantInfo.DISCONNECTED not in states
