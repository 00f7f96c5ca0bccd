"""Webhooks: content and signature, retries and replays, forbidden targets, and meetings that arrive as webhooks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import standardwebhooks
from sqlalchemy import func, select

from rooms import limits as bounds
from rooms.accounts import clients
from rooms.errors import Refusal
from rooms.meetings import intake
from rooms.policy.actors import COMMAND
from rooms.sealing import Seal
from rooms.store import outbox, webhooks
from rooms.store.database import Database
from rooms.store.tables.meetings import DocumentRef, HookSeen, Meeting
from rooms.store.tables.records import AuditEntry, Delivery, Job, Webhook
from signaling.notify import limits
from signaling.notify.targets import Lookup
from signaling.notify.webhooks import Deliverer
from signaling.notify.worker import Worker
from signaling.notify.works import works
from tests.rooms.invited import BASE, KEY, SENDER, Wanted, meeting
from tests.rooms.province import Province

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
SEAL = Seal(KEY)
HERE = ("127.0.0.0/8", "::1/128")


@dataclass
class Receiver:
    """A small web server that keeps its requests and answers as the test sets it."""

    status: int = 200
    answer: bytes = b"ok"
    headers: bytes = b""
    wait_s: float = 0.0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        names = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        body = await reader.readexactly(int(names["content-length"]))
        self.got.append((names, body))
        await asyncio.sleep(self.wait_s)
        length = f"Content-Length: {len(self.answer)}\r\n".encode()
        writer.write(b"HTTP/1.1 %d X\r\n%s%s\r\n" % (self.status, length, self.headers) + self.answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
        await asyncio.gather(*made.tasks, return_exceptions=True)


@pytest.fixture
def now() -> datetime:
    return NOW


@dataclass
class Sender:
    """A worker with a clock that the test moves."""

    database: Database
    now: datetime = NOW
    ranges: tuple[str, ...] = HERE

    async def work(self) -> int:
        from rooms.meetings.invitations import Around

        todo = works(self.database, None, Around(KEY, BASE, SENDER), SEAL, self.ranges)
        return await Worker(self.database, todo, lambda: self.now).drain()


async def hooked(database: Database, province: Province, url: str, events: tuple[str, ...] = ("*",)) -> tuple[str, str]:
    admin = province.actor("admin")
    made, secret = await database.transact(
        lambda s: webhooks.create(s, SEAL, province.units["tinh"], url, events, admin, NOW)
    )
    assert secret not in made.secret
    return made.id, secret


async def told(database: Database, province: Province, action: str = "approve", wanted: Wanted | None = None) -> str:
    async def work(session: Any) -> str:
        made = await meeting(session, province, wanted or Wanted(hall=""), NOW)
        payload = {"meeting_id": made.id, "action": action}
        await outbox.enqueue(session, "meeting.changed", payload, NOW, NOW)
        return made.id

    return await database.transact(work)


async def deliveries(database: Database) -> list[Delivery]:
    async with database.reading() as session:
        return list(await session.scalars(select(Delivery).order_by(Delivery.created_at)))


async def test_a_receiver_can_verify_the_webhook_signature(
    database: Database, province: Province, receiver: Receiver
) -> None:
    _, secret = await hooked(database, province, f"http://127.0.0.1:{receiver.port}/in?a=b")
    meeting_id = await told(database, province)
    sender = Sender(database, datetime.now(UTC))  # the library that verifies uses the real clock
    await sender.work()
    ((headers, body),) = receiver.got
    said = standardwebhooks.Webhook(secret).verify(body, headers)
    assert said["type"] == "meeting.approved"
    assert said["data"]["meeting_id"] == meeting_id
    assert headers["host"] == f"127.0.0.1:{receiver.port}"
    (kept,) = await deliveries(database)
    assert kept.id == headers["webhook-id"]
    assert kept.delivered_at is not None
    assert kept.tries[0]["status"] == 200
    assert "Giao ban" not in body.decode()
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body + b" ", headers)


async def test_only_wanted_events_of_units_below(database: Database, province: Province, receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/"
    await hooked(database, province, url, ("meeting.cancelled",))
    admin = province.actor("admin", "yt")
    await database.transact(lambda s: webhooks.create(s, SEAL, province.units["yt"], url, ["*"], admin, NOW))
    await told(database, province)
    await Sender(database).work()
    assert receiver.got == []
    await told(database, province, "cancel", Wanted(state="cancelled", hall=""))
    await Sender(database).work()
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["meeting.cancelled"]


async def test_tries_go_on_for_a_day_and_end(database: Database, province: Province, receiver: Receiver) -> None:
    webhook_id, _ = await hooked(database, province, f"http://127.0.0.1:{receiver.port}/")
    receiver.status = 503
    await told(database, province)
    sender = Sender(database)
    for _ in range(200):
        await sender.work()
        sender.now += timedelta(minutes=20)
    assert len(receiver.got) == limits.WEBHOOK_TRIES
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    (kept,) = await deliveries(database)
    assert len(kept.tries) == limits.WEBHOOK_TRIES
    assert kept.delivered_at is None
    async with database.reading() as session:
        job = await session.scalar(select(Job).where(Job.kind == "webhook.deliver"))
        assert job is not None
        assert job.failed
        assert await session.scalar(select(AuditEntry).where(AuditEntry.action == "job.given_up")) is not None
    receiver.status = 204
    receiver.answer = b""
    admin = province.actor("admin")
    await database.transact(lambda s: webhooks.replay(s, kept.id, admin, sender.now))
    await sender.work()
    (kept,) = await deliveries(database)
    assert kept.delivered_at is not None
    async with database.reading() as session:
        assert [one.id for one in await webhooks.deliveries(session, webhook_id, admin)] == [kept.id]


async def test_gone_is_gone(database: Database, province: Province, receiver: Receiver) -> None:
    await hooked(database, province, f"http://127.0.0.1:{receiver.port}/")
    receiver.status = 410
    await told(database, province)
    sender = Sender(database)
    await sender.work()
    sender.now += timedelta(days=1)
    await sender.work()
    assert len(receiver.got) == 1


async def test_redirects_are_not_followed(database: Database, province: Province, receiver: Receiver) -> None:
    await hooked(database, province, f"http://127.0.0.1:{receiver.port}/")
    receiver.status, receiver.headers = 302, f"Location: http://127.0.0.1:{receiver.port}/other\r\n".encode()
    await told(database, province)
    await Sender(database).work()
    assert len(receiver.got) == 1
    assert (await deliveries(database))[0].tries[0]["error"] == "redirects are not followed"


async def test_long_and_slow_answers_are_bounded(
    database: Database, province: Province, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooked(database, province, f"http://127.0.0.1:{receiver.port}/")
    receiver.answer = b"x" * (8 * 1024 * 1024)
    await told(database, province)
    await Sender(database).work()
    assert (await deliveries(database))[0].delivered_at is not None
    monkeypatch.setattr(limits, "WEBHOOK_WAIT_S", 0.2)
    receiver.wait_s = 1.0
    await told(database, province)
    await Sender(database).work()
    assert (await deliveries(database))[1].tries[0]["error"] == "ReadTimeout"


async def test_private_addresses_are_refused(database: Database, province: Province, receiver: Receiver) -> None:
    for url in (f"http://127.0.0.1:{receiver.port}/", f"http://localhost:{receiver.port}/", "http://169.254.169.254/"):
        await hooked(database, province, url)
    await told(database, province)
    await Sender(database, ranges=()).work()
    assert receiver.got == []
    errors = [one.tries[0]["error"] for one in await deliveries(database)]
    assert errors == ["refused: not a public address"] * 3


async def test_a_webhook_host_is_resolved_once_and_pinned(
    database: Database, province: Province, receiver: Receiver
) -> None:
    """Show that DNS rebinding fails. The connection goes to the address that the first look-up gave, whatever a second look-up
    says.
    """
    asked: list[str] = []

    async def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["8.8.8.8"]

    hook: Lookup = lookup
    await hooked(database, province, f"http://rebind.example:{receiver.port}/")
    await told(database, province)
    deliverer = Deliverer(database, SEAL, HERE, hook)
    from rooms.meetings.invitations import Around

    todo = works(database, None, Around(KEY, BASE, SENDER), SEAL, HERE)
    await Worker(database, {**todo, "webhook.deliver": deliverer.deliver}, lambda: NOW).drain()
    ((headers, _),) = receiver.got
    assert asked == ["rebind.example"]
    assert headers["host"] == f"rebind.example:{receiver.port}"


async def test_unauthorized_and_invalid_webhooks_are_refused(database: Database, province: Province) -> None:
    async def make(actor: Any, url: str = "https://a.example/", events: tuple[str, ...] = ("*",)) -> None:
        await database.transact(lambda s: webhooks.create(s, SEAL, province.units["tinh"], url, events, actor, NOW))

    for actor, code in (
        (province.actor("secretary"), "denied"),
        (province.actor("admin", "yt"), "denied"),
        (province.actor("admin", factors=1), "second_factor_needed"),
    ):
        with pytest.raises(Refusal, match=code):
            await make(actor)
    admin = province.actor("admin")
    for url in (
        "ftp://a/",
        "file:///etc/passwd",
        "https://u:p@a.example/",
        "https:///x",
        "https://a b/",
        "https://a\n/",
        "x",
    ):
        with pytest.raises(Refusal, match="bad_webhook"):
            await make(admin, url)
    for url in ("https://a.example/" + "x" * bounds.WEBHOOK_URL_CHARACTERS, "https://a.example:99999/"):
        with pytest.raises(Refusal, match="bad_webhook"):
            await make(admin, url)
    for events in ((), ("x" * 61,), tuple(f"e{n}" for n in range(bounds.WEBHOOK_EVENTS + 1))):
        with pytest.raises(Refusal, match="bad_webhook"):
            await make(admin, events=events)


async def test_changing_and_removing(database: Database, province: Province, receiver: Receiver) -> None:
    webhook_id, _ = await hooked(database, province, f"http://127.0.0.1:{receiver.port}/")
    admin, other = province.actor("admin"), province.actor("admin", "yt")
    with pytest.raises(Refusal, match="denied"):
        await database.transact(lambda s: webhooks.change(s, webhook_id, other, NOW, active=False))
    await database.transact(lambda s: webhooks.change(s, webhook_id, admin, NOW, active=False))
    await told(database, province)
    await Sender(database).work()
    assert receiver.got == []
    async with database.reading() as session:
        assert [one.id for one in await webhooks.visible(session, admin)] == [webhook_id]
        assert await webhooks.visible(session, other) == []
    await database.transact(lambda s: webhooks.remove(s, webhook_id, admin, NOW))
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Webhook)) == 0


# Incoming messages


async def client_of(database: Database, province: Province, roles: tuple[str, ...] = ("secretary",)) -> tuple[str, str]:
    """Return the client's id and its webhook secret."""

    async def work(session: Any) -> tuple[str, str]:
        made, _ = await clients.create(session, "QLVB", province.units["tinh"], list(roles), COMMAND, NOW)
        return made.id, await intake.new_hook_secret(session, SEAL, made, COMMAND, NOW)

    return await database.transact(work)


