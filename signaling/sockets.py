"""Listening sockets of the HTTP side and the question whether a port is free.

Owns only their making: an IPv6 wildcard takes IPv6 alone, an address family that the machine lacks is left out, a taken port
is told in words that help.
"""

import errno
import itertools
import socket
from collections.abc import Sequence

from signaling import limits, tls
from signaling.config import Settings, SettingsError

BACKLOG = 2048
_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}


def usable(hosts: Sequence[str]) -> tuple[str, ...]:
    """Those of `hosts` that this machine has; all of them when it has none (the caller's bind then tells why)."""
    return tuple(host for host in hosts if _has(host)) or tuple(hosts)


def listen(settings: Settings) -> list[socket.socket]:
    """One TCP listener for each usable address, all on one port. Raises SettingsError when it is taken."""
    made: list[socket.socket] = []
    port = settings.http_port
    try:
        for host in usable(settings.host):
            made.append(_bound(socket.SOCK_STREAM, host, port))
            port = made[0].getsockname()[1]
    except OSError as error:
        for listener in made:
            listener.close()
        raise _taken("http_port", port, error) from error
    for listener in made:
        listener.listen(BACKLOG)
        listener.setblocking(False)
    return made


def check_media_ports(settings: Settings) -> None:
    """Raises SettingsError when the media ports cannot be had: the plane's own error would come from deep inside."""
    for host in usable(settings.media_addresses):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            try:
                _bound(kind, host, settings.media_port).close()
            except OSError as error:
                raise _taken("media_port", settings.media_port, error) from error


def own_addresses(settings: Settings) -> tuple[str, ...]:
    """Addresses of this machine, other than loopback, on which a server for this machine alone takes media as well: Firefox
    goes to loopback from nowhere else, and does not count it among its own. Empty where others may come in."""
    if not settings.loopback_only or settings.media_host or settings.announced:
        return ()
    outward = (str(one) for one in tls.local_addresses() if not one.is_loopback and not one.is_link_local)
    return tuple(
        host for host in itertools.islice(outward, limits.OWN_ADDRESSES) if _is_free(host, settings.media_port)
    )


def _is_free(host: str, port: int) -> bool:
    try:
        _bound(socket.SOCK_DGRAM, host, port).close()
    except OSError:
        return False
    return True


def _has(host: str) -> bool:
    try:
        _bound(socket.SOCK_DGRAM, host, 0).close()
    except OSError as error:
        return error.errno not in _ABSENT
    return True


def _bound(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def _taken(name: str, port: int, error: OSError) -> SettingsError:
    return SettingsError(
        f"Không mở được cổng {port} ({name}): {error.strerror}. Hãy chọn cổng khác: --{name.replace('_', '-')}.",
        f"Cannot open port {port} ({name}): {error.strerror}. Choose another: --{name.replace('_', '-')}.",
    )
