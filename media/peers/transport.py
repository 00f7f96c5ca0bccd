"""The path to one peer: ICE credentials, DTLS, keys, data channels. It does not know sections and tracks."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol

from media.ground.errors import PeerError
from media.ground.parameters import Extension, Fingerprint
from media.ground.seam import Seam
from media.peers.handshake import Certificate, ChannelEvents, Keys, Role, Session

IceState = Literal["connected", "moved", "disconnected", "failed"]
TransportState = Literal["new", "connecting", "connected", "failed", "closed"]


class TransportEvents(ChannelEvents, Protocol):
    """The events of a transport. `peer` is the number of the peer. No event comes after `Transport.close`."""

    def connected(self, peer: int) -> None:
        """Report that DTLS is complete and media can flow."""

    def ice_changed(self, peer: int, state: IceState, path: str) -> None: ...
    def failed(self, peer: int, reason: str) -> None:
        """Report that DTLS or SCTP failed, or that the peer closed them. The owner closes the peer."""


class Transport:
    """The transport of one peer. It implements `handshake.SessionEvents`. The session itself reports events of data channels."""

    def __init__(self, seam: Seam, router: int, shard: int, certificate: Certificate, events: TransportEvents) -> None:
        self.id = seam.numbers.new_number()
        self.credentials = seam.numbers.new_credentials(shard)
        self.remote_ufrag = ""
        self.state: TransportState = "new"
        self.path = ""
        self._seam = seam
        self._plane = seam.plane
        self._shard = shard
        self._events = events
        self._extensions: dict[int, Extension] = {}
        self._session = Session(certificate, self, events, self.id, seam.loop)
        self._plane.open_transport(router, self.id, self.credentials.ufrag, self.credentials.pwd)
        seam.receivers[self.id] = self

    def restart_ice(self) -> None:
        """Make new ICE credentials for our side. DTLS and keys stay."""
        self.credentials = self._seam.numbers.new_credentials(self._shard)
        self._plane.restart_ice(self.id, self.credentials.ufrag, self.credentials.pwd)

    @property
    def role(self) -> Role | None:
        """Our role in DTLS, or None until the peer's description is known."""
        return self._session.role

    def set_remote(self, ufrag: str, pwd: str, fingerprints: Sequence[Fingerprint], role: Role) -> None:
        """Set the peer's description of the path. Raises `PeerError` if its certificate or our role changed after the start of
        DTLS.
        """
        if self.role not in (None, role):
            raise PeerError("the DTLS role changed")
        if ufrag != self.remote_ufrag:
            self.remote_ufrag = ufrag
            self._plane.set_remote_credentials(self.id, ufrag, pwd)
        if not self._session.trust(fingerprints, role):
            raise PeerError("the fingerprint changed")

    def add_extensions(self, extensions: Sequence[Extension]) -> None:
        """Add the header extensions that a section agreed on. A number or a name that is already in use keeps its meaning."""
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
            self._seam.endings.end(self._plane.close_transport, self.id)
            self._seam.receivers.pop(self.id, None)

    # -- seam.Receiver

    def take_event(self, name: str, *values: Any) -> None:
        if name == "dtls":
            self._take_datagram(*values)
        elif name == "ice":
            self._take_path(*values)

    def _take_datagram(self, datagram: bytes) -> None:
        if self.state == "new":
            self.state = "connecting"
        self._session.receive(datagram)

    def _take_path(self, state: IceState, path: str) -> None:
        if self.state == "closed":
            return
        self.path = path
        if state in ("connected", "moved"):
            self._session.path_nominated()
        self._events.ice_changed(self.id, state, path)

    # -- handshake.SessionEvents

    def send_datagram(self, datagram: bytes) -> None:
        with suppress(OverflowError):  # lost, as on any network
            self._plane.send_dtls(self.id, datagram)

    def install_keys(self, keys: Keys) -> None:
        self._plane.set_keys(self.id, keys.profile, keys.receive_key, keys.receive_salt, keys.send_key, keys.send_salt)

    def connected(self) -> None:
        self.state = "connected"
        self._events.connected(self.id)

    def failed(self, reason: str) -> None:
        if self.state != "closed":
            self.state = "failed"
            self._events.failed(self.id, reason)
