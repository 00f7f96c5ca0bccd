"""Two agents call each other. Calls begin, change and end, over links that lose and double datagrams."""

from typing import Any

import pytest

from signaling.sip.call.call import Call
from signaling.sip.call.causes import Kind
from signaling.sip.call.events import Refused
from signaling.sip.call.states import State
from signaling.sip.dialog.dialog import place
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import read_uri
from signaling.sip.wire.message import Request, Response, answer
from tests.signaling.sip.world import ANSWER, OFFER, A, B, Link, Node, World, pair

MORE = OFFER.replace(b"- 1 1", b"- 1 2")
LOSSY = Link(loss=0.3, double=0.2, delay_s=(0.01, 0.4))


def standing(
    seed: int = 1, link: Link | None = None, transport: str = "udp", **settings: Any
) -> tuple[World, Node, Node, Call]:
    world, one, other = pair(seed, link, **settings)
    call = one.dial(f"sip:hall@{B}", transports=(transport,))
    world.run(
        40,
        lambda: call.state is State.STANDING and bool(other.user.calls) and other.user.calls[0].state is State.STANDING,
    )
    assert call.state is State.STANDING
    return world, one, other, call


def rest(world: World, *nodes: Node) -> None:
    world.run(200)
    for node in nodes:
        assert node.quiet(), (
            node.agent.calls,
            node.agent.core.transactions.clients,
            node.agent.core.transactions.servers,
        )


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_from_ring_to_hang_up(transport: str) -> None:
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.ring()
    call = one.dial(f"sip:hall@{B}", transports=(transport,))
    world.run(5)
    assert one.user.names() == ["ringing"]
    assert call.state is State.RINGING
    other.user.calls[0].accept(ANSWER)
    world.run(5)
    assert one.user.seen[1:] == [("answered", ANSWER)]
    assert other.user.seen == [("incoming", OFFER), ("answered", b"")]
    call.hang_up("xong")
    world.run(5)
    assert one.user.cause.kind is other.user.cause.kind is Kind.NORMAL
    bye = world.sent(A, "BYE")[0]
    assert bye.headers.get("reason") == 'SIP;cause=200;text="xong"'
    rest(world, one, other)


def test_a_stopping_server_waits_only_for_unanswered_far_ends() -> None:
    world, one, other, _ = standing()
    world.run(60)  # the first transactions are deleted
    for node in (one, other):
        assert [node.agent.awaits_answers, len(node.agent.calls)] == [True, 1]
    one.agent.close()
    assert world.sent(A, "BYE")
    world.run(5, lambda: not one.agent.awaits_answers)
    assert [node.agent.awaits_answers for node in (one, other)] == [False, False]
    assert len(one.agent.core.transactions), "an answered one is kept for a while, and is not waited for"
    rest(world, one, other)


@pytest.mark.parametrize("seed", range(25))
def test_a_call_over_a_bad_link(seed: int) -> None:
    world, one, other, call = standing(seed, LOSSY)
    answerer = other.user.calls[0]
    call.reinvite(MORE)
    world.run(40, lambda: "renegotiated" in one.user.names())
    assert ("renegotiated", ANSWER, 200) in one.user.seen
    assert ("reoffered", MORE) in other.user.seen
    answerer.hang_up()
    world.run(40)
    assert (
        one.user.names().count("answered") == one.user.names().count("ended") == other.user.names().count("ended") == 1
    )
    assert [len(other.user.calls)] == [1]
    rest(world, one, other)


@pytest.mark.parametrize("seed", range(6))
def test_late_offer(seed: int) -> None:
    world, one, other = pair(seed, LOSSY if seed else None)
    call = one.dial(f"sip:hall@{B}", offer=b"")
    other.user.on_incoming = lambda call: call.accept(OFFER)
    world.run(60, lambda: "answered" in other.user.names() and "answered" in one.user.names())
    assert other.user.seen == [("incoming", b""), ("answered", ANSWER)]
    assert one.user.seen == [("reoffered", OFFER), ("answered", OFFER)]
    # A re-INVITE without SDP arrived from the other side: we offer, and the ACK answers.
    assert call.state is State.STANDING


