"""A request of ours until its final answer.

A request that uses TCP only because it is long is tried over UDP when TCP fails. A request that a trunk challenges is sent
again with a proof, at most `CREDENTIAL_TRIES` times. This module owns no dialog and no call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from signaling.sip.dialog.core import COOKIE, Core
from signaling.sip.dialog.digest import Prover
from signaling.sip.ground import limits
from signaling.sip.transaction.transaction import ClientTransaction, Do, Full, cancellation
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.message import Request, Response


def branch_of(beginning: str, cseq: int) -> str:
    """Return the branch of one of several requests, computed from their common `beginning`."""
    return f"{COOKIE}{beginning}{cseq}"


class Exchange:
    """A request with its retries. `make()` writes the request for each try, with the next CSeq and without Via.

    `answered` gets the provisional answers and the last final answer, and every 2xx of an INVITE. `failed` is called if there
    is no final answer.
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
        """`branch`: the beginning of the branches of all tries (`branch_of`)."""
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
        """Send CANCEL for an INVITE that has a provisional answer."""
        if self.transaction is None or self.done:
            return
        request = cancellation(self.transaction.request)
        try:
            self._core.transactions.request(request, self.transaction.hop, lambda _: None, lambda _: None)
        except Full:
            self._core.post(request, self.transaction.hop)

    def drop(self) -> None:
        """End the exchange: its answer is no longer needed."""
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
            # The caller is not ready for the end of the exchange yet, so the end is reported later.
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
            # RFC 3261 section 18.1.1: if TCP fails, the long request is sent over UDP.
            self._send(self._plain_hop)
            return
        self._finish(why)

    def _finish(self, why: Do) -> None:
        if not self.done:
            self.done = True
            self._failed(why)
