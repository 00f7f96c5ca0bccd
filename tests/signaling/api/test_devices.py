"""Device profiles of terminals over the REST API: reading, trying, changing, restoring, refusals, and entries in the audit
trail.
"""

from dataclasses import fields
from typing import Any

import httpx
from sqlalchemy import select

from rooms.store.tables.records import AuditEntry
from signaling.api.models.devices import DeviceProfile, DeviceProfileFields
from signaling.halls.sip.profile_book import in_force
from signaling.sip.media.profiles import SHIPPED, Profile
from tests.signaling.api.office import Office
from tests.signaling.api.test_directory import problem

PATH = "/device-profiles"


async def listed(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    answer = await client.get(PATH)
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json()}


async def kept(office: Office) -> Any:
    from rooms.dialling.devices import profiles

    async with office.database.reading() as session:
        return in_force(await profiles.every(session))


def test_the_models_say_what_a_profile_has() -> None:
    own = {field.name for field in fields(Profile)}
    assert set(DeviceProfile.model_fields) == own | {"kind", "changed_at", "changed_by"}
    assert set(DeviceProfileFields.model_fields) == own - {"name"} | {"like"}


async def test_an_operator_changes_a_shipped_profile_and_restores_it(office: Office) -> None:
    operator = await office.client("operator", "tinh")
    before = (await listed(operator))["yealink"]
    assert (before["kind"], before["max_level"]) == ("shipped", 42)
    answer = await operator.put(f"{PATH}/yealink", json={"words": before["words"], "max_level": 31, "modes": [0]})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert (changed["kind"], changed["max_level"], changed["modes"]) == ("changed", 31, [0])
    assert changed["floor_word"] == before["floor_word"], "what was left out is as it was shipped"
    assert changed["changed_at"]
    assert changed["changed_by"]
    profile = (await kept(office)).find("Yealink VC400 30.10.0.27")
    assert (profile.name, profile.max_level, profile.modes) == ("yealink", 31, (0,))
    assert (await operator.delete(f"{PATH}/yealink")).status_code == 204
    assert (await listed(operator))["yealink"] == before
    problem(await operator.delete(f"{PATH}/yealink"), 404, "profile_unchanged")
    async with office.database.reading() as session:
        entries = list(await session.scalars(select(AuditEntry).where(AuditEntry.action == "settings.profile")))
    assert [(one.object_id, one.detail) for one in entries] == [
        ("yealink", {"fields": ["like", "max_level", "modes", "words"]}),
        ("yealink", {"removed": True}),
    ]


async def test_an_own_profile_applies_to_matching_user_agents(office: Office) -> None:
    admin = await office.client("admin", "tinh")
    wanted = {"like": "huawei", "words": ["TE40"], "encryption": "off", "max_fps": 15}
    assert (await admin.put(f"{PATH}/te40", json=wanted)).json()["kind"] == "own"
    found = (await listed(admin))["te40"]
    assert (found["audio"], found["encryption"], found["max_fps"]) == (["g722", "pcma", "pcmu"], "off", 15)

    async def match(agent: str) -> tuple[str, str]:
        answer = (await admin.get(f"{PATH}/match", params={"user_agent": agent})).json()
        return answer["name"], answer["word"]

    assert await match("Huawei TE40 V600") == ("huawei", "huawei"), "the longest word decides"
    assert await match("TE40/V600") == ("te40", "te40")
    assert await match("SIPp") == ("generic", "")
    assert (await admin.delete(f"{PATH}/te40")).status_code == 204
    assert await match("TE40/V600") == ("generic", "")


async def test_each_shipped_profile_can_be_saved_as_shown(office: Office) -> None:
    """Show that each shipped profile can be saved as shown, when the page sends all its fields."""
    admin = await office.client("admin", "tinh")
    for name, row in (await listed(admin)).items():
        shown = {key: value for key, value in row.items() if key in DeviceProfileFields.model_fields}
        assert (await admin.put(f"{PATH}/{name}", json=shown)).status_code == 200, name
    own = await kept(office)
    assert {one.name: one for one in own.rows} == {one.name: one for one in SHIPPED}


async def test_unauthorized_and_invalid_profile_changes_are_refused(office: Office) -> None:
    good = {"words": ["Yealink VC"]}
    for role, unit in (("secretary", "tinh"), ("operator", "xa1"), ("admin", "khcn")):
        client = await office.client(role, unit)
        assert await listed(client)
        problem(await client.put(f"{PATH}/yealink", json=good), 403, "denied")
        problem(await client.delete(f"{PATH}/yealink"), 403, "denied")
    weak = await office.client("operator", "tinh", factors=1)
    problem(await weak.put(f"{PATH}/yealink", json=good), 403, "second_factor_needed")
    operator = await office.client("operator", "tinh")
    for wrong, where in (
        ({"words": ["x"]}, "words.0"),
        ({"words": ["ab"] * 17}, "words"),
        (good | {"max_level": 33}, "max_level"),
        (good | {"audio": []}, "audio"),
        (good | {"modes": [2]}, "modes.0"),
        (good | {"colour": "red"}, "colour"),
        (good | {"baseline_prefix": "99zz"}, "baseline_prefix"),
    ):
        body = problem(await operator.put(f"{PATH}/yealink", json=wrong), 422, "fields_wrong")
        assert body["troubles"][0]["where"] == where
    problem(await operator.put(f"{PATH}/yealink", json={}), 422, "profiles_bad")
    problem(await operator.put(f"{PATH}/new", json=good | {"like": "nobody"}), 422, "profiles_bad")
    problem(await operator.put(f"{PATH}/No-Good", json=good), 422, "fields_wrong")
    assert all(row["kind"] == "shipped" for row in (await listed(operator)).values())


async def test_there_is_a_bound(office: Office, monkeypatch: Any) -> None:
    from rooms import limits

    monkeypatch.setattr(limits, "PROFILES", 1)
    admin = await office.client("admin", "tinh")
    assert (await admin.put(f"{PATH}/one", json={"words": ["one"]})).status_code == 200
    assert (await admin.put(f"{PATH}/one", json={"words": ["One"]})).status_code == 200
    problem(await admin.put(f"{PATH}/two", json={"words": ["two"]}), 422, "too_many")
