"""The roll call of one meeting with its effects: the stage, the microphone of the site on stage, snapshots, plates, the lists.

Orders are stored before they take effect, and are refused without the database. The machine is `rollcall.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from conference.chair.course import rollcall, signals
from conference.chair.course.pauses import Leads
from conference.chair.course.rollcall import Noted, Presence, Report, Row, Site, State
from conference.chair.course.store import Store, record
from conference.chair.rights import Act, By
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.marks import UNIT
from conference.ground.permissions import Source
from conference.halls.hall import Hall
from conference.halls.halls import Halls
from conference.halls.spotlight import Shown
from conference.people.participant import Participant
from conference.picture.program import label, look_at_all
from conference.ports.time import Clock
from conference.tracks.speakers import Speakers

SIGNALS = {"none": "-", "black": "b", "frozen": "f", "good": "g"}
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
        self._meeting, self._leads, self._spotlight = meeting, leads, leads.spotlight
        self._document, self._store = document, store
        self._before: Shown | None = None
        """The stage from before the roll call."""
        self._was_muted: tuple[str, bool, bool] | None = None
        """The hall on stage, with its microphone before: muted, locked."""
        self._heard: dict[str, float] = {}
        self._snapshots: dict[str, bytes] = {}
        self._order = asyncio.Lock()
        self._shown: set[str] = set()
        """The sites that the document shows."""
        kept = store.restored()
        self.state = State() if kept is None else rollcall.from_json(kept)
        if kept is not None:
            self._take(*rollcall.step(self.state, rollcall.Restored(), meeting.clock.time()))

    # -- orders

    async def prepare(self, by: By, sites: Iterable[Site] = ()) -> None:
        """Take the list of sites. Without sites: all participants who are here, in the order of the meeting."""
        wanted = tuple(sites) or tuple(map(_site, self._here()))
        await self._do(by, Act.ROLL_CALL, rollcall.Prepare(wanted))

    async def add(self, by: By, site: Site) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Add(site))

    async def begin(self, by: By) -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Begin(by.identity))

    async def press(self, by: By, site: str, presence: Presence, why: str = "") -> None:
        await self._do(by, Act.ROLL_CALL, rollcall.Press(site, presence, by.identity, why, holds=bool(self._held())))

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
        host = site != by.identity
        act = Act.ROLL_CALL if host else Act.REPORT_DELEGATES
        await self._do(by, act, rollcall.Delegates(site, report, host=host))

    async def _do(self, by: By, act: Act, event: rollcall.Event) -> None:
        """Store the new state, then let it take effect. Signals may have changed while the database answered, so the event is
        stepped again. Raises Refusal `in_recess`, `roll_call_waits` for an order that shows a site while none may be shown.
        """
        self._leads.ask(by, act)
        async with self._order:
            now = self._meeting.clock.time()
            wanted, effects = self._stepped(event, now)
            await self._store.keep(rollcall.as_json(wanted), _records(effects, by, now))
            try:
                taken = self._stepped(event, now)
            except Refusal:  # a recess or a turn began while the store wrote: the state before is stored again
                self._store.note(rollcall.as_json(self.state))
                raise
            self._take(*taken)

    def _stepped(self, event: rollcall.Event, now: float) -> rollcall.Result:
        held = self._held() if isinstance(event, SHOWS) else ""
        if held == "roll_call_waits":
            raise Refusal(held, *WAITS)
        if held:
            raise Refusal(held)
        return rollcall.step(self.state, event, now)

    def _held(self) -> str:
        """Return why no site may be shown now: the code of a refusal. Empty: a site may be shown."""
        if self._leads.silent():
            return "in_recess"
        return "roll_call_waits" if self._leads.speaks else ""

    def hold(self, by: By) -> None:
        """Pause the roll call, because a recess begins."""
        if self.calls:
            self._act(rollcall.Pause(by.identity), by)

    def _act(self, event: rollcall.Event, by: By | None) -> None:
        """Let an event take effect at once, and store it when the database answers."""
        now = self._meeting.clock.time()
        after, effects = rollcall.step(self.state, event, now)
        self._store.note(rollcall.as_json(after), _records(effects, by, now))
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
        due = self.state.due
        if due is not None and now >= due and not self._order.locked() and not self._held():
            self._act(rollcall.Tick(), None)

    def came(self, one: Participant) -> None:
        """Show a site that came back while it is called, and the plates in a program that has just begun."""
        row = self.state.current
        if isinstance(one, Hall):
            self._set_plates()
        if self.state.phase == "calling" and row is not None and row.site.id == one.identity:
            self._show(row.site.id)

    @property
    def calls(self) -> bool:
        """Report whether the roll call shows sites now."""
        return self.state.phase == "calling"

    def counted(self, identity: str) -> int | None:
        """Return the present delegates of a site: 0 for an absent site. None: the site has no mark yet."""
        row = next((one for one in self.state.rows if one.site.id == identity), None)
        if row is None or row.mark is None:
            return None
        return rollcall.delegates(self.state).get(identity, 0)

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
        here, program = self._meeting.participants, self._meeting.halls.program
        names = self._meeting.speakers.names()
        speaking = [one.identity for one in here.values() if one.sid in names]
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
        for effect in effects:
            if isinstance(effect, rollcall.Show):
                self._show(effect.site)
            elif isinstance(effect, rollcall.FreeStage):
                self._free()
            elif isinstance(effect, rollcall.Snap):
                self._snap(effect)
        self._set_plates()
        self._announce()

    def _show(self, site: str) -> None:
        """Show a site large and open its microphone. A site that is not here leaves the picture as it was. Nothing changes while
        a participant has the floor, and in a recess.
        """
        if self._held():
            return
        if self._was_muted is not None and self._was_muted[0] == site:
            return
        self._mute_again()
        if self._before is None:
            self._before = self._spotlight.shown
        one = self._meeting.participants.get(site)
        if one is None or one.left:
            self._spotlight.restore(self._before)
            return
        self._spotlight.show(one, "broadcast")
        if isinstance(one, Hall):
            self._was_muted = (site, one.muted, one.locked)
            one.set_muted(False)
            one.say("floor_given")
        else:
            self._was_muted = (site, not one.microphones(), False)
            with suppress(Refusal):
                one.ask_to_unmute()

    def _free(self) -> None:
        self._mute_again()
        before, self._before = self._before, None
        if not self._leads.speaks:
            self._spotlight.restore(before or Shown())

    def _mute_again(self) -> None:
        """Mute the site that was on stage, if its microphone was off before, or may not be on now. A site that a
        leader muted on stage stays muted.
        """
        before, self._was_muted = self._was_muted, None
        one = self._meeting.participants.get(before[0]) if before is not None else None
        if before is None or one is None:
            return
        if isinstance(one, Hall):
            barred = bool(self._leads.barred(one, Source.MICROPHONE, "audio"))
            one.set_muted(before[1] or one.muted or barred, locked=before[2] or one.locked)
        elif before[1]:
            one.silence()

    def _snap(self, effect: rollcall.Snap) -> None:
        """Keep the last small picture of a hall. The server does not decode the pictures of browsers."""
        program = self._meeting.halls.program
        one = self._meeting.participants.get(effect.site)
        found = program.thumbnails.get(one.sid) if program is not None and one is not None else None
        if found is not None:
            self._snapshots[effect.id] = found
            while len(self._snapshots) > limits.ROLL_SNAPSHOTS:
                del self._snapshots[next(iter(self._snapshots))]

    def _set_plates(self) -> None:
        program = self._meeting.halls.program
        if program is not None:
            plates = {
                row.site.id: rollcall.plate(row)
                for row in self.state.rows
                if row.report is not None and row.report.head
            }
            if plates != program.plates:
                label(program, plates)

    # -- the document

    def _announce(self) -> None:
        """Put the roll call into the desk document: its state for all, and the rows for hosts."""
        state = self.state
        row = state.current
        shown = {
            "phase": state.phase,
            "run": state.run,
            "at": row.site.id if row is not None else None,
            "plate": rollcall.plate(row) if row is not None else None,
            "since": round(state.since * 1000) if row is not None else None,
            "began_at": round(state.began_at * 1000) or None,
            "ended_at": round(state.ended_at * 1000) or None,
            "totals": rollcall.totals(state),
        }
        self._document.put("roll", shown if state.phase != "none" else None)
        rows = {one.site.id: _row(place, one) for place, one in enumerate(state.rows)}
        for site in (*rows, *(self._shown - rows.keys())):
            self._document.put_row("roll_sites", site, rows.get(site), host_only=True)
        self._shown = set(rows)

    def _here(self) -> list[Participant]:
        """Return the visible participants: first the halls in their order, then the others."""
        here = [one for one in self._meeting.participants.values() if not one.left and not one.grants.hidden]
        return sorted(here, key=lambda one: one.position if isinstance(one, Hall) else limits.HALLS)


def _site(one: Participant) -> Site:
    terminal = one.identity if isinstance(one, Hall) else ""
    return Site(one.identity, one.grants.name or one.identity, one.grants.attributes.get(UNIT, ""), terminal)


def _records(effects: Iterable[rollcall.Effect], by: By | None, now: float) -> list[Any]:
    notes = (one for one in effects if isinstance(one, Noted))
    return [record(one.what, by, now, on=str(one.detail.get("site", "")), detail=one.detail) for one in notes]


def _row(place: int, row: Row) -> dict[str, Any]:
    """Return the row of a site. The names are short, because a list of 240 sites must stay small.

    The site: `o` place, `n` name, `u` unit, `t` telephone, `c` a terminal can be called. The report: `d` delegates, `h` head,
    `x` deputies. The mark: `p` the mark, `at` its time in ms, `by` who marked, `s` the snapshot. The signals `g`: connected,
    heard, picture (`-` none, `b` black, `f` frozen, `g` good).
    """
    report, mark, seen = row.report, row.mark, row.signals
    found = {
        "o": place,
        "n": row.site.name,
        "u": row.site.unit,
        "t": row.site.telephone,
        "c": int(bool(row.site.terminal)),
        "d": report.delegates if report is not None else None,
        "h": report.head if report is not None else None,
        "x": list(report.deputies) if report is not None else None,
        "p": mark.presence if mark is not None else None,
        "at": round(mark.at * 1000) if mark is not None else None,
        "by": mark.by if mark is not None else None,
        "s": mark.snapshot if mark is not None else None,
        "g": f"{int(seen.connected)}{int(seen.heard)}{SIGNALS[seen.picture]}",
    }
    return {name: value for name, value in found.items() if value or name == "o" or (name == "d" and value is not None)}
