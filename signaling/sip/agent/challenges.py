"""Requests without a proof of a password: challenges that got no answer, and unproven requests in quick succession.

A terminal must send a request before the server can challenge it (401). So a few requests without a proof are no failure. Many
of them are a scan.
`bans` counts the scans of a source.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from signaling.sip.agent.bans import source
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.message import Request


@dataclass
class _Open:
    requests: OrderedDict[bytes, tuple[int, str]] = field(default_factory=OrderedDict)
    """The port and Call-ID of each open request, by a digest of its port, start line and header fields."""
    seen: float = 0.0


class Challenges:
    """The open requests. The caller asks only for sources inside the networks, so other sources take no memory."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, _Open] = OrderedDict()
        """The open requests. There are three kinds of key: `flow:` with address and port; the source (`bans.source`); and `ping:`
        with the address. `ping:` is for requests that the server answers without a proof.
        """

    def __len__(self) -> int:
        return len(self._open)

    def challenged(self, hop: Hop, request: Request, share: int) -> bool:
        """Count a challenge. Return True if too many challenges are unanswered. `share`: accounts that may exist behind this
        address.
        """
        free = min(max(limits.FREE_CHALLENGES, share), limits.SHARED_CHALLENGES_MOST)
        one = _is_too_many(self._of(_flow(hop)), hop, request, limits.FREE_CHALLENGES)
        all_ = _is_too_many(self._of(source(hop.host)), hop, request, free)
        return one or all_

    def pinged(self, hop: Hop, request: Request, now: float) -> bool:
        """Count a request of an unknown sender that gets an answer without a proof. Return True if too many follow each other
        within `PING_SPACING_S`.
        """
        found = self._of(f"ping:{hop.host}")
        if now - found.seen > limits.PING_SPACING_S:
            found.requests.clear()
        found.seen = now
        return _is_too_many(found, hop, request, limits.FREE_CHALLENGES)

    def proven(self, hop: Hop) -> None:
        """Forget the open requests of this address and port after a right password."""
        self._open.pop(_flow(hop), None)
        self._forget(source(hop.host), lambda port, _: port == hop.port)

    def answered(self, hop: Hop, call_id: str) -> None:
        """Forget a challenge with a wrong answer, because wrong answers are counted separately."""
        for key in (_flow(hop), source(hop.host)):
            self._forget(key, lambda port, known: (port, known) == (hop.port, call_id))

    def pardon(self, subject: str) -> None:
        """Forget all open requests of a source (`bans.source`)."""
        self._open.pop(subject, None)
        if subject.startswith("source:"):
            host = subject.removeprefix("source:")
            for key in [key for key in self._open if key.startswith((f"flow:{host}:", f"ping:{host}"))]:
                del self._open[key]

    def _forget(self, key: str, is_meant: Callable[[int, str], bool]) -> None:
        rows = self._open[key].requests if key in self._open else OrderedDict()
        for digest in [digest for digest, value in rows.items() if is_meant(*value)]:
            del rows[digest]

    def _of(self, key: str) -> _Open:
        found = self._open.pop(key, None) or _Open()
        self._open[key] = found
        if len(self._open) > limits.SOURCES_REMEMBERED * 2:
            self._open.popitem(last=False)
        return found


def _flow(hop: Hop) -> str:
    return f"flow:{hop.host}:{hop.port}"


def _is_too_many(found: _Open, hop: Hop, request: Request, free: int) -> bool:
    """Count a request. Return True if more than `free` requests are open.

    An identical repetition counts once. Every other request counts, so a scan cannot hide behind a constant Call-ID or branch.
    """
    rows = [str(hop.port), request.start_line(), *(value for _, value in request.headers.rows)]
    key = hashlib.blake2b("\n".join(rows).encode("utf-8", "surrogateescape"), digest_size=12).digest()
    if key in found.requests:
        return False
    found.requests[key] = hop.port, request.call_id
    if len(found.requests) <= free:
        return False
    found.requests.popitem(last=False)
    return True
