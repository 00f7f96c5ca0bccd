"""The content token of each conference and the floor channels (BFCP) of its halls.

Owns one floor server per conference with halls, the ports they are asked on and the numbers that terminals get. Decides nothing:
who may present is the token's rule (`conference.ContentToken`), what is shown then is the program's.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from conference import ContentTokenChange, Hall
from conference.ground.plan import BfcpPlan, OwnBfcp
from conference.ports.audience import Listener
from conference.ports.halls import LineOptions
from signaling.halls.ground import limits
from signaling.sip.floor.channel import FloorChannel
from signaling.sip.floor.server import FloorServer

log = logging.getLogger(__name__)
USERS: Final = 0xFFFD
"""0xFFFE is how terminals see a browser that presents (`signaling.sip.floor.server`)."""


class ContentTokens:
    """One per process."""

    def __init__(self, options: LineOptions, clock: Callable[[], float], random_bytes: Callable[[int], bytes]) -> None:
        self.ports = (0, 0)
        """UDP and TCP; 0: no floor is offered."""
        self._options = options
        self._clock = clock
        self._random_bytes = random_bytes
        self._channel = FloorChannel()
        self._servers: WeakKeyDictionary[Any, FloorServer] = WeakKeyDictionary()
        self._own: WeakKeyDictionary[Hall, OwnBfcp] = WeakKeyDictionary()
        self._conferences: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._users = itertools.count(1)

    async def open(self) -> None:
        """On the last port of the halls' range that is free for UDP and TCP. Raises OSError when none is."""
        last: OSError | None = None
        for port in self._options.ports[::-1][: limits.TOKEN_PORTS_TRIED]:
            try:
                self.ports = await self._channel.open(self._options.host, port, port)
                return
            except OSError as error:
                last = error
        raise last or OSError("no port for floor control")

    async def close(self) -> None:
        self.ports = (0, 0)
        await self._channel.close()

    def own(self, hall: Hall) -> OwnBfcp | None:
        """What its descriptions name: the same numbers as long as the call stays in this conference."""
        if not self.ports[0]:
            return None
        if hall not in self._own:
            user = next(self._users) % USERS + 1
            self._own[hall] = OwnBfcp(*self.ports, self._number(hall.program), user)
        return self._own[hall]

    def _number(self, program: Any) -> int:
        while program not in self._conferences:
            number = int.from_bytes(self._random_bytes(4), "big") & 0x7FFFFFFF
            if number and number not in self._conferences.values():
                self._conferences[program] = number
        return self._conferences[program]

    def follow(self, hall: Hall, plan: BfcpPlan | None) -> None:
        """What was agreed now."""
        if plan is None:
            self.leave(hall)
            return
        program = hall.program
        server = self._servers.get(program)
        if server is None:
            server = self._servers[program] = FloorServer(
                program.content_token, plan.floor_id, partial(_name, hall.table.participants)
            )
        try:
            self._channel.attach(server, hall.sid, plan, program.content_token_moved)
        except ValueError:
            log.exception("the floor channel of %s", hall.identity)

    def leave(self, hall: Hall) -> None:
        """Its call or its floor line has ended."""
        server = self._servers.get(hall.program)
        if server is not None and hall.sid in server.legs:
            hall.program.content_token_moved(self._channel.detach(server, hall.sid))

    def moved(self, program: Any, changes: Sequence[ContentTokenChange]) -> None:
        """By somebody else than a terminal: the terminals are told."""
        server = self._servers.get(program)
        if server is not None:
            server.apply(list(changes), self._clock())
            self._channel.flush(server)


def _name(participants: Mapping[str, Listener], sid: str) -> str:
    """What terminals show of who presents."""
    return next((one.grants.name or one.identity for one in participants.values() if one.sid == sid), "")
