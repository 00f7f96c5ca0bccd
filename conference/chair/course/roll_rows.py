"""The rows of the roll call in the desk document, and the participant of each site. No state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from conference.chair.course import rollcall
from conference.chair.course.rollcall import Row, Site, State
from conference.ground.marks import WAITS
from conference.people.participant import Participant
from rooms.policy.bearers import bearer

SIGNALS: Final = {"none": "-", "black": "b", "frozen": "f", "good": "g"}


class Places:
    """The present participant of each site: its terminal or its PC in hall mode, which have the identity of the site; otherwise
    the same person with a new identity; otherwise who opened the link of the site's unit in a browser. Who is in the lobby comes
    after all of them, and of several windows the first one stands. Nobody stands for two sites of the list, and no browser stands
    for a site of which another terminal is here.
    """

    def __init__(self, sites: Iterable[Site] = (), here: Mapping[str, Participant] = MappingProxyType({})) -> None:
        present = {identity: one for identity, one in here.items() if not one.left and not one.grants.hidden}
        by_bearer: dict[str, Participant] = {}
        arrived = sorted(present.items(), key=lambda item: waits(item[1]))  # stable: in the order of arrival
        for identity, one in arrived:
            by_bearer.setdefault(bearer(identity), one)
        every = tuple(sites)
        found: dict[str, Participant] = {}
        taken: set[str] = set()
        for outside in (False, True):
            near = {identity: one for identity, one in present.items() if waits(one) == outside}
            people = {who: one for who, one in by_bearer.items() if waits(one) == outside}
            terminals = {site.id: near[site.id] for site in every if site.id in near and site.id not in found}
            linked = {site.link for site in every if site.id in terminals}
            found |= terminals
            taken |= {one.identity for one in terminals.values()}
            for site in (one for one in every if one.id not in found):
                stands = people.get(bearer(site.id)) or (people.get(site.link) if site.link not in linked else None)
                if stands is not None and stands.identity not in taken:
                    found[site.id] = stands
                    taken.add(stands.identity)
        self.of: Mapping[str, Participant] = found
        links = {who: site.id for site in reversed(every) for who in reversed(site.bearers)}
        own = {bearer(site.id): site.id for site in every}
        self._sites = links | own | {bearer(one.identity): site for site, one in found.items()}
        """The site of each bearer that stands for it, or may do so."""

    def stands(self, identity: str) -> str:
        """Return the identity of who stands for the site of a participant or a bearer: the id of the site if nobody does. The
        identity itself: it belongs to no site.
        """
        site = self._sites.get(bearer(identity))
        return self.identity(site) if site is not None else identity

    def identity(self, site: str) -> str:
        """Return the identity of the participant of a site, otherwise the id of the site."""
        return self.of[site].identity if site in self.of else site

    def own(self, identity: str, site: str) -> str:
        """Return the site of the list that this participant reports for, if it is the participant's own site. Empty: it is
        another site. All windows of who stands for a site report for the site.
        """
        if identity != site and bearer(identity) != bearer(self.identity(site)):
            return ""
        return next((id_ for id_, one in self.of.items() if bearer(one.identity) == bearer(identity)), site)


def waits(one: Participant) -> bool:
    """Report whether a participant is in the lobby."""
    return WAITS in one.grants.attributes


def of_all(state: State) -> dict[str, Any] | None:
    """Return what all read of the roll call. None: there is no list."""
    if state.phase == "none":
        return None
    row = state.current
    return {
        "phase": state.phase,
        "run": state.run,
        "at": row.site.id if row is not None else None,
        "plate": rollcall.plate(row) if row is not None else None,
        "since": round(state.since * 1000) if row is not None else None,
        "began_at": round(state.began_at * 1000) or None,
        "ended_at": round(state.ended_at * 1000) or None,
        "totals": rollcall.totals(state),
    }


def of_site(place: int, row: Row, identity: str, snapshots: Collection[str]) -> dict[str, Any]:
    """Return the row of a site for hosts. The names are short, because a list of 240 sites must stay small.

    The site: `o` place, `n` name, `u` unit, `t` the telephone number if somebody must phone there, `c` a terminal can be called.
    `i`: the identity of its participant, if it is not the id of the site. `d`: the reported delegates. The mark: `p` the mark,
    `at` its time in ms, `by` who marked, `s` the snapshot, `w` the reason. The signals `g`: connected, heard, picture (`-` none,
    `b` black, `f` frozen, `g` good). `e`: the mark that the signals suggest for a site without a mark.
    """
    mark, seen = row.mark, row.signals
    found = {
        "o": place,
        "n": row.site.name,
        "u": row.site.unit,
        "t": row.site.telephone if rollcall.needs_phone(row) else "",
        "c": int(bool(row.site.terminal)),
        "i": identity if identity != row.site.id else "",
        "d": row.report.delegates if row.report is not None else None,
        "p": mark.presence if mark is not None else None,
        "at": round(mark.at * 1000) if mark is not None else None,
        "by": mark.by if mark is not None else None,
        "s": mark.snapshot if mark is not None and mark.snapshot in snapshots else None,
        "w": mark.why if mark is not None else "",
        "g": f"{int(seen.connected)}{int(seen.heard)}{SIGNALS[seen.picture]}",
        "e": seen.suggested if mark is None else None,
    }
    return {name: value for name, value in found.items() if value or name == "o" or (name == "d" and value is not None)}


def reported(row: Row) -> dict[str, Any] | None:
    """Return the report of a site for all: `d` delegates, `h` head, `x` deputies. None: the site has not reported."""
    if row.report is None:
        return None
    found = {"d": row.report.delegates, "h": row.report.head, "x": list(row.report.deputies)}
    return {name: value for name, value in found.items() if value or name == "d"}


def plates(state: State, here: Places) -> dict[str, str]:
    """Return the plates for the composed picture, by identity. A site without the name of a head keeps its own name."""
    named = (row for row in state.rows if row.report is not None and row.report.head)
    return {here.identity(row.site.id): rollcall.plate(row) for row in named}
