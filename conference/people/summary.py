"""The facts about the conference that all participants receive: metadata, numbers of participants and publishers, recording."""

from __future__ import annotations

from collections.abc import Mapping

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import ConferenceChanged, ConferenceView
from conference.ground.terms import Terms
from conference.people.participant import Participant
from conference.ports.audience import Audience
from conference.ports.time import Clock


class Summary:
    """The summary of one conference. The keys of `participants` are identities."""

    def __init__(
        self,
        sid: str,
        name: str,
        terms: Terms,
        participants: Mapping[str, Participant],
        audience: Audience,
        clock: Clock,
    ) -> None:
        self.metadata = terms.metadata
        self._sid = sid
        self._name = name
        self._terms = terms
        self._participants = participants
        self._audience = audience
        self._clock = clock
        self._created_at = clock.time()
        self._counts_told: tuple[int, int, bool] = (0, 0, False)
        self._told_at = 0.0

    def view(self) -> ConferenceView:
        visible = [participant for participant in self._participants.values() if not participant.grants.hidden]
        return ConferenceView(
            sid=self._sid,
            name=self._name,
            metadata=self.metadata,
            created_at=self._created_at,
            empty_s=int(self._terms.empty_s),
            departure_s=int(self._terms.departure_s),
            max_participants=self._terms.max_participants,
            participants=len(visible),
            publishers=sum(1 for participant in visible if participant.tracks),
            recording=any(participant.grants.records for participant in self._participants.values()),
        )

    def set_metadata(self, metadata: str) -> None:
        """Set the metadata and notify all participants. Raises Refusal."""
        if len(metadata.encode()) > limits.CONFERENCE_METADATA_BYTES:
            raise Refusal("metadata_too_long")
        self.metadata = metadata
        self._tell()

    def tick(self, now: float) -> None:
        if now - self._told_at >= limits.CONFERENCE_UPDATE_S and _counts(self.view()) != self._counts_told:
            self._tell()

    def _tell(self) -> None:
        view = self.view()
        self._counts_told = _counts(view)
        self._told_at = self._clock.monotonic()
        self._audience.broadcast(ConferenceChanged(view))


def _counts(view: ConferenceView) -> tuple[int, int, bool]:
    return view.participants, view.publishers, view.recording
