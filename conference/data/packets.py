"""Data packets between participants, reliable and lossy. Payloads are opaque; `PacketFormat` knows their bytes.

Owns how much one participant may have passed on: each packet is work for each of its receivers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from conference.ground import limits
from media import PeerError

if TYPE_CHECKING:
    from conference.conference import Conference
    from conference.people.participant import Participant
    from conference.ports.clients import Packet

log = logging.getLogger(__name__)

RELIABLE: Final = "_reliable"
LOSSY: Final = "_lossy"
FRAMES: Final = "_data_track"
LABELS: Final = (RELIABLE, LOSSY, FRAMES)
"""The data channels of a participant."""


class NoPackets:
    """The packet format (`ports.PacketFormat`) of those who send and get none."""

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        return None

    def frame_handle(self, frame: bytes) -> int:
        raise PeerError("no data tracks")

    def with_handle(self, frame: bytes, handle: int) -> bytes:
        return frame


def receive(sender: Participant, label: str, message: bytes) -> None:
    """A message came from a participant. Raises PeerError when it is not of the format; what it may not send is
    dropped.
    """
    if len(message) > limits.PACKET_BYTES or not sender.grants.can_publish_data:
        return
    packet = sender.entry.packets.stamp(message, sender.sid, sender.identity, hidden=sender.grants.hidden)
    if packet is None:
        return
    if label == RELIABLE:
        _hold(sender, packet)
    elif may_send(sender):
        _pass_on(sender, packet, reliable=False)
    else:
        drop(sender, "lossy")


def spread(conference: Conference, packet: Packet, *, reliable: bool, sender: Participant | None = None) -> int:
    """To everybody but the sender, or to its destinations; the same bytes for all. How many that were."""
    label = RELIABLE if reliable else LOSSY
    receivers: Sequence[Participant]
    if packet.metrics:
        receivers = [one for one in conference.participants.values() if one.grants.can_subscribe_metrics]
    elif packet.destinations:
        found = (conference.participants.get(identity) for identity in packet.destinations)
        receivers = [participant for participant in found if participant is not None]
    else:
        receivers = list(conference.participants.values())
    if sender is not None and (packet.metrics or packet.destinations):
        conference.roster.introduce(sender, receivers)
    elif sender is not None:
        conference.roster.know((sender.sid,))
    receivers = [participant for participant in receivers if participant is not sender]
    for participant in receivers:
        participant.connection.send(label, packet.payload)
    return len(receivers)


def forget_held(sender: Participant) -> None:
    outgoing = sender.data.outgoing
    outgoing.held.clear()
    outgoing.held_bytes = 0
    _announce_held(sender)
    if outgoing.timer is not None:
        outgoing.timer.cancel()
        outgoing.timer = None


def units(receivers: int, size_bytes: int) -> float:
    return receivers * (1 + size_bytes / limits.DATA_UNIT_BYTES)


def may_send(sender: Participant) -> bool:
    return sender.data.outgoing.budget.wait_s(sender.conference.around.clock.monotonic()) == 0


def _pass_on(sender: Participant, packet: Packet, *, reliable: bool) -> None:
    receivers = spread(sender.conference, packet, reliable=reliable, sender=sender)
    sender.data.outgoing.budget.spend(units(receivers, len(packet.payload)))


def _hold(sender: Participant, packet: Packet) -> None:
    """A reliable packet goes at once, or after those that wait."""
    outgoing = sender.data.outgoing
    size = outgoing.held_bytes + len(packet.payload)
    if len(outgoing.held) >= limits.HELD_PACKETS or size > limits.HELD_BYTES:
        drop(sender, "reliable")
        return
    outgoing.held.append(packet)
    outgoing.held_bytes = size
    if outgoing.timer is None:
        _let_go(sender)
    else:
        _announce_held(sender)


def _let_go(sender: Participant) -> None:
    outgoing, around = sender.data.outgoing, sender.conference.around
    outgoing.timer = None
    while outgoing.held and may_send(sender):
        packet = outgoing.held.popleft()
        outgoing.held_bytes -= len(packet.payload)
        _pass_on(sender, packet, reliable=True)
    _announce_held(sender)
    if outgoing.held:
        wait_s = outgoing.budget.wait_s(around.clock.monotonic())
        outgoing.timer = around.turns.call_later(wait_s, _let_go, sender)


def _announce_held(sender: Participant) -> None:
    """Also where nothing is held: what was just taken opens the window, and a client that waits hears of it by this alone. Small
    packets count as more than they are: of them too few are held for the window to close by their bytes.
    """
    outgoing = sender.data.outgoing
    sender.connection.hold(max(outgoing.held_bytes, len(outgoing.held) * limits.HELD_PACKET_BYTES_MIN))


def drop(sender: Participant, kind: str) -> None:
    sender.conference.around.data_drops[kind] += 1
    if not sender.data.outgoing.told:
        sender.data.outgoing.told = True
        log.info("participant %s sends more data than is passed on", sender.sid)
