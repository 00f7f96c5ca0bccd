"""The state machine of one leg: every event in every state, the retry table, and the ramp."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import limits
from conference.halls.causes import Cause
from conference.halls.dialout import (
    REASONS,
    RETRIES,
    Action,
    Event,
    Happening,
    Leg,
    Ramp,
    State,
    call_id,
    due,
    step,
    urgency,
)
from signaling.sip.call.causes import hall_cause

KEY = b"k" * 32
LEG = Leg("date", "hall")

TABLE = """
state      event     next        actions
idle       probe     probing     probe
idle       probed    idle
idle       call      idle
idle       due       calling     dial
idle       rang      idle
idle       answered  idle        hang_up
idle       refused   idle
idle       away      idle
idle       forbid    idle
idle       hung_up   idle
idle       lost      idle
idle       came      connected
idle       drop      left        hang_up
idle       redial    idle
idle       end       left        hang_up
idle       registered idle
idle       recover   idle
probing    probe     probing
probing    probed    idle
probing    call      idle
probing    due       calling     dial
probing    rang      probing
probing    answered  probing     hang_up
probing    refused   probing
probing    away      probing
probing    forbid    probing
probing    hung_up   probing
probing    lost      probing
probing    came      connected
probing    drop      left        hang_up
probing    redial    idle
probing    end       left        hang_up
probing    registered probing
probing    recover   idle
calling    probe     calling
calling    probed    calling
calling    call      calling
calling    due       calling
calling    rang      ringing
calling    answered  connected
calling    refused   failed
calling    away      failed
calling    forbid    given_up    alarm
calling    hung_up   failed
calling    lost      failed
calling    came      connected
calling    drop      left        cancel
calling    redial    idle        cancel
calling    end       left        cancel
calling    registered calling
calling    recover   idle
ringing    probe     ringing
ringing    probed    ringing
ringing    call      ringing
ringing    due       ringing
ringing    rang      ringing
ringing    answered  connected
ringing    refused   failed
ringing    away      ringing
ringing    forbid    given_up    alarm
ringing    hung_up   failed
ringing    lost      failed
ringing    came      connected
ringing    drop      left        cancel
ringing    redial    idle        cancel
ringing    end       left        cancel
ringing    registered ringing
ringing    recover   idle
connected  probe     connected
connected  probed    connected
connected  call      connected
connected  due       connected
connected  rang      connected
connected  answered  connected
connected  refused   connected
connected  away      connected
connected  forbid    connected
connected  hung_up   failed
connected  lost      failed
connected  came      connected
connected  drop      left        hang_up
connected  redial    idle        hang_up
connected  end       left        hang_up
connected  registered connected
connected  recover   idle
failed     probe     failed
failed     probed    failed
failed     call      failed
failed     due       calling     dial
failed     rang      failed
failed     answered  failed      hang_up
failed     refused   failed
failed     away      failed
failed     forbid    failed
failed     hung_up   failed
failed     lost      failed
failed     came      connected
failed     drop      left        hang_up
failed     redial    idle
failed     end       left        hang_up
failed     registered failed
failed     recover   failed
given_up   probe     given_up
given_up   probed    given_up
given_up   call      idle
given_up   due       given_up
given_up   rang      given_up
given_up   answered  given_up    hang_up
given_up   refused   given_up
given_up   away      given_up
given_up   forbid    given_up
given_up   hung_up   given_up
given_up   lost      given_up
given_up   came      connected
given_up   drop      left        hang_up
given_up   redial    idle
given_up   end       left        hang_up
given_up   registered given_up
given_up   recover   given_up
left       probe     left
left       probed    left
left       call      idle
left       due       left
left       rang      left
left       answered  left        hang_up
left       refused   left
left       away      left
left       forbid    left
left       hung_up   left
left       lost      left
left       came      connected
left       drop      left        hang_up
left       redial    idle
left       end       left
left       registered left
left       recover   left
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()[1:]]


def happen(event: Event, now: float = 100.0, **more: float) -> Happening:
    return Happening(event, now, status=int(more.get("status", 0)), retry_after_s=more.get("retry_after_s", 0.0))


def test_the_table_has_every_state_and_event() -> None:
    assert {(row[0], row[1]) for row in ROWS} == {(state.value, event.value) for state in State for event in Event}
    assert len(ROWS) == len(State) * len(Event)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_each_event_in_each_state(row: list[str]) -> None:
    before = replace(LEG, state=State(row[0]))
    after, actions = step(before, happen(Event(row[1])))
    assert after.state is State(row[2])
    assert [one.value for one in actions] == row[3:]
    if row[0] == row[2] and row[1] not in ("call", "redial") and row[:2] != ["connected", "came"]:
        assert after == before  # an ignored event changes no field


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_has_words(cause: Cause) -> None:
    assert RETRIES[cause].kind == cause.value
    assert all(REASONS[cause.value])