def message(province: Province, **more: Any) -> dict[str, Any]:
    data = {
        "document": {
            "number": "5180 /UBND-VHXH",
            "dated": "2021-06-04",
            "issuer": "UBND tỉnh Long An",
            "subject": "Họp về ứng dụng công nghệ thông tin",
            "link": "https://qlvb.longan.gov.vn/5180",
        },
        "type_code": "internal",
        "starts_at": "2026-03-10T14:00:00+07:00",
        "duration_min": 60,
        "attendees": [{"unit": "yt"}, {"name": "Lê Thị Ước", "email": "uoc@longan.gov.vn"}],
    }
    return {"type": "meeting.request", "data": {**data, **more}}


def signed(secret: str, body: bytes, identifier: str = "msg_1", at: datetime = NOW) -> dict[str, str]:
    """Return the headers that the reference library signs."""
    signature = standardwebhooks.Webhook(secret).sign(identifier, at, body.decode())
    return {"webhook-id": identifier, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


async def take(
    database: Database, client_id: str, headers: dict[str, str], body: bytes, now: datetime = NOW
) -> Meeting:
    return await database.transact(lambda s: intake.receive(s, SEAL, client_id, headers, body, "10.0.0.9", now))


async def test_the_document_system_opens_a_meeting(database: Database, province: Province) -> None:
    client_id, secret = await client_of(database, province)
    body = json.dumps(message(province), ensure_ascii=False).encode()
    made = await take(database, client_id, signed(secret, body), body)
    assert made.title == "Họp về ứng dụng công nghệ thông tin"
    assert made.host_unit_id == province.units["tinh"]
    async with database.reading() as session:
        reference = await session.scalar(select(DocumentRef).where(DocumentRef.meeting_id == made.id))
        assert reference is not None
        assert reference.number == "5180 /UBND-VHXH"
        assert str(reference.dated) == "2021-06-04"
        entry = await session.scalar(select(AuditEntry).where(AuditEntry.action == "webhook.received"))
        assert entry is not None
        assert entry.actor == f"client:{client_id}"
        assert entry.address == "10.0.0.9"
    with pytest.raises(Refusal, match="already_taken") as again:
        await take(database, client_id, signed(secret, body), body)
    assert again.value.troubles[0].detail == {"meeting_id": made.id}
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Meeting)) == 1
    later = NOW + timedelta(days=bounds.HOOK_DAYS, seconds=1)
    case = json.dumps(message(province, document=None, case_code="H35.12-260303-0001")).encode()
    second = await take(database, client_id, signed(secret, case, "msg_2", later), case, later)
    assert second.title == "Hỗ trợ hồ sơ H35.12-260303-0001"
    async with database.reading() as session:
        assert list(await session.scalars(select(HookSeen.hook_id))) == ["msg_2"]  # old ids are deleted


