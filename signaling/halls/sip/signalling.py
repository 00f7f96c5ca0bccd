"""SIP for the calls of halls: the addresses of terminals, the offers to terminals, and the sides of incoming calls.

The module owns the session numbers. Implements `signaling.halls.calls.outgoing.Signalling`. A second protocol would be a
package beside this one, with its own implementation of `Signalling`, `Attempt` and `Side`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from conference.halls.causes import Cause
from conference.ports.halls import DialOrder, LineOptions
from rooms.dialling.legs import Standing
from signaling.halls.calls.leg import Leg, LegEvents, Party, language_of
from signaling.halls.calls.protection import Protection
from signaling.halls.ground import limits
from signaling.halls.sip import devices, probe
from signaling.halls.sip.accounts import Register
from signaling.halls.sip.side import Shared, SipSide
from signaling.host.dates import GUEST
from signaling.sip.agent.agent import Agent, Clock
from signaling.sip.agent.registrar import Binding
from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.call.causes import STATUSES
from signaling.sip.call.causes import Cause as SipCause
from signaling.sip.call.orphans import CallRecord
from signaling.sip.media.profiles import Profile
from signaling.sip.wire.fields import Malformed, read_uri
from signaling.sip.wire.message import Response


class SipSignalling:
    """SIP for the calls of halls. A process has one object of this class."""

    def __init__(
        self,
        agent: Agent,
        register: Register,
        protection: Protection,
        shared: Shared,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.agent = agent
        self.register = register
        self.protection = protection
        self.shared = shared
        self.clock = clock
        self._random_bytes = random_bytes
        self._numbers = itertools.count(int.from_bytes(random_bytes(4), "big"))

    def number(self) -> int:
        """Return the number of a new session (`o=` of a description); never 0."""
        return (next(self._numbers) & 0x3FFFFFFF) + 1

    # -- outgoing calls (outgoing.Signalling)

    def attempt(self, standing: Standing, *, strict: bool) -> SipAttempt | None:
        target = self.target(standing, strict)
        return SipAttempt(self, standing, strict, target) if target is not None else None

    def has_account(self, standing: Standing) -> bool:
        return bool(self.register.alias_of(standing.terminal.id))

    def code(self, cause: Cause) -> int:
        return STATUSES[cause]

    def target(self, standing: Standing, strict: bool) -> Target | None:
        """Return the address of a terminal: its registration, else its address in the register, else the address of its last
        call.

        `strict`: for an important meeting, so only inside closed networks.
        """
        binding = self._binding(standing)
        if binding is None and not standing.terminal.sip_uri:
            binding = self.shared.saved.seen(standing.leg.id)
        try:
            uri = binding.contact if binding is not None else read_uri(standing.terminal.sip_uri)
        except Malformed:
            return None
        return Target(
            uri,
            self.profile_of(standing).transports,
            encrypted=self.protection.safety.must_encrypt(strict),
            binding=binding,
            networks=self.register.directory.closed if strict else None,
        )

    def _binding(self, standing: Standing) -> Binding | None:
        alias = self.register.alias_of(standing.terminal.id)
        return self.agent.registrar.find(alias) if alias else None

    def profile_of(self, standing: Standing) -> Profile:
        """Return the profile by the terminal's User-Agent, or else by the maker and model in the register."""
        binding = self._binding(standing)
        told = binding.user_agent if binding is not None else ""
        return self.register.profiles.find(told, f"{standing.terminal.vendor} {standing.terminal.model}")

    # -- incoming calls

    def answer(self, call: Call, events: LegEvents, options: LineOptions) -> SipSide:
        """Return the side of an incoming call, with a new leg."""
        known = self.register.known(call.identity)
        who, suffix = (known.terminal_id, "") if known is not None else (GUEST, f".{self._random_bytes(5).hex()}")
        language = language_of(known.language) if known is not None else None
        party = Party(f"hall_terminal.{who}{suffix}", call.identity, who if known else "", language=language)
        found = self.register.profiles.find(call.user_agent)
        profile = devices.narrowed(found, self.register.device(known.terminal_id) if known is not None else None)
        made = list[SipSide]()

        def side(leg: Leg) -> SipSide:
            made.append(SipSide(leg, self.shared, profile, self.number(), call))
            return made[0]

        address = call.dialog.hop.host if call.dialog else ""
        Leg(events, options, party, side, began=self.clock.time(), address=address)
        return made[0]

    def has_too_many(self, call: Call) -> bool:
        """Report whether this terminal has made too many calls that still run."""
        theirs = sum(other.inbound and other.identity == call.identity for other in self.agent.calls)
        return theirs > limits.CALLS_OF_A_TERMINAL

    # -- the register

    def refresh(self) -> None:
        """Apply the register that was read again: terminals that are not in the register any more lose their registration."""
        self.agent.allow(self.register.directory.networks)
        for alias in self.agent.registrar.aliases():
            if self.register.account(alias) is None:
                self.agent.registrar.remove(alias)


class SipAttempt:
    """A try at one terminal. Implements `outgoing.Attempt`."""

    def __init__(self, sip: SipSignalling, standing: Standing, strict: bool, target: Target) -> None:
        self._sip, self._standing, self._strict, self._target = sip, standing, strict, target
        device = sip.register.device(standing.terminal.id)
        self._ladder = devices.ladder(sip.profile_of(standing), device, sip.protection.encryption(strict))
        self._rung = 0
        self._record: CallRecord | None = None
        self._side: SipSide | None = None

    @property
    def address(self) -> str:
        return probe.typed_address(self._target)

    @property
    def profile_count(self) -> int:
        return len(self._ladder)

    async def begin(self, order: DialOrder, is_wanted: Callable[[], bool]) -> bool:
        self._rung = min(order.rung, len(self._ladder) - 1)
        self._record = await self._sip.shared.saved.begin(order, self._target, is_wanted)
        return self._record is not None

    def side(self, leg: Leg) -> SipSide:
        self._side = SipSide(leg, self._sip.shared, self._ladder[self._rung], self._sip.number())
        return self._side

    def give_up(self) -> None:
        if self._record is not None:
            self._sip.shared.saved.over(self._record.call_id, self._record.local.tag)

    def dial(self, order: DialOrder) -> None:
        assert self._record is not None
        assert self._side is not None
        sip, record, side = self._sip, self._record, self._side
        target = sip.target(self._standing, self._strict) or self._target  # The terminal may have moved.
        side.call = sip.agent.dial(
            target,
            b"",
            side,
            call_id=order.call_id,
            offer_by=side.offer_by,
            tag=record.local.tag,
            branch=record.branch,
            keeps=sip.shared.saved.stands(order.leg_id),
        )
        sip.shared.traces.begin(order.call_id, order.leg_id)

    def ask(self, done: Callable[[str, str], None]) -> None:
        sip = self._sip
        asked = probe.for_probe(self._target, sip.register.directory.networks)
        if asked is None:
            done("amber", "outside_zones")
            return
        started, closed = sip.clock.monotonic(), self._target.networks is not None

        def answered(cause: SipCause | None, response: Response | None) -> None:
            done(*probe.answered(cause, response, sip.clock.monotonic() - started, closed=closed))

        sip.agent.probe(asked, answered)
