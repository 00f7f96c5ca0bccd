"""`diemcau db`, `org` and `audit` as an operator types them, on a real database file."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from signaling.cli import app

Diemcau = Callable[..., Result]


@pytest.fixture
def diemcau(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Diemcau:
    """Return a function that runs the command, as in `diemcau("db", "upgrade")`, with its own data folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("DIEMCAU_CONFIG", "DIEMCAU_DATABASE", "DIEMCAU_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DIEMCAU_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(app, [str(one) for one in arguments])
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return run


def test_a_new_database(diemcau: Diemcau) -> None:
    assert "db upgrade" in diemcau("db", "current", code=1).output
    assert diemcau("db", "upgrade").output.strip() == diemcau("db", "current").output.split(" / ")[1].strip()


def test_the_drill_as_an_operator_does_it(diemcau: Diemcau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diemcau("db", "upgrade")
    assert "unit" in diemcau("org", "load", "longan-2021", "--people", 300).output
    assert "1 mốc mới" in diemcau("audit", "export", tmp_path / "out").output
    assert "0 mốc mới" in diemcau("audit", "export", tmp_path / "out").output
    assert "keep a copy elsewhere" in diemcau("db", "backup", tmp_path / "backup").output
    assert "không trống" in diemcau("db", "backup", tmp_path / "backup", code=1).output
    assert "đã có dữ liệu" in diemcau("db", "restore", tmp_path / "backup", code=1).output
    (tmp_path / "data" / "audit.key").rename(tmp_path / "audit.key")
    monkeypatch.setenv("DIEMCAU_DATA_DIR", str(tmp_path / "elsewhere"))
    assert "restored" in diemcau("db", "restore", tmp_path / "backup").output
    public = tmp_path / "out" / "audit.pub"
    verified = diemcau("audit", "verify", "--checkpoints", tmp_path / "out", "--public-key", public)
    assert "1 mục đã ký" in verified.output


def test_a_sealed_backup_as_an_operator_makes_it(
    diemcau: Diemcau, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diemcau("db", "upgrade")
    diemcau("org", "load", "tayninh-2025")
    diemcau("audit", "export", tmp_path / "out")
    key = tmp_path / "backup.key"
    public = next(line for line in diemcau("db", "backup-key", key).output.splitlines() if line.startswith("age1"))
    assert "đã có" in diemcau("db", "backup-key", key, code=1).output
    assert "encrypted, with the keys" in diemcau("db", "backup", tmp_path / "one", "--recipient", public).output
    assert "age1…" in diemcau("db", "backup", tmp_path / "bad", "--recipient", "age1x", code=1).output
    monkeypatch.setenv("DIEMCAU_BACKUP_PASSPHRASE", "ngắn")
    assert "cần từ" in diemcau("db", "backup", tmp_path / "short", "--passphrase", code=1).output
    monkeypatch.setenv("DIEMCAU_BACKUP_PASSPHRASE", "năm từ không ai đoán ra")
    diemcau("db", "backup", tmp_path / "two", "--passphrase")
    diemcau("db", "backup", tmp_path / "three", "--passphrase", "--recipient", public, code=2)
    for number, (folder, how) in enumerate((("one", ("--identity", key)), ("two", ("--passphrase",)))):
        monkeypatch.setenv("DIEMCAU_DATA_DIR", str(tmp_path / f"elsewhere{number}"))
        assert "--identity" in diemcau("db", "restore", tmp_path / folder, code=1).output
        assert "audit.key" in diemcau("db", "restore", tmp_path / folder, *how).output
        verified = diemcau("audit", "verify", "--checkpoints", tmp_path / "out")
        assert "1 mục đã ký" in verified.output


def test_tampering_is_an_exit_code(diemcau: Diemcau, tmp_path: Path) -> None:
    diemcau("db", "upgrade")
    diemcau("org", "load", "tayninh-2025")
    diemcau("audit", "export", tmp_path / "out")
    assert "not compared" in diemcau("audit", "verify").output
    with sqlite3.connect(tmp_path / "data" / "diemcau.sqlite") as connection:
        for verb in ("update", "delete"):
            connection.execute(f"DROP TRIGGER audit_entry_kept_{verb}")
        connection.execute("UPDATE audit_entry SET actor = 'nobody'")
    connection.close()
    found = diemcau("audit", "verify", "--checkpoints", tmp_path / "out", code=1)
    assert "entry_altered" in found.output
    (tmp_path / "out" / "checkpoint-1.json").write_text(json.dumps({}))
    assert "not a checkpoint" in diemcau("audit", "verify", "--checkpoints", tmp_path / "out", code=1).output


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_files_in_and_out(diemcau: Diemcau, tmp_path: Path, suffix: str) -> None:
    diemcau("db", "upgrade")
    diemcau("org", "load", "tayninh-2025")
    for kind in ("units", "posts", "people", "sites", "halls", "terminals"):
        path = tmp_path / f"{kind}.{suffix}"
        diemcau("org", "export", kind, path)
        assert "new 0, sửa / changed 0" in diemcau("org", "import", kind, path).output
    path = tmp_path / "new.csv"
    path.write_text("code,name,unit_code\nm1,Nguyễn Văn Mới,TN.01\n", encoding="utf-8")
    assert "--apply" in diemcau("org", "import", "people", path).output
    assert "new 1" in diemcau("org", "import", "people", path, "--apply").output
    assert "unchanged 1" in diemcau("org", "import", "people", path).output


def test_errors_of_a_file_by_line_and_column(diemcau: Diemcau, tmp_path: Path) -> None:
    diemcau("db", "upgrade")
    diemcau("org", "load", "tayninh-2025")
    path = tmp_path / "bad.csv"
    path.write_text("code,name,unit_code\nm1,,TN.01\nm2,Người,nowhere\n", encoding="utf-8")
    told = diemcau("org", "import", "people", path, "--apply", code=1).output
    assert "2:name" in told
    assert "3:unit_code" in told
    assert "chưa ghi gì" in told
    assert "unknown" not in diemcau("org", "load", "tayninh-2025", code=1).output
    path.write_bytes("mã;tên\n".encode("utf-16"))
    assert "CSV UTF-8" in diemcau("org", "import", "people", path, code=1).output