Spoil = Callable[[dict[str, str], bytes, str], tuple[dict[str, str], bytes]]
FORGERIES: dict[str, tuple[str, Spoil]] = {
    "other body": ("bad_signature", lambda h, b, s: (h, b + b" ")),
    "no signature": ("bad_signature", lambda h, b, s: ({**h, "webhook-signature": ""}, b)),
    "version 2": (
        "bad_signature",
        lambda h, b, s: ({**h, "webhook-signature": h["webhook-signature"].replace("v1", "v2")}, b),
    ),
    "not base64": ("bad_signature", lambda h, b, s: ({**h, "webhook-signature": "v1,***"}, b)),
    "no id": ("bad_signature", lambda h, b, s: ({**h, "webhook-id": ""}, b)),
    "other id": ("bad_signature", lambda h, b, s: ({**h, "webhook-id": "msg_2"}, b)),
    "long id": ("bad_signature", lambda h, b, s: ({**h, "webhook-id": "x" * (bounds.HOOK_ID_CHARACTERS + 1)}, b)),
    "no time": ("bad_signature", lambda h, b, s: ({**h, "webhook-timestamp": ""}, b)),
    "odd time": ("bad_signature", lambda h, b, s: ({**h, "webhook-timestamp": "1e9"}, b)),
    "other digits": ("bad_signature", lambda h, b, s: ({**h, "webhook-timestamp": "１７７２４９９６００"}, b)),
    "old": ("stale_webhook", lambda h, b, s: (signed(s, b, at=NOW - timedelta(seconds=bounds.HOOK_WINDOW_S + 1)), b)),
    "early": ("stale_webhook", lambda h, b, s: (signed(s, b, at=NOW + timedelta(seconds=bounds.HOOK_WINDOW_S + 1)), b)),
    "too large": ("bad_message", lambda h, b, s: (h, b"x" * (bounds.HOOK_BODY_BYTES + 1))),
    "other secret": ("bad_signature", lambda h, b, s: (signed("whsec_" + base64.b64encode(b"x" * 32).decode(), b), b)),
}


