"""The lobbies of all conferences, including conferences without participants."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from conference.door import admission
from conference.door.knock import Knock, Knocker
from conference.door.lobby import Lobby
from conference.door.turned_away import Bar
from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.permissions import Grants
from conference.ground.process_memory import ProcessMemory
from conference.ports.shared import Shared


@dataclass(frozen=True, slots=True)
class LobbySetting:
    """The state of a lobby that is not in memory: its switch, and the people and halls that are kept out.

    `ordered` is the planner's last setting. None: there is no plan.
    """

    on: bool
    ordered: bool | None
    bars: tuple[Bar, ...] = ()

    @property
    def matters(self) -> bool:
        """Report whether this setting must be stored: the planner's setting alone would not restore it."""
        return self.on != bool(self.ordered) or bool(self.bars)


class Lobbies:
    """The lobbies of all conferences of this process."""

    def __init__(self, random: Callable[[], str], shared: Shared | None = None) -> None:
        """`random` returns a text of 80 random bits or more."""
        self.closed = False
        self.shared: Shared = shared if shared is not None else ProcessMemory()
        self._random = random
        self._lobbies: OrderedDict[str, Lobby] = OrderedDict()
        self._settings = self.shared.table("lobbies", "settings", limits.LOBBY_SETTINGS, LobbySetting)
        """The settings of lobbies that are not in memory. They are never removed to make room: a removed setting would open a
        closed lobby.
        """
        self._ticked_at = float("-inf")

    def __len__(self) -> int:
        return len(self._lobbies)

    def find(self, name: str) -> Lobby | None:
        """Return the lobby in memory, or the lobby that a stored setting restores, or None.

        Raises Refusal `lobby_limit` if there is no room to restore the lobby: a lobby that a host has set must never count as
        off.
        """
        found = self._lobbies.get(name)
        return self._make(name, self._ticked_at) if found is None and name in self._settings else found

    def get(self, name: str, now: float) -> Lobby:
        """Return the lobby; make it if needed. Raises Refusal `lobby_limit`."""
        admission.check_name(name)
        lobby = self._lobbies.get(name) or self._make(name, now)
        lobby.touched_at = now
        self._lobbies.move_to_end(name)
        return lobby

    def _make(self, name: str, now: float) -> Lobby:
        if len(self._lobbies) >= limits.LOBBIES:
            self._drop_idle(now)
        if len(self._lobbies) >= limits.LOBBIES:
            raise Refusal("lobby_limit")
        kept = self._settings.pop(name) or LobbySetting(False, None)
        made = self._lobbies[name] = Lobby(name, self.shared, on=kept.on, ordered=kept.ordered)
        made.turned_away.restore(kept.bars)
        return made

    def restore(self, name: str, setting: LobbySetting) -> None:
        """Store a setting from before a restart of the server. Raises Refusal `lobby_limit`."""
        if len(self._settings) >= limits.LOBBY_SETTINGS:
            raise Refusal("lobby_limit")
        self._settings.put(name, setting)

    def check_settable(self) -> None:
        """Raise Refusal `lobby_limit` if no further lobby can be set."""
        if len(self._settings) + len(self._lobbies) >= limits.LOBBY_SETTINGS:
            raise Refusal("lobby_limit")

    def knock(self, name: str, who: Knocker, ticket: str, now: float) -> Knock:
        """Return the knock of this person. Raises Refusal `lobby_full`, `lobby_denied`, `lobby_pause`, `lobby_limit`."""
        return self.get(name, now).knock(who, ticket, now, self._random)

    def check(self, grants: Grants, present: bool) -> None:
        """Check the lobby at the entry to the call. Raises Refusal."""
        lobby = self.find(grants.conference)
        if lobby is not None:
            lobby.check(grants, present)

    def forget(self, name: str, identity: str, now: float) -> None:
        lobby = self._lobbies.get(name)
        if lobby is not None:
            lobby.forget(identity, now)

    def bar(self, bearer: str, why: Refusal, now: float) -> None:
        for lobby in self._lobbies.values():
            lobby.bar(bearer, why, now)

    def end(self, name: str, why: Refusal) -> None:
        lobby = self._lobbies.get(name)
        if lobby is not None:
            lobby.end(why)

    def tick(self, now: float) -> None:
        if now - self._ticked_at < limits.LOBBY_TICK_S:
            return
        self._ticked_at = now
        for lobby in self._lobbies.values():
            if lobby.room.waiting:
                lobby.room.expire(now)

    def close(self) -> None:
        """Wake all requests that wait for news, because the server stops. The clients ask again, on another server or later."""
        self.closed = True
        for lobby in self._lobbies.values():
            lobby.room.wake()

    def _drop_idle(self, now: float) -> None:
        for name in [name for name, one in self._lobbies.items() if one.idle(now)]:
            lobby = self._lobbies[name]
            setting = LobbySetting(lobby.on, lobby.ordered, lobby.turned_away.bars)
            if setting.matters:
                if len(self._settings) >= limits.LOBBY_SETTINGS:
                    continue
                self._settings.put(name, setting)
            del self._lobbies[name]
            self.shared.drop(lobby.owner)
