"""The places of sites in a hall's picture. Pure: sites, speakers and settings go in, cells come out.

Owns the order of sites on the stage and the time that a speaker stays there. The mixer decides where the places are in the
picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from conference.ground import limits

Layout = Literal["1", "1+5", "1+7", "2x2", "3x3", "4x4", "lecture", "slides"]
Mode = Literal["auto", "pinned", "lecture", "broadcast"]

PLACES: Final[Mapping[Layout, int]] = {
    "1": 1,
    "1+5": 6,
    "1+7": 8,
    "2x2": 4,
    "3x3": 9,
    "4x4": 16,
    "lecture": 6,
    "slides": 5,
}
"""The number of sites in each layout. In `slides` the largest place is for the presentation."""
LARGE_FIRST: Final[frozenset[Layout]] = frozenset(("1", "1+5", "1+7", "lecture"))
"""The layouts whose first place is larger: it is for the site on stage. In other layouts all places have the same size."""
CYCLE: Final[tuple[Layout, ...]] = ("1", "1+5", "3x3", "lecture")
"""The layouts that a hall selects in turn with its keypad."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The site on stage.

    - `auto`: the current speaker, for `hold_s` at least. `pinned`, `lecture` and `broadcast`: always `site`. With `broadcast`
      all halls see this site alone.
    - `pins`: the sites that keep their places in layouts with several places; "" for an automatic place.
    - `recent`: the earlier sites on stage, the latest first.
    - `chosen`: the halls whose own layout was chosen since the order; "" stands for the common layout. An earlier choice of
      equal places waits until the stage is free.

    Times are in seconds of a clock that never jumps.
    """

    mode: Mode = "auto"
    site: str = ""
    hold_s: float = limits.HOLD_S
    speaker: str = ""
    since: float = float("-inf")
    loudest: str = ""
    recent: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    chosen: frozenset[str] = frozenset()

    @property
    def front(self) -> str:
        return self.site if self.mode != "auto" and self.site else self.speaker


def begun(stage: Stage, shown: Sequence[str]) -> Stage:
    """Return the stage with the first site that has a picture, until a participant speaks. So no hall sees only itself."""
    return replace(stage, speaker=shown[0]) if shown and not stage.front else stage


def heard(stage: Stage, loudest: str, now: float) -> Stage:
    """Return the stage after a speech event. `loudest` speaks now; empty means silence. The speaker enters the stage when the
    current one has had its time.
    """
    begins = loudest == stage.speaker and stage.since == float("-inf")  # the site was on stage without having spoken
    return settled(replace(stage, loudest=loudest, since=now if begins else stage.since), now)


def settled(stage: Stage, now: float) -> Stage:
    """Return the stage at a later time. Silence changes nothing: the last speaker stays."""
    if not stage.loudest or stage.loudest == stage.speaker or now - stage.since < stage.hold_s:
        return stage
    before = (stage.speaker, *stage.recent) if stage.speaker else stage.recent
    recent = tuple(one for one in before if one != stage.loudest)[: limits.RECENT_SPEAKERS]
    return replace(stage, speaker=stage.loudest, since=now, recent=recent)


def next_due(stage: Stage) -> float | None:
    """Return the time when `settled` will change the stage. None if time alone changes nothing."""
    waits = stage.loudest and stage.loudest != stage.speaker
    return stage.since + stage.hold_s if waits else None


def without(stage: Stage, site: str) -> Stage:
    """Return the stage without a site that left."""
    recent = tuple(one for one in stage.recent if one != site)
    gone = replace(stage, recent=recent, loudest="" if stage.loudest == site else stage.loudest)
    if gone.speaker == site:
        speaker, *rest = (*recent, "")
        gone = replace(gone, speaker=speaker, recent=tuple(one for one in rest if one), since=float("-inf"))
    if gone.site == site and gone.mode != "auto":
        gone = replace(gone, mode="auto", site="")
    if site in gone.pins:
        gone = replace(gone, pins=tuple("" if one == site else one for one in gone.pins))
    return gone


def ordered(sites: Sequence[str], stage: Stage) -> list[str]:
    """Return the sites in order: the one on stage, then the earlier ones on stage, then the others in their old order."""
    here = set(sites)
    first = [one for one in dict.fromkeys((stage.front, stage.speaker, *stage.recent)) if one in here]
    return first + [one for one in sites if one not in first]


def cells(layout: Layout, sites: Sequence[str], stage: Stage, viewer: str = "", page: int = 0) -> tuple[str, ...]:
    """Return the sites in the places of `layout`. `sites` have a picture and are in the order of `sites.look`.

    In a layout with a large place, `viewer` does not see itself: it sees the earlier site on stage. The lecturer sees the
    listeners, `page` by page. The large place belongs to a site that an order put on stage, also if pins want it otherwise.
    In a layout with equal places the order is that of `sites`, so that no site changes its place. A site on stage that does
    not fit gets the last place.
    """
    count = PLACES[layout]
    if layout not in LARGE_FIRST:
        return _pinned(_equal(list(sites), stage.front, count), sites, stage.pins, count)
    others = [one for one in ordered(sites, stage) if one != viewer]
    if layout == "lecture" and viewer and viewer == stage.front:
        return _page(others, count, page)
    pins = () if count == 1 else tuple(one if one != viewer else "" for one in stage.pins)
    if stage.mode != "auto" and stage.site in others:
        pins = tuple(one if place > 0 and one != stage.site else "" for place, one in enumerate(pins))
    return _pinned(tuple(others[:count]), others, pins, count)


def _pinned(cells: tuple[str, ...], sites: Sequence[str], pins: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the cells with the pinned sites in their places. The other sites fill the other places in their order."""
    here = set(sites)
    first = dict.fromkeys(pins[:count])
    kept = {pins.index(one): one for one in first if one in here}
    if not kept:
        return cells
    rest = iter(one for one in dict.fromkeys((*cells, *sites)) if one not in kept.values())
    filled = [kept[place] if place in kept else next(rest, "") for place in range(count)]
    while not filled[-1]:
        filled.pop()
    return tuple(filled)


