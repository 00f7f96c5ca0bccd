"""The server API (Twirp RoomService): administration of conferences and participants over HTTP, in JSON or protobuf.

The module owns the wire format of requests, answers and errors, and the grant that each method needs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from livekit.protocol import models, room
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from conference import Conference, Grants, Refusal, Terms, described, lasting_rights, marks, packets, subscriptions
from conference.chair.rights import Act, By, Role
from signaling.rtc.session import requests
from signaling.rtc.session.context import Context
from signaling.rtc.wire import limits, views
from signaling.rtc.wire.join import token_of
from signaling.rtc.wire.packets import from_server
from signaling.rtc.wire.rpc import CallFailed

log = logging.getLogger(__name__)

SERVICE = "livekit.RoomService"
_JSON = "application/json"
_PROTOBUF = "application/protobuf"
_FIRST_MS = 10**11
"""A larger timestamp counts as Unix milliseconds, a smaller one as Unix seconds. Chosen: as seconds it is in the year 5138, as
milliseconds in 1973. A hundred times larger: milliseconds of today count as seconds. A hundred times smaller: seconds of today
count as milliseconds.
"""

_ERRORS: dict[str, tuple[int, str]] = {
    "conference_not_found": (404, "not_found"),
    "participant_not_found": (404, "not_found"),
    "track_not_found": (404, "not_found"),
    "conference_name_bad": (400, "invalid_argument"),
    "metadata_too_long": (400, "invalid_argument"),
    "metadata_bad": (400, "invalid_argument"),
    "request_bad": (400, "invalid_argument"),
    "data_too_long": (400, "invalid_argument"),
    "conference_limit": (429, "resource_exhausted"),
    "calls_limit": (429, "resource_exhausted"),
    "call_too_long": (400, "invalid_argument"),
    "call_timeout": (408, "deadline_exceeded"),
    "call_failed": (409, "aborted"),
    "not_supported": (501, "unimplemented"),
    "unmute_denied": (412, "failed_precondition"),
    "floor_needed": (412, "failed_precondition"),
    "unmute_off": (412, "failed_precondition"),
    "camera_off": (412, "failed_precondition"),
    "share_off": (412, "failed_precondition"),
    "media_busy": (503, "unavailable"),
    "not_stored": (503, "unavailable"),
    "malformed": (400, "malformed"),
    "bad_route": (404, "bad_route"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request of the server API."""

    context: Context
    grants: Grants

    @property
    def by(self) -> By:
        """Return the actor: a program with a key acts as operator."""
        return By("", self.grants.name or self.grants.identity, Role.OPERATOR, way="api")

    def conference(self, name: str) -> Conference:
        """Return the conference if the caller may administer it. Raises Refusal."""
        if not self.grants.may_administer(name):
            raise _denied()
        return self.context.registry.get(name)


