"""The settings that terminals and this server must agree on: sockets, addresses, the form of passwords."""

from __future__ import annotations

import hashlib
import ipaddress
import socket
from collections.abc import Sequence

from conference.ports.halls import LineOptions
from signaling.front import sockets, tls
from signaling.host.settings import Settings, SettingsError
from signaling.sip.dialog.digest import ha1
from signaling.sip.driver import Listen, bound


def listens(settings: Settings, encrypted: bool) -> list[Listen]:
    """Return the sockets to listen on. `encrypted`: there is a certificate for TLS."""
    ports = {"udp": settings.sip_udp_port, "tcp": settings.sip_tcp_port, "tls": settings.sip_tls_port}
    hosts = (settings.sip_host,) if settings.sip_host else sockets.usable(settings.host)
    wanted = [name for name, port in ports.items() if port >= 0 and (name != "tls" or encrypted)]
    return [Listen(name, host, ports[name]) for host in hosts for name in wanted]


def place(settings: Settings, wanted: Sequence[Listen]) -> str:
    """Return a key of twelve characters for this machine, its data folder and its SIP ports.

    Only one process at a time can have this key. The key is empty if the server has no SIP port.
    """
    if not wanted:
        return ""
    words = [socket.gethostname(), str(settings.data_dir.resolve())]
    words += [f"{one.transport}:{one.host}:{one.port}" for one in wanted]
    return hashlib.sha256("|".join(words).encode()).hexdigest()[:12]


def check(settings: Settings) -> None:
    """Raise SettingsError when a SIP port cannot be opened. Without this check the error appears only after everything else has
    started.
    """
    for one in listens(settings, encrypted=True) if settings.halls else ():
        kind = socket.SOCK_DGRAM if one.transport == "udp" else socket.SOCK_STREAM
        try:
            bound(kind, one.host, one.port).close()
        except OSError as error:
            name = f"sip_{one.transport}_port"
            raise SettingsError(
                f"Không mở được cổng {one.port} ({name}): {error.strerror}. Hãy chọn cổng khác: "
                f"DIEMCAU_{name.upper()}, -1: không dùng.",
                f"Cannot open port {one.port} ({name}): {error.strerror}. Choose another: DIEMCAU_{name.upper()}, -1: none.",
            ) from error


def announced(settings: Settings) -> str:
    """Return the address that the server announces to halls in place of a wildcard address. Empty: the address that the sockets
    are bound to.
    """
    if settings.hall_announced:
        return settings.hall_announced
    address = ipaddress.ip_address(settings.hall_address)
    if not address.is_unspecified:
        return ""
    told = [ipaddress.ip_address(one) for one in settings.announced] or list(tls.local_addresses())
    fitting = [one for one in told if one.version == address.version]
    outward = [one for one in fitting if not one.is_loopback]
    return str((outward or fitting or [address])[0])


def options(settings: Settings) -> LineOptions:
    return LineOptions(
        settings.hall_address, settings.hall_port_range, announced(settings), float(settings.hall_silent_s)
    )


def names(settings: Settings) -> Sequence[str]:
    """Return the SIP addresses for the settings of terminals."""
    shown = announced(settings) or settings.sip_address
    return list(dict.fromkeys(f"{one.transport}:{shown}:{one.port}" for one in listens(settings, True)))


def secret(algorithm: str, alias: str, realm: str, password: str) -> str:
    """Return the hash that the database keeps instead of a terminal's password (RFC 8760)."""
    return ha1("SHA-256" if algorithm == "SHA-256" else "MD5", alias, realm, password)
