"""One live meeting: who is in it, what all of them must be told, and when.

Owns the participants and the end of each turn of the event loop (`settle`): first everybody hears who changed, then
each connection that needs it negotiates, so that nobody gets a track of someone unknown. One owner, one event loop,
no locks.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from conference.data import tracks as data_tracks
from conference.data.state import DataTrack
from conference.door import admission
from conference.door.lobby import Lobbies
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import (
    Action,
    ConferenceChanged,
    ConferenceView,
    Event,
    ParticipantView,
    Presence,
    Reason,
    Resumed,
    RosterChanged,
    Superseded,
    TrackView,
    Welcome,
)
from conference.ground.identifiers import ConferenceSid, ParticipantSid, random_bytes
from conference.ground.lifecycle import Happening, What
from conference.ground.terms import Terms
from conference.halls.hall import Hall
from conference.people.moderation import Silence
from conference.people.pace import Pace, Paced
from conference.people.participant import Entry, Participant, check_facts
from conference.people.roster import Roster
from conference.picture.program import Mode, Program
from conference.ports.clients import Client, PathWish
from conference.ports.halls import HallPorts, HallSignal, LineOptions
from conference.ports.media import Figures, Media, Producer
from conference.ports.time import Cancellable, Clock, Turns
from conference.ports.watchers import Observer, Watcher
from conference.tracks import backup_codec, publishing, subscriptions
from conference.tracks.quality import Meter
from conference.tracks.speakers import Speakers
from conference.tracks.track import Track
from media import PeerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from conference.ground.permissions import Grants

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a conference stands in: media, time and identifiers, made once by the composition root."""

    media: Media
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    lobbies: Lobbies
    watcher: Watcher | None = None
    random_bytes: Callable[[int], bytes] = random_bytes
    halls: HallPorts | None = None
    """What halls need; None: there are none here."""
    observers: Sequence[Observer] = ()
    pace: Pace = field(default_factory=Pace)
    data_drops: Counter[str] = field(default_factory=Counter)
    """Packets and frames of senders who sent too many, by kind: `reliable`, `lossy`, `frames`."""


