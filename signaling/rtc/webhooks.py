"""The events of conferences as webhook events of the protocol (`WebhookEvent`). The module does not send them.

The calendar of this server has other webhooks (`signaling/notify/EVENTS.md`), in another form and from its database. The
webhooks here are for live conferences and do not depend on a database.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from google.protobuf import json_format
from livekit.protocol import models, webhook

from conference.ground.events import Reason
from conference.ground.lifecycle import Happening, What
from signaling.rtc.wire import views

log = logging.getLogger(__name__)

EVENTS: dict[What, str] = {
    What.STARTED: "room_started",
    What.FINISHED: "room_finished",
    What.JOINED: "participant_joined",
    What.LEFT: "participant_left",
    What.ABORTED: "participant_connection_aborted",
    What.PUBLISHED: "track_published",
    What.UNPUBLISHED: "track_unpublished",
}
_ENDS: dict[Reason, models.RoomEndReason] = {
    Reason.CONFERENCE_DELETED: models.RoomEndReason.ROOM_END_API_DELETE,
    Reason.CONFERENCE_IDLE: models.RoomEndReason.ROOM_END_IDLE_TIMEOUT,
    Reason.SERVER_SHUTDOWN: models.RoomEndReason.ROOM_END_SERVER_SHUTDOWN,
}


class Reporter:
    """The `Observer` of conference for webhooks."""

    def __init__(
        self,
        post: Callable[[webhook.WebhookEvent], None],
        now: Callable[[], float],
        suffix: Callable[[], str],
        left_out: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`now`: Unix seconds; `suffix`: makes the last part of an identifier; `left_out`: reports whether a conference with
        that name sends no events.
        """
        self._left_out = left_out
        self._post = post
        self._now = now
        self._suffix = suffix

    def happened(self, happening: Happening) -> None:
        """Post the event. Every error here is a fault of the server and must not end a call."""
        if self._left_out(happening.conference.name):
            return
        try:
            self._post(self._event(happening))
        except Exception:
            log.exception("a webhook event could not be created")

    def _event(self, happening: Happening) -> webhook.WebhookEvent:
        event = webhook.WebhookEvent(
            event=EVENTS[happening.what],
            id="EV_" + self._suffix(),
            created_at=int(self._now()),
            room=views.room(happening.conference),
        )
        if happening.participant is not None:
            event.participant.CopyFrom(views.participant(happening.participant))
        if happening.track is not None:
            event.track.CopyFrom(views.track(happening.track))
        if happening.what is What.FINISHED:
            event.room_end_reason = _ENDS.get(happening.reason, models.RoomEndReason.ROOM_END_UNKNOWN)
        return event


def body(event: webhook.WebhookEvent, dropped: int) -> bytes:
    """Return the event in proto3 JSON. `dropped`: the number of earlier events that the receiver will never get."""
    event.num_dropped = dropped
    return json_format.MessageToJson(event, indent=None).encode()
