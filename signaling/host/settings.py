"""The settings: their names, defaults, kinds and bounds, and the rules between them.

The names form one flat set, the same everywhere: `http_port` in the TOML file, `DIEMCAU_HTTP_PORT` in the environment,
`--http-port` on the command line. `sources.py` collects the values. The module opens no socket and makes no key.
"""

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from signaling.host import limits, turn

PREFIX = "DIEMCAU_"
_SECRET_HINT = f">= {limits.SECRET_CHARACTERS} ký tự / characters: openssl rand -hex 32"


class SettingsError(Exception):
    """A setting is wrong. The texts name the setting, its source, and a remedy."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi}\n{en}")
        self.vi = vi
        self.en = en


def wanted(hint: str, name: str = "") -> PydanticCustomError:
    """Return the error of one value. `hint` is an example or a bound. `name` is needed for checks of several values."""
    return PydanticCustomError("setting", "{hint}", {"hint": hint, "name": name})


def _number(value: object) -> object:
    """Return the value if it is a number. pydantic would take `true` for 1 and 5.0 for 5; neither is a port."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise wanted("0, 1, 2 ...")
    return value


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise wanted("true / false")


def _texts(value: object) -> tuple[str, ...]:
    """Return a tuple of texts. A variable holds the texts with commas between them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise wanted('["...", "..."]')
    return tuple(text for part in parts if (text := part.strip()))


def _path(value: object) -> Path | None:
    if not isinstance(value, str | Path | None):
        raise wanted('"..."')
    return Path(value).expanduser() if value is not None and str(value) else None


def _given_path(value: object) -> Path:
    path = _path(value)
    if path is None:
        raise wanted('"..."')
    return path


def _address(text: str) -> str:
    try:
        text and ipaddress.ip_address(text)
    except ValueError as error:
        raise wanted(f"{text!r} không phải địa chỉ IP / is not an IP address") from error
    return text


def _addresses(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_address(text) for text in texts)


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise wanted(f"{text!r} không phải dải mạng / is not a network") from error
    return texts


def _is(test: Callable[[Any], bool], hint: str) -> AfterValidator:
    """Refuse a value that is not empty and fails the test."""

    def check(value: Any) -> Any:
        if value and not test(value):
            raise wanted(hint)
        return value

    return AfterValidator(check)


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path in ("", "/") and not parts.query


def _is_web(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _is_port_range(text: str) -> bool:
    first, dash, last = text.partition("-")
    return bool(dash and first.isdigit() and last.isdigit()) and 1024 <= int(first) < int(last) <= 65535


def _is_database(text: str) -> bool:
    return text.startswith(("sqlite:///", "postgresql://"))


def _is_collector(text: str) -> bool:
    return _is_web(text) and bool(urlsplit(text).path.strip("/"))


def _are_web(texts: tuple[str, ...]) -> bool:
    return all(map(_is_web, texts))


def _are_turn(texts: tuple[str, ...]) -> bool:
    return all(text.startswith(turn.SCHEMES) and not text.endswith(":") for text in texts)


def _are_domains(texts: tuple[str, ...]) -> bool:
    return all("@" not in text and "." in text for text in texts)


def _is_long(text: str) -> bool:
    return len(text) >= limits.SECRET_CHARACTERS


Number = Annotated[int, BeforeValidator(_number)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_texts)]
FilePath = Annotated[Path, BeforeValidator(_given_path)]
OptionalPath = Annotated[Path | None, BeforeValidator(_path)]
Address = Annotated[Text, AfterValidator(_address)]
Addresses = Annotated[Texts, AfterValidator(_addresses)]
Networks = Annotated[Texts, AfterValidator(_networks)]
Secret = Annotated[Text, _is(_is_long, _SECRET_HINT)]
PublicUrl = Annotated[Text, _is(_is_url, "https://hop.example.vn")]
DatabaseUrl = Annotated[Text, _is(_is_database, "sqlite:///PATH, postgresql://USER@HOST/NAME")]
CollectorUrl = Annotated[Text, _is(_is_collector, "http://127.0.0.1:4318/v1/traces")]
WebUrls = Annotated[Texts, _is(_are_web, "https://hook.example.vn/livekit")]
TurnUrls = Annotated[Texts, _is(_are_turn, "turns:turn.example.vn:443?transport=tcp")]
Domains = Annotated[Texts, _is(_are_domains, "longan.gov.vn")]
PortRange = Annotated[Text, _is(_is_port_range, "20000-24999")]
Encryption = Literal["required", "best_effort", "off"]


def _setting(
    default: object, meaning: str, *, secret: bool = False, ge: int | None = None, le: int | None = None
) -> Any:
    extra: JsonDict = {"secret": secret}
    made: Any = Field(default, description=meaning, json_schema_extra=extra, ge=ge, le=le)
    return made


class Settings(BaseSettings):
    """All settings, checked. Addresses are IP literals. Port 0 means any free port (tests)."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=PREFIX)

    host: Addresses = _setting(("0.0.0.0", "::"), "addresses on which pages and signalling are served")  # noqa: S104
    http_port: Number = _setting(7880, "TCP port of pages and signalling", ge=0, le=65535)
    media_host: Addresses = _setting((), "addresses of the media ports; empty: the addresses of host")
    media_port: Number = _setting(7881, "UDP and TCP port of media", ge=0, le=65535)
    announced: Addresses = _setting((), "IP addresses that clients get for media; empty: the addresses of this machine")
    public_url: PublicUrl = _setting("", "address that people open, if it differs from the address of this machine")
    allowed_hosts: Texts = _setting((), "more host names under which clients may reach this server")
    allowed_origins: Texts = _setting((), "more web origins whose pages may connect; * for any")
    token_origins: Texts = _setting(
        ("*",), "web origins whose pages may use /rtc and /twirp with their own token; * for any"
    )
    api_key: Text = _setting("", "name of the API key")
    api_secret: Secret = _setting("", "secret of the API key, 32 characters or more", secret=True)
    data_dir: FilePath = _setting(Path("data"), "folder of keys and certificates")
    database: DatabaseUrl = _setting(
        "", "postgresql://USER@HOST/NAME or sqlite:///PATH; empty: a file in data_dir", secret=True
    )
    database_upgrade: Switch = _setting(False, "upgrade the database to the newest schema at the start")
    demo: Switch = _setting(False, "load the demo month into an empty database at the start")
    audit_dir: OptionalPath = _setting(
        None, "folder for signed audit checkpoints, best on another host; empty: data_dir/audit"
    )
    tls_cert: OptionalPath = _setting(None, "certificate chain (PEM) in place of a certificate of the local CA")
    tls_key: OptionalPath = _setting(None, "private key (PEM) of tls_cert")
    hsts: Switch = _setting(False, "require TLS in browsers (HSTS); only with a publicly trusted certificate")
    open_creation: Switch = _setting(False, "any person who reaches the server may start a meeting")
    local_creation: Switch = _setting(False, "any person at this machine may start a meeting")
    checks_at_once: Number = _setting(
        12, "people who may check their devices at /test at the same time; 0: the page is off", ge=0, le=1000
    )
    shards: Number = _setting(
        1, "packet threads (shards) that share the conferences; 0: one for each processor, up to 4", ge=0, le=16
    )
    gather_us: Number = _setting(1000, "microseconds that a batch waits for the rest of its frame", ge=0, le=10000)
    gso: Switch = _setting(True, "send runs of packets by UDP GSO where the kernel can")
    loudest_voices: Number = _setting(
        6, "voices sent to each participant at once; the loudest open microphones win; 0: all", ge=0, le=1000
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "debug, info, warning or error")
    smtp_host: Text = _setting("", "mail server for outgoing mails; empty: no mails are sent")
    smtp_port: Number = _setting(587, "port of the mail server", ge=1, le=65535)
    smtp_tls: Literal["starttls", "tls", "none"] = _setting(
        "starttls", "starttls, tls (from the first byte) or none (only on a trusted network)"
    )
    smtp_user: Text = _setting("", "user name at the mail server")
    smtp_password: Text = _setting("", "password at the mail server", secret=True)
    mail_from: Text = _setting("", "sender address of mails; answers to invitations arrive there")
    mail_domains: Domains = _setting(
        (), "domains of official mail; mails to other domains need a reason; empty: no official domain"
    )
    imap_host: Text = _setting(
        "",
        "mail server from which answers to invitations are fetched (IMAP), from the mailbox of mail_from; empty: none",
    )
    imap_port: Number = _setting(993, "IMAP port of the mail server", ge=1, le=65535)
    imap_tls: Literal["tls", "starttls", "none"] = _setting(
        "tls", "tls (from the first byte), starttls or none (only on a trusted network)"
    )
    imap_user: Text = _setting("", "user name of the mailbox; empty: mail_from")
    imap_password: Text = _setting("", "password of the mailbox", secret=True)
    imap_folder: Text = _setting("INBOX", "folder of the mailbox that is read")
    imap_every_s: Number = _setting(60, "seconds between two looks into the mailbox", ge=1, le=3600)
    oidc_issuer: Text = _setting("", "address of the single sign-on (OpenID Connect issuer); empty: no single sign-on")
    oidc_client_id: Text = _setting("", "client id of this server at the issuer")
    oidc_client_secret: Text = _setting(
        "", "client secret of this server at the issuer; empty: a public client", secret=True
    )
    oidc_label: Text = _setting("SSO", "name of the single sign-on on its button")
    oidc_unit: Text = _setting(
        "", "code of the unit for people that only the issuer knows; empty: such people are refused"
    )
    oidc_ca: OptionalPath = _setting(
        None, "authority (PEM) of the issuer's certificate, if no public authority signed it"
    )
    second_factor_approvers: Switch = _setting(
        False, "approvers need a second factor, like operators and administrators"
    )
    trusted_proxies: Networks = _setting((), "addresses (CIDR) of proxies whose X-Forwarded-For is trusted")
    webhook_urls: WebUrls = _setting((), "addresses that get events of live conferences (LiveKit webhooks)")
    turn_urls: TurnUrls = _setting((), "TURN servers for clients, for example turns:turn.example.vn:443")
    turn_secret: Text = _setting("", "secret shared with the TURN servers (coturn: static-auth-secret)", secret=True)
    turn_ttl_s: Number = _setting(43_200, "life of TURN credentials in seconds: the longest meeting", ge=60, le=604800)
    traces_url: CollectorUrl = _setting(
        "", "OpenTelemetry collector (OTLP over HTTP): http://127.0.0.1:4318/v1/traces; empty: no traces"
    )
    traces_percent: Number = _setting(100, "percentage of traces that are sent to traces_url", ge=0, le=100)
    metrics_token: Secret = _setting(
        "", "Bearer token of GET /metrics, 32 characters or more; empty: no token", secret=True
    )
    webhook_private_ranges: Networks = _setting((), "private networks (CIDR) that webhooks may reach")
    web_push: Switch = _setting(
        False, "browsers may show 'Có việc mới' while no page is open; the push services of their makers carry it"
    )
    push_private_ranges: Networks = _setting((), "private networks (CIDR) of push services that pushes may reach")
    halls: Switch = _setting(False, "hall terminals may register, dial in and be called (SIP)")
    sip_host: Address = _setting("", "address on which SIP is served; empty: the first address of host")
    sip_udp_port: Number = _setting(5060, "UDP port of SIP; -1: off", ge=-1, le=65535)
    sip_tcp_port: Number = _setting(5060, "TCP port of SIP; -1: off", ge=-1, le=65535)
    sip_tls_port: Number = _setting(5061, "TLS port of SIP; -1: off", ge=-1, le=65535)
    sip_realm: Text = _setting(
        "diemcau", "realm of the terminals' passwords; after a change all terminals need new passwords"
    )
    hall_host: Address = _setting("", "address of hall media; empty: the address of sip_host")
    hall_ports: PortRange = _setting("20000-24999", "UDP ports of hall media")
    hall_announced: Address = _setting("", "address that halls get for media behind NAT; empty: hall_host")
    hall_silent_s: Number = _setting(
        30, "seconds without packets after which the server checks whether a hall is still connected", ge=1, le=3600
    )
    mixer_percent: Number = _setting(
        70, "percentage of the machine's processors that the pictures of all halls together may use", ge=10, le=100
    )
    hall_encryption: Encryption = _setting(
        "best_effort", "SRTP with halls, with keys over TLS: required, best_effort or off"
    )
    important_encryption: Literal["required", "best_effort"] = _setting(
        "required",
        "SRTP with halls in important meetings: required, or best_effort, which admits halls of closed networks without SRTP",
    )
    important_pcs: bool = _setting(
        False, "a PC in hall mode counts as a hall terminal in important meetings, over TLS from a closed network"
    )

    @property
    def loopback_only(self) -> bool:
        """Report whether only this machine can reach the pages: there plain HTTP is a secure context."""
        return all(ipaddress.ip_address(host).is_loopback for host in self.host)

    @property
    def halls_local(self) -> bool:
        """Report whether only terminals on this machine can reach the SIP ports."""
        return not self.hall_announced and ipaddress.ip_address(self.sip_address).is_loopback

    @property
    def encrypted(self) -> bool:
        return self.tls_cert is not None or not self.loopback_only

    @property
    def own_names(self) -> list[str]:
        """Return the names and addresses from the settings under which people call this server."""
        public = urlsplit(self.public_url).hostname
        return [*([public] if public else []), *self.allowed_hosts, *self.announced]

    @property
    def sip_address(self) -> str:
        """Return the address on which SIP is served: an IP literal, which may be a wildcard."""
        return self.sip_host or self.host[0]

    @property
    def hall_address(self) -> str:
        return self.hall_host or self.sip_address

    @property
    def hall_port_range(self) -> range:
        first, _, last = self.hall_ports.partition("-")
        return range(int(first), int(last) + 1)

    @property
    def push_contact(self) -> str:
        """Return the address by which push services reach the operator. Empty: the settings have none."""
        if self.mail_from:
            return f"mailto:{self.mail_from}"
        return self.public_url if self.public_url.startswith("https:") else ""

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{(self.data_dir / 'diemcau.sqlite').absolute()}"

    @property
    def media_addresses(self) -> tuple[str, ...]:
        return self.media_host or self.host

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the arguments. `sources.load` reads the file and the environment, and keeps the source of each value."""
        return (init_settings,)

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        """Refuse values that cannot work together: a necessary value is missing, or two values contradict each other."""
        needs = (
            (not self.host, "host", "127.0.0.1, 0.0.0.0, ::"),
            ((self.tls_cert is None) != (self.tls_key is None), "tls_cert, tls_key", "cần cả hai / both are needed"),
            (self.smtp_host and "@" not in self.mail_from, "mail_from", "hop@example.gov.vn"),
            (
                self.smtp_host and not self.public_url,
                "public_url",
                "cần cho liên kết trong thư / links in mails need it: https://hop.example.vn",
            ),
            (
                self.imap_host and not self.imap_password,
                "imap_password",
                "cần khi có imap_host / needed with imap_host",
            ),
            (
                self.imap_host and not (self.imap_user or self.mail_from),
                "imap_user, mail_from",
                "cần khi có imap_host / needed with imap_host",
            ),
            (
                any(not " " <= one <= "~" or one in '"\\' for one in self.imap_folder) or not self.imap_folder,
                "imap_folder",
                "INBOX (ASCII)",
            ),
            (
                self.oidc_issuer and not self.oidc_client_id,
                "oidc_client_id",
                "cần khi có oidc_issuer / needed with oidc_issuer",
            ),
            (
                self.web_push and not self.push_contact,
                "mail_from, public_url",
                "cần khi có web_push / needed with web_push: hop@example.gov.vn",
            ),
            (self.turn_urls and not self.turn_secret, "turn_secret", "cần khi có turn_urls / needed with turn_urls"),
            (self.halls and not self.sip_realm.isprintable(), "sip_realm", "diemcau"),
        )
        for wrong, name, hint in needs:
            if wrong:
                raise wanted(hint, name)
        return self


def names() -> list[str]:
    return list(Settings.model_fields)


def meaning(name: str) -> str:
    return Settings.model_fields[name].description or ""


def is_secret(name: str) -> bool:
    extra = Settings.model_fields[name].json_schema_extra
    return isinstance(extra, dict) and extra["secret"] is True
