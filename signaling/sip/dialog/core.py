"""Services that every user of transactions needs: settings, time, random numbers, our addresses, stateless answers.

This module owns no dialog and no call.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from signaling.sip.dialog.dialog import contact_uri, sent_by
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timers
from signaling.sip.transaction.transaction import ServerTransaction, Timing, Transactions
from signaling.sip.transaction.transport import PORTS, Hop, Transports, answer_hop
from signaling.sip.wire.fields import Address, Uri
from signaling.sip.wire.message import Request, answer

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
"""The beginning of every branch, RFC 3261 section 8.1.1.7."""


@dataclass(frozen=True, slots=True)
class Config:
    realm: str
    key: bytes
    """The secret of this process. It signs nonces and the tags of answers without a transaction."""
    user: str = "diemcau"
    """The user part of our Contact."""
    name: str = "DiemCau"
    """The User-Agent, without a version."""
    session_expires_s: int = limits.SESSION_EXPIRES_S
    ring_s: float = limits.RING_S
    loopback: bool = False
    """True on a server for this machine alone: calls to this machine are allowed."""
    packages: tuple[str, ...] = ()
    """Event packages that SUBSCRIBE may ask for."""
    bodies: tuple[str, ...] = ("application/sdp",)
    """Content types that an INVITE may carry."""
    scanners: tuple[str, ...] = SCANNERS
    """Beginnings of the User-Agents of scanners, in lower case."""
    timing: Timing = field(default_factory=Timing)


class Core:
    """The settings, time and random numbers that all transactions share. `now` gives monotonic seconds."""

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
        """Exceptions from our own code. None is expected. Each is logged."""

    @contextmanager
    def no_escape(self) -> Iterator[None]:
        """Log and count an exception of our code or of the code above, and let the caller continue."""
        try:
            yield
        except Exception:
            log.exception("an error in the SIP engine")
            self.defects += 1

    @property
    def now(self) -> float:
        return self.timers.now()

    def token(self) -> str:
        """Return 64 random bits as a tag or branch."""
        return self.random_bytes(8).hex()

    def chance(self, below: int) -> int:
        return int.from_bytes(self.random_bytes(4), "big") % below

    def via(self, hop: Hop, branch: str = "") -> str:
        """Return a Via. It has a new branch unless `branch` gives one."""
        host, port = self.transports.local(hop)
        branch = branch or f"{COOKIE}{self.token()}"
        return f"SIP/2.0/{hop.transport.upper()} {sent_by(host, port)};branch={branch};rport"

    def contact(self, hop: Hop, scheme: str = "sip", *, focus: bool = False) -> str:
        """Return a Contact. `focus`: this end is a conference (RFC 4579)."""
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
        """Send a request without a transaction (for example the ACK of a 2xx), and return its bytes for a retransmission."""
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
        """Answer without a transaction. No state is kept, so the tag is the same each time.

        `most`: the limit in bytes, 0 for no limit. Optional fields are left out of a longer answer. If it is still too long,
        nothing is sent.
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

    def answer(self, served: ServerTransaction, status: int, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Answer in a transaction that began no dialog."""
        self.transactions.answer(served, answer(served.request, status, tag=self.token(), headers=headers))