def test_a_late_offer_that_cannot_be_answered_ends_the_call() -> None:
    world, one, other = pair()
    one.user.reply = Refused(488)
    one.dial(f"sip:hall@{B}", offer=b"")
    other.user.on_incoming = lambda call: call.accept(OFFER)
    world.run(10)
    assert one.user.cause.kind is Kind.NOT_ACCEPTABLE
    assert "ended" in other.user.names()
    rest(world, one, other)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        *((403, "Forbidden"), (404, "Not Found"), (480, "Temporarily Unavailable"), (482, "Loop Detected")),
        *((486, "Busy Here"), (488, "Not Acceptable Here"), (500, "Server Internal Error")),
        *((503, "Service Unavailable"), (603, "Decline")),
    ],
)
def test_a_refused_caller_gets_the_words_of_the_status(status: int, words: str) -> None:
    """Show the reason phrases of RFC 3261 §21, which terminals show to people."""
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.refuse(status)
    one.dial(f"sip:hall@{B}")
    world.run(2)
    assert {found.start_line() for found in world.sent(B, f"SIP/2.0 {status}")} == {f"SIP/2.0 {status} {words}"}
    rest(world, one, other)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((486, Kind.BUSY), (600, Kind.BUSY), (603, Kind.DECLINED), (404, Kind.NOT_FOUND), (480, Kind.UNAVAILABLE)),
        *((488, Kind.NOT_ACCEPTABLE), (403, Kind.UNAUTHORISED), (503, Kind.OVERLOADED), (302, Kind.MOVED)),
        *((500, Kind.FAILED), (408, Kind.NO_ANSWER)),
    ],
)
def test_the_failure_status_gives_the_cause(status: int, kind: Kind) -> None:
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.refuse(
        status, [("retry-after", "17 (later)"), ("contact", "<sip:x@198.51.100.9>")]
    )
    one.dial(f"sip:hall@{B}")
    world.run(2)
    assert (one.user.cause.kind, one.user.cause.status, one.user.cause.retry_after_s) == (kind, status, 17)
    assert not [row for row in world.wire if row[1] == "198.51.100.9"]
    rest(world, one, other)


def test_a_call_that_rings_too_long_ends_with_no_answer() -> None:
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.ring()
    one.dial(f"sip:hall@{B}")
    world.run(limits.RING_S + 5)
    assert one.user.cause.kind is Kind.NO_ANSWER
    assert other.user.cause.kind is Kind.CANCELLED
    rest(world, one, other)


def test_a_call_without_any_response_is_unreachable() -> None:
    world, one, _ = pair(link=Link(loss=1.0))
    one.dial(f"sip:hall@{B}")
    world.run(31)
    assert "ended" not in one.user.names()
    world.run(2)
    assert one.user.cause.kind is Kind.UNREACHABLE
    assert len(world.sent(A, "INVITE")) == 7  # 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s
    rest(world, one)


@pytest.mark.parametrize("seed", range(12))
def test_a_call_cancelled_while_ringing_ends_on_both_sides(seed: int) -> None:
    world, one, other = pair(seed, LOSSY if seed else None)
    other.user.on_incoming = lambda call: call.ring()
    call = one.dial(f"sip:hall@{B}")
    world.run(20, lambda: call.state is State.RINGING)
    call.hang_up()
    world.run(100)
    assert one.user.cause.kind is Kind.CANCELLED
    assert other.user.cause.kind is Kind.CANCELLED
    rest(world, one, other)


def test_a_call_cancelled_before_any_response_ends() -> None:
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.ring()
    call = one.dial(f"sip:hall@{B}")
    call.hang_up()
    assert not world.sent(A, "CANCEL")
    world.run(5)
    assert one.user.cause.kind is other.user.cause.kind is Kind.CANCELLED
    rest(world, one, other)


def test_an_answer_that_crosses_cancel_is_acknowledged_and_left() -> None:
    world, one, other = pair(link=Link(delay_s=(0.1, 0.1)))
    other.user.on_incoming = lambda call: call.ring()
    call = one.dial(f"sip:hall@{B}")
    world.run(1)
    other.user.calls[0].accept(ANSWER)
    call.hang_up()
    world.run(5)
    assert one.user.cause.kind is Kind.CANCELLED
    assert world.sent(A, "ACK")
    assert world.sent(A, "BYE")
    assert other.user.cause.kind is Kind.NORMAL
    rest(world, one, other)


