"""What a program that shows a preview of a link gets from a real server: the product and its picture, and never a meeting."""

from __future__ import annotations

import json
import struct
from html.parser import HTMLParser

import httpx
import pytest

from tests.conftest import LiveServer
from web import DIST

TITLE = "Họp bàn thu hồi đất của xã Nhơn Đức"
CRAWLERS = (
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Zalo; ZaloBot)",
)
FORMS = (
    "/m/{number}",
    "/m/{number}/",
    "/m/{number}?k={secret}",
    "/join?number=123456789",
    "/join",
    "/moi/{secret}",
    "/hop/{number}",
    "/duyet/{number}",
    "/meetings/{number}",
    "/tongduyet",
    "/",
)
"""Every form of a link that leads to a meeting. A browser sends no fragment, so no crawler does."""


class Properties(HTMLParser):
    """The properties of a page (`<meta property=…>`) and its title."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "meta" and (name := given.get("property")) is not None:
            self.found[name] = given["content"] or ""


def size(png: bytes) -> tuple[int, int]:
    """Return width and height of a picture: https://www.w3.org/TR/png-3/#11IHDR."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("agent", CRAWLERS)
async def test_a_preview_of_each_link_names_the_product_and_no_meeting(live_server: LiveServer, agent: str) -> None:
    async with httpx.AsyncClient(base_url=live_server.url, headers={"user-agent": agent}) as asking:
        made = (await asking.post("/api/v1/conferences", json={"name": TITLE})).json()
        for form in FORMS:
            path = form.format(number=made["conference"], secret=made["invite"])
            answer = await asking.get(path)
            assert answer.status_code == 200, path
            found = Properties(answer.text).found
            assert (found["og:title"], found["og:site_name"]) == ("Điểm Cầu", "Điểm Cầu"), path
            assert found["og:image"] == f"{live_server.url}/assets/preview.png", path
            for secret in (TITLE, "Nhơn Đức", made["conference"], made["invite"]):
                assert secret not in answer.text, path
        picture = await asking.get(found["og:image"])
    assert picture.headers["content-type"] == "image/png"
    assert size(picture.content) == (int(found["og:image:width"]), int(found["og:image:height"]))


async def test_icons_have_the_sizes_that_the_manifest_says(live_server: LiveServer) -> None:
    async with httpx.AsyncClient(base_url=live_server.url) as asking:
        answer = await asking.get("/manifest.webmanifest")
        assert answer.headers["content-type"] == "application/manifest+json"
        for icon in answer.json()["icons"]:
            drawn = await asking.get(icon["src"])
            assert drawn.headers["content-type"] == icon["type"], icon
            if icon["type"] == "image/png":
                assert "x".join(map(str, size(drawn.content))) == icon["sizes"], icon


def test_page_worker_and_build_file_have_one_id() -> None:
    build = json.loads((DIST / "build.json").read_text())["build"]
    assert len(build) == 16
    for name in ("index.html", "sw.js"):
        text = (DIST / name).read_text()
        assert build in text, name
        assert "__BUILD__" not in text, name
