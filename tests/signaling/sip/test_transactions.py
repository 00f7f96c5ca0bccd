"""The four state machines: every (state, event), the timers of both kinds of transport, and the layer's matching and limits."""

from itertools import product

import pytest

from signaling.sip.call.states import TABLE as CALL_TABLE
from signaling.sip.call.states import Event as CallEvent
from signaling.sip.call.states import State as CallState
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timers
from signaling.sip.transaction.transaction import (
    FIRST,
    TABLES,
    Do,
    Event,
    Full,
    Kind,
    Machine,
    State,
    Timing,
    Transactions,
    armed,
)
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.message import Request, Response, answer, parse

S, V = State, Event
TIMING = Timing()
UDP, TCP = Hop("udp", "192.0.2.9", 5060), Hop("tcp", "192.0.2.9", 5060)
STATES = {
    Kind.INVITE_CLIENT: [S.CALLING, S.PROCEEDING, S.ACCEPTED, S.COMPLETED, S.TERMINATED],
    Kind.CLIENT: [S.TRYING, S.PROCEEDING, S.COMPLETED, S.TERMINATED],
    Kind.INVITE_SERVER: [S.PROCEEDING, S.ACCEPTED, S.COMPLETED, S.CONFIRMED, S.TERMINATED],
    Kind.SERVER: [S.TRYING, S.PROCEEDING, S.COMPLETED, S.TERMINATED],
}
EVERY = [(kind, state, event) for kind in Kind for state, event in product(STATES[kind], Event)]


def machine(kind: Kind, state: State, reliable: bool = False) -> Machine:
    made = Machine(kind, TIMING, reliable, 0.0)
    made.state = state
    made.deadlines = dict(armed(kind, state, TIMING, reliable))
    return made


@pytest.mark.parametrize(("kind", "state", "event"), EVERY)
def test_every_state_and_event(kind: Kind, state: State, event: Event) -> None:
    one = machine(kind, state)
    known = TABLES[kind].get((state, event))
    actions = one.take(event, 7.0)
    if known is None:
        assert (one.state, actions) == (state, ())
        return
    assert (one.state, actions) == known
    if one.state is S.TERMINATED:
        assert not one.deadlines
    elif one.state is not state:
        started = armed(kind, one.state, TIMING, False)
        assert {key: one.deadlines[key] for key in started} == {key: 7.0 + delay for key, delay in started.items()}


@pytest.mark.parametrize("kind", Kind)
def test_tables_name_only_own_states_and_reach_an_end(kind: Kind) -> None:
    table = TABLES[kind]
    assert {state for state, _ in table} | {after for after, _ in table.values()} == set(STATES[kind])
    assert not [pair for pair in table if pair[0] is S.TERMINATED]
    reached, frontier = set(), [FIRST[kind]]
    while frontier:
        state = frontier.pop()
        if state not in reached:
            reached.add(state)
            frontier += [after for (before, _), (after, _) in table.items() if before is state]
    assert reached == set(STATES[kind])
    for state in STATES[kind]:
        for reliable in (True, False):
            for event in armed(kind, state, TIMING, reliable):
                assert (state, event) in table, "a timer that nobody hears"


@pytest.mark.parametrize(("state", "event"), list(product(CallState, CallEvent)))
def test_every_state_and_event_of_a_call(state: CallState, event: CallEvent) -> None:
    after = CALL_TABLE.get((state, event))
    assert after is None or after is not state or event is CallEvent.PROVISIONAL
    if state is CallState.CLOSED:
        assert after is None
    if event in {CallEvent.GONE} and state is not CallState.STANDING:
        assert after is None


def sends(kind: Kind, reliable: bool, event: Event, until: float = 100.0) -> list[float]:
    """Return the times at which a machine without input fires `event`."""
    one = Machine(kind, TIMING, reliable, 0.0)
    if kind is Kind.INVITE_SERVER:
        one.take(V.SEND_FAILURE, 0.0)
    times = []
    for _ in range(200):
        due = one.deadline
        if due is None or due > until:
            break
        found = one.due(due)
        assert found is not None
        if found is event:
            times.append(due)
        one.take(found, due)
    return times


def test_repetition_over_datagrams() -> None:
    assert sends(Kind.INVITE_CLIENT, False, V.A) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert sends(Kind.CLIENT, False, V.E) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert sends(Kind.INVITE_SERVER, False, V.G)[:5] == [0.5, 1.5, 3.5, 7.5, 11.5]
    assert (
        sends(Kind.INVITE_CLIENT, False, V.B)
        == sends(Kind.CLIENT, False, V.F)
        == sends(Kind.INVITE_SERVER, False, V.H)
        == [32.0]
    )


def test_no_retransmission_over_a_stream() -> None:
    for kind, event in ((Kind.INVITE_CLIENT, V.A), (Kind.CLIENT, V.E), (Kind.INVITE_SERVER, V.G)):
        assert sends(kind, True, event) == []
    for kind in (Kind.INVITE_CLIENT, Kind.CLIENT):
        one = Machine(kind, TIMING, True, 0.0)
        one.take(V.FAILURE, 1.0)
        assert one.deadline == 1.0


def test_a_provisional_slows_retransmission_until_the_timeout() -> None:
    one = Machine(Kind.CLIENT, TIMING, False, 0.0)
    one.take(V.PROVISIONAL, 0.1)
    assert one.deadlines == {V.E: 0.5, V.F: 32.0}
    one.take(V.E, 0.5)
    assert one.deadlines == {V.E: 4.5, V.F: 32.0}