@pytest.mark.parametrize(("code", "spoil"), FORGERIES.values(), ids=FORGERIES.keys())
async def test_forgeries(database: Database, province: Province, code: str, spoil: Spoil) -> None:
    client_id, secret = await client_of(database, province)
    body = json.dumps(message(province)).encode()
    headers, sent = spoil(signed(secret, body), body, secret)
    with pytest.raises(Refusal, match=code):
        await take(database, client_id, headers, sent)
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Meeting)) == 0


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"document": None}, "bad_message"),
        ({"document": {"number": 7}}, "bad_message"),
        ({"document": {"number": "1", "dated": "hôm qua"}}, "bad_message"),
        ({"document": {"number": "1", "link": "javascript:alert(1)"}}, "bad_message"),
        ({"starts_at": "mai"}, "bad_message"),
        ({"starts_at": "2026-03-10T14:00:00"}, "zone_missing"),
        ({"starts_at": "0001-01-01T00:00:00+07:00"}, "bad_message"),
        ({"duration_min": "lâu"}, "bad_message"),
        ({"duration_min": float("inf")}, "bad_message"),
        ({"title": "nửa \ud800 chữ"}, "bad_message"),
        ({"host_unit": "nowhere"}, "bad_message"),
        ({"attendees": [{"unit": "nowhere"}]}, "bad_message"),
        ({"attendees": ["xa1"]}, "bad_message"),
        ({"attendees": {}}, None),
        ({"attendees": [{"set": "nowhere"}]}, "bad_message"),
        ({"what": 1}, "bad_message"),
        ({"class": "secret", "title": "Chuyện rất mật"}, "state_secret"),
    ],
)
async def test_wrong_messages(database: Database, province: Province, more: dict[str, Any], code: str | None) -> None:
    client_id, secret = await client_of(database, province)
    body = json.dumps(message(province, **more)).encode()
    if code is None:
        await take(database, client_id, signed(secret, body), body)
        return
    with pytest.raises(Refusal, match=code):
        await take(database, client_id, signed(secret, body), body)
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Meeting)) == 0
        assert await session.scalar(select(func.count()).select_from(HookSeen)) == 0
        details = [str(one.detail) for one in await session.scalars(select(AuditEntry))]
        assert not any("rất mật" in one for one in details)


