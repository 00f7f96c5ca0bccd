"""The server API on doubles of the layers below it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from conference import Grants, Passage, marks
from signaling.rtc.admin import Administration
from tests.conference.chair.course.test_course import Kept
from tests.conference.doubles import FakePeer
from tests.signaling.rtc.signal_desk import SignalDesk
from tests.signaling.rtc.test_session import OFFER, publish


def api(office: SignalDesk) -> TestClient:
    office.names.grants["admin"] = Grants(identity="admin", conference="c", admin=True)
    routes = [Route("/twirp/{service}/{method}", Administration(office.context), methods=None)]
    return TestClient(Starlette(routes=routes))


def test_a_busy_plane_gives_503_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OverflowError

    office = SignalDesk()
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    monkeypatch.setattr(FakePeer, "stop", busy)
    answer = api(office).post(
        "/twirp/livekit.RoomService/UpdateSubscriptions",
        json={"room": "c", "identity": "ben", "trackSids": [sid], "subscribe": False},
        headers={"authorization": "Bearer admin"},
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (ann.wire.code, ben.wire.code) == (None, None)


SEND = ("can_subscribe", "can_publish", "can_publish_data")


class Lobby:
    """A meeting with a chair and a guest in the lobby of a closed session, and a program with the server's key."""

    def __init__(self) -> None:
        self.kept, self.office = Kept(), SignalDesk()
        self.office.world.registry.around = replace(self.office.world.registry.around, proceedings=self.kept)
        chair = self.office.join("chu", passage=Passage.HOST, role="chair")
        self.guest = self.office.join("khach")
        conference = chair.participant.stage
        self.breaks, self.by = conference.course.breaks, conference.machines.by("chu", "Chủ", "desk")
        self.breaks.begin_closed(self.by, ("khach",))
        self._api = api(self.office)

    def update(self, **wanted: Any) -> dict[str, Any]:
        """Return the participant as the server API answers."""
        answer = self._api.post(
            "/twirp/livekit.RoomService/UpdateParticipant",
            json={"room": "c", "identity": "khach", **wanted},
            headers={"authorization": "Bearer admin"},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    @property
    def sends(self) -> list[bool]:
        return [getattr(self.guest.participant.grants, one) for one in SEND]

    @property
    def waits(self) -> bool:
        return marks.WAITS in self.guest.participant.grants.attributes

    @property
    def told(self) -> list[Any]:
        return [one.detail for one in self.kept.records if one.kind == "change_person"]


def test_a_program_lets_nobody_in_from_the_lobby_by_rights() -> None:
    """The rights come with the return, and the record says which rights changed."""
    lobby = Lobby()
    tokens = len(lobby.office.names.signed)
    rights = {"canSubscribe": True, "canPublish": False, "canPublishData": True, "canPublishSources": ["CAMERA"]}
    answer = lobby.update(permission=rights)
    assert answer["permission"]["can_subscribe"] is False
    assert (lobby.sends, lobby.waits) == ([False] * 3, True)
    assert lobby.told == [{"before": "", "rights": {"can_publish": False, "can_publish_sources": ["camera"]}}]
    lobby.update(permission=rights | {"canPublishData": False})
    assert lobby.told[1:] == [{"before": "", "rights": {"can_publish_data": False}}]
    lobby.office.world.time.turn()
    signed = lobby.office.names.signed
    assert len(signed) > tokens
    assert [getattr(signed[-1], one) for one in SEND] == [True, False, False], "a later join has the new rights"
    lobby.breaks.end_closed(lobby.by)
    assert (lobby.sends, lobby.waits) == ([True, False, False], False)
    lobby.update(name="Khách mời", permission=rights)
    assert lobby.told[2:] == [{"before": "", "rights": {"can_publish_data": True}}]
    assert lobby.sends == [True, False, True]


def test_a_program_writes_no_marks_of_the_server() -> None:
    lobby = Lobby()
    marked = {marks.WAITS: "", marks.ROLE: "chair", marks.HOST: "1", marks.UNIT: "Sở Y tế", marks.STAGE: "1"}
    answer = lobby.update(attributes=marked | {"seat": "12"})
    assert answer["attributes"].keys() == {marks.WAITS, "seat"}
    assert lobby.waits
    lobby.breaks.end_closed(lobby.by)
    answer = lobby.update(attributes={marks.HAND: "1", marks.ROLE: "chair"})
    assert answer["attributes"].keys() == {marks.HAND, "seat"}, "a hand is a request to speak"
    assert lobby.told == [], "attributes are no orders"
