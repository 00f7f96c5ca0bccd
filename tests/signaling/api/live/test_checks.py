"""The routes behind the page `/test`: limits for strangers, tokens with few rights, results without names, and who reads the
results.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from conference import Grants, Refusal, Source
from rooms import limits as kept
from rooms.sites import checks
from rooms.store.tables.sites import DeviceCheck
from signaling.host import limits
from tests.signaling.api.checks import FIGURES
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem


async def begun(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/checks")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def handed_in(client: httpx.AsyncClient, check: dict[str, Any], figures: Any = FIGURES) -> httpx.Response:
    return await client.post(f"/checks/{check['id']}/result", json={"key": check["key"], "figures": figures})


async def test_the_help_desk_can_look_up_a_guests_device_check(office: Office) -> None:
    stranger = office.stranger()
    check = await begun(stranger)
    sender, receiver = (
        office.authenticator.verify(check[who], office.now.timestamp()) for who in ("sender", "receiver")
    )
    assert sender.conference == receiver.conference == f"check-{check['id']}"
    assert sender.can_publish_sources == {Source.CAMERA, Source.MICROPHONE}
    assert (sender.can_subscribe, receiver.can_publish) == (False, False)
    for grants in (sender, receiver):
        assert grants.join
        assert not (grants.admin)
        assert not (grants.create)
        assert not (grants.can_publish_data)
        assert grants.expires_at - office.now.timestamp() <= limits.CHECK_S + 1
        assert grants.terms is not None
        assert grants.terms.max_participants == 3
    assert check["relay"] == "", "no TURN server is set"

    answer = await handed_in(stranger, check)
    assert answer.status_code == 201, answer.text
    code = answer.json()["code"]
    assert len(code) == 8
    assert code.isdecimal()
    for role in ("secretary", "operator", "admin", "auditor"):
        found = await (await office.client(role, "khcn")).get(f"/checks/{code}")
        assert found.status_code == 200, found.text
        assert found.json()["figures"] == FIGURES
    problem(await stranger.get(f"/checks/{code}"), 401, "signed_out")
    problem(await (await office.client("approver", "tinh")).get(f"/checks/{code}"), 403, "denied")
    operator = await office.client("operator", "tinh")
    problem(await operator.get("/checks/00000000" if code != "00000000" else "/checks/00000001"), 404, "not_found")
    office.now += timedelta(days=kept.CHECK_KEPT_DAYS, seconds=1)
    problem(await (await office.client("operator", "tinh")).get(f"/checks/{code}"), 404, "not_found")


async def test_a_check_result_is_accepted_once_in_time_with_its_key(office: Office) -> None:
    stranger = office.stranger()
    check, other = await begun(stranger), await begun(stranger)
    problem(await handed_in(stranger, check | {"key": other["key"]}), 410, "check_over")
    assert (await handed_in(stranger, check)).status_code == 201
    problem(await handed_in(stranger, check), 410, "check_over")
    office.pass_minutes((limits.CHECK_S + limits.CHECK_REPORT_S) / 60 + 0.1)
    problem(await handed_in(stranger, other), 410, "check_over")


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("browser", "family", "Mozilla/5.0 (Nguyễn Văn An)"),
        ("network", "rtt_ms", 1e9),
        ("network", "up_loss", 1.5),
        ("camera", "name", "Camera của An"),
        ("microphone", "failure", "<b>"),
    ],
)
async def test_no_free_word_is_kept(office: Office, part: str, field: str, value: object) -> None:
    stranger = office.stranger()
    figures = copy.deepcopy(FIGURES)
    figures[part][field] = value
    check = await begun(stranger)
    problem(await handed_in(stranger, check, figures), 422, "fields_wrong")
    assert (await handed_in(stranger, check)).status_code == 201, "a refused result may be mended"


async def test_concurrent_checks_are_bounded_also_per_network(office: Office) -> None:
    most = office.secretariat.settings.checks_at_once
    one = office.stranger("10.1.1.1")
    first = [await begun(one) for _ in range(limits.CHECKS_OF_A_NETWORK)]
    problem(await one.post("/checks"), 503, "checks_full")
    for _ in range(limits.CHECKS_PER_MINUTE - len(first) - 1):
        assert (await handed_in(one, first.pop())).status_code == 201
        first.append(await begun(one))
    problem(await one.post("/checks"), 429, "too_many_requests")
    for number in range(most - len(first)):
        await begun(office.stranger(f"10.1.2.{number}"))
    late = office.stranger("10.1.3.1")
    problem(await late.post("/checks"), 503, "checks_full")
    assert (await handed_in(one, first[0])).status_code == 201
    await begun(late)
    problem(await office.stranger("10.1.3.2").post("/checks"), 503, "checks_full")
    office.pass_minutes(limits.CHECK_S / 60 + 0.1)
    await begun(office.stranger("10.1.3.3"))


async def test_all_networks_together_have_a_measure(office: Office) -> None:
    for number in range(limits.ALL_CHECKS_PER_MINUTE):
        visitor = office.stranger(f"10.2.0.{number}")
        assert (await handed_in(visitor, await begun(visitor))).status_code == 201
    problem(await office.stranger("10.2.1.1").post("/checks"), 503, "checks_full")
    office.pass_minutes(0.1)
    await begun(office.stranger("10.2.1.1"))


async def test_no_token_opens_a_check_that_is_over(office: Office) -> None:
    """Show that even a renewed token opens no ended check. The server renews tokens while their participants are connected."""

    def grants_of(check: dict[str, Any]) -> Grants:
        found = office.authenticator.verify(check["sender"], office.now.timestamp())
        return replace(found, expires_at=found.expires_at + 3600)

    def enter(grants: Grants) -> None:
        office.secretariat.live.admit(grants)

    stranger = office.stranger()
    late, done = await begun(stranger), await begun(stranger)
    kept_on, handed = grants_of(late), grants_of(done)
    enter(kept_on)
    enter(handed)
    assert (await handed_in(stranger, done)).status_code == 201
    with pytest.raises(Refusal, match="conference_not_found"):
        enter(handed)
    office.pass_minutes(limits.CHECK_S / 60 + 0.01)
    with pytest.raises(Refusal, match="conference_not_found"):
        enter(kept_on)
    enter(replace(kept_on, conference="check-in-desk"))


async def test_the_oldest_results_go(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "CHECKS", 3)
    codes = []
    for minute in range(5):
        at = office.now + timedelta(minutes=minute)
        codes.append(await office.database.transact(partial(checks.keep, figures=FIGURES, now=at)))
    async with office.database.reading() as session:
        assert set(await session.scalars(select(DeviceCheck.code))) == set(codes[2:])
    old = office.now - timedelta(days=kept.CHECK_KEPT_DAYS + 1)
    await office.database.transact(lambda session: session.execute(update(DeviceCheck).values(made_at=old)))
    await office.database.transact(lambda session: checks.keep(session, FIGURES, office.now))
    async with office.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(DeviceCheck)) == 1
