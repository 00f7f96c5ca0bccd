"""The services that halls need from outside: their signalling, the dialer, and the composition root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conference.announcements.spoken_texts import Language
from conference.ports.media import MixerDoor, Producer


@dataclass(frozen=True, slots=True)
class LineOptions:
    """The address of this machine (an IP literal) and the ports for the lines of halls. `announced`: the address that the
    server names to halls instead of `host`; empty: `host`.
    """

    host: str
    ports: Sequence[int]
    announced: str = ""
    silent_s: float = 30.0
    """After this time without RTP and RTCP, the signalling asks whether the hall is still there. Longer: a dead call is noticed
    late. Shorter: a hall on a bad network is asked too often.
    """


class HallCamera(Protocol):
    """The camera of a hall (far end camera control, H.281)."""

    def move(self, pan: int, tilt: int, zoom: int) -> None:
        """Move the camera. Each value is -1, 0 or 1. -1 means left, down or zoom out. All 0: stop."""

    def preset(self, number: int, *, store: bool) -> None:
        """Move the camera to a stored position (0..15), or store the present position under this number."""


class HallSignal(Protocol):
    """The signalling of one hall's call. The composition root implements it for SIP or H.323. All methods return at once."""

    def request_keyframe(self) -> None:
        """Ask for a key frame over the signalling connection (RFC 5168), because requests by packets had no effect."""

    def hang_up(self, code: str) -> None: ...
    def renegotiate(self) -> None:
        """Make a new offer, because the media that we send or want have changed."""

    @property
    def moves_camera(self) -> bool:
        """Report whether the server may move the hall's camera."""

    @property
    def camera(self) -> HallCamera: ...

    def camera_said(self, frame: bytes) -> None:
        """Handle an H.224 frame from the hall."""

    def pressed(self, key: str) -> bool:
        """Handle a key that arrived as packets (RFC 4733). Returns True if a menu used it, or if it has already arrived over
        the signalling.
        """


@dataclass(frozen=True, slots=True)
class DialOrder:
    """An attempt to call one hall. The same order twice is the same call, because the Call-ID is the same."""

    leg_id: str
    occurrence: str
    terminal: str
    call_id: str
    rung: int = 0
    """The position in the terminal's ladder of profiles."""


class Dialer(Protocol):
    """The dialer of terminals. The composition root implements it. All methods return at once; events report the progress of a
    call.
    """

    def dial(self, order: DialOrder) -> None: ...
    def probe(self, order: DialOrder) -> None: ...
    def cancel(self, leg_id: str) -> None:
        """Cancel a call that is not answered yet. Unknown legs are ignored."""

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        """Hang up a call. With `order`, only the call of that attempt is ended."""

    def live(self) -> frozenset[str]:
        """Return the legs with a call of this process, answered or not."""


class HallPorts(Protocol):
    """The services that the halls of all conferences need from the composition root."""

    def open_mixer(self, router: Any, events: Any) -> MixerDoor: ...
    def announcement(self, code: str, language: Language) -> str:
        """Return the file of a recorded announcement."""

    def wished(self, conference: str, wished: Any) -> None:
        """Handle a hall's request for the floor, an operator and so on (`conference.halls.hall.Wished`)."""

    def content_token_moved(self, program: Any, changes: Any) -> None:
        """Notify the terminals of changes of the content token (`ContentTokenChange`) that no terminal caused."""

    def silent(self, conference: str, hall: Any) -> None:
        """Ask a hall over its signalling whether it is still there, because its packets have stopped for
        `LineOptions.silent_s`.
        """


@dataclass(frozen=True, slots=True)
class Served:
    """The outputs that a hall gets. `program` None: no program exists that the hall can decode."""

    program: Producer | None
    mix: Producer | None
    content: Producer | None
