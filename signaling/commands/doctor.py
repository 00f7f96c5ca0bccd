"""The checks whether this machine can run the server. Each check reports its finding and, if it is not good, a remedy.

The module owns the checks and their texts. It changes nothing on the machine. It sends only to this machine and to the database
of the settings. A port that a running server of ours uses is a good finding.
"""

import asyncio
import ctypes
import ipaddress
import os
import pyexpat
import resource
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError

from rooms.sites import networks, terminals
from rooms.store.database import Database, reason
from rooms.store.migrations import steps
from rooms.store.tables.sites import Network
from signaling.front import sockets, tls, whereabouts
from signaling.halls import listening
from signaling.host.files import is_private
from signaling.host.settings import Settings, SettingsError
from signaling.ops import libraries
from web import DIST

RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""Bytes of the kernel's receive buffer that `diemcau doctor` wants for the media port. A key frame of 135 kB overflows the
default of 208 KiB, because each packet counts more than its length. More: the check warns on more machines. Less: the check
accepts a buffer that loses key frames.
"""
OPEN_FILES = 4096
RUNNING = "đang chạy / running"
DATABASE_S = 10.0
EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)

_UDP_SEGMENT = 103
"""The number of the socket option UDP_SEGMENT, which Python's `socket` lacks. Source: linux/udp.h. Larger or smaller: the check
tries another option, so it reports wrongly whether the kernel can send many packets in one call.
"""
_SO_RCVBUFFORCE = 33
_STA_UNSYNC = 0x40


class Verdict(Enum):
    """The result of a check."""

    GOOD = "tốt / good"
    WARNING = "nên sửa / should be fixed"
    BAD = "hỏng / does not work"


@dataclass(frozen=True)
class Finding:
    """The finding of a check. `fix` is empty if there is nothing to do."""

    subject: str
    verdict: Verdict
    seen: str
    fix: str = ""


Check = Callable[[Settings, datetime], Finding]


def examine(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Run every check in turn. If a check raises OSError, ValueError or SettingsError, its finding is bad, and the next check
    runs.
    """
    for check in CHECKS:
        try:
            yield check(settings, now)
        except (OSError, ValueError, SettingsError) as error:
            yield Finding(check.__name__.removeprefix("_"), Verdict.BAD, str(error))


def _http_port(settings: Settings, _now: datetime) -> Finding:
    try:
        listeners = sockets.listen(settings)
    except SettingsError:
        if not whereabouts.answers(settings):
            raise
        return Finding("http_port", Verdict.GOOD, f"TCP {settings.http_port}: {RUNNING}")
    port = listeners[0].getsockname()[1]
    for listener in listeners:
        listener.close()
    return Finding("http_port", Verdict.GOOD, f"TCP {port}: {', '.join(sockets.usable(settings.host))}")


def _media_port(settings: Settings, _now: datetime) -> Finding:
    seen = f"UDP, TCP {settings.media_port}"
    try:
        sockets.check_media_ports(settings)
    except SettingsError:
        if not whereabouts.answers_beside(settings):
            raise
        seen = f"{seen}: {RUNNING}"
    return Finding("media_port", Verdict.GOOD, seen)


def _udp(settings: Settings, _now: datetime) -> Finding:
    """Check that at least one loopback address receives a datagram that was sent to it."""
    carried = [host for host in sockets.usable(("127.0.0.1", "::1")) if _echoes(host)]
    if not carried:
        fix = "Mở UDP trên giao diện lo (tường lửa) / allow UDP on lo in the firewall"
        return Finding("udp", Verdict.BAD, "gửi mà không nhận / sent, not received", fix)
    return Finding("udp", Verdict.GOOD, ", ".join(carried))


def _echoes(host: str) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as end:
        end.bind((host, 0))
        end.settimeout(2)
        end.sendto(b"diemcau", end.getsockname())
        try:
            return end.recvfrom(16)[0] == b"diemcau"
        except TimeoutError:
            return False


def _gso(settings: Settings, _now: datetime) -> Finding:
    if not settings.gso:
        return Finding("gso", Verdict.WARNING, "tắt trong cấu hình / switched off in the settings", "gso = true")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, 1200)
        except OSError as error:
            fix = "Dùng nhân Linux >= 4.18; không có thì vẫn chạy, tốn CPU hơn / Linux >= 4.18; older kernels need more CPU"
            return Finding("gso", Verdict.WARNING, str(error.strerror), fix)
    return Finding("gso", Verdict.GOOD, "UDP_SEGMENT")


