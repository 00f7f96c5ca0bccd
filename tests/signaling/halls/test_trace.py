"""The stored messages of a call: no secret, and no more than the limits."""

from __future__ import annotations

import pytest

from signaling.halls.ground import limits
from signaling.halls.sip.trace import Traces, redacted
from signaling.sip.transaction.transport import Hop

HOP = Hop("udp", "10.0.0.1", 5060)


SECRETS = (
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz|2^20|1:4",
    'Authorization: Digest username="hall-a", response="6629fae49393a05397450978507c4ef1", nonce="84a4cc6f"',
    'Proxy-Authorization: Digest username="hall-a", response="6629fae49393a05397450978507c4ef1"',
    "INVITE sip:123456789*654321@10.0.0.9 SIP/2.0",
    "INVITE sip:123456789%2A654321@10.0.0.9 SIP/2.0",
    "Signal=7",
    "Content-Type: application/dtmf-relay\r\n\r\n Signal=7",
    "Content-Type: application/dtmf-relay\r\n\r\nDuration=100\rSignal=7\r",
    "c:\r\n application/dtmf\r\n\r\n7",
    'Authorization: Digest username="hall-a",\r\n response="6629fae49393a05397450978507c4ef1",\r\n\tnc=7',
    "INVITE SIP:123456789*654321@10.0.0.9 SIP/2.0",
    "INVITE sip:%3123456789*654321@10.0.0.9 SIP/2.0",
    "INVITE sip:123456789*654321:7@10.0.0.9 SIP/2.0",
    "INVITE sip:123456789*654321;x=y@10.0.0.9 SIP/2.0",
    f"INVITE sip:123456789*654321;x={'y' * 300}@10.0.0.9 SIP/2.0",
    f"INVITE sip:{'1' * 300}*654321@10.0.0.9 SIP/2.0",
)


@pytest.mark.parametrize("line", SECRETS)
def test_no_secret_is_kept(line: str) -> None:
    kept = redacted(f"SIP/2.0 200 OK\r\nContact: <sip:x@y>\r\n{line}\r\nMax-Forwards: 70\r\n".encode())
    for secret in ("WVNfX19zZW1jdGwg", "6629fae4", "654321", "=7", "\n7"):
        assert secret not in kept
    assert "Contact: <sip:x@y>" in kept
    assert "\r\n\r\n" in line or "Max-Forwards: 70" in kept


INFO = "INFO sip:1@h SIP/2.0\r\nCall-ID: one\r\nContent-Type: {}\r\n\r\n{}"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/vnd.nortelnetworks.digits", "p=Digit-Collection\r\ny=Digits\r\nd=*12"),
        ("text/plain", "*12"),
        ("application/dtmf-relay;charset=utf-8", "Signal=*12"),
        ("APPLICATION/DTMF", "*12"),
    ],
)
def test_no_key_of_any_type_is_kept(content_type: str, body: str) -> None:
    kept = redacted(INFO.format(content_type, body).encode())
    assert "*12" not in kept
    assert kept.endswith("[phím/key]")


def test_other_orders_in_info_are_kept() -> None:
    body = "<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>"
    assert body in redacted(INFO.format("application/media_control+xml", body).encode())


def invite(call_id: str, more: str = "") -> bytes:
    return f"INVITE sip:1@h SIP/2.0\r\nCall-ID: {call_id}\r\n{more}\r\n".encode()


def test_a_trace_belongs_to_its_leg_and_is_bounded() -> None:
    traces = Traces(lambda: 0.0)
    traces.note("←", HOP, invite("one"))
    traces.name("one", "leg-1")
    traces.note("→", HOP, b"SIP/2.0 200 OK\r\nCall-ID: one\r\n\r\n")
    traces.note("→", HOP, b"SIP/2.0 200 OK\r\nCall-ID: never-heard-of\r\n\r\n")
    traces.note("←", HOP, invite("two"))
    text = traces.of("leg-1")
    assert text.count("SIP/2.0") == 2
    assert "← udp:10.0.0.1:5060" in text
    assert traces.of("leg-2") == ""
    for _ in range(limits.TRACE_MESSAGES + 1):
        traces.note("←", HOP, invite("one", "x" * 2 * limits.TRACE_CHARACTERS))
    assert traces.of("leg-1").count("INVITE") == limits.TRACE_MESSAGES
    assert len(traces.of("leg-1")) < limits.TRACE_MESSAGES * (limits.TRACE_CHARACTERS + 100)
    for number in range(limits.TRACES + 1):
        traces.note("←", HOP, invite(f"call-{number}"))
    assert traces.of("leg-1") == ""


def test_all_traces_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRACES_CHARACTERS", 10_000)
    traces = Traces(lambda: 0.0)
    for number in range(20):
        traces.note("←", HOP, invite(f"call-{number}", "x" * 2000))
        traces.name(f"call-{number}", f"leg-{number}")
    kept = [number for number in range(20) if traces.of(f"leg-{number}")]
    assert kept[-1] == 19
    assert 3 <= len(kept) <= 6