class Layer:
    def __init__(self) -> None:
        self.now = 0.0
        self.timers = Timers(lambda: self.now)
        self.sent: list[tuple[Hop, bytes]] = []
        self.layer = Transactions(self.timers, lambda hop, data: self.sent.append((hop, data)), TIMING)
        self.heard: list[object] = []

    def request(self, method: str = "OPTIONS", branch: str = "z9hG4bK1", hop: Hop = UDP) -> Request:
        request = incoming(method, branch)
        self.layer.request(request, hop, self.heard.append, self.heard.append)
        return request


def incoming(method: str, branch: str = "z9hG4bK1", more: str = "") -> Request:
    text = f"{method} sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch={branch}\r\n"
    text += f"From: <sip:b@h>;tag=f\r\nTo: <sip:a@h>{more}\r\n"
    message = parse((text + f"Call-ID: c\r\nCSeq: 1 {method}\r\n\r\n").encode())
    assert isinstance(message, Request)
    return message


def test_a_failure_is_acknowledged_each_time_but_reported_once() -> None:
    one = Layer()
    request = one.request("INVITE")
    failure = answer(request, 486, tag="t")
    assert one.layer.response(failure, "192.0.2.9")
    assert one.layer.response(failure, "192.0.2.9")
    assert [row for row in one.heard if isinstance(row, Response)] == [failure]
    acks = [parse(data) for _, data in one.sent[1:]]
    assert len(acks) == 2
    assert all(isinstance(ack, Request) and ack.method == "ACK" for ack in acks)
    assert acks[0].via.branch == request.via.branch
    assert acks[0].to.tag == "t"


@pytest.mark.parametrize("change", ["branch", "cseq", "source", "call-id", "method", "vias"])
def test_a_response_to_no_transaction_of_ours_is_dropped(change: str) -> None:
    one = Layer()
    made = answer(one.request(), 200, tag="t")
    if change == "branch":
        made.headers.set("via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2")
    elif change == "cseq":
        made.headers.set("cseq", "2 OPTIONS")
    elif change == "call-id":
        made.headers.set("call-id", "other")
    elif change == "method":
        made.headers.set("cseq", "1 INVITE")
    elif change == "vias":
        made.headers.add("via", "SIP/2.0/UDP 255.255.255.255;branch=z9hG4bKx")
    assert not one.layer.response(made, "192.0.2.66" if change == "source" else "192.0.2.9")
    assert one.heard == []


def test_a_repeat_gets_the_same_answer_and_a_stranger_none() -> None:
    one = Layer()
    served = one.layer.serve(incoming("OPTIONS"), UDP)
    one.layer.answer(served, answer(served.request, 200, tag="t"))
    assert one.layer.known(incoming("OPTIONS"), UDP) is served
    assert len(one.sent) == 2
    assert one.sent[0] == one.sent[1]
    assert one.layer.known(incoming("OPTIONS"), Hop("udp", "192.0.2.66", 5060)) is None
    one.layer.answer(served, answer(served.request, 500, tag="t"))
    assert len(one.sent) == 2


@pytest.mark.parametrize("branch", ["z9hG4bK1", "1234"])
def test_ack_and_cancel_find_their_invite(branch: str) -> None:
    one = Layer()
    served = one.layer.serve(incoming("INVITE", branch), UDP)
    assert one.layer.cancelled(incoming("CANCEL", branch), UDP) is served
    assert one.layer.cancelled(incoming("CANCEL", branch), Hop("udp", "192.0.2.66", 5060)) is None
    one.layer.answer(served, answer(served.request, 486, tag="t"))
    assert one.layer.known(incoming("ACK", branch, ";tag=t"), UDP) is served
    assert served.machine.state is S.CONFIRMED


def test_transactions_per_source_and_in_all() -> None:
    one = Layer()
    for number in range(limits.TRANSACTIONS_PER_SOURCE):
        one.layer.serve(incoming("OPTIONS", f"z9hG4bK{number}"), UDP)
    with pytest.raises(Full):
        one.layer.serve(incoming("OPTIONS", "z9hG4bKmore"), UDP)
    with pytest.raises(Full):
        one.request(branch="z9hG4bKmore")
    for host in range(limits.TRANSACTIONS // limits.TRANSACTIONS_PER_SOURCE - 1):
        hop = Hop("udp", f"198.51.100.{host}", 5060)
        for number in range(limits.TRANSACTIONS_PER_SOURCE):
            one.layer.serve(incoming("OPTIONS", f"z9hG4bK{number}"), hop)
    assert len(one.layer) == limits.TRANSACTIONS
    with pytest.raises(Full):
        one.layer.serve(incoming("OPTIONS"), Hop("udp", "203.0.113.1", 5060))


def test_everything_is_forgotten_in_the_end() -> None:
    one = Layer()
    one.request()
    one.request("INVITE", "z9hG4bK2")
    served = one.layer.serve(incoming("INVITE", "z9hG4bK3"), UDP)
    one.layer.answer(served, answer(served.request, 486, tag="t"))
    while (due := one.timers.next_due) is not None:
        one.now = due
        one.timers.advance()
    assert len(one.layer) == 0
    assert not one.layer.per_source
    assert len(one.timers) == 0
    assert one.heard == [Do.TIMED_OUT, Do.TIMED_OUT]


def test_timers_are_bounded_and_forget_cancelled_ones() -> None:
    timers = Timers(lambda: 0.0)
    made = [timers.after(5, lambda: None) for _ in range(limits.TIMERS)]
    with pytest.raises(OverflowError):
        timers.after(5, lambda: None)
    for timer in made:
        timer.cancel()
        timer.cancel()
    assert len(timers) == 0
    assert timers.next_due is None
    assert len(timers._heap) < 200
