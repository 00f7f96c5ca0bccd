"""Recorded clients, replayed. Each recording holds what a client sent to another server of this protocol. The test checks that
our server sends what the client needs.

The recordings (`tests/fixtures/traces`) hold all of the client's messages. Their descriptions are cut to the parts that the
double of media reads. Of the other server the recordings hold the kinds of its messages and the ids that the client repeats.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from livekit.protocol import rtc

from conference import Grants
from signaling.rtc.wire import join
from tests.conference.doubles import peer_of, receiver_of
from tests.signaling.rtc.signal_desk import Recorder, SignalDesk

TRACES = sorted((Path(__file__).parents[2] / "fixtures" / "traces").glob("*.jsonl"))

NEEDED = {
    "join",
    "reconnect",
    "answer",
    "offer",
    "track_published",
    "update",
    "room_update",
    "refresh_token",
    "pong",
    "pong_resp",
    "request_response",
    "publish_data_track_response",
    "unpublish_data_track_response",
    "data_track_subscriber_handles",
    "track_subscribed",
}
"""Messages that a client waits for or shows. Where the other server sent one, our server must send it too."""


class Replay:
    """A run through one recording."""

    def __init__(self, path: Path) -> None:
        self.office = SignalDesk()
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
        self.ids: dict[str, str] = {}  # the recorded server's id -> our id
        self.sessions: dict[int, Any] = {}
        self.wires: dict[int, Recorder] = {}
        self.asked: dict[int, list[int]] = {}  # ids of the offers
        self.wanted: dict[int, set[str]] = {}
        self.waiting: dict[str, dict[str, Any]] = {}
        self.scenario = 0

    def run(self) -> None:
        now = 0
        for row in self.rows:
            self.office.world.pass_time((row["t"] - now) / 1000)
            now = row["t"]
            self._step(row)
            self.office.world.time.turn()

    def _step(self, row: dict[str, Any]) -> None:
        kind = row["kind"]
        if kind == "scenario":
            self.scenario += 1
        elif kind == "ws_request":
            self.waiting[row["who"]] = row
        elif kind == "ws_open":
            self._open(row)
        elif kind == "ws_close":
            self.sessions[row["conn"]].lost()
        elif row["dir"] == "c2s" and "conn" in row:
            self._send(row)
        elif row["dir"] == "s2c" and "conn" in row and not row.get("injected"):
            self.wanted[row["conn"]].add(kind)
            self._learn(row)

    def _open(self, row: dict[str, Any]) -> None:
        request = self.waiting.pop(row["who"])
        query = dict(request["query"])
        if "sid" in query:
            query["sid"] = self.ids.get(query["sid"], query["sid"])
        if "join_request" in request:
            query["join_request"] = pack(self._ours(request["join_request"]))
        ask = join.read(query, v1=request["path"].endswith("v1"))
        grants = Grants(identity=row["who"], name=row["who"].title(), conference=f"t{self.scenario}", join=True)
        conn = row["conn"]
        self.wanted[conn] = set()
        self.asked[conn] = [ask.offer.id] if ask.offer is not None else []
        self.sessions[conn], self.wires[conn] = self.office.open(grants, ask)
        if ask.offer is not None:
            self._connect(conn)

    def _send(self, row: dict[str, Any]) -> None:
        conn = row["conn"]
        message = rtc.SignalRequest()
        json_format.ParseDict({row["kind"]: self._ours(row["msg"])}, message)
        if row["kind"] == "offer" and not self.sessions[conn].closed:
            self.asked[conn].append(message.offer.id)
        self.sessions[conn].receive(message.SerializeToString(), self.office.world.time.now)
        if row["kind"] in ("offer", "answer"):
            self._connect(conn)

    def _connect(self, conn: int) -> None:
        """Connect ICE and DTLS, which follow the first answer."""
        participant = self.sessions[conn].participant
        if participant is not None and participant.client is not None:
            for peer in {peer_of(participant), receiver_of(participant)}:
                if not peer.open_labels:
                    peer.connect()

    def _learn(self, row: dict[str, Any]) -> None:
        participant = self.sessions[row["conn"]].participant
        if participant is None:
            return
        if row["kind"] == "join":
            self.ids[row["sid"]] = participant.sid
        elif row["kind"] == "track_published":
            published = self.wires[row["conn"]].of("track_published")
            self.ids[row["sid"]] = next(one.track.sid for one in reversed(published) if one.cid == row["cid"])
        elif row["kind"] == "publish_data_track_response":
            self.ids[row["sid"]] = self.wires[row["conn"]].last("publish_data_track_response").info.sid

    def _ours(self, message: Any) -> Any:
        text = json.dumps(message)
        for theirs, ours in self.ids.items():
            text = text.replace(theirs, ours)
        return json.loads(text)


def pack(message: Any) -> str:
    inner = json_format.ParseDict(message, rtc.JoinRequest()).SerializeToString()
    wrapped = rtc.WrappedJoinRequest(compression="GZIP", join_request=gzip.compress(inner))
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


@pytest.fixture(params=TRACES, ids=lambda path: path.stem)
def replay(request: pytest.FixtureRequest) -> Replay:
    played = Replay(request.param)
    played.run()
    return played


def test_every_client_gets_the_messages_that_it_needs(replay: Replay) -> None:
    for conn, wanted in replay.wanted.items():
        missing = (wanted & NEEDED) - set(replay.wires[conn].kinds())
        assert not missing, f"connection {conn}"


def test_the_first_message_is_join_reconnect_or_leave(replay: Replay) -> None:
    for conn, wanted in replay.wanted.items():
        first = replay.wires[conn].kinds()[0]
        assert first in ("join", "reconnect", "leave")
        assert first in wanted


def test_every_offer_is_answered_in_order_with_its_id(replay: Replay) -> None:
    for conn, ids in replay.asked.items():
        assert [answer.id for answer in replay.wires[conn].of("answer")] == ids


def test_no_client_gets_a_track_of_an_unknown_participant(replay: Replay) -> None:
    for wire in replay.wires.values():
        known: set[str] = set()
        for message in wire.messages():
            kind = message.WhichOneof("message")
            if kind == "join":
                known |= {track.sid for one in message.join.other_participants for track in one.tracks}
            elif kind == "update":
                known |= {track.sid for one in message.update.participants for track in one.tracks}
            elif kind in ("answer", "offer"):
                assert set(getattr(message, str(kind)).mid_to_track_id.values()) <= known


def test_no_session_ended_by_our_fault(replay: Replay) -> None:
    for wire in replay.wires.values():
        assert wire.code in (None, 1000)
        reasons = {leave.reason for leave in wire.of("leave")}
        assert reasons <= {rtc.LeaveRequest(reason=reason).reason for reason in ("CLIENT_INITIATED", "STATE_MISMATCH")}


def test_everybody_is_gone_at_the_end(replay: Replay) -> None:
    replay.office.world.pass_time(600)
    assert len(replay.office.world.registry) == 0
    assert all(router.closed for router in replay.office.world.media.routers)
