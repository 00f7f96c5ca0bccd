"""The one table of rights: every role, every act."""

from __future__ import annotations

import pytest

from conference import Refusal
from conference.chair import rights
from conference.chair.rights import LEADERS, TABLE, Act, By, Role, may


def test_every_act_has_a_row_and_a_role() -> None:
    assert set(TABLE) == set(Act)
    assert all(TABLE.values())


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("role", Role)
def test_the_order_is_refused_exactly_where_the_table_says_so(act: Act, role: Role) -> None:
    by = By("an", "An", role)
    if role in TABLE[act]:
        rights.ask(by, act)
    else:
        with pytest.raises(Refusal) as refused:
            rights.ask(by, act)
        assert refused.value.code == "not_allowed"


@pytest.mark.parametrize("role", [Role.DELEGATE, Role.HALL, Role.OBSERVER, Role.GUEST])
def test_who_leads_no_meeting_orders_nothing_of_others(role: Role) -> None:
    own = {
        Act.ASK_FLOOR,
        Act.WITHDRAW_FLOOR,
        Act.BALLOT,
        Act.CHAT,
        Act.REPORT_DELEGATES,
        Act.TAKE_CHAIR,
        Act.VOTE_COUNT,
        Act.VOTE_CARDS,
    }
    assert {act for act in Act if may(role, act)} <= own


def test_an_observer_only_watches() -> None:
    assert not [act for act in Act if may(Role.OBSERVER, act)]


def test_only_an_operator_removes_a_leader() -> None:
    for target in (Role.CHAIR, Role.CO_CHAIR, Role.SECRETARY):
        assert [role for role in LEADERS if may(role, Act.REMOVE, target)] == [Role.OPERATOR]
    with pytest.raises(Refusal) as refused:
        rights.ask(By("thu", "Thư", Role.SECRETARY), Act.REMOVE, Role.CHAIR)
    assert refused.value.code == "host_stays"
    assert may(Role.SECRETARY, Act.REMOVE, Role.GUEST)


def test_the_chair_is_given_by_the_chair_and_revoked_by_an_operator() -> None:
    assert [role for role in Role if may(role, Act.HAND_OVER)] == [Role.CHAIR, Role.OPERATOR]
    assert [role for role in Role if may(role, Act.REVOKE_CHAIR)] == [Role.OPERATOR]
