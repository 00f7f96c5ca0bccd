"""What every user of transactions needs: settings, time, chance, our own addresses, and requests with their retries.

Owns no dialog and no call. An `Exchange` is one request of ours until its final answer: by another transport where
only the length asked for TCP, and once more with a proof where a trunk asks for one.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from signaling.sip.dialog.dialog import contact_uri, sent_by
from signaling.sip.dialog.digest import Prover
from signaling.sip.transaction.timers import Timers
from signaling.sip.transaction.transaction import ClientTransaction, Do, Full, Timing, Transactions, cancellation
from signaling.sip.transaction.transport import PORTS, Hop, Transports, answer_hop
from signaling.sip.wire import limits
from signaling.sip.wire.fields import Address, Uri
from signaling.sip.wire.message import Request, Response, answer

log = logging.getLogger(__name__)
METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REGISTER", "SUBSCRIBE", "NOTIFY")
EXTENSIONS = frozenset({"timer", "100rel"})
SCANNERS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sundayddr",
    "sipcli",
    "vaxsipuseragent",
    "sip-scan",
    "pplsip",
)


COOKIE = "z9hG4bK"
"""How every branch begins, RFC 3261 section 8.1.1.7."""


def branch_of(beginning: str, cseq: int) -> str:
    """Of one of several requests whose branches can be told again by who knows how they begin."""
    return f"{COOKIE}{beginning}{cseq}"


@dataclass(frozen=True, slots=True)
class Config:
    realm: str
    key: bytes
    """Secret of this process: nonces and tags of answers without a transaction."""
    user: str = "diemcau"
    """User part of our Contact."""
    name: str = "DiemCau"
    """User-Agent: no version."""
    session_expires_s: int = limits.SESSION_EXPIRES_S
    ring_s: float = limits.RING_S
    loopback: bool = False
    """Tests may call this machine."""
    packages: tuple[str, ...] = ()
    """Event packages that SUBSCRIBE may ask for."""
    bodies: tuple[str, ...] = ("application/sdp",)
    """Types that an INVITE may carry."""
    scanners: tuple[str, ...] = SCANNERS
    """Beginnings of User-Agents that only scan, in lower case."""
    timing: Timing = field(default_factory=Timing)


class Core:
    """`clock` in monotonic seconds."""

    def __init__(
        self, config: Config, transports: Transports, now: Callable[[], float], random_bytes: Callable[[int], bytes]
    ) -> None:
        self.config = config
        self.transports = transports
        self.random_bytes = random_bytes
        self.timers = Timers(now)
        self.timers.no_escape = self.no_escape
        self.transactions = Transactions(self.timers, transports.send, config.timing)
        self.defects = 0
        """Exceptions that were ours; none is expected, each was logged."""

    @contextmanager
    def no_escape(self) -> Iterator[None]:
        """A defect of ours or above ends what it happened in and is counted."""
        try:
            yield
        except Exception:
            log.exception("a defect in SIP")
            self.defects += 1

    @property
    def now(self) -> float:
        return self.timers.now()

    def token(self) -> str:
        """64 random bits: a tag, a branch."""
        return self.random_bytes(8).hex()

    def chance(self, below: int) -> int:
        return int.from_bytes(self.random_bytes(4), "big") % below

    def via(self, hop: Hop, branch: str = "") -> str:
        """`branch`: instead of a new one."""
        host, port = self.transports.local(hop)
        branch = branch or f"{COOKIE}{self.token()}"
        return f"SIP/2.0/{hop.transport.upper()} {sent_by(host, port)};branch={branch};rport"

    def contact(self, hop: Hop, scheme: str = "sip", *, focus: bool = False) -> str:
        """`focus`: RFC 4579, this end is a conference."""
        host, port = self.transports.local(hop)
        uri = contact_uri(scheme, self.config.user, host, 0 if port == PORTS[hop.transport] else port, hop.transport)
        return f"<{uri}>{';isfocus' if focus else ''}"

    def address(self, hop: Hop, user: str, display: str = "") -> Address:
        host, _ = self.transports.local(hop)
        return Address(Uri("sip", user, host), display)

    def capabilities(self) -> list[tuple[str, str]]:
        return [
            ("allow", ", ".join(METHODS)),
            ("supported", ", ".join(sorted(EXTENSIONS))),
            ("user-agent", self.config.name),
        ]

    def post(self, request: Request, hop: Hop) -> bytes:
        """Sends without a transaction (ACK of a 2xx); what was sent, to be sent again."""
        if "via" not in request.headers:
            request.headers.rows.insert(0, ("via", self.via(hop)))
        data = request.write()
        self.transports.send(hop, data)
        return data

    def _stateless_tag(self, text: str) -> str:
        return hmac.new(self.config.key, text.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:16]

    def reply(
        self, request: Request, hop: Hop, status: int, headers: Sequence[tuple[str, str]] = (), *, most: int = 0
    ) -> None:
        """Without a transaction, and so without memory: the tag is the same each time. `most`: bytes that it may have;
        what the answer could do without is left out, and all of it if that is not enough.
        """
        if request.method == "ACK":
            return
        rows = [*request.headers.all("via"), request.call_id]
        tag = self._stateless_tag("|".join(rows))
        made = answer(request, status, tag=tag, headers=headers)
        data = made.write()
        if most and len(data) > most:
            data = answer(request, status, tag=tag).write(compact=True)
            if len(data) > most:
                return
        self.transports.send(answer_hop(request, hop), data)


class Exchange:
    """`make()` writes the request anew for each try (with the next CSeq), without Via. `answered` gets provisional
    answers and the last final one, for an INVITE each 2xx; `failed` the end without one.
    """

    def __init__(
        self,
        core: Core,
        make: Callable[[], Request],
        hop: Hop,
        answered: Callable[[Response], None],
        failed: Callable[[Do], None],
        *,
        prover: Prover | None = None,
        realm_host: str = "",
        branch: str = "",
    ) -> None:
        """`branch`: how the branches of its tries begin (`branch_of`)."""
        self._core = core
        self._make = make
        self._answered = answered
        self._failed = failed
        self._prover = prover
        self._realm_host = realm_host
        self._branch = branch
        self._tries = 0
        self._proof: tuple[str, str] | None = None
        self.hop = hop
        self.request = Request()
        self.transaction: ClientTransaction | None = None
        self._plain_hop: Hop | None = None
        self.done = False

    def start(self) -> Exchange:
        self._send(self.hop)
        return self

    def cancel(self) -> None:
        """CANCEL of an INVITE that has a provisional answer."""
        if self.transaction is None or self.done:
            return
        request = cancellation(self.transaction.request)
        try:
            self._core.transactions.request(request, self.transaction.hop, lambda _: None, lambda _: None)
        except Full:
            self._core.post(request, self.transaction.hop)

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self.done = True
        if self.transaction is not None:
            self._core.transactions.drop(self.transaction)

    def _send(self, hop: Hop) -> None:
        request = self._make()
        if self._proof is not None:
            request.headers.add(*self._proof)
        branch = branch_of(self._branch, request.cseq[0]) if self._branch else ""
        request.headers.rows.insert(0, ("via", self._core.via(hop, branch)))
        if hop.transport == "udp" and self._plain_hop is None and len(request.write()) > limits.UDP_REQUEST_BYTES:
            self._plain_hop, hop = hop, replace(hop, transport="tcp")
            request.headers.set("via", self._core.via(hop, branch))
        self.hop, self.request = hop, request
        try:
            self.transaction = self._core.transactions.request(request, hop, self._take, self._lost)
        except Full:
            # Told later: whoever started this is not ready to hear of its end yet.
            self._core.timers.after(0.0, lambda: self._finish(Do.LOST))

    def _take(self, response: Response) -> None:
        if self.done and response.status >= 300:
            return
        if response.status in {401, 407} and self._again(response):
            return
        if response.is_final:
            self.done = True
        self._answered(response)

    def _again(self, response: Response) -> bool:
        if self._prover is None or self._tries >= limits.CREDENTIAL_TRIES:
            return False
        proof = self._prover.answer(response, self.request, self._realm_host or self.hop.host)
        stale = any(
            "stale=true" in text.lower() for _, text in response.headers.rows if text.lower().startswith("digest")
        )
        if proof is None or (self._proof is not None and not stale):
            return False
        self._tries += 1
        self._proof = proof
        self._send(self.hop)
        return True

    def _lost(self, why: Do) -> None:
        if why is Do.LOST and self._plain_hop is not None and self.hop != self._plain_hop:
            # RFC 3261 section 18.1.1: without TCP the long request goes by UDP after all.
            self._send(self._plain_hop)
            return
        self._finish(why)

    def _finish(self, why: Do) -> None:
        if not self.done:
            self.done = True
            self._failed(why)
