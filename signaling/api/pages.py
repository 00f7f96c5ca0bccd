"""The built pages, served from memory and compressed once. Every address that is a page returns the same `index.html`, in which
only the address of the preview picture depends on the name of the server.

The module owns the table of files and their caching. Files with a hash in their name never change, so browsers keep them for a
year.
"""

import gzip
import hashlib
import html
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from signaling.host import limits

_HASHED = re.compile(r".+[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
_TYPES |= {".webmanifest": "application/manifest+json", ".html": "text/html", ".css": "text/css"}
_PACKED = {".woff2", ".png", ".jpg", ".webp", ".mp3", ".gz", ".br"}
_DESK = (
    "sign-in|my|account|board|book|approvals|meetings|control|directory|settings|guides|notices|answer|join|schedule"
)
_DESK += "|rehearsal|chairing|moi|duyet|hop|tongduyet|dieu-hanh"
"""The pages of the secretariat: `DESKS` and `SHORT` of `web/src/browser/route.ts`; a test compares the two."""
_PAGES = re.compile(
    rf"/|/trust/?|/test/?|/diem-cau/?|/phieu/?|/(?:m|diemdanh)/[^/]{{1,200}}/?|/(?:{_DESK})(?:/[^/]{{1,200}}){{0,3}}/?"
)

_PICTURE = b'content="/assets/'
"""The address of the preview picture (`og:image`) in the built page. The server sends the whole address instead."""

_MISSING = """<!doctype html><html lang="vi"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Điểm Cầu</title><h1>Không có trang này</h1><p>Not found.</p><p><a href="/">Về trang đầu / to the first page</a></p></html>
"""


@dataclass(frozen=True)
class _File:
    content: bytes
    gzipped: bytes | None
    brotli: bytes | None
    media_type: str
    etag: str
    cache_control: str


class Pages:
    """The GET and HEAD responses for the built pages."""

    def __init__(self, folder: Path, *, watch: bool = False, public_url: str = "") -> None:
        """Read the folder. `watch`: read the folder again when `index.html` was built again (development). `public_url`: the
        address of this server for users; empty: the address of the request.
        """
        self._folder = folder
        self._public_url = public_url.rstrip("/")
        self._indexes: dict[str, _File] = {}
        self._watch = watch
        self._built = 0.0
        self._files: dict[str, _File] = {}
        self._load()

    async def __call__(self, request: Request) -> Response:
        """Answer a request that no other route takes, as a Starlette endpoint."""
        if self._watch and self._stamp() != self._built:
            self._load()
        path = request.url.path
        file = self._index(request) if _PAGES.fullmatch(path) else self._files.get(path)
        if file is None:
            return self._missing(request)
        headers = {"etag": file.etag, "cache-control": file.cache_control, "vary": "accept-encoding"}
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content, encoding = _chosen(file, request.headers.get("accept-encoding", ""))
        if encoding:
            headers["content-encoding"] = encoding
        return Response(content, headers=headers, media_type=file.media_type)

    def _missing(self, request: Request) -> Response:
        """Answer a browser with our own page, which says in the user's language that the page does not exist, and has links."""
        index = self._index(request)
        if index is None or "text/html" not in request.headers.get("accept", ""):
            return HTMLResponse(_MISSING, 404)
        return HTMLResponse(index.content, 404, {"cache-control": "no-store"})

    def _index(self, request: Request) -> _File | None:
        """Return the page with the whole address of its preview picture. Programs that show previews follow no relative address.

        The page names the product and no meeting, because a preview is shown to people who may not know the meeting.
        """
        built = self._files.get("/index.html")
        base = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        if built is None or base in self._indexes:
            return self._indexes.get(base)
        if len(self._indexes) >= limits.PAGE_ADDRESSES:
            self._indexes.clear()
        picture = b'content="' + html.escape(base).encode() + b"/assets/"
        self._indexes[base] = _file("index.html", built.content.replace(_PICTURE, picture))
        return self._indexes[base]

    @property
    def present(self) -> bool:
        return "/index.html" in self._files

    def _stamp(self) -> float:
        index = self._folder / "index.html"
        return index.stat().st_mtime if index.is_file() else 0.0

    def _load(self) -> None:
        self._built = self._stamp()
        paths = [path for path in sorted(self._folder.rglob("*")) if path.is_file()] if self._built else []
        total_bytes = sum(path.stat().st_size for path in paths)
        if len(paths) > limits.PAGE_FILES or total_bytes > limits.PAGE_BYTES:
            raise ValueError(f"{self._folder} has more files or bytes than a build of the pages")
        self._indexes.clear()
        names = {f"/{path.relative_to(self._folder).as_posix()}": path for path in paths}
        self._files = {name: _read(path) for name, path in names.items() if path.suffix not in (".gz", ".br")}


def _read(path: Path) -> _File:
    brotli, ready = path.with_name(path.name + ".br"), path.with_name(path.name + ".gz")
    squeezed = ready.read_bytes() if ready.is_file() else None
    return _file(path.name, path.read_bytes(), squeezed, brotli.read_bytes() if brotli.is_file() else None)


def _file(name: str, content: bytes, squeezed: bytes | None = None, brotli: bytes | None = None) -> _File:
    suffix = Path(name).suffix.lower()
    if squeezed is None and suffix not in _PACKED and len(content) > 512:
        squeezed = gzip.compress(content, 9, mtime=0)
    return _File(
        content=content,
        gzipped=squeezed,
        brotli=brotli,
        media_type=_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream",
        etag=f'"{hashlib.sha256(content).hexdigest()[:24]}"',
        cache_control="public, max-age=31536000, immutable" if _HASHED.match(name) else "no-cache",
    )


def _chosen(file: _File, accepted: str) -> tuple[bytes, str]:
    offered = {part.split(";")[0].strip() for part in accepted.split(",") if not part.strip().endswith("q=0")}
    if file.brotli is not None and "br" in offered:
        return file.brotli, "br"
    if file.gzipped is not None and "gzip" in offered:
        return file.gzipped, "gzip"
    return file.content, ""
