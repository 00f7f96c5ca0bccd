"""The roll call (điểm danh) of one meeting: which sites are present, with how many delegates. Pure.

`State` and one `Event` go in; the new state and the effects come out, or a Refusal. `now` is in Unix seconds, because a roll call
goes on after a restart of the server. `as_json` gives the state for the store, and `from_json` reads the state back.

| phase | meaning |
|---|---|
| `none` | no list of sites; reports of sites may arrive |
| `ready` | the list is known; signals and reports of sites arrive |
| `calling` | one site after the other is on stage |
| `paused` | the stage is free; `Resume` shows the same site again |
| `done` | each site is marked, or the secretary ended the roll call |

A site stays on stage for `ROLL_STAGE_S`. A mark within this time is noted, and the next site follows at its end. After this time
the site stays until it is marked. So no site is passed over, and a late press never marks the wrong site: a mark names its site.
This module does not read the unit tree, and does not decide who may call the roll (`rights.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias, get_args

from conference.ground import limits
from conference.ground.errors import Refusal
from rooms.policy.bearers import bearer

Phase = Literal["none", "ready", "calling", "paused", "done"]
Presence = Literal["present", "absent", "fault"]
Picture = Literal["none", "black", "frozen", "good"]
JSON: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Site:
    """A site of the list. `terminal`: the terminal that can be called; `telephone`: the number of the person there; `link`: the
    bearer of the invitation of its unit, who stands for the site while its terminal is away. Each may be empty.
    """

    id: str
    name: str
    unit: str = ""
    terminal: str = ""
    telephone: str = ""
    link: str = ""

    @property
    def bearers(self) -> tuple[str, ...]:
        """The bearers of the participants who stand for the site, the first one before the others."""
        return tuple(filter(None, (bearer(self.id), self.link)))


@dataclass(frozen=True, slots=True)
class Report:
    """The delegates that a site reports. `by`: the person or hall that reported, `way`: page, link, keypad or desk."""

    delegates: int
    head: str = ""
    deputies: tuple[str, ...] = ()
    by: str = ""
    way: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Signals:
    """The signals that the server has of a site. `heard`: sound above silence for long enough (`signals.py`)."""

    connected: bool = False
    heard: bool = False
    picture: Picture = "none"

    @property
    def suggested(self) -> Presence:
        """Return the mark that the signals suggest. Only a person decides."""
        if not self.connected:
            return "absent"
        return "present" if self.heard and self.picture == "good" else "fault"


@dataclass(frozen=True, slots=True)
class Mark:
    """The mark of one site. `snapshot`: the id of the picture at the time of the mark; empty: the site was never on stage.
    `why`: the reason of the mark. The same mark again without a reason keeps the reason.
    """

    presence: Presence
    by: str
    at: float
    snapshot: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list: a site with all that is known of the site."""

    site: Site
    report: Report | None = None
    signals: Signals = Signals()
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class State:
    phase: Phase = "none"
    rows: tuple[Row, ...] = ()
    run: int = 0
    """The number of this roll call in the meeting, from 1."""
    lists: int = 0
    """How many lists replaced another. The link of a site is good for one list; the first list ends no link."""
    at: int = -1
    """The place of the site on stage in `rows`; -1: none."""
    since: float = 0.0
    """The time when this site came on stage."""
    began_at: float = 0.0
    ended_at: float = 0.0

    @property
    def current(self) -> Row | None:
        return self.rows[self.at] if self.at >= 0 else None

    @property
    def due(self) -> float | None:
        """Return the time at which a `Tick` shows the next site. None: time alone changes nothing."""
        row = self.current
        marked = self.phase == "calling" and row is not None and row.mark is not None
        return self.since + limits.ROLL_STAGE_S if marked else None


# -- events


@dataclass(frozen=True, slots=True)
class Prepare:
    """Take the list of sites, in the order of the unit tree. Reports and signals of the same sites stay. A site that has reported
    and is not in the list follows at the end, so that no report is lost.
    """

    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Add:
    """Add a site that was invited late, at the end of the list."""

    site: Site


@dataclass(frozen=True, slots=True)
class Delegates:
    """A site reports its delegates. `host`: a host of the meeting entered the report. Only a host may change reports after the
    end. `name`: the name of a site that reports before there is a list.
    """

    site: str
    report: Report
    host: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    site: str
    signals: Signals


@dataclass(frozen=True, slots=True)
class Begin:
    by: str


@dataclass(frozen=True, slots=True)
class Press:
    """The one key of the secretary: the mark of a site, on stage or not. For a marked site it is a correction."""

    site: str
    presence: Presence
    by: str
    why: str = ""
    holds: bool = False
    """Another participant is shown now: the next site does not follow at once, but at the next `Tick`."""


