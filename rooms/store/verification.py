"""The check of the audit trail: every entry against the entry before it, every checkpoint against the trail and its key.

This module reads the stored data without the column types: an attacker who can write into the database may also have changed
the tables.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Text, cast, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.store import audit
from rooms.store.checkpoints import Checkpoint, latest
from rooms.store.tables.columns import EPOCH, MICROSECOND
from rooms.store.tables.records import AuditCheckpoint, AuditEntry

WORDS: Final = {
    "seq_missing": ("Thiếu mục", "entries are missing"),
    "seq_repeated": ("Mục bị lặp số", "a number is used twice"),
    "malformed": ("Mục không đúng dạng", "the entry is malformed"),
    "chain_broken": ("Mục không nối với mục trước", "the entry does not follow the previous entry"),
    "entry_altered": ("Mục đã bị sửa", "the entry was altered"),
    "time_backwards": ("Thời gian lùi", "the time is earlier than in the previous entry"),
    "checkpoint_forged": ("Mốc kiểm tra không do khóa này ký", "the checkpoint is not signed by this key"),
    "checkpoint_differs": ("Nhật ký khác với mốc kiểm tra", "the trail differs from the signed checkpoint"),
    "checkpoint_missing": ("Thiếu mốc kiểm tra đã xuất", "an exported checkpoint is missing"),
    "trail_cut": ("Nhật ký bị cắt phần cuối", "the end of the trail is missing"),
}
BACKWARDS_US: Final = 10 * 60 * 1_000_000
"""Microseconds: 10 minutes. Chosen. An entry of the audit trail may be older than the entry before it by this time, because the
clocks of several servers differ. Larger: an entry with a false date is not reported. Smaller: a normal difference of clocks is
reported as `time_backwards`.
"""


@dataclass(frozen=True)
class Finding:
    """A fault in the trail. `code` is stable. `seq` is the number of the entry, or the size of the checkpoint."""

    code: str
    seq: int
    vietnamese: str
    english: str


@dataclass
class Verdict:
    """The result of the check. `sealed`: the number of entries under a genuine checkpoint. Later entries are protected only by
    their chain.
    """

    entries: int = 0
    checkpoints: int = 0
    sealed: int = 0
    last_hash: str = audit.FIRST
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.findings

    def found(self, code: str, seq: int) -> None:
        if len(self.findings) < limits.AUDIT_FINDINGS:
            vietnamese, english = WORDS[code]
            self.findings.append(Finding(code, seq, vietnamese, english))


async def verify(session: AsyncSession, key: Ed25519PublicKey, outside: Sequence[Checkpoint] = ()) -> Verdict:
    """Read the whole trail. `outside`: checkpoints that were kept in another place. They count the same as the checkpoints in
    the database.
    """
    verdict = Verdict()
    inside = await _checkpoints(session, verdict)
    marks = _genuine(verdict, key, [*inside, *outside])
    for one in outside:
        if one.is_genuine(key) and one.size not in {mine.size for mine in inside}:
            verdict.found("checkpoint_missing", one.size)
    previous = _Previous()
    async for row in _entries(session):
        _examine(verdict, row, previous)
        for mark in marks.get(previous.seq, ()) if previous.fresh else ():
            _compare(verdict, mark, previous.stored)
    verdict.last_hash = previous.stored
    last = latest([one for many in marks.values() for one in many])
    if last is not None and last.size > previous.seq:
        verdict.found("trail_cut", previous.seq)
    return verdict


@dataclass
class _Previous:
    seq: int = 0
    at_us: int = 0
    stored: str = audit.FIRST
    fresh: bool = False
    """True: the row that was just read has a new, larger number."""


def _genuine(verdict: Verdict, key: Ed25519PublicKey, found: Sequence[Checkpoint]) -> Mapping[int, list[Checkpoint]]:
    marks: dict[int, list[Checkpoint]] = {}
    for one in found:
        if one.is_genuine(key):
            marks.setdefault(one.size, []).append(one)
        else:
            verdict.found("checkpoint_forged", one.size)
    return marks


def _examine(verdict: Verdict, row: Mapping[str, Any], previous: _Previous) -> None:
    verdict.entries += 1
    seq, at_us, detail = row["seq"], _microseconds(row["at"]), _detail(row["detail"])
    previous.fresh = False
    if type(seq) is not int:
        verdict.found("malformed", previous.seq + 1)
        return
    if seq <= previous.seq:
        verdict.found("seq_repeated", seq)
        return
    if seq > previous.seq + 1:
        verdict.found("seq_missing", previous.seq + 1)
    if at_us is None or detail is None or not all(isinstance(row[name], str) for name in TEXTS):
        verdict.found("malformed", seq)
    else:
        if audit.seal(dict(row) | {"at": at_us, "detail": detail}) != row["hash"]:
            verdict.found("entry_altered", seq)
        if at_us < previous.at_us - BACKWARDS_US:
            verdict.found("time_backwards", seq)
        previous.at_us = max(previous.at_us, at_us)
    if row["previous"] != previous.stored:
        verdict.found("chain_broken", seq)
    previous.seq, previous.stored, previous.fresh = seq, str(row["hash"]), True


def _compare(verdict: Verdict, mark: Checkpoint, stored: str) -> None:
    if mark.hash == stored:
        verdict.sealed = max(verdict.sealed, mark.size)
    else:
        verdict.found("checkpoint_differs", mark.size)


TEXTS: Final = ("actor", "action", "object_kind", "object_id", "unit_id", "address", "previous", "hash")
COLUMNS: Final = ("seq", "at", *TEXTS)


async def _entries(session: AsyncSession) -> AsyncIterator[Mapping[str, Any]]:
    # Read the entries without column types, because a changed row may hold any value. JSON comes as the stored text.
    raw: list[Any] = [literal_column(f'"{name}"').label(name) for name in COLUMNS]
    wanted = select(*raw, cast(literal_column("detail"), Text).label("detail")).select_from(AuditEntry.__table__)
    result = await session.stream(
        wanted.order_by(literal_column("seq")).execution_options(yield_per=limits.AUDIT_BATCH)
    )
    async for row in result:
        yield dict(row._mapping)


async def _checkpoints(session: AsyncSession, verdict: Verdict) -> list[Checkpoint]:
    names = ("size", "at", "hash", "key_id", "signature")
    raw: list[Any] = [literal_column(f'"{name}"').label(name) for name in names]
    found = []
    for row in await session.execute(select(*raw).select_from(AuditCheckpoint.__table__).order_by(literal_column("1"))):
        at_us = _microseconds(row.at)
        verdict.checkpoints += 1
        if at_us is None or type(row.size) is not int:
            verdict.found("malformed", 0)
        else:
            found.append(Checkpoint(row.size, at_us, str(row.hash), str(row.key_id), str(row.signature)))
    return found


def _microseconds(at: object) -> int | None:
    if isinstance(at, datetime) and at.tzinfo is not None:
        return (at - EPOCH) // MICROSECOND
    return at if type(at) is int else None


def _detail(stored: object) -> dict[str, Any] | None:
    """Return the object if the text is exactly the text that this program writes. Another text for the same value is an
    alteration.
    """
    if not isinstance(stored, str):
        return None
    try:
        value = json.loads(stored)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and json.dumps(value) == stored else None
