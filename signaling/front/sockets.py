"""Listening sockets of the HTTP side, and the check whether a port is free.

This module only makes sockets. An IPv6 wildcard takes only IPv6. An address family that the machine lacks is left out. One
error names all taken ports in helpful words. The sockets listen before the server is imported, so this file imports little.
"""

import errno
import ipaddress
import itertools
import os
import socket
from collections.abc import Mapping, MutableMapping, Sequence

from signaling.host import limits
from signaling.host.settings import Settings, SettingsError

BACKLOG = 2048
_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT}
_PAGES = (socket.SOCK_STREAM,)
_MEDIA = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
_STEP = 10
"""When a port is taken, the error message proposes a free one to the operator. Ports at this distance are tried one after
another. Chosen. Larger: the proposed port is far from the usual port. Smaller: it may lie among the ports of the program that
took the first.
"""
_FIRST_DESCRIPTOR = 3
"""The first file descriptor of the listening sockets that a supervisor (systemd) opened for the server. Source:
SD_LISTEN_FDS_START of sd_listen_fds(3). Larger: the first socket is not used. Smaller: the standard error output is taken for a
socket.
"""


class PortsRefused(SettingsError):
    """The ports of some settings cannot be opened. `errors` are by the names of these settings."""

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
    """Return the `hosts` that this machine has. If it has none, return all; then the caller's bind reports the error."""
    return tuple(host for host in hosts if _has(host)) or tuple(hosts)


def claim(settings: Settings, environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the listeners of a server that starts: the supervisor's, else new ones. All ports are checked first.

    Raises PortsRefused, or SettingsError if the supervisor's sockets do not fit the settings.
    """
    handed = _handed_over(settings, environ)
    if handed:
        check_media_ports(settings)
        return handed
    check(settings)
    return listen(settings)


def listen(settings: Settings) -> list[socket.socket]:
    """Return one TCP listener for each usable address, all on one port. Raises PortsRefused if the port is taken.

    At port 0 the system chooses a port at the first address. If that port is taken at another address, the system chooses
    again.
    """
    tries = 1 if settings.http_port else limits.FREE_PORT_TRIES
    while True:
        tries -= 1
        try:
            made = _listeners(settings)
            break
        except OSError as error:
            if not tries or error.errno != errno.EADDRINUSE:
                raise PortsRefused(settings, {"http_port": error}) from error
    for listener in made:
        listener.listen(BACKLOG)
        listener.setblocking(False)
    return made


def _listeners(settings: Settings) -> list[socket.socket]:
    made: list[socket.socket] = []
    port = settings.http_port
    try:
        for host in usable(settings.host):
            made.append(_bound(socket.SOCK_STREAM, host, port))
            port = made[0].getsockname()[1]
    except OSError:
        for listener in made:
            listener.close()
        raise
    return made


def check(settings: Settings) -> None:
    """Raise PortsRefused with all ports that cannot be opened. The packet plane's own error would be hard to understand."""
    pages = _refused(_PAGES, settings.host, settings.http_port)
    media = _refused(_MEDIA, settings.media_addresses, settings.media_port)
    errors = {name: error for name, error in (("http_port", pages), ("media_port", media)) if error is not None}
    if errors:
        raise PortsRefused(settings, errors)


def check_media_ports(settings: Settings) -> None:
    """Raise PortsRefused if the media port cannot be opened."""
    error = _refused(_MEDIA, settings.media_addresses, settings.media_port)
    if error is not None:
        raise PortsRefused(settings, {"media_port": error})


def is_taken(settings: Settings, port: int) -> bool:
    """Report whether pages cannot be served on this port."""
    return _refused(_PAGES, settings.host, port) is not None


def propose(settings: Settings) -> tuple[int, int]:
    """Return (http_port, media_port) that are free: the ports of `settings`, else free ports near them; 0 if there is none."""
    pages = _nearest(_PAGES, settings.host, settings.http_port, but=0)
    return pages, _nearest(_MEDIA, settings.media_addresses, settings.media_port, but=pages)


def own_addresses(settings: Settings) -> tuple[str, ...]:
    """Return the addresses of this machine that also take media in a server for this machine alone. They are neither loopback
    nor link-local.

    Firefox sends to loopback only from loopback, and does not offer its own loopback address. The result is empty if other
    machines may connect, or if `media_host` or `announced` is set.
    """
    if not settings.loopback_only or settings.media_host or settings.announced:
        return ()
    from signaling.front import tls  # a slow import

    outward = (str(one) for one in tls.local_addresses() if not one.is_loopback and not one.is_link_local)
    return tuple(
        host for host in itertools.islice(outward, limits.OWN_ADDRESSES) if _is_free(host, settings.media_port)
    )


def _handed_over(settings: Settings, environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Return sockets that a supervisor opened for this process (socket activation, sd_listen_fds(3)).

    The supervisor keeps them open while no server runs. The variables are removed, because they do not apply to child
    processes. Raises SettingsError.
    """
    count, whose = environ.pop("LISTEN_FDS", ""), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if whose != str(os.getpid()):
        return []
    if not count.isascii() or not count.isdigit() or not int(count) <= limits.HANDED_SOCKETS:
        raise _unfit(f"LISTEN_FDS={count}", f"0 … {limits.HANDED_SOCKETS}")
    return [_handed(settings, number) for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count))]


def _handed(settings: Settings, number: int) -> socket.socket:
    """Return the socket of this descriptor. It must agree with the settings, because links and the need of TLS follow from
    them.
    """
    try:
        os.set_inheritable(number, False)
        made = socket.socket(fileno=number)
        listens = made.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise _unfit(f"{number}: {error.strerror}", "ListenStream=") from error
    if not listens or made.type != socket.SOCK_STREAM or made.family not in (socket.AF_INET, socket.AF_INET6):
        raise _unfit(str(number), "ListenStream=7880 (TCP)")
    host, port = made.getsockname()[:2]
    if settings.http_port not in (0, port):
        raise _unfit(f"{host} {port}", f"http_port = {settings.http_port}")
    if settings.loopback_only and not ipaddress.ip_address(host).is_loopback:
        raise _unfit(f"{host} {port}", f"host = {', '.join(settings.host)}")
    made.setblocking(False)
    return made


def _unfit(found: str, wanted: str) -> SettingsError:
    return SettingsError(
        f"Không dùng được socket của trình giám sát ({found}). Cần: {wanted}.",
        f"A socket of the supervisor cannot be used ({found}). Expected: {wanted}.",
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