def _receive_buffer(settings: Settings, _now: datetime) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except OSError:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        had = end.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # the kernel reports twice the size
    seen = f"{had // 1024} KiB"
    if had < RECEIVE_BUFFER_BYTES:
        return Finding("receive_buffer", Verdict.WARNING, seen, f"sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}")
    return Finding("receive_buffer", Verdict.GOOD, seen)


def _addresses(settings: Settings, _now: datetime) -> Finding:
    ours = settings.announced or tuple(map(str, tls.local_addresses()))
    outward = [a for a in ours if not ipaddress.ip_address(a).is_loopback]
    if not outward and not settings.loopback_only:
        fix = "Nối mạng, hoặc đặt announced / connect a network, or set announced"
        return Finding("addresses", Verdict.BAD, "chỉ có loopback / loopback only", fix)
    return Finding("addresses", Verdict.GOOD, ", ".join(outward or ours))


def _certificate(settings: Settings, now: datetime) -> Finding:
    if not settings.encrypted:
        return Finding("tls", Verdict.GOOD, "HTTP, chỉ máy này / this machine only")
    if settings.tls_cert is None or settings.tls_key is None:
        folder = settings.data_dir / "tls"
        if outside := tls.outside(folder, settings.own_names):
            seen = f"không dùng được cho / not valid for {', '.join(outside)}"
            fix = f"tls_cert, tls_key; hoặc / or: rm -r {folder}, và tin lại ở / and trust it again at /trust"
            return Finding("tls", Verdict.BAD, seen, fix)
        path = folder / "leaf.crt"
        seen = f"{path}: {tls.expires_at(path):%Y-%m-%d}" if path.exists() else "sẽ tự tạo / made on first start"
        return Finding("tls", Verdict.GOOD, seen)
    try:
        tls.context(settings.tls_cert, settings.tls_key)
    except ssl.SSLError as error:
        fix = "tls_cert: PEM, máy chủ trước; tls_key: khóa của nó / PEM, leaf first; the key of that leaf"
        return Finding("tls", Verdict.BAD, str(error), fix)
    ends = tls.expires_at(settings.tls_cert)
    if ends <= now:
        return Finding(
            "tls", Verdict.BAD, f"hết hạn / expired {ends:%Y-%m-%d}", "Xin chứng thư mới / get a new certificate"
        )
    if not is_private(settings.tls_key):
        return Finding(
            "tls",
            Verdict.WARNING,
            f"{settings.tls_key}: ai cũng đọc được / others can read it",
            f"chmod 600 {settings.tls_key}",
        )
    return Finding("tls", Verdict.GOOD, f"{ends:%Y-%m-%d}")


def _openssl(settings: Settings, _now: datetime) -> Finding:
    return judge_openssl(libraries.openssl())


def judge_openssl(text: str) -> Finding:
    """Judge the version. `text` is the library's own version text. BAD: the server does not start with this version."""
    needed = libraries.least_mended(text)
    fix = f"đợi bản cryptography mới hơn (OpenSSL >= {needed}) / install a newer cryptography when it is available"
    if libraries.is_refused(text):
        return Finding("openssl", Verdict.BAD, text, fix)
    return Finding("openssl", Verdict.WARNING, text, fix) if needed else Finding("openssl", Verdict.GOOD, text)


def _expat(settings: Settings, _now: datetime) -> Finding:
    return judge_expat(pyexpat.version_info)


def judge_expat(version: tuple[int, int, int]) -> Finding:
    """Judge the version. Before 2.6 a small file can block the XML reader for minutes (CVE-2023-52425); our limits on XLSX
    still hold.
    """
    seen = ".".join(map(str, version))
    fix = "cài Python mới hơn (expat >= 2.6) / install a newer Python (expat >= 2.6)"
    return Finding(
        "expat", Verdict.GOOD if version >= (2, 6, 0) else Verdict.WARNING, seen, fix if version < (2, 6, 0) else ""
    )


def _clock(settings: Settings, now: datetime) -> Finding:
    """Check the clock: tokens and certificates depend on it. The kernel knows whether a service keeps it right."""
    seen = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < EARLIEST:
        return Finding("clock", Verdict.BAD, seen, "timedatectl set-ntp true")
    if not _is_synchronised():
        return Finding(
            "clock", Verdict.WARNING, f"{seen}, không đồng bộ / not synchronised", "timedatectl set-ntp true"
        )
    return Finding("clock", Verdict.GOOD, seen)


