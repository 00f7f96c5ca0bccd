"""The settings: their names, defaults and where each value came from.

One flat set of names, the same everywhere: `http_port` in the TOML file, `DIEMCAU_HTTP_PORT` in the environment,
`--http-port` on the command line. The command line wins over the environment, that over the file, that over the defaults of
`dev` or `serve`. An unknown name is an error. Reads files and the environment handed to it; opens no socket, makes no key.
"""

import difflib
import ipaddress
import json
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from signaling.host import limits, turn

Profile = Literal["dev", "serve"]
Value = str | int | bool | tuple[str, ...] | Path | None

PREFIX = "DIEMCAU_"
FILE_VARIABLE = "DIEMCAU_CONFIG"
BACKUP_VARIABLE = "DIEMCAU_BACKUP_PASSPHRASE"
"""Read by `diemcau db backup` and `restore` alone: no server needs to know it."""
DEFAULT_FILE = "diemcau.toml"


class SettingsError(Exception):
    """A setting is wrong: says which, where it was set, and what to do."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi}\n{en}")
        self.vi = vi
        self.en = en


def _setting(default: object, meaning: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"meaning": meaning, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """Every setting, checked. Addresses are IP literals, ports 0 mean any free one (tests)."""

    host: tuple[str, ...] = _setting(("0.0.0.0", "::"), "addresses on which pages and signalling are served")  # noqa: S104
    http_port: int = _setting(7880, "TCP port of pages and signalling")
    media_host: tuple[str, ...] = _setting((), "addresses of the media ports; empty: as host")
    media_port: int = _setting(7881, "UDP and TCP port of media")
    announced: tuple[str, ...] = _setting((), "IP addresses told to clients; empty: those of this machine")
    public_url: str = _setting("", "address that people open, when it is not that of this machine")
    allowed_hosts: tuple[str, ...] = _setting((), "further names under which this server may be called")
    allowed_origins: tuple[str, ...] = _setting((), "further web origins whose pages may connect; * for any")
    token_origins: tuple[str, ...] = _setting(
        ("*",), "web origins whose pages may use /rtc and /twirp with a token of their own; * for any"
    )
    api_key: str = _setting("", "name of the API key")
    api_secret: str = _setting("", "secret of the API key, 32 characters or more", secret=True)
    data_dir: Path = _setting(Path("data"), "folder of keys and certificates")
    database: str = _setting(
        "", "postgresql://USER@HOST/NAME or sqlite:///PATH; empty: a file in data_dir", secret=True
    )
    database_upgrade: bool = _setting(False, "bring the database to the newest shape at the start")
    demo: bool = _setting(False, "load the demo month into an empty database at the start")
    audit_dir: Path | None = _setting(
        None, "folder outside of this host for signed audit checkpoints; empty: data_dir/audit"
    )
    tls_cert: Path | None = _setting(None, "certificate chain (PEM) in place of the local CA's")
    tls_key: Path | None = _setting(None, "private key (PEM) of tls_cert")
    hsts: bool = _setting(False, "tell browsers to insist on TLS; only with a publicly trusted certificate")
    open_creation: bool = _setting(False, "whoever reaches the server may start a meeting")
    local_creation: bool = _setting(False, "whoever sits at this machine may start a meeting")
    checks_at_once: int = _setting(12, "people who may check their devices at /test at the same time; 0: none")
    shards: int = _setting(1, "packet threads (shards) over which conferences are spread; 0: one a processor, up to 4")
    gather_us: int = _setting(1000, "microseconds that a batch waits for the rest of its frame")
    gso: bool = _setting(True, "send runs of packets by UDP GSO where the kernel can")
    loudest_voices: int = _setting(
        6, "voices that everybody is sent at once, the loudest, where more microphones are open; 0: all"
    )
    log_level: str = _setting("info", "debug, info, warning or error")
    smtp_host: str = _setting("", "mail server that takes our mails; empty: none is sent")
    smtp_port: int = _setting(587, "its port")
    smtp_tls: str = _setting("starttls", "starttls, tls (from the first byte) or none (only on a trusted network)")
    smtp_user: str = _setting("", "name at the mail server")
    smtp_password: str = _setting("", "password at the mail server", secret=True)
    mail_from: str = _setting("", "address of our mails; answers to invitations come back to it")
    mail_domains: tuple[str, ...] = _setting((), "domains of official mail; to others only with a reason; empty: none")
    oidc_issuer: str = _setting("", "address of the single sign-on (OpenID Connect issuer); empty: none")
    oidc_client_id: str = _setting("", "our name there")
    oidc_client_secret: str = _setting("", "our secret there; empty: a public client", secret=True)
    oidc_label: str = _setting("SSO", "how the button calls it")
    oidc_unit: str = _setting("", "code of the unit for people whom only the issuer knows; empty: they are refused")
    oidc_ca: Path | None = _setting(None, "authority (PEM) of the issuer's certificate, when it is no public one")
    second_factor_approvers: bool = _setting(
        False, "approvers decide only with a second factor, as operators and administrators do"
    )
    trusted_proxies: tuple[str, ...] = _setting((), "addresses (CIDR) of proxies whose X-Forwarded-For is believed")
    webhook_urls: tuple[str, ...] = _setting((), "addresses that hear of live conferences (LiveKit's webhooks)")
    turn_urls: tuple[str, ...] = _setting((), "TURN servers told to clients, such as turns:turn.example.vn:443")
    turn_secret: str = _setting("", "secret shared with them (coturn: static-auth-secret)", secret=True)
    turn_ttl_s: int = _setting(43_200, "seconds for which their credentials hold: the longest meeting")
    traces_url: str = _setting(
        "", "OpenTelemetry collector (OTLP over HTTP): http://127.0.0.1:4318/v1/traces; empty: none"
    )
    traces_percent: int = _setting(100, "of a hundred traces so many are sent there")
    metrics_token: str = _setting("", "Bearer token of GET /metrics, 32 characters or more; empty: none", secret=True)
    webhook_private_ranges: tuple[str, ...] = _setting((), "private networks (CIDR) that webhooks may reach")
    halls: bool = _setting(False, "hall terminals may register, dial in and be called (SIP)")
    sip_host: str = _setting("", "address on which SIP is served; empty: as host, the first one")
    sip_udp_port: int = _setting(5060, "UDP port of SIP; -1: none")
    sip_tcp_port: int = _setting(5060, "TCP port of SIP; -1: none")
    sip_tls_port: int = _setting(5061, "TLS port of SIP; -1: none")
    sip_realm: str = _setting("diemcau", "realm of the terminals' passwords: with another one all need new ones")
    hall_host: str = _setting("", "address of hall media; empty: as sip_host")
    hall_ports: str = _setting("20000-24999", "UDP ports of hall media")
    hall_announced: str = _setting("", "address told to halls, behind address translation; empty: hall_host")
    hall_silent_s: int = _setting(30, "seconds without packets until a hall is asked whether it is still there")
    hall_encryption: str = _setting("best_effort", "SRTP with halls, by TLS: required, best_effort or off")
    important_encryption: str = _setting(
        "required",
        "SRTP with halls in important meetings: required, or best_effort, which lets in halls of closed zones that cannot",
    )

    @property
    def loopback_only(self) -> bool:
        """Nobody but this machine can reach the pages: plain HTTP is a secure context there."""
        return all(ipaddress.ip_address(host).is_loopback for host in self.host)

    @property
    def encrypted(self) -> bool:
        return self.tls_cert is not None or not self.loopback_only

    @property
    def own_names(self) -> list[str]:
        """Names and addresses under which people call this server, as far as they are set."""
        public = urlsplit(self.public_url).hostname
        return [*([public] if public else []), *self.allowed_hosts, *self.announced]

    @property
    def sip_address(self) -> str:
        """Where SIP is served: an IP literal, perhaps a wildcard."""
        return self.sip_host or self.host[0]

    @property
    def hall_address(self) -> str:
        return self.hall_host or self.sip_address

    @property
    def hall_port_range(self) -> range:
        first, _, last = self.hall_ports.partition("-")
        return range(int(first), int(last) + 1)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{(self.data_dir / 'diemcau.sqlite').absolute()}"

    @property
    def media_addresses(self) -> tuple[str, ...]:
        return self.media_host or self.host


PROFILES: dict[Profile, dict[str, Value]] = {
    "dev": {"host": ("127.0.0.1", "::1"), "api_key": "devkey", "local_creation": True, "database_upgrade": True},
    "serve": {"halls": True},
}


@dataclass(frozen=True)
class Loaded:
    """Settings with the source of each value: `command line`, a variable's name, a file's path or `default`."""

    settings: Settings
    sources: Mapping[str, str]

    def rows(self) -> list[tuple[str, str, str]]:
        """(name, value as text, source); secrets are masked."""
        return [
            (f.name, _shown(f.name, getattr(self.settings, f.name)), self.sources[f.name]) for f in fields(Settings)
        ]


def load(
    profile: Profile,
    *,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    file: Path | None = None,
    folder: Path = Path(),
) -> Loaded:
    """Gather, convert and check. `overrides` are command line values; None in them means not given.

    Raises SettingsError for an unknown name, a value of the wrong kind or a set of values that cannot work.
    """
    values: dict[str, Value] = dict(PROFILES[profile])
    sources = {f.name: "default" for f in fields(Settings)}
    path = file or (Path(environ[FILE_VARIABLE]) if FILE_VARIABLE in environ else None)
    if path is None and (folder / DEFAULT_FILE).is_file():
        path = folder / DEFAULT_FILE
    given = {name: value for name, value in overrides.items() if value is not None}
    for layer, source in (
        (_from_file(path) if path else {}, lambda _: str(path)),
        (_from_environment(environ), lambda name: PREFIX + name.upper()),
        (given, lambda _: "command line"),
    ):
        _apply(layer, source, values, sources)
    settings = Settings(**cast(dict[str, Any], values))
    _check(settings)
    return Loaded(settings, sources)


def names() -> list[str]:
    return [f.name for f in fields(Settings)]


def meaning(name: str) -> str:
    return str(next(f.metadata["meaning"] for f in fields(Settings) if f.name == name))


def is_secret(name: str) -> bool:
    return any(f.name == name and f.metadata["secret"] for f in fields(Settings))


def _apply(
    layer: Mapping[str, object], source: Callable[[str], str], values: dict[str, Value], sources: dict[str, str]
) -> None:
    for name, value in layer.items():
        if name not in sources:
            raise _unknown(name, source(name))
        values[name] = _convert(name, value, source(name))
        sources[name] = source(name)


def _from_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"Không đọc được tệp cấu hình {path}: {error.strerror}.",
            f"Cannot read the settings file {path}: {error.strerror}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"Tệp cấu hình {path} sai cú pháp: {error}.", f"{path} is not valid TOML: {error}."
        ) from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and name not in (FILE_VARIABLE, BACKUP_VARIABLE)
    }


def _unknown(name: str, source: str) -> SettingsError:
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
    vi = f" Có phải là {near[0]}?" if near else f" Các tên hợp lệ: {', '.join(names())}."
    en = f" Did you mean {near[0]}?" if near else ""
    return SettingsError(f"Cấu hình lạ {name!r} ({source}).{vi}", f"Unknown setting {name!r} ({source}).{en}")


def _kind(name: str) -> Any:
    return typing.get_type_hints(Settings)[name]


def _convert(name: str, value: object, source: str) -> Value:
    """A value of the setting's type out of TOML, of a variable's text or of the command line."""
    kind = _kind(name)
    try:
        if kind is bool:
            return _boolean(value)
        if kind is int:
            return _integer(value)
        if kind is str:
            return _text(value)
        if typing.get_origin(kind) is tuple:
            return _texts(value)
        return _path(value, optional=isinstance(kind, types.UnionType))
    except ValueError as error:
        raise SettingsError(
            f"Giá trị của {name} ({source}) không hợp lệ: {error}.",
            f"The value of {name} ({source}) is not valid: {error}.",
        ) from error


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("true / false")


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("0, 1, 2 ...")
    return int(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError('"..."')
    return value.strip()


def _texts(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError('["...", "..."]')
    return tuple(text for part in parts if (text := part.strip()))


def _path(value: object, *, optional: bool) -> Path | None:
    if not isinstance(value, str | Path) or (not str(value) and not optional):
        raise ValueError('"..."')
    return Path(value).expanduser() if str(value) else None


def _shown(name: str, value: Value) -> str:
    if is_secret(name):
        return "********" if value else ""
    if isinstance(value, tuple):
        return ", ".join(value)
    return json.dumps(value) if isinstance(value, bool) else "" if value is None else str(value)


def _check(settings: Settings) -> None:
    _check_addresses(settings)
    _check_range("http_port", settings.http_port, 0, 65535)
    _check_range("media_port", settings.media_port, 0, 65535)
    _check_range("shards", settings.shards, 0, 16)
    _check_range("gather_us", settings.gather_us, 0, 10_000)
    _check_range("loudest_voices", settings.loudest_voices, 0, 1000)
    if settings.log_level not in ("debug", "info", "warning", "error"):
        raise _wrong("log_level", "debug, info, warning, error")
    if settings.api_secret and len(settings.api_secret) < limits.SECRET_CHARACTERS:
        raise _wrong("api_secret", f">= {limits.SECRET_CHARACTERS} ký tự / characters: openssl rand -hex 32")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise _wrong("tls_cert, tls_key", "cần cả hai / both are needed")
    if settings.database and not settings.database.startswith(("sqlite:///", "postgresql://")):
        raise _wrong("database", "sqlite:///PATH, postgresql://USER@HOST/NAME")
    if settings.public_url and not _is_url(settings.public_url):
        raise _wrong("public_url", "https://hop.example.vn")
    _check_mail(settings)
    _check_access(settings)
    _check_services(settings)
    _check_halls(settings)


def _check_services(settings: Settings) -> None:
    if not all(_is_address(url) for url in settings.webhook_urls):
        raise _wrong("webhook_urls", "https://hook.example.vn/livekit")
    if not all(url.startswith(turn.SCHEMES) and not url.endswith(":") for url in settings.turn_urls):
        raise _wrong("turn_urls", "turns:turn.example.vn:443?transport=tcp")
    if settings.turn_urls and not settings.turn_secret:
        raise _wrong("turn_secret", "cần khi có turn_urls / needed with turn_urls")
    _check_range("checks_at_once", settings.checks_at_once, 0, 1000)
    _check_range("turn_ttl_s", settings.turn_ttl_s, 60, 7 * 24 * 3600)
    if settings.traces_url and not (_is_address(settings.traces_url) and urlsplit(settings.traces_url).path.strip("/")):
        raise _wrong("traces_url", "http://127.0.0.1:4318/v1/traces")
    _check_range("traces_percent", settings.traces_percent, 0, 100)
    if settings.metrics_token and len(settings.metrics_token) < limits.SECRET_CHARACTERS:
        raise _wrong("metrics_token", f">= {limits.SECRET_CHARACTERS} ký tự / characters: openssl rand -hex 32")


def _check_halls(settings: Settings) -> None:
    for name in ("sip_udp_port", "sip_tcp_port", "sip_tls_port"):
        _check_range(name, getattr(settings, name), -1, 65535)
    _check_range("hall_silent_s", settings.hall_silent_s, 1, 3600)
    if settings.hall_encryption not in ("required", "best_effort", "off"):
        raise _wrong("hall_encryption", "required, best_effort, off")
    if settings.important_encryption not in ("required", "best_effort"):
        raise _wrong("important_encryption", "required, best_effort")
    first, dash, last = settings.hall_ports.partition("-")
    if not (dash and first.isdigit() and last.isdigit() and 1024 <= int(first) < int(last) <= 65535):
        raise _wrong("hall_ports", "20000-24999")
    for name in ("sip_host", "hall_host", "hall_announced"):
        address = getattr(settings, name)
        try:
            address and ipaddress.ip_address(address)
        except ValueError as error:
            raise _wrong(name, f"{address!r} không phải địa chỉ IP / is not an IP address") from error
    if settings.halls and not settings.sip_realm.isprintable():
        raise _wrong("sip_realm", "diemcau")


def _check_access(settings: Settings) -> None:
    if settings.oidc_issuer and not settings.oidc_client_id:
        raise _wrong("oidc_client_id", "cần khi có oidc_issuer / needed with oidc_issuer")
    _check_networks("trusted_proxies", settings.trusted_proxies)


def _check_mail(settings: Settings) -> None:
    _check_range("smtp_port", settings.smtp_port, 1, 65535)
    if settings.smtp_tls not in ("starttls", "tls", "none"):
        raise _wrong("smtp_tls", "starttls, tls, none")
    if settings.smtp_host and "@" not in settings.mail_from:
        raise _wrong("mail_from", "hop@example.gov.vn")
    if settings.smtp_host and not settings.public_url:
        raise _wrong("public_url", "cần cho liên kết trong thư / links in mails need it: https://hop.example.vn")
    if any("@" in domain or "." not in domain for domain in settings.mail_domains):
        raise _wrong("mail_domains", "longan.gov.vn")
    _check_networks("webhook_private_ranges", settings.webhook_private_ranges)


def _check_networks(name: str, ranges: tuple[str, ...]) -> None:
    for text in ranges:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise _wrong(name, f"{text!r} không phải dải mạng / is not a network") from error


def _check_addresses(settings: Settings) -> None:
    if not settings.host:
        raise _wrong("host", "127.0.0.1, 0.0.0.0, ::")
    for name in ("host", "media_host", "announced"):
        for address in getattr(settings, name):
            try:
                ipaddress.ip_address(address)
            except ValueError as error:
                raise _wrong(name, f"{address!r} không phải địa chỉ IP / is not an IP address") from error


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise _wrong(name, f"{least} … {most}")


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/") and not parts.query


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _wrong(name: str, hint: str) -> SettingsError:
    return SettingsError(
        f"Giá trị của {name} không dùng được. Cần: {hint}.", f"The value of {name} cannot be used. Wanted: {hint}."
    )