class Administration:
    """The ASGI endpoint of the server API."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Refusal as refusal:
            response = _error(refusal, request)
        except OverflowError:
            response = _error(Refusal("media_busy"), request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = METHODS.get(request.path_params["method"])
        if method is None or request.path_params["service"] != SERVICE:
            raise Refusal("bad_route", english=f"no handler for path {json.dumps(request.url.path)}")
        if request.method != "POST":
            raise Refusal("bad_route", english=f'unsupported method "{request.method}" (only POST is allowed)')
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in (_JSON, _PROTOBUF):
            raise Refusal("bad_route", english=f"unexpected Content-Type: {json.dumps(content_type)}")
        call = Call(self._context, self._grants(request))
        message = _read(await _body(request), method.request(), content_type)
        answer = method.run(call, message)
        if isinstance(answer, Awaitable):
            answer = await answer
        return _write(answer, content_type)

    def _grants(self, request: Request) -> Grants:
        token = token_of({}, request.headers.get("authorization"))
        try:
            return self._context.authority.verify(token, self._context.registry.around.clock.time())
        except Refusal as refusal:
            raise Refusal("unauthenticated", refusal.vietnamese, refusal.english) from refusal


def create_room(call: Call, message: room.CreateRoomRequest) -> models.Room:
    if not call.grants.create:
        raise _denied()
    wanted = {
        "egress": message.HasField("egress"),
        "agents": bool(message.agents),
        "room_preset": bool(message.room_preset),
        "replay_enabled": message.replay_enabled,
    }
    if any(wanted.values()):
        names = ", ".join(name for name, asked in wanted.items() if asked)
        raise Refusal("not_supported", english=f"not supported here: {names}")
    terms = Terms.of(message.metadata, message.max_participants, message.empty_timeout, message.departure_timeout)
    return views.room(call.context.registry.create(message.name, terms).summary.view())


def list_rooms(call: Call, message: room.ListRoomsRequest) -> room.ListRoomsResponse:
    if not call.grants.list:
        raise _denied()
    wanted = set(message.names)
    found = [one for one in call.context.registry.all() if not wanted or one.name in wanted]
    return room.ListRoomsResponse(rooms=[views.room(conference.summary.view()) for conference in found])


def delete_room(call: Call, message: room.DeleteRoomRequest) -> room.DeleteRoomResponse:
    if not call.grants.create:
        raise _denied()
    call.context.registry.get(message.room).machines.note(call.by, Act.END)
    call.context.registry.delete(message.room)
    return room.DeleteRoomResponse()


def list_participants(call: Call, message: room.ListParticipantsRequest) -> room.ListParticipantsResponse:
    conference = call.conference(message.room)
    found = [views.participant(participant.view()) for participant in conference.participants.values()]
    return room.ListParticipantsResponse(participants=found)


def get_participant(call: Call, message: room.RoomParticipantIdentity) -> models.ParticipantInfo:
    return views.participant(call.conference(message.room).get(message.identity).view())


def remove_participant(call: Call, message: room.RoomParticipantIdentity) -> room.RemoveParticipantResponse:
    """Remove a participant. Tokens from before `revoke_token_ts` no longer open the conference; without that field, tokens from
    before now.
    """
    conference = call.conference(message.room)
    conference.chair.remove(call.by, message.identity, _seconds(message.revoke_token_ts) or None)
    return room.RemoveParticipantResponse()


def _seconds(timestamp: int) -> float:
    """Return Unix seconds. Some libraries give Unix seconds, others milliseconds."""
    return timestamp / 1000 if timestamp > _FIRST_MS else float(timestamp)


def mute_published_track(call: Call, message: room.MuteRoomTrackRequest) -> room.MuteRoomTrackResponse:
    conference = call.conference(message.room)
    track = conference.chair.mute_track(call.by, message.identity, message.track_sid, message.muted)
    return room.MuteRoomTrackResponse(track=views.track(track.view()))


def update_participant(call: Call, message: room.UpdateParticipantRequest) -> models.ParticipantInfo:
    """Change the name, metadata, attributes and permission. Empty texts change nothing. Attributes are merged; an empty value
    removes an attribute. Attributes that only the server writes are left out. A participant in the lobby gets the rights to send
    and to receive with its return: only a leader lets it in.
    """
    conference = call.conference(message.room)
    participant = conference.get(message.identity)
    before = lasting_rights.of(participant)
    if marks.HAND in message.attributes:  # a hand is a request to speak, so it has its place in the queue
        kind = message.attributes[marks.HAND]
        participant.raise_hand(bool(kind), kind)
    attributes = described(message.attributes)
    participant.update_facts(name=message.name or None, metadata=message.metadata or None, attributes=attributes)
    if message.HasField("permission"):
        lasting_rights.replace_by(participant, _permitted(lasting_rights.of(participant), message.permission))
    # Programs write metadata and attributes for each other, as often as they like: these are no orders.
    after = lasting_rights.of(participant)
    changed = lasting_rights.changes(before, after)
    if changed or after.name != before.name:
        conference.machines.note(call.by, Act.CHANGE_PERSON, participant, {"before": before.name, "rights": changed})
    return views.participant(participant.view())


def update_subscriptions(call: Call, message: room.UpdateSubscriptionsRequest) -> room.UpdateSubscriptionsResponse:
    participant = call.conference(message.room).get(message.identity)
    subscriptions.choose(participant, requests.subscription_sids(message), message.subscribe)
    return room.UpdateSubscriptionsResponse()


def send_data(call: Call, message: room.SendDataRequest) -> room.SendDataResponse:
    conference = call.conference(message.room)
    if len(message.data) > limits.SEND_DATA_BYTES:
        raise Refusal("data_too_long")
    sids = set(message.destination_sids)
    named = {participant.identity for participant in conference.participants.values() if participant.sid in sids}
    destinations = frozenset(message.destination_identities) | named
    if sids and not destinations:
        return room.SendDataResponse()
    reliable = message.kind == models.DataPacket.Kind.Value("RELIABLE")
    topic = message.topic if message.HasField("topic") else None
    packet = from_server(message.data, reliable=reliable, topic=topic, destinations=destinations, nonce=message.nonce)
    packets.spread(conference.data, packet, reliable=reliable)
    return room.SendDataResponse()


def update_room_metadata(call: Call, message: room.UpdateRoomMetadataRequest) -> models.Room:
    conference = call.conference(message.room)
    conference.summary.set_metadata(message.metadata)
    return views.room(conference.summary.view())


async def perform_rpc(call: Call, message: room.PerformRpcRequest) -> room.PerformRpcResponse:
    callee = call.conference(message.room).get(message.destination_identity)
    timeout_s = min(message.response_timeout_ms / 1000 or limits.RPC_S, limits.RPC_MOST_S)
    calls = call.context.packets.calls
    return room.PerformRpcResponse(payload=await calls.ask(callee, message.method, message.payload, timeout_s))


def forward_participant(call: Call, message: room.ForwardParticipantRequest) -> Message:
    """Refuse: a participant is in one conference only. A caller without the rights gets the usual denial."""
    return _elsewhere(call, message)


def move_participant(call: Call, message: room.MoveParticipantRequest) -> Message:
    """Refuse: a session stays in its conference. A caller without the rights gets the usual denial."""
    return _elsewhere(call, message)


def _elsewhere(call: Call, message: room.ForwardParticipantRequest | room.MoveParticipantRequest) -> Message:
    if not message.destination_room or call.grants.destination != message.destination_room:
        raise _denied()
    call.conference(message.room).get(message.identity)
    raise Refusal("not_supported", english="participants are neither moved nor forwarded to another room")


def _permitted(grants: Grants, permission: models.ParticipantPermission) -> Grants:
    return replace(
        grants,
        can_subscribe=permission.can_subscribe,
        can_publish=permission.can_publish,
        can_publish_data=permission.can_publish_data,
        can_publish_sources=frozenset(
            views.SOURCES_BACK[source] for source in permission.can_publish_sources if source in views.SOURCES_BACK
        ),
        can_update_own_metadata=permission.can_update_metadata,
        hidden=permission.hidden,
        recorder=permission.recorder,
        agent=permission.agent,
        can_subscribe_metrics=permission.can_subscribe_metrics,
    )


def _denied() -> Refusal:
    return Refusal("unauthenticated", "Không có quyền", "permissions denied")


async def _body(request: Request) -> bytes:
    """Return the body. Raises Refusal as soon as the body exceeds the bound."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.ADMIN_BODY_BYTES:
            raise Refusal("malformed", english="the request is too large")
    return bytes(body)