def _is_synchronised() -> bool:
    """Report whether the clock is synchronised. adjtimex(2) without a change returns `status` as the sixth word of the
    structure.
    """
    room = (ctypes.c_long * 64)()
    try:
        if ctypes.CDLL(None).adjtimex(ctypes.byref(room)) < 0:
            return False
    except (OSError, AttributeError):
        return True  # not Linux: the state is unknown and counts as synchronised
    status = ctypes.c_int.from_buffer(room, 5 * ctypes.sizeof(ctypes.c_long))
    return not status.value & _STA_UNSYNC


def _open_files(settings: Settings, _now: datetime) -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        return Finding("open_files", Verdict.WARNING, str(soft), f"ulimit -n {min(hard, 65536) if hard > 0 else 65536}")
    return Finding("open_files", Verdict.GOOD, str(soft))


def _data_folder(settings: Settings, _now: datetime) -> Finding:
    folder = settings.data_dir
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK):
        return Finding("data_dir", Verdict.BAD, f"{folder}: không ghi được / not writable", f"chown $USER {there}")
    if shutil.disk_usage(there).free < 64 * 1024 * 1024:
        return Finding("data_dir", Verdict.BAD, f"{folder}: đĩa đầy / the disk is full", "df -h")
    loose = [path for path in _secrets(folder) if not is_private(path)]
    if loose:
        return Finding(
            "data_dir", Verdict.BAD, f"{loose[0]}: ai cũng đọc được / others can read it", f"chmod 600 {loose[0]}"
        )
    return Finding("data_dir", Verdict.GOOD, str(folder))


def _database(settings: Settings, _now: datetime) -> Finding:
    place = make_url(settings.database_url).render_as_string(hide_password=True)
    try:
        found = asyncio.run(asyncio.wait_for(steps.current(settings.database_url), DATABASE_S))
    except (OSError, SQLAlchemyError, TimeoutError) as error:
        fix = "Máy chủ PostgreSQL có chạy? / is it running? database = postgresql://USER:PASSWORD@HOST/NAME"
        return Finding("database", Verdict.BAD, f"{place}: {reason(error)}", fix)
    if not found:
        return Finding("database", Verdict.GOOD, f"{place}: sẽ tự tạo / made on first start")
    if found != steps.newest():
        return Finding("database", Verdict.WARNING, f"{place}: phiên bản / revision {found}", "diemcau db upgrade")
    return Finding("database", Verdict.GOOD, place)


def _secrets(folder: Path) -> list[Path]:
    return [path for pattern in ("*.secret", "*.key", "tls/*.key") for path in folder.glob(pattern)]


def _pages(settings: Settings, _now: datetime) -> Finding:
    if not (DIST / "index.html").is_file():
        return Finding("pages", Verdict.BAD, f"{DIST}: chưa dựng / not built", "make build")
    return Finding("pages", Verdict.GOOD, str(DIST))


def _api_key(settings: Settings, _now: datetime) -> Finding:
    if not settings.api_secret and not settings.loopback_only:
        return Finding(
            "api_key",
            Verdict.WARNING,
            "serve cần / serve needs api_key, api_secret",
            "DIEMCAU_API_SECRET=$(openssl rand -hex 32)",
        )
    return Finding("api_key", Verdict.GOOD, settings.api_key or "dev")


def _halls(settings: Settings, _now: datetime) -> Finding:
    """Check that the SIP ports are free, that at least half of the first 64 media ports are free, and that halls can encrypt."""
    if not settings.halls:
        fix = "halls = true để nối thiết bị hội trường / to connect hall terminals"
        return Finding("halls", Verdict.GOOD, "tắt / off", fix)
    told = listening.announced(settings) or settings.hall_address
    try:
        listening.check(settings)
    except SettingsError:
        if not whereabouts.answers(settings):
            raise
        return Finding("halls", Verdict.GOOD, f"SIP {', '.join(listening.names(settings))}: {RUNNING}")
    taken = sum(not _free(settings.hall_address, port) for port in settings.hall_port_range[:64])
    seen = f"SIP {', '.join(listening.names(settings))}; RTP UDP {told} {settings.hall_ports}"
    if ipaddress.ip_address(told).is_loopback and not settings.loopback_only:
        fix = "hall_announced = địa chỉ của máy chủ trong mạng hội trường / this server's address in the halls' network"
        return Finding("halls", Verdict.WARNING, seen, fix)
    if settings.sip_tls_port < 0:
        seen += f"; không có / no SIP TLS: hall_encryption = {settings.hall_encryption}"
        must = "required" in (settings.hall_encryption, settings.important_encryption)
        fix = "sip_tls_port: khóa SRTP chỉ đi qua TLS / SRTP keys need SIP over TLS; "
        fix += "không có thì hội trường không vào được họp buộc mã hóa / without TLS no hall can join where SRTP is required"
        return Finding("halls", Verdict.WARNING if must and not settings.loopback_only else Verdict.GOOD, seen, fix)
    if taken > 32:
        return Finding(
            "halls", Verdict.WARNING, seen, "hall_ports: dải cổng khác / another range: most ports are in use"
        )
    return Finding("halls", Verdict.GOOD, seen)


