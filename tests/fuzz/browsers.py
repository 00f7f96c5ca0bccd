"""The fuzz targets for bytes that browsers send: descriptions, signalling messages, tokens. See `targets.py`.

A real node with its packet plane on loopback receives the descriptions and messages. Only the clock is simulated.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import hashlib
import hmac
import random
from dataclasses import replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from aiortc.sdp import SessionDescription
from livekit.protocol import models, rtc

from conference import Grants, Refusal, Registry
from media import Acceptance, Node, NodeSettings, OfferedTrack, Peer, PeerError, Producer, Router
from media.ground.parameters import Description
from media.peers.description import Memory, parse
from signaling.host import limits
from signaling.host.tokens import Authenticator
from signaling.rtc.session.context import Context, Uncounted
from signaling.rtc.session.session import Session
from signaling.rtc.wire import join
from signaling.rtc.wire.messages import Encoder, ServerFacts
from signaling.rtc.wire.packets import Packets
from tests.clients import offers
from tests.clients.peers import Recorder
from tests.security.requests import mutations
from tests.signaling.rtc import signal_desk

SEPARATOR = b"\xff\xfe|"
NOW = 1_700_000_000.0
KEYS = {"first": "a" * 40, "second": "b" * 40}
MICROPHONE = offers.audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")
CAMERA = offers.video(
    "sendonly", "a=msid:s cam", "a=ssrc:2222 cname:c", "a=ssrc:2223 cname:c", "a=ssrc-group:FID 2222 2223"
)
PUBLISHED = offers.describe([MICROPHONE, CAMERA])


# -- the node


@cache
def ground() -> tuple[asyncio.AbstractEventLoop, Node]:
    """Return the event loop and the node. The process makes them once."""
    loop = asyncio.new_event_loop()
    settings = NodeSettings(udp=[("127.0.0.1", 0)], tcp=[("127.0.0.1", 0)])
    node = Node.open(settings, loop, random.Random(1))

    def close() -> None:
        node.close()
        turn(loop)
        loop.close()

    atexit.register(close)
    return loop, node


def turn(loop: asyncio.AbstractEventLoop) -> None:
    """Run the callbacks that are scheduled in the loop, and the callbacks that these schedule."""
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(asyncio.sleep(0))


def take_all(_: OfferedTrack) -> Acceptance:
    return Acceptance()


@cache
def published() -> tuple[Router, list[Producer]]:
    _, node = ground()
    router = node.open_router()
    made = router.open_peer(Recorder()).answer(PUBLISHED, accept=take_all).published
    return router, [one.producer for one in made]


# -- descriptions


def browser(data: bytes) -> None:
    """Fuzz up to four descriptions of one client in sequence.

    The parser must refuse each description, or give the same result with and without a memory. Then one of our peers receives
    the descriptions as offers, and another peer receives them as answers to our offers.
    """
    texts = [row.decode("utf-8", "replace") for row in data.split(SEPARATOR)[:4]]
    memory = Memory()
    for text in texts:
        fresh = _parsed(text)
        assert _parsed(text, memory) == fresh == _parsed(text, memory), "it reads otherwise"
    if len(texts) == 1 and isinstance(fresh, str):
        return
    loop, _ = ground()
    router, producers = published()
    for take in (_offered, _answered):
        peer = router.open_peer(Recorder())
        for producer in producers:
            peer.consume(producer, stream_id="PA_x|s", track_id=f"TR_{producer.kind}")
        try:
            take(peer, texts)
        except PeerError:
            pass
        finally:
            peer.close()
            turn(loop)


def _parsed(text: str, memory: Memory | None = None) -> Description | str:
    try:
        return parse(text, memory)
    except PeerError as error:
        return str(error)


def _offered(peer: Peer, texts: list[str]) -> None:
    for text in texts:
        answer = peer.answer(text, accept=take_all)
        told, asked = parse(answer.sdp), parse(text)
        assert len(told.sections) == len(asked.sections), "a line was lost"
        for one, other in zip(told.sections, asked.sections, strict=True):
            assert one.kind == other.kind, "a line is another's"
            assert not one.usable or one.mid == other.mid, "a line is another's"
        # an unusable section is answered with its original words, which may not parse
        if all(section.usable for section in asked.sections):
            SessionDescription.parse(answer.sdp)


def _answered(peer: Peer, texts: list[str]) -> None:
    SessionDescription.parse(peer.offer().sdp)
    for text in texts:
        assert not any(consumer.closed for consumer in peer.accept_answer(text))
        SessionDescription.parse(peer.offer().sdp)


# -- signalling


class NodeDesk(signal_desk.SignalDesk):
    """A signalling desk on the real node."""

    def __init__(self) -> None:
        super().__init__()
        self.loop, node = ground()
        self.world.registry = Registry(node, self.world.time, self.world.time)
        self.context = Context(self.world.registry, self.names, Encoder(ServerFacts("ND_test")), Packets(), Uncounted())

    def turn(self) -> None:
        self.world.time.turn()
        turn(self.loop)
        self.world.time.turn()

    def close(self) -> None:
        self.world.registry.close()
        self.turn()


def session(data: bytes) -> None:
    """Fuzz the messages of one client, with any way to join, before and after a resume. The participant beside it must see no
    effect.

    Bits 0 and 1 of the first byte choose how the client joins: no request, two connections, a packed request, or a query. The
    packed request and the query are the first row. Bit 2 sends text. Bit 3 makes each row a seed of mutated messages. Bit 4
    gives more rights. Bit 5 resumes the session before the last rows.
    """
    form, rows = (data[:1] or b"\0")[0], data[1:].split(SEPARATOR)[:12]
    try:
        ask = _ask(form, rows)
    except Refusal:
        return
    office = NodeDesk()
    try:
        ann = _neighbour(office)
        wanted = _state(ann)
        rights: dict[str, Any] = {"can_update_own_metadata": True, "can_subscribe_metrics": True} if form & 16 else {}
        grants = Grants(identity="ben", conference="c", join=True, **rights)
        ben, wire = office.open(grants, ask)
        office.turn()
        middle = len(rows) // 2 if form & 32 else len(rows)
        _say(office, ben, form, rows[:middle])
        if form & 32 and ben.participant is not None:
            again = join.Ask(dual=ask.dual, client=models.ClientInfo(), resume_sid=ben.participant.sid)
            ben.lost()
            ben, wire = office.open(grants, again)
            office.turn()
            _say(office, ben, form, rows[middle:])
        office.world.pass_time(3.0)
        office.turn()
        assert wire.frames, "it was told nothing"
        assert ann.wire.code is None, "somebody else noticed"
        assert _state(ann) == wanted, "somebody else noticed"
    finally:
        office.close()


def _ask(form: int, rows: list[bytes]) -> join.Ask:
    """Return the join request. Raise Refusal if the request is invalid."""
    if form & 3 < 2 or not rows:
        return join.Ask(dual=form & 3 == 1, client=models.ClientInfo(sdk="JS"))
    said = rows.pop(0)
    if form & 3 == 2:
        packed = rtc.WrappedJoinRequest(join_request=said).SerializeToString()
        return join.read({"join_request": base64.urlsafe_b64encode(packed).decode()}, v1=True)
    return join.read(dict(parse_qsl(said.decode("utf-8", "replace"), max_num_fields=40)), v1=False)


def _neighbour(office: NodeDesk) -> signal_desk.Guest:
    offer = rtc.SessionDescription(type="offer", sdp=PUBLISHED, id=1)
    tracks = (
        rtc.AddTrackRequest(cid="mic", type=models.AUDIO, source=models.TrackSource.MICROPHONE),
        rtc.AddTrackRequest(cid="cam", type=models.VIDEO, source=models.TrackSource.CAMERA),
    )
    ask = join.Ask(dual=False, client=models.ClientInfo(sdk="JS"), offer=offer, add_tracks=tracks)
    made = signal_desk.Guest(office, *office.open(Grants(identity="ann", conference="c", join=True, name="An"), ask))
    office.turn()
    assert len(made.participant.tracks) == 2
    return made


def _state(guest: signal_desk.Guest) -> object:
    one = guest.participant
    tracks = [(sid, track.muted, track.announcement.facts) for sid, track in one.tracks.items()]
    return one.sid, one.grants, tracks


def _say(office: NodeDesk, session: Session, form: int, rows: list[bytes]) -> None:
    for row in rows:
        messages = mutations.requests(int.from_bytes(row[:8], "big"), 8) if form & 8 else (row,)
        for message in messages:
            said = message.decode("utf-8", "replace") if form & 4 else message
            session.receive(said, office.world.time.now)
            office.turn()


# -- tokens


def token(data: bytes) -> None:
    """Fuzz a token. The raw bytes must be refused. A correctly signed token must be refused, or its grants must survive a
    second signing.
    """
    reader = Authenticator(KEYS)
    assert _read(reader, data.decode("latin-1")) is None, "somebody made a signature"
    head, _, claims = data.partition(SEPARATOR)
    if not claims:
        head, claims = b'{"alg":"HS256","typ":"JWT"}', data
    body = _base64(head) + b"." + _base64(claims)
    for secret in (*KEYS.values(), "c" * 40):
        signature = _base64(hmac.digest(secret.encode(), body, hashlib.sha256))
        grants = _read(reader, (body + b"." + signature).decode())
        if grants is not None:
            assert secret in KEYS.values(), "a key that is not ours"
            _check(grants)
            again = reader.verify(reader.sign(grants, 60, NOW), NOW)
            assert replace(again, issued_at=0, expires_at=0) == replace(grants, issued_at=0, expires_at=0)


def _read(reader: Authenticator, text: str) -> Grants | None:
    try:
        return reader.verify(text, NOW)
    except Refusal as refusal:
        if not refusal.code.startswith("token_"):
            raise
    return None


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _check(grants: Grants) -> None:
    """Check that the texts that other participants receive about this participant can be written."""
    texts = [grants.identity, grants.name, grants.metadata, grants.conference, grants.destination]
    texts += [text for row in grants.attributes.items() for text in row]
    for text in texts:
        assert "\0" not in text
        assert len(text.encode()) <= limits.METADATA_BYTES
    assert len(grants.attributes) <= limits.ATTRIBUTES
    assert grants.expires_at + limits.LEEWAY_S > NOW
    models.ParticipantInfo(identity=grants.identity, name=grants.name, attributes=dict(grants.attributes))
