"""Our ends of plans, and the descriptions of real terminals (tests/fixtures/sip)."""

from __future__ import annotations

from pathlib import Path

from conference.ground.plan import KeyProfile, OwnBfcp, OwnEnd, OwnEnds

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "sip"


def read(name: str) -> bytes:
    """Return the description as it was on the wire."""
    return (FIXTURES / f"{name}.sdp").read_bytes().replace(b"\n", b"\r\n")


def keys(number: int) -> tuple[tuple[KeyProfile, bytes], ...]:
    return (
        ("AEAD_AES_128_GCM", bytes([number]) * 28),
        ("AES128_CM_SHA1_80", bytes([number + 1]) * 30),
        ("AES128_CM_SHA1_32", bytes([number + 2]) * 30),
    )


AUDIO = OwnEnd(20_000, 20_001, keys(10))
VIDEO = OwnEnd(20_002, 20_003, keys(20))
CONTENT = OwnEnd(20_004, 20_005, keys(30))
CAMERA = OwnEnd(20_006, 20_007, keys(40))
FLOOR = OwnBfcp(21_000, 21_000, conference_id=77, user_id=5)
OWN = OwnEnds("192.0.2.1", AUDIO, VIDEO, CONTENT, FLOOR, CAMERA, call_number=42)
OWN6 = OwnEnds("2001:db8::1", AUDIO, VIDEO, CONTENT, FLOOR, CAMERA, call_number=42)
