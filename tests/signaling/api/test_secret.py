"""A state secret in every request that takes the words of a meeting (R4.1). The server refuses the request. Afterwards no
table, log or search answer contains the words.
"""

import json
import logging
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import clients
from rooms.meetings import intake
from rooms.policy.actors import COMMAND
from rooms.store import webhooks
from rooms.store.tables.schema import METADATA
from tests.signaling.api.office import Office
from tests.signaling.api.test_meetings import approved, wanted

pytestmark = pytest.mark.timeout(120)
TITLE = "Phương án Kilo Zulu 7391qz"
WORDS = ("Kilo Zulu", "kilo zulu", "7391qz")


async def everything(office: Office) -> str:
    """Return all rows of all tables, as text."""

    async def work(session: AsyncSession) -> str:
        found = []
        for table in METADATA.sorted_tables:
            found += [f"{table.name} {tuple(row)}" for row in await session.execute(select(table))]
        return "\n".join(found)

    return await office.database.transact(work)


async def hook(office: Office, body: dict[str, Any]) -> httpx.Response:
    """Send a signed message of another system."""

    async def work(session: AsyncSession) -> tuple[str, str]:
        made, _ = await clients.create(
            session, "Văn bản", office.province.units["khcn"], ["secretary"], COMMAND, office.now
        )
        return made.id, await intake.new_hook_secret(session, office.secretariat.seal, made, COMMAND, office.now)

    client_id, secret = await office.database.transact(work)
    content = json.dumps({"type": "meeting.request", "data": body}, ensure_ascii=False).encode()
    headers = {
        "content-type": "application/json",
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(office.now.timestamp())),
        "webhook-signature": webhooks.sign(secret, "msg-1", office.now, content),
    }
    return await office.stranger().post(f"/hooks/{client_id}", content=content, headers=headers)


async def test_no_word_of_a_secret_meeting_is_stored_or_logged(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk, operator = await office.client("secretary", "khcn"), await office.client("operator", "tinh")
    meeting = await approved(office)
    secret = wanted(office, title=TITLE, description=TITLE, submit=True, **{"class": "secret"})
    kept = {name: value for name, value in secret.items() if name != "starts_at"}
    template = {"unit_id": secret["host_unit_id"], "name": TITLE, "request": kept}
    other = {**template, "request": {**kept, "class_": "secret"}}
    other["request"].pop("class")
    key = {"idempotency-key": "bi-mat-0001"}
    version = {"if-match": f'"{meeting["version"]}"'}
    answers = {
        "book": await desk.post("/meetings", json=secret, headers=key),
        "again": await desk.post("/meetings", json=secret, headers=key),
        "preview": await desk.post("/preview", json=secret),
        "look": await operator.post("/meetings/displace/look", json=secret),
        "displace": await operator.post(
            "/meetings/displace", json={"request": secret, "moves": [], "reason": TITLE}, headers=key
        ),
        "template": await desk.post("/templates", json=template),
        "template, as stored": await desk.post("/templates", json=other),
        "edit": await desk.patch(
            f"/meetings/{meeting['id']}", json={"title": TITLE, "class": "secret"}, headers=version
        ),
        "raise": await desk.post(
            f"/meetings/{meeting['id']}/class", json={"class": "secret", "reason": TITLE}, headers=version
        ),
        "hook": await hook(
            office,
            {
                "title": TITLE,
                "class": "secret",
                "type_code": "briefing",
                "starts_at": secret["starts_at"],
                "duration_min": 60,
                "document": {"number": "7391qz/UBND", "subject": TITLE},
            },
        ),
    }
    taken = {name: answer.status_code for name, answer in answers.items() if answer.status_code not in (403, 422)}
    assert taken == {}, {name: answer.text for name, answer in answers.items() if name in taken}
    refused = {name for name, answer in answers.items() if answer.json().get("code") == "state_secret"}
    assert {"book", "again", "preview", "look", "displace", "hook", "template"} <= refused, refused
    stored = await everything(office)
    assert meeting["title"] in stored, "it does read the rows"
    logged = "\n".join(record.getMessage() + str(record.exc_info or "") for record in caplog.records)
    for word in WORDS:
        assert word not in stored
        assert word not in logged
    assert (await desk.get("/meetings", params={"q": "Kilo"})).json()["items"] == []
