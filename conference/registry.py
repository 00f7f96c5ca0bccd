"""All conferences of this process by name: creation, lookup and end. Owns the timer of all conferences (`run`)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from conference.chair.voting.keys import Escrow
from conference.conference import Conference, Surroundings
from conference.door import admission
from conference.door.lobbies import Lobbies
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.events import Reason
from conference.ground.identifiers import random_suffix
from conference.ground.lifecycle import What
from conference.ground.permissions import Grants
from conference.ground.terms import Terms
from conference.people.participant import Participant
from conference.ports.clients import Client, Entry
from conference.ports.halls import HallPorts
from conference.ports.media import Media
from conference.ports.proceedings import Proceedings
from conference.ports.time import Clock, Turns
from conference.ports.watchers import Observer, Watcher

log = logging.getLogger(__name__)


class Registry:
    """The registry of one process. With `auto_create`, every join may create a missing conference. Otherwise only a token with
    `create` may, or any token if the conference is open on another node.
    """

    def __init__(
        self,
        media: Media,
        clock: Clock,
        turns: Turns,
        *,
        auto_create: bool = True,
        remote_unmute: bool = False,
        watcher: Watcher | None = None,
        lobbies: Lobbies | None = None,
        halls: HallPorts | None = None,
        observers: Sequence[Observer] = (),
        proceedings: Proceedings | None = None,
        escrow: Escrow | None = None,
        chair_code: Callable[[str], str] | None = None,
        address: str = "",
    ) -> None:
        """`lobbies` is shared with the code that makes people wait. Lobbies exist before their conferences."""
        self.lobbies = lobbies if lobbies is not None else Lobbies(random_suffix)
        self.around = Surroundings(
            media=media,
            clock=clock,
            turns=turns,
            suffix=random_suffix,
            lobbies=self.lobbies,
            shared=self.lobbies.shared,
            watcher=watcher,
            halls=halls,
            observers=tuple(observers),
            proceedings=proceedings,
            escrow=escrow,
            chair_code=chair_code,
            address=address,
        )
        self.auto_create = auto_create
        self._remote_unmute = remote_unmute
        self._conferences: dict[str, Conference] = {}
        self._open = self.lobbies.shared.table("registry", "open", limits.CONFERENCES, str)
        """The sid of each conference that is open on any node, by name."""
        self._measured_at = float("-inf")
        self._closed = False

    def __len__(self) -> int:
        return len(self._conferences)

    @property
    def closed(self) -> bool:
        return self._closed

    def all(self) -> Iterable[Conference]:
        return list(self._conferences.values())

    def get(self, name: str) -> Conference:
        """Return the conference with this name. Raises Refusal `conference_not_found`."""
        conference = self._conferences.get(name)
        if conference is None:
            raise Refusal("conference_not_found")
        return conference

    def create(self, name: str, terms: Terms | None = None) -> Conference:
        """Return the existing conference, or create it. Raises Refusal."""
        admission.check_name(name)
        existing = self._conferences.get(name)
        if existing is not None:
            return existing
        if self._closed or len(self._conferences) >= limits.CONFERENCES:
            raise Refusal("conference_limit")
        terms = terms or Terms()
        if len(terms.metadata.encode()) > limits.CONFERENCE_METADATA_BYTES:
            raise Refusal("metadata_too_long")
        conference = Conference(name, replace(terms, remote_unmute=self._remote_unmute), self.around)
        self._conferences[name] = conference
        self._open.put(name, conference.sid)
        conference.reports.report(What.STARTED)
        return conference

    def check(self, grants: Grants) -> None:
        """Raise Refusal if these grants would not be admitted now. Creates nothing."""
        admission.check_token(grants)
        conference = self._conferences.get(grants.conference)
        admission.ask(grants, conference, self.lobbies, self.around.watcher)
        if conference is not None:
            return
        if not (self.auto_create or grants.create or grants.conference in self._open):
            raise Refusal("conference_not_found")
        if self._closed or len(self._conferences) >= limits.CONFERENCES:
            raise Refusal("conference_limit")

    def join(self, entry: Entry, client: Client) -> Participant:
        """Join a client that `check` admitted in the same turn of the event loop. Raises Refusal. The first comer restores the
        lock of the meeting and the list of the removed, which `check` could not ask.
        """
        name, first = entry.grants.conference, entry.grants.conference not in self._conferences
        conference = self.create(name, entry.grants.terms)
        if first:
            try:
                admission.let_in(entry.grants, conference)
            except Refusal:
                self._end(name, Reason.SERVER_SHUTDOWN)  # the stored meeting goes on with the next comer
                raise
        return conference.join(entry, client)

    def delete(self, name: str) -> None:
        """End a conference and notify all its participants. Raises Refusal `conference_not_found`."""
        self.get(name)
        self._end(name, Reason.CONFERENCE_DELETED)
        self.lobbies.end(name, Refusal("lobby_ended"))

    def tick(self, now: float) -> None:
        """Do the timed work of all conferences, about once a second."""
        self.lobbies.tick(self.around.clock.time())
        figures = None
        if self._conferences and now - self._measured_at >= limits.MEASURE_S:
            self._measured_at = now
            figures = self.around.media.statistics().peers
        for name, conference in list(self._conferences.items()):
            try:
                conference.tick(now, figures)
            except Exception:  # our own bug: the timed work of the other conferences must go on
                log.exception("the timed work of a conference failed")
            if conference.course.over:
                self.delete(name)
            elif conference.idle(now):
                self._end(name, Reason.CONFERENCE_IDLE)
                if conference.joins:
                    self.lobbies.end(name, Refusal("lobby_ended"))

    async def run(self) -> None:
        """Call `tick` until cancelled."""
        while True:
            await asyncio.sleep(limits.TICK_S)
            self.tick(self.around.clock.monotonic())

    def close(self) -> None:
        """Close all conferences, because the server stops. All participants are notified."""
        self._closed = True
        self.lobbies.close()
        for name in list(self._conferences):
            self._end(name, Reason.SERVER_SHUTDOWN)

    def _end(self, name: str, reason: Reason) -> None:
        conference = self._conferences.pop(name)
        self._open.pop(name)
        conference.close(reason)
