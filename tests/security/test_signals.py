"""The access matrix of the browser protocol and of the server API. No request changes anything of other participants.

A participant sends every kind of request about another participant's objects, or about another conference. Bearers without the
grant call every method of `RoomService`. A kind of request or a method that is not in the tables here fails.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from livekit.protocol import models, rtc
from starlette.applications import Starlette
from starlette.routing import Route

from conference import Grants, Participant, publishing
from signaling.rtc.admin import METHODS, Administration
from signaling.rtc.session import requests, scenarios
from signaling.rtc.wire import views
from signaling.rtc.wire.join import Ask
from tests.conference.doubles import peer_of
from tests.signaling.rtc.signal_desk import Guest, SignalDesk
from tests.signaling.rtc.test_session import OFFER, PUBLISHING, publish

KEY = models.DataBlobKey(generic="schema")
SMALL: dict[str, Any] = {"can_publish": False, "can_publish_data": False}
ATTACKERS: dict[str, dict[str, Any]] = {"ordinary": {"can_update_own_metadata": True}, "small": SMALL}
ELSEWHERE = ["c", "d"]
"""The conferences. The attacker is in the first. The target is in either."""


class World:
    """A conference with the attacker, a publisher and its viewer, and a conference with only a publisher and its viewer."""

    def __init__(self, **grants: Any) -> None:
        self.office = SignalDesk()
        self.guests = {(room, name): self.join(room, name) for room in ELSEWHERE for name in (f"ann-{room}", "viewer")}
        self.targets = {room: self.equip(self.guests[room, f"ann-{room}"]) for room in ELSEWHERE}
        self.attacker = self.join("c", "mallory", **grants)
        self.sid = self.attacker.participant.sid

    def join(self, room: str, name: str, **grants: Any) -> Guest:
        description = rtc.SessionDescription(type="offer", sdp=OFFER, id=1)
        ask = Ask(dual=False, client=models.ClientInfo(sdk="JS", client_protocol=2), offer=description)
        guest = Guest(self.office, *self.office.open(Grants(identity=name, conference=room, join=True, **grants), ask))
        self.office.world.time.turn()
        peer_of(guest.participant).connect()
        self.office.world.time.turn()
        return guest

    def equip(self, guest: Guest) -> SimpleNamespace:
        """Publish a picture and data, store a blob, and let only the viewer subscribe. Return the objects that an attacker
        could name.
        """
        track = publish(guest)
        guest.ask(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=1, name="points"))
        blob = models.DataBlob(key=KEY, contents=b"secret of " + guest.participant.identity.encode())
        guest.ask(store_data_blob_request=rtc.StoreDataBlobRequest(request_id=1, blob=blob))
        allowed = rtc.TrackPermission(participant_identity="viewer", all_tracks=True)
        guest.ask(subscription_permission=rtc.SubscriptionPermission(track_permissions=[allowed]))
        data = guest.participant.data.published[1].view.sid
        person = guest.participant
        return SimpleNamespace(guest=guest, track=track, data=data, identity=person.identity, sid=person.sid)

    def state(self, room: str) -> Any:
        """Return the state of all participants of a conference except the attacker, and their subscriptions to each other."""
        conference = self.office.world.registry.get(room)
        others = [one for one in conference.participants.values() if one.sid != self.sid]
        view = views.room(conference.summary.view())
        view.ClearField("num_participants")
        view.ClearField("num_publishers")
        codes = [guest.wire.code for (place, _), guest in self.guests.items() if place == room]
        return view, codes, [self.of(one) for one in others]

    def of(self, one: Participant) -> Any:
        published = {
            handle: (track.view, sorted(sid for sid in track.subscribers if sid != self.sid))
            for handle, track in one.data.published.items()
        }
        return (
            views.participant(one.view()),
            (one.grants, one.permission, one.client, one.left, one.presence, one.joined_at),
            (dict(one.choices), dict(one.settings), set(one.refused), dict(one.data.blobs), published),
            {sid: self.of_track(track) for sid, track in one.tracks.items()},
            sorted(one.pending),
        )

    def of_track(self, track: Any) -> Any:
        watched = {
            sid: (one.settings, one.consumer.paused, one.consumer.closed, one.consumer.layer)
            for sid, one in track.subscriptions.items()
            if sid != self.sid
        }
        made = track.producer.paused, track.producer.closed, track.producer.layers
        return track.announcement, track.layers, track.muted, track.backup, made, watched


def settings(target: SimpleNamespace) -> list[Any]:
    sids = [target.track, target.data]
    return [
        rtc.UpdateTrackSettings(track_sids=sids, disabled=True),
        rtc.UpdateTrackSettings(track_sids=sids, quality="HIGH", priority=9, width=9999, height=9999),
    ]


def subscriptions(target: SimpleNamespace, wanted: bool) -> list[Any]:
    entry = models.ParticipantTracks(participant_sid=target.sid, track_sids=[target.track])
    return [
        rtc.UpdateSubscription(track_sids=[target.track, target.data], subscribe=wanted),
        rtc.UpdateSubscription(participant_tracks=[entry], subscribe=wanted),
    ]


def states(target: SimpleNamespace) -> list[Any]:
    told = rtc.TrackPublishedResponse(cid="cam", track=models.TrackInfo(sid=target.track, muted=True))
    data = rtc.UpdateDataSubscription(updates=[{"track_sid": target.data, "subscribe": False}])
    return [
        rtc.SyncState(subscription=subscriptions(target, True)[0], track_sids_disabled=[target.track]),
        rtc.SyncState(subscription=subscriptions(target, False)[0], data_subscription=data),
        rtc.SyncState(publish_tracks=[told]),
    ]


def permissions(target: SimpleNamespace) -> list[Any]:
    entry = rtc.TrackPermission(
        participant_identity=target.identity, participant_sid=target.sid, track_sids=[target.track, target.data]
    )
    return [
        rtc.SubscriptionPermission(all_participants=False),
        rtc.SubscriptionPermission(track_permissions=[entry]),
        rtc.SubscriptionPermission(all_participants=True),
    ]


def tracks(target: SimpleNamespace) -> list[Any]:
    codec = rtc.SimulcastCodec(codec="vp8", cid="cam")
    return [
        rtc.AddTrackRequest(cid="cam", type="VIDEO", sid=target.track, muted=True, simulcast_codecs=[codec]),
        rtc.AddTrackRequest(cid="cam", type="VIDEO", source="CAMERA", simulcast_codecs=[codec]),
        rtc.AddTrackRequest(cid=target.track, type="VIDEO", name=target.identity),
    ]


def plays(target: SimpleNamespace) -> list[Any]:
    numbers: dict[str, Any] = {"speaker_update": 5, "subscriber_bandwidth": 1, "switch_candidate_protocol": 1}
    names = [field.name for field in rtc.SimulateScenario.DESCRIPTOR.fields]
    assert set(names) >= set(scenarios.TABLE)
    return [rtc.SimulateScenario(**{name: numbers.get(name, True)}) for name in names]


LAYERS = [models.VideoLayer(quality="HIGH", width=2, height=2)]
REQUESTS: dict[str, Callable[[SimpleNamespace], list[Any]]] = {
    "offer": lambda _: [rtc.SessionDescription(type="offer", sdp=PUBLISHING, id=2)],
    "answer": lambda _: [rtc.SessionDescription(type="answer", sdp=OFFER, id=2)],
    "trickle": lambda one: [rtc.TrickleRequest(candidateInit=f'{{"candidate": "{one.sid}"}}')],
    "add_track": tracks,
    "mute": lambda one: [rtc.MuteTrackRequest(sid=sid, muted=True) for sid in (one.track, one.data, one.sid)],
    "subscription": lambda one: [*subscriptions(one, False), *subscriptions(one, True)],
    "track_setting": settings,
    "leave": lambda _: [rtc.LeaveRequest(reason="ROOM_DELETED", action="DISCONNECT")],
    "subscription_permission": permissions,
    "sync_state": states,
    "ping": lambda _: [5],
    "ping_req": lambda _: [rtc.Ping(timestamp=42)],
    "update_metadata": lambda one: [
        rtc.UpdateParticipantMetadata(metadata="m", name=one.identity, attributes={"k": one.sid}, request_id=1)
    ],
    "update_audio_track": lambda one: [
        rtc.UpdateLocalAudioTrack(track_sid=one.track, features=[models.AudioTrackFeature.TF_STEREO])
    ],
    "update_video_track": lambda one: [rtc.UpdateLocalVideoTrack(track_sid=one.track, width=2, height=2)],
    "publish_data_track_request": lambda _: [rtc.PublishDataTrackRequest(pub_handle=1, name="points")],
    "unpublish_data_track_request": lambda _: [rtc.UnpublishDataTrackRequest(pub_handle=1)],
    "update_data_subscription": lambda one: [
        rtc.UpdateDataSubscription(updates=[{"track_sid": one.data, "subscribe": wanted}]) for wanted in (True, False)
    ],
    "store_data_blob_request": lambda one: [
        rtc.StoreDataBlobRequest(request_id=1, blob=models.DataBlob(key=KEY, contents=b"false"))
    ],
    "get_data_blob_request": lambda one: [
        rtc.GetDataBlobRequest(request_id=1, participant_identity=one.identity, key=KEY)
    ],
    "update_layers": lambda one: [rtc.UpdateVideoLayers(track_sid=one.track, layers=LAYERS)],
    "simulate": plays,
}
"""The requests of each kind that name another participant's objects, and those that name none."""


