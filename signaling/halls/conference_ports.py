"""The functions that the halls of all conferences need from outside (implements `conference.ports.halls.HallPorts`)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from conference import ContentTokenChange, Hall, Wished, spoken_texts
from conference.announcements.spoken_texts import Language
from conference.ports.media import MixerDoor
from rooms.dialling import legs, opening
from rooms.policy.actors import Actor
from rooms.store.database import Database
from signaling.halls.calls.announcing import say
from signaling.halls.calls.leg import Leg
from signaling.halls.calls.rooms import Meetings
from signaling.halls.sip.content_tokens import ContentTokens
from signaling.host.dates import PREFIX


class ConferencePorts:
    """The ports of the halls. They are built before the registry of conferences, which reports its events here. `changed`
    reports that the board of a date has changed.
    """

    def __init__(
        self,
        open_mixer: Callable[..., MixerDoor],
        tokens: ContentTokens,
        database: Database,
        live: Meetings,
        clock: Callable[[], datetime],
        start: Callable[[Coroutine[Any, Any, Any]], None],
        changed: Callable[[str], None],
    ) -> None:
        self.open_mixer = open_mixer
        self._tokens, self._database, self._live, self._clock = tokens, database, live, clock
        self._start, self._changed = start, changed

    def announcement(self, code: str, language: Language) -> str:
        return str(spoken_texts.recording(code, language))

    def wished(self, conference: str, wished: Wished) -> None:
        leg = _leg_of(wished.hall)
        if leg is None:
            return
        if wished.what == "operator" and leg.party.leg_id:
            self._start(
                self._database.transact(
                    lambda session: legs.raise_alarm(session, leg.party.leg_id, "operator", self._clock())
                )
            )
        if wished.what == "begin":
            self._start(self._begin(conference.removeprefix(PREFIX), leg))
        self._changed(conference.removeprefix(PREFIX))

    async def _begin(self, occurrence_id: str, leg: Leg) -> None:
        """Open the meeting for the chair's hall. Announce the refusal to any other hall."""

        async def work(session: AsyncSession) -> frozenset[str] | None:
            if leg.party.terminal not in await opening.chairs(session, occurrence_id):
                return None
            actor = Actor("system", leg.party.terminal, name=leg.party.name, address=leg.address)
            return await opening.begin(session, occurrence_id, actor, self._clock())

        opened = await self._database.transact(work)
        if opened is None:
            say(leg, "not_yours")
        else:
            self._live.begin(occurrence_id, opened)
            self._changed(occurrence_id)

    def content_token_moved(self, program: Any, changes: Sequence[ContentTokenChange]) -> None:
        self._tokens.moved(program, changes)

    def silent(self, conference: str, hall: Hall) -> None:
        """Send a new offer to a hall that has sent no packets for a time (setting `hall_silent_s`). Without an answer within
        32 s, the SIP transaction times out (timer B of RFC 3261), and the call ends.
        """
        leg = _leg_of(hall)
        if leg is not None:
            leg.renegotiate()


def _leg_of(hall: Hall) -> Leg | None:
    return hall.signal if isinstance(hall.signal, Leg) else None