def test_without_ack_the_call_ends() -> None:
    world, one, other, _ = standing()
    other.user.seen.clear()
    one.user.seen.clear()
    call = one.dial(f"sip:hall@{B}", call_id="leg-2")
    world.run(1, lambda: len(other.user.calls) == 2)
    del world.nodes[A]  # the peer vanishes without a message
    world.run(40)
    assert other.user.calls[1].state is State.CLOSED
    assert other.user.cause.kind is Kind.PROTOCOL
    assert call.state is State.DIALLING


@pytest.mark.parametrize("seed", range(8))
def test_glare(seed: int) -> None:
    world, one, other, call = standing(seed)
    other.user.calls[0].reinvite(MORE)
    call.reinvite(MORE)
    world.run(10)
    assert len(world.sent(A, "SIP/2.0 491") + world.sent(B, "SIP/2.0 491")) >= 1
    for node in (one, other):
        assert ("renegotiated", ANSWER, 200) in node.user.seen
        assert ("reoffered", MORE) in node.user.seen
    assert call.state is State.STANDING


def test_a_refused_offer_changes_nothing() -> None:
    world, one, other, call = standing()
    other.user.reply = Refused(488, (("warning", '304 h "no"'),))
    call.reinvite(MORE)
    world.run(2)
    assert ("renegotiated", b"", 488) in one.user.seen
    assert call.state is State.STANDING
    assert call.renegotiation.local == OFFER


def test_offers_are_queued_and_only_the_last_is_sent() -> None:
    world, _, other, call = standing()
    for number in range(2, 30):
        call.reinvite(OFFER.replace(b"- 1 1", b"- 1 %d" % number))
    world.run(5)
    offers = [row[1] for row in other.user.seen if row[0] == "reoffered"]
    assert len(offers) == 2
    assert offers[-1] == OFFER.replace(b"- 1 1", b"- 1 29")


