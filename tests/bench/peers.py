"""The servers that the bench measures: this server and LiveKit. Each starts fresh on loopback and stops after use.

The module manages processes, ports, settings and builds. It measures nothing.
"""

import contextlib
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "bench"
GENERATOR = Path(__file__).resolve().parent / "generator"
LIVEKIT_VERSION = "v1.13.5"  # 1.13.11 cannot be built: its forks are not public
LIVEKIT_MODULE = "github.com/livekit/livekit-server"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0
KEY = "bench"


@dataclass(frozen=True)
class Server:
    """A server under test that answers on `port` of 127.0.0.1."""

    name: str
    pid: int
    port: int
    key: str
    secret: str
    metrics_token: str = ""
    """The token for `GET /metrics`; empty if the server has no metrics."""

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


@contextlib.contextmanager
def diemcau(command: str = "", tree: Path = ROOT, **more: str) -> Iterator[Server]:
    """Run this server with `command` (default: the module of this interpreter) and settings from the environment. `tree` is the
    checkout whose server runs. `more` are additional settings.
    """
    http_port, media_port = free_port(), free_port()
    words = shlex.split(command) or [sys.executable, "-m", "signaling", "serve"]
    secret, metrics_token = secrets.token_hex(24), secrets.token_hex(24)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = {
            "HOST": "127.0.0.1",
            "ANNOUNCED": "127.0.0.1",
            "API_KEY": KEY,
            "API_SECRET": secret,
            "HTTP_PORT": str(http_port),
            "MEDIA_PORT": str(media_port),
            "DATA_DIR": folder,
            "METRICS_TOKEN": metrics_token,
            **dict.fromkeys(
                ("SIP_UDP_PORT", "SIP_TCP_PORT", "SIP_TLS_PORT"), "-1"
            ),  # other servers may run on this machine
        } | more
        http_port = int(settings["HTTP_PORT"])
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
        environ = inherited | {f"DIEMCAU_{name}": value for name, value in settings.items()}
        with _running(words, environ, http_port, Path(folder) / "server.log", tree) as pid:
            _build_rest(http_port)
            yield Server("diemcau", pid, http_port, KEY, secret, metrics_token)


@contextlib.contextmanager
def livekit() -> Iterator[Server]:
    """Run LiveKit's server, which is built on first use."""
    binary = livekit_binary()
    http_port, udp_port, tcp_port = free_port(), free_port(), free_port()
    secret = secrets.token_hex(24)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "livekit.yaml"
        file.write_text(
            f"port: {http_port}\nbind_addresses: [127.0.0.1]\nlogging: {{level: warn}}\nkeys: {{{KEY}: {secret}}}\n"
            f"rtc:\n  udp_port: {udp_port}\n  tcp_port: {tcp_port}\n  use_external_ip: false\n"
            "  node_ip: 127.0.0.1\n  enable_loopback_candidate: true\n",
            encoding="utf-8",
        )
        words = [str(binary), "--config", str(file)]
        with _running(words, dict(os.environ), http_port, Path(folder) / "server.log") as pid:
            yield Server("livekit", pid, http_port, KEY, secret)


def livekit_binary() -> Path:
    """Return the path of LiveKit's server: LIVEKIT_BINARY, a binary from `go install`, or a new build (97 s)."""
    named = os.environ.get("LIVEKIT_BINARY")
    if named:
        return Path(named)
    go = shutil.which("go")
    if go is None:
        raise SystemExit("LiveKit is built with Go: install it, or set LIVEKIT_BINARY to a built server")
    home = Path(subprocess.run([go, "env", "GOPATH"], check=True, capture_output=True, text=True).stdout.strip())
    for binary in (CACHE / "server", home / "bin" / "server"):
        if binary.is_file() and _is_livekit(go, binary):
            return binary
    CACHE.mkdir(parents=True, exist_ok=True)
    environ = os.environ | {"GOBIN": str(CACHE), "GOFLAGS": "-mod=mod"}
    package = f"{LIVEKIT_MODULE}/cmd/server@{LIVEKIT_VERSION}"
    print(f"building {package}", file=sys.stderr, flush=True)
    subprocess.run([go, "install", package], check=True, env=environ)
    return CACHE / "server"


def build_generator() -> Path:
    """Build the load generator (locked) and return its path."""
    words = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(GENERATOR / "Cargo.toml")]
    environ = os.environ | {"CARGO_TARGET_DIR": str(GENERATOR / "target")}
    subprocess.run(words, check=True, env=environ)
    return GENERATOR / "target" / "release" / "bench-generator"


def build_floor() -> Path:
    """Build the program that only receives, decrypts, encrypts and sends (locked), and return its path."""
    plane = ROOT / "media" / "plane"
    words = ["cargo", "build", "--release", "--locked", "--quiet", "--package", "plane-udp", "--example", "floor"]
    subprocess.run(words, check=True, cwd=plane)
    return plane / "target" / "release" / "examples" / "floor"


def _is_livekit(go: str, binary: Path) -> bool:
    told = subprocess.run([go, "version", "-m", str(binary)], capture_output=True, text=True, check=False).stdout
    return f"{LIVEKIT_MODULE}\t{LIVEKIT_VERSION}" in told


@contextlib.contextmanager
def _running(words: list[str], environ: dict[str, str], port: int, log: Path, tree: Path = ROOT) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=tree, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _await_answer(process, port, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _await_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{words_of(process)} did not answer:\n{log.read_text(errors='replace')[-2000:]}")


def _build_rest(port: int) -> None:
    """Ask the REST API once. The server builds the API at the first request or 5 s after its start: half a second of CPU."""
    with (
        contextlib.suppress(urllib.error.HTTPError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/me", timeout=30),
    ):
        pass


def words_of(process: subprocess.Popen[bytes]) -> str:
    return shlex.join(str(word) for word in process.args) if isinstance(process.args, list) else str(process.args)
