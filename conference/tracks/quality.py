"""Connection quality of participants, from the loss, delay and jitter that the packet plane measured. Changes are sent every
QUALITY_S.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conference.ground import limits
from conference.ground.events import Grade, Graded, QualityChanged
from conference.ports.audience import Audience, Listener
from conference.ports.media import Figures

_EXCELLENT = 80.0
_GOOD = 60.0
"""The ratings (0..100, ITU-T G.107) from which a connection counts as excellent or good; below both it is poor. Chosen. Larger:
usable connections are shown as worse than they are. Smaller: people do not see why they hear others badly.
"""


@dataclass(slots=True)
class Sample:
    """The ratings (0..100) of one participant since the last report."""

    total: float = 0.0
    count: int = 0
    told: Graded | None = None


class Path(Protocol):
    """The media path of one participant."""

    @property
    def ever_connected(self) -> bool: ...
    def quiet_s(self, now: float) -> float | None: ...
    def peers(self) -> Sequence[Numbered]: ...


class Numbered(Protocol):
    @property
    def id(self) -> int: ...


class Measurable(Listener, Protocol):
    @property
    def connection(self) -> Path: ...


class Meter:
    """The quality of all participants of one conference."""

    def __init__(self, participants: Mapping[str, Measurable], audience: Audience, now: float) -> None:
        """The keys of `participants` are identities."""
        self._participants = participants
        self._audience = audience
        self._samples: dict[str, Sample] = {}
        self._told_at = now

    def measure(self, figures: Mapping[int, Figures], now: float) -> None:
        """Add the measurements of about one second. The keys of `figures` are the numbers of the peers."""
        for participant in self._participants.values():
            known = [rating(figures[peer.id]) for peer in participant.connection.peers() if peer.id in figures]
            if known and participant.connection.quiet_s(now) is None:
                sample = self._samples.get(participant.sid)
                if sample is None:
                    sample = self._samples[participant.sid] = Sample()
                sample.total += min(known)
                sample.count += 1
        if now - self._told_at >= limits.QUALITY_S:
            self._told_at = now
            self._tell(now)

    def gone(self, sid: str) -> None:
        """Forget a participant that left, hid, or is visible again. Older measurements do not matter to clients that see it
        again.
        """
        self._samples.pop(sid, None)

    def current(self) -> QualityChanged | None:
        """Return the current grades for a client that joins or resumes."""
        told = tuple(sample.told for sample in self._samples.values() if sample.told is not None)
        return QualityChanged(told) if told else None

    def _tell(self, now: float) -> None:
        changed: list[Graded] = []
        for participant in self._participants.values():
            if participant.grants.hidden:
                continue
            grade = self._grade(participant, now)
            if grade is not None:
                changed.append(grade)
        if not changed:
            return
        self._audience.know([grade.participant_sid for grade in changed])
        event = QualityChanged(tuple(changed))
        lost = {grade.participant_sid for grade in changed if grade.grade is Grade.LOST}
        for participant in self._participants.values():
            # a client that reads LOST about itself reconnects; it notices the loss without us
            participant.deliver(event if participant.sid not in lost else _without(event, participant.sid))

    def _grade(self, participant: Measurable, now: float) -> Graded | None:
        """Return the new grade; None if nothing was measured or the grade is unchanged."""
        if participant.connection.ever_connected and participant.connection.quiet_s(now) is not None:
            graded = Graded(participant.sid, Grade.LOST, 0.0)
            sample = self._samples.setdefault(participant.sid, Sample())
        else:
            found = self._samples.get(participant.sid)
            if found is None or found.count == 0:
                return None
            sample = found
            value = sample.total / sample.count
            graded = Graded(participant.sid, grade_of(value), opinion(value))
        sample.total, sample.count = 0.0, 0
        if sample.told is not None and sample.told.grade is graded.grade:
            return None
        sample.told = graded
        return graded


def rating(figures: Figures) -> float:
    """Return a rating of 0..100 by ITU-T G.107 (simplified). Loss lowers the rating. Delay lowers it too, more steeply beyond
    160 ms. Small losses cost little, because retransmission and RED repair them.
    """
    delay_ms = max(0.0, figures.rtt_ms) / 2 + 2 * max(0.0, figures.down_jitter_ms) + 10
    delay_cost = delay_ms / 40 if delay_ms < 160 else 4 + (delay_ms - 160) / 10
    loss_cost = 250 * max(0.0, figures.up_loss, figures.down_loss)
    return max(0.0, min(100.0, 93.2 - delay_cost - loss_cost))


def grade_of(value: float) -> Grade:
    if value >= _EXCELLENT:
        return Grade.EXCELLENT
    return Grade.GOOD if value >= _GOOD else Grade.POOR


def opinion(value: float) -> float:
    """Return the mean opinion score 1..4.5 of a rating (ITU-T G.107 annex B)."""
    return round(1 + 0.035 * value + 7e-6 * value * (value - 60) * (100 - value), 2)


def _without(event: QualityChanged, sid: str) -> QualityChanged:
    return QualityChanged(tuple(grade for grade in event.grades if grade.participant_sid != sid))
