"""The server API on doubles of the layers below it."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from conference import Grants
from signaling.rtc.admin import Administration
from tests.conference.doubles import FakePeer
from tests.signaling.rtc.signal_desk import SignalDesk
from tests.signaling.rtc.test_session import OFFER, publish


def test_a_busy_plane_gives_503_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise OverflowError

    office = SignalDesk()
    office.names.grants["admin"] = Grants(identity="admin", conference="c", admin=True)
    ann, ben = office.join("ann", offer=OFFER), office.join("ben", offer=OFFER)
    sid = publish(ann)
    monkeypatch.setattr(FakePeer, "stop", busy)
    client = TestClient(
        Starlette(routes=[Route("/twirp/{service}/{method}", Administration(office.context), methods=None)])
    )
    answer = client.post(
        "/twirp/livekit.RoomService/UpdateSubscriptions",
        json={"room": "c", "identity": "ben", "trackSids": [sid], "subscribe": False},
        headers={"authorization": "Bearer admin"},
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (ann.wire.code, ben.wire.code) == (None, None)
