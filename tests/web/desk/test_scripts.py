"""W07: no text of a user becomes a script, in Chromium under our policy.

The walks visit every page of the secretariat with 200 payloads added to every text in the API's answers. The payloads ignore
the limits of the texts. `test_desk` visits the unchanged pages, which break no rule of the policy.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.async_api import Error, Route, expect

from tests.conftest import LiveServer
from tests.running.runs import LONG_RUN
from tests.security.requests.payloads import COUNT, PAYLOADS, SIGN, WATCH, poisoned
from tests.web.desk.test_desk import ADMINISTRATOR, SECRETARY, Served, ran, settled, sign_in
from tests.web.visiting import Visit, Visitor

pytestmark = pytest.mark.browser

ENOUGH = 40
"""The number of the 200 payloads that this Chromium runs without a click if no policy stops them. Larger: the control test
fails. Smaller: the control test proves less.
"""


async def poison(visitor: Visitor) -> None:
    """Add the payloads to all API answers from now on."""

    async def answer(route: Route) -> None:
        with suppress(Error):  # the page has moved on
            given = await route.fetch()
            if "json" not in given.headers.get("content-type", ""):
                await route.fulfill(response=given)
                return
            await route.fulfill(response=given, body=poisoned(await given.text()))

    await visitor.page.route("**/api/v1/**", answer)


async def walk(visitor: Visitor, served: Served, paths: tuple[str, ...]) -> int:
    """Visit the pages, and return the number of pages that show a payload."""
    shown = 0
    for path in paths:
        await visitor.page.goto(served.url + path)
        await settled(visitor)
        assert await ran(visitor) == ([], [], False), path
        shown += SIGN in await visitor.page.evaluate("document.documentElement.textContent")
    return shown


@pytest.mark.slow
@pytest.mark.longer
@pytest.mark.parametrize("name", ["thuky", "quantri"])
async def test_no_word_of_the_secretariat_becomes_a_script(visit: Visit, served: Served, name: str) -> None:
    visitor = await visit(script=WATCH)
    paths = SECRETARY if name == "thuky" else ADMINISTRATOR
    await sign_in(visitor, served, name, "")
    assert await walk(visitor, served, paths[:1]) == 0
    await poison(visitor)
    assert await walk(visitor, served, paths) > len(paths) // 2
    if name == "thuky":
        assert await walk(visitor, served, await meetings(visitor)) > 0


async def meetings(visitor: Visitor) -> tuple[str, ...]:
    """Return the paths of a meeting and its tabs; in `make sim` of two meetings."""
    await visitor.page.goto(visitor.page.url.split("/", 3)[0] + "//" + visitor.page.url.split("/")[2] + "/meetings")
    await settled(visitor)
    found: list[str] = await visitor.page.evaluate(
        "[...document.querySelectorAll('a[href^=\"/meetings/\"]')].map((a) => a.getAttribute('href'))"
    )
    chosen = list(dict.fromkeys(found))[: 2 if LONG_RUN else 1]
    assert chosen
    return (*chosen, *(f"{path}?tab={tab}" for path in chosen for tab in ("attendees", "letters", "history")))


async def test_no_word_in_a_call_becomes_a_script(visit: Visit, live_server: LiveServer) -> None:
    """Names, title and chat messages of any participant become no script at the other participants."""
    one, other = await visit(script=WATCH), await visit(script=WATCH)
    await one.page.goto(live_server.url)
    await one.part("start-name").fill(PAYLOADS[20][:100])
    await one.part("start-button").click()
    await one.part("join-name").wait_for()
    link = one.page.url
    await one.join(link, PAYLOADS[0][:100])
    await other.join(link, PAYLOADS[30][:100])
    await expect(one.part("tile")).to_have_count(2, timeout=30_000)
    await one.part("chat-toggle").click()
    await other.part("chat-toggle").click()
    for start in range(0, COUNT, 20):
        await one.part("chat-input").fill(" ".join(PAYLOADS[start : start + 20])[:1900])
        await one.page.keyboard.press("Enter")
    await expect(other.part("chat-message")).to_have_count(COUNT // 20, timeout=30_000)
    await other.part("people-toggle").click()
    for visitor in (one, other):
        assert SIGN in await visitor.page.evaluate("document.documentElement.textContent")
        assert await ran(visitor) == ([], [], False)


async def test_a_control_that_takes_words_for_markup_runs_them(visit: Visit, live_server: LiveServer) -> None:
    """First a page without a policy writes the payloads as markup. Then a page of ours tries the same."""
    visitor = await visit(script=WATCH)
    bare = live_server.url + "/bare"
    await visitor.page.route(
        bare, lambda route: route.fulfill(body="<!doctype html><main></main>", content_type="text/html")
    )
    await visitor.page.goto(bare)
    write = (
        "(words) => { for (const one of words) { const at = document.createElement('div'); "
        "document.body.append(at); at.innerHTML = one; } }"
    )
    await visitor.page.evaluate(write, list(PAYLOADS))
    await visitor.page.wait_for_function(f"new Set(window.hits).size >= {ENOUGH}")
    polluted = await visitor.page.evaluate(
        "(text) => { const into = {}; const merge = (a, b) => { for (const k in b) { "
        "typeof b[k] === 'object' && b[k] !== null ? merge(a[k] ??= {}, b[k]) : a[k] = b[k]; } }; "
        "merge(into, JSON.parse(text)); return 'polluted' in {}; }",
        poisoned('{"title": "Họp giao ban"}'),
    )
    assert polluted
    await visitor.page.goto(live_server.url)
    with pytest.raises(Error, match="TrustedHTML"):
        await visitor.page.evaluate(write, list(PAYLOADS))
    hits, violations, _ = await ran(visitor)
    assert hits == []
    assert any("require-trusted-types-for" in one for one in violations)
    visitor.faults.clear()  # this test provokes these faults