@dataclass(frozen=True, slots=True)
class Next:
    """Show the next site at once. A site without a mark comes again at the end."""

    by: str


@dataclass(frozen=True, slots=True)
class Pause:
    by: str


@dataclass(frozen=True, slots=True)
class Resume:
    by: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the roll call. Sites without a mark stay without one."""

    by: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The time `State.due` has come."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The server has started again and has read the state from the store."""


Event = Prepare | Add | Delegates | Signal | Begin | Press | Next | Pause | Resume | Finish | Tick | Restored
EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)


# -- effects


@dataclass(frozen=True, slots=True)
class Show:
    """Show this site large to all. Its plate is `plate`."""

    site: str
    plate: str


@dataclass(frozen=True, slots=True)
class FreeStage:
    """Show the picture from before the roll call again."""


@dataclass(frozen=True, slots=True)
class Snap:
    """Keep a picture of this site under this id."""

    site: str
    id: str


@dataclass(frozen=True, slots=True)
class Noted:
    """An entry for the audit trail and the replay, as plain values."""

    what: str
    by: str
    detail: Mapping[str, JSON] = field(default_factory=dict)


Effect = Show | FreeStage | Snap | Noted
Result: TypeAlias = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event, now: float) -> Result:
    """Return the next state and the effects. Raises Refusal `roll_call_state` for an event that this phase does not take."""
    does = TABLE.get((state.phase, type(event)))
    if does is None:
        raise _refusal("roll_call_state", *_WRONG_PHASE[state.phase])
    return does(state, event, now)


# -- what each event does


def _prepare(state: State, event: Prepare, now: float) -> Result:
    _check_sites(event.sites)
    known = {row.site.id: row for row in state.rows}
    same = [(site, known.pop(site.id, None)) for site in event.sites]
    others = {bearer(id_): row for id_, row in known.items() if row.report is not None}
    old = [(site, row or _first(others, site.bearers)) for site, row in same]
    found = (*old, *((row.site, row) for row in others.values()))[: limits.ROLL_SITES]
    rows = tuple(Row(site) if row is None else Row(site, row.report, row.signals) for site, row in found)
    run = state.run if state.phase == "ready" else state.run + 1
    noted = Noted("roll_call.prepared", "", {"run": run, "sites": len(rows)})
    return State("ready", rows, run, state.lists + (state.phase != "none")), (noted,)


def _first(rows: dict[str, Row], bearers: Iterable[str]) -> Row | None:
    """Take the row of the first of these bearers that has one."""
    return next((rows.pop(one) for one in bearers if one in rows), None)


def _add(state: State, event: Add, now: float) -> Result:
    sites = (*(row.site for row in state.rows), event.site)
    _check_sites(sites)
    added = replace(state, rows=(*state.rows, Row(event.site)))
    return added, (Noted("roll_call.added", "", {"site": event.site.id}),)


def _delegates(state: State, event: Delegates, now: float) -> Result:
    at, row = _find(state, event.site)
    called = row.mark is not None and row.mark.presence == "present"
    if (state.phase == "done" or called) and not event.host:
        raise _refusal(
            "roll_call_over", "Đã điểm danh xong; hãy báo thư ký để sửa", "the roll call is over: ask the secretary"
        )
    report = replace(_checked(event.report), at=now)
    what = "roll_call.reported" if row.report is None else "roll_call.report_changed"
    noted = Noted(what, report.by, {"site": event.site, **asdict(report)})
    changed = _with_row(state, at, replace(row, report=report))
    shows = (_show(changed.rows[at]),) if state.phase == "calling" and at == state.at else ()
    return changed, (noted, *shows)


def _early(state: State, event: Delegates, now: float) -> Result:
    """Note a report before there is a list. `Prepare` keeps the report."""
    if all(row.site.id != event.site for row in state.rows):
        sites = (*(row.site for row in state.rows), Site(event.site, event.name or event.site))
        _check_sites(sites)
        state = replace(state, rows=(*state.rows, Row(sites[-1])))
    return _delegates(state, event, now)


def _signal(state: State, event: Signal, now: float) -> Result:
    at, row = _find(state, event.site)
    return _with_row(state, at, replace(row, signals=event.signals)), ()


def _begin(state: State, event: Begin, now: float) -> Result:
    if not state.rows:
        raise _refusal(
            "roll_call_empty", "Danh sách điểm danh chưa có điểm cầu nào", "the list of the roll call is empty"
        )
    noted = Noted("roll_call.began", event.by, {"run": state.run})
    began = replace(state, phase="calling", began_at=now)
    return _go_on(began, now, (noted,))


