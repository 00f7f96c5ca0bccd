"""Live conferences: the participants, their tracks, the subscriptions, and the rights.

This package owns the memory of running meetings. After a restart, only the clients that come back rebuild this memory. The
package does not parse wire bytes, open sockets or handle packets. SDP passes as opaque text between `signaling` above and
`media` below.

Layers, from the top: `registry`, `conference`, `chair`, `halls`, `picture`, `people`, `tracks` beside `data` and `door`, `ports`,
`announcements`, `ground`. `ports` holds only Protocols. `ground` holds the values: errors, events, limits and the like. `ports`
and `ground` in one folder would be 19 files. `announcements` is below `ports`, because a port names the language of a
recording. A Protocol describes the part of a higher folder that a lower folder needs: `people.participant.Stage`,
`tracks.track.TrackTable`, `data.state.DataTable`, `picture.seat.Seat`.
"""

from conference import announcements, chair, data, ground, halls, ports
from conference.announcements import spoken_texts
from conference.conference import Conference
from conference.data import blobs, packets
from conference.data import tracks as data_tracks
from conference.door.admission import check_token
from conference.door.knock import Knock, Knocker, State
from conference.door.lobbies import Lobbies, LobbySetting
from conference.door.lobby import Lobby
from conference.ground import events, lifecycle, limits, marks, plan
from conference.ground.errors import Refusal
from conference.ground.names import cleaned
from conference.ground.permissions import Grants, Kind, Passage, Source
from conference.ground.process_memory import ProcessMemory
from conference.ground.terms import Terms
from conference.halls import dialout, keypad
from conference.halls.hall import Hall, Wished
from conference.people import lasting_rights
from conference.people.participant import Participant, described
from conference.picture import layout
from conference.picture.content_token import ContentToken, ContentTokenChange, ContentTokenState
from conference.picture.program import announce
from conference.picture.scene import Mode
from conference.picture.words.splash import About
from conference.ports.clients import Entry
from conference.registry import Registry
from conference.tracks import publishing, subscriptions
from conference.tracks.track import Announcement, Permission, Settings
from media import Fill, PeerError, TokenBucket

__all__ = [
    "About",
    "Announcement",
    "Conference",
    "ContentToken",
    "ContentTokenChange",
    "ContentTokenState",
    "Entry",
    "Fill",
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
    "ProcessMemory",
    "Refusal",
    "Registry",
    "Settings",
    "Source",
    "State",
    "Terms",
    "TokenBucket",
    "Wished",
    "announce",
    "announcements",
    "blobs",
    "chair",
    "check_token",
    "cleaned",
    "data",
    "data_tracks",
    "described",
    "dialout",
    "events",
    "ground",
    "halls",
    "keypad",
    "lasting_rights",
    "layout",
    "lifecycle",
    "limits",
    "marks",
    "packets",
    "plan",
    "ports",
    "publishing",
    "spoken_texts",
    "subscriptions",
]
