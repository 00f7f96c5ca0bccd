"""Who is in which place of a hall's picture. Pure: sites, who speaks and what was set go in, cells come out.

Owns the order of sites on the stage and how long a speaker stays there. Where places are in the picture is the mixer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from conference.ground import limits

Layout = Literal["1", "1+5", "1+7", "2x2", "3x3", "4x4", "lecture", "slides"]
Mode = Literal["auto", "pinned", "lecture"]

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
"""How many sites a layout shows; `slides` has its largest place for the presentation."""
LARGE_FIRST: Final[frozenset[Layout]] = frozenset(("1", "1+5", "1+7", "lecture"))
"""Whoever is on stage has the first place; in the others everybody has the same."""
CYCLE: Final[tuple[Layout, ...]] = ("1", "1+5", "3x3", "lecture")
"""What a hall goes through by its keypad."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Who is in front. `auto`: whoever speaks, at least `hold_s` long; `pinned` and `lecture`: `site`, whoever speaks.

    `recent`: who was in front before, the latest first. Times are seconds that never jump.
    """

    mode: Mode = "auto"
    site: str = ""
    hold_s: float = limits.HOLD_S
    speaker: str = ""
    since: float = float("-inf")
    loudest: str = ""
    recent: tuple[str, ...] = ()

    @property
    def front(self) -> str:
        return self.site if self.mode != "auto" and self.site else self.speaker


def begun(stage: Stage, shown: Sequence[str]) -> Stage:
    """Until somebody speaks the first site with a picture is in front: no hall looks at itself alone."""
    return replace(stage, speaker=shown[0]) if shown and not stage.front else stage


def heard(stage: Stage, loudest: str, now: float) -> Stage:
    """`loudest` speaks now (empty: nobody): he comes to the front when the one who is there has had his time."""
    begins = loudest == stage.speaker and stage.since == float("-inf")  # he was in front without having spoken
    return settled(replace(stage, loudest=loudest, since=now if begins else stage.since), now)


def settled(stage: Stage, now: float) -> Stage:
    """As time goes on. Silence changes nothing: the last speaker stays."""
    if not stage.loudest or stage.loudest == stage.speaker or now - stage.since < stage.hold_s:
        return stage
    before = (stage.speaker, *stage.recent) if stage.speaker else stage.recent
    recent = tuple(one for one in before if one != stage.loudest)[: limits.RECENT_SPEAKERS]
    return replace(stage, speaker=stage.loudest, since=now, recent=recent)


def next_due(stage: Stage) -> float | None:
    """When `settled` has something to do; None: never by itself."""
    waits = stage.loudest and stage.loudest != stage.speaker
    return stage.since + stage.hold_s if waits else None


def without(stage: Stage, site: str) -> Stage:
    """It has left."""
    recent = tuple(one for one in stage.recent if one != site)
    gone = replace(stage, recent=recent, loudest="" if stage.loudest == site else stage.loudest)
    if gone.speaker == site:
        speaker, *rest = (*recent, "")
        gone = replace(gone, speaker=speaker, recent=tuple(one for one in rest if one), since=float("-inf"))
    if gone.site == site and gone.mode != "auto":
        gone = replace(gone, mode="auto", site="")
    return gone


def ordered(sites: Sequence[str], stage: Stage) -> list[str]:
    """The front, then who was there before, then the others as they stand."""
    here = set(sites)
    first = [one for one in dict.fromkeys((stage.front, stage.speaker, *stage.recent)) if one in here]
    return first + [one for one in sites if one not in first]


def cells(layout: Layout, sites: Sequence[str], stage: Stage, viewer: str = "", page: int = 0) -> tuple[str, ...]:
    """The sites in the places of `layout`. `sites`: those with something to show, in the order of the list of attendees.

    Where one is large, `viewer` does not look at himself: he sees whoever was in front before. The lecturer sees his
    listeners, `page` by page. Where all are equal the order is that of the list, so that nobody jumps about; whoever is in front
    and would not fit takes the last place.
    """
    count = PLACES[layout]
    if layout not in LARGE_FIRST:
        return _equal(list(sites), stage.front, count)
    others = [one for one in ordered(sites, stage) if one != viewer]
    if layout == "lecture" and viewer and viewer == stage.front:
        return _page(others, count, page)
    return tuple(others[:count])


def sees_himself(layout: Layout, sites: Sequence[str], stage: Stage, viewer: str) -> bool:
    """Whether the picture that all others get would show the viewer to himself where he is large. That is not the one in front
    where that one has no picture.
    """
    return layout in LARGE_FIRST and cells(layout, sites, stage)[:1] == (viewer,)


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


def automatic(pictures: int) -> Layout:
    """What suits so many sites when nobody chose."""
    if pictures <= 2:
        return "1"
    for layout in ("2x2", "1+5", "3x3"):
        if pictures <= PLACES[layout]:
            return layout
    return "1+7" if pictures <= 12 else "4x4"