def changes(kind: str, attacker: dict[str, Any], room: str) -> list[str]:
    """Return the changes that an attacker causes for others by this kind of request."""
    found: list[str] = []
    number, count = 0, 1
    while number < count:
        world = World(**attacker)
        target = world.targets[room]
        asked = REQUESTS[kind](target)
        request, count = asked[number], len(asked)
        before = {one: world.state(one) for one in ELSEWHERE}
        frames = len(target.guest.wire.frames)
        world.attacker.ask(**{kind: request})
        found += [f"{kind} {number}: state of {one}" for one in ELSEWHERE if world.state(one) != before[one]]
        watched = target.guest.participant.tracks[target.track].subscriptions.keys()
        found += [f"{kind} {number}: watched"] * (world.sid in watched)
        if room == "d":
            found += [f"{kind} {number}: told" for _ in target.guest.wire.frames[frames:]]
            shown = any(b"secret of" in frame for frame in world.attacker.wire.frames if isinstance(frame, bytes))
            found += [f"{kind} {number}: shown"] * shown
        number += 1
    return found


def test_every_kind_of_request_is_covered() -> None:
    assert REQUESTS.keys() == requests.TABLE.keys()


@pytest.mark.parametrize("kind", REQUESTS)
def test_no_request_changes_what_is_another_s(kind: str) -> None:
    for attacker in ATTACKERS.values():
        for room in ELSEWHERE:
            assert changes(kind, attacker, room) == []