def refuse(leg: Leg, now: float, status: int, rungs: int = 1, **more: float) -> tuple[Leg, tuple[Action, ...]]:
    calling = replace(leg, state=State.CALLING)
    wait_s = more.get("retry_after_s", 0.0)
    return step(calling, Happening(Event.REFUSED, now, hall_cause(status), status, wait_s, rungs))


@pytest.mark.parametrize(
    ("status", "after_s"), [(486, 30), (408, 60), (480, 60), (0, 60), (500, 60), (482, 40), (503, 60)]
)
def test_the_sip_status_decides_when_a_call_is_retried(status: int, after_s: float) -> None:
    leg, actions = refuse(LEG, 1000.0, status)
    assert leg.state is State.FAILED
    assert leg.next_try_at == 1000.0 + after_s
    assert actions == ()
    assert leg.attempt == 2


@pytest.mark.parametrize("status", [404, 410, 484, 604, 401, 403, 407, 603])
def test_what_only_an_operator_can_mend(status: int) -> None:
    leg, actions = refuse(LEG, 0.0, status)
    assert leg.state is State.GIVEN_UP
    assert actions == (Action.ALARM,)
    assert leg.next_try_at is None


def test_no_answer_five_times_more_and_then_never_again() -> None:
    leg, tries = LEG, 0
    while leg.state is not State.GIVEN_UP:
        leg, _ = refuse(leg, 0.0, 408)
        tries += 1
    assert tries == limits.NO_ANSWER_TRIES + 1


def test_a_rejected_profile_steps_down_and_stays_there() -> None:
    leg, _ = refuse(LEG, 10.0, 488, rungs=3)
    assert (leg.rung, leg.next_try_at) == (1, 10.0 + limits.RUNG_RETRY_S)
    leg, _ = refuse(leg, 11.0, 486, rungs=3)
    assert leg.rung == 1
    leg, _ = refuse(leg, 50.0, 488, rungs=3)
    assert (leg.rung, leg.state) == (2, State.FAILED)
    leg, actions = refuse(leg, 60.0, 488, rungs=3)
    assert leg.state is State.GIVEN_UP
    assert actions == (Action.ALARM,)


@pytest.mark.parametrize("rungs", [0, 1])
def test_a_refused_call_without_another_rung_is_given_up(rungs: int) -> None:
    leg, actions = refuse(LEG, 10.0, 488, rungs=rungs)
    assert (leg.state, leg.next_try_at, actions) == (State.GIVEN_UP, None, (Action.ALARM,))


@pytest.mark.parametrize(("told_s", "waits_s"), [(0, 60), (1, 5), (90, 90), (100_000, 600)])
def test_retry_after_is_obeyed_within_bounds(told_s: float, waits_s: float) -> None:
    leg, _ = refuse(LEG, 0.0, 503, retry_after_s=told_s)
    assert leg.next_try_at == waits_s


def test_a_hall_that_hangs_up_is_called_once_more() -> None:
    connected = replace(LEG, state=State.CONNECTED)
    leg, actions = step(connected, happen(Event.HUNG_UP))
    assert (leg.state, leg.next_try_at, actions) == (State.FAILED, 100.0 + limits.HUNG_UP_RETRY_S, ())
    leg, actions = step(replace(leg, state=State.CONNECTED), happen(Event.HUNG_UP))
    assert (leg.state, leg.next_try_at, actions) == (State.LEFT, None, (Action.ALARM,))


def test_a_hall_that_dialled_in_and_hangs_up_has_left() -> None:
    connected = replace(LEG, state=State.CONNECTED)
    leg, actions = step(connected, Happening(Event.HUNG_UP, 100.0, own=True))
    assert (leg.state, leg.next_try_at, leg.reason, actions) == (State.LEFT, None, "hung_up", (Action.ALARM,))


def test_an_unregistered_terminal_waits_without_a_counted_try() -> None:
    waits, actions = step(replace(LEG, state=State.CALLING, failure="busy", failures=2), happen(Event.AWAY))
    assert (waits.failure, waits.failures) == ("not_registered", 0)
    assert (waits.state, waits.reason, waits.next_try_at, waits.attempt) == (State.FAILED, "not_registered", None, 1)
    assert actions == ()
    assert not due([waits], 1e9)
    assert REASONS[waits.reason][0] == "Thiết bị chưa kết nối máy chủ"
    called, _ = step(waits, happen(Event.REGISTERED, 500.0))
    assert due([called], 500.0) == [called]


def test_a_ringing_hall_shows_no_earlier_failure() -> None:
    waits, _ = step(replace(LEG, state=State.CALLING), happen(Event.AWAY))
    assert waits.reason == "not_registered"
    calling, _ = step(waits, happen(Event.DUE))
    ringing, _ = step(calling, happen(Event.RANG))
    assert (ringing.state, ringing.reason) == (State.RINGING, "")


