"""What halls need from outside: their signalling, who calls them, and the composition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from conference.announcements.spoken_texts import Language
from conference.ports.media import MixerDoor, Producer


@dataclass(frozen=True, slots=True)
class LineOptions:
    """Where lines of halls are opened: an IP literal of this machine, and its ports. `announced`: what halls are told instead."""

    host: str
    ports: Sequence[int]
    announced: str = ""
    silent_s: float = 30.0
    """So long without RTP and RTCP and the hall is asked whether it is still there."""


class HallSignal(Protocol):
    """The signalling of one hall's call: implemented by the composition on SIP or H.323. Returns at once."""

    def request_keyframe(self) -> None:
        """Packets did not help: ask over the signalling connection (RFC 5168)."""

    def hang_up(self, code: str) -> None: ...
    def renegotiate(self) -> None:
        """What we send or want has changed: offer again."""

    @property
    def moves_camera(self) -> bool:
        """The hall lets its camera be moved from here."""

    def move_camera(self, pan: int, tilt: int, zoom: int) -> None:
        """-1, 0 or 1 each: far end camera control (H.281), left, down and out first; all 0: stop."""

    def camera_said(self, frame: bytes) -> None:
        """A frame of H.224 came from the hall."""

    def pressed(self, key: str) -> bool:
        """A key that came as packets (RFC 4733). True: it was for a menu, or heard before over the signalling."""


@dataclass(frozen=True, slots=True)
class DialOrder:
    """One try at calling one hall. The same order twice is the same call: its Call-ID says so."""

    leg_id: str
    occurrence: str
    terminal: str
    call_id: str
    rung: int = 0
    """Of the terminal's ladder of profiles."""


class Dialer(Protocol):
    """Calls terminals: implemented by the composition. Returns at once; what becomes of a call is told by events."""

    def dial(self, order: DialOrder) -> None: ...
    def probe(self, order: DialOrder) -> None: ...
    def cancel(self, leg_id: str) -> None:
        """A call that is not answered yet. Unknown ones are ignored."""

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        """`order`: only if its call is that of this try."""

    def live(self) -> frozenset[str]:
        """Legs with a call of this process, answered or not."""


class HallPorts(Protocol):
    """What the halls of all conferences need from the composition."""

    def open_mixer(self, router: Any, events: Any) -> MixerDoor: ...
    def announcement(self, code: str, language: Language) -> str:
        """The file of a recorded announcement."""

    def wished(self, conference: str, wished: Any) -> None:
        """A hall asked for the floor, an operator, …: `conference.halls.hall.Wished`."""

    def content_token_moved(self, program: Any, changes: Any) -> None:
        """The content token moved by no terminal's doing (`ContentTokenChange`s): the terminals have to learn it."""

    def silent(self, conference: str, hall: Any) -> None:
        """Nothing has come from it for half a minute: its signalling shall be asked."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a hall gets. `program` None: nothing it could decode is made."""

    program: Producer | None
    mix: Producer | None
    content: Producer | None
