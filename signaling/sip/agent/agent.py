"""The user agent: who may ask for what, registrations, and the calls that come in and go out.

Owns the order of checks for a request (RFC 3261 section 8.2): source, ban, form, transaction, dialog, proof, method.
Nothing is allocated for whoever has not proven himself. Decides nothing about conferences: `AgentEvents` does.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from signaling.sip.agent.bans import BanStore, Guard, MemoryBans, Networks, lock, source
from signaling.sip.agent.registrar import Account, Binding, Directory, Registrar, Trunk, Unacceptable
from signaling.sip.agent.subscription import Subscription, SubscriptionEvents
from signaling.sip.call.call import Call, CallEvents
from signaling.sip.call.causes import Cause, Kind, of_response
from signaling.sip.call.orphans import Left, Leftovers
from signaling.sip.call.states import State
from signaling.sip.dialog.core import EXTENSIONS, METHODS, Config, Core, Exchange
from signaling.sip.dialog.dialog import Dialog, from_request
from signaling.sip.dialog.digest import Algorithm, Credentials, Prover, Verdict, Verifier, digest_of
from signaling.sip.transaction.transaction import Do, Full, ServerTransaction
from signaling.sip.transaction.transport import (
    PORTS,
    Hop,
    Transports,
    answer_hop,
    arrived,
    may_dial,
    orders,
    plain_address,
    same_host,
)
from signaling.sip.wire import limits, session_timer
from signaling.sip.wire.fields import Address, Malformed, Uri, readable
from signaling.sip.wire.message import Request, Response, answer, parse

log = logging.getLogger(__name__)
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("MD5", "SHA-256")
ORDER: Final = ("tls", "tcp", "udp")
TAKEN: Final = frozenset({"REGISTER", "INVITE", "SUBSCRIBE"})
"""Methods that begin something."""


class AgentEvents(Protocol):
    def incoming(self, call: Call) -> CallEvents:
        """Somebody who proved himself calls `call.request.uri`: ring, accept or refuse now or later."""

    def subscribed(self, subscription: Subscription) -> SubscriptionEvents | None:
        """None: not for this one (403)."""

    def registered(self, alias: str, binding: Binding | None) -> None:
        """Where an alias can be reached now; None: nowhere any more."""

    def banned(self, subject: str, until: float, reason: str) -> None:
        """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """What to dial. `binding`: a registered terminal, reached where its registration came from."""

    uri: Uri
    transports: Sequence[str] = ORDER
    encrypted: bool = False
    """Never but by TLS."""
    binding: Binding | None = None
    networks: Networks | None = None
    """Only addresses of these; None: of any that may be dialled."""


class Clock(Protocol):
    def time(self) -> float: ...
    def monotonic(self) -> float: ...


