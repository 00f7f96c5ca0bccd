"""The agenda of a meeting: its items with planned and real times, and the current item. Pure.

Owns the table of events. Does not call speakers or open votes: an item only names them. Does not decide who may order what
(`rights.py`). Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from conference.ground import limits
from conference.ground.errors import Refusal

JSON = dict[str, Any]


class State(Enum):
    WAITING = "waiting"
    CURRENT = "current"
    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the agenda. `closed`: the item is a closed session (họp kín). The agenda only says so, and moves nobody."""

    id: str
    title: str
    planned_at: float | None = None
    """The planned begin. None: after the item before it."""
    planned_s: float = 0.0
    """The planned duration. 0: not planned."""
    speakers: tuple[str, ...] = ()
    """Names with posts, or identities, in the order of speech."""
    votes: tuple[str, ...] = ()
    """The ids of prepared votes."""
    closed: bool = False
    state: State = State.WAITING
    began_at: float | None = None
    ended_at: float | None = None
    warned: bool = False
    """The chair was warned that the item is late."""

    @property
    def late_at(self) -> float | None:
        """The time at which the item is late: a current item after its planned duration, a waiting item after its begin."""
        if self.warned:
            return None
        if self.state is State.CURRENT and self.began_at is not None and self.planned_s:
            return self.began_at + self.planned_s
        return self.planned_at if self.state is State.WAITING else None


@dataclass(frozen=True, slots=True)
class Agenda:
    items: tuple[Item, ...] = ()

    @property
    def current(self) -> Item | None:
        return next((one for one in self.items if one.state is State.CURRENT), None)

    @property
    def next(self) -> Item | None:
        return next((one for one in self.items if one.state is State.WAITING), None)

    @property
    def due_at(self) -> float | None:
        """The time of the next `Tick`. None: no item can become late."""
        watched = (self.current, self.next)
        return min((one.late_at for one in watched if one is not None and one.late_at is not None), default=None)


# -- events


@dataclass(frozen=True, slots=True)
class Put:
    """Replace the waiting items. The items that began stay; an item of the list with the id of one of them is refused."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Reorder:
    """Change the order of the waiting items."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Next:
    """End the current item and begin the next one. `item`: begin this waiting item instead. The order does not change."""

    item: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """End the current item; no item is current after it."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Leave a waiting item out."""

    item: str


