"""Doorways of the REST API without a database. They book no meeting and store no decision of a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from conference import Grants, Lobbies, ProcessMemory, Registry
from rooms.proceedings.notes import Written
from signaling.api.ground.doorway import InstantMeetings, Probes, ServerFacts, Starting
from signaling.api.ground.invitations import Invitations
from signaling.api.ground.numbers import Numbers
from signaling.host.tokens import Authenticator
from signaling.orders.doorway import Doorway


class NoMeetings:
    registry: Registry | None = None

    def identities(self, _conference: str) -> list[str]:
        return []

    def owns(self, _conference: str) -> bool:
        return False

    def is_important(self, _conference: str) -> bool:
        return False

    def admit(self, _grants: Grants) -> None: ...


class NoHosts:
    async def note_lobby(self, _grants: Grants, _action: str, _detail: Mapping[str, Any], _address: str) -> None: ...
    def note_later(self, _grants: Grants, _action: str, _detail: Mapping[str, Any], _address: str) -> None: ...
    async def keep_lobby(self, _name: str, _on: bool, _planned: bool | None) -> None: ...
    async def keep_bars(self, _name: str, _bars: Sequence[tuple[str, str]]) -> None: ...
    async def still_host(self, _grants: Grants, *, patient: bool = False) -> None: ...
    async def extend(self, _grants: Grants, _minutes: int, _address: str) -> datetime:
        return datetime.fromtimestamp(0, UTC)

    async def begin_meeting(self, _grants: Grants, _address: str) -> None: ...
    async def end_meeting(self, _name: str) -> None: ...
    async def keep_note(self, _name: str, _wanted: Written, _by_name: str) -> int:
        return 1

    async def close_date(self, _name: str) -> None: ...
    async def roll_sites(self, _name: str) -> list[Any]:
        return []

    async def call_halls(self, _grants: Any, _terminals: Any, _address: str) -> list[Any]:
        return []


def instant_meetings(
    authenticator: Authenticator,
    invitations: Invitations,
    now: Callable[[], float],
    random_bytes: Callable[[int], bytes] = bytes,
    starting: Starting | None = None,
) -> InstantMeetings:
    shared = ProcessMemory()
    lobbies = Lobbies(lambda: random_bytes(16).hex(), shared)
    doorway = Doorway(authenticator, lobbies, shared, NoMeetings(), NoHosts(), now)
    return InstantMeetings(doorway, starting or Starting(), invitations, Numbers(shared), random_bytes)


async def answers() -> bool:
    """Report that the database answers."""
    return True


def facts(version: str = "1", starting: Starting | None = None, **changes: Callable[[], Any]) -> ServerFacts:
    """Return the facts of a server. `changes` may name `authority` and `ready`."""
    probes = Probes(changes.get("ready", lambda: True), lambda: False, answers)
    return ServerFacts(version, starting or Starting(), changes.get("authority", lambda: None), probes)
