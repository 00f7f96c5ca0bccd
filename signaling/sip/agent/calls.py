"""The calls of the user agent by their dialogs, with a limit, and the addresses that may send because of a call."""

from __future__ import annotations

from collections.abc import Iterable

from signaling.sip.agent.peers import Peers
from signaling.sip.call.call import Call
from signaling.sip.ground import limits
from signaling.sip.wire.message import Request


class Calls:
    """The implementation of `signaling.sip.call.call.Owner`."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._by_dialog: dict[tuple[str, str], Call] = {}
        """The calls by Call-ID and our tag."""
        self._inbound: dict[tuple[str, str], Call] = {}
        """The inbound calls by Call-ID and their tag. The same INVITE over two routes is one call."""
        self._hosts: dict[Call, set[str]] = {}
        """The addresses that may send because of a call."""
        self._closing = False

    def __len__(self) -> int:
        return len(self._by_dialog)

    @property
    def all(self) -> list[Call]:
        return list(self._by_dialog.values())

    @property
    def has_room(self) -> bool:
        return not self._closing and len(self._by_dialog) < limits.DIALOGS

    def find(self, request: Request) -> Call | None:
        """Return the call of a request in a dialog, by its Call-ID and our tag."""
        return self._by_dialog.get((request.call_id, request.to.tag))

    def is_merged(self, request: Request) -> bool:
        """Report whether this INVITE has already arrived over another route (RFC 3261 section 8.2.2.2)."""
        return (request.call_id, request.from_.tag) in self._inbound

    def add(self, call: Call) -> None:
        self._by_dialog[call.call_id, call.local.tag] = call
        if call.request is not None:
            self._inbound[call.call_id, call.request.from_.tag] = call

    def hear(self, call: Call, hosts: Iterable[str]) -> None:
        """Read messages from these addresses while the call lives."""
        known = self._hosts.setdefault(call, set())
        added = set(hosts) - known
        known |= added
        self._peers.add(added)

    def closed(self, call: Call) -> None:
        self._by_dialog.pop((call.call_id, call.local.tag), None)
        if call.request is not None:
            self._inbound.pop((call.call_id, call.request.from_.tag), None)
        self._peers.remove_later(self._hosts.pop(call, set()))

    def disconnected(self, flow: int) -> None:
        """Notify the calls that the connection `flow` has ended."""
        for call in self.all:
            call.disconnected(flow)

    def close(self) -> None:
        """Hang up all calls and accept no more."""
        self._closing = True
        for call in self.all:
            call.hang_up()
