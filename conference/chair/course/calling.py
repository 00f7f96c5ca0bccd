"""The roll call of one meeting with its effects: the stage, the microphone of the site on stage, snapshots, plates, the lists.

Orders are stored before they take effect, and are refused without the database. The machine is `rollcall.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, Protocol

from conference.chair.course import roll_rows, rollcall, signals
from conference.chair.course.pauses import Leads
from conference.chair.course.roll_rows import Places
from conference.chair.course.roll_stage import RollStage
from conference.chair.course.rollcall import Noted, Presence, Report, Row, Site, State
from conference.chair.course.store import Store, record
from conference.chair.rights import Act, By
from conference.chair.sections import is_site
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.marks import UNIT
from conference.halls.hall import Hall
from conference.halls.halls import Halls
from conference.people.participant import Participant
from conference.picture.program import label, look_at_all
from conference.ports.time import Clock
from conference.tracks.speakers import Speakers

SHOWS: Final = (rollcall.Begin, rollcall.Resume, rollcall.Next)
"""The orders that show a site."""
WAITS: Final = (
    "Đang có người phát biểu. Hãy kết thúc lượt phát biểu rồi điểm danh tiếp",
    "a participant has the floor: end the turn, then go on with the roll call",
)


class Meeting(Protocol):
    """The conference as its roll call sees it."""

    @property
    def clock(self) -> Clock: ...
    @property
    def participants(self) -> Mapping[str, Participant]: ...
    @property
    def halls(self) -> Halls: ...
    @property
    def speakers(self) -> Speakers: ...


class Announces(Protocol):
    """The desk document."""

    def put(self, section: str, value: Any, *, host_only: bool = False) -> None: ...
    def put_row(self, section: str, key: str, row: Mapping[str, Any] | None, *, host_only: bool = False) -> None: ...


class Calling:
    """The roll call of one conference. A recess, and a participant who has the floor, have priority: no site follows then."""

    def __init__(self, meeting: Meeting, leads: Leads, document: Announces, store: Store) -> None:
        self._meeting, self._leads, self._document, self._store = meeting, leads, document, store
        self._stage = RollStage(leads)
        self._heard: dict[str, float] = {}
        self._snapshots: dict[str, bytes] = {}
        self._order = asyncio.Lock()
        self._shown: set[str] = set()
        """The sites that the document shows."""
        self._reported: set[str] = set()
        """The identities whose reports the document shows."""
        self._here = Places()
        """The present participant of each site."""
        kept = store.restored()
        leads.staged = self._stage.shows
        self.state = State() if kept is None else rollcall.from_json(kept)
        if kept is not None:
            self._take(*rollcall.step(self.state, rollcall.Restored(), meeting.clock.time()))

    # -- orders

    async def prepare(self, by: By, sites: Iterable[Site] = ()) -> None:
        """Take the list of sites. Without sites: all participants who are here, in the order of the meeting."""
        wanted = tuple(sites) or tuple(map(_site, _everybody(self._meeting)))
        await self._do(by, Act.ROLL_CALL, rollcall.Prepare(wanted))

    async def add(self, by: By, site: Site) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Add(site))

    async def begin(self, by: By) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Begin(by.identity))

    async def press(self, by: By, site: str, presence: Presence, why: str = "") -> None:
        await self._do(
            by, Act.ROLL_CALL, rollcall.Press(site, presence, by.identity, why, holds=bool(self._stage.held))
        )

    async def go_on(self, by: By) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Next(by.identity))

    async def pause(self, by: By) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Pause(by.identity))

    async def resume(self, by: By) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Resume(by.identity))

    async def finish(self, by: By) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Finish(by.identity))

    async def report(self, by: By, site: str, report: Report) -> None:
        """Note the delegates of a site. A participant reports for itself; hosts report for every site."""
        self._locate()
        own = self._here.own(by.identity, site)
        act = Act.REPORT_DELEGATES if own else Act.ROLL_CALL
        one = self._meeting.participants.get(by.identity)
        name = one.grants.name if one is not None else ""
        await self._do(by, act, rollcall.Delegates(own or site, report, host=not own, name=name))

    def reported(self, identity: str) -> Report | None:
        """Return the report of a site, by its id or the identity of its participant."""
        row = self._row(identity)
        return row.report if row is not None else None

    def _row(self, identity: str) -> Row | None:
        here = self._here
        return next((row for row in self.state.rows if identity in (row.site.id, here.identity(row.site.id))), None)

    async def _do(self, by: By, act: Act, event: rollcall.Event) -> None:
        """Store the new state, then let it take effect. Signals may have changed while the database answered, so the event is
        stepped again. Raises Refusal `in_recess`, `roll_call_waits` for an order that shows a site while none may be shown.
        """
        self._leads.ask(by, act)
        async with self._order:
            now = self._meeting.clock.time()
            wanted, effects = self._stepped(event, now)
            await self._store.keep(rollcall.as_json(wanted), _records(wanted, effects, by, now))
            try:
                taken = self._stepped(event, now)
            except Refusal:  # a recess or a turn began while the store wrote: the state before is stored again
                self._store.note(rollcall.as_json(self.state))
                raise
            self._take(*taken)
            if rollcall.as_json(self.state) != rollcall.as_json(wanted):  # a pause began while the store wrote
                self._store.note(rollcall.as_json(self.state))

    def _stepped(self, event: rollcall.Event, now: float) -> rollcall.Result:
        held = self._stage.held if isinstance(event, SHOWS) else ""
        if held == "roll_call_waits":
            raise Refusal(held, *WAITS)
        if held:
            raise Refusal(held)
        return rollcall.step(self.state, event, now)

    def hold(self, by: By) -> None:
        """Pause the roll call, because a recess begins."""
        if self.calls:
            self._act(rollcall.Pause(by.identity), by)

    def _act(self, event: rollcall.Event, by: By | None) -> None:
        """Let an event take effect at once, and store it when the database answers."""
        now = self._meeting.clock.time()
        after, effects = rollcall.step(self.state, event, now)
        self._store.note(rollcall.as_json(after), _records(after, effects, by, now))
        self._take(after, effects)

    # -- time and participants

    def tick(self) -> None:
        """Do the timed work, about once a second: signals, and the end of the time on stage."""
        state, now = self.state, self._meeting.clock.time()
        program = self._meeting.halls.program
        if program is not None:
            look_at_all(program, state.phase == "ready")
        if state.phase in ("ready", "calling", "paused"):
            self._read_signals()
        if self.calls and state.current is not None:
            self._stage.follow(self._here.of.get(state.current.site.id))
        due = self.state.due
        if due is not None and now >= due and not self._order.locked() and not self._stage.held:
            self._act(rollcall.Tick(), None)

    def came(self, one: Participant) -> None:
        """Show a site that came back while it is called, and the plates in a program that has just begun."""
        row = self.state.current
        if self.state.rows:
            self._locate()
            self._announce()
        if self.state.phase == "calling" and row is not None and self._here.of.get(row.site.id) is one:
            self._stage.follow(one)

    @property
    def calls(self) -> bool:
        """Report whether the roll call shows sites now."""
        return self.state.phase == "calling"

    def counted(self, identity: str) -> int | None:
        """Return the present delegates of a site: 0 for an absent site. None: the site has no mark yet."""
        row = self._row(identity)
        if row is None or row.mark is None:
            return None
        return rollcall.delegates(self.state).get(row.site.id, 0)

    def standing(self) -> Callable[[str], str]:
        """Return the function that names who stands now for the site of an identity."""
        self._locate()
        return self._here.stands

    def callable_sites(self, by: By, wanted: Collection[str]) -> list[Site]:
        """Return the sites whose terminals can be called again and are not here. `wanted` empty: all absent sites."""
        self._leads.ask(by, Act.ROLL_CALL)
        self._locate()
        chosen = [row.site for row in self.state.rows if row.site.id in wanted and row.site.terminal]
        found = chosen if wanted else rollcall.to_call(self.state)
        return [one for one in found if one.id not in self._meeting.participants]

    def linked(self, by: By, site: str = "") -> str:
        """Return the id of the site that a link is for. An empty `site`: the site of the giver. Raise Refusal."""
        self._locate()
        own = self._here.own(by.identity, site or by.identity)
        self._leads.ask(by, Act.REPORT_DELEGATES if own else Act.ROLL_CALL)
        if self._row(own or site) is None and (own or site) not in self._meeting.participants:
            raise rollcall.no_site()
        return own or site

    def snapshot(self, id_: str) -> bytes | None:
        """Return the JPEG of a mark. None: no picture was known, or the server was restarted."""
        return self._snapshots.get(id_)

    def destroy(self) -> None:
        """Forget everything, because secret content came up."""
        self.state = State()
        self._snapshots.clear()
        self._heard.clear()
        self._announce()

    def _read_signals(self) -> None:
        self._locate()
        here, program = self._here.of, self._meeting.halls.program
        names = self._meeting.speakers.names()
        speaking = [site for site, one in here.items() if one.sid in names]
        self._heard = signals.heard(self._heard, speaking, limits.TICK_S)
        changed = False
        for row in self.state.rows:
            one = here.get(row.site.id)
            found = signals.read(one, self._heard.get(row.site.id, 0.0), program)
            if found != row.signals:
                self.state, _ = rollcall.step(self.state, rollcall.Signal(row.site.id, found), 0.0)
                changed = True
        if changed:
            self._announce()

    # -- effects

    def _take(self, state: State, effects: Iterable[rollcall.Effect]) -> None:
        self.state = state
        self._locate()
        for effect in effects:
            if isinstance(effect, rollcall.Show):
                self._stage.show(self._here.of.get(effect.site))
            elif isinstance(effect, rollcall.FreeStage):
                self._stage.free()
            elif isinstance(effect, rollcall.Snap):
                self._snap(effect)
        self._announce()

    def _locate(self) -> None:
        self._here = Places((row.site for row in self.state.rows), self._meeting.participants)

    def _snap(self, effect: rollcall.Snap) -> None:
        """Keep the last small picture of a hall. The server does not decode the pictures of browsers."""
        program = self._meeting.halls.program
        one = self._here.of.get(effect.site)
        found = program.thumbnails.get(one.sid) if program is not None and one is not None else None
        if found is not None:
            self._snapshots[effect.id] = found
            while len(self._snapshots) > limits.ROLL_SNAPSHOTS:
                del self._snapshots[next(iter(self._snapshots))]

    def _announce(self) -> None:
        """Put the roll call into the desk document, and the plates into the program."""
        state, program = self.state, self._meeting.halls.program
        self._document.put("roll", roll_rows.of_all(state))
        rows, reports = {}, {}
        for place, row in enumerate(state.rows):
            site = row.site.id
            identity = self._here.identity(site)
            if state.phase != "none":
                rows[site] = roll_rows.of_site(place, row, identity, self._snapshots)
            reports[identity] = roll_rows.reported(row)
        for site in (*rows, *(self._shown - rows.keys())):
            self._document.put_row("roll_sites", site, rows.get(site), host_only=True)
        for identity in (*reports, *(self._reported - reports.keys())):
            self._document.put_row("reported", identity, reports.get(identity))
        self._shown, self._reported = set(rows), set(reports)
        plates = roll_rows.plates(state, self._here)
        if program is not None and plates != program.plates:
            label(program, plates)


def _everybody(meeting: Meeting) -> list[Participant]:
    """Return the visible participants: first the halls in their order, then the others."""
    here = [one for one in meeting.participants.values() if not one.left and not one.grants.hidden]
    return sorted(here, key=_place)


def _place(one: Participant) -> int:
    """Return the place in the list: terminals in their order, then PCs in hall mode, then people."""
    if isinstance(one, Hall):
        return one.position
    return limits.HALLS if is_site(one) else limits.HALLS + 1


def _site(one: Participant) -> Site:
    terminal = one.identity if isinstance(one, Hall) else ""
    return Site(one.identity, one.grants.name or one.identity, one.grants.attributes.get(UNIT, ""), terminal)


def _records(state: rollcall.State, effects: Iterable[rollcall.Effect], by: By | None, now: float) -> list[Any]:
    """Return the records of the noted effects, with the name of the site that each is about."""
    made = []
    for one in effects:
        if isinstance(one, Noted):
            on = str(one.detail.get("site", ""))
            name = next((row.site.name for row in state.rows if row.site.id == on), "") if on else ""
            made.append(record(one.what, by, now, on=on, on_name=name, detail=one.detail))
    return made