@pytest.mark.parametrize("room", ELSEWHERE)
def test_a_session_cannot_be_resumed_by_another_identity(room: str) -> None:
    """A session is resumed only by its own bearer, even if another client knows its sid."""
    world = World()
    before = {one: world.state(one) for one in ELSEWHERE}
    ask = Ask(dual=False, client=models.ClientInfo(), resume_sid=world.targets[room].sid)
    _, wire = world.office.open(Grants(identity="mallory", conference="c", join=True), ask)
    assert wire.kinds() == ["leave"]
    assert {one: world.state(one) for one in ELSEWHERE} == before


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("mute", 0),
        ("leave", 0),
        ("subscription_permission", 0),
        ("update_audio_track", 0),
        ("update_video_track", 0),
        ("unpublish_data_track_request", 0),
        ("store_data_blob_request", 0),
        ("update_layers", 0),
    ],
)
def test_a_control_the_owner_changes_it(kind: str, number: int) -> None:
    world = World()
    target, before = world.targets["c"], world.state("c")
    target.guest.ask(**{kind: REQUESTS[kind](target)[number]})
    assert world.state("c") != before


@pytest.mark.parametrize(
    ("room", "told"), [("c", ["mute 0: state of c"]), ("d", ["mute 0: state of d", "mute 0: told"])]
)
def test_a_control_that_searches_all_conferences_is_reported(
    monkeypatch: pytest.MonkeyPatch, room: str, told: list[str]
) -> None:
    """The matrix reports a request that searches all conferences, so that a known identifier gives access."""

    def mute(session: Any, participant: Participant, message: rtc.MuteTrackRequest) -> None:
        for conference in session.context.registry.all():
            for one in conference.participants.values():
                publishing.mute(one, message.sid, message.muted)

    monkeypatch.setitem(requests.TABLE, "mute", mute)
    assert changes("mute", SMALL, room) == told


# -- the server API

GRANTS: dict[str, set[str]] = {"CreateRoom": {"create"}, "ListRooms": {"list"}, "DeleteRoom": {"create"}}
"""The grants that a method needs. Other methods need the administration of this conference."""
BEARERS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "guest": {"join": True, "conference": "c"},
    "admin": {"admin": True, "conference": "c"},
    "elsewhere": {"admin": True, "conference": "d", "destination": "c", "join": True},
    "nowhere": {"admin": True, "destination": "d"},
    "lists": {"list": True, "conference": "c"},
    "creates": {"create": True, "conference": "c"},
}


