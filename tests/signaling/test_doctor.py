"""Each check finds what is wrong and names a fix."""

import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from signaling import doctor
from signaling.config import Settings, load
from signaling.doctor import CHECKS, Finding, Verdict, examine

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def settings(folder: Path, **changes: object) -> Settings:
    fixed = {"http_port": 0, "media_port": 0, "data_dir": str(folder)}
    return load("dev", overrides=fixed | changes, environ={}).settings


def findings(folder: Path, now: datetime = NOW, **changes: object) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(settings(folder, **changes), now)}


def test_every_check_says_something_and_every_fault_has_a_fix_or_a_reason(tmp_path: Path) -> None:
    seen = findings(tmp_path)
    assert len(seen) == len(CHECKS)
    for finding in seen.values():
        assert finding.seen
        assert finding.verdict is Verdict.GOOD or finding.fix
    assert seen["udp"].verdict is Verdict.GOOD
    assert seen["http_port"].verdict is Verdict.GOOD


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_taken_media_port(tmp_path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        seen = findings(tmp_path, media_port=taken.getsockname()[1])
    assert seen["media_port"].verdict is Verdict.BAD


def test_a_secret_that_others_can_read(tmp_path: Path) -> None:
    (tmp_path / "devkey.secret").write_text("x" * 64)
    (tmp_path / "devkey.secret").chmod(0o644)
    found = findings(tmp_path)["data_dir"]
    assert found.verdict is Verdict.BAD
    assert found.fix.startswith("chmod 600")


def test_a_clock_of_the_last_century(tmp_path: Path) -> None:
    found = findings(tmp_path, now=datetime(1970, 1, 1, tzinfo=UTC))["clock"]
    assert found.verdict is Verdict.BAD
    assert "ntp" in found.fix


def test_a_certificate_that_has_ended(tmp_path: Path) -> None:
    from signaling import tls

    issued = tls.issue(tmp_path, tls.Subject(("localhost",), ()), datetime(2024, 1, 1, tzinfo=UTC))
    given: dict[str, Any] = {"tls_cert": str(issued.chain), "tls_key": str(issued.key)}
    assert findings(tmp_path, **given)["tls"].verdict is Verdict.BAD
    assert findings(tmp_path, now=datetime(2024, 6, 1, tzinfo=UTC), **given)["tls"].verdict is Verdict.GOOD
    os.chmod(issued.key, 0o644)
    assert "chmod" in findings(tmp_path, now=datetime(2024, 6, 1, tzinfo=UTC), **given)["tls"].fix


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("OpenSSL 4.0.2 25 Aug 2026", Verdict.BAD),
        ("OpenSSL 4.0.3 29 Sep 2026", Verdict.WARNING),
        ("OpenSSL 4.0.4 18 Nov 2026", Verdict.GOOD),
        ("OpenSSL 3.6.4 25 Aug 2026", Verdict.BAD),
        ("OpenSSL 3.5.8 25 Aug 2026", Verdict.BAD),
        ("OpenSSL 3.5.9 29 Sep 2026", Verdict.WARNING),
        ("OpenSSL 3.5.10 18 Nov 2026", Verdict.GOOD),
        ("OpenSSL 3.3.2 3 Sep 2024", Verdict.BAD),
        ("OpenSSL 3.0.19 27 Jan 2026", Verdict.BAD),
        ("OpenSSL 3.0.23 29 Sep 2026", Verdict.WARNING),
        ("OpenSSL 4.1.0-beta1 1 Oct 2026", Verdict.WARNING),
        ("OpenSSL 4.1.1 18 Nov 2026", Verdict.GOOD),
        ("OpenSSL 4.1.0-beta1 18 Aug 2026", Verdict.WARNING),
        ("LibreSSL 4.1.0", Verdict.WARNING),
        ("AWS-LC FIPS 3.0", Verdict.WARNING),
        ("BoringSSL", Verdict.WARNING),
    ],
)
def test_openssl_floors(text: str, verdict: Verdict) -> None:
    assert doctor.judge_openssl(text).verdict is verdict
