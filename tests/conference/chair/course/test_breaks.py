"""Recess, closed session and the stop for secret content: every phase with every event, and what comes back."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.chair.course import breaks
from conference.chair.course.breaks import (
    EVENTS,
    TABLE,
    BeginClosed,
    BeginRecess,
    ChangeReturn,
    Destroy,
    Effect,
    EndClosed,
    EndMeeting,
    EndRecess,
    Event,
    FromLobby,
    HideSlate,
    LetIn,
    MuteAll,
    Noted,
    Phase,
    PutApart,
    Readmit,
    Restored,
    SendOut,
    ShowSlate,
    State,
    StopMedia,
    StopSecret,
    Tick,
    ToLobby,
    Unmute,
)
from conference.ground import limits
from conference.ground.errors import Refusal

BY = "chu-tri"
NOTHING = State()
RECESS = BeginRecess(BY, 2000.0, ("tinh", "ba-be"), ("cho-don",))
CLOSED = BeginClosed(BY, "Công tác cán bộ", ("bao-chi", "ba-be"))


def play(*events: Event, state: State = NOTHING, now: float = 1000.0) -> tuple[State, list[Effect]]:
    """Take the events at one time and return the state with all effects, without the notes."""
    made: list[Effect] = []
    for event in events:
        state, effects = breaks.step(state, event, now)
        made += [one for one in effects if not isinstance(one, Noted)]
    return state, made


SAMPLES: dict[type[Event], Event] = {
    BeginRecess: RECESS,
    ChangeReturn: ChangeReturn(BY, 2500.0),
    EndRecess: EndRecess(BY),
    BeginClosed: CLOSED,
    SendOut: SendOut(BY, "khach"),
    LetIn: LetIn(BY, "ba-be"),
    EndClosed: EndClosed(BY),
    PutApart: PutApart(BY, ("ba-be",)),
    Readmit: Readmit(BY, "ba-be"),
    StopSecret: StopSecret(BY),
    Tick: Tick(),
    Restored: Restored(),
}
TO: dict[Phase, tuple[Event, ...]] = {
    "open": (PutApart(BY, ("ba-be",)),),
    "recess": (PutApart(BY, ("ba-be",)), RECESS),
    "closed": (CLOSED,),
    "closed_recess": (CLOSED, RECESS),
    "stopping": (StopSecret(BY),),
    "stopped": (StopSecret(BY), Restored()),
}
AFTER: dict[tuple[Phase, type[Event]], Phase] = {
    ("open", BeginRecess): "recess",
    ("open", BeginClosed): "closed",
    ("open", PutApart): "open",
    ("open", Readmit): "open",
    ("open", StopSecret): "stopping",
    ("open", Restored): "open",
    ("recess", ChangeReturn): "recess",
    ("recess", EndRecess): "open",
    ("recess", BeginClosed): "closed_recess",
    ("recess", PutApart): "recess",
    ("recess", Readmit): "recess",
    ("recess", StopSecret): "stopping",
    ("recess", Restored): "recess",
    ("closed", BeginRecess): "closed_recess",
    ("closed", SendOut): "closed",
    ("closed", LetIn): "closed",
    ("closed", EndClosed): "open",
    ("closed", PutApart): "closed",
    ("closed", Readmit): "closed",
    ("closed", StopSecret): "stopping",
    ("closed", Restored): "closed",
    ("closed_recess", ChangeReturn): "closed_recess",
    ("closed_recess", EndRecess): "closed",
    ("closed_recess", SendOut): "closed_recess",
    ("closed_recess", LetIn): "closed_recess",
    ("closed_recess", EndClosed): "recess",
    ("closed_recess", PutApart): "closed_recess",
    ("closed_recess", Readmit): "closed_recess",
    ("closed_recess", StopSecret): "stopping",
    ("closed_recess", Restored): "closed_recess",
    ("stopping", Tick): "stopped",
    ("stopping", Restored): "stopped",
    ("stopped", Restored): "stopped",
}
"""The phase after each legal pair. Every other pair is refused."""


@pytest.mark.parametrize("phase", get_args(Phase))
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_each_phase_takes_or_refuses_each_event(phase: Phase, event: type[Event]) -> None:
    state = play(*TO[phase])[0]
    assert state.phase == phase
    assert ((phase, event) in TABLE) == ((phase, event) in AFTER)
    now = 1000.0 + limits.STOP_SAID_S
    if (phase, event) not in AFTER:
        with pytest.raises(Refusal, match="break_state"):
            breaks.step(state, SAMPLES[event], now)
        return
    after, _ = breaks.step(state, SAMPLES[event], now)
    assert after.phase == AFTER[phase, event]
    assert breaks.from_json(json.loads(json.dumps(breaks.as_json(after)))) == after


def test_a_recess_gives_back_the_microphones_that_were_on() -> None:
    state, effects = play(RECESS)
    assert effects == [MuteAll(), ShowSlate(2000.0)]
    assert state.silent
    state, effects = play(ChangeReturn(BY, 3000.0), state=state)
    assert effects == [ShowSlate(3000.0)]
    state, effects = play(EndRecess(BY), state=state)
    assert effects == [HideSlate(), Unmute(("tinh", "ba-be"), ("cho-don",))]
    assert state == NOTHING


def test_a_closed_session_brings_all_back_by_one_press() -> None:
    state, effects = play(CLOSED, SendOut(BY, "khach"), LetIn(BY, "bao-chi"))
    assert effects == [ToLobby(("bao-chi", "ba-be")), ToLobby(("khach",)), FromLobby(("bao-chi",))]
    assert [one for one in ("bao-chi", "ba-be", "khach", "tinh") if state.keeps_out(one)] == ["ba-be", "khach"]
    state, effects = play(EndClosed(BY), state=state)
    assert effects == [FromLobby(("ba-be", "khach"))]
    assert state == NOTHING


def test_who_was_sent_back_to_the_lobby_waits_until_a_leader_readmits() -> None:
    state, effects = play(PutApart(BY, ("khach",)), CLOSED, PutApart(BY, ("ba-be",)), EndClosed(BY))
    assert effects == [
        ToLobby(("khach",)),
        ToLobby(("bao-chi", "ba-be")),
        ToLobby(("ba-be",)),
        FromLobby(("bao-chi",)),
    ]
    assert state.outside == state.apart == ("khach", "ba-be")
    assert play(Restored(), state=state)[1] == [ToLobby(("khach", "ba-be"))]
    state, effects = play(CLOSED, Readmit(BY, "ba-be"), Readmit(BY, "khach"), state=state)
    assert effects[1:] == [FromLobby(("ba-be",)), FromLobby(("khach",))]
    assert state.outside == ("bao-chi",)
    with pytest.raises(Refusal, match="closed_inside"):
        breaks.step(state, Readmit(BY, "tinh"), 1000.0)
    with pytest.raises(Refusal, match="closed_many"):
        breaks.step(NOTHING, PutApart(BY, tuple(map(str, range(limits.PARTICIPANTS_MOST + 1)))), 1000.0)


def test_a_recess_that_ends_in_a_closed_session_opens_no_microphone_in_the_lobby() -> None:
    state, effects = play(CLOSED, RECESS, EndRecess(BY))
    assert Unmute(("tinh",), ("cho-don",)) in effects
    assert state.phase == "closed"


@pytest.mark.parametrize("phase", ["open", "recess", "closed", "closed_recess"])
def test_a_stop_forgets_the_meeting_and_cannot_be_undone(phase: Phase) -> None:
    state, effects = play(*TO[phase], StopSecret(BY))
    assert effects[-2:] == [StopMedia(), Destroy()]
    written = json.dumps(breaks.as_json(state), ensure_ascii=False)
    assert "cán bộ" not in written
    assert "bao-chi" not in written
    assert state.keeps_out("anybody")
    assert play(Tick(), state=state, now=1000.0 + limits.STOP_SAID_S - 0.1) == (state, [])
    state, effects = play(Tick(), state=state, now=1000.0 + limits.STOP_SAID_S)
    assert (state.phase, effects) == ("stopped", [EndMeeting()])


def test_the_notes_name_no_agenda_item() -> None:
    for events in TO.values():
        state = NOTHING
        for event in (*events, StopSecret(BY)):
            if (state.phase, type(event)) not in TABLE:
                continue
            state, effects = breaks.step(state, event, 1000.0)
            assert "cán bộ" not in repr([one for one in effects if isinstance(one, Noted)])


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("recess_until", BeginRecess(BY, 1000.0)),
        ("recess_until", BeginRecess(BY, 1000.1 + limits.RECESS_MOST_S)),
        ("closed_nobody", BeginClosed(BY, "", ())),
        ("closed_many", BeginClosed(BY, "", tuple(map(str, range(limits.PARTICIPANTS_MOST + 1))))),
    ],
)
def test_what_is_over_a_bound_is_refused(code: str, event: Event) -> None:
    with pytest.raises(Refusal, match=code):
        breaks.step(NOTHING, event, 1000.0)


def test_what_is_at_a_bound_is_taken() -> None:
    play(BeginRecess(BY, 1000.0 + limits.RECESS_MOST_S))
    play(BeginRecess(BY, None))
    state, _ = play(BeginClosed(BY, "", tuple(map(str, range(limits.PARTICIPANTS_MOST)))))
    with pytest.raises(Refusal, match="closed_many"):
        breaks.step(state, SendOut(BY, "one more"), 1000.0)


def test_who_is_not_outside_cannot_be_let_in() -> None:
    state, _ = play(CLOSED)
    with pytest.raises(Refusal, match="closed_inside"):
        breaks.step(state, LetIn(BY, "tinh"), 1000.0)


WHO = st.sampled_from(["tinh", "ba-be", "bao-chi", "khach"])
STEPS = st.lists(
    st.one_of(
        st.sampled_from([RECESS, SAMPLES[ChangeReturn], EndRecess(BY), CLOSED, EndClosed(BY), StopSecret(BY), Tick()]),
        st.builds(SendOut, st.just(BY), WHO),
        st.builds(LetIn, st.just(BY), WHO),
        st.builds(PutApart, st.just(BY), st.tuples(WHO)),
        st.builds(Readmit, st.just(BY), WHO),
    ),
    max_size=20,
)


class Meeting:
    """The effects as a meeting would carry them out."""

    def __init__(self) -> None:
        self.slate = self.muted = self.ended = self.media_off = False
        self.outside: set[str] = set()

    def take(self, effect: Effect) -> None:
        if isinstance(effect, ShowSlate | HideSlate):
            self.slate = isinstance(effect, ShowSlate)
        elif isinstance(effect, MuteAll | Unmute):
            self.muted = isinstance(effect, MuteAll)
        elif isinstance(effect, ToLobby):
            self.outside |= set(effect.identities)
        elif isinstance(effect, FromLobby):
            self.outside -= set(effect.identities)
        elif isinstance(effect, StopMedia):
            self.media_off = True
        elif isinstance(effect, EndMeeting):
            self.ended = True


@given(STEPS, st.lists(st.booleans(), min_size=20, max_size=20))
def test_the_effects_bring_every_meeting_to_the_state(events: list[Event], crashes: list[bool]) -> None:
    """After any events, with restarts between them, the effects agree with the state. A restart begins with a meeting in which
    all people are inside.
    """
    state, meeting, now = NOTHING, Meeting(), 1000.0
    for event, crash in zip(events, crashes, strict=False):
        now += 1.0
        made: list[Effect] = []
        waits = not isinstance(event, Readmit) or event.identity in state.outside
        if isinstance(event, LetIn):
            waits = state.closed is not None and event.identity in state.closed.out
        if (state.phase, type(event)) in TABLE and waits:
            state, effects = breaks.step(state, event, now)
            made += effects
        if crash:
            meeting = Meeting()
            state, effects = breaks.step(
                breaks.from_json(json.loads(json.dumps(breaks.as_json(state)))), Restored(), now
            )
            made = list(effects)
        for one in made:
            meeting.take(one)
        if state.stop is None:
            assert (meeting.slate, meeting.muted) == (state.recess is not None, state.recess is not None)
            assert meeting.outside == set(state.outside)
        assert meeting.ended == (state.phase == "stopped")
        assert meeting.media_off or state.phase in ("open", "recess", "closed", "closed_recess", "stopped")
