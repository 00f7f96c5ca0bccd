"""Settings: precedence, kinds, unknown names, secrets."""

import re
from pathlib import Path

import pytest

from signaling.host.settings import PREFIX, SettingsError, meaning, names
from signaling.host.sources import BACKUP_VARIABLE, FILE_VARIABLE, load

PAGE = Path(__file__).resolve().parents[3] / "signaling" / "docs" / "settings.md"


def test_settings_sources_are_applied_in_order_of_priority(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('http_port = 1\nmedia_port = 2\nshards = 3\nhost = ["127.0.0.1"]\n')
    loaded = load(
        "serve",
        overrides={"http_port": 11, "media_port": None},
        environ={"DIEMCAU_HTTP_PORT": "21", "DIEMCAU_MEDIA_PORT": "22", "PATH": "/bin"},
        file=file,
    )
    assert (loaded.settings.http_port, loaded.settings.media_port, loaded.settings.shards) == (11, 22, 3)
    assert loaded.sources["http_port"] == "command line"
    assert loaded.sources["media_port"] == "DIEMCAU_MEDIA_PORT"
    assert loaded.sources["shards"] == str(file)
    assert loaded.sources["gso"] == "default"


def test_file_by_variable_and_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "diemcau.toml").write_text("http_port = 5")
    other = tmp_path / "other.toml"
    other.write_text("http_port = 6")
    assert load("dev", overrides={}, environ={}, folder=tmp_path).settings.http_port == 5
    environ = {"DIEMCAU_CONFIG": str(other)}
    assert load("dev", overrides={}, environ=environ, folder=tmp_path).settings.http_port == 6


@pytest.mark.parametrize(
    ("given", "near"), [("http_prot", "http_port"), ("api_secrett", "api_secret"), ("media_hosts", "media_host")]
)
def test_unknown_names_are_errors_that_tell_the_nearest(given: str, near: str, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'{given} = "1"')
    with pytest.raises(SettingsError, match=f"Did you mean {near}"):
        load("dev", overrides={}, environ={}, file=file)
    with pytest.raises(SettingsError, match=f"DIEMCAU_{given.upper()}"):
        load("dev", overrides={}, environ={f"DIEMCAU_{given.upper()}": "1"})


def test_kinds() -> None:
    environ = {
        "DIEMCAU_HOST": "127.0.0.1, ::1",
        "DIEMCAU_GSO": "off",
        "DIEMCAU_DATA_DIR": "/tmp/x",
        "DIEMCAU_TLS_CERT": "",
    }
    settings = load("serve", overrides={}, environ=environ).settings
    assert settings.host == ("127.0.0.1", "::1")
    assert settings.gso is False
    assert settings.data_dir == Path("/tmp/x")
    assert settings.tls_cert is None
    assert settings.loopback_only
    assert not settings.encrypted


@pytest.mark.parametrize(
    "environ",
    [
        {"DIEMCAU_HTTP_PORT": "65536"},
        {"DIEMCAU_HTTP_PORT": "x"},
        {"DIEMCAU_GSO": "perhaps"},
        {"DIEMCAU_HOST": "localhost"},
        {"DIEMCAU_HOST": ""},
        {"DIEMCAU_API_SECRET": "s" * 31},
        {"DIEMCAU_TLS_CERT": "a.pem"},
        {"DIEMCAU_PUBLIC_URL": "hop.example.vn"},
        {"DIEMCAU_LOG_LEVEL": "loud"},
        {"DIEMCAU_SHARDS": "17"},
        {"DIEMCAU_CONFIG": "/nonexistent/x.toml"},
    ],
)
def test_values_that_cannot_work_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        load("dev", overrides={}, environ=environ)


def test_file_of_wrong_kinds(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    for text in ("http_port = true", "host = 5", "gso = 1.5", "api_key = 3", "[http]\nport = 1", "x ="):
        file.write_text(text)
        with pytest.raises(SettingsError):
            load("dev", overrides={}, environ={}, file=file)


def test_secrets_are_masked_and_every_setting_has_a_meaning() -> None:
    secret = "0123456789abcdef0123456789abcdef"
    loaded = load("serve", overrides={}, environ={"DIEMCAU_API_SECRET": secret})
    shown = {name: (value, source) for name, value, source in loaded.rows()}
    assert shown["api_secret"] == ("********", "DIEMCAU_API_SECRET")
    assert secret not in str(shown)
    assert shown["gso"] == ("true", "default")
    assert all(meaning(name) for name in names())


def test_dev_listens_locally_and_other_addresses_are_encrypted() -> None:
    dev = load("dev", overrides={}, environ={}).settings
    assert dev.loopback_only
    assert not dev.encrypted
    assert dev.local_creation
    assert not dev.open_creation
    lan = load("dev", overrides={"host": ("0.0.0.0",)}, environ={}).settings
    assert lan.encrypted
    serve = load("serve", overrides={}, environ={}).settings
    assert serve.encrypted
    assert not serve.local_creation
    assert not serve.open_creation


def test_the_page_names_every_setting_and_no_other() -> None:
    """The tables of the page have each setting once, and each variable in the text exists."""
    page = PAGE.read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(first_cells))) == sorted(names())
    known = {PREFIX + name.upper() for name in names()} | {FILE_VARIABLE, BACKUP_VARIABLE}
    assert set(re.findall(PREFIX + "[A-Z_]+", page)) <= known
