"""How the calls of halls are protected: where signalling and media may go, when keys may travel, what counts as closed.

Keys of SRTP stand in the session description (SDES, RFC 4568): without TLS
everybody on the wire reads them, so they are neither sent nor taken there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from conference.ground.plan import Encryption, MediaPlan, Policy
from rooms.dialling import planning
from rooms.policy.actors import SYSTEM, Actor
from rooms.policy.classes import IMPORTANT
from rooms.store import audit
from rooms.store.database import Database
from rooms.store.tables.sites import Terminal
from signaling.halls.calls.meetings import Meetings
from signaling.halls.sip.accounts import Directory
from signaling.host.dates import PREFIX
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.transaction.transport import PORTS, Hop

NOWHERE: Final = "192.0.2.0/32"
"""A range that is nobody's (RFC 5737): an empty list of networks would mean all of them."""
SIP_PORTS: Final = frozenset((0, *PORTS.values()))
"""Ports at which a typed address is asked by TCP or TLS whether a terminal is there; 0: the port of the transport."""


@dataclass(frozen=True, slots=True)
class Safety:
    """Settings. `encryption`: of every hall; `important`: of halls in important meetings, `required` or `best_effort`."""

    encryption: Encryption = "best_effort"
    important: Encryption = "required"

    def must_encrypt(self, strict: bool) -> bool:
        """`strict`: in an important meeting."""
        return self.encryption == "required" or (strict and self.important == "required")

    def of_call(self, *, strict: bool, tls: bool) -> Encryption:
        """What a call by this transport may do."""
        if self.must_encrypt(strict):
            return "required"
        return self.encryption if tls else "off"

    def admits(self, *, strict: bool, tls: bool, encrypted: bool) -> bool:
        """Whether a call that stands, or is at the door, is protected as this meeting wants it."""
        return not self.must_encrypt(strict) or (tls and encrypted)


def remotes(plan: MediaPlan) -> frozenset[str]:
    """Addresses that media of this plan go to. A hall that holds has none."""
    ends = {end.host for stream in plan.streams for end in (stream.remote, stream.remote_rtcp)}
    return frozenset(host for host in ends if host and not ipaddress.ip_address(host).is_unspecified)


def all_inside(hosts: Iterable[str], networks: Networks) -> bool:
    return all(host in networks for host in hosts)


def typed_address(target: Target) -> str:
    """The literal address that is called; empty: a name, which is looked up before anything is sent."""
    if target.binding is not None:
        return target.binding.hop.host
    try:
        return str(ipaddress.ip_address(target.uri.host))
    except ValueError:
        return ""


def for_probe(target: Target, zones: Networks) -> Target | None:
    """Who is asked whether it is there. A terminal that has registered is asked where it registered. A typed address is asked
    only inside the zones of the register and by one transport: the one that it names, else UDP; by TCP and TLS at the ports of
    SIP alone. Else the readiness of a terminal would tell what runs at any port of any machine. None: it is not asked.
    """
    if target.binding is not None:
        return target
    named = target.uri.transport or ("tls" if target.uri.scheme == "sips" or target.encrypted else "udp")
    if named != "udp" and target.uri.port not in SIP_PORTS:
        return None
    networks = target.networks if target.networks is not None else zones
    address = typed_address(target)
    if address and address not in networks:
        return None
    return replace(target, transports=(named,), networks=networks)


class Protected(Protocol):
    """A call of a hall."""

    party: Any
    policy: Policy
    call: Call | None
    address: str
    agreed: Any
    """What both sides agreed on (`signaling.sip.media.plan.Agreed`); None: nothing yet."""
    expected: bool

    @property
    def conferences(self) -> tuple[str, ...]: ...
    @property
    def by_tls(self) -> bool: ...
    @property
    def encrypted(self) -> bool: ...


