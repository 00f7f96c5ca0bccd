"""The result of a vote in a booked meeting is sealed into the audit trail."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from rooms.policy.bearers import bearer
from rooms.store.tables.records import AuditEntry
from tests.signaling.api.live.test_hosting import Held, held

__all__ = ["held"]


async def test_the_digest_of_a_result_is_in_the_audit_trail_and_the_title_is_not(held: Held) -> None:
    secretariat = held.office.secretariat
    held.registry.around = replace(held.registry.around, proceedings=secretariat.proceedings)
    _, host, chair = await held.chair()
    desk = f"/conferences/{held.name}/desk"
    vote = (await host.post(f"{desk}/vote_prepare", json={"title": "Nghị quyết số 7"})).json()["vote"]
    assert (await host.post(f"{desk}/vote_open", json={"vote": vote})).status_code == 200
    assert (await host.post(f"{desk}/vote_close", json={"vote": vote})).status_code == 200
    assert (await host.post(f"{desk}/vote_annul", json={"vote": vote, "reason": "Thiếu người"})).status_code == 200
    await secretariat.hosts.settle()
    async with held.office.database.reading() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.object_id == held.date))
        noted = {one.action: one.detail for one in rows}
    polls = held.registry.get(held.name).polls
    result = polls.votes.all[0].result
    assert result is not None
    assert noted["vote.close"]["digest"] == result.digest
    assert noted["vote.close"]["counts"] == [0, 0, 0]
    assert noted["vote.annul"]["vote"] == vote
    assert "Nghị quyết" not in str(noted)
    assert bearer(chair.identity) in {one.identity for one in polls.votes.all[0].entitled}
    await secretariat.proceedings.settle()