class Agent:
    """`receive` and `advance` are the driver's; the rest is for whoever uses it."""

    def __init__(
        self,
        config: Config,
        transports: Transports,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        events: AgentEvents,
        directory: Directory,
        bans: BanStore | None = None,
    ) -> None:
        self.core = Core(config, transports, clock.monotonic, random_bytes)
        self.events = events
        self.directory = directory
        self.guard = Guard(bans or MemoryBans(), clock.time())
        self.registrar = Registrar(self.core.timers, self._registered)
        self.verifier = Verifier(config.key, config.realm, random_bytes)
        self._nobody: dict[Algorithm, str] = {
            name: digest_of(name, "nobody", config.realm, config.key.hex()) for name in ALGORITHMS
        }
        self._clock = clock
        self._calls: dict[tuple[str, str], Call] = {}
        self._inbound: dict[tuple[str, str], Call] = {}
        """By Call-ID and their tag: the same INVITE by two ways is one call."""
        self._subscriptions: dict[tuple[str, str, str], Subscription] = {}
        self._peers: Counter[str] = Counter()
        """Addresses of calls that stand or are on their way: they may speak whatever the networks say."""
        self.leftovers = Leftovers(self.core)
        self._closing = False

    def allow(self, networks: Networks) -> None:
        """The networks that terminals and trunks come from; nobody else is heard."""
        self.guard.networks = networks

    # --- calls of ours

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
        """Calls; every outcome is an event, also that it cannot be dialled. `offer` empty: theirs is wanted (late
        offer). `offer_by`: makes the offer for the hop that is tried, in place of `offer`: keys go by TLS alone. `tag`,
        `branch`: as written down before (see `left_by`); `keeps`: of `Call`.
        """
        caller = caller or Address(Uri("sip", self.core.config.user, self.core.config.realm))
        call = Call(
            self.core,
            self,
            call_id=call_id,
            local=caller.with_tag(tag or self.core.token()),
            remote=Address(target.uri),
            inbound=False,
        )
        call.events = events
        call.branch, call.keeps = branch or call.branch, keeps
        call.identity = target.uri.alias
        call.renegotiation.local, call.offer_by = offer, offer_by
        if credentials is not None:
            call.prover = Prover(credentials, self.core.random_bytes)
            call.realm_host = target.uri.host
        if self._closing or len(self._calls) >= limits.DIALOGS:
            self.core.timers.after(0.0, lambda: call.fail(Cause(Kind.LOCAL, detail="no room")))
            return call
        self._calls[call.call_id, call.local.tag] = call
        self._find(target, lambda hops: self._start(call, target, hops, headers))
        return call

    def left_by(self, target: Target, call_id: str) -> Left:
        """What ends a call of ours that is about to be made, should this server die before it is answered."""
        local = Address(Uri("sip", self.core.config.user, self.core.config.realm)).with_tag(self.core.token())
        hop = target.binding.hop if target.binding is not None else None
        return Left(call_id, local, Address(target.uri), target.uri, hop, branch=self.core.token())

    def end_left(self, left: Left, target: Target | None, done: Callable[[bool], None]) -> None:
        """Ends a call of a server that died. `target`: where its terminal is now, if that is known. `done`: whether it was
        reached.
        """
        binding = target.binding if target is not None else None
        if binding is not None:
            self.leftovers.end(left, [binding.hop], done)
        elif left.hop is not None:
            self.leftovers.end(left, [left.hop], done)
        elif target is not None:
            self._find(target, lambda hops: self.leftovers.end(left, hops, done))
        else:
            self.core.timers.after(0.0, lambda: done(False))

    def probe(self, target: Target, done: Callable[[Cause | None, Response | None], None]) -> None:
        """OPTIONS: whether somebody answers there. Any answer but 408 and 503 is a sign of life (cause None)."""
        tag, call_id = self.core.token(), f"{self.core.token()}@{self.core.config.realm}"

        def send(hops: Sequence[Hop]) -> None:
            if not hops:
                done(Cause(Kind.FORBIDDEN_TARGET, detail=_why_nowhere(target)), None)
                return
            hop, rest = hops[0], hops[1:]

            def lost(why: Do) -> None:
                send(rest) if rest else done(Cause(Kind.UNREACHABLE, detail=why.name.lower()), None)

            def answered(response: Response) -> None:
                if response.is_final:
                    done(of_response(response) if response.status in {408, 503} else None, response)

            Exchange(self.core, lambda: self._options(target, hop, tag, call_id), hop, answered, lost).start()

        self._find(target, send)

    def _options(self, target: Target, hop: Hop, tag: str, call_id: str) -> Request:
        made = Request(method="OPTIONS", uri=target.uri)
        local = self.core.address(hop, self.core.config.user).with_tag(tag)
        rows = [
            ("max-forwards", "70"),
            ("from", str(local)),
            ("to", f"<{target.uri}>"),
            ("call-id", call_id),
            ("cseq", "1 OPTIONS"),
        ]
        rows += [("contact", self.core.contact(hop)), ("accept", "application/sdp"), *self.core.capabilities()]
        made.headers.rows.extend(rows)
        return made

    def _find(self, target: Target, found: Callable[[Sequence[Hop]], None]) -> None:
        """Hops in order of preference. Addresses are checked after the name was resolved, whoever named it."""
        if target.binding is not None:
            hop = target.binding.hop
            usable = hop.transport == "tls" or not target.encrypted
            found([hop] if usable and _is_inside(hop.host, target.networks) else [])
            return
        uri = target.uri
        names = orders(
            [uri.transport] if uri.transport else target.transports, target.encrypted or uri.scheme == "sips"
        )

        def resolved(hosts: Sequence[str]) -> None:
            places = [plain_address(host) for host in hosts[: limits.HOPS]]
            places = [host for host in places if may_dial(host, loopback=self.core.config.loopback)]
            places = [host for host in places if _is_inside(host, target.networks)]
            found([Hop(name, host, uri.port or PORTS[name], name=uri.host) for host in places for name in names])

        self.core.transports.resolve(uri.host, resolved) if uri.is_sip else found([])

    def _start(self, call: Call, target: Target, hops: Sequence[Hop], headers: Sequence[tuple[str, str]]) -> None:
        if call.state is State.CLOSED:
            return
        if not hops:
            detail = _why_nowhere(target)
            self.core.timers.after(0.0, lambda: call.fail(Cause(Kind.FORBIDDEN_TARGET, detail=detail)))
            return
        for host in {hop.host for hop in hops}:
            self._peers[host] += 1
        call.peers = {hop.host for hop in hops}
        call.start(hops, headers)

    # --- what the driver calls

    def advance(self) -> None:
        self.core.timers.advance()

    @property
    def next_due(self) -> float | None:
        return self.core.timers.next_due

    def hears(self, host: str) -> bool:
        """Whether a connection or datagram of this address is looked at. Asked before anything is kept of it."""
        host = plain_address(host)
        if not (self.guard.knows(host) or self._is_peer(host)):
            return False
        return not self._banned(host) or self._is_peer(host) or host in self.registrar.hosts

    def receive(self, data: bytes, hop: Hop) -> bool:
        """One message. False: its connection should be closed. Nothing escapes but our own defects, which end nothing
        else.
        """
        host = plain_address(hop.host)
        hop = replace(hop, host=host)
        if not self.hears(host):
            return False
        if not self.guard.admits(host, len(data), self.core.now):
            return True
        self.note(data, hop)
        try:
            message = parse(data, stream=hop.reliable)
            if isinstance(message, Response):
                if not self.core.transactions.response(message, host):
                    self.leftovers.stray(message, hop)
                return True
            return self._request(message, hop)
        except Malformed as fault:
            log.info("SIP from %s: %s", hop, fault.reason)
            return not hop.reliable
        except Exception:
            log.exception("a defect while reading SIP from %s", hop)
            self.core.defects += 1
            return False

    def note(self, data: bytes, hop: Hop) -> None:
        """A message that is looked at, for whoever keeps traces; what comes too fast is none."""

    def unreachable(self, hop: Hop) -> None:
        """Nothing reaches it now: a connection could not be opened, or has ended."""
        if hop.flow:
            self.registrar.disconnected(hop.flow)
        with self.core.no_escape():
            self.core.transactions.unreachable(replace(hop, host=plain_address(hop.host)))
        if hop.flow:
            for call in list(self._calls.values()):
                call.disconnected(hop.flow)

    def close(self) -> None:
        """Hangs up everything; answers are still wanted for a moment."""
        self._closing = True
        for call in list(self._calls.values()):
            call.hang_up()
        for one in list(self._subscriptions.values()):
            one.end("deactivated")

    @property
    def awaits_answers(self) -> bool:
        """A call has not ended, or a request of ours has no final answer."""
        return bool(self._calls) or self.core.transactions.awaits_answers

    @property
    def calls(self) -> list[Call]:
        return list(self._calls.values())

    def unban(self, subject: str) -> bool:
        """Lift a ban (`guard.source`, `guard.lock`)."""
        return self.guard.unban(subject)

    # --- requests, in the order of the checks

    def _request(self, request: Request, hop: Hop) -> bool:
        arrived(request, hop)
        begins = request.fault is not None or (request.method not in {"ACK", "CANCEL"} and not request.to.tag)
        if begins and self._banned(hop.host) and not self.registrar.holds(hop):
            # Of a banned source only calls that stand are heard, and whoever registered before from this very port.
            return self._is_peer(hop.host)
        if request.fault is not None:
            log.info("SIP from %s: %s", hop, request.fault.reason)
            return self._say(request, hop, request.fault.status)
        if self.core.transactions.known(request, hop) is not None and request.method != "ACK":
            return True
        if request.method == "ACK":
            self._acknowledge(request, hop)
        elif request.method == "CANCEL":
            return self._cancel(request, hop)
        elif request.to.tag:
            return self._inside(request, hop)
        else:
            return self._outside(request, hop)
        return True

    def _say(self, request: Request, hop: Hop, status: int, headers: Sequence[tuple[str, str]] = ()) -> bool:
        """Answer without a proof. One now and then is part of life; many within seconds are a scan. False: the source of
        the connection is banned now.
        """
        known = self._known(hop)
        if not known and self.guard.pinged(hop, request, self.core.now):
            if not hop.reliable:
                return True  # a datagram proves no address, so it is dropped and nobody is blamed
            if self._suspected(hop, "asks again and again"):
                return False
        self.core.reply(request, hop, status, headers, most=0 if known or hop.reliable else request.size)
        return True

    def _known(self, hop: Hop) -> bool:
        """Proven before in some way: a trunk, a living registration of this very port, a call."""
        return self._is_peer(hop.host) or self.registrar.holds(hop) or self.directory.trunk(hop.host) is not None

    def trusts(self, hop: Hop) -> bool:
        """Whether a connection of this place may be quiet for long."""
        return self._known(replace(hop, host=plain_address(hop.host)))

    def _acknowledge(self, request: Request, hop: Hop) -> None:
        call = self._calls.get((request.call_id, request.to.tag))
        if call is not None and self._belongs(call, request, hop):
            call.acknowledged(request)

    def _cancel(self, request: Request, hop: Hop) -> bool:
        served = self.core.transactions.cancelled(request, hop)
        if served is None:
            return self._say(request, hop, 481)
        self.core.transports.send(
            answer_hop(request, hop), answer(request, 200, tag=served.tag or self.core.token()).write()
        )
        if served.cancelled is not None:
            served.cancelled()
        return True

    def _inside(self, request: Request, hop: Hop) -> bool:
        call = self._calls.get((request.call_id, request.to.tag))
        if call is None or call.dialog is None or not self._belongs(call, request, hop):
            return self._renewed(request, hop) or self._say(request, hop, 481)
        served = self._serve(request, hop)
        if served is not None:
            dialog = call.dialog
            self._within(served, lambda: self._in_order(request, hop, served, call, dialog))
        return True

    def _in_order(self, request: Request, hop: Hop, served: ServerTransaction, call: Call, dialog: Dialog) -> None:
        unknown = request.options("require") - EXTENSIONS
        if not dialog.next_in_order(request):
            self._answer(served, 500, [("retry-after", "1")])
        elif unknown:
            self._answer(served, 420, [("unsupported", ", ".join(sorted(unknown)))])
        elif request.method == "SUBSCRIBE":
            self._subscribe(request, hop, served, call.identity, call)
        elif request.method == "INVITE" and not self._readable(request):
            self._answer(served, 415, [("accept", ", ".join(self.core.config.bodies))])
        else:
            call.take(request, served)

    @staticmethod
    def _belongs(call: Call, request: Request, hop: Hop) -> bool:
        """Tags of both sides and the address: whoever overheard a dialog cannot end it from elsewhere. A dialog of TLS is
        continued by TLS alone: its descriptions hold keys.
        """
        dialog = call.dialog
        if dialog is None or (dialog.hop.transport == "tls" and hop.transport != "tls"):
            return False
        return dialog.remote.tag == request.from_.tag and same_host(dialog.hop.host, hop.host)

    def _outside(self, request: Request, hop: Hop) -> bool:
        """False: the connection should be closed."""
        if not self.guard.knows(hop.host):
            # A peer of a call has nothing else to ask for, and a stranger gets no answer at all.
            return not hop.reliable
        agent = request.headers.get("user-agent").lower()
        if agent.startswith(self.core.config.scanners):
            if hop.reliable:
                self._ban(source(hop.host), "scanner")
            return not hop.reliable
        trunk = self.directory.trunk(hop.host)
        if request.method == "OPTIONS":
            return self._say(request, hop, *self._capable(request))
        if (request.call_id, request.from_.tag) in self._inbound:
            return self._say(request, hop, 482)
        identity = trunk if trunk is not None and request.method != "REGISTER" else self._prove(request, hop)
        if identity is None:
            return not (hop.reliable and self._banned(hop.host))
        served = self._serve(request, hop)
        if served is not None:
            self._within(served, lambda: self._proven(request, hop, served, identity))
        return True

    def _within(self, served: ServerTransaction, act: Callable[[], None]) -> None:
        """Whatever happens, a transaction that was begun gets its final answer: nothing else would ever end it."""
        try:
            act()
        except Malformed:
            self._answer(served, 400)
        except Exception:
            self._answer(served, 500)
            raise

    def _capable(self, request: Request) -> tuple[int, list[tuple[str, str]]]:
        unknown = request.options("require") - EXTENSIONS
        if not request.uri.is_sip:
            return 416, []
        if unknown:
            return 420, [("unsupported", ", ".join(sorted(unknown)))]
        return 200, [("accept", ", ".join(self.core.config.bodies)), *self.core.capabilities()]

    def _prove(self, request: Request, hop: Hop) -> Account | None:
        """By digest. An alias that does not exist, one of another network and one with a wrong password get the same
        answer in the same time.
        """
        alias = (request.to if request.method == "REGISTER" else request.from_).uri.alias
        account = self.directory.account(alias)
        if account is not None and hop.host not in account.networks:
            account = None
        now, subject = self._clock.time(), lock(alias, hop.host)
        decoy = self._decoy(alias)
        algorithm = account.algorithm if account else decoy
        secret = account.secret if account else self._nobody[algorithm]
        blocked = self.guard.banned(subject, now) and not self.registrar.holds(hop, alias)
        verdict = self.verifier.judge(request, secret, algorithm, alias, hop.host, now)
        if verdict is Verdict.RIGHT and account is not None and not blocked:
            self.guard.proven(hop, alias)
            return account
        if verdict is Verdict.NONE or (verdict is Verdict.STALE and account is not None and not blocked):
            self._challenge(request, hop, algorithm, stale=verdict is Verdict.STALE)
            return None
        status = 400 if verdict is Verdict.ELSEWHERE else 403
        self.core.reply(request, hop, status, most=0 if hop.reliable or self._known(hop) else request.size)
        self.guard.answered(hop, request.call_id)
        if verdict is not Verdict.WRONG:
            return None  # signed for another address, or right but the alias is locked from there
        if account is not None and self.guard.failed(subject, now, "wrong password"):
            self._tell_ban(subject)
        self._suspected(hop, "wrong alias or password")
        return None

    def _suspected(self, hop: Hop, reason: str) -> bool:
        """Count a failure of a source whose address is proven. True: the source is banned now."""
        banned = self.guard.failed(source(hop.host), self._clock.time(), reason)
        if banned:
            self._tell_ban(source(hop.host))
        return banned

    def _decoy(self, alias: str) -> Algorithm:
        """Which algorithm an alias would have that does not exist: the same one each time, or it would give itself
        away.
        """
        used = self.directory.algorithms()
        if len(used) < 2:
            return next(iter(used), "MD5")
        return "MD5" if int(digest_of("SHA-256", alias, self.core.config.key.hex())[:2], 16) < 128 else "SHA-256"

    def _challenge(self, request: Request, hop: Hop, algorithm: Algorithm, *, stale: bool) -> None:
        text = self.verifier.challenge(hop.host, algorithm, self._clock.time(), stale=stale)
        self.core.reply(request, hop, 401, [("www-authenticate", text)])
        if hop.reliable and not stale and self.guard.challenged(hop, request, self.directory.share(hop.host)):
            self._suspected(hop, "challenges left unanswered")

    def _proven(self, request: Request, hop: Hop, served: ServerTransaction, identity: Account | Trunk) -> None:
        unknown = request.options("require") - EXTENSIONS
        name = identity.alias if isinstance(identity, Account) else identity.name
        if request.method not in TAKEN:
            known = request.method in METHODS
            self._answer(served, 481 if known else 405, [] if known else self.core.capabilities()[:1])
        elif not request.uri.is_sip:
            self._answer(served, 416)
        elif unknown:
            self._answer(served, 420, [("unsupported", ", ".join(sorted(unknown)))])
        elif request.method == "REGISTER" and isinstance(identity, Account):
            self._register(request, hop, served, identity)
        elif request.method == "SUBSCRIBE":
            self._subscribe(request, hop, served, name, None)
        else:
            self._invite(request, hop, served, identity, name)

    # --- what a proven request begins

    def _register(self, request: Request, hop: Hop, served: ServerTransaction, account: Account) -> None:
        if request.to.uri.alias != request.from_.uri.alias:
            self._answer(served, 403)
            return
        try:
            fields = self.registrar.register(account, request, hop)
        except Unacceptable as no:
            self._answer(served, no.status, no.headers)
        except Malformed:
            self._answer(served, 400)
        else:
            self._answer(served, 200, [*fields, ("user-agent", self.core.config.name)])

    def _invite(
        self, request: Request, hop: Hop, served: ServerTransaction, identity: Account | Trunk, name: str
    ) -> None:
        refusal = self._unfit(request, hop, identity)
        if refusal is not None:
            self._answer(served, *refusal)
            return
        self.core.transactions.answer(served, answer(request, 100))
        local = Address(request.to.uri, request.to.display).with_tag(self.core.token())
        call = Call(self.core, self, call_id=request.call_id, local=local, remote=request.from_, inbound=True)
        call.identity = name
        call.peers = {hop.host}
        try:
            call.receive(request, hop, served)
        except Malformed:
            self._answer(served, 400)
            return
        self._calls[call.call_id, local.tag] = call
        self._inbound[call.call_id, request.from_.tag] = call
        self._peers[hop.host] += 1
        try:
            call.events = self.events.incoming(call)
            if call.state is State.CLOSED:
                call.told("ended", call.cause)  # refused at once, before there was anybody to tell
        except Exception:
            log.exception("a call could not be taken")
            self.core.defects += 1
            call.refuse(500)

    def _unfit(self, request: Request, hop: Hop, identity: Account | Trunk) -> tuple[int, list[tuple[str, str]]] | None:
        """(status, fields) of an INVITE that no call is made of."""
        if self._closing or len(self._calls) >= limits.DIALOGS or self._peers[hop.host] >= limits.DIALOGS_PER_SOURCE:
            return 503, [("retry-after", "30")]
        if not self._readable(request):
            return 415, [("accept", ", ".join(self.core.config.bodies))]
        accepts = request.options("accept")
        if accepts and not {kind.partition(";")[0].strip() for kind in accepts} & {
            *self.core.config.bodies,
            "*/*",
            "application/*",
        }:
            return 406, []
        try:
            session_timer.as_server(request, self.core.config.session_expires_s)
        except session_timer.TooShort:
            return 422, [("min-se", str(limits.SESSION_LEAST_S))]
        contacts = request.contacts
        if len(contacts) != 1 or not contacts[0].uri.is_sip:
            return 400, []
        if isinstance(identity, Account) and not identity.behind_nat:
            # S09: a terminal may not name somebody else as the one who is called back.
            there = same_host(plain_address(contacts[0].uri.host), hop.host)
            return None if there else (403, [])
        return None

    def _readable(self, request: Request) -> bool:
        return not request.body or request.content_type in self.core.config.bodies

    def _subscribe(self, request: Request, hop: Hop, served: ServerTransaction, name: str, call: Call | None) -> None:
        """In a dialog of its own, or in that of `call`."""
        event = request.headers.get("event")
        package = event.partition(";")[0].strip().lower()
        if package not in self.core.config.packages:
            self._answer(served, 489, [("allow-events", ", ".join(self.core.config.packages) or "none")])
            return
        if call is not None and (existing := self._subscriptions.get((call.call_id, call.local.tag, package))):
            self._extend(existing, request, served)
            return
        mine = sum(one.host == hop.host for one in self._subscriptions.values())
        if len(self._subscriptions) >= limits.SUBSCRIPTIONS or mine >= limits.SUBSCRIPTIONS_PER_SOURCE:
            self._answer(served, 503, [("retry-after", "60")])
            return
        try:
            dialog = call.dialog if call and call.dialog else from_request(request, self.core.token(), hop)
        except Malformed:
            self._answer(served, 400)
            return
        made = Subscription(
            self.core, dialog, package, readable(event)[:256], name, request.uri.alias, self._unsubscribed
        )
        made.events = self._above(lambda: self.events.subscribed(made))
        if made.events is None:
            self._answer(served, 403)
            return
        self._subscriptions[dialog.call_id, dialog.local.tag, package] = made
        if call is None:
            self._peers[hop.host] += 1
            made.counted = True
        self._extend(made, request, served)

    def _above(self, ask: Callable[[], SubscriptionEvents | None]) -> SubscriptionEvents | None:
        try:
            return ask()
        except Exception:
            log.exception("a subscription could not be taken")
            self.core.defects += 1
            return None

    def _renewed(self, request: Request, hop: Hop) -> bool:
        """A SUBSCRIBE in a dialog that is a subscription alone."""
        package = request.headers.get("event").partition(";")[0].strip().lower()
        found = self._subscriptions.get((request.call_id, request.to.tag, package))
        if found is None or request.method != "SUBSCRIBE" or not same_host(found.host, hop.host):
            return False
        if found.dialog.remote.tag != request.from_.tag:
            return False
        served = self._serve(request, hop)
        if served is not None:
            if not found.dialog.next_in_order(request):
                self._answer(served, 500, [("retry-after", "1")])
            else:
                self._extend(found, request, served)
        return True

    def _extend(self, one: Subscription, request: Request, served: ServerTransaction) -> None:
        asked = request.seconds("expires")
        seconds = limits.SUBSCRIPTION_S if asked is None else min(asked, limits.SUBSCRIPTION_S)
        headers = [("expires", str(seconds)), ("contact", self.core.contact(served.hop))]
        self.core.transactions.answer(served, answer(request, 200, tag=one.dialog.local.tag, headers=headers))
        if seconds == 0:
            one.end("timeout")
            return
        one.extend(seconds)
        if one.events is not None:
            one.events.refreshed(one)

    def _unsubscribed(self, one: Subscription) -> None:
        self._subscriptions.pop((one.dialog.call_id, one.dialog.local.tag, one.package), None)
        if one.counted:
            self._forget_peer(one.host)

    # --- small things

    def closed(self, call: Call) -> None:
        """Of `Owner`."""
        self._calls.pop((call.call_id, call.local.tag), None)
        if call.request is not None:
            self._inbound.pop((call.call_id, call.request.from_.tag), None)
        # Its last answers and repeated messages still come for a while.
        for host in call.peers:
            self.core.timers.after(self.core.config.timing.whole, partial(self._forget_peer, host))
        call.peers = set()

    def _forget_peer(self, host: str) -> None:
        self._peers[host] -= 1
        if self._peers[host] <= 0:
            del self._peers[host]

    def _is_peer(self, host: str) -> bool:
        return host in self._peers or host in self.core.transactions.per_source

    def _banned(self, host: str) -> bool:
        return self.guard.banned(source(host), self._clock.time())

    def _serve(self, request: Request, hop: Hop) -> ServerTransaction | None:
        """None: there is no room, and that was said."""
        try:
            return self.core.transactions.serve(request, answer_hop(request, hop))
        except Full:
            self.core.reply(request, hop, 503, [("retry-after", "30")])
            return None

    def _answer(self, served: ServerTransaction, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        made = answer(served.request, status, tag=self.core.token(), headers=headers)
        self.core.transactions.answer(served, made)

    def _ban(self, subject: str, reason: str) -> None:
        self.guard.ban(subject, self._clock.time(), reason)
        self._tell_ban(subject)

    def _tell_ban(self, subject: str) -> None:
        ban = self.guard.find(subject)
        if ban is not None:
            log.warning("%s is banned: %s", ascii(subject), ban.reason)
            self.events.banned(subject, ban.until, ban.reason)

    def _registered(self, alias: str, binding: Binding | None) -> None:
        self.events.registered(alias, binding)


def _why_nowhere(target: Target) -> str:
    """`needs_encryption`: it registered without TLS; `network_open`: no address of it lies where it has to; else its host."""
    if target.binding is not None and target.encrypted and target.binding.hop.transport != "tls":
        return "needs_encryption"
    return "network_open" if target.networks is not None else str(target.uri.host)


def _is_inside(host: str, networks: Networks | None) -> bool:
    return networks is None or plain_address(host) in networks