async def test_what_is_no_message_at_all(database: Database, province: Province) -> None:
    client_id, secret = await client_of(database, province)
    for body in (b"", b"[]", b"{", b'{"type": "other", "data": {}}', b'{"type": "meeting.request"}', b"[" * 30_000):
        with pytest.raises(Refusal, match="bad_message"):
            await take(database, client_id, signed(secret, body), body)


async def test_a_client_has_only_its_own_rights(database: Database, province: Province) -> None:
    client_id, secret = await client_of(database, province)
    body = json.dumps(message(province)).encode()
    with pytest.raises(Refusal, match="bad_signature"):
        await take(database, "nobody", signed(secret, body), body)

    async def narrow(session: Any) -> tuple[str, str]:
        made, _ = await clients.create(session, "Sở Y tế", province.units["yt"], ["secretary"], COMMAND, NOW)
        return made.id, await intake.new_hook_secret(session, SEAL, made, COMMAND, NOW)

    other, own = await database.transact(narrow)
    with pytest.raises(Refusal, match="bad_signature"):
        await take(database, other, signed(secret, body), body)
    wide = json.dumps(message(province, host_unit="tinh")).encode()
    with pytest.raises(Refusal, match="denied"):
        await take(database, other, signed(own, wide), wide)
    await database.transact(lambda s: clients.revoke(s, client_id, COMMAND, NOW))
    with pytest.raises(Refusal, match="bad_signature"):
        await take(database, client_id, signed(secret, body), body)
