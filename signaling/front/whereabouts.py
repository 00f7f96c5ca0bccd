"""The server of a data folder, seen from another process: the file that it wrote at its start, and whether it answers.

This module owns that small file and its name. The file stays when the server stops, because the next server usually has the
same address.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import json
import ssl
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from signaling.front import sockets, tls
from signaling.host.files import write_private
from signaling.host.settings import Settings

FILE = "server.json"
FILE_BYTES = 4096
HEALTH = "/api/v1/health"
ANSWER_S = 3.0
"""Seconds at most that a command on the same machine waits for the answer of the running server, once without and once with
TLS. Chosen. A server accepts at once when it starts, but answers a second later, or more on a busy machine. Longer: a silent
program on the port delays the command. Shorter: a busy server looks absent.
"""


@dataclass(frozen=True)
class Started:
    """The data of a start. `address` is the address that people open, without a slash at the end. No field is secret."""

    address: str
    http_port: int
    media_port: int


def leave(folder: Path, started: Started) -> None:
    """Write the file. Raises OSError."""
    write_private(folder / FILE, json.dumps(dataclasses.asdict(started)).encode())


def left(folder: Path) -> Started | None:
    """Return the content of the file, or None if there is no readable file."""
    try:
        with (folder / FILE).open("rb") as file:
            kept = Started(**json.loads(file.read(FILE_BYTES)))
    except (OSError, ValueError, TypeError):
        return None
    kinds = (str, int, int)
    return kept if all(map(isinstance, dataclasses.astuple(kept), kinds)) else None


def public_address(settings: Settings) -> str:
    """Return the address that people open: the `public_url` of the settings, else the address in the file. Empty: unknown."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    kept = left(settings.data_dir)
    return kept.address if kept is not None else ""


def folder_beside(settings: Settings) -> Path:
    """Return the data folder for a second server. The folder of `settings` is taken if it is neither the default nor in use,
    else `data2` and so on.

    No server runs on the returned folder.
    """
    folder = settings.data_dir
    if folder != Settings().data_dir and not _is_used(settings, folder):
        return folder
    name = folder.name.rstrip("0123456789") or folder.name
    others = (folder.with_name(f"{name}{number}") for number in itertools.count(2))
    return next(other for other in others if not _is_used(settings, other))


def _is_used(settings: Settings, folder: Path) -> bool:
    kept = left(folder)
    return kept is not None and sockets.is_taken(settings, kept.http_port)


def answers(settings: Settings) -> bool:
    """Report whether a server of ours is at `http_port` of this machine, ready or not, with TLS or without."""
    hosts = dict.fromkeys(_near(host) for host in sockets.usable(settings.host))
    return any(
        _is_ours(kind)
        for host in hosts
        for kind in (HTTPConnection(host, settings.http_port, timeout=ANSWER_S), _unverified(host, settings.http_port))
    )


def answers_beside(settings: Settings) -> bool:
    """Report whether a server of ours answers at `http_port`, and the file names no other media port for that server."""
    kept = left(settings.data_dir)
    elsewhere = kept and kept.http_port == settings.http_port and kept.media_port not in (0, settings.media_port)
    return not elsewhere and answers(settings)


def _near(host: str) -> str:
    address = ipaddress.ip_address(host)
    return ("::1" if address.version == 6 else "127.0.0.1") if address.is_unspecified else host


def _unverified(host: str, port: int) -> HTTPSConnection:
    """Return a connection without verification. It sends no secret and its answer is not trusted; it only asks which server
    answers.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=ANSWER_S, context=context)


def _is_ours(connection: HTTPConnection) -> bool:
    try:
        connection.request("GET", HEALTH)
        told = json.loads(connection.getresponse().read(FILE_BYTES))
    except (OSError, ValueError, HTTPException):
        return False
    finally:
        connection.close()
    return isinstance(told, dict) and {"live", "ready", "busy"} <= told.keys()


def address_told(settings: Settings) -> str:
    """Return the `public_url` of the settings, else the address of the server that was started on the data folder, else
    `address`.
    """
    return public_address(settings) or address(settings, settings.http_port)


def address(settings: Settings, port: int) -> str:
    """Return the address that people type, without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = "https" if settings.encrypted else "http"
    host = "localhost" if settings.loopback_only else _first_address(settings)
    default = 443 if scheme == "https" else 80
    return f"{scheme}://{host}" + ("" if port == default else f":{port}")


def _first_address(settings: Settings) -> str:
    """Return an address that another machine can use: a served address that is neither loopback nor link-local. IPv4 comes
    first. Without such an address, return any served one.
    """
    wild = any(host in ("0.0.0.0", "::") for host in settings.host)  # noqa: S104
    served = tls.local_addresses() if wild else [ipaddress.ip_address(host) for host in settings.host]
    outward = [a for a in served if not a.is_loopback and not a.is_link_local] or served
    chosen = min(outward, key=lambda a: a.version)
    return f"[{chosen}]" if chosen.version == 6 else str(chosen)
