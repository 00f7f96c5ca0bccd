"""The local certificate authority and its leaf, checked by OpenSSL's own verifier over real connections."""

import asyncio
import ipaddress
import shutil
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from signaling.front import tls
from signaling.front.certificate import Certificate
from signaling.front.tls import Subject, issue
from signaling.host.sources import load

NOW = datetime.now(UTC)
SUBJECT = Subject(("localhost", "hoinghi.local"), (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")))


async def handshake(issued: tls.Issued, context: ssl.SSLContext, name: str) -> dict[str, object]:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=context)
    trust = ssl.create_default_context(cafile=str(issued.authority))
    try:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
        found = writer.get_extra_info("peercert")
        writer.close()
        return dict(found)
    finally:
        server.close()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "hoinghi.local"])
async def test_a_client_that_trusts_the_authority_connects(tmp_path: Path, name: str) -> None:
    issued = issue(tmp_path, SUBJECT, NOW)
    assert await handshake(issued, tls.context(issued.chain, issued.key), name)


async def test_a_client_that_does_not_is_refused(tmp_path: Path) -> None:
    issued = issue(tmp_path / "a", SUBJECT, NOW)
    other = issue(tmp_path / "b", SUBJECT, NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        await handshake(other, tls.context(issued.chain, issued.key), "127.0.0.1")


def test_keys_are_private_and_lives_are_bounded(tmp_path: Path) -> None:
    issued = issue(tmp_path, SUBJECT, NOW)
    for name in ("ca.key", "leaf.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert tls.expires_at(issued.chain) - NOW <= timedelta(days=397)
    assert len(issued.fingerprint.split(":")) == 32


def test_certificates_are_renewed_only_when_due(tmp_path: Path) -> None:
    first = issue(tmp_path, SUBJECT, NOW)
    leaf, authority = first.chain.read_bytes(), first.authority.read_bytes()
    issue(tmp_path, SUBJECT, NOW + timedelta(days=300))
    assert first.chain.read_bytes() == leaf
    issue(tmp_path, SUBJECT, NOW + timedelta(days=380))
    assert first.chain.read_bytes() != leaf
    assert first.authority.read_bytes() == authority
    issue(tmp_path, SUBJECT, NOW + timedelta(days=3640))
    assert first.authority.read_bytes() != authority


def test_a_new_address_renews_the_leaf_without_foreign_names(tmp_path: Path) -> None:
    issued = issue(tmp_path, SUBJECT, NOW)
    moved = Subject((*SUBJECT.names, "bank.example"), (*SUBJECT.addresses, ipaddress.ip_address("192.168.7.9")))
    issue(tmp_path, moved, NOW)
    leaf = x509.load_pem_x509_certificates(issued.chain.read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert ipaddress.ip_address("192.168.7.9") in names.get_values_for_type(x509.IPAddress)
    assert "bank.example" not in names.get_values_for_type(x509.DNSName)


async def test_renewal_reaches_new_connections_without_a_restart(tmp_path: Path) -> None:
    issued = issue(tmp_path, SUBJECT, NOW)
    context = tls.context(issued.chain, issued.key)
    before = await handshake(issued, context, "127.0.0.1")
    issue(tmp_path, SUBJECT, NOW + timedelta(days=380))
    issue(tmp_path, Subject((*SUBJECT.names, "b.local"), SUBJECT.addresses), NOW)
    context.load_cert_chain(issued.chain, issued.key)
    assert (await handshake(issued, context, "127.0.0.1"))["serialNumber"] != before["serialNumber"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_authority_cannot_vouch_for_other_names(tmp_path: Path) -> None:
    """Show that OpenSSL refuses a chain in which a stolen authority key signs for a bank."""
    issued = issue(tmp_path, SUBJECT, NOW)
    forged = tmp_path / "forged.crt"
    ca, key = tmp_path / "ca.crt", tmp_path / "ca.key"
    request = tmp_path / "forged.csr"
    extension = tmp_path / "forged.ext"
    extension.write_text("subjectAltName=DNS:bank.example\n")
    run = lambda *a: subprocess.run(["openssl", *map(str, a)], capture_output=True, text=True, check=False)  # noqa: E731
    run("req", "-new", "-key", issued.key, "-subj", "/CN=bank.example", "-out", request)
    run("x509", "-req", "-in", request, "-CA", ca, "-CAkey", key, "-days", 9, "-extfile", extension, "-out", forged)
    assert run("verify", "-CAfile", ca, issued.chain).returncode == 0
    refused = run("verify", "-CAfile", ca, forged)
    assert refused.returncode != 0
    assert "permitted subtree violation" in refused.stdout + refused.stderr


def test_subject_of_this_machine() -> None:
    subject = Subject.of_this_machine(["hop.example.vn", "192.0.2.7", "bad name"])
    assert "localhost" in subject.names
    assert "hop.example.vn" in subject.names
    assert "bad name" not in subject.names
    assert ipaddress.ip_address("192.0.2.7") in subject.addresses


def test_host_names_outside_the_authority_are_reported(tmp_path: Path) -> None:
    """Show that names added later are reported. The authority is limited to its first names, and is not replaced silently."""
    folder = tmp_path / "tls"
    assert tls.outside(folder, ["hop.example.vn"]) == ()
    settings = load("serve", overrides={"data_dir": str(tmp_path)}, environ={}).settings
    assert Certificate(settings).outside == ()
    given = {"data_dir": str(tmp_path), "public_url": "https://hop.example.vn", "announced": ("203.0.113.7",)}
    later = Certificate(load("serve", overrides=given, environ={}).settings)
    assert later.outside == ("hop.example.vn", "203.0.113.7")
    shutil.rmtree(folder)
    assert Certificate(load("serve", overrides=given, environ={}).settings).outside == ()


def test_changed_certificate_files_are_read_again(tmp_path: Path) -> None:
    issued = issue(tmp_path, SUBJECT, NOW)
    given = {"tls_cert": str(issued.chain), "tls_key": str(issued.key)}
    certificate = Certificate(load("serve", overrides=given, environ={}).settings)
    assert not certificate.refresh()
    issue(tmp_path, SUBJECT, NOW + timedelta(days=380))
    assert certificate.refresh()
    assert certificate.fingerprint is None


def test_the_local_authority_s_leaf_follows_the_machine(tmp_path: Path) -> None:
    settings = load("serve", overrides={"data_dir": str(tmp_path)}, environ={}).settings
    certificate = Certificate(settings)
    assert not certificate.refresh()
    assert certificate.fingerprint
    (tmp_path / "tls" / "leaf.crt").unlink()
    assert certificate.refresh()
