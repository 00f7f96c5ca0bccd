"""The rules for microphones, cameras, presentations and the lock: every phase with every event, and the decision on a track."""

from __future__ import annotations

import pytest

from conference import Refusal, Source, limits
from conference.chair import floor, rules
from conference.chair.floor import Floor
from conference.chair.rights import LEADERS, Role
from conference.chair.rules import (
    EVENTS,
    RULES,
    TABLE,
    Allow,
    Bar,
    Changed,
    Event,
    Lock,
    Phase,
    Rules,
    Set,
    Unlock,
    Whom,
    barred,
)

SAMPLES: dict[type[Event], Event] = {
    Set: Set(camera_off=Whom.GUESTS),
    Lock: Lock(),
    Unlock: Unlock(),
    Allow: Allow("an"),
    Bar: Bar("an"),
}
STATES = {Phase.OPEN: Rules(), Phase.LOCKED: Rules(locked=True)}
AFTER: dict[tuple[Phase, type[Event]], tuple[Phase, tuple[str, ...]] | str] = {
    (Phase.OPEN, Set): (Phase.OPEN, ("camera_off",)),
    (Phase.OPEN, Lock): (Phase.LOCKED, ("locked",)),
    (Phase.OPEN, Unlock): "not_locked",
    (Phase.OPEN, Allow): (Phase.OPEN, ()),
    (Phase.OPEN, Bar): (Phase.OPEN, ()),
    (Phase.LOCKED, Set): (Phase.LOCKED, ("camera_off",)),
    (Phase.LOCKED, Lock): "already_locked",
    (Phase.LOCKED, Unlock): (Phase.OPEN, ("locked",)),
    (Phase.LOCKED, Allow): (Phase.LOCKED, ()),
    (Phase.LOCKED, Bar): (Phase.LOCKED, ()),
}


def test_the_table_has_every_pair() -> None:
    assert {phase: set(row) for phase, row in TABLE.items()} == {phase: set(EVENTS) for phase in Phase}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("phase", Phase)
def test_every_phase_with_every_event(phase: Phase, event: type[Event]) -> None:
    wanted = AFTER[phase, event]
    if isinstance(wanted, str):
        with pytest.raises(Refusal) as refused:
            rules.step(STATES[phase], SAMPLES[event], 0.0)
        assert refused.value.code == wanted
        return
    made, effects = rules.step(STATES[phase], SAMPLES[event], 0.0)
    assert (made.phase, effects) == (wanted[0], (Changed(wanted[1]),) if wanted[1] else ())


def decide(
    state: Rules, role: Role, source: Source = Source.MICROPHONE, kind: str = "audio", on: Floor | None = None
) -> str:
    return barred(state, on or Floor(), "an", role, source, kind)


@pytest.mark.parametrize(
    ("whom", "roles"),
    [
        (Whom.NOBODY, set()),
        (Whom.GUESTS, {Role.GUEST, Role.OBSERVER}),
        (Whom.HALLS, {Role.HALL}),
        (Whom.ALL, set(Role) - LEADERS),
    ],
)
def test_who_is_meant(whom: Whom, roles: set[Role]) -> None:
    assert {role for role in Role if whom.means(role)} == roles


@pytest.mark.parametrize(
    ("state", "source", "kind", "code"),
    [
        (Rules(camera_off=Whom.ALL), Source.CAMERA, "video", "camera_off"),
        (Rules(camera_off=Whom.ALL), Source.UNKNOWN, "video", "camera_off"),
        (Rules(share_off=Whom.ALL), Source.SCREEN_SHARE, "video", "share_off"),
        (Rules(share_off=Whom.ALL), Source.SCREEN_SHARE_AUDIO, "audio", "share_off"),
        (Rules(unmute_off=Whom.ALL), Source.MICROPHONE, "audio", "unmute_off"),
        (Rules(unmute_off=Whom.ALL), Source.UNKNOWN, "audio", "unmute_off"),
    ],
)
def test_what_is_switched_off_is_barred_and_the_rest_is_not(state: Rules, source: Source, kind: str, code: str) -> None:
    assert decide(state, Role.DELEGATE, source, kind) == code
    assert decide(state, Role.CO_CHAIR, source, kind) == ""
    assert decide(Rules(), Role.DELEGATE, source, kind) == ""


def test_in_one_microphone_mode_only_the_speaker_and_the_chair_unmute() -> None:
    one, _ = floor.step(Floor(), floor.SetMode(floor.Mode.ONE), 0.0)
    assert [role for role in Role if not decide(Rules(), role, on=one)] == [Role.CHAIR]
    given, _ = floor.step(one, floor.Call("an", "t"), 0.0)
    assert decide(Rules(unmute_off=Whom.ALL), Role.GUEST, on=given) == ""
    ended, _ = floor.step(given, floor.End("an"), 0.0)
    assert decide(Rules(), Role.GUEST, on=ended) == "floor_needed"


def test_who_was_asked_may_unmute_until_a_leader_mutes_them() -> None:
    state = Rules(unmute_off=Whom.ALL)
    asked, _ = rules.step(state, Allow("an"), 0.0)
    assert decide(asked, Role.DELEGATE) == ""
    assert decide(rules.step(asked, Bar("binh"), 0.0)[0], Role.DELEGATE) == ""
    assert decide(rules.step(asked, Bar("an"), 0.0)[0], Role.DELEGATE) == "unmute_off"
    assert decide(rules.step(asked, Bar(), 0.0)[0], Role.DELEGATE) == "unmute_off"


def test_a_new_rule_forgets_who_was_asked() -> None:
    state, _ = rules.step(Rules(), Allow("an"), 0.0)
    assert rules.step(state, Set(unmute_off=Whom.ALL), 0.0)[0].allowed == ()
    assert rules.step(state, Set(camera_off=Whom.ALL), 0.0)[0].allowed == ("an",)


def test_the_list_of_the_allowed_is_bounded() -> None:
    state = Rules()
    for number in range(limits.UNMUTES_ALLOWED + 1):
        state, _ = rules.step(state, Allow(f"p{number}"), 0.0)
    assert len(state.allowed) == limits.UNMUTES_ALLOWED
    assert "p0" not in state.allowed


def test_a_restart_keeps_the_rules() -> None:
    state = Rules(Whom.ALL, Whom.GUESTS, Whom.HALLS, Whom.NOBODY, entry_muted=True, locked=True)
    assert rules.from_json(rules.as_json(state)) == state
    assert set(rules.as_json(state)) == {*RULES, "locked"}
