"""A session, message by message, without a socket."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, strategies
from livekit.protocol import models, rtc

from conference import Grants, Kind, Refusal, Source, publishing
from conference import limits as conference_limits
from signaling.rtc.session.context import NORMAL, POLICY, TOO_LONG, UNREADABLE
from signaling.rtc.session.session import Session
from signaling.rtc.wire import limits
from signaling.rtc.wire.join import Ask
from tests.conference.doubles import FakePeer, describe, peer_of, receiver_of
from tests.signaling.rtc.signal_desk import Guest, Recorder, SignalDesk

OFFER = describe("audio recvonly", "video recvonly", "application")
PUBLISHING = describe("audio recvonly", "video recvonly", "application", "video sendonly cam q h f")


@pytest.fixture
def office() -> SignalDesk:
    return SignalDesk()


def publish(guest: Guest) -> str:
    sizes = (("HIGH", 1280, 720), ("LOW", 320, 180), ("MEDIUM", 640, 360))
    guest.ask(
        add_track=rtc.AddTrackRequest(
            cid="cam",
            type="VIDEO",
            source="CAMERA",
            width=1280,
            height=720,
            layers=[models.VideoLayer(quality=name, width=width, height=height) for name, width, height in sizes],
            simulcast_codecs=[rtc.SimulcastCodec(codec="vp8", cid="cam")],
        )
    )
    guest.ask(offer=rtc.SessionDescription(type="offer", sdp=PUBLISHING, id=2))
    peer_of(guest.participant).connect()
    guest.office.world.time.turn()
    return str(guest.wire.last("track_published").track.sid)


def go_joins(office: SignalDesk, offer: str = OFFER) -> Guest:
    description = rtc.SessionDescription(type="offer", sdp=offer, id=1)
    ask = Ask(dual=False, client=models.ClientInfo(sdk="GO"), offer=description)
    session, wire = office.open(Grants(identity="gopher", conference="c", join=True), ask)
    office.world.time.turn()
    return Guest(office, session, wire)


def test_the_go_sdk_gets_its_answer_after_its_first_candidate(office: SignalDesk) -> None:
    """Show that the Go SDK gets its answer after its first candidate, which proves that it applied its offer. Other clients get
    the answer with the join response.
    """
    assert "answer" in office.join("ben", offer=OFFER).wire.kinds()
    go = go_joins(office)
    assert go.wire.kinds()[0] == "join"
    assert "answer" not in go.wire.kinds()
    for _ in range(3):
        go.ask(trickle=rtc.TrickleRequest(target="PUBLISHER", candidateInit="{}"))
    office.world.time.advance(2 * limits.OFFER_WAITS_S)
    assert go.wire.kinds().count("answer") == 1
    assert go.wire.last("answer").id == 1


def test_an_offer_that_waits_is_answered_after_a_moment_anyway(office: SignalDesk) -> None:
    go = go_joins(office)
    office.world.time.advance(0.9 * limits.OFFER_WAITS_S)
    assert "answer" not in go.wire.kinds()
    office.world.time.advance(0.2 * limits.OFFER_WAITS_S)
    assert go.wire.last("answer").id == 1
    gone = go_joins(office)
    gone.session.lost()
    office.world.time.advance(2 * limits.OFFER_WAITS_S)
    assert "answer" not in gone.wire.kinds()


def test_a_late_offer_that_cannot_be_read_ends_the_join(office: SignalDesk) -> None:
    for candidate_first in (True, False):
        go = go_joins(office, "v=0\r\n")
        if candidate_first:
            go.ask(trickle=rtc.TrickleRequest(target="PUBLISHER", candidateInit="{}"))
        office.world.time.advance(2 * limits.OFFER_WAITS_S)
        assert go.wire.kinds()[-1] == "leave"
        assert go.wire.code == NORMAL


def test_the_join_response_holds_what_every_client_needs(office: SignalDesk) -> None:
    office.join("ann")
    ben = office.join("ben", offer=OFFER)
    assert ben.wire.kinds()[:3] == ["join", "refresh_token", "update"]
    assert "answer" in ben.wire.kinds()
    join = ben.wire.last("join")
    assert join.room.sid.startswith("RM_")
    assert join.room.name == "c"
    assert join.participant.sid.startswith("PA_")
    assert [one.identity for one in join.other_participants] == ["ann"]
    assert (join.ping_interval, join.ping_timeout) == (10, 20)
    assert (join.server_info.protocol, join.fast_publish, join.subscriber_primary) == (17, True, False)
    assert tuple(map(int, join.server_version.split("."))) >= (1, 8, 0)
    assert {codec.mime for codec in join.enabled_publish_codecs} >= {"video/VP8", "video/H264", "audio/opus"}
    assert join.participant.permission.can_publish
    assert join.participant.client_protocol == 2


def test_a_dual_join_offers_at_once(office: SignalDesk) -> None:
    ann = office.join("ann", dual=True)
    assert ann.wire.last("join").subscriber_primary
    assert ann.wire.last("offer").id == 1
    assert receiver_of(ann.participant).channels == ["_reliable", "_lossy", "_data_track"]


def test_track_published_repeats_the_announcement(office: SignalDesk) -> None:
    ann = office.join("ann", offer=OFFER)
    sid = publish(ann)
    told = ann.wire.last("track_published")
    assert told.cid == "cam"
    assert [layer.quality for layer in told.track.layers] == [0, 1, 2]
    assert told.track.simulcast
    info = ann.wire.last("update").participants[-1]
    assert [(track.sid, track.mid, track.mime_type) for track in info.tracks] == [(sid, "3", "video/VP8")]
    assert info.is_publisher


@pytest.mark.parametrize("sdk", ["PYTHON", "JS"])
def test_video_is_held_from_a_library_that_reopens_decoders(office: SignalDesk, sdk: str) -> None:
    description = rtc.SessionDescription(type="offer", sdp=OFFER, id=1)
    ask = Ask(dual=False, client=models.ClientInfo(sdk=sdk), offer=description)
    ann = Guest(office, *office.open(Grants(identity="ann", conference="c", join=True), ask))
    ann.ask(add_track=rtc.AddTrackRequest(cid="cam", type="VIDEO", source="CAMERA"))
    assert peer_of(ann.participant).held is (sdk == "PYTHON")
    ann.ask(offer=rtc.SessionDescription(type="offer", sdp=PUBLISHING, id=2))
    assert not peer_of(ann.participant).held


def test_tracks_of_the_join_request_are_published(office: SignalDesk) -> None:
    ask = Ask(
        dual=False,
        client=models.ClientInfo(),
        offer=rtc.SessionDescription(type="offer", sdp=describe("audio sendonly mic"), id=1),
        add_tracks=(rtc.AddTrackRequest(cid="mic", source="MICROPHONE"),),
    )
    session, wire = office.open(Grants(identity="ann", conference="c", join=True), ask)
    assert (
        wire.kinds()[:4] == ["join", "refresh_token", "track_published", "update"] or "track_published" in wire.kinds()
    )
    assert session.participant is not None
    assert len(session.participant.tracks) == 1


def test_pings(office: SignalDesk) -> None:
    ann = office.join("ann")
    ann.ask(ping=5)
    ann.ask(ping_req=rtc.Ping(timestamp=42, rtt=3))
    assert ann.wire.last("pong") == int(office.world.time.time() * 1000)
    assert ann.wire.last("pong_resp").last_ping_timestamp == 42


def test_candidates_of_clients_are_ignored(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", dual=True)
    publish(ann)
    named = "candidate:1 1 udp 2130706431 192.0.2.7 50000 typ host"
    candidates = [json.dumps({"candidate": named, "sdpMid": "0", "sdpMLineIndex": 0}), "{}", "[", "7", ""]
    for guest, peer in ((ann, peer_of(ann.participant)), (ben, receiver_of(ben.participant))):
        said, known = guest.wire.kinds(), repr(vars(peer))
        for text in candidates:
            for target in ("PUBLISHER", "SUBSCRIBER"):
                guest.ask(trickle=rtc.TrickleRequest(candidateInit=text, target=target, final=not text))
        assert (guest.wire.kinds(), repr(vars(peer))) == (said, known)
        guest.ask(ping=1)
        assert guest.wire.kinds() == [*said, "pong"], "the session goes on"


def test_the_absent_quality_is_the_lowest(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    consumer = ann.participant.tracks[sid].subscriptions[ben.participant.sid].consumer
    ben.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], quality="HIGH"))
    assert consumer.layer == 2
    ben.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid]))
    assert consumer.layer == 0
    ben.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], width=640, height=360))
    assert consumer.layer == 1
    ben.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], disabled=True))
    assert consumer.paused


def test_streams_that_stop_for_want_of_room(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    consumer = ann.participant.tracks[sid].subscriptions[ben.participant.sid].consumer
    ben.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], quality="HIGH", priority=1))
    assert (consumer.priority, consumer.keeps) == (4, False)
    for starved, state in ((True, rtc.StreamState.PAUSED), (False, rtc.StreamState.ACTIVE)):
        consumer.starve(starved)
        office.world.time.turn()
        (told,) = ben.wire.last("stream_state_update").stream_states
        assert (told.participant_sid, told.track_sid, told.state) == (ann.participant.sid, sid, state)


def test_mute_both_ways(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    ann.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    assert ben.wire.last("update").participants[0].tracks[0].muted
    ann.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    publishing.mute_from_outside(office.world.registry.get("c").get("ann"), sid, True)
    assert ann.wire.last("mute").muted


def test_subscription_by_either_list(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    ben.ask(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=False))
    assert not ann.participant.tracks[sid].subscriptions
    tracks = models.ParticipantTracks(participant_sid=ann.participant.sid, track_sids=[sid])
    ben.ask(subscription=rtc.UpdateSubscription(participant_tracks=[tracks], subscribe=True))
    assert ann.participant.tracks[sid].subscriptions


def test_subscription_permission(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    ann.ask(subscription_permission=rtc.SubscriptionPermission(all_participants=False))
    assert not ben.wire.last("subscription_permission_update").allowed
    allowed = rtc.TrackPermission(participant_identity="ben", track_sids=[sid])
    ann.ask(subscription_permission=rtc.SubscriptionPermission(track_permissions=[allowed]))
    assert ben.wire.last("subscription_permission_update").allowed


def test_metadata_is_always_answered(office: SignalDesk) -> None:
    ann = office.join("ann")
    ann.ask(update_metadata=rtc.UpdateParticipantMetadata(metadata="m", request_id=7))
    refused = ann.wire.last("request_response")
    assert (refused.request_id, refused.reason) == (7, rtc.RequestResponse.NOT_ALLOWED)
    assert refused.update_metadata.metadata == "m"
    ben = office.join("ben", can_update_own_metadata=True)
    ben.ask(update_metadata=rtc.UpdateParticipantMetadata(metadata="m", attributes={"k": "v"}, request_id=8))
    assert ben.wire.last("request_response").reason == rtc.RequestResponse.OK
    assert ben.wire.kinds()[-2:] == ["update", "request_response"]  # the client continues with this answer
    assert ann.wire.last("update").participants[-1].attributes == {"k": "v"}
    assert office.names.signed[-1].metadata == "m"


def test_refused_tracks_are_answered(office: SignalDesk) -> None:
    ann = office.join("ann", can_publish_sources=frozenset({Source.MICROPHONE}))
    ann.ask(add_track=rtc.AddTrackRequest(cid="x", type="VIDEO", source="CAMERA"))
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.NOT_ALLOWED
    ann.ask(add_track=rtc.AddTrackRequest(cid="x", type="DATA"))
    assert ann.wire.last("request_response").add_track.cid == "x"
    ann.ask(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=0, name="x"))
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.INVALID_HANDLE


def test_descriptions_that_everybody_would_get_are_bounded(office: SignalDesk) -> None:
    ann = office.join("ann", offer=OFFER)
    many = [models.AudioTrackFeature.TF_STEREO] * limits.FACTS_BYTES
    ann.ask(add_track=rtc.AddTrackRequest(cid="mic", type="AUDIO", audio_features=many))
    ann.ask(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=1, name="x" * limits.FACTS_BYTES))
    assert [answer.reason for answer in ann.wire.of("request_response")] == [
        rtc.RequestResponse.Reason.Value("LIMIT_EXCEEDED")
    ] * 2
    assert not ann.participant.pending
    assert not ann.participant.data.published


def test_metadata_that_everybody_gets_changes_at_a_bounded_rate(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER, can_update_own_metadata=True), office.join("ben", offer=OFFER)
    before = len(ben.wire.frames)
    size = 60_000
    for number in range(30):
        ann.ask(update_metadata=rtc.UpdateParticipantMetadata(metadata=str(number % 10) * size, request_id=number))
    told = sum(len(frame) for frame in ben.wire.frames[before:])
    assert told <= limits.METADATA_BYTES_BURST + 10_000
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.Reason.Value("LIMIT_EXCEEDED")
    assert ann.wire.code is None
    office.world.time.advance(2 * size / limits.METADATA_BYTES_PER_S)
    ann.ask(update_metadata=rtc.UpdateParticipantMetadata(metadata="m" * size, request_id=99))
    assert ann.participant.grants.metadata == "m" * size


def test_a_track_changes_its_sizes(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    smaller = [models.VideoLayer(quality="HIGH", width=640, height=360), models.VideoLayer(quality="LOW", width=160)]
    ann.ask(update_layers=rtc.UpdateVideoLayers(track_sid=sid, layers=smaller))
    told = ben.wire.last("update").participants[-1].tracks[0]
    assert [(layer.quality, layer.width) for layer in told.layers] == [(0, 160), (2, 640)]
    ann.ask(update_video_track=rtc.UpdateLocalVideoTrack(track_sid=sid, width=640, height=360))
    told = ben.wire.last("update").participants[-1].tracks[0]
    assert (told.width, told.height) == (640, 360)
    features = [models.AudioTrackFeature.TF_NOISE_SUPPRESSION]
    ann.ask(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid=sid, features=features))
    assert ben.wire.last("update").participants[-1].tracks[0].audio_features == features
    before = len(ben.wire.frames)
    ben.ask(update_layers=rtc.UpdateVideoLayers(track_sid=sid, layers=smaller[:1]))
    ben.ask(update_video_track=rtc.UpdateLocalVideoTrack(track_sid=sid, width=1, height=1))
    assert len(ben.wire.frames) == before, "nobody changes another's track"


def test_new_layer_sizes_apply_to_existing_viewers(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    consumer = ann.participant.tracks[sid].subscriptions[ben.participant.sid].consumer
    ben.ask(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], width=640, height=360))
    office.world.pass_time(10)
    told = ann.wire.last("subscribed_quality_update").subscribed_qualities
    assert (consumer.layer, [one.enabled for one in told]) == (1, [True, True, False])
    sizes = (("LOW", 160, 90), ("MEDIUM", 320, 180), ("HIGH", 640, 360))
    smaller = [models.VideoLayer(quality=name, width=width, height=height) for name, width, height in sizes]
    ann.ask(update_layers=rtc.UpdateVideoLayers(track_sid=sid, layers=smaller))
    told = ann.wire.last("subscribed_quality_update").subscribed_qualities
    assert (consumer.layer, [one.enabled for one in told]) == (2, [True, True, True])


def test_what_is_stored_is_fetched_by_others(office: SignalDesk) -> None:
    ann, ben = office.join("ann"), office.join("ben")
    key = models.DataBlobKey(generic="schema")
    blob = models.DataBlob(key=key, contents=b"fields")
    ann.ask(store_data_blob_request=rtc.StoreDataBlobRequest(request_id=4, blob=blob))
    assert ann.wire.last("store_data_blob_response") == rtc.StoreDataBlobResponse(request_id=4, key=key)
    ben.ask(get_data_blob_request=rtc.GetDataBlobRequest(request_id=5, participant_identity="ann", key=key))
    assert ben.wire.last("get_data_blob_response") == rtc.GetDataBlobResponse(request_id=5, blob=blob)
    ben.ask(get_data_blob_request=rtc.GetDataBlobRequest(request_id=6, key=key))
    refused = ben.wire.last("request_response")
    assert (refused.request_id, refused.reason) == (6, rtc.RequestResponse.NOT_FOUND)
    large = models.DataBlob(key=key, contents=b"x" * 65_536)
    ann.ask(store_data_blob_request=rtc.StoreDataBlobRequest(request_id=7, blob=large))
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.LIMIT_EXCEEDED
    mum = office.join("mum", can_publish_data=False)
    mum.ask(store_data_blob_request=rtc.StoreDataBlobRequest(request_id=8, blob=blob))
    assert mum.wire.last("request_response").reason == rtc.RequestResponse.NOT_ALLOWED
    ann.ask(store_data_blob_request=rtc.StoreDataBlobRequest(request_id=9, blob=models.DataBlob(contents=b"no key")))
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.INVALID_NAME
    ann.ask(leave=rtc.LeaveRequest())
    ben.ask(get_data_blob_request=rtc.GetDataBlobRequest(request_id=10, participant_identity="ann", key=key))
    assert ben.wire.last("request_response").reason == rtc.RequestResponse.NOT_FOUND


def test_a_join_sets_its_own_metadata_only_with_the_grant(office: SignalDesk) -> None:
    ask = Ask(dual=False, client=models.ClientInfo(), metadata="brought", attributes={"unit": "1", "hand": "1"})
    for name, granted in (("ann", True), ("ben", False)):
        grants = Grants(identity=name, conference="c", join=True, metadata="m", can_update_own_metadata=granted)
        _, wire = office.open(grants, ask)
        told = wire.last("join").participant
        # The server sets the time of a hand: a client that brings one would be first in the queue.
        assert (told.metadata, dict(told.attributes)) == (("brought", {"unit": "1"}) if granted else ("m", {}))


def test_participant_kinds_and_recording_are_reported(office: SignalDesk) -> None:
    office.join("bot", kind=Kind.AGENT, agent=True, can_subscribe_metrics=True)
    watching = office.join("watching")
    told = watching.wire.last("join").other_participants[0]
    assert (told.kind, told.permission.agent) == (models.ParticipantInfo.AGENT, True)
    assert not watching.wire.last("join").room.active_recording
    office.join("tape", hidden=True, recorder=True)
    office.world.pass_time(2)
    told_room = watching.wire.last("room_update").room
    assert (told_room.active_recording, told_room.num_participants) == (True, 2)


def test_leave_is_answered_and_closes(office: SignalDesk) -> None:
    ann, ben = office.join("ann"), office.join("ben")
    ben.ask(leave=rtc.LeaveRequest(reason="CLIENT_INITIATED"))
    assert ben.wire.last("leave").reason == models.DisconnectReason.CLIENT_INITIATED
    assert ben.wire.code == NORMAL
    gone = ann.wire.last("update").participants[-1]
    assert gone.state == models.ParticipantInfo.DISCONNECTED


def test_resume(office: SignalDesk) -> None:
    ann = office.join("ann", offer=OFFER)
    peer_of(ann.participant).connect()
    participant = ann.participant
    ann.session.lost()
    ask = Ask(dual=False, client=models.ClientInfo(), resume_sid=participant.sid)
    session, wire = office.open(participant.grants, ask)
    assert wire.kinds() == ["reconnect", "update", "room_update", "refresh_token"]
    assert wire.last("reconnect").server_info.protocol == 17
    assert [one.identity for one in wire.last("update").participants] == ["ann"]
    assert session.participant is participant


@pytest.mark.parametrize("noticed", [True, False])
def test_a_client_muted_while_away_cannot_unmute_itself(office: SignalDesk, noticed: bool) -> None:
    """Show that a returning client cannot unmute itself. It sends the state of its tracks, so the server first sends it the
    mute.
    """
    ann = office.join("ann", offer=OFFER)
    sid = publish(ann)
    track, ask = (
        ann.participant.tracks[sid],
        Ask(dual=False, client=models.ClientInfo(), resume_sid=ann.participant.sid),
    )
    if noticed:
        ann.session.lost()
    publishing.mute_from_outside(office.world.registry.get("c").get("ann"), sid, True)
    office.world.time.advance(limits.PING_TIMEOUT_S)
    again = Guest(office, *office.open(Grants(identity="ann", conference="c", join=True), ask))
    assert again.wire.kinds()[:3] == ["reconnect", "mute", "update"]
    again.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    assert track.producer.paused
    assert again.wire.last("mute") == rtc.MuteTrackRequest(sid=sid, muted=True)
    assert len(again.wire.of("mute")) == 2
    again.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
    again.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    assert not track.producer.paused, "its own will, once it has heard"
    assert "mute" not in office.open(Grants(identity="ann", conference="c", join=True), ask)[1].kinds()


def test_a_client_that_never_confirms_the_mute_can_unmute(office: SignalDesk) -> None:
    ann = office.join("ann", offer=OFFER)
    sid = publish(ann)
    publishing.mute_from_outside(office.world.registry.get("c").get("ann"), sid, True)
    office.world.time.advance(conference_limits.MUTE_SHOWN_S)
    ann.ask(mute=rtc.MuteTrackRequest(sid=sid, muted=False))
    assert not ann.participant.tracks[sid].producer.paused


@pytest.mark.parametrize("sid", ["PA_unknown"])
def test_a_stale_resume_must_join_again(office: SignalDesk, sid: str) -> None:
    ask = Ask(dual=False, client=models.ClientInfo(), resume_sid=sid)
    _, wire = office.open(Grants(identity="ann", conference="c", join=True), ask)
    assert wire.kinds() == ["leave"]
    assert wire.last("leave").action == rtc.LeaveRequest.RECONNECT
    assert wire.last("leave").reason == models.DisconnectReason.STATE_MISMATCH
    assert wire.code == NORMAL
    assert len(office.world.registry) == 0


def lost(office: SignalDesk, client: models.ClientInfo) -> tuple[Session, Recorder]:
    """Resume a session that this server never had."""
    ask = Ask(dual=False, client=client, resume_sid="PA_unknown")
    return office.open(Grants(identity="ann", conference="c", join=True), ask)


def test_a_browser_that_cannot_resume_fails_and_rejoins(office: SignalDesk) -> None:
    session, wire = lost(office, models.ClientInfo(sdk="JS"))
    assert wire.kinds() == ["reconnect"]
    [relay] = wire.last("reconnect").ice_servers
    assert relay.urls[0].startswith("turn:")
    assert not relay.username
    assert not relay.credential
    for message in (rtc.SignalRequest(ping=1), *[rtc.SignalRequest(sync_state=rtc.SyncState())] * 2):
        session.receive(message.SerializeToString(), office.world.time.now)
    assert wire.kinds() == ["reconnect", "leave"], "once"
    assert wire.last("leave").action == rtc.LeaveRequest.RECONNECT
    assert wire.last("leave").reason == models.DisconnectReason.STATE_MISMATCH
    assert not wire.code, "a close would begin another wait of the client"
    office.world.time.advance(limits.UNKNOWN_SESSION_LEFT_S)
    assert wire.code == NORMAL
    assert len(office.world.registry) == 0


def test_a_silent_browser_with_a_lost_session_must_join_again(office: SignalDesk) -> None:
    session, wire = lost(office, models.ClientInfo(sdk="JS"))
    office.world.time.advance(limits.UNKNOWN_SESSION_SYNC_S)
    assert wire.kinds() == ["reconnect", "leave"]
    session.lost()
    office.world.time.advance(limits.UNKNOWN_SESSION_LEFT_S)
    assert not wire.code, "it has gone by itself"


@pytest.mark.parametrize(
    "client",
    [models.ClientInfo(sdk="SWIFT"), models.ClientInfo(sdk="JS", os="ios")],
    ids=["another library", "React Native"],
)
def test_clients_without_a_browser_are_only_asked_to_join(office: SignalDesk, client: models.ClientInfo) -> None:
    _, wire = lost(office, client)
    assert (wire.kinds(), wire.code) == (["leave"], NORMAL)


def test_sync_state_with_an_unknown_track(office: SignalDesk) -> None:
    ann = office.join("ann", offer=OFFER)
    state = rtc.SyncState(publish_tracks=[rtc.TrackPublishedResponse(cid="c", track=models.TrackInfo(sid="TR_old"))])
    ann.ask(sync_state=state)
    assert ann.wire.last("leave").action == rtc.LeaveRequest.RECONNECT
    assert not office.world.registry.get("c").participants


def test_sync_state_restores_wishes(office: SignalDesk) -> None:
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    ben.ask(sync_state=rtc.SyncState(subscription=rtc.UpdateSubscription(track_sids=[sid]), track_sids_disabled=[sid]))
    assert not ann.participant.tracks[sid].subscriptions


def test_tokens_are_renewed_in_time(office: SignalDesk) -> None:
    ann = office.join("ann")
    office.world.pass_time(limits.REFRESH_S * 3 + 1)
    assert len(ann.wire.of("refresh_token")) == 4
    ann.session.lost()
    signed = len(office.names.signed)
    office.world.pass_time(limits.REFRESH_S * 2)
    assert len(office.names.signed) == signed


# -- bad input


def test_json_is_answered_in_json(office: SignalDesk) -> None:
    ann = office.join("ann")
    ann.raw(json.dumps({"pingReq": {"timestamp": "7"}, "surprise": 1}))
    reply = json.loads(ann.wire.frames[-1])
    assert reply["pongResp"]["lastPingTimestamp"] == "7"
    ben = office.join("ben")
    assert ben.wire.kinds()[0] == "join"
    assert "update" in json.loads(ann.wire.frames[-1])
    ann.raw(rtc.SignalRequest(ping=1).SerializeToString())
    assert isinstance(ann.wire.frames[-1], bytes)


def test_unknown_messages_are_ignored(office: SignalDesk) -> None:
    ann = office.join("ann")
    frames = len(ann.wire.frames)
    ann.raw(b"\xfa\x07\x03abc")  # field 127
    ann.raw(b"")
    assert ann.wire.code is None
    assert len(ann.wire.frames) == frames


@pytest.mark.parametrize("data", [b"\xff\xff\xff", "{", '{"offer": 3}', "[" * 5000, '{"ping":"x"}'])
def test_malformed_messages_end_this_session_only(office: SignalDesk, data: bytes | str) -> None:
    ann, ben = office.join("ann"), office.join("ben")
    ben.raw(data)
    assert ben.wire.code == UNREADABLE
    assert ann.wire.code is None
    ben.raw(b"")


def test_malformed_sdp_ends_its_participant(office: SignalDesk) -> None:
    ann, ben = office.join("ann"), office.join("ben")
    ben.ask(offer=rtc.SessionDescription(type="offer", sdp="nonsense"))
    assert ben.wire.last("leave").reason == models.DisconnectReason.MEDIA_FAILURE
    assert list(office.world.registry.get("c").participants) == ["ann"]
    assert ann.wire.code is None


def test_too_many_messages(office: SignalDesk) -> None:
    ann = office.join("ann")
    for _ in range(int(limits.MESSAGES_BURST)):
        ann.ask(ping=1)
    assert ann.wire.code is None
    ann.ask(ping=1)
    assert ann.wire.code == POLICY


def test_a_steady_rate_passes(office: SignalDesk) -> None:
    ann = office.join("ann")
    for _ in range(int(limits.MESSAGES_BURST) * 3):
        office.world.time.advance(1 / limits.MESSAGES_PER_S)
        ann.ask(ping=1)
    assert ann.wire.code is None


def test_a_new_socket_brings_no_new_rates(office: SignalDesk) -> None:
    ann = office.join("ann", offer=OFFER, can_update_own_metadata=True)
    peer_of(ann.participant).connect()
    participant, ask = ann.participant, Ask(dual=False, client=models.ClientInfo(), resume_sid=ann.participant.sid)
    long = rtc.UpdateParticipantMetadata(metadata="m" * 60_000)
    for _ in range(10):
        ann.ask(update_metadata=long)
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.LIMIT_EXCEEDED
    again = Guest(office, *office.open(participant.grants, ask))
    again.ask(update_metadata=long)
    assert again.wire.last("request_response").reason == rtc.RequestResponse.LIMIT_EXCEEDED
    while again.wire.code is None:
        again.ask(ping=1)
    assert len(again.wire.of("pong")) < limits.MESSAGES_BURST - limits.RESUME_MESSAGES
    _, wire = office.open(participant.grants, ask)
    assert (wire.code, wire.frames) == (POLICY, [])
    office.world.time.advance(limits.RESUME_MESSAGES / limits.MESSAGES_PER_S)
    session, wire = office.open(participant.grants, ask)
    assert (wire.code, session.participant) == (None, participant)


def test_too_long_messages(office: SignalDesk) -> None:
    ann = office.join("ann")
    ann.raw(rtc.SignalRequest(offer=rtc.SessionDescription(sdp="x" * limits.MESSAGE_BYTES)).SerializeToString())
    assert ann.wire.code == TOO_LONG


def test_a_busy_plane_sends_leave_before_the_socket_closes(office: SignalDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(_: object) -> None:
        raise OverflowError

    guest = office.join("ann", dual=True)
    monkeypatch.setattr(FakePeer, "offer", busy)
    ask = Ask(dual=True, client=models.ClientInfo(), resume_sid=guest.participant.sid)
    for wire in (
        office.open(Grants(identity="ann", conference="c", join=True), ask)[1],
        office.open(Grants(identity="ben", conference="c", join=True), Ask(dual=True, client=models.ClientInfo()))[1],
    ):
        assert wire.kinds()[-1] == "leave"
        assert wire.code == NORMAL
    assert office.world.registry.get("c").participants == {}


def test_a_refused_join_creates_nothing(office: SignalDesk) -> None:
    office.world.registry.auto_create = False
    ask = Ask(dual=False, client=models.ClientInfo())
    with pytest.raises(Refusal, match="conference_not_found"):
        office.open(Grants(identity="ann", conference="c", join=True), ask)
    assert office.world.media.routers == []


NUMBERS = [field.number for field in rtc.SignalRequest.DESCRIPTOR.fields_by_name.values()]


@given(seed=strategies.integers(0, 2**32), data=strategies.lists(strategies.binary(max_size=60), max_size=20))
def test_mutated_messages_never_escape(seed: int, data: list[bytes]) -> None:
    """Show that no exception leaves a session, whatever arrives, and that no other client is affected."""
    chance = random.Random(seed)
    office = SignalDesk()
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER, dual=False)
    publish(ann)
    for payload in data:
        number = chance.choice(NUMBERS)
        head = bytes([number << 3 & 0x7F | 0x80 | 2, number >> 4]) if number > 15 else bytes([number << 3 | 2])
        ben.raw(head + bytes([len(payload)]) + payload)
    assert ann.wire.code is None
    assert ann.participant.tracks


@given(
    changes=strategies.lists(strategies.tuples(strategies.integers(0, 400), strategies.integers(0, 255)), max_size=4)
)
def test_mutated_real_messages_never_escape(changes: list[tuple[int, int]]) -> None:
    office = SignalDesk()
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    for message in _samples(sid):
        raw = bytearray(message.SerializeToString())
        for place, value in changes:
            raw[place % len(raw)] = value
        ben.raw(bytes(raw))
    assert ann.participant.tracks


def _samples(sid: str) -> list[Any]:
    return [
        rtc.SignalRequest(track_setting=rtc.UpdateTrackSettings(track_sids=[sid], width=5, height=5, fps=3)),
        rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=[sid], subscribe=True)),
        rtc.SignalRequest(add_track=rtc.AddTrackRequest(cid="c", type="VIDEO", layers=[models.VideoLayer(width=1)])),
        rtc.SignalRequest(update_audio_track=rtc.UpdateLocalAudioTrack(track_sid=sid)),
        rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=PUBLISHING, id=9)),
        rtc.SignalRequest(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=4, name="n")),
        rtc.SignalRequest(sync_state=rtc.SyncState(track_sids_disabled=[sid])),
    ]
