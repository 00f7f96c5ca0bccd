"""The wheel that users install holds all files that the program needs and no others. It runs without the sources."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
import threading
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT

MAY_HOLD = re.compile(
    r"(rooms|conference|signaling|media)/.*\.(py|pyi|md)|rooms/meetings/letters/(letter\.typ|fonts/(LICENSE|[\w-]+\.ttf))"
    r"|conference/announcements/(recordings\.json|\w+\.(vi|en)\.ogg)|media/mixer/fonts/(LICENSE|[\w-]+\.ttf)"
    r"|media/_plane\.abi3\.so|web/__init__\.py|web/dist/.*"
    r"|diemcau-[^/]*\.dist-info/.*"
)


START_S = 90


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / "web" / "dist" / "index.html").is_file():
        pytest.fail("the pages are not built: make build")
    folder = tmp_path_factory.mktemp("wheel")
    maturin = Path(sys.executable).with_name("maturin")
    subprocess.run([maturin, "build", "--release", "--quiet", "--out", folder], cwd=ROOT, check=True)
    (made,) = folder.glob("diemcau-*-cp311-abi3-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a clean environment. Nothing is downloaded: a path file gives the environment the libraries of this
    environment. Of the project itself it contains only the wheel.
    """
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=False)
    own = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    lent = Path(sysconfig.get_paths()["purelib"])
    libraries = folder / "libraries"
    libraries.mkdir()
    for entry in lent.iterdir():
        ours = entry.name.startswith(("diemcau", "__editable__")) or entry.suffix == ".pth"
        if not ours and entry.name not in ("rooms", "conference", "signaling", "media", "web", "tests"):
            (libraries / entry.name).symlink_to(entry)
    (own / "lent.pth").write_text(f"{libraries}\n")
    uv = Path(sys.executable).with_name("uv")
    options = ["--offline", "--no-deps", "--quiet", "--python", str(folder / "bin" / "python")]
    subprocess.run([uv, "pip", "install", *options, wheel], check=True)
    return folder / "bin" / "diemcau"


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DIEMCAU_", "PYTHON"))}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_runs_in_a_clean_environment(installed: Path, tmp_path: Path) -> None:
    """The test checks the version, the place of the code, and a server with a page, its script, the API and a database."""
    told = subprocess.run(
        [installed, "--version"], cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True
    )
    assert re.search(r"\b\d+\.\d+\.\d+", told.stdout)
    python = installed.with_name("python")
    code = "import signaling, media._plane, web; print(signaling.__file__, media._plane.__file__)"
    places = subprocess.run([python, "-c", code], cwd=tmp_path, env=clean(), capture_output=True, text=True, check=True)
    assert all(one.startswith(str(installed.parent.parent)) for one in places.stdout.split()), places.stdout
    command = [str(installed), "dev", "--http-port", "0", "--media-port", "0", "--data-dir", str(tmp_path / "data")]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=clean() | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _answers(_address(process), tmp_path)
        process.terminate()
        assert process.wait(30) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _address(process: "subprocess.Popen[str]") -> str:
    """Return the address that the server prints."""
    assert process.stdout is not None
    timer = threading.Timer(START_S, process.kill)
    timer.start()
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if "Ctrl+C" in line:
                break
    finally:
        timer.cancel()
    found = re.search(r"https?://localhost:\d+", "".join(said))
    assert found is not None, "".join(said)
    return found[0]


def _answers(url: str, folder: Path) -> None:
    with httpx.Client(base_url=url, timeout=START_S) as client:
        page = client.get("/")
        assert page.status_code == 200
        assert "<html" in page.text
        script = re.search(r'src="(/assets/[^"]+\.js)"', page.text)
        assert script is not None
        assert client.get(script[1]).status_code == 200
        assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")
        assert client.get("/api/v1/session").json()["signed_in"] is False
    assert (folder / "data" / "diemcau.sqlite").is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_holds_pages_and_plane_but_no_sources(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        scripts = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    needed = {
        "web/dist/index.html",
        "media/_plane.abi3.so",
        "media/_plane.pyi",
        "signaling/__main__.py",
        "rooms/__init__.py",
        "conference/announcements/welcome.vi.ogg",
        "media/mixer/fonts/BeVietnamPro-SemiBold.ttf",
        "rooms/store/migrations/env.py",
        "rooms/store/migrations/step_0001/org.py",
        "rooms/store/migrations/versions/step_0001.py",
    }
    assert needed <= set(names)
    assert any(re.fullmatch(r"web/dist/assets/.+\.js", name) for name in names)
    assert [name for name in names if not MAY_HOLD.fullmatch(name)] == []
    assert "diemcau=signaling.__main__:main" in scripts.replace(" ", "")
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in names}
