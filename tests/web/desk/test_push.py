"""Web Push that a user switches on. A push without content reaches the push service of the browser. The service worker says
"Có việc mới". A real server, a receiver in the place of the push service, and a real service worker.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.async_api import expect

from tests.conftest import start_server
from tests.rooms.postgres import at_once
from tests.signaling.notify.receiver import Receiver
from tests.waiting import until
from tests.web.desk.province import furnish
from tests.web.desk.test_desk import Served, sign_in
from tests.web.desk.test_notices import TITLE, book
from tests.web.shots import shots
from tests.web.visiting import WINDOWED, Visit, Visitor

pytestmark = pytest.mark.browser
CONTACT = "hop@longan.gov.vn"
SUBSCRIBED = """
let given = null;
PushManager.prototype.subscribe = async function ({ applicationServerKey }) {
  window.key = btoa(String.fromCharCode(...applicationServerKey));
  given = { endpoint: 'ENDPOINT', unsubscribe: async () => { given = null; return true; } };
  return given;
};
PushManager.prototype.getSubscription = async () => given;
"""
"""The browser's own push service is in the internet. This script gives the address of the receiver instead."""
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(
  (one) => [one.title, one.body])"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("push")
    now = datetime.fromtimestamp(int(time.time()), UTC)
    desk = at_once(furnish(folder, now))
    set_ = {"DIEMCAU_WEB_PUSH": "true", "DIEMCAU_MAIL_FROM": CONTACT}
    server = start_server(folder, DIEMCAU_PUSH_PRIVATE_RANGES="127.0.0.0/8", **set_)
    yield Served(server, desk, now, {})
    server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[Receiver]:
    async with Receiver(201, 410) as receiver:
        yield receiver


def signed_by(key: str, header: str) -> dict[str, str]:
    """Return the claims of the header `Authorization`, checked with the key that the page got."""
    token = header.removeprefix("vapid t=").partition(",")[0]
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), base64.b64decode(key))
    aud = jwt.decode(token, options={"verify_signature": False})["aud"]
    claims: dict[str, str] = jwt.decode(token, public, algorithms=["ES256"], audience=aud)
    return claims


@pytest.mark.longer
async def test_a_push_says_nothing_of_the_meeting(
    visit: Visit, served: Served, service: Receiver, tmp_path: Path
) -> None:
    approver = await visit(script=SUBSCRIBED.replace("ENDPOINT", service.url), program=WINDOWED)
    await approver.page.context.grant_permissions(["notifications"], origin=served.url)
    await sign_in(approver, served, "lanhdao", path="/account")
    await approver.part("push-switch").click()
    await expect(approver.part("push")).to_contain_text("Đang bật trên thiết bị này.")
    assert await approver.barriers() == []
    await shots(approver, tmp_path, "push")
    secretary = await visit()
    await sign_in(secretary, served)
    await book(secretary, served)
    await service.until(lambda: service.requests)
    headers, body = service.requests[0]
    assert (body, headers["content-length"], int(headers["ttl"]) > 0) == ("", "0", True)
    claims = signed_by(await approver.page.evaluate("window.key"), headers["authorization"])
    assert (claims["aud"], claims["sub"]) == (service.url.removesuffix("/hook"), f"mailto:{CONTACT}")
    assert TITLE not in str(headers)
    await _worker_shows(approver, served)
    await approver.part("push-switch").click()
    await expect(approver.part("push")).to_contain_text("Đang tắt trên thiết bị này.")


async def _worker_shows(visitor: Visitor, served: Served) -> None:
    """Let the browser deliver a push to the service worker, as its push service would."""
    session = await visitor.page.context.new_cdp_session(visitor.page)
    ids: list[str] = []
    session.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: ids.extend(one["registrationId"] for one in told["registrations"]),
    )
    await session.send("ServiceWorker.enable")
    await until(lambda: ids, "the page has registered its service worker")
    push = {"origin": served.url, "registrationId": ids[-1], "data": ""}

    async def shown() -> bool:
        """Deliver the push and look a second later. Chromium lost one push in a whole run, and later pushes replace the text."""
        await session.send("ServiceWorker.deliverPushMessage", push)
        await asyncio.sleep(1)
        return bool(await visitor.page.evaluate(SHOWN) == [["Điểm Cầu", "Có việc mới"]])

    await until(shown, "the service worker shows its text")
