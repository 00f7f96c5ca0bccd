"""Shorthand for tests: participants that join a conference on test doubles."""

from __future__ import annotations

from typing import Any

from conference import Announcement, Conference, Entry, Grants, Participant, PeerError, Source
from conference.ground.events import Layer, Quality
from conference.ports.clients import Packet, Piece
from conference.tracks import publishing
from tests.conference.doubles import Listener, World, describe, peer_of, receiver_of

LAYERS = (
    Layer(Quality.LOW, 320, 180, 160_000),
    Layer(Quality.MEDIUM, 640, 360, 450_000),
    Layer(Quality.HIGH, 1280, 720, 1_700_000),
)
PLACES = ("audio recvonly", "audio recvonly", "video recvonly", "video recvonly", "application")
MICROPHONE = Announcement("mic", "audio", Source.MICROPHONE)
CAMERA = Announcement("cam", "video", Source.CAMERA, width=1280, height=720, layers=LAYERS)


class Format:
    """`destination,destination|payload`; frames are `handle:payload`. The payload `chat:…` is for the chat of the server, and
    `foreign:…` is the chat of another client. `stream:ID:TEXT` is a whole chat line of another client.
    """

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        head, bar, body = data.partition(b"|")
        if not bar:
            raise PeerError("no bar")
        if body.startswith(b"chat:"):
            return Packet(b"", chat=body.removeprefix(b"chat:"))
        destinations = frozenset(name for name in head.decode().split(",") if name)
        payload = (b"" if hidden else sender_identity.encode()) + b"|" + body
        kind, _, rest = body.partition(b":")
        stream, _, text = rest.partition(b":")
        piece = Piece(stream.decode(), text, begins=True, ends=True) if kind == b"stream" else None
        return Packet(payload, destinations, foreign_chat=kind in (b"foreign", b"stream"), piece=piece)

    def from_server(self, payload: bytes, topic: str) -> Packet:
        return Packet(topic.encode() + b"|" + payload)

    def chat_line(self, line: str, text: str, at_ms: int, sender_sid: str, sender_identity: str) -> tuple[Packet, ...]:
        return (Packet(f"{sender_identity}|line:{text}".encode()),)

    def frame_handle(self, frame: bytes) -> int:
        return int(frame.partition(b":")[0])

    def with_handle(self, frame: bytes, handle: int) -> bytes:
        return b"%d:" % handle + frame.partition(b":")[2]


class Party:
    """A participant with its client."""

    def __init__(
        self, world: World, name: str, *, dual: bool = False, offer: bool = True, room: str = "c", **options: Any
    ) -> None:
        names = ("auto_subscribe", "auto_subscribe_data", "first_quality_low", "may_pause", "renews_decoders")
        entry_options = {name: options.pop(name) for name in names if name in options}
        grants = Grants(identity=name, name=name.title(), conference=room, join=True, **options)
        self.world = world
        self.client = Listener()
        world.registry.check(grants)
        entry = Entry(grants=grants, dual=dual, packets=Format(), **entry_options)
        self.participant: Participant = world.registry.join(entry, self.client)
        self.conference: Conference = world.registry.get(room)
        self.lines = list(PLACES)
        if not dual and offer:
            self.offer()
            peer_of(self.participant).connect()
        if dual:
            self.participant.receive_answer("m=application", 1)
            receiver_of(self.participant).connect()
            self.lines = ["application"]
        world.time.turn()

    @property
    def sid(self) -> str:
        return self.participant.sid

    @property
    def peer(self) -> Any:
        return peer_of(self.participant)

    @property
    def receiver(self) -> Any:
        return receiver_of(self.participant)

    def offer(self, *more: str) -> None:
        self.lines += more
        self.participant.receive_offer(describe(*self.lines), len(self.client.events) + 1)

    def publish(self, *announcements: Announcement) -> list[str]:
        """Announce and offer these tracks. Return the track ids."""
        for one in announcements:
            publishing.announce(self.participant, one)
            rids = " q h f" if one.kind == "video" else ""
            self.lines.append(f"{one.kind} sendonly {one.cid}{rids}")
        self.offer()
        self.world.time.turn()
        return list(self.participant.tracks)[-len(announcements) :]

    def end(self, cid: str) -> None:
        """Set the section of the track `cid` to inactive, and offer."""
        self.lines = [f"{line.split()[0]} inactive" if f" {cid}" in line else line for line in self.lines]
        self.offer()
        self.world.time.turn()

    def heard(self, *senders: str) -> list[bytes]:
        return [data for _, data in self.receiver.sent]