def bodies(target: SimpleNamespace, room: str = "c") -> dict[str, dict[str, Any]]:
    """Return a request of each method that changes something, or reports it."""
    whom = {"room": room, "identity": target.identity}
    return {
        "CreateRoom": {"name": "made", "metadata": "m"},
        "ListRooms": {},
        "DeleteRoom": {"room": room},
        "ListParticipants": {"room": room},
        "GetParticipant": whom,
        "RemoveParticipant": whom,
        "MutePublishedTrack": {**whom, "trackSid": target.track, "muted": True},
        "UpdateParticipant": {**whom, "metadata": "m", "permission": {"canPublish": False, "hidden": True}},
        "UpdateSubscriptions": {**whom, "trackSids": [target.track], "subscribe": False},
        "SendData": {"room": room, "data": "aGk=", "kind": "RELIABLE", "destinationSids": [target.sid]},
        "UpdateRoomMetadata": {"room": room, "metadata": "m"},
        "PerformRpc": {"room": room, "destinationIdentity": target.identity, "method": "m", "responseTimeoutMs": 1},
        "ForwardParticipant": {**whom, "destinationRoom": "d"},
        "MoveParticipant": {**whom, "destinationRoom": "d"},
    }


class Door:
    """The server API over a world, and the state of that world."""

    def __init__(self) -> None:
        self.world = World()
        names = self.world.office.names
        names.grants.update({name: Grants(identity=name, **rights) for name, rights in BEARERS.items()})
        endpoint = Administration(self.world.office.context)
        app = Starlette(routes=[Route("/twirp/{service}/{method}", endpoint, methods=None)])
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here")

    async def ask(self, bearer: str | None, method: str, body: dict[str, Any]) -> tuple[int, str]:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        answer = await self._client.post(f"/twirp/livekit.RoomService/{method}", json=body, headers=headers)
        self.world.office.world.time.turn()
        return answer.status_code, answer.text

    def everything(self) -> Any:
        guests = [*self.world.guests.values(), self.world.attacker]
        told = [len(guest.wire.frames) for guest in guests]
        sent = [len(peer_of(guest.participant).sent) for guest in guests if guest.session.participant]
        rooms = sorted(one.name for one in self.world.office.world.registry.all())
        return rooms, told, sent, {room: self.world.state(room) for room in ELSEWHERE if room in rooms}


def may(bearer: str, method: str) -> bool:
    rights = BEARERS[bearer]
    if method in GRANTS:
        return any(rights.get(one) for one in GRANTS[method])
    return bool(rights.get("admin")) and rights.get("conference") == "c"


def test_every_method_is_covered() -> None:
    assert bodies(World().targets["c"]).keys() == METHODS.keys()


async def test_every_method_refuses_a_bearer_without_its_grant() -> None:
    door = Door()
    before = door.everything()
    for method, body in bodies(door.world.targets["c"]).items():
        for bearer in [None, "unknown", *(one for one in BEARERS if not may(one, method))]:
            status, text = await door.ask(bearer, method, body)
            assert status == 401, (method, bearer)
            assert door.world.targets["c"].sid not in text
            assert door.everything() == before, (method, bearer)


async def test_no_method_reaches_into_another_conference() -> None:
    """The administrator of one conference cannot use objects of another conference."""
    door = Door()
    foreign = door.world.targets["d"]
    own, before = door.world.targets["c"], door.world.state("d")
    ask = partial(door.ask, "admin")
    reading = {"UpdateSubscriptions": 200, "SendData": 200, "ListParticipants": 200, "UpdateRoomMetadata": 200}
    for method, body in bodies(foreign).items():
        if method in GRANTS or method in ("ForwardParticipant", "MoveParticipant"):
            continue
        status, text = await ask(method, body)
        assert status in (404, reading.get(method)), method
        assert foreign.sid not in text
        if "identity" in body:
            await ask(method, {**body, "identity": own.identity})
        assert door.world.state("d") == before, method
    assert peer_of(foreign.guest.participant).sent == []


@pytest.mark.parametrize("method", METHODS)
async def test_a_control_request_with_its_grant_is_answered(method: str) -> None:
    """A method with its grant works and changes something if it can, so the refusals above refuse real requests."""
    door = Door()
    before = door.everything()
    bearer = next((one for one in BEARERS if may(one, method)), "")
    body = bodies(door.world.targets["c"])[method]
    if "destinationRoom" in body:
        door.world.office.names.grants["admin"] = Grants(identity="admin", admin=True, conference="c", destination="d")
        assert (await door.ask("admin", method, body))[0] == 501
        return
    status, _ = await door.ask(bearer, method, body)
    assert status in ((200, 408, 409) if method == "PerformRpc" else (200,))
    reading = method.startswith(("List", "Get")) or method == "PerformRpc"
    assert reading or door.everything() != before
