"""The user agent. It receives messages and makes calls.

The agent owns its parts: `requests` checks requests, `authentication` proves their senders. It decides nothing about
conferences. `AgentEvents` decides that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from signaling.sip.agent import targets
from signaling.sip.agent.authentication import Authentication
from signaling.sip.agent.bans import Ban, Bans, BanStore, MemoryBans
from signaling.sip.agent.calls import Calls
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.peers import Peers
from signaling.sip.agent.rates import Rates
from signaling.sip.agent.registrar import Binding, Directory, Registrar
from signaling.sip.agent.requests import Requests
from signaling.sip.agent.subscription import Subscription, SubscriptionEvents
from signaling.sip.agent.subscriptions import Subscriptions
from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call, CallEvents
from signaling.sip.call.causes import Cause, Kind
from signaling.sip.call.orphans import CallRecord, Orphans
from signaling.sip.call.outgoing import Invitation
from signaling.sip.call.states import State
from signaling.sip.dialog.core import Config, Core
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.dialog.digest import Credentials, Prover
from signaling.sip.transaction.transport import Hop, Transports, plain_address
from signaling.sip.wire.fields import Address, Malformed, Uri
from signaling.sip.wire.message import Response, parse

log = logging.getLogger(__name__)


class AgentEvents(Protocol):
    def incoming(self, call: Call) -> CallEvents:
        """Handle a call to `call.request.uri` from a proven account or trunk. Ring, accept or refuse the call now or later."""

    def subscribed(self, subscription: Subscription) -> SubscriptionEvents | None:
        """Return the user of a new subscription, or None to refuse it (403)."""

    def registered(self, alias: str, binding: Binding | None) -> None:
        """Handle the new binding of an alias. None: the alias is not reachable any more."""

    def banned(self, subject: str, until: float, reason: str) -> None:
        """Handle a new ban until `until`, in Unix seconds."""


class Clock(Protocol):
    def time(self) -> float: ...
    def monotonic(self) -> float: ...


class Agent:
    """The user agent. The driver calls `receive` and `advance`; users of the agent call the rest."""

    def __init__(
        self,
        config: Config,
        transports: Transports,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        events: AgentEvents,
        directory: Directory,
        bans: BanStore | None = None,
        note: Callable[[bytes, Hop], None] = lambda data, hop: None,
    ) -> None:
        """`note` gets each incoming message that passes the rate limit."""
        self.core = Core(config, transports, clock.monotonic, random_bytes)
        self._note = note

        def tell(ban: Ban) -> None:
            events.banned(ban.subject, ban.until, ban.reason)

        self.bans = Bans(bans or MemoryBans(), clock.time(), tell)
        self._rates = Rates()
        self.registrar = Registrar(self.core.timers, events.registered)
        self._peers = Peers(self.core)
        self._calls = Calls(self._peers)
        self._subscriptions = Subscriptions(self.core, self._peers, events.subscribed)
        self._authentication = Authentication(self.core, directory, self.registrar, self._peers, self.bans, clock.time)
        self._requests = Requests(
            self.core,
            directory,
            self.registrar,
            self._peers,
            self._calls,
            self._subscriptions,
            self._authentication,
            events.incoming,
        )
        self.orphans = Orphans(self.core)

    def allow(self, networks: Networks) -> None:
        """Set the networks of terminals and trunks. Messages from other networks are ignored."""
        self._requests.networks = networks

    def unban(self, subject: str) -> bool:
        """Lift a ban. `subject`: made by `bans.source` or `bans.lock`. Return whether there was a ban."""
        self._authentication.challenges.pardon(subject)
        return self.bans.unban(subject)

    @property
    def calls(self) -> list[Call]:
        return self._calls.all

    # --- calls that the server makes

    def dial(
        self,
        target: Target,
        offer: bytes,
        events: CallEvents,
        *,
        call_id: str,
        caller: Address | None = None,
        credentials: Credentials | None = None,
        headers: Sequence[tuple[str, str]] = (),
        offer_by: Callable[[Hop], bytes] | None = None,
        tag: str = "",
        branch: str = "",
        keeps: Callable[[Dialog, Callable[[], None]], None] | None = None,
    ) -> Call:
        """Dial. Every outcome is an event, also the case that no address can be dialled.

        An empty `offer` asks for their offer (late offer). `offer_by` replaces `offer`: it makes the offer for each hop,
        because only TLS may carry keys. `tag` and `branch` come from a stored record (see `record_of`). `keeps`: see
        `Invitation`.
        """
        caller = caller or Address(Uri("sip", self.core.config.user, self.core.config.realm))
        invitation = Invitation(
            call_id,
            caller.with_tag(tag or self.core.token()),
            Address(target.uri),
            offer,
            branch or self.core.token(),
            offer_by,
            tuple(headers),
            keeps,
        )
        prover = Prover(credentials, self.core.random_bytes) if credentials is not None else None
        call = Call.of_ours(self.core, self._calls, invitation, events, prover)
        if not self._calls.has_room:
            self.core.timers.after(0.0, lambda: call.fail(Cause(Kind.LOCAL, detail="no room")))
            return call
        self._calls.add(call)
        targets.find(self.core, target, lambda hops: self._start(call, target, hops))
        return call

    def record_of(self, target: Target, call_id: str) -> CallRecord:
        """Return the record of a call that is not made yet. If this server dies before the answer, another server needs the
        record to end the call.
        """
        local = Address(Uri("sip", self.core.config.user, self.core.config.realm)).with_tag(self.core.token())
        hop = target.binding.hop if target.binding is not None else None
        return CallRecord(call_id, local, Address(target.uri), target.uri, hop, branch=self.core.token())

    def end_orphan(self, record: CallRecord, target: Target | None, done: Callable[[bool], None]) -> None:
        """End a call of a server that died. `done`: see `orphans.Done`.

        `target`: the present address of its terminal, if it is known.
        """
        binding = target.binding if target is not None else None
        if binding is not None:
            self.orphans.end(record, [binding.hop], done)
        elif record.hop is not None:
            self.orphans.end(record, [record.hop], done)
        elif target is not None:
            targets.find(self.core, target, lambda hops: self.orphans.end(record, hops, done))
        else:
            self.core.timers.after(0.0, lambda: done(False))

    def probe(self, target: Target, done: Callable[[Cause | None, Response | None], None]) -> None:
        targets.probe(self.core, target, done)

    def _start(self, call: Call, target: Target, hops: Sequence[Hop]) -> None:
        if call.state is State.CLOSED:
            return
        if not hops:
            detail = targets.why_nowhere(target)
            self.core.timers.after(0.0, lambda: call.fail(Cause(Kind.FORBIDDEN_TARGET, detail=detail)))
            return
        self._calls.hear(call, {hop.host for hop in hops})
        call.start(hops)

    # --- what the driver calls

    def advance(self) -> None:
        self.core.timers.advance()

    @property
    def next_due(self) -> float | None:
        return self.core.timers.next_due

    def hears(self, host: str) -> bool:
        """Report whether a connection or datagram from this address is read. The check comes before anything is stored for the
        address.
        """
        host = plain_address(host)
        if host in self._peers:
            return True
        return host in self._requests.networks and (
            not self._authentication.banned(host) or host in self.registrar.hosts
        )

    def trusts(self, hop: Hop) -> bool:
        """Report whether a connection from this hop may be silent for long."""
        return self._authentication.knows(replace(hop, host=plain_address(hop.host)))

    def receive(self, data: bytes, hop: Hop) -> bool:
        """Take one message. Return False if its connection should be closed.

        No exception leaves this function. After an exception of our own code this message is lost, and its connection is
        closed.
        """
        host = plain_address(hop.host)
        hop = replace(hop, host=host)
        if not self.hears(host):
            return False
        if not self._rates.admits(host, len(data), self.core.now):
            return True
        self._note(data, hop)
        try:
            message = parse(data, stream=hop.reliable)
            if isinstance(message, Response):
                if not self.core.transactions.response(message, host):
                    self.orphans.stray(message, hop)
                return True
            return self._requests.take(message, hop)
        except Malformed as fault:
            log.info("SIP from %s: %s", hop, fault.reason)
            return not hop.reliable
        except Exception:
            log.exception("an error while reading SIP from %s", hop)
            self.core.defects += 1
            return False

    def unreachable(self, hop: Hop) -> None:
        """End what depends on a hop that is unreachable: a connection could not be opened, or has ended."""
        if hop.flow:
            self.registrar.disconnected(hop.flow)
        with self.core.no_escape():
            self.core.transactions.unreachable(replace(hop, host=plain_address(hop.host)))
        if hop.flow:
            self._calls.disconnected(hop.flow)

    def close(self) -> None:
        """Hang up all calls and end all subscriptions. The answers can still arrive until the driver is closed."""
        self._calls.close()
        self._subscriptions.close()

    @property
    def awaits_answers(self) -> bool:
        """True if a call has not ended, or a request of ours has no final answer."""
        return len(self._calls) > 0 or self.core.transactions.awaits_answers
