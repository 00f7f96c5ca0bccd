"""The composed picture of the halls, for browsers that do not decode H.264.

The server forwards the halls' video unchanged, so such a browser would see no hall. It gets one VP8 picture of all halls
instead. The mixer makes this picture once for all such browsers. It appears as the camera of a participant that other clients
do not know. Owns the list of viewers and the track. The program decides the content.
"""

from __future__ import annotations

from typing import Final

from conference.data.packets import NoPackets
from conference.ground.events import Reason, RosterChanged
from conference.ground.identifiers import ParticipantSid
from conference.ground.permissions import Grants, Kind, Source
from conference.people.channels import NoChannels
from conference.people.link import Link
from conference.people.participant import Participant, Stage
from conference.ports.audience import Listener
from conference.ports.clients import Entry
from conference.ports.media import Producer
from conference.tracks import publishing, subscriptions
from conference.tracks.track import Announcement, Subscriber

IDENTITY: Final = "hall_program"
NAME: Final = "Hình ghép các điểm cầu"
PICTURE: Final = Announcement("program", "video", Source.CAMERA, width=1280, height=720)


class Nowhere:
    """The link of a participant that is only shown. Nothing is sent or received. Implements `people.link.Link`."""

    channels = NoChannels()
    ever_connected = False

    def quiet_s(self, now: float) -> None:
        return None

    def failed_s(self, now: float) -> None:
        return None

    def peers(self) -> tuple[()]:
        return ()

    def close(self) -> None:
        return


class Composed(Participant):
    """The participant that publishes the composed picture. `Conference.participants` does not hold it: it is not counted or
    listed, and cannot be removed.
    """

    def __init__(self, stage: Stage) -> None:
        grants = Grants(
            identity=IDENTITY,
            name=NAME,
            conference=stage.name,
            join=True,
            kind=Kind.EGRESS,
            can_subscribe=False,
            can_publish_data=False,
        )
        entry = Entry(grants=grants, dual=False, packets=NoPackets(), auto_subscribe=False)
        self.viewers: dict[str, Subscriber] = {}  # by sid
        super().__init__(stage, ParticipantSid("PA_" + stage.tracks.suffix()), entry, None)

    def _connect(self) -> Link:
        return Nowhere()

    def seen_by(self, other: Listener) -> bool:
        return other.sid in self.viewers

    def changed(self) -> None:
        """Notify the viewers at once, because a viewer must know the participant before it gets a track."""
        self._view = None
        for viewer in self.viewers.values():
            viewer.deliver(RosterChanged((self.view(),)))

    def admit(self, viewer: Subscriber) -> None:
        """Show the composed picture to one more viewer."""
        if viewer.sid in self.viewers or viewer.left:
            return
        self.viewers[viewer.sid] = viewer
        viewer.deliver(RosterChanged((self.view(),)))
        for track in self.tracks.values():
            subscriptions.reconcile(viewer, track)

    def gone(self, sid: str) -> None:
        self.viewers.pop(sid, None)

    def show(self, producer: Producer | None) -> None:
        """Publish this producer. None: there is nothing to show. The mixer ends the producer's packets itself."""
        old = next(iter(self.tracks.values()), None)
        if old is not None and old.producer is producer:
            return
        if old is not None:
            publishing.unpublish(self, old, tell=False, ends=False)
        if producer is not None:
            publishing.publish(self, PICTURE, producer)

    def close(self) -> None:
        """End the composed picture, because no hall is left."""
        self.show(None)
        self.left = True
        view = self.last_view(Reason.CLIENT_INITIATED)
        for viewer in self.viewers.values():
            viewer.deliver(RosterChanged((view,)))
        if self.viewers:
            self.stage.departures.note(view)
        self.viewers.clear()
