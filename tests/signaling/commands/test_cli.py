"""The command as operators type it, in its own process. Further cases of a command run in the process of the test."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from signaling import cli
from signaling.front import whereabouts
from signaling.host.tokens import Authenticator
from tests.conftest import ROOT

SECRET = "0123456789abcdef0123456789abcdef"
KEY = {"DIEMCAU_API_KEY": "office", "DIEMCAU_API_SECRET": SECRET}


def diemcau(
    *arguments: str, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
    environ |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | dict(variables or {})
    command = [sys.executable, "-m", "signaling", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def typed(*arguments: str, variables: Mapping[str, str] | None = None) -> Result:
    """Run the command in this process, because a process of its own takes up to a second of a processor to start."""
    unset = {name: None for name in os.environ if name.startswith("DIEMCAU_")}
    return CliRunner().invoke(cli.app, arguments, env=unset | dict(variables or {}))


def test_the_command_line_imports_no_heavy_libraries() -> None:
    asked = "import sys, signaling.cli; print({'sqlalchemy', 'aiortc', 'fastapi', 'av'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout == "set()\n"


def test_help_names_every_command() -> None:
    shown = diemcau("--help")
    assert shown.returncode == 0
    for command in ("dev", "serve", "doctor", "token", "bot", "config"):
        assert command in shown.stdout
    assert "--api-secret" not in typed("serve", "--help").stdout


def test_version() -> None:
    assert diemcau("--version").stdout.startswith("diemcau ")


@pytest.mark.parametrize("profile", ["serve", pytest.param("dev", marks=pytest.mark.sim)])
def test_a_library_that_ends_calls_is_refused(tmp_path: Path, profile: str) -> None:
    """Show that an OpenSSL with CVE-2026-75806 is refused. The test's process reports the last version with that hole."""
    told = (
        "from signaling import cli; from signaling.ops import libraries;"
        " libraries.openssl = lambda: 'OpenSSL 4.0.2 25 Aug 2026'; cli.main()"
    )
    words = [profile, "--http-port", "0", "--media-port", "0", "--data-dir", str(tmp_path)]
    environ = os.environ | {"PYTHONPATH": str(ROOT)} | KEY
    command = [sys.executable, "-c", told, *words]
    refused = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "OpenSSL 4.0.2" in refused.stderr
    assert "cryptography" in refused.stderr


def test_a_token_for_any_client(now: float) -> None:
    made = diemcau(
        "token", "--identity", "an", "--name", "An", "--conference", "r", "--ttl", "60", "--admin", variables=KEY
    )
    assert made.returncode == 0, made.stderr
    grants = Authenticator({"office": SECRET}).verify(made.stdout.strip(), now)
    assert (grants.identity, grants.name, grants.conference, grants.join, grants.admin) == ("an", "An", "r", True, True)
    assert not grants.create


def test_a_token_by_the_key_that_dev_keeps(tmp_path: Path, now: float) -> None:
    (tmp_path / "devkey.secret").write_text(SECRET, encoding="ascii")
    made = typed("token", "--identity", "an", "--conference", "r", "--data-dir", str(tmp_path))
    assert made.exit_code == 0, made.stderr
    assert Authenticator({"devkey": SECRET}).verify(made.stdout.strip(), now).identity == "an"


def test_a_token_wants_a_key_and_a_bearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    no_key = typed("token", "--identity", "an")
    assert no_key.exit_code == 1
    assert "DIEMCAU_API_SECRET" in no_key.stderr
    assert typed("token", variables=KEY).exit_code == 2


def test_serve_wants_a_key_of_the_operator_s(tmp_path: Path) -> None:
    refused = diemcau("serve", folder=tmp_path)
    assert refused.returncode == 1
    assert "openssl rand" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DIEMCAU_HTPP_PORT": "1"}, "Did you mean http_port"),
        ({"DIEMCAU_API_SECRET": "short"}, "api_secret"),
        ({"DIEMCAU_CONFIG": "/nonexistent.toml"}, "/nonexistent.toml"),
    ],
)
def test_wrong_settings_are_reported_in_both_languages(variables: dict[str, str], words: str) -> None:
    refused = diemcau("dev", variables=variables)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert len(refused.stderr.splitlines()) == 2


def test_a_taken_port_is_reported_in_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = diemcau("dev", "--http-port", port, "--media-port", "0", "--data-dir", str(tmp_path))
    assert refused.returncode == 1
    assert f"Cannot open port {port}" in refused.stderr