def _hall_networks(settings: Settings, _now: datetime) -> Finding:
    """Check that the networks of terminals have the mark "hall terminals call from here". SIP answers only addresses in marked
    networks.
    """
    if not settings.halls:
        return Finding("hall_networks", Verdict.GOOD, "tắt / off")
    try:
        return asyncio.run(asyncio.wait_for(_judged_networks(settings.database_url), DATABASE_S))
    except (OSError, SQLAlchemyError, TimeoutError) as error:
        return Finding("hall_networks", Verdict.BAD, reason(error), "database")


async def _judged_networks(url: str) -> Finding:
    revision = await steps.current(url)
    if not revision:
        return Finding("hall_networks", Verdict.GOOD, "chưa có dữ liệu / nothing in the database yet")
    if revision != steps.newest():
        seen = f"chưa nâng cấp / not upgraded yet: phiên bản / revision {revision}"
        return Finding("hall_networks", Verdict.WARNING, seen, "diemcau db upgrade")
    database = Database.open(url)
    try:
        async with database.reading() as session:
            zones = await networks.every(session)
            inside = await terminals.by_network(session)
    finally:
        await database.close()
    return judge_networks(zones, inside)


def judge_networks(zones: Sequence[Network], inside: Mapping[str | None, int]) -> Finding:
    """Judge the networks. `inside`: the number of SIP terminals in use, by their network. A terminal without a network may call
    from every marked network. Before the mark existed, it may have called from a range that is too wide for the mark.
    """
    marked = ", ".join(one.code for one in zones if one.terminals)
    seen = f"SIP: {marked or 'không mạng nào / no network'}"
    deaf = [one for one in zones if not one.terminals]
    if deaf:
        seen += f"; không nhận SIP / no SIP: {', '.join(map(_unmarked, deaf))}"
    lost = ", ".join(f"{one.code}: {inside[one.id]}" for one in deaf if inside.get(one.id))
    loose = inside.get(None, 0) if any(networks.too_wide(one.ranges) for one in deaf) else 0
    fixes = []
    if lost:
        fixes.append(
            f"Danh bạ, Mạng: đánh dấu “Thiết bị hội trường gọi từ đây”, hoặc chuyển thiết bị sang mạng khác ({lost}) / "
            "directory, Networks: set the mark “Hall terminals call from here”, or move the terminals to another network"
        )
    if loose:
        fixes.append(
            f"Danh bạ, Thiết bị: {loose} thiết bị SIP chưa khai mạng; máy gọi từ dải quá rộng không được trả lời, hãy khai mạng "
            f"hẹp hơn cho máy / directory, Terminals: {loose} SIP terminals have no network; calls from a range that is too wide "
            "get no answer, so give these terminals a narrower network"
        )
    return Finding("hall_networks", Verdict.WARNING if fixes else Verdict.GOOD, seen, "; ".join(fixes))


def _unmarked(zone: Network) -> str:
    wide = networks.too_wide(zone.ranges)
    return f"{zone.code} ({wide[0]} quá rộng / too wide)" if wide else zone.code


def _free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as end:
        try:
            end.bind((host, port))
        except OSError:
            return False
    return True


CHECKS: tuple[Check, ...] = (
    _http_port,
    _media_port,
    _udp,
    _gso,
    _receive_buffer,
    _addresses,
    _certificate,
    _openssl,
    _expat,
    _clock,
    _open_files,
    _data_folder,
    _database,
    _pages,
    _api_key,
    _halls,
    _hall_networks,
)
