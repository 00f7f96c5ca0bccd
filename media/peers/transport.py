"""The path to one peer: ICE credentials, DTLS, keys, data channels. Knows nothing of sections and tracks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Protocol

from media.ground.errors import PeerError
from media.ground.parameters import Credentials, Extension, Fingerprint
from media.peers.handshake import Certificate, Keys, Role, Session

if TYPE_CHECKING:
    from media._plane import Plane
    from media.ground.endings import Endings

IceState = Literal["connected", "moved", "disconnected", "failed"]
TransportState = Literal["new", "connecting", "connected", "failed", "closed"]


class TransportEvents(Protocol):
    def connected(self) -> None: ...
    def ice_changed(self, state: IceState, path: str) -> None: ...
    def failed(self, reason: str) -> None: ...
    def channel_opened(self, label: str) -> None: ...
    def channel_drained(self, label: str) -> None: ...
    def message(self, label: str, data: bytes) -> None: ...


class Transport:
    """Implements `handshake.SessionEvents`; all else is told to `TransportEvents`."""

    def __init__(
        self,
        plane: Plane,
        endings: Endings,
        router: int,
        number: int,
        credentials: Credentials,
        certificate: Certificate,
        loop: asyncio.AbstractEventLoop,
        events: TransportEvents,
    ) -> None:
        self.id = number
        self.credentials = credentials
        self.remote_ufrag = ""
        self.state: TransportState = "new"
        self.path = ""
        self._plane = plane
        self._endings = endings
        self._events = events
        self._extensions: dict[int, Extension] = {}
        self._session = Session(certificate, self, loop)
        plane.open_transport(router, number, credentials.ufrag, credentials.pwd)

    def restart_ice(self, credentials: Credentials) -> None:
        """New credentials of ours; DTLS and keys stay."""
        self.credentials = credentials
        self._plane.restart_ice(self.id, credentials.ufrag, credentials.pwd)

    @property
    def role(self) -> Role | None:
        """Ours in DTLS; None until the peer's description is known."""
        return self._session.role

    def set_remote(self, ufrag: str, pwd: str, fingerprints: Sequence[Fingerprint], role: Role) -> None:
        """Raises `PeerError`: another certificate than the one that DTLS has seen, or another role of ours than before."""
        if self.role not in (None, role):
            raise PeerError("the DTLS role changed")
        if ufrag != self.remote_ufrag:
            self.remote_ufrag = ufrag
            self._plane.set_remote_credentials(self.id, ufrag, pwd)
        if not self._session.trust(fingerprints, role):
            raise PeerError("the fingerprint changed")

    def add_extensions(self, extensions: Sequence[Extension]) -> None:
        """What one section agreed on. A number or a name that means something else already keeps its meaning."""
        names = {extension.name for extension in self._extensions.values()}
        new = [one for one in extensions if one.id not in self._extensions and one.name not in names]
        if new:
            self._extensions.update({one.id: one for one in new})
            self._plane.set_extensions(self.id, [(one.id, one.name) for one in self._extensions.values()])

    def start_association(self, port: int, max_message_bytes: int) -> None:
        self._session.start_association(port, max_message_bytes)

    def open_channels(self, labels: Sequence[str]) -> None:
        self._session.open_channels(labels)

    def send(self, label: str, data: bytes) -> bool:
        return self._session.send(label, data)

    def hold(self, size_bytes: int) -> None:
        self._session.hold(size_bytes)

    def close(self) -> None:
        if self.state != "closed":
            self.state = "closed"
            self._session.close()
            self._endings.end(self._plane.close_transport, self.id)

    # -- events of the plane

    def datagram_received(self, datagram: bytes) -> None:
        if self.state == "new":
            self.state = "connecting"
        self._session.receive(datagram)

    def ice_event(self, state: IceState, path: str) -> None:
        if self.state == "closed":
            return
        self.path = path
        if state in ("connected", "moved"):
            self._session.path_nominated()
        self._events.ice_changed(state, path)

    # -- handshake.SessionEvents

    def send_datagram(self, datagram: bytes) -> None:
        with suppress(OverflowError):  # lost, as on any network
            self._plane.send_dtls(self.id, datagram)

    def install_keys(self, keys: Keys) -> None:
        self._plane.set_keys(self.id, keys.profile, keys.receive_key, keys.receive_salt, keys.send_key, keys.send_salt)

    def secured(self) -> None:
        self.state = "connected"
        self._events.connected()

    def broken(self, reason: str) -> None:
        if self.state != "closed":
            self.state = "failed"
            self._events.failed(reason)

    def channel_opened(self, label: str) -> None:
        self._events.channel_opened(label)

    def channel_drained(self, label: str) -> None:
        self._events.channel_drained(label)

    def message(self, label: str, data: bytes) -> None:
        self._events.message(label, data)
