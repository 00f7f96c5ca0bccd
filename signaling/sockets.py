"""Listening sockets of the HTTP side and the question whether a port is free.

Owns only their making: an IPv6 wildcard takes IPv6 alone, an address family that the machine lacks is left out, taken ports
are told in words that help, all at once.
"""

import errno
import itertools
import socket
from collections.abc import Mapping, Sequence

from signaling import limits, tls
from signaling.config import Settings, SettingsError

BACKLOG = 2048
_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
_PAGES = (socket.SOCK_STREAM,)
_MEDIA = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
_STEP = 10
"""From a taken port to the one that is proposed."""


class PortsRefused(SettingsError):
    """`errors` by the names of the settings whose ports cannot be had."""

    def __init__(self, settings: Settings, errors: Mapping[str, OSError]) -> None:
        ports = {name: getattr(settings, name) for name in errors}
        why = ", ".join(dict.fromkeys(str(error.strerror) for error in errors.values()))
        options = ", ".join(f"--{name.replace('_', '-')}" for name in errors)
        super().__init__(
            f"Không mở được {', '.join(f'cổng {port} ({name})' for name, port in ports.items())}: {why}. "
            f"Hãy chọn cổng khác: {options}.",
            f"Cannot open {', '.join(f'port {port} ({name})' for name, port in ports.items())}: {why}. "
            f"Choose another: {options}.",
        )
        self.in_use = any(error.errno == errno.EADDRINUSE for error in errors.values())


def usable(hosts: Sequence[str]) -> tuple[str, ...]:
    """Those of `hosts` that this machine has; all of them when it has none (the caller's bind then tells why)."""
    return tuple(host for host in hosts if _has(host)) or tuple(hosts)


def listen(settings: Settings) -> list[socket.socket]:
    """One TCP listener for each usable address, all on one port. Raises PortsRefused when it is taken."""
    made: list[socket.socket] = []
    port = settings.http_port
    try:
        for host in usable(settings.host):
            made.append(_bound(socket.SOCK_STREAM, host, port))
            port = made[0].getsockname()[1]
    except OSError as error:
        for listener in made:
            listener.close()
        raise PortsRefused(settings, {"http_port": error}) from error
    for listener in made:
        listener.listen(BACKLOG)
        listener.setblocking(False)
    return made


def check(settings: Settings) -> None:
    """Raises PortsRefused, naming all that cannot be had: the plane's own error would come from deep inside."""
    pages = _refused(_PAGES, settings.host, settings.http_port)
    media = _refused(_MEDIA, settings.media_addresses, settings.media_port)
    errors = {name: error for name, error in (("http_port", pages), ("media_port", media)) if error is not None}
    if errors:
        raise PortsRefused(settings, errors)


def check_media_ports(settings: Settings) -> None:
    """Raises PortsRefused."""
    error = _refused(_MEDIA, settings.media_addresses, settings.media_port)
    if error is not None:
        raise PortsRefused(settings, {"media_port": error})


def is_taken(settings: Settings, port: int) -> bool:
    """Pages cannot be served there."""
    return _refused(_PAGES, settings.host, port) is not None


def propose(settings: Settings) -> tuple[int, int]:
    """(http_port, media_port) that can be had: those of `settings`, else free ones near them; 0 where there is none."""
    pages = _nearest(_PAGES, settings.host, settings.http_port, but=0)
    return pages, _nearest(_MEDIA, settings.media_addresses, settings.media_port, but=pages)


def own_addresses(settings: Settings) -> tuple[str, ...]:
    """Addresses of this machine, other than loopback, on which a server for this machine alone takes media as well: Firefox
    goes to loopback from nowhere else, and does not count it among its own. Empty where others may come in."""
    if not settings.loopback_only or settings.media_host or settings.announced:
        return ()
    outward = (str(one) for one in tls.local_addresses() if not one.is_loopback and not one.is_link_local)
    return tuple(
        host for host in itertools.islice(outward, limits.OWN_ADDRESSES) if _is_free(host, settings.media_port)
    )


def _nearest(kinds: Sequence[socket.SocketKind], hosts: Sequence[str], port: int, *, but: int) -> int:
    ports = (one for one in range(port, 65536, _STEP) if one != but or not one)
    return next((one for one in ports if _refused(kinds, hosts, one) is None), 0)


def _refused(kinds: Sequence[socket.SocketKind], hosts: Sequence[str], port: int) -> OSError | None:
    for host, kind in itertools.product(usable(hosts), kinds):
        try:
            _bound(kind, host, port).close()
        except OSError as error:
            return error
    return None


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
