"""Certificates: a certificate authority of this server with a leaf that it renews automatically, or the operator's own files.

A browser gives camera and microphone to a page only in a secure context. So every address but loopback uses TLS from the first
start.

Name constraints (RFC 5280 section 4.2.1.10) limit the authority to private addresses, local names, and the names and addresses
of this server. A phone that trusts the authority trusts it for nothing else. Only the owner of the files can read the keys. The
caller gives the time and further names.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signaling.host import limits
from signaling.host.files import write_private

PRIVATE_NETWORKS = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)
LOCAL_NAMES = ("localhost", "local", "lan", "internal", "home.arpa")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Subject:
    """The names and addresses by which clients reach the server."""

    names: tuple[str, ...]
    addresses: tuple[Address, ...]

    @classmethod
    def of_this_machine(cls, further: Sequence[str] = ()) -> "Subject":
        """Return the subject of this machine. `further`: additional names or IP literals."""
        host = socket.gethostname().lower()
        names = ["localhost", *(n for n in (host, f"{host.split('.')[0]}.local") if _is_name(n))]
        addresses = local_addresses()
        for text in further:
            try:
                addresses.append(ipaddress.ip_address(text))
            except ValueError:
                if _is_name(text.lower()):
                    names.append(text.lower())
        return cls(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(addresses)))


@dataclass(frozen=True)
class Issued:
    """The files for the listener, and the fingerprint that people compare on their phones."""

    chain: Path
    key: Path
    authority: Path
    fingerprint: str
    """SHA-256 of the authority's certificate, as pairs of hexadecimal digits."""


def local_addresses() -> list[Address]:
    """Return loopback first, then every address of every network card. Scoped IPv6 loses its scope."""
    found: list[Address] = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            text = entry.ip if isinstance(entry.ip, str) else entry.ip[0]
            found.append(ipaddress.ip_address(text.split("%")[0]))
    return list(dict.fromkeys(found))


def issue(folder: Path, subject: Subject, now: datetime) -> Issued:
    """Make missing files, renew certificates that end soon or do not fit `subject`, and return the files.

    A new authority is made only if there is none, its key is lost, or it ends soon. Every phone must trust a new
    authority again.
    """
    authority = _authority(folder, subject, now)
    leaf_path, key_path = folder / "leaf.crt", folder / "leaf.key"
    if not _leaf_fits(leaf_path, key_path, authority[0], subject, now):
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(authority, key, subject, now)
        write_private(key_path, _pem_key(key))
        write_private(leaf_path, _pem(leaf) + _pem(authority[0]))
    return Issued(leaf_path, key_path, folder / "ca.crt", fingerprint(authority[0]))


def outside(folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names and IP literals for which the authority in `folder` may not sign.

    The authority was made before these names were configured, and is limited to the names of that time. Without an authority
    the result is empty.
    """
    path = folder / "ca.crt"
    if not path.exists():
        return ()
    wanted = Subject.of_this_machine(names)
    allowed = {str(one.value) for one in _allowed(_load(path), wanted)}
    known = {*wanted.names, *map(str, wanted.addresses)}
    return tuple(name for name in dict.fromkeys(map(str.lower, names)) if name in known - allowed)


def client_context(authority: Path) -> ssl.SSLContext:
    """Return a context for our connections to terminals.

    It trusts public authorities, and the local authority if there is one.
    """
    made = ssl.create_default_context()
    if authority.is_file():
        made.load_verify_locations(authority)
    return made


def context(chain: Path, key: Path) -> ssl.SSLContext:
    """Return a server context. Another `load_cert_chain` on it changes the certificate of later connections."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    made.set_alpn_protocols(["http/1.1"])
    made.load_cert_chain(chain, key)
    return made


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def expires_at(chain: Path) -> datetime:
    return _load(chain).not_valid_after_utc


def _authority(folder: Path, subject: Subject, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_path, key_path = folder / "ca.crt", folder / "ca.key"
    if certificate_path.exists() and key_path.exists():
        certificate = _load(certificate_path)
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        lives_on = certificate.not_valid_after_utc - now > timedelta(days=limits.RENEW_DAYS)
        if isinstance(key, ec.EllipticCurvePrivateKey) and lives_on and key.public_key() == certificate.public_key():
            return certificate, key
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _make_authority(key, subject, now)
    write_private(key_path, _pem_key(key))
    write_private(certificate_path, _pem(certificate))
    return certificate, key


def _make_authority(key: ec.EllipticCurvePrivateKey, subject: Subject, now: datetime) -> x509.Certificate:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Diem Cau"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Diem Cau {socket.gethostname()}"[:64]),
        ]
    )
    permitted: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_network(text)) for text in PRIVATE_NETWORKS]
    permitted += [x509.IPAddress(ipaddress.ip_network(a)) for a in subject.addresses if not _is_private(a)]
    permitted += [x509.DNSName(text) for text in dict.fromkeys((*LOCAL_NAMES, *subject.names))]
    builder = _started(name, name, key.public_key(), now, timedelta(days=limits.CA_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    builder = builder.add_extension(x509.NameConstraints(permitted, None), critical=True)
    return builder.sign(key, hashes.SHA256())


def _leaf(
    authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey],
    key: ec.EllipticCurvePrivateKey,
    subject: Subject,
    now: datetime,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject.names[0])])
    builder = _started(authority[0].subject, name, key.public_key(), now, timedelta(days=limits.LEAF_DAYS))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(authority=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(_allowed(authority[0], subject)), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority[1].public_key())
    return builder.add_extension(issuer, critical=False).sign(authority[1], hashes.SHA256())


def _started(
    issuer: x509.Name, name: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks of phones differ
        .not_valid_after(now - timedelta(hours=1) + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _allowed(authority: x509.Certificate, subject: Subject) -> list[x509.GeneralName]:
    """Return the part of `subject` for which the authority may sign. One other name would make the whole leaf invalid."""
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    networks = [name.value for name in permitted if isinstance(name, x509.IPAddress)]
    domains = [name.value for name in permitted if isinstance(name, x509.DNSName)]
    names = [n for n in subject.names if any(n == d or n.endswith(f".{d}") for d in domains)]
    addresses = [a for a in subject.addresses if any(_inside(a, network) for network in networks)]
    chosen: list[x509.GeneralName] = [x509.DNSName(n) for n in names]
    chosen += [x509.IPAddress(a) for a in addresses]
    return chosen[: limits.SUBJECT_NAMES]


def _inside(address: Address, network: object) -> bool:
    return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network


def _leaf_fits(path: Path, key: Path, authority: x509.Certificate, subject: Subject, now: datetime) -> bool:
    if not path.exists() or not key.exists():
        return False
    leaf = _load(path)
    if leaf.not_valid_after_utc - now <= timedelta(days=limits.RENEW_DAYS) or leaf.issuer != authority.subject:
        return False
    try:
        leaf.verify_directly_issued_by(authority)
    except Exception:  # cryptography raises InvalidSignature, ValueError or TypeError: each means another authority
        return False
    carried = set(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    return set(_allowed(authority, subject)) <= carried


def _is_private(address: Address) -> bool:
    return any(address in network for network in map(ipaddress.ip_network, PRIVATE_NETWORKS))


def _is_name(text: str) -> bool:
    return len(text) <= 253 and re.fullmatch(r"(?!-)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", text) is not None


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def utc(seconds: float) -> datetime:
    """Return the clock's time as a date for certificates."""
    return datetime.fromtimestamp(seconds, UTC)
