"""The content token of each conference and the floor channels (BFCP) of its halls.

The module owns the two ports of all conferences, one floor server for each conference whose halls use BFCP, and the numbers
that terminals get. It decides nothing: `conference.ContentToken` decides which participant may present, and the program decides
what the halls see.
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
"""The highest user id of a hall in floor control (BFCP, the right to present); after it, ids begin at 1 again. Source: ids have
16 bits, and 0xFFFE (65534) means a browser that presents (`signaling.sip.floor.server`). Larger: after 65532 calls of a
process, a hall gets that id, and its terminal may take a browser's presentation for its own. Ids above 65535 do not fit into a
message, so these halls get no floor control. Smaller: ids repeat sooner; if two halls of one conference share an id, the second
gets no floor control.
"""


class ContentTokens:
    """A process has one object of this class."""

    def __init__(self, options: LineOptions, clock: Callable[[], float], random_bytes: Callable[[int], bytes]) -> None:
        self.ports = (0, 0)
        """The ports for UDP and TCP; 0: the server offers no floor."""
        self._options = options
        self._clock = clock
        self._random_bytes = random_bytes
        self._channel = FloorChannel()
        self._servers: WeakKeyDictionary[Any, FloorServer] = WeakKeyDictionary()
        self._own: WeakKeyDictionary[Hall, OwnBfcp] = WeakKeyDictionary()
        self._conferences: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._users = itertools.count(1)

    async def open(self) -> None:
        """Open one port for UDP and TCP: the last port of the halls' range that is free for both. Raise OSError after
        `TOKEN_PORTS_TRIED` ports.
        """
        last: OSError | None = None
        for port in self._options.ports[::-1][: limits.TOKEN_PORTS_TRIED]:
            try:
                self.ports = await self._channel.open(self._options.host, port, port)
                return
            except OSError as error:
                last = error
        raise last or OSError("no free port for floor control")

    async def close(self) -> None:
        self.ports = (0, 0)
        await self._channel.close()

    def own(self, hall: Hall) -> OwnBfcp | None:
        """Return the ports and numbers for the descriptions of this hall. They stay the same while the call is in this
        conference.
        """
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
        """Use the floor line of the plan that was agreed now, or release the floor if the plan has no floor line."""
        if plan is None:
            self.leave(hall)
            return
        program = hall.program
        server = self._servers.get(program)
        if server is None:
            server = self._servers[program] = FloorServer(
                program.content_token,
                plan.floor_id,
                partial(_name, hall.table.participants),
                partial(_stop, hall.table.participants),
            )
        try:
            self._channel.attach(server, hall.sid, plan, program.content_token_moved)
        except ValueError:
            log.exception("%s cannot use the floor channel", hall.identity)

    def leave(self, hall: Hall) -> None:
        """Release the floor of a hall that leaves the conference, or whose floor line has ended."""
        server = self._servers.get(hall.program)
        if server is not None and hall.sid in server.legs:
            hall.program.content_token_moved(self._channel.detach(server, hall.sid))

    def moved(self, program: Any, changes: Sequence[ContentTokenChange]) -> None:
        """Notify the terminals of a move of the token that no terminal caused."""
        server = self._servers.get(program)
        if server is not None:
            server.apply(list(changes), self._clock())
            self._channel.flush(server)


def _name(participants: Mapping[str, Listener], sid: str) -> str:
    """Return the name that terminals show for the presenter."""
    return next((one.grants.name or one.identity for one in participants.values() if one.sid == sid), "")


def _stop(participants: Mapping[str, Listener], leg: str, holder: str) -> bool:
    """Stop a presentation by order of a hall. False: the hall does not lead the meeting."""
    hall = next((one for one in participants.values() if one.sid == leg), None)
    return isinstance(hall, Hall) and hall.stop(holder)