@dataclass(frozen=True, slots=True)
class Return:
    """Make an item that is done or skipped wait again, as the next item. The time that it took before is forgotten."""

    item: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The time of `due_at` has come."""


Event = Put | Reorder | Next | Finish | Skip | Return | Tick


@dataclass(frozen=True, slots=True)
class Noted:
    """An event for the audit trail, the replay and the minutes."""

    what: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Late:
    """Warn the chair: the current item is over its time, or the next item has not begun. `late_s`: how late it is now."""

    item: str
    late_s: float


Effect = Noted | Late
Effects = tuple[Effect, ...]


def step(agenda: Agenda, event: Event, now: float) -> tuple[Agenda, Effects]:
    """Return the agenda after an event, and the effects. Raise a Refusal; the agenda is then unchanged."""
    return TABLE[type(event)](agenda, event, now)


def _put(agenda: Agenda, event: Put, now: float) -> tuple[Agenda, Effects]:
    begun = tuple(one for one in agenda.items if one.state is not State.WAITING)
    items = (*begun, *(_planned(one) for one in event.items))
    if len(items) > limits.AGENDA_ITEMS:
        raise _refusal("agenda_limit")
    if len({one.id for one in items}) != len(items):
        raise _refusal("agenda_order_bad")
    return Agenda(items), (_noted("agenda_set", items=[one.id for one in items]),)


def _planned(item: Item) -> Item:
    """Return a waiting item with only what a person can plan. Raise a Refusal."""
    texts = (item.title, *item.speakers)
    if any(not one.strip() or len(one) > limits.AGENDA_CHARACTERS for one in texts):
        raise _refusal("agenda_text_bad")
    if any(not one or len(one) > limits.AGENDA_ID_CHARACTERS for one in (item.id, *item.votes)):
        raise _refusal("agenda_text_bad")
    if max(len(item.speakers), len(item.votes)) > limits.AGENDA_NAMES:
        raise _refusal("agenda_limit")
    if not 0 <= item.planned_s <= limits.AGENDA_ITEM_S:
        raise _refusal("agenda_time_bad")
    if item.planned_at is not None and not 0 <= item.planned_at < float("inf"):
        raise _refusal("agenda_time_bad")
    return replace(item, state=State.WAITING, began_at=None, ended_at=None, warned=False)


def _reorder(agenda: Agenda, event: Reorder, now: float) -> tuple[Agenda, Effects]:
    waiting = {one.id: one for one in agenda.items if one.state is State.WAITING}
    if len(event.items) != len(waiting) or set(event.items) != set(waiting):
        raise _refusal("agenda_order_bad")
    queue = iter(event.items)
    items = tuple(waiting[next(queue)] if one.state is State.WAITING else one for one in agenda.items)
    return Agenda(items), (_noted("agenda_reordered", items=[one.id for one in items]),)


def _next(agenda: Agenda, event: Next, now: float) -> tuple[Agenda, Effects]:
    item = _find(agenda, event.item, State.WAITING) if event.item else agenda.next
    if item is None:
        raise _refusal("agenda_no_next")
    ended, effects = _ended(agenda, now)
    begun = replace(item, state=State.CURRENT, began_at=now, warned=False)
    return _with(ended, begun), (*effects, _noted("agenda_item_began", item=item.id, title=item.title, at=now))


def _finish(agenda: Agenda, event: Finish, now: float) -> tuple[Agenda, Effects]:
    if agenda.current is None:
        raise _refusal("agenda_no_current")
    return _ended(agenda, now)


def _ended(agenda: Agenda, now: float) -> tuple[Agenda, Effects]:
    item = agenda.current
    if item is None:
        return agenda, ()
    done = replace(item, state=State.DONE, ended_at=now)
    took_s = max(0.0, now - item.began_at) if item.began_at is not None else 0.0
    return _with(agenda, done), (_noted("agenda_item_ended", item=item.id, title=item.title, at=now, took_s=took_s),)


def _skip(agenda: Agenda, event: Skip, now: float) -> tuple[Agenda, Effects]:
    item = _find(agenda, event.item, State.WAITING)
    return _with(agenda, replace(item, state=State.SKIPPED)), (_noted("agenda_item_skipped", item=item.id),)


def _return(agenda: Agenda, event: Return, now: float) -> tuple[Agenda, Effects]:
    item = _find(agenda, event.item, State.DONE, State.SKIPPED)
    waits = replace(item, state=State.WAITING, began_at=None, ended_at=None, warned=True)
    others = [one for one in agenda.items if one.id != item.id]
    place = next((at for at, one in enumerate(others) if one.state is State.WAITING), len(others))
    return Agenda((*others[:place], waits, *others[place:])), (_noted("agenda_item_returned", item=item.id),)


def _tick(agenda: Agenda, event: Tick, now: float) -> tuple[Agenda, Effects]:
    effects: list[Effect] = []
    for item in (agenda.current, agenda.next):
        late_at = None if item is None else item.late_at
        if item is not None and late_at is not None and late_at <= now:
            agenda = _with(agenda, replace(item, warned=True))
            effects += [Late(item.id, now - late_at), _noted("agenda_item_late", item=item.id, state=item.state.value)]
    return agenda, tuple(effects)


TABLE: Final[Mapping[type[Event], Callable[..., tuple[Agenda, Effects]]]] = {
    Put: _put,
    Reorder: _reorder,
    Next: _next,
    Finish: _finish,
    Skip: _skip,
    Return: _return,
    Tick: _tick,
}
"""The moves by event. `_find` refuses an item in a wrong state."""


def _find(agenda: Agenda, item: str, *states: State) -> Item:
    found = next((one for one in agenda.items if one.id == item), None)
    if found is None:
        raise _refusal("agenda_unknown")
    if found.state not in states:
        raise _refusal("agenda_state")
    return found


def _with(agenda: Agenda, item: Item) -> Agenda:
    return Agenda(tuple(item if one.id == item.id else one for one in agenda.items))


def _noted(what: str, **facts: Any) -> Noted:
    return Noted(what, facts)


# -- JSON and view


VERSION = 1
"""The version of the JSON form."""


def as_json(agenda: Agenda) -> JSON:
    return {"version": VERSION, "items": [_item_as_json(one) for one in agenda.items]}


def of_json(value: Mapping[str, Any]) -> Agenda:
    return Agenda(tuple(_item_of_json(one) for one in value["items"]))


def view(agenda: Agenda) -> JSON:
    """Return the agenda as the desk document shows it: the items and the current one. Times are ms since 1970."""
    current = agenda.current
    return {"items": [_shown(one) for one in agenda.items], "current": None if current is None else current.id}


def _shown(item: Item) -> JSON:
    shown = _item_as_json(item)
    for name in ("planned_at", "began_at", "ended_at"):
        at = shown[name]
        shown[name] = None if at is None else round(at * 1000)
    return shown


def _item_as_json(item: Item) -> JSON:
    return {
        "id": item.id,
        "title": item.title,
        "planned_at": item.planned_at,
        "planned_s": item.planned_s,
        "speakers": list(item.speakers),
        "votes": list(item.votes),
        "closed": item.closed,
        "state": item.state.value,
        "began_at": item.began_at,
        "ended_at": item.ended_at,
        "warned": item.warned,
    }


def _item_of_json(value: JSON) -> Item:
    lists = {"speakers": tuple(value["speakers"]), "votes": tuple(value["votes"])}
    return Item(**{**value, **lists, "state": State(value["state"])})


REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "agenda_unknown": ("Không có nội dung này trong chương trình họp", "there is no such item on the agenda"),
    "agenda_state": ("Nội dung này không ở bước phù hợp", "the item is not in the right state for this"),
    "agenda_limit": ("Chương trình họp quá dài", "the agenda has too many items, speakers or votes"),
    "agenda_text_bad": ("Tên nội dung hoặc người trình bày trống hay quá dài", "a title or name is empty or too long"),
    "agenda_time_bad": ("Thời gian dự kiến không hợp lệ", "the planned time is not valid"),
    "agenda_order_bad": ("Thứ tự phải gồm đủ các nội dung, mỗi nội dung một lần", "the order must name each item once"),
    "agenda_no_next": ("Không còn nội dung nào trong chương trình họp", "there is no further item on the agenda"),
    "agenda_no_current": ("Chưa có nội dung nào đang diễn ra", "no item is current"),
}
"""The refusals of the agenda: code, Vietnamese, English."""


def _refusal(code: str) -> Refusal:
    return Refusal(code, *REFUSALS[code])
