"""The sources of the settings' values, their order, and the texts of errors.

The command line wins over the environment, the environment over the file, and the file over the defaults of `dev` or `serve`.
An unknown name is an error. The module reads files, and the environment that the caller hands in.
"""

import difflib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from signaling.host.settings import PREFIX, Settings, SettingsError, is_secret, names

Profile = Literal["dev", "serve"]
FILE_VARIABLE = "DIEMCAU_CONFIG"
BACKUP_VARIABLE = "DIEMCAU_BACKUP_PASSPHRASE"
"""The variable with the passphrase for backups. Only `diemcau db backup` and `restore` read it, so no server needs it."""
DEFAULT_FILE = "diemcau.toml"
PROFILES: dict[Profile, dict[str, object]] = {
    "dev": {"host": ("127.0.0.1", "::1"), "api_key": "devkey", "local_creation": True, "database_upgrade": True},
    "serve": {"halls": True},
}


@dataclass(frozen=True)
class Loaded:
    """Settings with the source of each value: `command line`, a variable's name, a file's path or `default`."""

    settings: Settings
    sources: Mapping[str, str]

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (name, value as text, source) for each setting. Secrets are masked."""
        return [(name, _shown(name, getattr(self.settings, name)), self.sources[name]) for name in names()]


def load(
    profile: Profile,
    *,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    file: Path | None = None,
    folder: Path = Path(),
) -> Loaded:
    """Gather, convert and check the values. `overrides` are command line values; None means that the option is absent.

    Raises SettingsError for an unknown name, a value of the wrong kind or a set of values that cannot work.
    """
    values: dict[str, object] = dict(PROFILES[profile])
    sources = dict.fromkeys(names(), "default")
    path = file or (Path(environ[FILE_VARIABLE]) if FILE_VARIABLE in environ else None)
    if path is None and (folder / DEFAULT_FILE).is_file():
        path = folder / DEFAULT_FILE
    given = {name: value for name, value in overrides.items() if value is not None}
    layers: tuple[tuple[Mapping[str, object], Callable[[str], str]], ...] = (
        (_from_file(path) if path else {}, lambda _: str(path)),
        (_from_environment(environ), lambda name: PREFIX + name.upper()),
        (given, lambda _: "command line"),
    )
    for layer, source in layers:
        for name, value in layer.items():
            if name not in sources:
                raise _unknown(name, source(name))
            values[name] = value
            sources[name] = source(name)
    try:
        return Loaded(Settings.model_validate(values), sources)
    except ValidationError as error:
        raise _refused(error.errors()[0], sources) from error


def _from_file(path: Path) -> Mapping[str, object]:
    try:
        path.stat()  # raises for an absent file; the library would ignore it
        return TomlConfigSettingsSource(Settings, path)()
    except OSError as error:
        raise SettingsError(
            f"Không đọc được tệp cấu hình {path}: {error.strerror}.",
            f"Cannot read the settings file {path}: {error.strerror}.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"Tệp cấu hình {path} sai cú pháp: {error}.", f"{path} is not valid TOML: {error}."
        ) from error


def _from_environment(environ: Mapping[str, str]) -> Mapping[str, object]:
    """Return the settings in the environment. The library ignores unknown variables; here a typing error is refused."""
    for variable in environ:
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and variable not in (FILE_VARIABLE, BACKUP_VARIABLE) and name not in names():
            raise _unknown(name, variable)
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in environ.items() if name.startswith(PREFIX)}
    return source()


def _unknown(name: str, source: str) -> SettingsError:
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
    vi = f" Có phải là {near[0]}?" if near else f" Các tên hợp lệ: {', '.join(names())}."
    en = f" Did you mean {near[0]}?" if near else ""
    return SettingsError(f"Cấu hình lạ {name!r} ({source}).{vi}", f"Unknown setting {name!r} ({source}).{en}")


def _refused(error: Any, sources: Mapping[str, str]) -> SettingsError:
    """Return the first error of pydantic as a SettingsError with our own texts."""
    context = error.get("ctx", {})
    name = str(error["loc"][0]) if error["loc"] else context["name"]
    place = f" ({sources[name]})" if name in sources else ""
    hint = context.get("hint") or context.get("expected", "").replace("'", "") or _bounds(name) or error["msg"]
    return SettingsError(
        f"Giá trị của {name}{place} không dùng được. Cần: {hint}.",
        f"The value of {name}{place} cannot be used. Expected: {hint}.",
    )


def _bounds(name: str) -> str:
    """Return the smallest and the largest allowed number as text; empty if the setting has no such bounds."""
    found = {type(one).__name__: one for one in Settings.model_fields[name].metadata}
    return f"{found['Ge'].ge} … {found['Le'].le}" if {"Ge", "Le"} <= found.keys() else ""


def _shown(name: str, value: object) -> str:
    if is_secret(name):
        return "********" if value else ""
    if isinstance(value, tuple):
        return ", ".join(value)
    return json.dumps(value) if isinstance(value, bool) else "" if value is None else str(value)