class Conference:
    """Made by the Registry, which also calls `tick` about twice a second and `close`."""

    def __init__(self, name: str, terms: Terms, around: Surroundings) -> None:
        self.name = name
        self.terms = terms
        self.around = around
        self.sid = ConferenceSid("RM_" + around.suffix())
        self.created_at = around.clock.time()
        self.metadata = terms.metadata
        self.router = around.media.open_router()
        self.router.on_speakers = self._heard
        self.participants: dict[str, Participant] = {}  # by identity
        self.tracks_by_producer: dict[Producer, Track] = {}
        self.tracks_by_sid: dict[str, Track] = {}
        self.data_tracks: dict[str, DataTrack] = {}  # by sid
        self.closed = False
        self.silence: Silence | None = None
        """The last time that a host muted all participants."""
        self.speakers = Speakers(self)
        self.meter = Meter(self)
        self.program: Program | None = None
        """What halls see; there is one from the first hall on."""
        self.joins = 0
        self._empty_since = around.clock.monotonic()
        self.roster = Roster(self)
        self.tables = Paced(around.clock, around.turns, data_tracks.tell_table)
        """Whose handles of data tracks have changed."""
        self.permissions = Paced(around.clock, around.turns, self._permit)
        """Who lets others have its tracks than before."""
        self._to_negotiate: dict[str, Participant] = {}
        self._resting: dict[str, Cancellable] = {}
        """Their next negotiation comes later."""
        self._settling = False
        self._departed: deque[tuple[float, ParticipantView]] = deque(maxlen=limits.DEPARTED)
        self._removed: dict[str, float] = {}
        self._paths: dict[str, PathWish] = {}
        self._counts_told: tuple[int, int, bool] = (0, 0, False)
        self._counts_told_at = 0.0

    # -- coming and going

    def check(self, grants: Any) -> None:
        """Whether these grants open this conference now. Raises Refusal."""
        admission.decide(
            grants,
            present=len(self.participants),
            limit=self.max_participants,
            rejoins=grants.identity in self.participants,
            removed_at=self._removed.get(grants.identity),
        )

    def join(self, entry: Entry, client: Client) -> Participant:
        """Welcomes the newcomer and subscribes it to what is there; an older session of the identity ends. Raises
        Refusal.
        """
        sid = self._admit(entry)
        participant = Participant(self, sid, entry, client)
        participant.connection.prefer(self._paths.get(participant.identity, "any"))
        self._bring_in(participant)
        return participant

    def expect_hall(self, entry: Entry, signal: HallSignal, options: LineOptions, mode: Mode = "meeting") -> Hall:
        """A terminal that is being called, or calls: its lines can be opened (`prepare`), nobody sees it yet. It comes in by
        `welcome_hall` or is given up by `dismiss_hall`. Raises Refusal.
        """
        if self.around.halls is None or self.closed:
            raise Refusal("halls_off")
        if len(self.participants) > limits.PARTICIPANTS or (self.program and self.program.count >= limits.HALLS):
            raise Refusal("hall_limit")
        self._check_door(entry.grants)
        check_facts(entry.grants)
        if self.program is None:
            self.program = Program(self, self.around.halls, mode)
        sid = ParticipantSid("PA_" + self.around.suffix())
        hall = Hall(self, sid, entry, self.program, signal, options)
        self.program.expected.add(hall)
        return hall

    def welcome_hall(self, hall: Hall) -> None:
        """Its call stands: it is a participant now, its media come with `apply`. Raises Refusal."""
        if self.closed or hall.left:
            raise Refusal("conference_not_found")
        self._check_door(hall.entry.grants)
        self._admit(hall.entry)
        hall.program.expected.discard(hall)
        self._bring_in(hall)
        hall.program.enter(hall)

    def _check_door(self, grants: Grants) -> None:
        """As `Registry.check` asks of a token: a hall has none, and much may have happened while it rang. Raises Refusal."""
        if self.around.watcher is not None:
            self.around.watcher.admit(grants)
        self.around.lobbies.check(grants, grants.identity in self.participants)
        self.check(grants)

    def dismiss_hall(self, hall: Hall) -> None:
        """Its call did not come about."""
        if hall in hall.program.expected:
            hall.program.expected.discard(hall)
            hall.left = True
            hall.connection.close()
            self._end_program()

    def _admit(self, entry: Entry) -> ParticipantSid:
        """Makes room for the newcomer. Raises Refusal."""
        self.check(entry.grants)
        check_facts(entry.grants)
        older = self.participants.get(entry.grants.identity)
        if older is not None:
            self.expel(older, Reason.DUPLICATE_IDENTITY)
        self.roster.make_way(entry.grants.identity)
        return ParticipantSid("PA_" + self.around.suffix())

    def _bring_in(self, participant: Participant) -> None:
        self.joins += 1
        with self._whole(participant):
            self._welcome(participant)
        if participant.presence is Presence.ACTIVE:  # a hall whose packets came before its call stood
            self.report_arrival(participant)
        if self.joins == 1 and self.around.watcher is not None:
            self.around.watcher.opened(self.name)

    def _welcome(self, participant: Participant) -> None:
        others = tuple(self._visible_views())
        self.participants[participant.identity] = participant
        self.roster.came(participant)
        participant.changed()
        relay = participant.connection.relay_wanted
        participant.deliver(Welcome(self.view(), participant.view(), others, dual=participant.entry.dual, relay=relay))
        for event in (self.speakers.current(), self.meter.current()):
            if event is not None:
                participant.deliver(event)
        subscriptions.reconcile_all(participant)
        data_tracks.subscribe_all(participant)
        self.negotiate(participant)

    @contextmanager
    def _whole(self, participant: Participant) -> Iterator[None]:
        """Whoever cannot come in or back completely does not stay halfway: its client would never know of it."""
        try:
            yield
        except Exception:
            participant.client = None
            self.remove(participant, Reason.MEDIA_FAILURE)
            raise

    def resume(self, identity: str, sid: str, client: Client) -> Participant:
        """A new signalling connection for a participant that is still there. Raises Refusal `state_mismatch`."""
        participant = self.participants.get(identity)
        if participant is None or participant.sid != sid:
            raise Refusal("state_mismatch")
        self.roster.make_way(identity)
        if participant.client is not None:
            participant.client.deliver(Superseded())
        participant.client, participant.detached_at = client, None
        with self._whole(participant):
            everybody = (*self._departed_views(participant), participant.view(), *self._visible_views(skip=participant))
            composed = self.program.composed if self.program is not None else None
            if composed is not None and composed.seen_by(participant):
                everybody = (*everybody, composed.view())
            relay = participant.connection.relay_wanted
            silenced = publishing.silenced(participant)
            participant.deliver(Resumed(participant.sid, self.view(), everybody, relay=relay, silenced=silenced))
            participant.connection.restart()
            self._stop_resting(participant)
            self._repeat_state(participant)
            self.negotiate(participant)
        return participant

    def _departed_views(self, participant: Participant) -> list[ParticipantView]:
        """Who left lately. A dead socket is noticed late, so no departure counts as told to whoever comes back; clients
        know others by identity, so that one who has returned must not be among them.
        """
        here = {one.identity for one in self.participants.values() if one is participant or not one.grants.hidden}
        return [view for _, view in self._departed if view.identity not in here]

    def expel(self, participant: Participant, reason: Reason, action: Action = Action.DISCONNECT) -> None:
        """The server's doing: its client is told to go, or to come anew, and it is gone."""
        participant.dismiss(reason, action)
        self.remove(participant, reason)

    def kick(self, identity: str, revoked_at: float | None = None) -> None:
        """Removed by an administrator: tokens issued until `revoked_at` (Unix seconds; None: now) no longer open this
        conference. Raises Refusal.
        """
        participant = self.get(identity)
        if len(self._removed) >= limits.REMOVED_IDENTITIES:
            del self._removed[next(iter(self._removed))]
        self._removed[identity] = self.around.clock.time() if revoked_at is None else revoked_at
        self.around.lobbies.forget(self.name, identity, self.around.clock.time())
        self.expel(participant, Reason.REMOVED)

    def remove(self, participant: Participant, reason: Reason) -> None:
        """Takes a participant out of everything. Idempotent."""
        if participant.left:
            return
        participant.left = True
        for track in list(participant.tracks.values()):
            publishing.unpublish(participant, track, tell=False)
        participant.pending.clear()
        data_tracks.forget(participant)
        subscriptions.drop_all(participant)
        if self.participants.get(participant.identity) is participant:
            del self.participants[participant.identity]
        self.roster.forget(participant)
        self._to_negotiate.pop(participant.sid, None)
        self._stop_resting(participant)
        self.speakers.gone(participant.sid)
        self.meter.gone(participant.sid)
        participant.connection.close()
        self._tell_program(participant)
        now = self.around.clock.monotonic()
        view = participant.last_view(reason)
        self._report_leave(participant, view)
        if not participant.grants.hidden:
            self.roster.gone(view)
            self._departed.append((now, view))
            self._schedule()
        if not self.participants:
            self._empty_since = now

    def lacks_codec(self, viewer: Participant, track: Track) -> None:
        """Its browser does not decode this track."""
        if self.program is not None and track.mime.lower() == "video/h264":
            self.program.compose_for(viewer)

    def note_departure(self, view: ParticipantView) -> None:
        """Told once more to whoever was away when it was told."""
        self._departed.append((self.around.clock.monotonic(), view))

    def _tell_program(self, gone: Participant) -> None:
        """Without halls nothing is composed: their mixer ends with the last one."""
        if self.program is None:
            return
        if isinstance(gone, Hall):
            self.program.leave(gone)
        else:
            self.program.gone(gone.sid)
        self._end_program()

    def _end_program(self) -> None:
        if self.program is not None and self.program.count == 0:
            self.program.close()
            self.program = None

    def close(self, reason: Reason) -> None:
        """Clients of a server that stops come back by themselves: most often it starts again at once."""
        if self.closed:
            return
        self.closed = True
        action = Action.RECONNECT if reason is Reason.SERVER_SHUTDOWN else Action.DISCONNECT
        for participant in list(self.participants.values()):
            self.expel(participant, reason, action)
        if self.program is not None:
            for hall in tuple(self.program.expected):
                self.dismiss_hall(hall)
        if self.program is not None:
            self.program.close()
        self.router.close()
        self.report(What.FINISHED, reason=reason)
        if self.joins and self.around.watcher is not None:
            self.around.watcher.closed(self.name, reason)

    # -- questions

    def publishers(self) -> Iterator[Participant]:
        """Everybody whose tracks somebody may get."""
        yield from tuple(self.participants.values())
        if self.program is not None and self.program.composed is not None:
            yield self.program.composed

    @property
    def max_participants(self) -> int:
        most = limits.PARTICIPANTS_MOST if self.program is None else limits.PARTICIPANTS  # the mixer names each of them
        return min(self.terms.max_participants or limits.PARTICIPANTS, most)

    def get(self, identity: str) -> Participant:
        """Raises Refusal `participant_not_found`."""
        participant = self.participants.get(identity)
        if participant is None:
            raise Refusal("participant_not_found")
        return participant

    def prefer_path(self, participant: Participant, path: PathWish) -> None:
        """How it comes from its next restart of ICE on, or when it joins anew."""
        participant.connection.prefer(path)
        self._paths.pop(participant.identity, None)
        if path != "any":
            if len(self._paths) >= limits.PATHS_REMEMBERED:
                del self._paths[next(iter(self._paths))]
            self._paths[participant.identity] = path

    def find_track(self, sid: str) -> Track | None:
        return self.tracks_by_sid.get(sid)

    def view(self) -> ConferenceView:
        visible = [participant for participant in self.participants.values() if not participant.grants.hidden]
        return ConferenceView(
            sid=self.sid,
            name=self.name,
            metadata=self.metadata,
            created_at=self.created_at,
            empty_s=int(self.terms.empty_s),
            departure_s=int(self.terms.departure_s),
            max_participants=self.terms.max_participants,
            participants=len(visible),
            publishers=sum(1 for participant in visible if participant.tracks),
            recording=any(participant.grants.records for participant in self.participants.values()),
        )

    # -- administration

    def set_metadata(self, metadata: str) -> None:
        """Raises Refusal."""
        if len(metadata.encode()) > limits.CONFERENCE_METADATA_BYTES:
            raise Refusal("metadata_too_long")
        self.metadata = metadata
        self._tell_conference()

    def mute_from_outside(self, identity: str, track_sid: str, muted: bool) -> Track:
        """Silences at once and asks the publisher to show it. Raises Refusal."""
        return publishing.mute_from_outside(self.get(identity), track_sid, muted)

    # -- telling

    def report(
        self,
        what: What,
        participant: ParticipantView | None = None,
        track: TrackView | None = None,
        reason: Reason = Reason.UNKNOWN,
    ) -> None:
        """To whoever watches over all conferences, if anybody does."""
        if self.around.observers:
            happening = Happening(what, self.view(), participant, track, reason)
            for observer in self.around.observers:
                observer.happened(happening)

    def report_arrival(self, participant: Participant) -> None:
        """Its media stand and it is in: now it counts as having come, with what it has published already."""
        watched = bool(self.around.observers) and not participant.reported
        if watched and self.participants.get(participant.identity) is participant:
            participant.reported = True
            self.report(What.JOINED, participant.view())
            for track in participant.tracks.values():
                self.report(What.PUBLISHED, participant.view(), track.view())

    def report_track(self, what: What, track: Track) -> None:
        if track.owner.reported:
            self.report(what, track.owner.view(), track.view())

    def _report_leave(self, participant: Participant, last: ParticipantView) -> None:
        self.report(What.LEFT if participant.reported else What.ABORTED, last, reason=last.reason)

    def broadcast(self, event: Event, names: Iterable[str] = ()) -> None:
        """`names`: the sids of those it speaks of."""
        self.roster.know(names)
        for participant in list(self.participants.values()):
            participant.deliver(event)

    def roster_changed(self, participant: Participant) -> None:
        if not participant.left:
            self.roster.changed(participant)
            self._schedule()
            if self.program is not None:
                self.program.changed()

    def visibility_changed(self, participant: Participant) -> None:
        """For the others, whoever is hidden is gone; its tracks go or come with it."""
        if participant.grants.hidden:
            self.speakers.gone(participant.sid)
            view = participant.last_view(Reason.UNKNOWN)
            self._departed.append((self.around.clock.monotonic(), view))
            gone = RosterChanged((view,))
            for other in list(self.participants.values()):
                if other is not participant:
                    other.deliver(gone)
        else:
            self.roster.came(participant)
        self.meter.gone(participant.sid)
        for track in list(participant.tracks.values()):
            subscriptions.offer_to_all(track)
        data_tracks.visibility_changed(participant)

    def _permit(self, publisher: Participant) -> float:
        """`Paced` work: what it publishes is given to whom it lets have it now."""
        self._alone(publisher, subscriptions.offer_everything)
        return len(publisher.tracks) * len(self.participants) * limits.PERMITTED_S

    def settle_soon(self, participant: Participant) -> None:
        """Negotiates with this participant at the end of the turn, if something waits."""
        if not participant.left:
            self._to_negotiate[participant.sid] = participant
            self._schedule()

    def negotiate(self, participant: Participant) -> None:
        """Now, or together with what comes until its turn."""
        now = self.around.clock.monotonic()
        if participant.sid in self._resting or not participant.connection.wants_negotiation(now):
            return
        rest_s = participant.connection.rest_s(now, self.around.pace, self.sid)
        if rest_s > 0:
            self._resting[participant.sid] = self.around.turns.call_later(rest_s, self._rested, participant)
        else:
            self._negotiate_now(participant)

    def _negotiate_now(self, participant: Participant) -> None:
        event = participant.connection.negotiate(self.around.clock.monotonic())
        if event is not None:
            self.roster.tell_first(participant)
            participant.deliver(event)

    def _rested(self, participant: Participant) -> None:
        del self._resting[participant.sid]
        if participant.client is not None:
            self._alone(participant, self._negotiate_now)

    def _stop_resting(self, participant: Participant) -> None:
        if resting := self._resting.pop(participant.sid, None):
            resting.cancel()

    def _schedule(self) -> None:
        if not self._settling and not self.closed:
            self._settling = True
            self.around.turns.call_soon(self._settle)

    def _settle(self) -> None:
        self._settling = False
        self.roster.tell_in_time()
        waiting, self._to_negotiate = self._to_negotiate, {}
        for participant in waiting.values():
            # Without a client nobody could answer; resuming negotiates anew.
            if participant.client is not None and not participant.left:
                self._negotiate_alone(participant)

    def _negotiate_alone(self, participant: Participant) -> None:
        """What goes wrong with one connection ends that one; the others' turn still comes."""
        self._alone(participant, self.negotiate)

    def _alone(self, participant: Participant, action: Callable[[Participant], None]) -> None:
        try:
            action(participant)
        except (PeerError, OverflowError) as error:
            log.info("participant %s: %s", participant.sid, error)
            participant.dismiss(Reason.MEDIA_FAILURE, Action.RECONNECT)
            self.remove(participant, Reason.MEDIA_FAILURE)

    def _visible_views(self, skip: Participant | None = None) -> Iterable[ParticipantView]:
        return [p.view() for p in self.participants.values() if p is not skip and not p.grants.hidden]

    def _repeat_state(self, participant: Participant) -> None:
        """What a client may have missed while it was away."""
        for event in (self.speakers.missed(), self.meter.current()):
            if event is not None:
                participant.deliver(event)
        if participant.data.received or participant.data.next_handle > 1:  # else it never had any
            data_tracks.tell_handles(participant)
        subscriptions.repeat_permissions(participant)
        subscriptions.repeat_streams(participant)
        backup_codec.repeat(participant)
        for track in participant.tracks.values():
            if track.kind == "video":
                subscriptions.tell_wish(track)
            subscriptions.repeat_wish(track)

    def _tell_conference(self) -> None:
        view = self.view()
        self._counts_told = _counts(view)
        self._counts_told_at = self.around.clock.monotonic()
        self.broadcast(ConferenceChanged(view))

    def _heard(self, speakers: list[tuple[Any, float]]) -> None:
        self.speakers.heard(speakers)
        if self.program is not None:
            owners = (self.tracks_by_producer.get(producer) for producer, _ in speakers)
            self.program.heard(next((one.owner.sid for one in owners if one and not one.owner.grants.hidden), ""))
            self.program.changed()

    # -- time

    def tick(self, now: float, figures: Mapping[int, Figures] | None = None) -> None:
        """Everything that has a date; about once a second, with the figures of the media paths."""
        for participant in list(self.participants.values()):
            self._alone(participant, partial(self._tick_participant, now=now))
        if figures is not None:
            self.meter.measure(figures, now)
        if now - self._counts_told_at >= limits.CONFERENCE_UPDATE_S:
            view = self.view()
            if _counts(view) != self._counts_told:
                self._tell_conference()
        while self._departed and now - self._departed[0][0] > limits.DEPARTED_S:
            self._departed.popleft()

    def idle(self, now: float) -> bool:
        """True: nobody came, or the last one left long enough ago, and no hall is being called."""
        wait = self.terms.departure_s if self.joins else self.terms.empty_s
        expects = self.program is not None and bool(self.program.expected)
        return not (self.participants or expects) and now - self._empty_since >= wait

    def _tick_participant(self, participant: Participant, now: float) -> None:
        if is_ghost(participant, now):
            self.remove(participant, Reason.SIGNAL_CLOSE)
            return
        participant.connection.flush()
        if participant.unclaimed and participant.pending:
            publishing.match_leftovers(participant, now)
        for track in participant.tracks.values():
            for one in (track, track.backup):
                if one is not None and one.wish.dated:
                    subscriptions.update_wish(one)
            backup_codec.watch(track, now)
        if participant.client is not None and participant.connection.is_overdue(now):
            self._negotiate_alone(participant)


def _counts(view: ConferenceView) -> tuple[int, int, bool]:
    return view.participants, view.publishers, view.recording


def is_ghost(participant: Participant, now: float) -> bool:
    """Gone without a word: no signalling connection, and its media dead or alone for too long."""
    if participant.detached_at is None:
        return False
    connection = participant.connection
    away_s = now - participant.detached_at
    if away_s >= limits.DETACHED_S or not connection.ever_connected:
        return True
    quiet_s, failed_s = connection.quiet_s(now), connection.failed_s(now)
    if failed_s is not None:
        return min(failed_s, away_s) >= limits.DETACHED_SILENT_S
    return quiet_s is not None and min(quiet_s, away_s) >= limits.DETACHED_QUIET_S
