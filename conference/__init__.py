"""Live conferences: who is there, what they publish, who receives it, who may do what.

Owns the memory of meetings that are going on; can be rebuilt from nothing but the clients coming back. Does not parse
wire bytes, open sockets or touch packets: SDP passes through as opaque text between `signaling` above and `media`
below.
"""

from conference import (
    announcements,
    data,
    dialout,
    events,
    happenings,
    keypad,
    layout,
    limits,
    marks,
    moderation,
    plan,
    ports,
)
from conference.admission import check_token
from conference.conference import Conference
from conference.errors import Refusal
from conference.floor import Floor, FloorChange, FloorRule, FloorState
from conference.hall import Hall, Wished
from conference.lobby import Knock, Knocker, Lobbies, Lobby, LobbySetting, State
from conference.names import cleaned
from conference.participant import Entry, Participant, Permission, described
from conference.permissions import Grants, Kind, Passage, Source
from conference.program import Mode
from conference.registry import Registry
from conference.terms import Terms
from conference.track import Announcement, Settings
from media import PeerError

__all__ = [
    "Announcement",
    "Conference",
    "Entry",
    "Floor",
    "FloorChange",
    "FloorRule",
    "FloorState",
    "Grants",
    "Hall",
    "Kind",
    "Knock",
    "Knocker",
    "Lobbies",
    "Lobby",
    "LobbySetting",
    "Mode",
    "Participant",
    "Passage",
    "PeerError",
    "Permission",
    "Refusal",
    "Registry",
    "Settings",
    "Source",
    "State",
    "Terms",
    "Wished",
    "announcements",
    "check_token",
    "cleaned",
    "data",
    "described",
    "dialout",
    "events",
    "floor",
    "happenings",
    "keypad",
    "layout",
    "limits",
    "marks",
    "moderation",
    "plan",
    "ports",
]
