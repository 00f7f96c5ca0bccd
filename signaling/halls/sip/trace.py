"""The SIP messages of each hall's call, for finding out why two devices do not understand each other. Secrets are removed at
once.

The module keeps the last messages of the last calls in memory. It never keeps an SRTP key, a digest or a typed digit.
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
_KNOWN: Final = re.compile(
    rb"^(?:content-type|c)[ \t]*:\s*application/media_control\+xml", re.IGNORECASE | re.MULTILINE
)
_HIDDEN: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"(inline:)[^\s|]+", re.IGNORECASE), r"\1[khóa/key]"),
    # A header field continues in lines that begin with a blank (RFC 3261 section 7.3.1).
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
    """The messages of one Call-ID. `leg_id` empty: the leg is not known yet, or the terminal is not in the register."""

    leg_id: str = ""
    lines: deque[str] = field(default_factory=deque)

    @property
    def characters(self) -> int:
        return sum(map(len, self.lines))


class Traces:
    """The traces of this process. `now`: Unix seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._characters = 0

    def begin(self, call_id: str, leg_id: str) -> None:
        self.name(call_id, leg_id)

    def name(self, call_id: str, leg_id: str) -> None:
        """Note the leg of a call."""
        trace = self._traces.setdefault(call_id, Trace())
        trace.leg_id = leg_id or trace.leg_id
        while len(self._traces) > limits.TRACES or (
            self._characters > limits.TRACES_CHARACTERS and len(self._traces) > 1
        ):
            self._characters -= self._traces.popitem(last=False)[1].characters

    def note(self, arrow: str, hop: Hop, data: bytes) -> None:
        """Keep one message of a call whose INVITE is kept. Calls without a leg count too, because the leg may be known a moment
        later.
        """
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
        """Return the messages of all calls of a leg, the oldest first. Empty: no call is kept."""
        parts = [
            f"=== Call-ID {call_id}\n" + "\n\n".join(trace.lines)
            for call_id, trace in self._traces.items()
            if trace.leg_id == leg_id and trace.lines
        ]
        return "\n\n".join(parts)

    def transports(self, below: Transports) -> Transports:
        """Return transports that send through `below` and keep the messages."""
        return _Watched(self, below)

    def received(self, data: bytes, hop: Hop) -> None:
        self.note("←", hop, data)


def redacted(data: bytes) -> str:
    """Return a message as text, without secrets and cut to the kept length.

    The whole body of an INFO is removed unless it is known to hold no keys. Keys can be written in many ways, and some terminals
    send a key several times: the server reads one of them, and another one may have a type that the server does not know. A
    secret ballot is keys.
    """
    kept = data[: limits.TRACE_CHARACTERS]
    text = kept.decode("utf-8", "replace")
    head, blank, _ = text.partition("\r\n\r\n")
    if blank and (_DIGITS.search(kept) or (kept.startswith(b"INFO ") and not _KNOWN.search(kept))):
        text = f"{head}{blank}[phím/key]"
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


def _without_pin(user: str, at: str) -> str:
    """Remove the PIN from a number and PIN that were dialled together. Without an @ the text is not a user part, so it stays."""
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
