"""The chair's orders about pictures with their effects: the stage, the layout and the places of the halls' program.

The machine is `pictures.py`. A site that the floor or the roll call shows large has priority: turns wait during that time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from conference.chair.course import pictures
from conference.chair.course.pictures import Picture, State
from conference.chair.course.store import Store, record
from conference.chair.rights import Act, By, Way
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Source
from conference.halls.hall import Hall, show_alone
from conference.halls.halls import Halls
from conference.halls.spotlight import Spotlight
from conference.people.participant import Participant
from conference.picture.program import pin, take_content_back
from conference.ports.time import Clock
from conference.tracks import publishing


class Meeting(Protocol):
    """The conference as its pictures see it."""

    @property
    def clock(self) -> Clock: ...
    @property
    def participants(self) -> Mapping[str, Participant]: ...
    @property
    def halls(self) -> Halls: ...


class Announces(Protocol):
    """The desk document."""

    def put(self, section: str, value: Any, *, host_only: bool = False) -> None: ...


class Views:
    """The pictures of one conference. `busy` reports whether the floor or the roll call shows a site now. `actor` returns the
    giver of an order from a hall.
    """

    def __init__(
        self,
        meeting: Meeting,
        spotlight: Spotlight,
        ask: Callable[[By, Act], None],
        document: Announces,
        store: Store,
        busy: Callable[[], bool],
        actor: Callable[[str, str, Way], By],
    ) -> None:
        self._meeting, self._spotlight, self._ask, self._busy = meeting, spotlight, ask, busy
        self._document, self._store, self._actor = document, store, actor
        kept = store.restored()
        self.state = State() if kept is None else pictures.from_json(kept, meeting.clock.time())
        if kept is not None:
            self._announce()

    # -- orders

    def show(self, by: By, picture: Picture) -> None:
        """Show a setting to all. Raises Refusal."""
        self._ask(by, Act.STAGE)
        self._step(pictures.Set(picture, self._sites()), by, "stage")

    def undo(self, by: By) -> None:
        self._ask(by, Act.STAGE)
        self._step(pictures.Undo(self._sites()), by, "stage_undo")

    def view_alone(self, by: By, hall: str, site: str) -> None:
        """Show one site to a hall alone. Hosts order this for every hall, a hall for itself. An empty site ends the view."""
        self._ask(by, Act.LAYOUT)
        if not isinstance(self._meeting.participants.get(hall), Hall) or (site and site not in self._sites()):
            raise Refusal("participant_not_found")
        self._step(pictures.ViewAlone(hall, site), by, "view_alone")

    def stop_presenting(self, by: By, identity: str) -> None:
        """Take the presentation back from a participant: a hall loses the content token, the screen of a browser ends. Raises
        Refusal `participant_not_found`, `not_presenting`.
        """
        self._ask(by, Act.STAGE)
        one = self._meeting.participants.get(identity)
        if one is None:
            raise Refusal("participant_not_found")
        if not (_stop_hall(one) if isinstance(one, Hall) else _stop_screens(one)):
            raise Refusal("not_presenting", "Người này không trình chiếu", "this participant does not present")
        made = record("stop_presenting", by, self._meeting.clock.time(), one.identity, one.grants.name)
        self._store.note(pictures.as_json(self.state), [made])

    def press_stop(self, hall: Hall, sid: str) -> bool:
        """Stop the presentation of a participant (sid) by order of a hall that leads, over its floor channel. False: refused."""
        one = next((one for one in self._meeting.participants.values() if one.sid == sid), None)
        try:
            by = self._actor(hall.identity, hall.grants.name, "bfcp")
            self.stop_presenting(by, one.identity if one is not None else "")
        except Refusal:
            return False
        return True

    # -- time and participants

    def tick(self) -> None:
        due, now = self.state.due, self._meeting.clock.time()
        if due is not None and now >= due and not self._busy():
            self._step(pictures.Tick(self._sites()), None, "")

    def came(self, one: Participant) -> None:
        """Apply the setting for a hall that joined: it may have begun the program, or be on stage, or look at a site."""
        if not isinstance(one, Hall):
            return
        site = dict(self.state.alone).get(one.identity, "")
        if site:
            show_alone(one, site)
        if self.state.picture != Picture() and not self._busy():
            self._apply(self.state.picture)

    def gone(self, one: Participant) -> None:
        """Note a participant that left. A site on stage keeps its place for its return, except in `turn`."""
        if self.state.picture.mode == "turn":
            self._step(pictures.Left(one.identity), None, "")

    # -- effects

    def _step(self, event: pictures.Event, by: By | None, what: str) -> None:
        now = self._meeting.clock.time()
        self.state, effects = pictures.step(self.state, event, now)
        detail = pictures.as_document(self.state)
        self._store.note(pictures.as_json(self.state), [record(what, by, now, detail=detail)] if by is not None else [])
        for effect in effects:
            if isinstance(effect, pictures.Apply):
                self._apply(effect.picture)
            else:
                hall = self._meeting.participants.get(effect.hall)
                if isinstance(hall, Hall):
                    show_alone(hall, effect.site)
        self._announce()

    def _apply(self, picture: Picture) -> None:
        here, program = self._meeting.participants, self._meeting.halls.program
        if program is not None:
            pin(program, [here[one].sid if one in here else "" for one in picture.pins])
            program.set_stage(program.stage.mode, program.stage.site, picture.hold_s)
        one = here.get(picture.site)
        if picture.mode == "voice" or one is None:
            self._spotlight.clear()
        else:
            self._spotlight.show(one, "broadcast" if picture.mode == "turn" else picture.mode)
        if program is not None:
            program.set_layout(picture.layout)  # after the stage: a layout from before the stage would wait

    def _announce(self) -> None:
        """Put the setting into the desk document. Browsers that follow the chair read it. A usual setting is absent."""
        said = pictures.as_document(self.state)
        self._document.put("picture", said if said != {"mode": "voice"} else None)

    def _sites(self) -> tuple[str, ...]:
        """Return the identities of the visible participants: first the halls in their order, then the others."""
        here = [one for one in self._meeting.participants.values() if not one.left and not one.grants.hidden]
        here = [one for one in here if not (isinstance(one, Hall) and one.apart)]
        here.sort(key=lambda one: one.position if isinstance(one, Hall) else limits.HALLS)
        return tuple(one.identity for one in here)


def _stop_hall(hall: Hall) -> bool:
    """Take the content token from a hall, and tell the hall. False: it does not hold the token."""
    if hall.program.content_token.holder != hall.sid:
        return False
    hall.notify("share_stopped")
    take_content_back(hall.program)
    return True


def _stop_screens(one: Participant) -> bool:
    """End the screens of a browser. False: there are none. The client stops the capture, as its protocol wants."""
    shares = (Source.SCREEN_SHARE, Source.SCREEN_SHARE_AUDIO)
    screens = [track for track in one.tracks.values() if track.source in shares]
    for track in screens:
        publishing.unpublish(one, track, tell=True)
    return bool(screens)