@pytest.mark.parametrize("both", [True, False])
def test_taken_ports_are_reported_with_a_command_that_works(tmp_path: Path, both: bool) -> None:
    """Show that taken ports are reported at once, as when a second server starts beside the first."""
    with socket.socket() as pages, socket.socket(type=socket.SOCK_DGRAM) as media, socket.socket() as free:
        for one in (pages, media, free):
            one.bind(("127.0.0.1", 0))
        pages.listen()
        taken, port, other = (one.getsockname()[1] for one in (pages, media, free))
        free.close()
        whereabouts.leave(tmp_path / "data2", whereabouts.Started("", taken, port))
        http = taken if both else other
        refused = diemcau(
            "dev", f"--http-port={http}", "--demo", "--media-port", str(port), "--log-level", "info", folder=tmp_path
        )
        named = f"port {taken} (http_port), port {port}" if both else f"port {port}"
        assert f"Cannot open {named} (media_port): Address already in use" in refused.stderr
        line = re.fullmatch(
            r'  make run ARGS="--demo --log-level info --http-port (\d+) --media-port (\d+) --data-dir data3"',
            refused.stderr.splitlines()[-1],
        )
        assert line is not None, refused.stderr
        assert (int(line[1]) == http) is not both
        words = ("--host", "127.0.0.1", "--http-port", line[1], "--media-port", line[2])
        examined = diemcau("doctor", *words, folder=tmp_path).stdout
        assert "✓ http_port" in examined
        assert "✓ media_port" in examined
        assert "running" not in examined
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 4)
    assert not (tmp_path / "data").joinpath("diemcau.sqlite").exists()


def test_the_suggested_command_keeps_the_given_data_folder(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ("--host", "127.0.0.1", "--http-port", str(taken.getsockname()[1]), "--media-port", "0")
        refused = diemcau("serve", *words, "--data-dir", str(tmp_path), variables=KEY)
    line = refused.stderr.splitlines()[-1]
    assert re.fullmatch(
        rf"  diemcau serve --host 127\.0\.0\.1 --http-port \d+ --media-port 0 --data-dir {tmp_path}", line
    )


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_taken_sip_port_is_reported_in_one_line(tmp_path: Path, kind: socket.SocketKind) -> None:
    """Show that a taken SIP port is reported in one line, as when a second server starts beside the first."""
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port, name = taken.getsockname()[1], "UDP" if kind == socket.SOCK_DGRAM else "TCP"
        halls = {f"DIEMCAU_SIP_{one}_PORT": "-1" for one in ("UDP", "TCP", "TLS")} | {
            f"DIEMCAU_SIP_{name}_PORT": str(port)
        }
        words = ("serve", "--host", "127.0.0.1", "--http-port", "0", "--media-port", "0", "--data-dir", str(tmp_path))
        refused = diemcau(*words, variables=KEY | halls | {"DIEMCAU_HALLS": "true"})
    assert refused.returncode == 1
    assert f"Cannot open port {port} (sip_{name.lower()}_port)" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len(refused.stderr.splitlines()) <= 2


def test_config_show_masks_and_names_sources(tmp_path: Path) -> None:
    (tmp_path / "diemcau.toml").write_text("shards = 2")
    shown = diemcau("config", "show", folder=tmp_path, variables=KEY)
    rows = {line.split()[0]: line for line in shown.stdout.splitlines()}
    assert SECRET not in shown.stdout
    assert rows["api_secret"].endswith("DIEMCAU_API_SECRET")
    assert rows["shards"].endswith("diemcau.toml")
    assert rows["gso"].endswith("default")
    assert "127.0.0.1" in typed("config", "show", "--profile", "dev").stdout


def test_doctor_tells_and_its_exit_code_counts(tmp_path: Path) -> None:
    well = diemcau(
        "doctor",
        "--host",
        "127.0.0.1",
        "--http-port",
        "0",
        "--media-port",
        "0",
        "--data-dir",
        str(tmp_path),
        variables={"DIEMCAU_HALLS": "false"},  # a neighbour may use SIP's well-known ports
    )
    assert well.returncode == 0, well.stdout
    ill = typed(
        "doctor", "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent", "--http-port", "0", "--media-port", "0"
    )
    assert ill.exit_code == 1
    assert "✗" in ill.stdout