def _press(state: State, event: Press, now: float) -> Result:
    at, row = _find(state, event.site)
    if len(event.why) > limits.ROLL_WHY_CHARACTERS:
        raise _refusal("roll_call_why", "Lý do quá dài", "the reason is too long")
    on_stage = state.phase == "calling" and at == state.at
    snapshot = row.mark.snapshot if row.mark is not None else ""
    snaps: tuple[Effect, ...] = ()
    if on_stage and not snapshot:
        snapshot = f"roll-{state.run}-{at + 1}"
        snaps = (Snap(event.site, snapshot),)
    noted = Noted(
        "roll_call.marked" if row.mark is None else "roll_call.corrected",
        event.by,
        {
            "site": event.site,
            "presence": event.presence,
            "before": "" if row.mark is None else row.mark.presence,
            "why": event.why,
            "snapshot": snapshot,
        },
    )
    same = row.mark if row.mark is not None and row.mark.presence == event.presence else None
    why = event.why or (same.why if same is not None else "")
    marked = _with_row(state, at, replace(row, mark=Mark(event.presence, event.by, now, snapshot, why)))
    effects = (noted, *snaps)
    if on_stage and not event.holds and now - state.since >= limits.ROLL_STAGE_S:
        return _go_on(marked, now, effects)
    return marked, effects


def _next(state: State, event: Next, now: float) -> Result:
    row = state.current
    if row is not None and row.mark is None and _following(state) == state.at:
        raise _refusal(
            "roll_call_last",
            "Đây là điểm cầu cuối chưa điểm danh; hãy đánh dấu hoặc kết thúc điểm danh",
            "this is the last site without a mark: mark the site, or end the roll call",
        )
    return _go_on(state, now)


def _tick(state: State, event: Tick, now: float) -> Result:
    due = state.due
    return _go_on(state, now) if due is not None and now >= due else (state, ())


def _pause(state: State, event: Pause, now: float) -> Result:
    return replace(state, phase="paused"), (Noted("roll_call.paused", event.by), FreeStage())


def _resume(state: State, event: Resume, now: float) -> Result:
    """Show the same site again. If the site was marked during the pause, the next site follows."""
    again = replace(state, phase="calling", since=now)
    noted = Noted("roll_call.resumed", event.by)
    row = again.current
    if row is None or row.mark is not None:
        return _go_on(again, now, (noted,))
    return again, (noted, _show(row))


def _finish(state: State, event: Finish, now: float) -> Result:
    return _end(state, now, event.by)


def _restored(state: State, event: Restored, now: float) -> Result:
    """Show the site that was on stage before the restart, for the whole time."""
    row = state.current
    if state.phase != "calling" or row is None:
        return state, ()
    return replace(state, since=now), (_show(row),)


# -- parts


def _go_on(state: State, now: float, effects: tuple[Effect, ...] = ()) -> Result:
    """Show the next site without a mark: first the later ones of the list, then the ones that were passed over."""
    at = _following(state)
    if at < 0:
        ended, more = _end(state, now, "")
        return ended, effects + more
    return replace(state, at=at, since=now), (*effects, _show(state.rows[at]))


def _following(state: State) -> int:
    """Return the place of the next site without a mark. -1: all sites are marked."""
    count = len(state.rows)
    places = ((state.at + 1 + ahead) % count for ahead in range(count))
    return next((at for at in places if state.rows[at].mark is None), -1)


def _end(state: State, now: float, by: str) -> Result:
    frees = (FreeStage(),) if state.phase == "calling" else ()
    noted = Noted("roll_call.ended", by, {"run": state.run, **totals(state)})
    return replace(state, phase="done", at=-1, ended_at=now), (noted, *frees)


def _show(row: Row) -> Show:
    return Show(row.site.id, plate(row))


def _find(state: State, site: str) -> tuple[int, Row]:
    for at, row in enumerate(state.rows):
        if row.site.id == site:
            return at, row
    raise no_site()


def no_site() -> Refusal:
    return _refusal(
        "roll_call_site", "Điểm cầu này không có trong danh sách điểm danh", "this site is not in the roll call"
    )


def _with_row(state: State, at: int, row: Row) -> State:
    return replace(state, rows=(*state.rows[:at], row, *state.rows[at + 1 :]))


def _check_sites(sites: Sequence[Site]) -> None:
    if len(sites) > limits.ROLL_SITES:
        raise _refusal("roll_call_full", "Danh sách điểm danh quá dài", "the list of the roll call is too long")
    if len({site.id for site in sites}) != len(sites):
        raise _refusal("roll_call_twice", "Điểm cầu có hai lần trong danh sách", "a site is in the list twice")


