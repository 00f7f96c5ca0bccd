"""A live meeting: its participants, their joining and leaving, and its end.

Owns the participants by identity, and connects the parts of the conference. The parts own the rest: the roster (who is known to
which client), the end of each turn (`people.settling`), tracks, data, speakers, and halls. There is one event loop and no
locks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from conference.chair.chair import Chair, Machines, role_of
from conference.chair.course.agenda_orders import AgendaOrders
from conference.chair.course.course import Course
from conference.chair.course.store import Store
from conference.chair.document import Document
from conference.chair.sections import Sections
from conference.chair.voting.keys import Escrow
from conference.chair.voting.polls import Polls
from conference.data import tracks as data_tracks
from conference.data.chat import Chat
from conference.data.state import DataTable
from conference.door import admission
from conference.door.lobbies import Lobbies
from conference.door.opening import Opening
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import (
    Action,
    ParticipantView,
    Presence,
    Reason,
    Resumed,
    Superseded,
    Welcome,
)
from conference.ground.identifiers import ConferenceSid, ParticipantSid, random_bytes
from conference.ground.lifecycle import What
from conference.ground.outbox import Outbox, change
from conference.ground.permissions import Grants
from conference.ground.terms import Terms
from conference.halls.hall import Hall
from conference.halls.halls import Halls
from conference.people import upkeep
from conference.people.departures import Departures
from conference.people.pace import Pace, Paced
from conference.people.participant import Participant, check_facts, whole
from conference.people.paths import Paths
from conference.people.roster import Roster
from conference.people.settling import Settling, alone
from conference.people.summary import Summary
from conference.picture.program import Program
from conference.ports.clients import Client, Entry
from conference.ports.halls import HallPorts
from conference.ports.media import Figures, Media
from conference.ports.proceedings import Proceedings
from conference.ports.shared import Shared
from conference.ports.time import Clock, Turns
from conference.ports.watchers import Observer, Plan, Watcher
from conference.tracks import publishing, subscriptions
from conference.tracks.quality import Meter
from conference.tracks.reports import Reports
from conference.tracks.speakers import Speakers
from conference.tracks.track import TrackTable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment of a conference: media, time and identifiers. The composition root makes it once."""

    media: Media
    clock: Clock
    turns: Turns
    suffix: Callable[[], str]
    lobbies: Lobbies
    shared: Shared
    watcher: Watcher | None = None
    random_bytes: Callable[[int], bytes] = random_bytes
    halls: HallPorts | None = None
    """The ports that halls need. None: this server has no halls."""
    observers: Sequence[Observer] = ()
    chair_code: Callable[[str], str] | None = None
    """The chair code of a conference, by name. None: no keypad can take the chair."""
    proceedings: Proceedings | None = None
    """The store of what must survive a restart. None: nothing is stored."""
    escrow: Escrow | None = None
    """The keys of open secret votes. None: such a vote does not survive a restart."""
    address: str = ""
    """The address of this server for people, without a slash at the end. Empty: unknown."""
    pace: Pace = field(default_factory=Pace)
    data_drops: Counter[str] = field(default_factory=Counter)
    """Dropped packets and frames of senders that sent too many, by kind: `reliable`, `lossy`, `frames`."""