@pytest.mark.parametrize("allow_update", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_session_is_refreshed(allow_update: bool, seed: int) -> None:
    world, one, other, call = standing(seed, session_expires_s=120)
    method = "UPDATE" if allow_update else "INVITE"
    if not allow_update:
        call.far_end.allow -= {"update"}
    before = len(world.sent(A, method))
    world.run(1000)
    assert call.state is State.STANDING
    assert other.user.calls[0].state is State.STANDING
    assert 14 <= len(world.sent(A, method)) - before <= 17
    assert not world.sent(B, "UPDATE")
    assert "renegotiated" not in one.user.names()


def test_session_that_is_not_refreshed_ends() -> None:
    world, _, other, _ = standing(session_expires_s=120)
    del world.nodes[A]
    world.run(70)
    assert other.user.calls[0].state is State.STANDING
    world.run(60)
    assert other.user.cause.kind is Kind.EXPIRED


def test_a_call_whose_peer_is_gone_ends_at_the_session_refresh() -> None:
    world, one, _, _ = standing(session_expires_s=120)
    del world.nodes[B]
    world.run(160)
    assert one.user.cause.kind in {Kind.EXPIRED, Kind.UNREACHABLE}


def test_info_and_dtmf() -> None:
    world, _, other, call = standing()
    got: list[int] = []
    call.info("application/media_control+xml", b"<media_control/>", got.append)
    call.info("application/dtmf-relay", b"Signal=5\r\nDuration=240\r\n", got.append)
    call.info("application/dtmf-relay", b"Signal= *\r\n", got.append)
    call.info("application/dtmf", b"#", got.append)
    call.info("application/dtmf", b"55", got.append)
    world.run(3)
    assert sorted(got) == [200, 200, 200, 200, 400]
    assert ("info", "application/media_control+xml", b"<media_control/>") in other.user.seen
    assert {row for row in other.user.seen if row[0] == "dtmf"} == {
        ("dtmf", "5", 240),
        ("dtmf", "*", 160),
        ("dtmf", "#", 160),
    }


def test_refer_is_refused() -> None:
    world, _, _, call = standing()
    dialog = call.dialog
    assert dialog is not None
    statuses: list[int] = []

    def refer() -> Request:
        made = dialog.request("REFER")
        made.headers.add("refer-to", "<sip:next@192.0.2.9>")
        return made

    call.far_end.ask_inside(refer, lambda response: statuses.append(response.status), lambda _: None)
    world.run(3)
    assert statuses == [603]


def test_what_a_user_of_a_call_raises_ends_that_call_only() -> None:
    world, one, other, call = standing()
    second = one.dial(f"sip:hall@{B}", call_id="leg-2")
    world.run(3)
    assert second.state is State.STANDING

    def raises(*_: object) -> bytes:
        raise RuntimeError("a defect above")

    other.user.reoffered = raises  # type: ignore[method-assign,assignment]
    world.nodes[B].take = lambda data, hop: other.agent.receive(data, hop)  # type: ignore[method-assign,assignment]
    call.reinvite(MORE)
    world.run(5)
    assert call.state is State.CLOSED
    assert second.state is State.STANDING
    assert other.agent.core.defects == 1


def test_an_invite_received_by_two_paths_is_one_call() -> None:
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.ring()
    one.dial(f"sip:hall@{B}")
    world.run(1)
    invite = world.sent(A, "INVITE")[0]
    assert isinstance(invite, Request)
    invite.headers.set("via", f"SIP/2.0/UDP {A}:5060;branch=z9hG4bKother")
    other.agent.receive(invite.write(), Hop("udp", A, 5060))
    world.run(1)
    assert len(other.user.calls) == 1
    assert [m for m in world.sent(B, "SIP/2.0 482") if isinstance(m, Response)]


def scripted(status: int, request: Request, *headers: tuple[str, str], body: bytes = b"") -> bytes:
    """Return a peer's answer, written by hand."""
    rows = [("contact", f"<sip:hall@{B}>"), *headers]
    return answer(request, status, tag="theirs", headers=rows, body=body).write()


def lone() -> tuple[World, Node, Call, Request]:
    """Return an agent that has dialled a peer. The test answers for the peer by hand."""
    world = World()
    one = Node(world, A)
    world.nodes[B] = Silent(world)  # type: ignore[assignment]
    call = one.dial(f"sip:hall@{B}")
    invite = world.sent(A, "INVITE")[0]
    assert isinstance(invite, Request)
    return world, one, call, invite


class Silent:
    """A peer that takes every message and sends none."""

    def __init__(self, world: World) -> None:
        self.agent = Node(World(), B).agent

    def take(self, data: bytes, hop: Hop) -> None: ...


PEER = Hop("udp", B, 5060)


def test_reliable_provisionals_are_acknowledged_once_in_order() -> None:
    world, one, call, invite = lone()
    for number in (7, 7, 9, 8, 9):
        one.take(scripted(183, invite, ("require", "100rel"), ("rseq", str(number)), body=ANSWER), PEER)
    pracks = world.sent(A, "PRACK")
    assert [one_.headers.get("rack") for one_ in pracks] == ["7 1 INVITE", "8 1 INVITE", "9 1 INVITE"]
    assert [one_.cseq[0] for one_ in pracks] == [2, 3, 4]
    # The answer arrived with them, so a 200 without an answer is complete.
    one.take(scripted(200, invite), PEER)
    assert call.state is State.STANDING
    assert one.user.seen[-1] == ("answered", ANSWER)
    call.hang_up()
    assert world.sent(A, "BYE")[0].cseq[0] == 5


def test_a_caller_that_requires_100rel_gets_only_final_answers() -> None:
    world, one, other = pair()
    other.user.on_incoming = lambda call: call.ring()
    call = one.dial(f"sip:hall@{B}")
    world.run(1)
    assert one.user.names() == ["ringing"]
    request = other.user.calls[0].request
    assert request is not None
    request.headers.add("require", "100rel")
    before = len(world.wire)
    other.user.calls[0].ring()
    assert len(world.wire) == before
    other.user.calls[0].accept(ANSWER)
    world.run(1)
    assert call.state is State.STANDING


def test_too_short_a_session_is_asked_for_longer() -> None:
    world, one, call, invite = lone()
    one.take(scripted(422, invite, ("min-se", "3600")), PEER)
    second = world.sent(A, "INVITE")[-1]
    assert isinstance(second, Request)
    assert (second.headers.get("session-expires"), second.headers.get("min-se"), second.cseq[0]) == ("3600", "3600", 2)
    assert second.call_id == invite.call_id
    assert second.from_.tag == invite.from_.tag
    for times in range(5):
        latest = world.sent(A, "INVITE")[-1]
        assert isinstance(latest, Request)
        one.take(scripted(422, latest, ("min-se", str(4000 + times))), PEER)
    assert call.state is State.CLOSED
    assert len(world.sent(A, "INVITE")) == 1 + limits.SESSION_TRIES


def test_every_branch_of_a_fork_but_the_first_is_left() -> None:
    world, one, call, invite = lone()
    one.take(scripted(200, invite, body=ANSWER), PEER)
    for number in range(limits.BINDINGS_PER_ALIAS + 3):
        fork = answer(invite, 200, tag=f"fork{number}", headers=[("contact", f"<sip:f@{B}>")], body=ANSWER).write()
        one.take(fork, PEER)
        one.take(fork, PEER)
    byes = {m.to.tag for m in world.sent(A, "BYE")}
    assert byes == {f"fork{number}" for number in range(limits.BINDINGS_PER_ALIAS - 1)}, "bounded"
    assert call.state is State.STANDING
    assert one.user.names() == ["answered"]


def test_the_call_id_belongs_to_the_caller_and_survives_retries() -> None:
    world, one, other = pair(link=Link(down={f"tcp:{B}"}))
    one.dial(f"sip:hall@{B}", transports=("tcp", "udp"), call_id="occurrence-7.terminal-3.epoch-1@diemcau")
    world.run(2)
    invites = world.sent(A, "INVITE")
    assert [m.via.transport for m in invites] == ["tcp", "udp"]
    assert {m.call_id for m in invites} == {"occurrence-7.terminal-3.epoch-1@diemcau"}
    assert other.user.calls[0].call_id == "occurrence-7.terminal-3.epoch-1@diemcau"


def test_a_lost_connection_is_opened_again_to_the_same_address() -> None:
    world, one, other, _ = standing(transport="tcp")
    answerer = other.user.calls[0]
    assert answerer.dialog is not None
    answerer.dialog.hop = Hop("tcp", A, 40000, 9)
    other.agent.unreachable(answerer.dialog.hop)
    assert answerer.dialog.hop == Hop("tcp", A, 5060)
    answerer.hang_up()
    world.run(2)
    assert one.user.cause.kind is Kind.NORMAL


@pytest.mark.parametrize(
    ("contact", "port"),
    [
        (f"sip:x@{B}:7070", 7070),
        ("sip:x@203.0.113.9:7070", 5060),
        ("sip:x@terminal.example:7070", 5060),
        (f"sip:x@{B}:7070;transport=tcp", 5060),
    ],
)
def test_a_contact_moves_requests_only_to_another_port(contact: str, port: int) -> None:
    assert place(read_uri(contact), Hop("udp", B, 5060)) == Hop("udp", B, port)


def test_info_requests_are_queued_up_to_a_limit() -> None:
    world, _, other, call = standing()
    got: list[int] = []
    for _ in range(limits.BODY_QUEUE + 1):
        call.info("application/dtmf", b"1", got.append)
    world.run(5)
    assert sorted(got) == [200] * limits.BODY_QUEUE + [503]
    assert [row[0] for row in other.user.seen].count("dtmf") == limits.BODY_QUEUE


def test_an_update_refreshes_without_and_offers_with_a_body() -> None:
    world, one, other, call = standing()
    answerer = other.user.calls[0]
    assert answerer.dialog is not None
    for body in (b"", OFFER):
        update = answerer.dialog.request("UPDATE", f"<sip:x@{B}>")
        update.headers.rows.insert(0, ("via", f"SIP/2.0/UDP {B}:5060;branch=z9hG4bKu{len(body)}"))
        update.headers.add("content-type", "application/sdp")
        update.body = body
        one.take(update.write(), PEER)
    assert [row for row in one.user.seen if row[0] == "reoffered"] == [("reoffered", OFFER)]
    assert [m.body for m in world.sent(A, "SIP/2.0 200")[-2:]] == [b"", ANSWER]
    assert call.state is State.STANDING