def _checked(report: Report) -> Report:
    """Return the report without spaces around names. Raises Refusal."""
    if not 0 <= report.delegates <= limits.ROLL_DELEGATES:
        most = limits.ROLL_DELEGATES
        raise _refusal(
            "roll_call_delegates",
            f"Số đại biểu phải từ 0 đến {most}",
            f"the number of delegates must be from 0 to {most}",
        )
    deputies = tuple(name for name in (" ".join(one.split()) for one in report.deputies) if name)
    head = " ".join(report.head.split())
    if len(deputies) > limits.ROLL_DEPUTIES:
        most = limits.ROLL_DEPUTIES
        raise _refusal("roll_call_deputies", f"Tối đa {most} cấp phó", f"at most {most} deputies")
    if any(len(name) > limits.ROLL_NAME_CHARACTERS for name in (head, *deputies)):
        raise _refusal("roll_call_name", "Họ tên quá dài", "a name is too long")
    return replace(report, head=head, deputies=deputies)


def _refusal(code: str, vietnamese: str, english: str) -> Refusal:
    return Refusal(code, vietnamese, english)


_WRONG_PHASE: Final[Mapping[Phase, tuple[str, str]]] = {
    "none": ("Chưa lập danh sách điểm danh", "there is no list for the roll call yet"),
    "ready": ("Chưa bắt đầu điểm danh", "the roll call has not begun"),
    "calling": ("Đang điểm danh", "the roll call is running"),
    "paused": ("Điểm danh đang tạm dừng", "the roll call is paused"),
    "done": ("Đã điểm danh xong", "the roll call is over"),
}

_LISTED: Final[tuple[Phase, ...]] = ("ready", "calling", "paused", "done")
_TAKEN: Final[Mapping[type[Event], tuple[Callable[[State, Any, float], Result], tuple[Phase, ...]]]] = {
    Prepare: (_prepare, ("none", "ready", "done")),
    Add: (_add, _LISTED),
    Delegates: (_delegates, _LISTED),
    Signal: (_signal, ("ready", "calling", "paused")),
    Begin: (_begin, ("ready",)),
    Press: (_press, _LISTED),
    Next: (_next, ("calling",)),
    Pause: (_pause, ("calling",)),
    Resume: (_resume, ("paused",)),
    Finish: (_finish, ("calling", "paused")),
    Tick: (_tick, ("calling",)),
    Restored: (_restored, get_args(Phase)),
}
TABLE: Final[Mapping[tuple[Phase, type[Event]], Callable[[State, Any, float], Result]]] = {
    **{(phase, event): does for event, (does, phases) in _TAKEN.items() for phase in phases},
    ("none", Delegates): _early,
}
"""The events that each phase takes. All other pairs are refused with `roll_call_state`."""


# -- what people read


def plate(row: Row) -> str:
    """Return the words under the picture of a site: its name, and the head of its delegates."""
    head = row.report.head if row.report is not None else ""
    return f"{row.site.name} · {head}" if head else row.site.name


def totals(state: State) -> dict[str, int]:
    """Return the number of sites by mark, and the delegates of the present sites."""
    marks = [row.mark.presence if row.mark is not None else "unmarked" for row in state.rows]
    counts = {name: marks.count(name) for name in (*get_args(Presence), "unmarked")}
    return {"sites": len(marks), **counts, "delegates": sum(delegates(state).values())}


def delegates(state: State) -> dict[str, int]:
    """Return the number of delegates of each present site. A site that reported nothing counts as one delegate."""
    present = (row for row in state.rows if row.mark is not None and row.mark.presence == "present")
    return {row.site.id: row.report.delegates if row.report is not None else 1 for row in present}


def to_call(state: State) -> tuple[Site, ...]:
    """Return the absent sites whose terminal can be called again."""
    absent = (row.site for row in state.rows if row.mark is not None and row.mark.presence == "absent")
    return tuple(site for site in absent if site.terminal)


def needs_phone(row: Row) -> bool:
    """Report whether somebody must phone a site: it is absent or faulty, or has no mark yet and is not connected."""
    return row.mark.presence != "present" if row.mark is not None else not row.signals.connected


# -- the store


def as_json(state: State) -> JSON:
    """Return the state as plain values for the store. Signals are left out, because the server measures them again."""
    rows = [
        {
            "site": asdict(row.site),
            **({"report": asdict(row.report)} if row.report is not None else {}),
            **({"mark": asdict(row.mark)} if row.mark is not None else {}),
        }
        for row in state.rows
    ]
    plain = {name: getattr(state, name) for name in ("phase", "run", "lists", "at", "since", "began_at", "ended_at")}
    return {**plain, "rows": rows}


def from_json(value: JSON) -> State:
    """Return the state of `as_json`."""
    return State(**{**value, "rows": tuple(map(_row, value["rows"]))})


def _row(value: JSON) -> Row:
    report, mark = value.get("report"), value.get("mark")
    return Row(
        Site(**value["site"]),
        Report(**{**report, "deputies": tuple(report["deputies"])}) if report is not None else None,
        mark=Mark(**mark) if mark is not None else None,
    )
