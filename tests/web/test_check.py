"""`/test` in a real browser: a call through the server with oneself, a code at the end, and the help desk that reads it."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.conftest import LiveServer
from tests.web.conftest import DEVICES, Visit, Visitor
from tests.web.test_pages import PATIENCE_MS, advance

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN_MS = 90_000


async def answered(visitor: Visitor, answer: str) -> str:
    """Through the whole check; the code."""
    await expect(visitor.part("check-yes")).to_be_visible(timeout=RUN_MS)
    assert await visitor.barriers() == []
    await visitor.part(f"check-{answer}").click()
    await visitor.part("check-code").wait_for()
    return (await visitor.part("check-code").inner_text()).replace(" ", "")


async def verdicts(visitor: Visitor) -> dict[str, str]:
    parts = await visitor.part("part").all()
    return {
        await part.get_attribute("data-part") or "": await part.get_attribute("data-verdict") or "" for part in parts
    }


async def test_a_good_machine_and_one_without_devices(visit: Visit, live_server: LiveServer) -> None:
    good, bare = await visit(width=360, height=740), await visit(flags=(DEVICES[1],))
    await asyncio.gather(_good(good, live_server), _without_devices(bare, live_server))


async def _good(visitor: Visitor, live_server: LiveServer) -> None:
    await visitor.page.goto(live_server.url)
    await visitor.part("check-link").click()
    await visitor.part("preview-video").wait_for()
    assert await visitor.barriers() == []
    await visitor.part("check-start").click()
    await visitor.part("returned-video").wait_for(timeout=PATIENCE_MS)
    await advance(visitor)
    assert re.fullmatch(r"\d{8}", await answered(visitor, "yes"))
    found = await verdicts(visitor)
    assert found == {"network": found["network"], "microphone": "good", "speaker": "good", "camera": "good"}
    assert found["network"] in ("good", "fair")
    await visitor.page.locator("summary").click()
    measures = await visitor.part("measures").inner_text()
    assert "UDP, trực tiếp" in measures
    assert re.search(r"được / được / không thử", measures), "both ways are open here, and there is no TURN server"
    assert await visitor.barriers() == []
    assert await visitor.page.evaluate("document.documentElement.scrollWidth") <= 360


async def _without_devices(visitor: Visitor, live_server: LiveServer) -> None:
    """The line is tried all the same, with a drawn picture."""
    await visitor.page.goto(f"{live_server.url}/test")
    await visitor.part("failure").first.wait_for()
    await visitor.part("check-start").click()
    await answered(visitor, "no")
    found = await verdicts(visitor)
    assert (found["microphone"], found["camera"], found["speaker"]) == ("bad", "bad", "bad")
    assert found["network"] in ("good", "fair")
    assert await visitor.barriers() == []
