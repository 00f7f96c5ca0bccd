"""Meetings that another system requests by a webhook: the document system for a document, the one-stop shop for a case.

The client signs the message with its secret (Standard Webhooks). The message must be recent, and is accepted once.
`rooms.booking.changes.creation.create` handles the request like any other booking, with the roles of the client only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.booking.changes import creation
from rooms.booking.planning.requests import AttendeeRequest, DocumentRequest, Request
from rooms.errors import Refusal, Trouble
from rooms.org.fields import today
from rooms.policy import roles
from rooms.policy.actors import Actor, Role
from rooms.sealing import Seal, SealBroken
from rooms.store import audit, webhooks
from rooms.store.tables.accounts import Client
from rooms.store.tables.meetings import HookSeen, Meeting
from rooms.store.tables.org import RecipientSet, Unit

TYPE = "meeting.request"
FIELDS = {
    "document",
    "case_code",
    "title",
    "type_code",
    "starts_at",
    "duration_min",
    "host_unit",
    "class",
    "attendees",
    "description",
}


async def new_hook_secret(session: AsyncSession, seal: Seal, client: Client, actor: Actor, now: datetime) -> str:
    """Make the secret for this client's future signatures (`whsec_…`). The secret is shown only this time. Raise Refusal
    `denied`.
    """
    unit = await session.get_one(Unit, client.unit_id)
    roles.require(actor, "clients.write", unit.path)
    secret = webhooks.new_signing_secret()
    client.webhook_secret = seal.seal(secret, about(client.id))
    await session.flush()
    await audit.record(session, now, actor, "client.hook_secret", "client", client.id, unit.id)
    return secret


async def receive(
    session: AsyncSession,
    seal: Seal,
    client_id: str,
    headers: Mapping[str, str],
    body: bytes,
    address: str,
    now: datetime,
) -> Meeting:
    """Book the meeting that a signed message requests. `headers` are by lower-case name. Raise Refusal `bad_signature` (also
    for an unknown client), `stale_webhook`, `already_taken`, `bad_message`, and the refusals of a booking.
    """
    if len(body) > limits.HOOK_BODY_BYTES:
        raise _bad("body", "Nội dung quá lớn.", "the body is too large")
    client = await session.get(Client, client_id)
    if client is None or client.revoked_at is not None or not client.webhook_secret:
        raise webhooks.bad_signature()
    try:
        secret = seal.open(client.webhook_secret, about(client.id))
    except SealBroken as error:
        raise webhooks.bad_signature() from error
    identifier = webhooks.verify(secret, headers, body, now)
    await _take_once(session, client, identifier, now)
    unit = await session.get_one(Unit, client.unit_id)
    actor = _actor(client, unit, address)
    request = await _request(session, _message(body), unit, now)
    meeting: Meeting = await creation.create(session, request, actor, now)
    session.add(HookSeen(client_id=client.id, hook_id=identifier, at=now, meeting_id=meeting.id))
    await session.flush()
    await audit.record(session, now, actor, "webhook.received", "meeting", meeting.id, unit.id, {"hook": identifier})
    return meeting


def about(client_id: str) -> str:
    """Return the label for the encryption of a client's webhook secret."""
    return f"client-hook:{client_id}"


async def _take_once(session: AsyncSession, client: Client, identifier: str, now: datetime) -> None:
    await session.execute(delete(HookSeen).where(HookSeen.at < now - timedelta(days=limits.HOOK_DAYS)))
    seen = await session.get(HookSeen, (client.id, identifier))
    if seen is not None:
        detail = {"meeting_id": seen.meeting_id}
        raise Refusal(
            "already_taken",
            "Thông điệp này đã được nhận; cuộc họp đã được tạo.",
            "this message was already received and its meeting exists",
            [
                Trouble(
                    "already_taken", "Cuộc họp đã được tạo.", "the meeting was already created", "webhook-id", detail
                )
            ],
        )


def _actor(client: Client, unit: Unit, address: str) -> Actor:
    held = tuple(Role(role, unit.id, unit.path) for role in client.roles)
    return Actor("client", client.id, name=client.name, roles=held, address=address)


