"""A server dies during calls, and the next server at its address ends them. The terminal is a separate agent."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.call.causes import Kind
from signaling.sip.call.orphans import CallRecord
from signaling.sip.call.states import State
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import read_uri
from tests.signaling.sip.world import OFFER, A, B, Link, Node, World, pair

HOP = Hop("udp", B, 5060)
URI = f"sip:hall@{B}"


def record_of(dialog: Dialog) -> CallRecord:
    return CallRecord(dialog.call_id, dialog.local, dialog.remote, dialog.target, dialog.hop, cseq=dialog.cseq)


def next_server(world: World) -> tuple[Node, list[bool]]:
    """Return the next server. The server before it sends nothing more."""
    made = Node(world, A)
    made.trusts(B)
    return made, []


def forgets(dialog: Dialog, go_on: Callable[[], None]) -> None:
    """Do nothing: the server dies before it stores the dialog."""


def dialled(node: Node, keeps: Callable[[Dialog, Callable[[], None]], None] | None = None) -> tuple[CallRecord, Call]:
    """Dial a call. Return its record, stored before its INVITE as the next server will find it, and the call."""
    target = Target(read_uri(URI), ("udp",))
    record = replace(node.agent.record_of(target, "leg-1"), hop=HOP)
    call = node.agent.dial(
        target, OFFER, node.user, call_id="leg-1", tag=record.local.tag, branch=record.branch, keeps=keeps
    )
    return record, call


def test_an_established_orphan_gets_a_bye_with_a_higher_cseq() -> None:
    world, server, hall = pair()
    call = server.dial(URI)
    world.run(2, lambda: call.state is State.STANDING)
    assert call.dialog is not None
    record = record_of(call.dialog)
    for _ in range(3):
        call.info("application/x", b"x")
    world.run(2)
    after, done = next_server(world)
    after.agent.end_orphan(record, None, done.append)
    world.run(2, lambda: bool(done))
    assert done == [True]
    assert hall.user.cause.kind is Kind.NORMAL
    assert world.sent(A, "BYE")[-1].cseq[0] == record.cseq + limits.ORPHAN_CSEQ + 1


def test_a_ringing_orphan_is_cancelled() -> None:
    world, server, hall = pair()
    hall.user.on_incoming = lambda call: call.ring()
    record, call = dialled(server)
    world.run(2, lambda: call.state is State.RINGING)
    after, done = next_server(world)
    after.agent.end_orphan(record, None, done.append)
    world.run(2, lambda: bool(done))
    assert done == [True]
    assert hall.user.cause.kind is Kind.CANCELLED
    world.run(60)
    assert hall.quiet(), "its 487 was acknowledged"


@pytest.mark.parametrize("seed", range(5))
def test_an_untaken_answer_gets_an_ack_and_then_bye(seed: int) -> None:
    """Show that a repeated 2xx gets an ACK and then BYE. The dead server had neither stored nor acknowledged the dialog."""
    world, server, hall = pair(seed, Link(loss=0.2))
    record, _ = dialled(server, forgets)
    world.run(20, lambda: bool(world.sent(B, "SIP/2.0 200")))
    after, done = next_server(world)
    deliver = world.deliver
    world.deliver = lambda hop, data, source: (  # type: ignore[method-assign]
        None if data.startswith(b"CANCEL") else deliver(hop, data, source)
    )
    after.agent.end_orphan(record, None, done.append)
    world.run(30, lambda: hall.user.names()[-1] == "ended")
    assert hall.user.cause.kind is Kind.NORMAL
    assert not world.sent(A, "ACK")[0].body
    world.run(30)
    assert done == [True]
    assert not hall.agent.calls


def test_an_orphan_with_a_lost_answer_ends_by_the_cancel_tag() -> None:
    world, server, hall = pair()
    record, _ = dialled(server, forgets)
    world.run(5, lambda: bool(world.sent(B, "SIP/2.0 200")))
    after, done = next_server(world)
    deliver = world.deliver
    world.deliver = lambda hop, data, source: (  # type: ignore[method-assign]
        None if data.startswith(b"SIP/2.0 200") and b" INVITE\r\n" in data else deliver(hop, data, source)
    )
    after.agent.end_orphan(record, None, done.append)
    world.run(2, lambda: bool(done))
    assert done == [True]
    assert hall.user.names()[-1] == "ended"
    assert not world.sent(A, "ACK")


def test_a_terminal_without_that_call_is_called_after_a_while() -> None:
    world, server, hall = pair(link=Link(down={f"udp:{B}", f"tcp:{B}"}))
    record, _ = dialled(server)
    world.link.down.clear()
    after, done = next_server(world)
    before = world.clock.monotonic()
    after.agent.end_orphan(record, None, done.append)
    world.run(30, lambda: bool(done))
    assert done == [True]
    assert world.clock.monotonic() - before <= limits.ORPHAN_CANCEL_S + 0.1
    assert not hall.user.calls


def test_answers_from_elsewhere_and_other_calls_are_ignored() -> None:
    world, server, _ = pair()
    record, _ = dialled(server, forgets)
    world.run(5, lambda: bool(world.sent(B, "SIP/2.0 200")))
    answer = next(data for who, _, data in world.wire if who == B and data.startswith(b"SIP/2.0 200"))
    after, done = next_server(world)
    after.agent.end_orphan(record, None, done.append)
    world.nodes.pop(B)
    after.agent.receive(answer, Hop("udp", "192.0.2.77", 5060))
    after.agent.receive(answer.replace(b"leg-1", b"leg-2"), HOP)
    assert not world.sent(A, "ACK")
    after.agent.receive(answer, HOP)
    assert world.sent(A, "ACK")


def test_a_gone_terminal_is_recognised_and_memory_is_bounded() -> None:
    world, server, _ = pair()
    call = server.dial(URI)
    world.run(2, lambda: call.state is State.STANDING)
    assert call.dialog is not None
    record = record_of(call.dialog)
    world.nodes.pop(B)
    after, done = next_server(world)
    after.agent.end_orphan(record, None, done.append)
    world.run(limits.ORPHAN_BYE_S + 1)
    assert done == [False]
    world.run(100)
    assert after.quiet()
    assert not after.agent.orphans._known
