"""The chair's orders about pictures: which site all see large, which places are fixed, which hall sees a site alone. Pure.

| mode | what all see |
|---|---|
| `voice` | the speaker is large |
| `pinned` | one site is large |
| `lecture` | one site is large, and sees the others page by page |
| `broadcast` | one site alone |
| `turn` | one site after the other alone, `turn_s` each |

Sites are identities, because a hall that is called again gets another sid. Browsers that follow the chair read `as_document`.
Does not know the program of the halls: `views.py` carries out the effects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, TypeAlias, get_args

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.picture.layout import PLACES, Layout

Mode = Literal["voice", "pinned", "lecture", "broadcast", "turn"]
JSON: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Picture:
    """A setting. `site` is empty in the mode `voice`. `layout` None: the number of pictures decides. `pins`: the sites with
    fixed places, "" for an automatic place. `hold_s`: the time that a speaker stays large.
    """

    mode: Mode = "voice"
    site: str = ""
    layout: Layout | None = None
    pins: tuple[str, ...] = ()
    hold_s: float = limits.HOLD_S
    turn_s: float = limits.VIEW_LEAST_S


@dataclass(frozen=True, slots=True)
class State:
    picture: Picture = Picture()
    before: Picture | None = None
    """The setting before the last order, for the undo."""
    since: float = 0.0
    """The time since which the present site of `turn` is shown."""
    alone: tuple[tuple[str, str], ...] = ()
    """The halls that see a site alone: (hall, site)."""

    @property
    def due(self) -> float | None:
        """Return the time at which a `Tick` shows the next site. None: time alone changes nothing."""
        return self.since + self.picture.turn_s if self.picture.mode == "turn" else None


# -- events


@dataclass(frozen=True, slots=True)
class Set:
    """Show this setting. `sites`: the sites with a picture, in their order."""

    picture: Picture
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """Show the setting from before the last order again."""

    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ViewAlone:
    """Show one site to a hall alone. An empty site: the picture of all others."""

    hall: str
    site: str


@dataclass(frozen=True, slots=True)
class Left:
    """A participant left the meeting for good, or its call was lost."""

    identity: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The time `State.due` has come. `sites`: the sites with a picture, in their order."""

    sites: tuple[str, ...]


Event = Set | Undo | ViewAlone | Left | Tick
EVENTS: Final[tuple[type[Event], ...]] = get_args(Event)


# -- effects


@dataclass(frozen=True, slots=True)
class Apply:
    """Show this setting to the halls."""

    picture: Picture


@dataclass(frozen=True, slots=True)
class Look:
    """Show this site to this hall alone; an empty site ends that."""

    hall: str
    site: str


Effect = Apply | Look
Result: TypeAlias = tuple[State, tuple[Effect, ...]]


def step(state: State, event: Event, now: float) -> Result:
    """Return the next state and the effects. Raises Refusal."""
    return TABLE[state.picture.mode, type(event)](state, event, now)


def _set(state: State, event: Set, now: float) -> Result:
    wanted = _checked(event.picture, event.sites)
    return replace(state, picture=wanted, before=state.picture, since=now), (Apply(wanted),)


def _undo(state: State, event: Undo, now: float) -> Result:
    """Undo once. The site of the earlier setting may have left: then the speaker is large."""
    if state.before is None:
        raise Refusal("undo_gone")
    back = state.before
    if back.site and back.site not in event.sites:
        back = replace(back, mode="voice", site="")
    return replace(state, picture=back, before=None, since=now), (Apply(back),)


def _view_alone(state: State, event: ViewAlone, now: float) -> Result:
    others = tuple(pair for pair in state.alone if pair[0] != event.hall)
    if event.hall == event.site:
        raise Refusal("view_itself", "Điểm cầu không xem riêng chính mình được", "a site cannot look at itself")
    if event.site and len(others) >= limits.VIEWS_ALONE:
        raise Refusal("views_many", "Đã đủ số điểm cầu xem riêng", "too many sites look at a site alone")
    alone = (*others, (event.hall, event.site)) if event.site else others
    return replace(state, alone=alone), (Look(event.hall, event.site),)


