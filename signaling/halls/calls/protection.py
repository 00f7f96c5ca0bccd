"""The protection of hall calls: where signalling and media may go, when keys may travel, which networks count as closed.

The session description carries the SRTP keys (SDES, RFC 4568). Without TLS every machine on the way can read the keys, so the
server neither sends nor accepts them there. The module owns the settings and knows no protocol.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference.ground.plan import Encryption, MediaPlan, Policy
from rooms.dialling import planning
from rooms.dialling.accounts import Device, Known
from rooms.policy.actors import SYSTEM, Actor
from rooms.policy.classes import IMPORTANT
from rooms.store import audit
from rooms.store.database import Database
from rooms.store.tables.sites import Terminal
from signaling.halls.calls.leg import Leg, Path
from signaling.halls.calls.rooms import Meetings
from signaling.halls.ground.devices import bounded, unregistered
from signaling.host.dates import PREFIX

NOWHERE: Final = "192.0.2.0/32"
"""A range that no machine has (RFC 5737). It stands for "no network", because an empty list would mean all networks."""


@dataclass(frozen=True, slots=True)
class Safety:
    """The settings. `encryption`: for every hall. `important`: for halls in important meetings, `required` or `best_effort`."""

    encryption: Encryption = "best_effort"
    important: Encryption = "required"

    def must_encrypt(self, strict: bool) -> bool:
        """Report whether a call must be encrypted. `strict`: in an important meeting."""
        return self.encryption == "required" or (strict and self.important == "required")

    def of_call(self, *, strict: bool, tls: bool) -> Encryption:
        """Return the encryption that a call over this transport may use."""
        if self.must_encrypt(strict):
            return "required"
        return self.encryption if tls else "off"

    def admits(self, *, strict: bool, tls: bool, encrypted: bool) -> bool:
        """Report whether a call, before or after its answer, has the protection that this meeting demands."""
        return not self.must_encrypt(strict) or (tls and encrypted)


def remotes(plan: MediaPlan) -> frozenset[str]:
    """Return the addresses that receive media under this plan. A hall on hold has none."""
    ends = {end.host for stream in plan.streams for end in (stream.remote, stream.remote_rtcp)}
    return frozenset(host for host in ends if host and not ipaddress.ip_address(host).is_unspecified)


def all_inside(hosts: Iterable[str], networks: Container[str]) -> bool:
    return all(host in networks for host in hosts)


class Zones(Protocol):
    """The terminals and networks of the register, as they are now."""

    @property
    def of_terminal(self) -> Mapping[str, Known]: ...
    @property
    def devices(self) -> Mapping[str, Device]: ...
    @property
    def ranges(self) -> Sequence[str]:
        """Return the networks that terminals call from, as CIDR."""

    @property
    def closed_ranges(self) -> Sequence[str]: ...
    @property
    def closed(self) -> Container[str]:
        """Return the addresses of the closed networks alone."""


class Protection:
    """A process has one object of this class. `zones` returns the present networks of the register."""

    def __init__(self, live: Meetings, safety: Safety, zones: Callable[[], Zones]) -> None:
        self.safety = safety
        self._live, self._zones = live, zones

    def is_strict(self, one: Leg) -> bool:
        """Report whether the hall is in an important meeting, or is moving into one."""
        return any(self._live.is_important(name) for name in one.conferences)

    def placed(self, leg: Leg, path: Path | None) -> Policy:
        """Return the policy of a call.

        Media may go to the terminal's signalling address and to its networks; a terminal without own networks may use all
        networks of terminals. So a description cannot aim media at other machines. In an important meeting media go only to
        closed networks. Behind NAT only the source address of the terminal's packets counts. Keys travel only in encrypted
        signalling. The bandwidth and the picture of the terminal limit the call in every meeting.
        """
        strict, zones, host = self.is_strict(leg), self._zones(), path.host if path is not None else ""
        encryption = self.safety.of_call(strict=strict, tls=path is not None and path.encrypted)
        known, device = zones.of_terminal.get(leg.party.terminal), zones.devices.get(leg.party.terminal)
        hidden = bool(host) and known is not None and known.behind_nat
        policy = Policy(encryption=encryption, high_profile=True, media_host=host if hidden else "")
        policy = bounded(policy, device) if device is not None else unregistered(policy)
        if strict:
            return replace(policy, media_networks=tuple(zones.closed_ranges) or (NOWHERE,))
        if hidden:
            return replace(policy, media_networks=(host,))
        ranges = zones.ranges
        if known is not None and known.ranges:
            ranges = [one for one in known.ranges if one in zones.ranges]
        return replace(policy, media_networks=(*ranges, *([host] if host else [])))

    def encryption(self, strict: bool) -> Encryption:
        """Return the encryption that the server offers to a hall that it calls."""
        return "required" if self.safety.must_encrypt(strict) else self.safety.encryption

    def admits(self, one: Leg, class_: str) -> bool:
        """Report whether the call has the encryption that a meeting of this class demands."""
        return self._admits(one, strict=class_ == IMPORTANT)

    def _admits(self, one: Leg, *, strict: bool) -> bool:
        """Report this also for a call without agreed media. If the signalling of such a call is encrypted, its media count as
        encrypted, because the policy of `placed` will demand encryption.
        """
        plan, safe = one.side.plan, _is_safe(one)
        return self.safety.admits(strict=strict, tls=safe, encrypted=safe if plan is None else plan.encrypted)

    def expect(self, conference: str, one: Leg, closed: bool, *, invited: bool = True) -> None:
        """Note that the hall is at the door of this conference. `closed`: the hall calls from a closed network. `invited`: its
        terminal is in the register and invited.
        """
        one.expected = invited
        self._live.vouch(conference, one.party.identity, closed and self._admits(one, strict=True))

    def agreed(self, one: Leg) -> None:
        """Decide again whether the hall may be in an important meeting. Its current media count, not the data of the register."""
        path, plan = one.side.path, one.side.plan
        if path is None or plan is None:
            return
        inside = all_inside({path.host, *remotes(plan)}, self._zones().closed)
        safe = one.expected and inside and self._admits(one, strict=True)
        for name in filter(self._live.owns, one.conferences):
            self._live.vouch(name, one.party.identity, safe)

    async def keep(self, database: Database, one: Leg, now: datetime) -> None:
        """Write to the audit trail if the hall is in an important meeting without encryption."""
        names = [name for name in one.conferences if self._live.is_important(name)]
        plan = one.side.plan
        if not names or (plan is not None and plan.encrypted):
            return
        await database.transact(
            lambda session: _noted(session, names[0].removeprefix(PREFIX), one.party.terminal, one.address, now)
        )


def _is_safe(leg: Leg) -> bool:
    path = leg.side.path
    return path is not None and path.encrypted


async def _noted(session: AsyncSession, occurrence_id: str, terminal_id: str, address: str, now: datetime) -> None:
    """Write to the audit trail that a hall is in an important meeting without encryption."""
    meeting = (await planning.date_of(session, occurrence_id))[1]
    who = Actor(SYSTEM.kind, address=address)
    terminal = await session.get(Terminal, terminal_id)
    detail = {"terminal": terminal.code if terminal is not None else ""}
    await audit.record(session, now, who, "hall.unencrypted", "occurrence", occurrence_id, meeting.host_unit_id, detail)
