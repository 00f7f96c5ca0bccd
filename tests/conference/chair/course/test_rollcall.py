"""The roll call: every phase with every event, the stage of 10 s, corrections, and a restart after every step."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.chair.course import rollcall
from conference.chair.course.rollcall import (
    EVENTS,
    TABLE,
    Add,
    Begin,
    Delegates,
    Effect,
    Event,
    Finish,
    FreeStage,
    Next,
    Noted,
    Pause,
    Phase,
    Prepare,
    Presence,
    Press,
    Report,
    Restored,
    Resume,
    Show,
    Signal,
    Signals,
    Site,
    Snap,
    State,
    Tick,
)
from conference.ground import limits
from conference.ground.errors import Refusal

STAGE_S = limits.ROLL_STAGE_S
SITES = (
    Site("tinh", "Điểm cầu tỉnh", "ubnd", "t1", "02093"),
    Site("ba-be", "Ba Bể", "ba-be", "t2", ""),
    Site("cho-don", "Chợ Đồn", "cho-don", "", "02094"),
)
BY = "thu-ky"


NOTHING = State()


def play(*events: Event, state: State = NOTHING, now: float = 1000.0) -> tuple[State, list[Effect]]:
    """Take the events at one time and return the state with all effects."""
    made: list[Effect] = []
    for event in events:
        state, effects = rollcall.step(state, event, now)
        made += effects
    return state, made


def shown(effects: list[Effect]) -> list[str]:
    return [one.site for one in effects if isinstance(one, Show)]


def in_phase(phase: Phase) -> State:
    to: dict[Phase, tuple[Event, ...]] = {
        "none": (),
        "ready": (Prepare(SITES),),
        "calling": (Prepare(SITES), Begin(BY)),
        "paused": (Prepare(SITES), Begin(BY), Pause(BY)),
        "done": (Prepare(SITES), Begin(BY), Finish(BY)),
    }
    return play(*to[phase])[0]


SAMPLES: dict[type[Event], Event] = {
    Prepare: Prepare(SITES),
    Add: Add(Site("bach-thong", "Bạch Thông")),
    Delegates: Delegates("ba-be", Report(12, "Nguyễn Văn A", ("Trần Thị B",), "ba-be", "page"), host=True),
    Signal: Signal("ba-be", Signals(True, True, "good")),
    Begin: Begin(BY),
    Press: Press("ba-be", "present", BY),
    Next: Next(BY),
    Pause: Pause(BY),
    Resume: Resume(BY),
    Finish: Finish(BY),
    Tick: Tick(),
    Restored: Restored(),
}
NEXT_PHASES: dict[tuple[Phase, type[Event]], Phase] = {
    ("none", Prepare): "ready",
    ("done", Prepare): "ready",
    ("ready", Begin): "calling",
    ("calling", Pause): "paused",
    ("paused", Resume): "calling",
    ("calling", Finish): "done",
    ("paused", Finish): "done",
}
"""The pairs that change the phase. All other pairs keep the phase, or are refused."""
REFUSED = {
    *(("none", event) for event in EVENTS if event not in (Prepare, Restored, Delegates)),
    *(("ready", event) for event in (Next, Pause, Resume, Finish, Tick)),
    *(("calling", event) for event in (Prepare, Begin, Resume)),
    *(("paused", event) for event in (Prepare, Begin, Next, Pause, Tick)),
    *(("done", event) for event in (Signal, Begin, Next, Pause, Resume, Finish, Tick)),
}


@pytest.mark.parametrize("phase", get_args(Phase))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_each_phase_takes_or_refuses_each_event(phase: Phase, event: type[Event]) -> None:
    state = in_phase(phase)
    assert state.phase == phase
    if (phase, event) in REFUSED:
        assert (phase, event) not in TABLE
        with pytest.raises(Refusal, match="roll_call_state"):
            rollcall.step(state, SAMPLES[event], 1001.0)
        return
    after, _ = rollcall.step(state, SAMPLES[event], 1001.0)
    assert after.phase == NEXT_PHASES.get((phase, event), phase)
    assert rollcall.from_json(json.loads(json.dumps(rollcall.as_json(after)))).phase == after.phase


def test_one_key_a_site_shows_all_sites_for_ten_seconds_each() -> None:
    state, effects = play(Prepare(SITES), Begin(BY))
    assert shown(effects) == ["tinh"]
    assert state.due is None, "an unmarked site stays on stage"
    now = 1000.0
    order = []
    marks: tuple[Presence, ...] = ("present", "absent", "fault")
    for presence in marks:
        row = state.current
        assert row is not None
        order.append(row.site.id)
        state, effects = play(Press(row.site.id, presence, BY), state=state, now=now + 2)
        assert [one.id for one in effects if isinstance(one, Snap)] == [f"roll-1-{len(order)}"]
        assert not shown(effects), "a marked site keeps its ten seconds"
        assert state.due == now + STAGE_S
        assert play(Tick(), state=state, now=now + STAGE_S - 0.1) == (state, []), "too early"
        now += STAGE_S
        state, effects = play(Tick(), state=state, now=now)
    assert order == ["tinh", "ba-be", "cho-don"]
    assert (state.phase, state.ended_at) == ("done", now)
    assert FreeStage() in effects
    found = [(row.mark.presence, row.mark.at, row.mark.snapshot) for row in state.rows if row.mark is not None]
    assert found == [("present", 1002.0, "roll-1-1"), ("absent", 1012.0, "roll-1-2"), ("fault", 1022.0, "roll-1-3")]


def test_after_ten_seconds_the_key_shows_the_next_site_at_once() -> None:
    state, _ = play(Prepare(SITES), Begin(BY))
    state, effects = play(Press("tinh", "present", BY), state=state, now=1000.0 + STAGE_S)
    assert shown(effects) == ["ba-be"]
    assert state.since == 1000.0 + STAGE_S


def test_a_late_press_for_the_last_site_does_not_mark_the_site_on_stage() -> None:
    state, _ = play(Prepare(SITES), Begin(BY), Press("tinh", "absent", BY))
    state, _ = play(Tick(), state=state, now=1010.0)
    state, effects = play(Press("tinh", "present", BY, "bật máy muộn"), state=state, now=1010.2)
    assert [row.mark and row.mark.presence for row in state.rows] == ["present", None, None]
    noted = next(one for one in effects if isinstance(one, Noted))
    assert noted.what == "roll_call.corrected"
    assert noted.detail["before"] == "absent"
    assert noted.detail["why"] == "bật máy muộn"
    assert state.rows[0].mark is not None
    assert state.rows[0].mark.why == "bật máy muộn"
    assert rollcall.from_json(rollcall.as_json(state)).rows[0].mark == state.rows[0].mark, (
        "the reason outlives a restart"
    )
    again, _ = play(Press("tinh", "present", BY), state=state, now=1011.0)
    other, _ = play(Press("tinh", "fault", BY), state=state, now=1011.0)
    assert [one.rows[0].mark and one.rows[0].mark.why for one in (again, other)] == ["bật máy muộn", ""]
    assert noted.detail["snapshot"] == "roll-1-1", "the snapshot of the stage stays"


def test_a_site_that_was_passed_over_comes_again_at_the_end() -> None:
    state, _ = play(Prepare(SITES), Begin(BY), Next(BY))
    state, _ = play(Press("ba-be", "present", BY), state=state)
    state, effects = play(Next(BY), state=state)
    assert shown(effects) == ["cho-don"]
    state, effects = play(Press("cho-don", "present", BY), Next(BY), state=state)
    assert shown(effects) == ["tinh"]
    with pytest.raises(Refusal, match="roll_call_last"):
        rollcall.step(state, Next(BY), 1001.0)


def test_a_pause_frees_the_stage_and_shows_the_same_site_again() -> None:
    state, _ = play(Prepare(SITES), Begin(BY), Press("tinh", "present", BY), Next(BY))
    state, effects = play(Pause(BY), state=state, now=1003.0)
    assert FreeStage() in effects
    again, effects = play(Resume(BY), state=state, now=1500.0)
    assert (shown(effects), again.since) == (["ba-be"], 1500.0)
    marked, _ = play(Press("ba-be", "absent", BY), state=state)
    assert shown(play(Resume(BY), state=marked)[1]) == ["cho-don"], "the site was marked during the pause"


def test_no_report_from_before_the_list_is_lost() -> None:
    xa, an = "browser.xa-1.first", "personal_link.an.first"
    state, _ = play(
        Delegates(xa, Report(12, by=xa), name="Xã Chợ Mới"),
        Delegates(an, Report(1, by=an), name="An"),
        Delegates("ba-be", Report(5, by="ba-be")),
    )
    state, effects = play(Prepare((*SITES, Site("browser.an.second", "An"))), state=state)
    found = [(row.site.id, row.site.name, row.report and row.report.delegates) for row in state.rows]
    assert found == [
        *((site.id, site.name, 5 if site.id == "ba-be" else None) for site in SITES),
        ("browser.an.second", "An", 1),
        (xa, "Xã Chợ Mới", 12),
    ]
    assert [one.detail["sites"] for one in effects if isinstance(one, Noted)] == [len(SITES) + 2]
    again, _ = play(Prepare(SITES), state=state)
    assert {row.site.id for row in again.rows if row.report is not None} == {"ba-be", "browser.an.second", xa}
    full = tuple(Site(f"s{place}", "x") for place in range(limits.ROLL_SITES))
    assert len(play(Prepare(full), state=state)[0].rows) == limits.ROLL_SITES


def test_two_windows_of_one_person_keep_their_own_rows_in_a_new_list() -> None:
    windows = tuple(Site(f"browser.an.{one}", "An") for one in ("first", "second"))
    state, _ = play(Prepare(windows), Delegates("browser.an.second", Report(3)), Prepare(windows))
    assert [row.report and row.report.delegates for row in state.rows] == [None, 3]


def test_sites_report_their_delegates_and_the_plate_names_the_head() -> None:
    state, _ = play(Prepare(SITES))
    report = Report(12, "  Nguyễn  Văn A ", ("Trần Thị B", " "), "ba-be", "keypad")
    state, effects = play(Delegates("ba-be", report), state=state)
    assert [one.what for one in effects if isinstance(one, Noted)] == ["roll_call.reported"]
    state, effects = play(Begin(BY), Next(BY), state=state)
    assert [one.plate for one in effects if isinstance(one, Show)] == ["Điểm cầu tỉnh", "Ba Bể · Nguyễn Văn A"]
    state, effects = play(Delegates("ba-be", Report(14, "Lê Văn C")), state=state)
    assert [one.plate for one in effects if isinstance(one, Show)] == ["Ba Bể · Lê Văn C"], "the plate on stage changes"
    state, _ = play(Press("ba-be", "present", BY), Finish(BY), state=state)
    assert rollcall.delegates(state) == {"ba-be": 14}
    with pytest.raises(Refusal, match="roll_call_over"):
        rollcall.step(state, Delegates("ba-be", Report(90)), 1.0)
    state, _ = play(Delegates("ba-be", Report(13), host=True), state=state)
    assert rollcall.totals(state) == {
        "sites": 3,
        "present": 1,
        "absent": 0,
        "fault": 0,
        "unmarked": 2,
        "delegates": 13,
    }


def test_absent_sites_are_called_and_telephoned() -> None:
    presses = tuple(Press(site.id, "absent", BY) for site in SITES)
    state, _ = play(Prepare(SITES), *presses)
    assert [site.id for site in rollcall.to_call(state)] == ["tinh", "ba-be"], "with a terminal"
    assert [row.site.id for row in state.rows if rollcall.needs_phone(row)] == ["tinh", "ba-be", "cho-don"]
    state, _ = play(Press("tinh", "present", BY), Press("cho-don", "fault", BY), state=state)
    assert [site.id for site in rollcall.to_call(state)] == ["ba-be"]
    assert [row.site.id for row in state.rows if rollcall.needs_phone(row)] == ["ba-be", "cho-don"]


@pytest.mark.parametrize(
    ("signals", "suggested"),
    [
        (Signals(), "absent"),
        (Signals(True, False, "good"), "fault"),
        (Signals(True, True, "black"), "fault"),
        (Signals(True, True, "frozen"), "fault"),
        (Signals(True, True, "none"), "fault"),
        (Signals(True, True, "good"), "present"),
    ],
)
def test_the_signals_suggest_a_mark_and_set_none(signals: Signals, suggested: str) -> None:
    state, _ = play(Prepare(SITES), Signal("ba-be", signals))
    assert (state.rows[1].signals.suggested, state.rows[1].mark) == (suggested, None)


def test_a_second_roll_call_keeps_reports_and_drops_marks() -> None:
    state, _ = play(Prepare(SITES), Delegates("tinh", Report(3)), Begin(BY), Press("tinh", "present", BY), Finish(BY))
    state, _ = play(Prepare(SITES[:2]), state=state)
    assert (state.run, len(state.rows), state.rows[0].mark) == (2, 2, None)
    assert state.rows[0].report is not None
    _, effects = play(Begin(BY), Press("tinh", "present", BY), state=state)
    assert [one.id for one in effects if isinstance(one, Snap)] == ["roll-2-1"]
    assert play(Prepare(SITES), state=in_phase("ready"))[0].run == 1, (
        "a new list before the beginning is the same roll call"
    )


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("roll_call_full", Prepare(tuple(Site(str(one), "") for one in range(limits.ROLL_SITES + 1)))),
        ("roll_call_twice", Prepare((SITES[0], SITES[0]))),
        ("roll_call_twice", Add(SITES[0])),
        ("roll_call_site", Press("nowhere", "present", BY)),
        ("roll_call_why", Press("tinh", "present", BY, "x" * (limits.ROLL_WHY_CHARACTERS + 1))),
        ("roll_call_delegates", Delegates("tinh", Report(limits.ROLL_DELEGATES + 1))),
        ("roll_call_delegates", Delegates("tinh", Report(-1))),
        ("roll_call_deputies", Delegates("tinh", Report(1, deputies=("x",) * (limits.ROLL_DEPUTIES + 1)))),
        ("roll_call_name", Delegates("tinh", Report(1, "x" * (limits.ROLL_NAME_CHARACTERS + 1)))),
    ],
)
def test_what_is_over_a_bound_is_refused(code: str, event: Event) -> None:
    with pytest.raises(Refusal, match=code):
        rollcall.step(in_phase("ready"), event, 1.0)


def test_what_is_at_a_bound_is_taken() -> None:
    many = tuple(Site(str(one), "") for one in range(limits.ROLL_SITES))
    report = Report(
        limits.ROLL_DELEGATES,
        "x" * limits.ROLL_NAME_CHARACTERS,
        ("y" * limits.ROLL_NAME_CHARACTERS,) * limits.ROLL_DEPUTIES,
    )
    state, _ = play(Prepare(many), Delegates("0", report), Press("1", "fault", BY, "x" * limits.ROLL_WHY_CHARACTERS))
    with pytest.raises(Refusal, match="roll_call_full"):
        rollcall.step(state, Add(SITES[0]), 1.0)


def test_an_empty_list_cannot_be_called() -> None:
    with pytest.raises(Refusal, match="roll_call_empty"):
        play(Prepare(()), Begin(BY))


STEPS = st.lists(
    st.one_of(
        st.builds(
            Press, st.sampled_from([site.id for site in SITES]), st.sampled_from(get_args(Presence)), st.just(BY)
        ),
        st.sampled_from([Tick(), Next(BY), Pause(BY), Resume(BY), Finish(BY), Begin(BY), Prepare(SITES), SAMPLES[Add]]),
        st.just(SAMPLES[Delegates]),
    ),
    max_size=25,
)


def take(state: State, event: Event, now: float) -> tuple[State, tuple[Effect, ...]]:
    try:
        return rollcall.step(state, event, now)
    except Refusal:
        return state, ()


@given(STEPS)
def test_the_stage_and_the_marks_always_agree_with_the_phase(events: list[Event]) -> None:
    """While the roll is called, one site is on stage. Each site is in the list once. A roll call that ends by itself has marked
    all sites.
    """
    state, on_stage, now = in_phase("ready"), "", 1000.0
    for event in events:
        now += 3.0
        before = state
        state, effects = take(state, event, now)
        for one in effects:
            on_stage = one.site if isinstance(one, Show) else "" if isinstance(one, FreeStage) else on_stage
        row = state.current
        assert on_stage == (row.site.id if row is not None and state.phase == "calling" else "")
        assert len({row.site.id for row in state.rows}) == len(state.rows)
        if state.phase == "done" != before.phase and not isinstance(event, Finish):
            assert rollcall.totals(state)["unmarked"] == 0


@given(STEPS)
def test_a_restart_after_every_step_goes_on_where_the_roll_call_was(events: list[Event]) -> None:
    """Give the same events to two roll calls. The first one runs through. The second one is stored and read again after each
    step. Both have the same sites, marks and order. Only the time on stage begins again.
    """
    through = crashed = in_phase("ready")
    now = 1000.0
    for event in events:
        now += STAGE_S  # the stage time is over at each step, so that the times on stage do not matter
        through, _ = take(through, event, now)
        crashed, _ = take(crashed, event, now)
        crashed, effects = rollcall.step(reread(crashed), Restored(), now)
        assert (crashed.phase, crashed.run, crashed.at) == (through.phase, through.run, through.at)
        assert [(row.site, row.mark, row.report) for row in crashed.rows] == [
            (row.site, row.mark, row.report) for row in through.rows
        ]
        row = crashed.current
        expected = [row.site.id] if row is not None and crashed.phase == "calling" else []
        assert [one.site for one in effects if isinstance(one, Show)] == expected


def reread(state: State) -> State:
    written = json.dumps(rollcall.as_json(state))
    read: Callable[[object], State] = rollcall.from_json
    return read(json.loads(written))
