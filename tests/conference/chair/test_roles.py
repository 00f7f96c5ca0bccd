"""Who holds the chair's rights: every phase with every event, and random meetings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import Refusal, limits
from conference.chair import roles
from conference.chair.rights import Role
from conference.chair.roles import (
    EVENTS,
    OPERATORS,
    TABLE,
    Appointed,
    Came,
    Event,
    Given,
    Gone,
    HolderChanged,
    Phase,
    Released,
    RoleChanged,
    Roles,
    Taken,
    Tick,
)

AWAY_S = limits.CHAIR_AWAY_S


def run(*events: tuple[Event, float], state: Roles | None = None) -> Roles:
    state = state or Roles()
    for event, now in events:
        state, _ = roles.step(state, event, now)
    return state


CHAIR = (Came("an", Role.CHAIR), 0.0)
SECOND = (Came("binh", Role.CO_CHAIR), 1.0)
THIRD = (Came("chi", Role.SECRETARY), 2.0)
GUEST = (Came("guest", Role.GUEST), 3.0)
STATES = {
    Phase.VACANT: run(GUEST),
    Phase.HELD: run(CHAIR, SECOND, THIRD, GUEST),
    Phase.AWAY: run(CHAIR, SECOND, THIRD, GUEST, (Gone("an"), 10.0)),
    Phase.LENT: run(CHAIR, SECOND, THIRD, GUEST, (Gone("an"), 10.0), (Tick(), 10.0 + AWAY_S)),
}
SAMPLES: dict[type[Event], Event] = {
    Came: Came("an", Role.CHAIR),
    Gone: Gone("binh"),
    Taken: Taken("guest"),
    Given: Given("guest"),
    Released: Released(),
    Appointed: Appointed("guest", Role.SECRETARY),
    Tick: Tick(),
}
AFTER: dict[tuple[Phase, type[Event]], tuple[Phase, str]] = {
    (Phase.VACANT, Came): (Phase.HELD, "an"),
    (Phase.VACANT, Gone): (Phase.VACANT, OPERATORS),
    (Phase.VACANT, Taken): (Phase.HELD, "guest"),
    (Phase.VACANT, Given): (Phase.HELD, "guest"),
    (Phase.VACANT, Appointed): (Phase.LENT, "guest"),
    (Phase.VACANT, Tick): (Phase.VACANT, OPERATORS),
    (Phase.HELD, Came): (Phase.HELD, "an"),
    (Phase.HELD, Gone): (Phase.HELD, "an"),
    (Phase.HELD, Taken): (Phase.HELD, "guest"),
    (Phase.HELD, Given): (Phase.HELD, "guest"),
    (Phase.HELD, Released): (Phase.LENT, "binh"),
    (Phase.HELD, Appointed): (Phase.HELD, "an"),
    (Phase.HELD, Tick): (Phase.HELD, "an"),
    (Phase.AWAY, Came): (Phase.HELD, "an"),
    (Phase.AWAY, Gone): (Phase.AWAY, OPERATORS),
    (Phase.AWAY, Taken): (Phase.HELD, "guest"),
    (Phase.AWAY, Given): (Phase.HELD, "guest"),
    (Phase.AWAY, Released): (Phase.LENT, "binh"),
    (Phase.AWAY, Appointed): (Phase.AWAY, OPERATORS),
    (Phase.AWAY, Tick): (Phase.AWAY, OPERATORS),
    (Phase.LENT, Came): (Phase.HELD, "an"),
    (Phase.LENT, Gone): (Phase.LENT, "chi"),
    (Phase.LENT, Taken): (Phase.HELD, "guest"),
    (Phase.LENT, Given): (Phase.HELD, "guest"),
    (Phase.LENT, Released): (Phase.LENT, "binh"),
    (Phase.LENT, Appointed): (Phase.LENT, "binh"),
    (Phase.LENT, Tick): (Phase.LENT, "binh"),
}


def test_the_table_has_every_pair() -> None:
    assert {phase: set(row) for phase, row in TABLE.items()} == {phase: set(EVENTS) for phase in Phase}
    assert {phase: state.phase for phase, state in STATES.items()} == {phase: phase for phase in Phase}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("phase", Phase)
def test_every_phase_with_every_event(phase: Phase, event: type[Event]) -> None:
    now = 11.0 + (AWAY_S if phase is Phase.LENT else 0)
    if (phase, event) not in AFTER:
        with pytest.raises(Refusal) as refused:
            roles.step(STATES[phase], SAMPLES[event], now)
        assert refused.value.code == "no_chair"
        return
    made, effects = roles.step(STATES[phase], SAMPLES[event], now)
    assert (made.phase, made.holder) == AFTER[phase, event]
    changed = [one for one in effects if isinstance(one, HolderChanged)]
    assert [(one.before, one.after) for one in changed] == (
        [(STATES[phase].holder, made.holder)] if made.holder != STATES[phase].holder else []
    )


def test_the_first_host_is_chair_and_a_booked_chair_replaces_that_host() -> None:
    state = run((Came("an", Role.CHAIR, default=True), 0.0), (Came("binh", Role.CHAIR, default=True), 1.0))
    assert (state.of("an"), state.of("binh")) == (Role.CHAIR, Role.CO_CHAIR)
    state = run((Came("chu", Role.CHAIR), 2.0), state=state)
    assert [state.of(one) for one in ("an", "binh", "chu")] == [Role.CO_CHAIR, Role.CO_CHAIR, Role.CHAIR]
    state = run((Came("khac", Role.CHAIR), 3.0), state=state)
    assert state.of("khac") is Role.CO_CHAIR


def test_the_rights_are_lent_after_the_grace_and_given_back() -> None:
    state = run(CHAIR, THIRD, SECOND, (Gone("an"), 10.0))
    assert state.holder == OPERATORS
    assert run((Tick(), 10.0 + AWAY_S - 0.1), state=state).holder == OPERATORS
    state, effects = roles.step(state, Tick(), 10.0 + AWAY_S)
    assert state.of("binh") is Role.CHAIR  # a co-chair goes before a secretary who came earlier
    assert HolderChanged(OPERATORS, "binh", lent=True) in effects
    assert RoleChanged("binh", Role.CHAIR) in effects
    state, effects = roles.step(state, Came("an", Role.CHAIR), 99.0)
    assert (state.of("an"), state.of("binh")) == (Role.CHAIR, Role.CO_CHAIR)
    assert RoleChanged("binh", Role.CO_CHAIR) in effects


def test_a_chair_whose_role_was_revoked_does_not_get_it_back_by_coming_again() -> None:
    state = run(CHAIR, SECOND, (Released(), 5.0), (Gone("an"), 6.0), (Came("an", Role.CHAIR), 7.0))
    assert state.of("an") is Role.DELEGATE
    assert state.holder == "binh"


@pytest.mark.parametrize("event", [Taken("nobody"), Given("nobody"), Appointed("nobody", Role.SECRETARY)])
def test_an_absent_person_gets_no_role(event: Event) -> None:
    with pytest.raises(Refusal) as refused:
        roles.step(STATES[Phase.HELD], event, 5.0)
    assert refused.value.code == "participant_not_found"


@pytest.mark.parametrize(
    "event", [Appointed("binh", Role.CHAIR), Appointed("an", Role.GUEST), Appointed("chi", Role.OPERATOR)]
)
def test_a_role_that_cannot_be_given(event: Event) -> None:
    with pytest.raises(Refusal) as refused:
        roles.step(STATES[Phase.HELD], event, 5.0)
    assert refused.value.code == "role_bad"


def test_an_observer_does_not_become_chair() -> None:
    with pytest.raises(Refusal) as refused:
        roles.step(run(CHAIR, (Came("xem", Role.OBSERVER), 1.0)), Given("xem"), 5.0)
    assert refused.value.code == "role_bad"


def test_appointments_are_bounded_and_the_oldest_gives_way() -> None:
    state = run(CHAIR)
    for number in range(limits.ROLES_APPOINTED + 1):
        one = f"p{number}"
        state = run((Came(one, Role.DELEGATE), 1.0), (Appointed(one, Role.SECRETARY), 1.0), state=state)
    assert len(state.appointed) == limits.ROLES_APPOINTED
    assert "p0" not in state.appointed


def test_a_restart_keeps_the_chair_and_the_appointments() -> None:
    state = run((Appointed("guest", Role.SECRETARY), 5.0), state=STATES[Phase.HELD])
    back = roles.from_json(roles.as_json(state), 100.0)
    assert back.phase is Phase.AWAY
    back = run((Came("guest", Role.GUEST), 101.0), (Came("binh", Role.CHAIR, default=True), 102.0), state=back)
    assert (back.of("guest"), back.of("binh"), back.holder) == (Role.SECRETARY, Role.CO_CHAIR, OPERATORS)
    assert run((Came("an", Role.CHAIR), 103.0), state=back).holder == "an"


PEOPLE = st.sampled_from(["an", "binh", "chi", "dung", "em"])
ANY_EVENT = st.one_of(
    st.builds(Came, PEOPLE, st.sampled_from([one for one in Role if one is not Role.OPERATOR]), st.booleans()),
    st.builds(Gone, PEOPLE),
    st.builds(Taken, PEOPLE),
    st.builds(Given, PEOPLE),
    st.builds(Released),
    st.builds(Appointed, PEOPLE, st.sampled_from(Role)),
    st.builds(Tick),
)


@given(st.lists(st.tuples(ANY_EVENT, st.floats(0.0, 2 * AWAY_S)), max_size=40))
def test_the_rights_of_the_chair_always_have_one_holder(story: list[tuple[Event, float]]) -> None:
    state, now = Roles(), 0.0
    for event, passed_s in story:
        now += passed_s
        before = state
        try:
            state, effects = roles.step(state, event, now)
        except Refusal:
            continue
        told = {one.identity for one in effects if isinstance(one, RoleChanged)}
        assert told == {
            one for one in state.present if one not in before.present or before.of(one) is not state.of(one)
        }
        assert state.holder == OPERATORS or state.holder in state.present
        chairs = [one for one in state.present if state.of(one) is Role.CHAIR]
        assert chairs == ([state.holder] if state.holder else [])
        deputies = [one for one, role in state.present.items() if role in roles.SUCCESSORS]
        if state.phase is not Phase.AWAY:  # without the grace, operators hold the rights only if nobody else can
            assert state.holder or not deputies
        else:
            assert state.away_since is not None
            assert now - state.away_since < AWAY_S or not deputies
        for one in effects:
            if isinstance(one, RoleChanged):
                assert state.of(one.identity) is one.role


def test_a_lower_role_holds_for_every_window_of_the_person() -> None:
    """A new entry makes a new identity. The appointment goes with the person."""
    first, second, later = "browser.binh01.aaaa", "browser.binh01.bbbb", "personal_link.binh01.cccc"
    state = run(CHAIR, (Came(first, Role.CO_CHAIR), 1.0), (Came(second, Role.CO_CHAIR), 2.0))
    state, _ = roles.step(state, Appointed(first, Role.OBSERVER), 3.0)
    assert (state.of(first), state.of(second)) == (Role.OBSERVER, Role.OBSERVER)
    state, _ = roles.step(roles.from_json(roles.as_json(state), 4.0), Came(later, Role.CO_CHAIR), 5.0)
    assert state.of(later) is Role.OBSERVER


def test_a_chair_who_loads_the_page_again_is_the_chair() -> None:
    """Each entry makes a new identity. The bearer stays."""
    state = run(CHAIR, SECOND, (Came("personal_link.m3.a", Role.DELEGATE), 2.0), (Given("personal_link.m3.a"), 3.0))
    state = run((Gone("personal_link.m3.a"), 4.0), (Came("personal_link.m3.b", Role.DELEGATE), 6.0), state=state)
    assert (state.holder, state.phase) == ("personal_link.m3.b", Phase.HELD)
    late = run((Gone("personal_link.m3.b"), 7.0), (Tick(), 8.0 + AWAY_S), state=state)
    assert late.holder == "an"
    late = run((Came("browser.m3.c", Role.DELEGATE), 99.0), state=roles.from_json(roles.as_json(late), 90.0))
    assert late.holder == "browser.m3.c", "after the loan, a restart and by another way"
    assert late.booked


def test_a_second_window_of_the_chair_takes_over() -> None:
    state = run((Came("browser.m1.a", Role.CHAIR), 0.0), SECOND, (Came("browser.m1.b", Role.CHAIR), 1.0))
    assert (state.holder, state.of("browser.m1.b")) == ("browser.m1.a", Role.CO_CHAIR)
    state = run((Gone("browser.m1.a"), 2.0), state=state)
    assert (state.holder, state.phase, state.away_since) == ("browser.m1.b", Phase.HELD, None)


def test_another_host_of_an_instant_meeting_follows_a_host_who_left() -> None:
    state = run(
        (Came("an", Role.CHAIR, default=True), 0.0), (Gone("an"), 1.0), (Came("an2", Role.CHAIR, default=True), 2.0)
    )
    assert (state.holder, state.phase) == ("an2", Phase.HELD)
    booked = run(CHAIR, (Gone("an"), 1.0), (Came("chi", Role.CHAIR, default=True), 2.0))
    assert booked.phase is Phase.AWAY, "a booked chair is waited for"


def test_the_borrower_gives_roles_when_the_chair_has_left() -> None:
    state = run(CHAIR, SECOND, THIRD, (Gone("an"), 10.0), (Tick(), 10.0 + AWAY_S))
    left = 10.0 + limits.CHAIR_LEFT_S
    assert not roles.gives_roles(state, "binh", left - 0.1)
    assert roles.gives_roles(state, "binh", left)
    back = run((Came("an", Role.CHAIR), left + 1), state=state)
    assert [roles.gives_roles(back, one, left + 2) for one in ("an", "binh")] == [True, False]
