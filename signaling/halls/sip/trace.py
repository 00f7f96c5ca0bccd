"""What was said in each hall's call, to be looked at when two devices do not understand each other: redacted from the start.

Keeps the last messages of the last calls in memory. No SRTP key, no digest and no digit that a person typed is ever kept.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from signaling.halls.ground import limits
from signaling.sip.transaction.transport import Hop, Transports

_CALL_ID: Final = re.compile(rb"^(?:call-id|i)[ \t]*:[ \t]*(\S{1,255})", re.IGNORECASE | re.MULTILINE)
_DIGITS: Final = re.compile(rb"^(?:content-type|c)[ \t]*:\s*application/dtmf", re.IGNORECASE | re.MULTILINE)
_HIDDEN: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"(inline:)[^\s|]+", re.IGNORECASE), r"\1[khóa/key]"),
    # A field goes on in lines that begin with a blank (RFC 3261 section 7.3.1).
    (
        re.compile(r"^((?:proxy-)?authorization[ \t]*:).*(?:\n[ \t].*)*", re.IGNORECASE | re.MULTILINE),
        r"\1 [đã che/redacted]",
    ),
    (re.compile(r"((?:^|\r)[ \t]*signal[ \t]*=).*", re.IGNORECASE | re.MULTILINE), r"\1 [phím/key]"),
    (
        re.compile(r"(sips?:)([^\s@<>]++)(?=(@?))", re.IGNORECASE),
        lambda found: found[1] + _without_pin(found[2], found[3]),
    ),
)
_SIGN: Final = re.compile(r"\*|#|%2a|%23", re.IGNORECASE)


@dataclass
class Trace:
    """Of one Call-ID. `leg_id` empty: of nobody in the register."""

    leg_id: str = ""
    lines: deque[str] = field(default_factory=deque)

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines))


class Traces:
    """Of this process. `now`: Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._characters = 0

    def begin(self, call_id: str, leg_id: str) -> None:
        self.name(call_id, leg_id)

    def name(self, call_id: str, leg_id: str) -> None:
        """Whose call it is."""
        trace = self._traces.setdefault(call_id, Trace())
        trace.leg_id = leg_id or trace.leg_id
        while len(self._traces) > limits.TRACES or (
            self._characters > limits.TRACES_CHARACTERS and len(self._traces) > 1
        ):
            self._characters -= self._traces.popitem(last=False)[1].characters

    def note(self, arrow: str, hop: Hop, data: bytes) -> None:
        """One message. Those of calls that nobody named yet are kept too: they may be named in a moment."""
        found = _CALL_ID.search(data[: limits.TRACE_CHARACTERS])
        if found is None:
            return
        call_id = found[1].decode("utf-8", "replace")
        if not data.startswith((b"INVITE", b"SIP/2.0")) and call_id not in self._traces:
            return
        if call_id not in self._traces and not data.startswith(b"INVITE"):
            return
        self.name(call_id, "")
        self.add(call_id, f"{arrow} {hop}\n{redacted(data)}")

    def add(self, call_id: str, text: str) -> None:
        trace = self._traces.get(call_id)
        if trace is not None:
            at = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds")
            trace.lines.append(f"{at} {text[: limits.TRACE_CHARACTERS]}")
            self._characters += len(trace.lines[-1])
            if len(trace.lines) > limits.TRACE_MESSAGES:
                self._characters -= len(trace.lines.popleft())

    def of(self, leg_id: str) -> str:
        """All calls of a leg, the oldest first; empty: none is remembered."""
        parts = [
            f"=== Call-ID {call_id}\n" + "\n\n".join(trace.lines)
            for call_id, trace in self._traces.items()
            if trace.leg_id == leg_id and trace.lines
        ]
        return "\n\n".join(parts)

    def transports(self, below: Transports) -> Transports:
        """Sends through `below` and remembers."""
        return _Watched(self, below)

    def received(self, data: bytes, hop: Hop) -> None:
        self.note("←", hop, data)


def redacted(data: bytes) -> str:
    """As text, and no more of it than is kept. Of keys pressed by INFO there is no body: it can be written in many ways."""
    text = data[: limits.TRACE_CHARACTERS].decode("utf-8", "replace")
    head, blank, _ = text.partition("\r\n\r\n")
    if blank and _DIGITS.search(data[: limits.TRACE_CHARACTERS]):
        text = f"{head}{blank}[phím/key]"
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


def _without_pin(user: str, at: str) -> str:
    """Number and PIN dialled at once: without whatever stands behind the sign between them. Without an @ it is no user."""
    sign = _SIGN.search(user, 1) if at else None
    return f"{user[: sign.end()]}[PIN]" if sign is not None and sign.end() < len(user) else user


class _Watched:
    def __init__(self, traces: Traces, below: Transports) -> None:
        self._traces, self._below = traces, below

    def send(self, hop: Hop, data: bytes) -> None:
        self._traces.note("→", hop, data)
        self._below.send(hop, data)

    def local(self, hop: Hop) -> tuple[str, int]:
        return self._below.local(hop)

    def resolve(self, name: str, done: Callable[[Sequence[str]], None]) -> None:
        self._below.resolve(name, done)