class Conference:
    """A live conference. The Registry makes it, and calls `tick` about once a second and `close` at the end.

    Implements the Protocols that its parts need: `people.participant.Stage`, `picture.program.PictureStage`,
    `halls.halls.HallStage`.
    """

    def __init__(self, name: str, terms: Terms, around: Surroundings) -> None:
        self.name = name
        self.terms = terms
        self.around = around
        self.clock = around.clock
        self.turns = around.turns
        self.sid = ConferenceSid("RM_" + around.suffix())
        self.router = around.media.open_router()
        self.participants: dict[str, Participant] = {}  # by identity
        self.removed = around.shared.table(self.sid, "removed", limits.REMOVED_IDENTITIES, float)
        self.paths = Paths()
        self.departures = Departures(around.clock)
        self.closed = False
        self.joins = 0
        self._empty_since = around.clock.monotonic()
        self.outbox = Outbox()
        self.roster = Roster(self.participants, around.clock, around.turns)
        self.settling = Settling(self.sid, self.outbox, self.roster, around.pace, around.clock, around.turns)
        self.summary = Summary(self.sid, name, terms, self.participants, self.roster, around.clock)
        self.reports = Reports(around.observers, self.participants, self.summary.view)
        self.halls = Halls(self, around.halls, around.random_bytes)
        self.tracks = TrackTable(
            self.participants,
            self.roster,
            self.reports,
            self.halls,
            around.clock,
            around.turns,
            around.suffix,
            terms.remote_unmute,
            Paced(around.clock, around.turns, upkeep.permit).add,
        )
        self.chat = Chat(name, self.participants, around.clock, around.suffix, around.proceedings)
        self.data = DataTable(
            self.participants,
            self.roster,
            around.clock,
            around.turns,
            around.suffix,
            around.data_drops,
            self.chat,
            Paced(around.clock, around.turns, data_tracks.tell_table).add,
        )
        self.speakers = Speakers(self.tracks)
        self.router.on_speakers = self.speakers.heard
        self.meter = Meter(self.participants, self.roster, around.clock.monotonic())
        self.document = Document(around.clock, around.turns)
        self.sections = Sections(
            self.document, name, around.clock, lambda one: role_of(self.machines, one.identity).value
        )
        self._opening = Opening(name, around.watcher, Store(name, "opening", around.proceedings), self.sections.start)
        plan = around.watcher.plan(name) if around.watcher is not None else Plan()
        self.machines: Machines = Machines(
            self,
            self.document,
            self.sections.changed,
            around.proceedings,
            around.chair_code,
            entry_muted=plan.entry_muted,
        )
        self.hands = self.tracks.gate = self.machines
        self.shuts_out = self.machines.shuts_out
        self.chat.barred, self.chat.desks = self.machines.bars_chat, self.document
        self.chair = Chair(self.machines, around.suffix)
        self.polls = Polls(self, self.document, self.machines.by, around)
        self.halls.ballots = self.polls.press
        self.course = Course(self, self.machines, self.chat, self.document, around.proceedings, self.machines.by)
        self.polls.delegates, self.polls.standing = self.course.roll.counted, self.course.roll.standing
        self.halls.reports, self.halls.stops = self.course.reports.press, self.course.views.press_stop
        self.agenda = AgendaOrders(self, self.document, around.proceedings, plan.agenda)

    # -- joining and leaving

    def check(self, grants: Grants) -> None:
        """Raise Refusal if these grants do not open this conference now."""
        admission.ask(grants, self, self.around.lobbies, self.around.watcher)

    def join(self, entry: Entry, client: Client) -> Participant:
        """Welcome a client that was admitted (`Registry.check`), and subscribe it to the present tracks. An older session of
        the same identity ends. Raises Refusal.
        """
        self.make_room(entry)
        participant = Participant(self, ParticipantSid("PA_" + self.around.suffix()), entry, client)
        self.paths.apply(participant)
        self.bring_in(participant)
        return participant

    def make_room(self, entry: Entry) -> None:
        """End an older session of the identity, and check the new client's name and attributes. Raises Refusal."""
        check_facts(entry.grants)
        older = self.participants.get(entry.grants.identity)
        if older is not None:
            self.expel(older, Reason.DUPLICATE_IDENTITY)
        self.roster.make_way(entry.grants.identity)

    def bring_in(self, participant: Participant) -> None:
        self.joins += 1
        with whole(participant), self.outbox:
            others = tuple(self.roster.views())
            self.participants[participant.identity] = participant
            self.roster.came(participant)
            participant.changed()
            own, dual = participant.view(), participant.entry.dual
            participant.deliver(Welcome(self.summary.view(), own, others, dual=dual, relay=participant.relay_wanted))
            upkeep.tell_state(participant)
            self.machines.came(participant)
            self.course.came(participant)
            self.polls.came(participant)
            self.settling.negotiate(participant)
        if participant.presence is Presence.ACTIVE:  # a hall whose packets arrived before its call was answered
            self.reports.arrived(participant)
        elif isinstance(participant, Hall):  # the answered call connects a hall, also one that sends no packets
            participant.media_connected()
        self._opening.came(self.clock.time(), hall=isinstance(participant, Hall), waiting=self.halls.waiting)

    @change
    def begin(self, opened: Collection[str] = ()) -> None:
        """Open the meeting: halls wait no more. `opened`: the identities of the halls whose microphones go on."""
        waited = self.halls.waiting
        self.halls.begin(opened)
        self.machines.microphones.forget()  # halls that come from now on are not muted because of earlier orders
        self._opening.begun(self.clock.time(), waited=waited, occupied=bool(self.participants))

    def resume(self, identity: str, sid: str, client: Client) -> Participant:
        """Connect a new signalling connection to a participant that is still present. Raises Refusal `state_mismatch`."""
        participant = self.participants.get(identity)
        if participant is None or participant.sid != sid or participant.negotiated is None:
            raise Refusal("state_mismatch")
        with whole(participant), self.outbox:
            self.roster.make_way(identity)
            if participant.client is not None:
                self.outbox.put(participant.client, Superseded())
            participant.client, participant.detached_at = client, None
            self.signal_lost(participant)
            relay, silenced = participant.relay_wanted, publishing.silenced(participant)
            everybody = self._everybody(participant)
            participant.deliver(Resumed(sid, self.summary.view(), everybody, relay=relay, silenced=silenced))
            participant.negotiated.restart()
            self.settling.stop_resting(participant)
            upkeep.repeat_state(participant)
            self.settling.negotiate(participant)
        return participant

    def _everybody(self, participant: Participant) -> tuple[ParticipantView, ...]:
        """Return all views for a participant that comes back. A dead socket is noticed late, so all departures of the last
        DEPARTED_S are sent again.
        """
        here = {one.identity for one in self.participants.values() if one is participant or not one.grants.hidden}
        others = self.roster.views(skip=participant)
        composed = self.halls.composed
        shown = (composed.view(),) if composed is not None and composed.seen_by(participant) else ()
        return (*self.departures.views(here), participant.view(), *others, *shown)

    @change
    def expel(self, participant: Participant, reason: Reason, action: Action = Action.DISCONNECT) -> None:
        """Remove a participant by the server's decision. Its client is notified to leave, or to connect again."""
        participant.dismiss(reason, action)
        self.remove(participant, reason)

    @change
    def kick(self, identity: str, revoked_at: float | None = None) -> None:
        """Remove a participant by order of an administrator. Raises Refusal.

        Tokens issued until `revoked_at` (Unix seconds; None: now) no longer open this conference.
        """
        participant = self.get(identity)
        now = self.clock.time()
        self.removed.put(identity, now if revoked_at is None else revoked_at)
        self.machines.forget(identity)
        self.around.lobbies.forget(self.name, identity, now)
        self.expel(participant, Reason.REMOVED)

    @change
    def remove(self, participant: Participant, reason: Reason) -> None:
        """Remove a participant from all parts of the conference. Idempotent."""
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
            self.sections.gone(participant.identity)
        self.roster.forget(participant)
        self.settling.forget(participant)
        self.speakers.gone(participant.sid)
        self.meter.gone(participant.sid)
        participant.connection.close()
        self.halls.gone(participant)
        if reason is not Reason.SERVER_SHUTDOWN:  # after the restart the meeting goes on with its queue and its turns
            self.machines.gone(participant)
            self.course.gone(participant)
        view = participant.last_view(reason)
        self.reports.left(participant, view)
        if not participant.grants.hidden:
            self.roster.gone(view)
            self.departures.note(view)
            self.settling.soon()
        if not self.participants:
            self._empty_since = self.clock.monotonic()

    @change
    def close(self, reason: Reason) -> None:
        """Close the conference. If the server stops, the clients are asked to reconnect, because the server usually starts
        again at once.
        """
        if self.closed:
            return
        self.closed = self.settling.closed = True
        if reason not in (Reason.SERVER_SHUTDOWN, Reason.CONFERENCE_IDLE):
            self.polls.finish()
            self.machines.finish()
        if reason is Reason.CONFERENCE_IDLE:
            self._opening.forget()
        action = Action.RECONNECT if reason is Reason.SERVER_SHUTDOWN else Action.DISCONNECT
        for participant in list(self.participants.values()):
            self.expel(participant, reason, action)
        self.halls.close()
        self.router.close()
        self.reports.report(What.FINISHED, reason=reason)
        self.around.shared.drop(self.sid)
        if self.joins and self.around.watcher is not None:
            self.around.watcher.closed(self.name, reason)

    # -- queries

    @property
    def program(self) -> Program | None:
        """The program that halls see. It exists while there are halls."""
        return self.halls.program

    @property
    def max_participants(self) -> int:
        most = (
            limits.PARTICIPANTS_MOST if self.program is None else limits.PARTICIPANTS
        )  # with halls, the mixer must have a name for each participant
        return min(self.terms.max_participants or limits.PARTICIPANTS, most)

    def get(self, identity: str) -> Participant:
        """Return the participant with this identity. Raises Refusal `participant_not_found`."""
        participant = self.participants.get(identity)
        if participant is None:
            raise Refusal("participant_not_found")
        return participant

    # -- changes

    def signal_lost(self, participant: Participant) -> None:
        """Note that a signalling connection was lost, or is there again."""
        self.sections.changed(participant)
        self.machines.connected(participant)

    def changed(self, participant: Participant) -> None:
        """Note a change of a participant. The others are notified at the end of the turn."""
        if not participant.left:
            self.roster.changed(participant)
            self.settling.soon()
            self.halls.changed()
            self.sections.changed(participant)

    # -- time

    @change
    def tick(self, now: float, figures: Mapping[int, Figures] | None = None) -> None:
        """Do the timed work, about once a second. `figures` are the measurements of the media paths."""
        for participant in list(self.participants.values()):
            alone(participant, partial(upkeep.tick, now=now))
        if figures is not None:
            self.meter.measure(figures, now)
        self.summary.tick(now)
        self.agenda.tick()
        self.machines.tick()
        self.course.tick()
        self.polls.late.tick()
        self.departures.forget(now)

    def idle(self, now: float) -> bool:
        """Report whether the conference can end: it has been empty long enough, and no hall is being called."""
        wait = self.terms.departure_s if self.joins else self.terms.empty_s
        return not (self.participants or self.halls.expected) and now - self._empty_since >= wait
