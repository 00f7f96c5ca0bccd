"""The agenda: each (state of an item, event), late items, the order, and the stored form at every step."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.chair import agenda as machine
from conference.chair.agenda import (
    REFUSALS,
    Agenda,
    Event,
    Finish,
    Item,
    Late,
    Next,
    Noted,
    Put,
    Reorder,
    Return,
    Skip,
    State,
    Tick,
)
from conference.ground import limits
from conference.ground.errors import Refusal

NOW = 1_790_000_000.0
ITEMS = tuple(Item(one, f"Nội dung {one}") for one in "abc")


def after(agenda: Agenda, *events: Event, now: float = NOW) -> Agenda:
    for event in events:
        agenda, _ = machine.step(agenda, event, now)
        assert machine.of_json(json.loads(json.dumps(machine.as_json(agenda)))) == agenda
    return agenda


def refused(agenda: Agenda, event: Event) -> str:
    with pytest.raises(Refusal) as caught:
        machine.step(agenda, event, NOW)
    return caught.value.code


def states(agenda: Agenda) -> str:
    return " ".join(f"{one.id}:{one.state.value}" for one in agenda.items)


AGENDA = after(Agenda(), Put(ITEMS))

# -- the table

IN_STATE: dict[State, Agenda] = {
    State.WAITING: AGENDA,
    State.CURRENT: after(AGENDA, Next()),
    State.DONE: after(AGENDA, Next(), Finish()),
    State.SKIPPED: after(AGENDA, Skip("a")),
}
"""Agendas whose item `a` is in each state."""
EXPECTED: dict[tuple[State, type[Event]], State | str] = {
    (State.WAITING, Next): State.CURRENT,
    (State.WAITING, Skip): State.SKIPPED,
    (State.WAITING, Return): "agenda_state",
    (State.WAITING, Finish): "agenda_no_current",
    (State.WAITING, Put): State.WAITING,
    (State.CURRENT, Next): "agenda_state",
    (State.CURRENT, Skip): "agenda_state",
    (State.CURRENT, Return): "agenda_state",
    (State.CURRENT, Finish): State.DONE,
    (State.CURRENT, Put): "agenda_order_bad",
    (State.DONE, Next): "agenda_state",
    (State.DONE, Skip): "agenda_state",
    (State.DONE, Return): State.WAITING,
    (State.DONE, Finish): "agenda_no_current",
    (State.DONE, Put): "agenda_order_bad",
    (State.SKIPPED, Next): "agenda_state",
    (State.SKIPPED, Skip): "agenda_state",
    (State.SKIPPED, Return): State.WAITING,
    (State.SKIPPED, Finish): "agenda_no_current",
    (State.SKIPPED, Put): "agenda_order_bad",
}
EVENTS: list[Event] = [Put(ITEMS), Next("a"), Finish(), Skip("a"), Return("a"), Tick()]


@pytest.mark.parametrize(("state", "event"), [*itertools.product(State, EVENTS)], ids=str)
def test_each_state_and_event(state: State, event: Event) -> None:
    agenda = IN_STATE[state]
    expected = EXPECTED.get((state, type(event)), state)
    if isinstance(expected, str):
        assert refused(agenda, event) == expected
    else:
        assert next(one.state for one in after(agenda, event).items if one.id == "a") is expected


def test_the_test_walks_the_whole_table() -> None:
    assert set(machine.TABLE) == {type(one) for one in EVENTS} | {Reorder}


# -- the flow


def test_a_meeting_from_the_first_item_to_the_last() -> None:
    agenda, effects = machine.step(AGENDA, Next(), NOW)
    assert effects == (Noted("agenda_item_began", {"item": "a", "title": "Nội dung a", "at": NOW}),)
    agenda, effects = machine.step(agenda, Next(), NOW + 60)
    assert effects == (
        Noted("agenda_item_ended", {"item": "a", "title": "Nội dung a", "at": NOW + 60, "took_s": 60.0}),
        Noted("agenda_item_began", {"item": "b", "title": "Nội dung b", "at": NOW + 60}),
    )
    assert (agenda.items[0].began_at, agenda.items[0].ended_at) == (NOW, NOW + 60)
    assert agenda.current is not None
    assert machine.view(agenda)["current"] == agenda.current.id == "b"
    agenda = after(agenda, Next(), Finish())
    assert states(agenda) == "a:done b:done c:done"
    assert refused(agenda, Next()) == "agenda_no_next"


def test_an_item_out_of_order() -> None:
    agenda = after(AGENDA, Next("c"), Next())
    assert states(agenda) == "a:current b:waiting c:done"
    assert refused(agenda, Next("z")) == "agenda_unknown"


def test_the_waiting_items_are_reordered() -> None:
    agenda = after(AGENDA, Next(), Reorder(("c", "b")))
    assert states(agenda) == "a:current c:waiting b:waiting"
    for wrong in ((), ("b",), ("b", "b"), ("a", "b", "c"), ("b", "z")):
        assert refused(agenda, Reorder(wrong)) == "agenda_order_bad"


def test_a_new_agenda_keeps_what_began() -> None:
    agenda = after(AGENDA, Next(), Put((Item("d", "Thêm"), replace(ITEMS[2], title="Khác"))))
    assert states(agenda) == "a:current d:waiting c:waiting"
    assert agenda.items[2].title == "Khác"
    assert refused(agenda, Put((ITEMS[1], ITEMS[1]))) == "agenda_order_bad"


def test_a_planned_item_brings_no_state() -> None:
    forged = replace(ITEMS[0], state=State.DONE, began_at=1.0, ended_at=2.0, warned=True)
    assert after(Agenda(), Put((forged,))) == after(Agenda(), Put(ITEMS[:1]))


def test_a_returned_item_is_the_next_one() -> None:
    agenda = after(AGENDA, Next(), Next(), Return("a"))
    assert states(agenda) == "b:current a:waiting c:waiting"
    assert after(agenda, Next()).current == replace(ITEMS[0], state=State.CURRENT, began_at=NOW)
    assert states(after(AGENDA, Next(), Next(), Next(), Return("a"))) == "b:done c:current a:waiting"


# -- late items


def test_a_late_item_warns_once() -> None:
    agenda = after(Agenda(), Put((replace(ITEMS[0], planned_s=600.0), ITEMS[1])), Next())
    assert agenda.due_at == NOW + 600
    assert machine.step(agenda, Tick(), NOW + 599.9) == (agenda, ())
    late, effects = machine.step(agenda, Tick(), NOW + 630)
    assert effects == (Late("a", 30.0), Noted("agenda_item_late", {"item": "a", "state": "current"}))
    assert machine.step(late, Tick(), NOW + 700) == (late, ())
    assert late.due_at is None


def test_an_item_that_has_not_begun_is_late() -> None:
    agenda = after(Agenda(), Put((ITEMS[0], replace(ITEMS[1], planned_at=NOW + 100))), Next())
    assert agenda.due_at == NOW + 100
    agenda, effects = machine.step(agenda, Tick(), NOW + 100)
    assert effects == (Late("b", 0.0), Noted("agenda_item_late", {"item": "b", "state": "waiting"}))
    agenda = after(agenda, Next())
    assert agenda.due_at is None
    assert agenda.current == replace(ITEMS[1], planned_at=NOW + 100, state=State.CURRENT, began_at=NOW)


# -- bounds


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (replace(ITEMS[0], title=" "), "agenda_text_bad"),
        (replace(ITEMS[0], title="x" * (limits.AGENDA_CHARACTERS + 1)), "agenda_text_bad"),
        (replace(ITEMS[0], speakers=("x" * (limits.AGENDA_CHARACTERS + 1),)), "agenda_text_bad"),
        (replace(ITEMS[0], id=""), "agenda_text_bad"),
        (replace(ITEMS[0], id="x" * (limits.AGENDA_ID_CHARACTERS + 1)), "agenda_text_bad"),
        (replace(ITEMS[0], votes=("x" * (limits.AGENDA_ID_CHARACTERS + 1),)), "agenda_text_bad"),
        (replace(ITEMS[0], speakers=("An",) * (limits.AGENDA_NAMES + 1)), "agenda_limit"),
        (replace(ITEMS[0], votes=("v",) * (limits.AGENDA_NAMES + 1)), "agenda_limit"),
        (replace(ITEMS[0], planned_s=-1.0), "agenda_time_bad"),
        (replace(ITEMS[0], planned_s=float("nan")), "agenda_time_bad"),
        (replace(ITEMS[0], planned_s=limits.AGENDA_ITEM_S + 1), "agenda_time_bad"),
        (replace(ITEMS[0], planned_at=float("nan")), "agenda_time_bad"),
        (replace(ITEMS[0], planned_at=float("inf")), "agenda_time_bad"),
    ],
)
def test_items_that_are_refused(item: Item, code: str) -> None:
    assert refused(Agenda(), Put((item,))) == code


def test_the_longest_agenda() -> None:
    items = tuple(
        Item(
            f"{at:03}".ljust(limits.AGENDA_ID_CHARACTERS, "x"),
            "x" * limits.AGENDA_CHARACTERS,
            NOW,
            limits.AGENDA_ITEM_S,
            ("x" * limits.AGENDA_CHARACTERS,) * limits.AGENDA_NAMES,
            ("x" * limits.AGENDA_ID_CHARACTERS,) * limits.AGENDA_NAMES,
        )
        for at in range(limits.AGENDA_ITEMS)
    )
    agenda = after(Agenda(), Put(items))
    assert refused(after(agenda, Next()), Put((*items[1:], ITEMS[0]))) == "agenda_limit"
    assert refused(Agenda(), Put((*items, ITEMS[0]))) == "agenda_limit"


def test_refusals_have_texts_in_both_languages() -> None:
    assert all(vietnamese and english and vietnamese != english for vietnamese, english in REFUSALS.values())


# -- random meetings


@given(
    st.lists(
        st.one_of(
            st.builds(Next, st.sampled_from(["", "a", "b", "c", "z"])),
            st.builds(Skip, st.sampled_from("abc")),
            st.builds(Return, st.sampled_from("abc")),
            st.builds(Reorder, st.permutations(["a", "b", "c"]).map(tuple)),
            st.builds(Put, st.permutations(ITEMS).map(tuple)),
            st.just(Finish()),
            st.just(Tick()),
        ),
        max_size=30,
    )
)
def test_one_current_item_and_no_item_is_lost(events: list[Event]) -> None:
    agenda = AGENDA
    for at, event in enumerate(events):
        try:
            agenda = after(agenda, event, now=NOW + at)
        except Refusal:
            continue
        assert sorted(one.id for one in agenda.items) == ["a", "b", "c"]
        assert sum(one.state is State.CURRENT for one in agenda.items) <= 1
        for one in agenda.items:
            assert (one.began_at is None) == (one.state in (State.WAITING, State.SKIPPED))
            assert (one.ended_at is not None) == (one.state is State.DONE)