def _read(body: bytes, message: Message, content_type: str) -> Message:
    try:
        if content_type == _PROTOBUF:
            message.ParseFromString(body)
            return message
        return json_format.Parse(body, message, ignore_unknown_fields=True, max_recursion_depth=20)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        name = "protobuf" if content_type == _PROTOBUF else "json"
        raise Refusal("malformed", english=f"the {name} request could not be decoded") from error


def _write(message: Message, content_type: str) -> Response:
    if content_type == _PROTOBUF:
        return Response(message.SerializeToString(), media_type=_PROTOBUF)
    text = json_format.MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=None
    )
    return Response(text, media_type=_JSON)


def _error(refusal: Refusal, request: Request) -> Response:
    """Return the error as JSON, also for protobuf requests."""
    status, code = _ERRORS.get(refusal.code, (401, "unauthenticated"))
    body: dict[str, Any] = {"code": code, "msg": refusal.english}
    if isinstance(refusal, CallFailed):
        body["meta"] = {"rpc_code": str(refusal.number), "rpc_data": refusal.details}
    if code == "bad_route":
        body["meta"] = {"twirp_invalid_route": f"{request.method} {request.url.path}"}
    return Response(json.dumps(body), status, media_type=_JSON)


@dataclass(frozen=True, slots=True)
class Method:
    request: type[Message]
    run: Callable[[Call, Any], Message | Awaitable[Message]]


METHODS: dict[str, Method] = {
    "CreateRoom": Method(room.CreateRoomRequest, create_room),
    "ListRooms": Method(room.ListRoomsRequest, list_rooms),
    "DeleteRoom": Method(room.DeleteRoomRequest, delete_room),
    "ListParticipants": Method(room.ListParticipantsRequest, list_participants),
    "GetParticipant": Method(room.RoomParticipantIdentity, get_participant),
    "RemoveParticipant": Method(room.RoomParticipantIdentity, remove_participant),
    "MutePublishedTrack": Method(room.MuteRoomTrackRequest, mute_published_track),
    "UpdateParticipant": Method(room.UpdateParticipantRequest, update_participant),
    "UpdateSubscriptions": Method(room.UpdateSubscriptionsRequest, update_subscriptions),
    "SendData": Method(room.SendDataRequest, send_data),
    "UpdateRoomMetadata": Method(room.UpdateRoomMetadataRequest, update_room_metadata),
    "PerformRpc": Method(room.PerformRpcRequest, perform_rpc),
    "ForwardParticipant": Method(room.ForwardParticipantRequest, forward_participant),
    "MoveParticipant": Method(room.MoveParticipantRequest, move_participant),
}
