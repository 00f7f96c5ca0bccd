"""The audit trail: only appended to, each entry sealed with the seal of the entry before it. An entry holds the actor, the
action, the time, the address and the object.

A transaction collects its entries, and writes, numbers and seals them just before its commit. So the lock on the end of the
trail is held for one insert, and never while a transaction waits for a hall. A rollback leaves no entry. `detail` must not
contain chat, media, passwords, PINs, links or the title of a refused secret meeting.

Checkpoints (`rooms.store.checkpoints`) are signed and leave the host. Only checkpoints show that the end of the trail is
missing, or that all entries were sealed again.
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
"""The field `previous` of entry 1."""
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
    """Collect one action. The entry is stored only if this transaction commits. `detail` holds plain JSON values. If its text
    is longer than `AUDIT_DETAIL_CHARS`, only the names of its parts are stored.
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
    """Give this time to every entry that this transaction has collected. A demonstration invents its past, but its trail must
    show when the demonstration was made.
    """
    for one in session.sync_session.info.get(NOTED, []):
        one.values["at"] = at


def seal(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON of all fields except the seal. `at` is in microseconds since 1970."""
    at = values["at"]
    fields = {name: values[name] for name in SEALED} | {
        "at": at if isinstance(at, int) else (at - EPOCH) // MICROSECOND
    }
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


SEALED = ("seq", "actor", "action", "object_kind", "object_id", "unit_id", "address", "detail", "previous")


def canonical(value: Any) -> str:
    """Return the only permitted JSON form: sorted names, no spaces, ASCII."""
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
    connection = session.connection()
    last = connection.execute(_LAST).first()
    seq, previous = (last.seq, last.hash) if last else (0, FIRST)
    rows = []
    for one in noted:
        seq += 1
        row = one.values | {"seq": seq, "previous": previous}
        row["hash"] = previous = seal(row)
        rows.append(row)
    connection.execute(_ADD, rows)
    noted.clear()


_ENTRIES = AuditEntry.__table__
_LAST = select(_ENTRIES.c.seq, _ENTRIES.c.hash).order_by(_ENTRIES.c.seq.desc()).limit(1)
_ADD = insert(_ENTRIES)  # type: ignore[arg-type]


def _open_seal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry for `audit_append`, which numbers and seals it. The entry has the sealed text without `previous` and
    `seq`.
    """
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
"""On PostgreSQL the database takes the lock, reads the end, seals and inserts in one round trip. So other transactions wait
only for a commit, and not until this process gets its turn.
"""


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
