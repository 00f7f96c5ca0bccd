"""The signals of each site before a roll call: connected, heard, seen. Read once a second from parts that exist anyway.

Sound: the plane's list of speakers. Picture of a hall: the look of its last thumbnail, which the mixer reports. Picture of a
browser: whether packets of its camera arrive, because no part of the server decodes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conference.chair.course.rollcall import Picture, Signals
from conference.ground import limits
from conference.ground.permissions import Source
from conference.halls.hall import Hall
from conference.people.participant import Participant
from conference.picture.program import Program


def heard(before: Mapping[str, float], speaking: Iterable[str], passed_s: float) -> dict[str, float]:
    """Return for how many seconds each site was heard in all. `speaking`: the sites that are heard now."""
    now = {site: before.get(site, 0.0) + passed_s for site in speaking}
    return {**before, **now}


def read(one: Participant | None, heard_s: float, program: Program | None) -> Signals:
    """Return the signals of a site. `one` None: the site is not connected."""
    if one is None or one.left:
        return Signals()
    return Signals(True, heard_s >= limits.ROLL_HEARD_S, picture_of(one, program))


def picture_of(one: Participant, program: Program | None) -> Picture:
    if isinstance(one, Hall):
        look = program.status.looks.get(one.sid) if program is not None and one.camera is not None else None
        return look or "none"
    cameras = (track for track in one.tracks.values() if track.source is Source.CAMERA and not track.muted)
    return "good" if any(track.live for track in cameras) else "none"
