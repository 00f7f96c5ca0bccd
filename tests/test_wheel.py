"""The wheel that people install: everything to run, nothing else."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

MAY_HOLD = re.compile(
    r"(rooms|conference|signaling|media)/.*\.(py|pyi|md)|rooms/meetings/letters/(letter\.typ|fonts/(LICENSE|[\w-]+\.ttf))"
    r"|media/_plane\.abi3\.so|web/__init__\.py|web/dist/.*"
    r"|diemcau-[^/]*\.dist-info/.*"
)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_holds_pages_and_plane_and_no_sources(tmp_path: Path) -> None:
    if not (ROOT / "web" / "dist" / "index.html").is_file():
        pytest.fail("the pages are not built: make build")
    maturin = Path(sys.executable).with_name("maturin")
    subprocess.run([maturin, "build", "--release", "--quiet", "--out", tmp_path], cwd=ROOT, check=True)
    (wheel,) = tmp_path.glob("diemcau-*-cp311-abi3-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        scripts = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    needed = {
        "web/dist/index.html",
        "media/_plane.abi3.so",
        "media/_plane.pyi",
        "signaling/__main__.py",
        "rooms/__init__.py",
        "rooms/store/migrations/env.py",
        "rooms/store/migrations/step_0001/org.py",
        "rooms/store/migrations/versions/step_0001.py",
    }
    assert needed <= set(names)
    assert any(re.fullmatch(r"web/dist/assets/.+\.js", name) for name in names)
    assert [name for name in names if not MAY_HOLD.fullmatch(name)] == []
    assert "diemcau=signaling.__main__:main" in scripts.replace(" ", "")
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in names}
