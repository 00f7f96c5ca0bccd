"""The audit trail: append-only, each entry sealed with the one before it. Who did what, when, from where, to what.

Entries are noted while a transaction works and written, numbered and sealed just before its commit, so that the lock of the
trail's end is held for one insert and never while somebody waits for a hall. What is rolled back leaves no entry. No chat,
media, password, PIN, link or title of a refused secret meeting belongs into `detail`.

Checkpoints (`rooms.store.checkpoints`) are signed and leave the host: only they show that the end is missing or that the whole
was sealed anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import event, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from rooms import limits
from rooms.policy.actors import Actor
from rooms.store.tables.columns import EPOCH, MICROSECOND
from rooms.store.tables.records import AuditEntry

FIRST = "0" * 64
"""`previous` of entry 1."""
NOTED = "diemcau_audit"


async def record(
    session: AsyncSession,
    now: datetime,
    actor: Actor,
    action: str,
    object_kind: str,
    object_id: str,
    unit_id: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note one action; it is stored with this transaction or not at all. `detail`: plain JSON values, at most
    `AUDIT_DETAIL_CHARS` as text; what is longer is cut to the names of its parts.
    """
    plain = _bounded(detail or {})
    noted: list[_Noted] = session.sync_session.info.setdefault(NOTED, [])
    values = {
        "at": now,
        "actor": actor.label[:64],
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id[:64],
        "unit_id": unit_id,
        "address": actor.address[:64],
        "detail": plain,
    }
    if not session.in_transaction():
        await session.connection()
    noted.append(_Noted(values, session.sync_session.get_nested_transaction()))


def date_all(session: AsyncSession, at: datetime) -> None:
    """Every entry that this transaction has noted gets this time: of a demonstration, whose past is invented, the trail tells
    when it was made up.
    """
    for one in session.sync_session.info.get(NOTED, []):
        one.values["at"] = at


def seal(values: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of everything but the seal; `at` counts in microseconds since 1970."""
    at = values["at"]
    fields = {name: values[name] for name in SEALED} | {
        "at": at if isinstance(at, int) else (at - EPOCH) // MICROSECOND
    }
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


SEALED = ("seq", "actor", "action", "object_kind", "object_id", "unit_id", "address", "detail", "previous")


def canonical(value: Any) -> str:
    """JSON of one form only: sorted names, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


@dataclass(frozen=True)
class _Noted:
    values: dict[str, Any]
    nested: SessionTransaction | None


def _bounded(detail: Mapping[str, Any]) -> dict[str, Any]:
    text = canonical(dict(detail))
    if len(text) <= limits.AUDIT_DETAIL_CHARS:
        return dict(json.loads(text))
    return {"cut": True, "parts": sorted(str(name)[:40] for name in detail)[:50]}


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    noted: list[_Noted] = session.info.get(NOTED, [])
    if not noted or session.in_nested_transaction():
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_APPEND, {"entries": canonical([_open_seal(one.values) for one in noted])})
        noted.clear()
        return
    last = session.execute(select(AuditEntry.seq, AuditEntry.hash).order_by(AuditEntry.seq.desc()).limit(1)).first()
    seq, previous = (last.seq, last.hash) if last else (0, FIRST)
    rows = []
    for one in noted:
        seq += 1
        row = one.values | {"seq": seq, "previous": previous}
        row["hash"] = previous = seal(row)
        rows.append(row)
    session.execute(insert(AuditEntry), rows)
    noted.clear()


def _open_seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """An entry for `audit_append`, which numbers and seals it: what is sealed as text, but for `previous` and `seq`."""
    fields = {name: values[name] for name in SEALED if name in values} | {"at": (values["at"] - EPOCH) // MICROSECOND}
    first = {name: value for name, value in fields.items() if name < "previous"}
    last = {name: value for name, value in fields.items() if name > "seq"}
    return {
        **values,
        "at": values["at"].isoformat(),
        "detail": json.dumps(values["detail"]),
        "head": canonical(first)[:-1],
        "tail": canonical(last)[1:],
    }


_APPEND = text("SELECT audit_append(CAST(:entries AS json))")
"""On PostgreSQL the database itself takes the lock, reads the end, seals and adds, in one round trip: who waits for the lock
waits for a commit and not for this process to come to its turn."""


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, ended: SessionTransaction) -> None:
    noted: list[_Noted] = session.info.get(NOTED, [])
    noted[:] = [one for one in noted if ended.nested and not _inside(one.nested, ended)]


def _inside(transaction: SessionTransaction | None, ended: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is ended:
            return True
        transaction = transaction.parent
    return False