@pytest.mark.parametrize(("status", "is_called"), [(0, True), (486, False), (408, False), (603, False)])
def test_a_registration_helps_only_an_unreachable_terminal(status: int, is_called: bool) -> None:
    leg, _ = refuse(LEG, 0.0, status)
    again, _ = step(leg, happen(Event.REGISTERED, 1.0))
    assert (due([again], 1.0) == [again]) is is_called
    given_up = replace(leg, state=State.GIVEN_UP, next_try_at=None)
    again, _ = step(given_up, happen(Event.REGISTERED, 1.0))
    assert (due([again], 1.0) == [again], again.epoch) == (is_called, 2 if is_called else 1)


@pytest.mark.parametrize(
    ("why", "is_called"), [("network_open", True), ("needs_encryption", True), ("class_forbids", False)]
)
def test_a_registration_by_another_way_helps_a_forbidden_terminal(why: str, is_called: bool) -> None:
    leg, _ = step(replace(LEG, state=State.CALLING), replace(happen(Event.FORBID), why=why))
    assert (leg.state, leg.reason) == (State.GIVEN_UP, why)
    again, _ = step(leg, happen(Event.REGISTERED, 1.0))
    assert (due([again], 1.0) == [again]) is is_called


def test_the_hall_of_the_chair_is_called_first() -> None:
    chair, other = replace(LEG, terminal="z", next_try_at=5.0), replace(LEG, terminal="a", next_try_at=1.0)
    assert urgency(chair, "green", chair=True) < urgency(other, "red")


def test_an_operators_redial_is_another_call_with_all_its_tries() -> None:
    worn = replace(LEG, state=State.GIVEN_UP, attempt=6, failure="busy", failures=6, redialled=True, rung=1)
    leg, _ = step(worn, happen(Event.REDIAL))
    assert (leg.epoch, leg.attempt, leg.failures, leg.redialled, leg.rung) == (2, 1, 0, False, 1)


def test_a_restart_repeats_the_try_and_redials_connected_halls() -> None:
    calling = replace(LEG, state=State.CALLING, attempt=3)
    leg, _ = step(calling, happen(Event.RECOVER))
    assert call_id(leg, KEY) == call_id(calling, KEY)
    assert leg.next_try_at == 100.0
    connected = replace(LEG, state=State.CONNECTED)
    leg, _ = step(connected, happen(Event.RECOVER))
    assert call_id(leg, KEY) != call_id(connected, KEY)
    assert leg.next_try_at == 100.0
    assert leg.reason == "restarted"


def test_a_probe_does_not_forget_when_the_call_is_due() -> None:
    planned = replace(LEG, next_try_at=900.0)
    probing, _ = step(planned, happen(Event.PROBE))
    back, _ = step(probing, happen(Event.PROBED))
    assert probing.next_try_at == back.next_try_at == 900.0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Event)), st.sampled_from([0, 408, 486, 488, 503, 404, 482, 603]), st.integers(1, 4)
        ),
        max_size=60,
    )
)
def test_a_call_id_is_dialled_once_unless_the_server_was_killed(
    events: list[tuple[Event, int, int]],
) -> None:
    leg, now, dialled, unsure = LEG, 0.0, set(), False
    for event, status, rungs in events:
        now += 1
        if event is Event.AWAY and leg.state is State.CALLING:
            dialled.discard(call_id(leg, KEY))  # the call was not sent
        leg, actions = step(leg, Happening(event, now, hall_cause(status), status, rungs=rungs))
        unsure = unsure or event is Event.RECOVER
        if Action.DIAL in actions:
            name = call_id(leg, KEY)
            assert name not in dialled or unsure
            dialled.add(name)
            unsure = False
        assert (leg.next_try_at is None) or leg.state in (State.IDLE, State.PROBING, State.FAILED)
        assert leg.state is not State.FAILED or (leg.next_try_at is None) <= (leg.failure == "not_registered")
        assert leg.attempt <= limits.ATTEMPTS + 1


def test_the_ramp_lets_five_through_in_any_second() -> None:
    ramp = Ramp(5)
    taken = [now / 10 for now in range(100) if ramp.take(now / 10)]
    assert len(taken) == 50
    for start in range(91):
        assert sum(start / 10 <= at < start / 10 + 0.999 for at in taken) <= 5


def test_a_clock_that_goes_back_allows_no_extra_calls() -> None:
    ramp = Ramp()
    assert sum(ramp.take(100.0) for _ in range(100)) == limits.INVITES_PER_S
    assert not ramp.take(50.0)


def test_the_worst_are_called_first() -> None:
    legs = {
        "green": replace(LEG, terminal="green", next_try_at=1.0),
        "red": replace(LEG, terminal="red", next_try_at=5.0),
        "amber": replace(LEG, terminal="amber", next_try_at=5.0),
        "unknown": replace(LEG, terminal="unknown", next_try_at=2.0),
        "tired": replace(LEG, terminal="tired", next_try_at=5.0, failures=3, state=State.FAILED),
    }
    readiness = {name: name for name in ("green", "red", "amber")}
    ordered = sorted(due(legs.values(), 5.0), key=lambda leg: urgency(leg, readiness.get(leg.terminal, "unknown")))
    assert [one.terminal for one in ordered] == ["red", "amber", "tired", "unknown", "green"]
    assert due(legs.values(), 0.5) == []
