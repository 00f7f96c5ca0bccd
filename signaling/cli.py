"""The command `diemcau`: the arguments that an operator types, and the texts that the operator reads.

The module owns arguments, printing and exit codes (0 good, 1 a finding or refusal, 2 wrong usage). Secrets are never arguments:
they come from the environment or the settings file. Each command imports its own heavy modules.
"""

import gc
import importlib
import itertools
import os
import shlex
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from signaling.host import clock, limits, sources
from signaling.host.settings import Settings, SettingsError, meaning
from signaling.host.sources import Loaded, Profile

GROUPS = ("user", "audit", "org", "db", "mail", "booking", "demo", "hall")
"""Modules of `signaling.commands`. A module is imported only when its group is called: all together take two seconds of a
processor.
"""


class Later(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in GROUPS:
            return super().get_command(ctx, cmd_name)
        found = typer.main.get_command(importlib.import_module(f"signaling.commands.{cmd_name}").app)
        found.name = cmd_name
        return found


app = typer.Typer(
    cls=Later,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Điểm Cầu: hội nghị truyền hình / video conferences",
)
bots = typer.Typer(no_args_is_help=True, help="Người dự thử / test participants")
shown = typer.Typer(no_args_is_help=True, help="Cấu hình / settings")
app.add_typer(bots, name="bot")
app.add_typer(shown, name="config")


def _option(name: str) -> Any:
    return typer.Option(f"--{name.replace('_', '-')}", help=meaning(name), show_default=False)


File = Annotated[Path | None, typer.Option("--config", help="tệp TOML / settings file", show_default=False)]
Host = Annotated[list[str] | None, _option("host")]
HttpPort = Annotated[int | None, _option("http_port")]
MediaPort = Annotated[int | None, _option("media_port")]
Shards = Annotated[int | None, _option("shards")]
Announced = Annotated[list[str] | None, _option("announced")]
PublicUrl = Annotated[str | None, _option("public_url")]
DataDir = Annotated[Path | None, _option("data_dir")]
TlsCert = Annotated[Path | None, _option("tls_cert")]
TlsKey = Annotated[Path | None, _option("tls_key")]
LogLevel = Annotated[str | None, _option("log_level")]
Demo = Annotated[bool | None, typer.Option("--demo", help=meaning("demo"), show_default=False)]


@app.command()
def dev(
    host: Host = None,
    http_port: HttpPort = None,
    media_port: MediaPort = None,
    announced: Announced = None,
    public_url: PublicUrl = None,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_level: LogLevel = None,
    shards: Shards = None,
    demo_month: Demo = None,
    halls: Annotated[bool | None, typer.Option("--halls", help=meaning("halls"), show_default=False)] = None,
    file: File = None,
) -> None:
    """Chạy thử trên máy này / run on this machine with everything set up."""
    overrides = {k: v for k, v in locals().items() if k not in ("file", "demo_month")} | {"demo": demo_month}
    _run("dev", overrides, file)


@app.command()
def serve(
    host: Host = None,
    http_port: HttpPort = None,
    media_port: MediaPort = None,
    announced: Announced = None,
    public_url: PublicUrl = None,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    log_level: LogLevel = None,
    shards: Shards = None,
    file: File = None,
) -> None:
    """Chạy máy chủ / run the server."""
    overrides = {k: v for k, v in locals().items() if k != "file"}
    _run("serve", overrides, file)


@app.command()
def doctor(
    host: Host = None,
    http_port: HttpPort = None,
    media_port: MediaPort = None,
    announced: Announced = None,
    data_dir: DataDir = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    file: File = None,
) -> None:
    """Khám máy / check this machine; exit code 1 when something does not work."""
    overrides = {k: v for k, v in locals().items() if k != "file"}
    from signaling.commands import doctor as clinic
    from signaling.front import tls

    settings = _load("serve", overrides, file).settings
    signs = {clinic.Verdict.GOOD: "✓", clinic.Verdict.WARNING: "!", clinic.Verdict.BAD: "✗"}
    worst = False
    for finding in clinic.examine(settings, tls.utc(clock.CLOCK.time())):
        print(f"{signs[finding.verdict]} {finding.subject:15} {finding.seen}")
        if finding.verdict is not clinic.Verdict.GOOD:
            print(f"  {'':15} → {finding.fix or finding.verdict.value}")
        worst = worst or finding.verdict is clinic.Verdict.BAD
    raise typer.Exit(1 if worst else 0)


@app.command()
def token(
    identity: Annotated[str, typer.Option(help="định danh / identity")] = "",
    name: Annotated[str, typer.Option(help="tên hiện ra / name shown")] = "",
    conference: Annotated[str, typer.Option(help="cuộc họp / conference")] = "",
    ttl: Annotated[int, typer.Option(help="giây / seconds", min=1, max=limits.TOKEN_TTL_MOST_S)] = limits.TOKEN_TTL_S,
    admin: Annotated[bool, typer.Option("--admin", help="điều hành cuộc họp / administer the conference")] = False,
    create: Annotated[bool, typer.Option("--create", help="mở cuộc họp / create conferences")] = False,
    list_all: Annotated[bool, typer.Option("--list", help="xem danh sách / list conferences")] = False,
    hidden: Annotated[bool, typer.Option("--hidden", help="không hiện ra / not shown to others")] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Cấp thẻ vào cửa / sign a token."""
    from conference import Grants
    from signaling.host.tokens import Authenticator

    if not identity and not (admin or create or list_all):
        _fail(
            2,
            "Cần --identity (để vào họp) hoặc --admin, --create, --list.",
            "--identity is needed, or --admin, --create, --list.",
        )
    settings = _with_key({"data_dir": data_dir}, file)
    join = bool(identity and conference)
    grants = Grants(
        identity, name, conference=conference, join=join, admin=admin, create=create, list=list_all, hidden=hidden
    )
    print(Authenticator({settings.api_key: settings.api_secret}).sign(grants, ttl, clock.CLOCK.time()))


@bots.command("join")
def bot_join(
    conference: Annotated[str, typer.Argument(help="số cuộc họp / conference")],
    count: Annotated[int, typer.Option(help="bao nhiêu / how many", min=1, max=200)] = 1,
    duration: Annotated[float, typer.Option(help="giây, 0: đến khi dừng / seconds, 0: until stopped", min=0)] = 0,
    url: Annotated[str, typer.Option(help="ws://… ; mặc định máy này / default: this machine")] = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="nhận và giải mã, tốn máy / receive and decode; needs much CPU")
    ] = False,
    data_dir: DataDir = None,
    file: File = None,
) -> None:
    """Cho người máy biết cử động và nói vào họp / test participants that move and speak join."""
    import asyncio

    from signaling.bot.group import run
    from signaling.front import whereabouts

    settings = _with_key({"data_dir": data_dir}, file)
    target = url or whereabouts.address(settings, settings.http_port).replace("http", "ws", 1)
    authority = settings.data_dir / "tls" / "ca.crt"
    codes: list[int] = []
    _until_stopped(
        lambda: codes.append(
            asyncio.run(
                run(
                    target,
                    settings.api_key,
                    settings.api_secret,
                    conference,
                    count=count,
                    duration_s=duration or None,
                    watch=watch,
                    authority=authority if authority.is_file() else None,
                )
            )
        )
    )
    raise typer.Exit(1 if any(codes) else 0)


@shown.command("show")
def config_show(profile: Annotated[str, typer.Option(help="dev | serve")] = "serve", file: File = None) -> None:
    """Mỗi giá trị và nơi đặt nó / each value and its source."""
    if profile not in sources.PROFILES:
        _fail(2, "--profile: dev hoặc serve.", "--profile: dev or serve.")
    rows = _load("dev" if profile == "dev" else "serve", {}, file).rows()
    wide = max(len(value) for _, value, _ in rows)
    for name, value, source in rows:
        print(f"{name:16} {value:{min(wide, 40)}}  {source}")


def main() -> None:
    """Run the command line. The commands read the `DIEMCAU_*` variables and ./diemcau.toml."""
    app(prog_name="diemcau")


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="phiên bản / version")] = False) -> None:
    if version:
        print(f"diemcau {clock.version()}")
        raise typer.Exit


def _run(profile: Profile, overrides: Mapping[str, object], file: Path | None) -> None:
    from signaling.front import sockets

    settings = _load(profile, overrides, file).settings
    try:
        # The ports open before the imports: clients that lost the previous server then wait in the backlog, and their
        # connections are not refused.
        listeners = sockets.claim(settings, os.environ)
        _until_stopped(lambda: _serve(profile, settings, listeners))
    except SettingsError as error:
        taken = isinstance(error, sockets.PortsRefused) and error.in_use
        _fail(1, error.vi, f"{error.en}\n{_second(profile, settings)}" if taken else error.en)


def _serve(profile: Profile, settings: Settings, listeners: list[socket.socket]) -> None:
    # While modules load, the garbage collector would scan all of them many times. This takes a sixth of the time of a start.
    # `server.run` enables the collector again.
    gc.disable()
    from signaling import server
    from signaling.ops import journal

    journal.start(settings.log_level, as_json=profile == "serve")
    ready = server.with_credentials(settings, profile)
    server.run(ready, listeners, started=_greeting(profile), watch=profile == "dev")


def _second(profile: Profile, settings: Settings) -> str:
    """Return the command that starts a second server beside the running server: the words of this command, with other ports and
    another data folder.
    """
    from signaling.front import sockets, whereabouts

    own = dict(zip(("--http-port", "--media-port"), map(str, sockets.propose(settings)), strict=True))
    own["--data-dir"] = str(whereabouts.folder_beside(settings))
    typed = iter(sys.argv[sys.argv.index(profile) + 1 :] if profile in sys.argv else ())
    words = []
    for word in typed:
        if word.split("=")[0] not in own:
            words.append(word)
        elif "=" not in word:
            next(typed, None)  # skip the value of the option
    line = shlex.join([*words, *itertools.chain.from_iterable(own.items())])
    command = f'make run ARGS="{line}"' if profile == "dev" else f"diemcau {profile} {line}"
    return f"Máy chủ thứ hai cạnh máy đang chạy / a second server beside a running server:\n  {command}"


def _greeting(profile: Profile) -> Callable[[Any, str], None]:
    from signaling import server

    def greet(composition: server.Composition, address: str) -> None:
        print(f"\n  Điểm Cầu {clock.version()}    {address}/")
        if profile == "dev":
            print(f"  Mở cuộc họp / open a meeting: {composition.new_link(address)}")
            if first := composition.secretariat.installation.first_link(address):
                print(f"  Quản trị lần đầu / first administrator: {first}")
            demonstration = composition.secretariat.installation.demo_links(address)
            for name, link in demonstration.items():
                print(f"  Dữ liệu mẫu / demonstration, {name}: {link}")
            if first or demonstration:
                print("  Mỗi đường dẫn đăng nhập dùng được một lần / each link to sign in works once")
        elif not composition.secretariat.installation.administered:
            print("  Chưa có quản trị / no administrator yet: diemcau user link")
        if composition.fingerprint is not None:
            print(f"  Điện thoại / phones: {address}/trust")
            print("    1. Mở trang ấy, so dấu vân tay / open that page, compare the fingerprint:")
            pairs = composition.fingerprint.replace(":", "")  # groups of four digits, as the page shows them
            print(f"       {' '.join(pairs[at : at + 4] for at in range(0, len(pairs), 4))}")
            print("    2. Tải và cài chứng thư / download and install the certificate")
        if composition.uncertified:
            names = ", ".join(composition.uncertified)
            print(f"  Chứng thư không dùng được cho / the certificate is not valid for: {names} (diemcau doctor)")
        print("  Dừng / stop: Ctrl+C\n", flush=True)

    return greet


def _load(profile: Profile, overrides: Mapping[str, object], file: Path | None) -> Loaded:
    try:
        return sources.load(profile, overrides=overrides, environ=os.environ, file=file)
    except SettingsError as error:
        _fail(2, error.vi, error.en)


def _with_key(overrides: Mapping[str, object], file: Path | None) -> Settings:
    """Return settings with an API key: the operator's key, or the key that `dev` keeps in the data folder. End the command if
    neither exists.
    """
    settings = _load("serve", overrides, file).settings
    if settings.api_key and settings.api_secret:
        return settings
    kept = settings.data_dir / "devkey.secret"
    if settings.api_key or not kept.is_file():
        _fail(1, "Cần DIEMCAU_API_KEY và DIEMCAU_API_SECRET.", "DIEMCAU_API_KEY and DIEMCAU_API_SECRET are needed.")
    secret = kept.read_text(encoding="ascii").strip()
    local = _load("dev", overrides, file).settings
    return local.model_copy(update={"api_key": local.api_key or "devkey", "api_secret": secret})


def _until_stopped(work: Callable[[], None]) -> None:
    try:
        work()
    except KeyboardInterrupt:
        print("\n  Đã dừng / stopped", file=sys.stderr)


def _fail(code: int, vi: str, en: str) -> NoReturn:
    print(vi, file=sys.stderr)
    print(en, file=sys.stderr)
    raise typer.Exit(code)
