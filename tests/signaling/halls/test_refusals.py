"""How an INVITE is refused: the status, the time of the next try, and the text of a Warning."""

from __future__ import annotations

import pytest

from conference import PeerError, Refusal
from signaling.halls.ground import limits
from signaling.halls.sip.side import refusal_of
from signaling.sip.media.plan import NotAcceptable


@pytest.mark.parametrize("code", ["conference_full", "hall_limit", "hall_ports_taken", "conference_limit"])
def test_when_there_is_no_room_a_hall_hears_when_to_try_again(code: str) -> None:
    status, headers = refusal_of(Refusal(code), "10.0.0.9")
    assert status == 486
    assert dict(headers)["retry-after"] == str(limits.FULL_AGAIN_S)
    assert dict(headers)["warning"] == f'399 10.0.0.9 "{Refusal(code).english}"'


def test_other_refusals() -> None:
    assert refusal_of(Refusal("class_forbids"), "h")[0] == 403
    assert refusal_of(Refusal("removed"), "h")[0] == 603
    assert refusal_of(PeerError("nonsense"), "h") == (400, [])
    status, headers = refusal_of(NotAcceptable("codec_unknown"), "10.0.0.9")
    assert status == 488
    assert headers[0][0] == "warning"
    assert headers[0][1].startswith("305 10.0.0.9 ")