def _left(state: State, event: Left, now: float) -> Result:
    """Forget a participant. `turn` goes on with the next `Tick`; a site that was shown alone to all gives its place back."""
    gone = event.identity
    alone = tuple(pair for pair in state.alone if pair[0] != gone)
    state = replace(state, alone=alone)
    picture = state.picture
    if picture.site != gone:
        return state, ()
    if picture.mode == "turn":
        return replace(state, since=now - picture.turn_s), ()
    free = replace(picture, mode="voice", site="")
    return replace(state, picture=free), (Apply(free),)


def _tick(state: State, event: Tick, now: float) -> Result:
    picture, sites, due = state.picture, event.sites, state.due
    if due is None or now < due or not sites:
        return state, ()
    at = sites.index(picture.site) + 1 if picture.site in sites else 0
    following = replace(picture, site=sites[at % len(sites)])
    effects = (Apply(following),) if following != picture else ()
    return replace(state, picture=following, since=now), effects


def _nothing(state: State, event: Tick, now: float) -> Result:
    return state, ()


def _checked(picture: Picture, sites: tuple[str, ...]) -> Picture:
    """Return the setting with its first site. Raises Refusal."""
    if picture.layout is not None and picture.layout not in PLACES:
        raise Refusal("layout_bad", "Không có bố cục này", "there is no such layout")
    if not limits.HOLD_LEAST_S <= picture.hold_s <= limits.HOLD_MOST_S:
        least, most = round(limits.HOLD_LEAST_S), round(limits.HOLD_MOST_S)
        raise Refusal("hold_bad", f"Thời gian giữ hình từ {least} đến {most} giây", f"from {least} to {most} seconds")
    if not limits.VIEW_LEAST_S <= picture.turn_s <= limits.VIEW_MOST_S:
        least, most = round(limits.VIEW_LEAST_S), round(limits.VIEW_MOST_S)
        raise Refusal(
            "turn_bad", f"Mỗi điểm cầu từ {least} đến {most} giây", f"from {least} to {most} seconds for a site"
        )
    if len(picture.pins) > limits.PINS:
        raise Refusal("pins_many", "Quá nhiều vị trí cố định", "too many fixed places")
    if picture.mode == "voice":
        return replace(picture, site="")
    if picture.mode == "turn" and not picture.site:
        picture = replace(picture, site=sites[0] if sites else "")
    if picture.site not in sites:
        raise Refusal("site_unseen", "Điểm cầu này không có trong cuộc họp", "this site is not in the meeting")
    return picture


_Does: TypeAlias = Callable[[State, Any, float], Result]
_ALWAYS: Final[Mapping[type[Event], _Does]] = {Set: _set, Undo: _undo, ViewAlone: _view_alone, Left: _left}
TABLE: Final[Mapping[tuple[Mode, type[Event]], _Does]] = {
    **{(mode, event): does for mode in get_args(Mode) for event, does in _ALWAYS.items()},
    **{(mode, Tick): _nothing for mode in get_args(Mode)},
    ("turn", Tick): _tick,
}
"""The effect of each event in each mode."""


def as_document(state: State) -> JSON:
    """Return the section for browsers that follow the chair. Empty values are left out."""
    picture = state.picture
    found = {
        "mode": picture.mode,
        "site": picture.site,
        "layout": picture.layout,
        "pins": list(picture.pins),
        "turn_s": picture.turn_s if picture.mode == "turn" else None,
        "alone": dict(state.alone),
        "undo": state.before is not None,
    }
    return {name: value for name, value in found.items() if value}


def as_json(state: State) -> JSON:
    """Return the state as plain values for the store."""
    return {"picture": asdict(state.picture), "alone": [list(pair) for pair in state.alone]}


def from_json(value: JSON, now: float) -> State:
    """Return the state of `as_json`. The undo does not survive a restart."""
    picture = Picture(**{**value["picture"], "pins": tuple(value["picture"]["pins"])})
    return State(picture, since=now, alone=tuple((hall, site) for hall, site in value["alone"]))
