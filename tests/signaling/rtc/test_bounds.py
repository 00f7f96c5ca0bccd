"""Limits of one client's messages. A larger message ends the session before the server spends time on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from livekit.protocol import models, rtc

from signaling.rtc.session.context import POLICY, TOO_LONG
from signaling.rtc.session.requests import subscription_sids
from signaling.rtc.wire import limits
from tests.signaling.rtc.signal_desk import Guest, SignalDesk

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sdp"
REQUESTS = {
    "update_layers": rtc.SignalRequest(update_layers=rtc.UpdateVideoLayers(layers=[models.VideoLayer()] * 200_000)),
    "subscription": rtc.SignalRequest(subscription=rtc.UpdateSubscription(track_sids=["TR_x"] * 100_000)),
    "subscription_permission": rtc.SignalRequest(
        subscription_permission=rtc.SubscriptionPermission(
            track_permissions=[rtc.TrackPermission(track_sids=["TR_x"] * 100)] * 1000
        )
    ),
}


@pytest.fixture
def office() -> SignalDesk:
    return SignalDesk()


@pytest.mark.parametrize("kind", ["update_layers", "subscription", "subscription_permission"])
def test_only_messages_with_descriptions_may_be_long(office: SignalDesk, kind: str) -> None:
    long = REQUESTS[kind].SerializeToString()
    most = limits.OTHER_MESSAGE_BYTES
    assert most < len(long) < limits.MESSAGE_BYTES
    beside = rtc.SignalRequest(answer=rtc.SessionDescription()).SerializeToString()
    for name, said in (("alone", long), ("first", beside + long), ("last", long + beside)):
        guest = office.join(name)
        guest.raw(said)
        assert guest.wire.code == TOO_LONG


def test_descriptions_may_be_long(office: SignalDesk) -> None:
    long = "x" * limits.OTHER_MESSAGE_BYTES
    for kind in (
        {"answer": rtc.SessionDescription(type=long)},
        {"sync_state": rtc.SyncState(track_sids_disabled=[long])},
    ):
        guest = office.join("ann")
        guest.ask(**kind)
        assert guest.wire.code is None


@pytest.mark.parametrize("element", ["{}", "[]", "0", '"a"'])
def test_a_text_of_too_many_things_is_not_read(
    office: SignalDesk, monkeypatch: pytest.MonkeyPatch, element: str
) -> None:
    """Show that a text with too many elements is not parsed. Each object costs 4 µs: those of 4 MiB blocked all users for
    seconds.
    """
    read = 0
    whole = json_format.Parse

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal read
        read += 1
        return whole(*args, **options)

    monkeypatch.setattr(json_format, "Parse", counted)
    ann, ben = office.join("ann"), office.join("ben")
    ann.raw('{"updateLayers":{"unknown":[' + ",".join([element] * (limits.JSON_TOKENS // 2 - 3)) + "]}}")
    assert (ann.wire.code, read) == (None, 1)
    ben.raw('{"updateLayers":{"unknown":[' + ",".join([element] * limits.JSON_TOKENS) + "]}}")
    assert (ben.wire.code, read) == (TOO_LONG, 1)


def test_a_description_of_500_sections_in_text_passes(office: SignalDesk) -> None:
    recorded = (FIXTURES / "js_single_published.sdp").read_bytes().decode()
    sdp = recorded * (500 // recorded.count("m=") + 1)
    ann = office.join("ann")
    # Here the description is in the `type`: the server parses it like any text, and no later check refuses it.
    ann.raw(json_format.MessageToJson(rtc.SignalRequest(answer=rtc.SessionDescription(type=sdp))))
    assert ann.wire.code is None
    assert ann.session.participant is not None


@pytest.mark.parametrize("text", [False, True])
def test_bytes_are_counted_too(office: SignalDesk, text: bool) -> None:
    """Show that bytes are limited. Descriptions of 3 MiB every 2 s pass, but many at once do not. A text's elements count as
    bytes.
    """

    def say(guest: Guest) -> None:
        guest.raw('{"x":[' + ",".join("0" * 8000) + "]}" if text else long)

    long = rtc.SignalRequest(answer=rtc.SessionDescription(type="x" * 3 * 1024 * 1024)).SerializeToString()
    ann, ben = office.join("ann"), office.join("ben")
    for _ in range(12):
        say(ann)
        office.world.time.advance(2)
    assert ann.wire.code is None
    for _ in range(2 if not text else 7):
        say(ben)
    assert ben.wire.code is None
    for _ in range(2):
        say(ben)
    assert ben.wire.code == POLICY


def test_what_is_no_description_counts_more(office: SignalDesk) -> None:
    """Show that a message other than a description counts more. Many parts of two bytes cost the parser more than one long
    text.
    """
    ann = office.join("ann")
    said = rtc.SignalRequest(update_layers=rtc.UpdateVideoLayers(layers=[models.VideoLayer()] * 125_000))
    size = said.ByteSize()
    for _ in range(limits.BYTES_BURST // (size * limits.SMALL_PARTS)):
        ann.raw(said.SerializeToString())
    assert ann.wire.code is None
    ann.raw(said.SerializeToString())
    assert ann.wire.code == POLICY


def test_only_the_first_entries_of_a_long_list_are_read(office: SignalDesk) -> None:
    """Show that only the first entries of a long list are read. A `sync_state` of 4 MiB has room for two million entries."""
    one = models.ParticipantTracks(track_sids=["TR_last"])
    for entries, found in ((limits.TRACK_SIDS - 1, ["TR_last"]), (limits.TRACK_SIDS, [])):
        tracks = [*[models.ParticipantTracks()] * entries, one]
        assert subscription_sids(rtc.UpdateSubscription(participant_tracks=tracks)) == found
    both = rtc.UpdateSubscription(track_sids=["TR_a", "TR_last"], participant_tracks=[one])
    assert subscription_sids(both) == ["TR_a", "TR_last"]
    ann = office.join("ann")
    ann.ask(add_track=rtc.AddTrackRequest(cid="cam", type="VIDEO"))
    (pending,) = ann.participant.pending.values()
    told = rtc.TrackPublishedResponse(track=models.TrackInfo(sid=pending.sid))
    ann.ask(sync_state=rtc.SyncState(publish_tracks=[told] * limits.TRACK_SIDS))
    assert ann.session.participant is not None
    ann.ask(sync_state=rtc.SyncState(publish_tracks=[told] * (limits.TRACK_SIDS + 1)))
    assert ann.wire.last("leave").action == rtc.LeaveRequest.RECONNECT


def test_permissions_keep_a_bounded_number_of_track_ids(office: SignalDesk) -> None:
    """Show that permissions are limited. A participant needs no right for them. A thousand subscribers with a thousand ids each
    would use 85 MiB.
    """
    ann = office.join("ann")
    own = "TR_own"
    other = [f"TR_{number}" for number in range(limits.PERMITTED_SIDS // 1024 - 1)]
    entries = [
        rtc.TrackPermission(participant_identity=f"p{number}", track_sids=["TR_same", "x" * 65, *other])
        for number in range(1000)
    ]
    ben_entry = rtc.TrackPermission(participant_identity="ben", track_sids=[own])
    long = rtc.TrackPermission(participant_identity="x" * 257, participant_sid="x" * 65)
    ann.ask(subscription_permission=rtc.SubscriptionPermission(track_permissions=[ben_entry, long, *entries]))
    kept = ann.participant.permission
    assert kept.by_identity["ben"] == {own}
    sids = [sid for one in kept.by_identity.values() for sid in one]
    assert 1000 < len(sids) <= limits.PERMITTED_SIDS
    assert len({id(sid) for sid in sids}) == len(set(sids))
    assert max(map(len, sids)) <= 64
    assert (max(map(len, kept.by_identity)), kept.by_sid) == (4, {})
    many = [f"TR_{number}" for number in range(limits.PERMITTED_SIDS)]
    allowed = [rtc.TrackPermission(participant_identity=name, track_sids=many) for name in ("ben", "cat")]
    ann.ask(subscription_permission=rtc.SubscriptionPermission(track_permissions=allowed))
    kept = ann.participant.permission
    assert [len(kept.by_identity[name]) for name in ("ben", "cat")] == [limits.PERMITTED_SIDS, 0]
