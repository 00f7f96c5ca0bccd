"""Tokens for the next socket: the door accepts them, whatever a participant says about itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from livekit.protocol import models, rtc

from conference import Grants, Passage, Terms, marks
from conference import limits as conference_limits
from signaling.host import limits as http_limits
from signaling.host.tokens import Authenticator
from signaling.rtc.session.long_metadata import LongMetadata
from signaling.rtc.wire import limits
from signaling.rtc.wire.join import Ask
from tests.conference.chair.course.test_course import Kept
from tests.signaling.rtc.signal_desk import Guest, SignalDesk

LONG = "Ủy ban " * 6_000
JOIN = Ask(dual=False, client=models.ClientInfo())


@pytest.fixture
def office() -> SignalDesk:
    office = SignalDesk()
    office.context = replace(office.context, authority=Authenticator({"key": "s" * 32}))
    return office


def told(guest: Guest) -> Grants:
    """Return the grants in the guest's last token."""
    token = guest.wire.last("refresh_token")
    return guest.office.context.authority.verify(token, guest.office.world.time.time())


def come(office: SignalDesk, grants: Grants, resume_sid: str = "") -> Guest:
    return Guest(office, *office.open(grants, replace(JOIN, resume_sid=resume_sid)))


def own_facts(guest: Guest) -> tuple[str, dict[str, str]]:
    return guest.participant.grants.metadata, dict(guest.participant.grants.attributes)


def test_token_limits_agree_with_the_http_limits() -> None:
    assert limits.TOKEN_BYTES == http_limits.TOKEN_BYTES
    assert limits.KEPT_FACTS_S >= limits.TOKEN_TTL_S + http_limits.LEEWAY_S
    assert conference_limits.ATTRIBUTES == http_limits.ATTRIBUTES


@pytest.mark.parametrize(
    "changes",
    [{"metadata": LONG}, {"attributes": {"dash\x01": LONG}}, {"metadata": "Ủ" * 1000}, {"metadata": "short"}],
)
def test_long_facts_live_through_resumes_and_new_beginnings(office: SignalDesk, changes: Any) -> None:
    ann = office.join("ann", can_update_own_metadata=True, attributes={"unit": "Sở Y tế"})
    ann.ask(update_metadata=rtc.UpdateParticipantMetadata(request_id=1, **changes))
    assert ann.wire.last("request_response").reason == rtc.RequestResponse.OK
    facts = own_facts(ann)
    again = come(office, told(ann), ann.participant.sid)
    assert again.participant is ann.office.world.registry.get("c").participants["ann"]
    assert own_facts(again) == facts
    sid = again.participant.sid
    anew = come(office, told(again))
    assert anew.participant.sid != sid
    assert own_facts(anew) == facts
    anew.ask(leave=rtc.LeaveRequest())
    assert own_facts(come(office, told(anew))) == facts


def test_room_terms_are_not_repeated_in_the_renewed_token(office: SignalDesk) -> None:
    terms = Terms.of("Ủ" * 2000, 0, 0, 0)
    ann = office.join("ann", can_update_own_metadata=True, terms=terms)
    assert told(ann).terms is None
    assert office.world.registry.get("c").summary.metadata == terms.metadata


def test_what_no_token_can_say_is_refused(office: SignalDesk) -> None:
    ann = office.join("ann", can_update_own_metadata=True, attributes={"a": "1"})
    facts = own_facts(ann)
    many = {str(number): "1" for number in range(conference_limits.ATTRIBUTES)}
    for request, reason in (
        (rtc.UpdateParticipantMetadata(attributes=many), "LIMIT_EXCEEDED"),
        (rtc.UpdateParticipantMetadata(metadata="a\0b"), "INVALID_REQUEST"),
        (rtc.UpdateParticipantMetadata(attributes={"a\0": "b"}), "INVALID_REQUEST"),
    ):
        ann.ask(update_metadata=request)
        answer = ann.wire.last("request_response")
        assert answer.reason == rtc.RequestResponse.Reason.Value(reason)
        assert own_facts(ann) == facts
        told(ann)


def test_facts_live_as_long_as_their_tokens_within_bounds() -> None:
    kept = LongMetadata()
    grants = [Grants(identity=str(number), conference="c", metadata="m" * 2**20) for number in range(40)]
    short = [kept.keep(one, 1000.0) for one in grants]
    assert len(kept) == limits.KEPT_FACTS_CHARACTERS // 2**20
    assert kept.restored(short[-1], 1000.0) == grants[-1]
    assert kept.restored(short[0], 1000.0) == replace(grants[0], metadata="")
    assert kept.restored(replace(short[-1], conference="d"), 1000.0).metadata == ""
    assert kept.restored(short[-1], 1000.0 + limits.KEPT_FACTS_S).metadata == ""
    assert len(kept) == 0


RIGHTS = ("can_publish", "can_subscribe", "can_publish_data")


def closes(kept: Kept) -> tuple[SignalDesk, Guest]:
    """Return a server with these stored states, and its chair."""
    office = SignalDesk()
    office.context = replace(office.context, authority=Authenticator({"key": "s" * 32}))
    office.world.registry.around = replace(office.world.registry.around, proceedings=kept)
    return office, office.join("chu", passage=Passage.HOST, role="chair")


@pytest.mark.parametrize("ended_meanwhile", [False, True])
def test_a_token_from_the_lobby_of_a_closed_session_keeps_the_rights_over_a_crash(ended_meanwhile: bool) -> None:
    kept = Kept()
    office, chair = closes(kept)
    guest = office.join("khach")
    conference = chair.participant.stage
    conference.course.breaks.begin_closed(conference.machines.by("chu", "Chu", "desk"), ("khach",))
    office.world.time.turn()
    assert [getattr(guest.participant.grants, one) for one in RIGHTS] == [False] * 3
    token = told(guest)
    again, chair = closes(Kept() if ended_meanwhile else kept)
    back = come(again, token)
    waits = marks.WAITS in back.participant.grants.attributes
    assert waits is not ended_meanwhile
    if not ended_meanwhile:
        conference = chair.participant.stage
        conference.course.breaks.end_closed(conference.machines.by("chu", "Chu", "desk"))
        again.world.time.turn()
    assert [getattr(back.participant.grants, one) for one in RIGHTS] == [True] * 3
    assert marks.WAITS not in back.participant.grants.attributes


def test_the_marks_of_the_moment_enter_with_no_token(office: SignalDesk) -> None:
    moment = dict.fromkeys(marks.MOMENTARY, "1")
    back = come(office, Grants(identity="ann", conference="c", join=True, attributes=moment | {"unit": "Sở Y tế"}))
    assert back.participant.grants.attributes == {"unit": "Sở Y tế"}
    back.participant.ask_to_unmute()
    assert marks.UNMUTE_ASKED in back.participant.grants.attributes
    assert told(back).attributes == {"unit": "Sở Y tế"}
