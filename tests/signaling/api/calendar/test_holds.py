"""The holds of invited units' halls over HTTP: the board of the unit, its objection, and the return by the host."""

from typing import Any

import httpx

from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem
from tests.signaling.api.test_meetings import act, book, wanted


async def held(client: httpx.AsyncClient, office: Office) -> list[dict[str, Any]]:
    """Return the entries of the board of the commune."""
    span = {"starts_at": office.at("2026-03-02 00:00"), "ends_at": office.at("2026-03-09 00:00")}
    answer = await client.get("/board", params={**span, "unit_id": office.province.units["xa1"]})
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_a_hold_from_the_form_to_its_return(office: Office) -> None:
    units, hall = office.province.units, office.province.halls["xa1"]
    desk, commune = await office.client("secretary", "khcn"), await office.client("secretary", "xa1")
    guests = [{"unit_id": units["xa1"]}, {"unit_id": units["xa2"]}]
    meeting = await book(desk, wanted(office, attendees=guests, hold_guests=True, submit=True))
    assert meeting["hold_guests"]
    path = f"/halls/{hall}/objections/{meeting['id']}"

    async def holds() -> list[tuple[str, str, str]]:
        answer = (await desk.get(f"/meetings/{meeting['id']}/hall-holds")).json()
        return [(one["unit_name"], one["state"], one["objection"]) for one in answer["halls"]]

    assert await holds() == [("UBND xã Mỹ Hạnh", "soft", ""), ("UBND xã Đức Lập", "none", "")]
    (entry,) = await held(commune, office)
    assert (entry["hold"], entry["objects"], entry["title"]) == ("soft", meeting["id"], "Họp góp ý dự thảo")
    (entry,) = await held(await office.client("secretary", "yt"), office)
    assert (entry["hold"], entry["objects"], entry["title"]) == ("soft", "", "Đã có lịch")
    problem(await desk.put(path, json={"reason": "Họp xã"}), 403, "denied")
    problem(await commune.put(path, json={"reason": " "}), 422, "reason_missing")
    assert (await commune.put(path, json={"reason": "Họp xã"})).status_code == 204
    assert await holds() == [("UBND xã Mỹ Hạnh", "free", "Họp xã"), ("UBND xã Đức Lập", "none", "")]
    assert await held(commune, office) == []
    assert (await commune.delete(path)).status_code == 204
    problem(await commune.delete(path), 404, "unknown_hold")
    for role, unit in (("approver", "khcn"), ("operator", "tinh")):
        meeting = (await act(await office.client(role, unit), meeting, "decide", approve=True)).json()
    (entry,) = await held(commune, office)
    assert entry["hold"] == "firm"
    assert (await commune.put(path, json={"reason": "Họp xã"})).status_code == 204
    assert (await held(commune, office))[0]["objection"] == "Họp xã"
    assert await holds() == [("UBND xã Mỹ Hạnh", "firm", "Họp xã"), ("UBND xã Đức Lập", "none", "")]
    problem(await commune.delete(f"/meetings/{meeting['id']}/hall-holds/{hall}"), 404, "unknown_meeting")
    assert (await desk.delete(f"/meetings/{meeting['id']}/hall-holds/{hall}")).status_code == 204
    assert await held(commune, office) == []
