"""Incoming requests. The checks follow RFC 3261 section 8.2: ban, form, transaction, dialog, proof, method.

A sender without a proof gets no transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from signaling.sip.agent.authentication import Authentication
from signaling.sip.agent.calls import Calls
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.peers import Peers
from signaling.sip.agent.registrar import Account, Directory, Registrar, Trunk, Unacceptable
from signaling.sip.agent.subscriptions import Subscriptions
from signaling.sip.call.call import Call, CallEvents
from signaling.sip.call.states import State
from signaling.sip.dialog.core import EXTENSIONS, METHODS, Core
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.ground import limits
from signaling.sip.transaction.transaction import Full, ServerTransaction
from signaling.sip.transaction.transport import Hop, answer_hop, arrived, plain_address, same_host
from signaling.sip.wire import session_timer
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Request, answer

log = logging.getLogger(__name__)
TAKEN: Final = frozenset({"REGISTER", "INVITE", "SUBSCRIBE"})
"""Methods that begin a registration, a call or a subscription."""
Answer = tuple[int, list[tuple[str, str]]]
"""(status, fields)."""


class Requests:
    """The checks of incoming requests. `incoming` returns the user of a new call."""

    def __init__(
        self,
        core: Core,
        directory: Directory,
        registrar: Registrar,
        peers: Peers,
        calls: Calls,
        subscriptions: Subscriptions,
        authentication: Authentication,
        incoming: Callable[[Call], CallEvents],
    ) -> None:
        self._core = core
        self._directory = directory
        self._registrar = registrar
        self._peers = peers
        self._calls = calls
        self._subscriptions = subscriptions
        self._authentication = authentication
        self._incoming = incoming
        self.networks = Networks()

    def take(self, request: Request, hop: Hop) -> bool:
        """Check and answer one request. Return False if its connection should be closed. Raises Malformed."""
        arrived(request, hop)
        begins = request.fault is not None or (request.method not in {"ACK", "CANCEL"} and not request.to.tag)
        if begins and self._authentication.banned(hop.host) and not self._registrar.holds(hop):
            # A banned source may begin nothing, unless it registered from this very port before. Only requests of its calls are
            # read.
            return hop.host in self._peers
        if request.fault is not None:
            log.info("SIP from %s: %s", hop, request.fault.reason)
            return self._say(request, hop, request.fault.status)
        if self._core.transactions.known(request, hop) is not None and request.method != "ACK":
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
        """Answer a request without a proof. Return False if the source of the connection is banned now.

        A single unproven request is normal. Many within seconds are a scan.
        """
        known = self._authentication.knows(hop)
        if not known and self._authentication.challenges.pinged(hop, request, self._core.now):
            if not hop.reliable:
                return True  # a datagram proves no address, so it is dropped and no failure is counted
            if self._authentication.suspect(hop, "too many requests without authentication"):
                return False
        self._core.reply(request, hop, status, headers, most=0 if known or hop.reliable else request.size)
        return True

    # --- in a dialog

    def _acknowledge(self, request: Request, hop: Hop) -> None:
        call = self._calls.find(request)
        if call is not None and _belongs(call, request, hop):
            call.acknowledged(request)

    def _cancel(self, request: Request, hop: Hop) -> bool:
        served = self._core.transactions.cancelled(request, hop)
        if served is None:
            return self._say(request, hop, 481)
        made = answer(request, 200, tag=served.tag or self._core.token())
        self._core.transports.send(answer_hop(request, hop), made.write())
        if served.cancelled is not None:
            served.cancelled()
        return True

    def _inside(self, request: Request, hop: Hop) -> bool:
        call = self._calls.find(request)
        if call is None or call.dialog is None or not _belongs(call, request, hop):
            subscription = self._subscriptions.find(request, hop)
            if subscription is None:
                return self._say(request, hop, 481)
            if (served := self._serve(request, hop)) is not None:
                self._subscriptions.renew(subscription, request, served)
            return True
        if (served := self._serve(request, hop)) is not None:
            dialog, taken = call.dialog, served
            self._within(served, lambda: self._in_order(request, hop, taken, call, dialog))
        return True

    def _in_order(self, request: Request, hop: Hop, served: ServerTransaction, call: Call, dialog: Dialog) -> None:
        if not dialog.next_in_order(request):
            self._core.answer(served, 500, [("retry-after", "1")])
        elif refusal := _unsupported(request):
            self._core.answer(served, *refusal)
        elif request.method == "SUBSCRIBE":
            self._subscriptions.subscribe(request, hop, served, call.identity, call)
        elif request.method == "INVITE" and not self._is_readable(request):
            self._core.answer(served, 415, [("accept", ", ".join(self._core.config.bodies))])
        else:
            call.take(request, served)

    # --- outside of a dialog

    def _outside(self, request: Request, hop: Hop) -> bool:
        """Answer a request that is in no dialog. Return False if the connection should be closed."""
        if plain_address(hop.host) not in self.networks:
            # A peer of a call may begin nothing, and an unknown sender gets no answer at all.
            return not hop.reliable
        if request.headers.get("user-agent").lower().startswith(self._core.config.scanners):
            if hop.reliable:
                self._authentication.ban(hop.host, "scanner")
            return not hop.reliable
        trunk = self._directory.trunk(hop.host)
        if request.method == "OPTIONS":
            return self._say(request, hop, *self._capable(request))
        if self._calls.is_merged(request):
            return self._say(request, hop, 482)
        registers = request.method == "REGISTER"
        identity = self._authentication.prove(request, hop) if trunk is None or registers else trunk
        if identity is None:
            return not (hop.reliable and self._authentication.banned(hop.host))
        if (served := self._serve(request, hop)) is not None:
            taken = served
            self._within(served, lambda: self._proven(request, hop, taken, identity))
        return True

    def _within(self, served: ServerTransaction, act: Callable[[], None]) -> None:
        """Call `act`, and send a final answer if it raises. Without a final answer the transaction would never end."""
        try:
            act()
        except Malformed:
            self._core.answer(served, 400)
        except Exception:
            self._core.answer(served, 500)
            raise

    def _capable(self, request: Request) -> Answer:
        if not request.uri.is_sip:
            return 416, []
        accept = [("accept", ", ".join(self._core.config.bodies)), *self._core.capabilities()]
        return _unsupported(request) or (200, accept)

    def _proven(self, request: Request, hop: Hop, served: ServerTransaction, identity: Account | Trunk) -> None:
        if request.method not in TAKEN:
            known = request.method in METHODS
            self._core.answer(served, 481 if known else 405, [] if known else self._core.capabilities()[:1])
        elif not request.uri.is_sip:
            self._core.answer(served, 416)
        elif refusal := _unsupported(request):
            self._core.answer(served, *refusal)
        elif request.method == "REGISTER" and isinstance(identity, Account):
            self._register(request, hop, served, identity)
        elif request.method == "SUBSCRIBE":
            self._subscriptions.subscribe(request, hop, served, _name(identity), None)
        else:
            self._invite(request, hop, served, identity)

    # --- what a proven request begins

    def _register(self, request: Request, hop: Hop, served: ServerTransaction, account: Account) -> None:
        if request.to.uri.alias != request.from_.uri.alias:
            self._core.answer(served, 403)
            return
        try:
            fields = self._registrar.register(account, request, hop)
        except Unacceptable as no:
            self._core.answer(served, no.status, no.headers)
        except Malformed:
            self._core.answer(served, 400)
        else:
            self._core.answer(served, 200, [*fields, ("user-agent", self._core.config.name)])

    def _invite(self, request: Request, hop: Hop, served: ServerTransaction, identity: Account | Trunk) -> None:
        refusal = self._unfit(request, hop, identity)
        if refusal is not None:
            self._core.answer(served, *refusal)
            return
        self._core.transactions.answer(served, answer(request, 100))
        try:
            call = Call.of_theirs(self._core, self._calls, request, hop, served, _name(identity))
        except Malformed:
            self._core.answer(served, 400)
            return
        self._calls.add(call)
        self._calls.hear(call, [hop.host])
        try:
            call.reports.events = self._incoming(call)
            if call.state is State.CLOSED and call.cause is not None:
                call.reports.ended(call.cause)  # refused at once, before the call had a user to notify
        except Exception:
            log.exception("an incoming call could not be handled")
            self._core.defects += 1
            call.refuse(500)

    def _unfit(self, request: Request, hop: Hop, identity: Account | Trunk) -> Answer | None:
        """Return (status, fields) for an INVITE that cannot become a call, or None."""
        config = self._core.config
        if not self._calls.has_room or self._peers.count(hop.host) >= limits.DIALOGS_PER_SOURCE:
            return 503, [("retry-after", "30")]
        if not self._is_readable(request):
            return 415, [("accept", ", ".join(config.bodies))]
        accepts = request.options("accept")
        usable = {*config.bodies, "*/*", "application/*"}
        if accepts and not {kind.partition(";")[0].strip() for kind in accepts} & usable:
            return 406, []
        try:
            session_timer.as_server(request, config.session_expires_s)
        except session_timer.TooShort:
            return 422, [("min-se", str(limits.SESSION_LEAST_S))]
        contacts = request.contacts
        if len(contacts) != 1 or not contacts[0].uri.is_sip:
            return 400, []
        if isinstance(identity, Account) and not identity.behind_nat:
            # A terminal may not direct later requests to another address.
            there = same_host(plain_address(contacts[0].uri.host), hop.host)
            return None if there else (403, [])
        return None

    def _is_readable(self, request: Request) -> bool:
        return not request.body or request.content_type in self._core.config.bodies

    def _serve(self, request: Request, hop: Hop) -> ServerTransaction | None:
        """Begin a transaction. Without room, answer 503 and return None."""
        try:
            return self._core.transactions.serve(request, answer_hop(request, hop))
        except Full:
            self._core.reply(request, hop, 503, [("retry-after", "30")])
            return None


def _name(identity: Account | Trunk) -> str:
    return identity.alias if isinstance(identity, Account) else identity.name


def _unsupported(request: Request) -> Answer | None:
    """Return the answer to a request that requires an extension that we do not support, else None."""
    unknown = request.options("require") - EXTENSIONS
    return (420, [("unsupported", ", ".join(sorted(unknown)))]) if unknown else None


def _belongs(call: Call, request: Request, hop: Hop) -> bool:
    """Report whether a request belongs to the dialog of `call`, by both tags and the address.

    An eavesdropper cannot end a dialog from another address. A TLS dialog continues only over TLS, because its descriptions
    hold keys.
    """
    dialog = call.dialog
    if dialog is None or (dialog.hop.transport == "tls" and hop.transport != "tls"):
        return False
    return dialog.remote.tag == request.from_.tag and same_host(dialog.hop.host, hop.host)