def _message(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
        json.dumps(message, ensure_ascii=False).encode()  # refuse half surrogate pairs, which no database accepts
    except (ValueError, RecursionError) as error:
        raise _bad("body", "Nội dung không phải JSON.", "not JSON") from error
    if not isinstance(message, dict) or message.get("type") != TYPE or not isinstance(message.get("data"), dict):
        raise _bad("type", f"Cần type = {TYPE} và data.", f"type {TYPE} and data are needed")
    data: dict[str, Any] = message["data"]
    unknown = data.keys() - FIELDS
    if unknown:
        raise _bad(sorted(unknown)[0][:60], "Có trường không biết.", "there is an unknown field")
    return data


async def _request(session: AsyncSession, data: Mapping[str, Any], own: Unit, now: datetime) -> Request:
    try:
        starts_at = datetime.fromisoformat(str(data["starts_at"]))
        starts_at.astimezone(UTC)
        duration = int(data["duration_min"])
        type_code = str(data["type_code"])
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _bad(
            "starts_at",
            "Cần starts_at (có múi giờ), duration_min và type_code.",
            "starts_at (with a time zone), duration_min and type_code are needed",
        ) from error
    documents = _documents(data)
    host = await _unit(session, str(data["host_unit"]), "host_unit", now) if data.get("host_unit") else own
    return Request(
        title=str(data.get("title") or _title(documents, data)),
        type_code=type_code,
        host_unit_id=host.id,
        starts_at=starts_at,
        duration_min=duration,
        class_=str(data.get("class") or ""),
        attendees=tuple([await _attendee(session, one, now) for one in _list(data, "attendees")]),
        documents=documents,
        description=str(data.get("description") or ""),
        submit=True,
    )


def _documents(data: Mapping[str, Any]) -> tuple[DocumentRequest, ...]:
    found = []
    given = data.get("document")
    if given is not None:
        if not isinstance(given, dict) or not isinstance(given.get("number"), str):
            raise _bad("document", "Văn bản cần có số, ký hiệu (number).", "a document needs a number")
        try:
            dated = date.fromisoformat(given["dated"]) if given.get("dated") else None
        except (ValueError, TypeError) as error:
            raise _bad(
                "document.dated",
                "Ngày văn bản phải dạng 2021-06-04.",
                "the date of a document must have the form 2021-06-04",
            ) from error
        link = str(given.get("link") or "")
        if link and not link.startswith(("https://", "http://")):
            raise _bad("document.link", "Liên kết văn bản phải là http(s).", "the link of a document must be http(s)")
        texts = {name: str(given.get(name) or "") for name in ("issuer", "subject")}
        found.append(DocumentRequest(number=given["number"], dated=dated, link=link, **texts))
    if data.get("case_code"):
        found.append(DocumentRequest(number=str(data["case_code"]), subject="Hồ sơ một cửa"))
    if not found:
        raise _bad(
            "document", "Cần văn bản (document) hoặc mã hồ sơ (case_code).", "a document or a case code is needed"
        )
    return tuple(found)


def _title(documents: tuple[DocumentRequest, ...], data: Mapping[str, Any]) -> str:
    if data.get("case_code"):
        return f"Hỗ trợ hồ sơ {data['case_code']}"
    first = documents[0]
    return first.subject or f"Họp theo văn bản {first.number}"


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name) or []
    if not isinstance(value, list) or len(value) > limits.ATTENDEE_REQUESTS:
        raise _bad(name, "Danh sách không đúng hoặc quá dài.", "this is not a list, or the list is too long")
    return value


async def _attendee(session: AsyncSession, given: object, now: datetime) -> AttendeeRequest:
    if not isinstance(given, dict):
        raise _bad(
            "attendees",
            "Mỗi thành phần là unit, set hoặc name và email.",
            "each attendee must be a unit, a set, or a name with an email",
        )
    if given.get("unit"):
        return AttendeeRequest(unit_id=(await _unit(session, str(given["unit"]), "attendees", now)).id)
    if given.get("set"):
        found = await session.scalar(select(RecipientSet.id).where(RecipientSet.code == str(given["set"])[:64]))
        if found is None:
            raise _bad("attendees", "Không có nhóm nơi nhận này.", "no such recipient set")
        return AttendeeRequest(set_id=found)
    return AttendeeRequest(guest_name=str(given.get("name") or ""), guest_email=str(given.get("email") or ""))


async def _unit(session: AsyncSession, code: str, where: str, now: datetime) -> Unit:
    found: Unit | None = await session.scalar(select(Unit).where(Unit.code == code[:64]))
    if found is None or (found.valid_to is not None and found.valid_to <= today(now)):
        raise _bad(where, "Không có đơn vị mang mã này.", "no unit with this code")
    return found


def _bad(where: str, vietnamese: str, english: str) -> Refusal:
    return Refusal("bad_message", vietnamese, english, [Trouble("bad_message", vietnamese, english, where)])
