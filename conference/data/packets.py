"""Data packets between participants, reliable and lossy. Payloads are opaque; `PacketFormat` knows their bytes.

Owns the limit on the data that one participant may send to others: each packet is work for each of its receivers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from conference.ground import limits
from conference.ground.marks import WAITS
from conference.ports import clients
from media import PeerError

if TYPE_CHECKING:
    from conference.data.state import DataTable, Party
    from conference.ports.clients import Packet

log = logging.getLogger(__name__)

RELIABLE: Final = "_reliable"
LOSSY: Final = "_lossy"
FRAMES: Final = "_data_track"
LABELS: Final = (RELIABLE, LOSSY, FRAMES)
"""The data channels of a participant."""


class NoPackets:
    """The packet format (`ports.PacketFormat`) of participants that send and receive no packets."""

    def stamp(self, data: bytes, sender_sid: str, sender_identity: str, *, hidden: bool) -> Packet | None:
        return None

    def from_server(self, payload: bytes, topic: str) -> Packet:
        return clients.Packet(b"")

    def chat_line(self, line: str, text: str, at_ms: int, sender_sid: str, sender_identity: str) -> tuple[Packet, ...]:
        return ()

    def frame_handle(self, frame: bytes) -> int:
        raise PeerError("no data tracks")

    def with_handle(self, frame: bytes, handle: int) -> bytes:
        return frame


def receive(sender: Party, label: str, message: bytes) -> None:
    """Handle a message from a participant. Raises PeerError if it has another format. A message that the sender may not send is
    dropped.
    """
    if len(message) > limits.PACKET_BYTES or not sender.grants.can_publish_data:
        return
    packet = sender.entry.packets.stamp(message, sender.sid, sender.identity, hidden=sender.grants.hidden)
    if packet is None:
        return
    if packet.chat is not None:
        sender.data.table.chat.heard(sender, packet.chat)
    elif packet.foreign_chat and sender.data.table.chat.barred(sender.identity):
        drop(sender, "chat")
    elif label == RELIABLE:
        if packet.piece is not None:
            sender.data.table.chat.overheard(sender, packet.piece, packet.destinations)
        _hold(sender, packet)
    elif may_send(sender):
        _pass_on(sender, packet, reliable=False)
    else:
        drop(sender, "lossy")


def spread(table: DataTable, packet: Packet, *, reliable: bool, sender: Party | None = None) -> int:
    """Send a packet to its destinations, or to all participants without destinations. Metrics go only to participants whose
    grants allow them. Participants who wait in the lobby of a closed session get nothing.

    The sender gets nothing. All receivers get the same bytes. Returns the number of receivers.
    """
    label = RELIABLE if reliable else LOSSY
    receivers: Sequence[Party]
    if packet.metrics:
        receivers = [one for one in table.participants.values() if one.grants.can_subscribe_metrics]
    elif packet.destinations:
        found = (table.participants.get(identity) for identity in packet.destinations)
        receivers = [participant for participant in found if participant is not None]
    else:
        receivers = list(table.participants.values())
    if sender is not None and (packet.metrics or packet.destinations):
        table.audience.introduce(sender, receivers)
    elif sender is not None:
        table.audience.know((sender.sid,))
    receivers = [one for one in receivers if one is not sender and WAITS not in one.grants.attributes]
    for one in receivers:
        one.connection.channels.send(label, packet.payload)
    return len(receivers)


def forget_held(sender: Party) -> None:
    outgoing = sender.data.outgoing
    outgoing.held.clear()
    outgoing.held_bytes = 0
    _announce_held(sender)
    if outgoing.timer is not None:
        outgoing.timer.cancel()
        outgoing.timer = None


def units(receivers: int, size_bytes: int) -> float:
    return receivers * (1 + size_bytes / limits.DATA_UNIT_BYTES)


def may_send(sender: Party) -> bool:
    return sender.data.outgoing.budget.wait_s(sender.data.table.clock.monotonic()) == 0


def _pass_on(sender: Party, packet: Packet, *, reliable: bool) -> None:
    receivers = spread(sender.data.table, packet, reliable=reliable, sender=sender)
    sender.data.outgoing.budget.spend(units(receivers, len(packet.payload)))


def _hold(sender: Party, packet: Packet) -> None:
    """Send a reliable packet at once, or put it behind the packets that wait. Beyond the limits the packet is dropped."""
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


def _let_go(sender: Party) -> None:
    outgoing, table = sender.data.outgoing, sender.data.table
    outgoing.timer = None
    while outgoing.held and may_send(sender):
        packet = outgoing.held.popleft()
        outgoing.held_bytes -= len(packet.payload)
        _pass_on(sender, packet, reliable=True)
    _announce_held(sender)
    if outgoing.held:
        wait_s = outgoing.budget.wait_s(table.clock.monotonic())
        outgoing.timer = table.turns.call_later(wait_s, _let_go, sender)


def _announce_held(sender: Party) -> None:
    """Report the held bytes to the sender's data channel, also when nothing is held. A client that waits sees only by this that
    the window is open.

    Each held packet counts at least HELD_PACKET_BYTES_MIN. By their true bytes, small packets would reach HELD_PACKETS before
    they close the window.
    """
    outgoing = sender.data.outgoing
    sender.connection.channels.hold(max(outgoing.held_bytes, len(outgoing.held) * limits.HELD_PACKET_BYTES_MIN))


def drop(sender: Party, kind: str) -> None:
    sender.data.table.drops[kind] += 1
    if not sender.data.outgoing.told:
        sender.data.outgoing.told = True
        log.info("participant %s sends more data than the server forwards", sender.sid)
