"""W16: no spelling of a path leads out of the built pages or to another file of the server. A control shows that the spellings
work.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.conftest import ROOT, LiveServer
from tests.security.doors import Answers, served, tell
from web import DIST

UPWARDS = (
    *("../", "..%2f", "%2e%2e/", "%2e%2e%2f", ".%2e/", "%2E%2E%2F", "..//", ".././", "./../", "..;/", "....//"),
    *("..\\", "..%5c", "%2e%2e%5c", "..\\/", "..%5c%2f"),
    *("..%252f", "%252e%252e%252f", "%252e%252e/", "%25252e%25252e%25252f", "..%255c"),
    *("..%00/", "%00../", "..%0d/", "..%09/", "..%20/", "%20../"),
    *("%c0%ae%c0%ae/", "%c0%ae%c0%ae%c0%af", "..%c0%af", "..%e0%80%af", "..%ef%bc%8f", "%ef%bc%8e%ef%bc%8e/"),
    *("..%u2215", "%u002e%u002e/", "..%c1%9c", "%e2%80%a5/"),
)
"""Spellings of "one folder up"."""
BASES = ("/", "/assets/", "//", "/assets/./", "/assets//", "/m/a/", "/guides/", "/index.html/")
ABSOLUTE = ("//etc/passwd", "/%2fetc%2fpasswd", "/%2f%2fetc/passwd", "/file:///etc/passwd", "/assets/%2fetc%2fpasswd")


def spellings(target: str) -> Iterator[str]:
    """Yield paths to a file at `target`, relative to the folder of the pages, from depth 1 to 4."""
    for base, up, depth in itertools.product(BASES, UPWARDS, range(1, 5)):
        yield f"{base}{up * depth}{target}"


async def ask(port: int, paths: list[str]) -> list[Answers]:
    """Request each path on its own connection, up to 20 at once, because the server closes a connection after a refusal."""
    free = asyncio.Semaphore(20)

    async def one(path: str) -> Answers:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        async with free:
            return await tell(port, head.encode())

    return await asyncio.gather(*map(one, paths))


def found(answers: list[Answers], paths: list[str], words: str) -> list[str]:
    return [path for path, answer in zip(paths, answers, strict=True) if words.encode() in answer.data]


async def test_no_spelling_leads_out_of_the_pages(live_server: LiveServer) -> None:
    """No spelling leads to our sources beside the pages, or to the secret of this server on the machine."""
    canaries = {
        "__init__.py": "The directory of the built browser pages",
        "package.json": '"devDependencies"',
        "../pyproject.toml": "build-backend",
    }
    for name, words in canaries.items():
        assert words in (DIST.parent / name).read_text()
    secret = str((live_server.data_dir / "devkey.secret").relative_to("/"))
    up = "/".join([".."] * 12)
    paths = [path for name in canaries for path in spellings(name)][::3]
    paths += [f"/assets/{up}/{secret}", f"//{secret}", f"/%2f{secret}", *ABSOLUTE]
    answers = await ask(live_server.port, paths)
    for words in (*canaries.values(), live_server.api_secret, "root:x:0"):
        assert found(answers, paths, words) == []
    statuses = {status for answer in answers for status in answer.statuses}
    assert statuses <= {200, 400, 404}
    assert 404 in statuses
    assert all(answer.closed and len(answer.statuses) == 1 for answer in answers)
    # The server completes the address of the preview picture, and nothing else.
    before, after = (DIST / "index.html").read_bytes().split(b'content="/assets/', 1)
    shown = [answer for answer in answers if answer.statuses == [200]]
    whole = [before in answer.data and after in answer.data for answer in shown]
    assert all(whole), "only the page itself, as at each of its addresses"


@pytest.mark.parametrize("decodings", [0, 1])
async def test_a_control_that_joins_paths_gives_the_files_away(decodings: int, tmp_path: Path) -> None:
    """The same spellings reach files of a server that opens the requested path. One case decodes once more, as a careless proxy
    does.
    """
    folder = tmp_path / "pages" / "dist"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("index")
    (folder / "assets").mkdir()
    (folder.parent / "__init__.py").write_text("canary")

    async def careless(request: Request) -> Response:
        path = request.scope["path"]  # already decoded once
        if decodings:
            path = unquote(path)
        try:
            return PlainTextResponse((folder / path.lstrip("/")).read_text())
        except (OSError, ValueError):
            return PlainTextResponse("no", 404)

    paths = list(spellings("__init__.py"))
    async with served(Starlette(routes=[Route("/{path:path}", careless)])) as port:
        won = found(await ask(port, paths), paths, "canary")
    assert len(won) > 20
    assert any("%2e%2e%2f" in path for path in won)
    assert any("%252e" in path for path in won) == bool(decodings)


def test_the_name_of_an_uploaded_file_is_never_used() -> None:
    """The server does not use the name of an uploaded file. Uploads are kept under our identifiers, and names inside an archive
    are only compared.
    """
    readers = [
        path.relative_to(ROOT).as_posix()
        for package in ("signaling", "rooms")
        for path in sorted((ROOT / package).rglob("*.py"))
        if ".filename" in path.read_text("utf-8")
    ]
    assert readers == ["rooms/exchange/sheets.py", "rooms/meetings/letters/word.py"]
    for path in readers:
        text = (ROOT / path).read_text("utf-8")
        assert "extract" not in text
        assert "UploadFile" not in text