class Protection:
    """One per process: the settings and the register, asked for each call. `directory`: as it is now."""

    def __init__(self, live: Meetings, safety: Safety, directory: Callable[[], Directory]) -> None:
        self.safety = safety
        self._live, self._directory = live, directory

    def is_strict(self, one: Protected) -> bool:
        """It is in an important meeting, or on its way into one."""
        return any(self._live.is_important(name) for name in one.conferences)

    def placed(self, one: Protected, hop: Hop | None = None) -> Policy:
        """The policy of a call. Media go to the machine that signals, and to the networks where such a terminal stands: a
        description must not aim them at anybody else; in an important meeting only to closed ones. Of one behind address
        translation only what its packets come from is known. Keys travel by TLS alone. `hop`: that is tried; None: of its dialog.
        """
        call, strict, directory = one.call, self.is_strict(one), self._directory()
        if hop is None and call is not None and call.dialog is not None:
            hop = call.dialog.hop
        host = hop.host if hop is not None else ""
        tls = hop is not None and hop.transport == "tls"
        policy = replace(one.policy, encryption=self.safety.of_call(strict=strict, tls=tls))
        known = next((row for row in directory.known.values() if row.terminal_id == one.party.terminal), None)
        hidden = bool(host) and known is not None and known.behind_nat
        policy = replace(policy, media_host=host if hidden else "")
        if strict:
            return replace(policy, media_networks=directory.closed_ranges or (NOWHERE,))
        if hidden:
            return replace(policy, media_networks=(host,))
        ranges = directory.ranges
        if known is not None and known.ranges:
            ranges = tuple(one for one in known.ranges if one in directory.ranges)
        return replace(policy, media_networks=(*ranges, *([host] if host else [])))

    def admits(self, one: Protected, class_: str) -> bool:
        """Whether it is encrypted as a meeting of this class wants it."""
        return self._admits(one, strict=class_ == IMPORTANT)

    def _admits(self, one: Protected, *, strict: bool) -> bool:
        """Of a call at the door nothing is agreed on yet: it will be, by `placed`."""
        encrypted = one.encrypted if one.agreed is not None else one.by_tls
        return self.safety.admits(strict=strict, tls=one.by_tls, encrypted=encrypted)

    def expect(self, conference: str, one: Protected, closed: bool, *, invited: bool = True) -> None:
        """It is at the door of this conference. `closed`: it calls from a closed network."""
        one.expected = invited
        self._live.vouch(conference, one.party.identity, closed and self._admits(one, strict=True))

    def agreed(self, one: Protected) -> None:
        """Whether it may be in an important meeting follows from what its call is now, not from what is typed of it."""
        dialog, closed = one.call.dialog if one.call is not None else None, self._directory().closed
        if dialog is None or one.agreed is None:
            return
        inside = all_inside({dialog.hop.host, *remotes(one.agreed.plan)}, closed)
        safe = one.expected and inside and self._admits(one, strict=True)
        for name in filter(self._live.owns, one.conferences):
            self._live.vouch(name, one.party.identity, safe)

    async def keep(self, database: Database, one: Protected, now: datetime) -> None:
        """Into the audit trail: a hall takes part in an important meeting without encryption."""
        names = [name for name in one.conferences if self._live.is_important(name)]
        if one.encrypted or not names:
            return
        await database.transact(
            lambda session: _noted(session, names[0].removeprefix(PREFIX), one.party.terminal, one.address, now)
        )


async def _noted(session: AsyncSession, occurrence_id: str, terminal_id: str, address: str, now: datetime) -> None:
    """Into the audit trail: a hall takes part in an important meeting without encryption."""
    meeting = (await planning.date_of(session, occurrence_id))[1]
    who = Actor(SYSTEM.kind, address=address)
    terminal = await session.get(Terminal, terminal_id)
    detail = {"terminal": terminal.code if terminal is not None else ""}
    await audit.record(session, now, who, "hall.unencrypted", "occurrence", occurrence_id, meeting.host_unit_id, detail)