def large(layout: Layout, sites: Sequence[str], stage: Stage) -> str:
    """Return the site that the common picture shows large. Empty: it shows no site large. If the site on stage has no picture,
    another site is large.
    """
    shown = cells(layout, sites, stage) if layout in LARGE_FIRST else ()
    return shown[0] if shown else ""


def _equal(sites: list[str], front: str, count: int) -> tuple[str, ...]:
    shown = sites[:count]
    if front in sites and front not in shown:
        shown[-1] = front
    return tuple(shown)


def _page(sites: list[str], count: int, page: int) -> tuple[str, ...]:
    if len(sites) <= count:
        return tuple(sites)
    start = page * count % (-(-len(sites) // count) * count)
    return tuple(sites[start : start + count])


def ordered_mode(stage: Stage, shown: Sequence[str]) -> Mode:
    """Return the mode of the stage if its site has a picture. Otherwise `auto`."""
    return stage.mode if stage.site in shown else "auto"


def ordered_stage(stage: Stage, mode: Mode, site: str, hold_s: float) -> Stage:
    """Return the stage after an order. Another mode or site begins a new stage, for which earlier layouts wait."""
    chosen = stage.chosen if (mode, site) == (stage.mode, stage.site) else frozenset()
    return replace(stage, mode=mode, site=site, hold_s=hold_s, chosen=chosen)


def acting(choice: Layout | None, hall: str, stage: Stage, shown: Sequence[str]) -> Layout | None:
    """Return the chosen layout of a hall if it acts now. `hall` "": the common layout. None: the choice waits, or there is none.

    The site that an order put on stage is large for all halls. So a choice of equal places from before the order waits.
    """
    waits = ordered_mode(stage, shown) != "auto" and choice not in LARGE_FIRST and hall not in stage.chosen
    return None if waits else choice


def automatic(pictures: int, mode: Mode = "auto") -> Layout:
    """Return the layout for this number of sites when no operator chose one. `mode` is of `ordered_mode`: an order put a site on
    stage, so the layout has a large place.
    """
    if pictures <= 2 or mode == "broadcast":
        return "1"
    if mode == "lecture":
        return "lecture"
    if mode == "pinned":
        return "1+5" if pictures <= PLACES["1+5"] else "1+7"
    for layout in ("2x2", "1+5", "3x3"):
        if pictures <= PLACES[layout]:
            return layout
    return "1+7" if pictures <= 12 else "4x4"
