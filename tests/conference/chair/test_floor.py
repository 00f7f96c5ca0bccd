"""The speaking floor: every phase with every event, the queue, the timer, the undo, and random meetings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import Refusal, limits
from conference.chair import floor
from conference.chair.floor import (
    EVENTS,
    TABLE,
    Ask,
    Call,
    Effect,
    End,
    Ended,
    Event,
    Finish,
    Floor,
    Given,
    Gone,
    Kind,
    Lowered,
    Mode,
    Move,
    Phase,
    Raised,
    SetBudget,
    SetMode,
    TakeBack,
    Tick,
    Warned,
    Withdraw,
)


def run(*events: Event, state: Floor | None = None, now: float = 0.0) -> Floor:
    state = state or Floor()
    for event in events:
        state, _ = floor.step(state, event, now)
    return state


def called(*people: str, mode: Mode = Mode.ONE) -> Floor:
    return run(SetMode(mode), Ask("hoa"), *(Call(one, f"call {one}") for one in people))


STATES = {
    Phase.FREE: called(),
    Phase.TAKEN: called("an"),
    Phase.FULL: called("an", "binh", "chi", "dung", mode=Mode.SEVERAL),
}
SAMPLES: dict[type[Event], Event] = {
    Ask: Ask("em"),
    Withdraw: Withdraw("hoa"),
    Move: Move("hoa", 0),
    Call: Call("hoa", "next"),
    End: End("an"),
    Gone: Gone("an"),
    SetMode: SetMode(Mode.DISCUSSION),
    SetBudget: SetBudget("sở", 60.0),
    TakeBack: TakeBack("call an"),
    Tick: Tick(),
    Finish: Finish(),
}
ONE, FOUR = ("an",), ("an", "binh", "chi", "dung")
AFTER: dict[tuple[Phase, type[Event]], tuple[tuple[str, ...], tuple[str, ...]] | str] = {
    (Phase.FREE, Ask): ((), ("hoa", "em")),
    (Phase.FREE, Withdraw): ((), ()),
    (Phase.FREE, Move): ((), ("hoa",)),
    (Phase.FREE, Call): (("hoa",), ()),
    (Phase.FREE, End): "floor_not_given",
    (Phase.FREE, Gone): ((), ("hoa",)),
    (Phase.FREE, SetMode): ((), ("hoa",)),
    (Phase.FREE, SetBudget): ((), ("hoa",)),
    (Phase.FREE, TakeBack): "undo_gone",
    (Phase.FREE, Tick): ((), ("hoa",)),
    (Phase.FREE, Finish): ((), ()),
    (Phase.TAKEN, Ask): (ONE, ("hoa", "em")),
    (Phase.TAKEN, Withdraw): (ONE, ()),
    (Phase.TAKEN, Move): (ONE, ("hoa",)),
    (Phase.TAKEN, Call): (("hoa",), ()),
    (Phase.TAKEN, End): ((), ("hoa",)),
    (Phase.TAKEN, Gone): ((), ("hoa",)),
    (Phase.TAKEN, SetMode): (ONE, ("hoa",)),
    (Phase.TAKEN, SetBudget): (ONE, ("hoa",)),
    (Phase.TAKEN, TakeBack): ((), ("hoa",)),
    (Phase.TAKEN, Tick): (ONE, ("hoa",)),
    (Phase.TAKEN, Finish): ((), ()),
    (Phase.FULL, Ask): (FOUR, ("hoa", "em")),
    (Phase.FULL, Withdraw): (FOUR, ()),
    (Phase.FULL, Move): (FOUR, ("hoa",)),
    (Phase.FULL, Call): "floor_full",
    (Phase.FULL, End): (("binh", "chi", "dung"), ("hoa",)),
    (Phase.FULL, Gone): (("binh", "chi", "dung"), ("hoa",)),
    (Phase.FULL, SetMode): (("dung",), ("hoa",)),
    (Phase.FULL, SetBudget): (FOUR, ("hoa",)),
    (Phase.FULL, TakeBack): "undo_gone",  # the last call was that of dung
    (Phase.FULL, Tick): (FOUR, ("hoa",)),
    (Phase.FULL, Finish): ((), ()),
}


def test_the_table_has_every_pair() -> None:
    assert {phase: set(row) for phase, row in TABLE.items()} == {phase: set(EVENTS) for phase in Phase}
    assert {phase: state.phase for phase, state in STATES.items()} == {phase: phase for phase in Phase}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("phase", Phase)
def test_every_phase_with_every_event(phase: Phase, event: type[Event]) -> None:
    wanted = AFTER[phase, event]
    if isinstance(wanted, str):
        with pytest.raises(Refusal) as refused:
            floor.step(STATES[phase], SAMPLES[event], 1.0)
        assert refused.value.code == wanted
        return
    made, _ = floor.step(STATES[phase], SAMPLES[event], 1.0)
    assert (tuple(one.identity for one in made.turns), tuple(one.identity for one in made.queue)) == wanted


def order(state: Floor) -> list[str]:
    return [one.identity for one in state.queue]


def test_a_point_of_order_goes_first_and_equal_kinds_wait_in_order() -> None:
    state = run(Ask("an"), Ask("binh", Kind.QUESTION), Ask("chi", Kind.REPLY), Ask("dung", Kind.ORDER), Ask("em"))
    assert order(state) == ["dung", "chi", "an", "binh", "em"]


def test_asking_again_keeps_the_time_and_may_change_the_kind() -> None:
    state = run(Ask("an"), Ask("binh"), now=5.0)
    assert run(Ask("an"), state=state, now=9.0) is state
    state = run(Ask("binh", Kind.REPLY), state=state, now=9.0)
    assert order(state) == ["binh", "an"]
    assert state.queue[0].at == 5.0


def test_the_chair_moves_a_request() -> None:
    state = run(Ask("an"), Ask("binh"), Ask("chi"), Move("chi", 0))
    assert order(state) == ["chi", "an", "binh"]
    assert order(run(Move("chi", 99), state=state)) == ["an", "binh", "chi"]
    with pytest.raises(Refusal):
        run(Move("nobody", 0), state=state)


def test_the_queue_is_bounded() -> None:
    state = run(*(Ask(f"p{number}") for number in range(limits.FLOOR_QUEUE)))
    with pytest.raises(Refusal) as refused:
        run(Ask("one more"), state=state)
    assert refused.value.code == "floor_queue_full"
    assert run(Ask("p0"), state=state) is state


def test_budgets_are_bounded() -> None:
    state = run(*(SetBudget(f"u{number}", 60.0) for number in range(limits.BUDGETS)))
    with pytest.raises(Refusal) as refused:
        run(SetBudget("one more", 60.0), state=state)
    assert refused.value.code == "budget_limit"
    assert len(run(SetBudget("u0", 0.0), state=state).budgets) == limits.BUDGETS - 1


def warnings(effects: tuple[Effect, ...]) -> list[float]:
    return [one.left_s for one in effects if isinstance(one, Warned)]


def test_a_speaker_is_warned_twice_and_the_turn_ends_by_itself() -> None:
    state = run(Call("an", "t", time_s=300.0))
    seen = []
    for now in (1.0, 239.9, 240.0, 241.0, 300.0, 301.0, 419.9):
        state, effects = floor.step(state, Tick(), now)
        seen += [(now, left_s) for left_s in warnings(effects)]
    assert seen == [(240.0, 60.0), (300.0, 0.0)]
    assert state.phase is Phase.TAKEN
    state, effects = floor.step(state, Tick(), 300.0 + limits.OVERTIME_S)
    assert (state.phase, [one.why for one in effects if isinstance(one, Ended)]) == (Phase.FREE, ["time"])


def test_a_short_turn_has_the_last_warning_only() -> None:
    state = run(Call("an", "t", time_s=60.0))
    _, effects = floor.step(state, Tick(), 1.0)
    assert warnings(effects) == []
    _, effects = floor.step(state, Tick(), 60.0)
    assert warnings(effects) == [0.0]


def test_a_turn_without_a_time_ends_as_well() -> None:
    state = run(Call("an", "t"))
    assert run(Tick(), state=state, now=limits.TURN_MOST_S - 1).phase is Phase.TAKEN
    assert run(Tick(), state=state, now=limits.TURN_MOST_S).phase is Phase.FREE


def test_a_delegation_has_one_budget_for_all_its_speakers() -> None:
    state = run(SetBudget("sở", 100.0), Call("an", "t", "sở"))
    assert state.turns[0].ends_at == 100.0
    state = run(End("an"), state=state, now=30.0)
    assert state.remaining_s("sở") == 70.0
    state = run(Call("binh", "u", "sở"), state=state, now=50.0)
    assert state.turns[0].ends_at == 120.0
    state = run(End(), state=state, now=200.0)
    assert (state.remaining_s("sở"), state.spoken["sở"]) == (0.0, 180.0)
    assert run(Call("an", "v", "sở"), state=state, now=300.0).turns[0].ends_at == 300.0


def test_an_undo_gives_back_the_turn_with_its_timer_and_the_place_in_the_queue() -> None:
    before = run(SetMode(Mode.ONE), Call("an", "t", "sở", time_s=100.0), Ask("binh"), Ask("chi"), Ask("dung"))
    called = run(Call("chi", "u"), state=before, now=40.0)
    assert (order(called), called.spoken) == (["binh", "dung"], {"sở": 40.0})
    called = run(Ask("em"), state=called, now=45.0)
    back, effects = floor.step(called, TakeBack("u"), 46.0)
    assert order(back) == ["binh", "chi", "dung", "em"]
    turn = back.turns[0]
    assert (turn.identity, turn.since, turn.ends_at) == ("an", 6.0, 106.0)  # 60 s left, as before
    assert back.spoken == {}
    assert [type(one) for one in effects] == [Ended, Raised, Given]


def test_an_undo_gives_back_the_order_of_the_turns() -> None:
    before = run(SetMode(Mode.SEVERAL), Call("an", "t"), Call("binh", "u"))
    called = run(Call("an", "v"), state=before)
    assert [one.identity for one in called.turns] == ["binh", "an"]
    back = run(TakeBack("v"), state=called)
    assert [one.identity for one in back.turns] == ["an", "binh"], (
        "the newest turn goes on in the mode of one microphone"
    )


def test_an_undo_works_once_in_time_and_for_the_last_call_only() -> None:
    state = run(Call("an", "t"), Call("binh", "u"))
    for token, now in (("t", 1.0), ("u", limits.SILENCE_UNDO_S + 0.1)):
        with pytest.raises(Refusal) as refused:
            floor.step(state, TakeBack(token), now)
        assert refused.value.code == "undo_gone"
    back = run(TakeBack("u"), state=state, now=limits.SILENCE_UNDO_S)
    with pytest.raises(Refusal):
        floor.step(back, TakeBack("u"), 1.0)


def test_an_undo_gives_nothing_to_a_person_who_left() -> None:
    state = run(Ask("binh"), Call("an", "t"), Call("binh", "u"), Gone("an"), Gone("binh"))
    back = run(TakeBack("u"), state=state)
    assert (back.turns, back.queue) == ((), ())


def test_a_person_who_left_has_neither_turn_nor_request() -> None:
    state, effects = floor.step(run(Call("an", "t"), Ask("an")), Gone("an"), 7.0)
    assert (state.turns, state.queue) == ((), ())
    assert [one.why for one in effects if isinstance(one, Ended)] == ["left"]
    assert Lowered("an") in effects


def test_a_restart_keeps_the_floor() -> None:
    state = run(SetBudget("sở", 90.0), Call("an", "t", "sở"), Ask("binh", Kind.REPLY), SetMode(Mode.ONE))
    assert floor.from_json(floor.as_json(state)) == replace(state, undo=None)


PEOPLE = st.sampled_from(["an", "binh", "chi", "dung", "em", "hoa"])
TOKENS = st.sampled_from(["t", "u"])
TIMES = st.sampled_from([0.0, 30.0, 90.0, 600.0])
ANY_EVENT = st.one_of(
    st.builds(Ask, PEOPLE, st.sampled_from(Kind)),
    st.builds(Withdraw, PEOPLE),
    st.builds(Move, PEOPLE, st.integers(-1, 7)),
    st.builds(Call, PEOPLE, TOKENS, st.sampled_from(["", "sở", "huyện"]), TIMES),
    st.builds(End, st.one_of(st.just(""), PEOPLE)),
    st.builds(Gone, PEOPLE),
    st.builds(SetMode, st.sampled_from(Mode)),
    st.builds(SetBudget, st.sampled_from(["sở", "huyện"]), TIMES),
    st.builds(TakeBack, TOKENS),
    st.builds(Tick),
)
STORIES = st.lists(st.tuples(ANY_EVENT, st.sampled_from([0.0, 0.5, 9.0, 61.0, 700.0])), max_size=40)


@given(STORIES)
def test_one_microphone_means_one_speaker_and_every_grant_ends(story: list[tuple[Event, float]]) -> None:
    state, now = Floor(), 0.0
    given = ended = 0
    for event, passed_s in story:
        now += passed_s
        try:
            state, effects = floor.step(state, event, now)
        except Refusal:
            continue
        given += sum(isinstance(one, Given) for one in effects)
        ended += sum(isinstance(one, Ended) for one in effects)
        assert len(state.turns) <= (limits.SPEAKERS if state.mode is Mode.SEVERAL else 1)
        assert len({one.identity for one in state.turns}) == len(state.turns)
        assert len({one.identity for one in state.queue}) == len(state.queue)
        assert given - ended == len(state.turns)
        assert all(time_s >= 0 for time_s in state.spoken.values())
    assert run(Tick(), state=state, now=now + limits.TURN_MOST_S).turns == ()  # also if nobody does anything
    assert run(Finish(), state=state, now=now).turns == ()


@given(STORIES, PEOPLE, TIMES)
def test_an_undo_at_once_restores_everything(story: list[tuple[Event, float]], who: str, time_s: float) -> None:
    state, now = Floor(), 0.0
    for event, passed_s in story:
        now += passed_s
        try:
            state, _ = floor.step(state, event, now)
        except Refusal:
            continue
    try:
        called, _ = floor.step(state, Call(who, "the call", time_s=time_s), now)
    except Refusal:
        return
    back, _ = floor.step(called, TakeBack("the call"), now)
    assert (back.mode, back.queue, back.budgets) == (state.mode, state.queue, state.budgets)
    assert sorted(back.turns, key=lambda one: one.identity) == sorted(state.turns, key=lambda one: one.identity)
    assert {one: round(time_s, 6) for one, time_s in back.spoken.items() if time_s > 1e-6} == {
        one: round(time_s, 6) for one, time_s in state.spoken.items() if time_s > 1e-6
    }
