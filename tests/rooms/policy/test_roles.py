"""The rights of each role, as a second table that does not come from the code, and as properties of any tree and any roles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rooms.errors import Refusal
from rooms.policy import roles
from rooms.policy.actors import COMMAND, SYSTEM, Actor, Role

LETTERS = {
    "r": roles.REQUESTER,
    "s": roles.SECRETARY,
    "p": roles.APPROVER,
    "o": roles.OPERATOR,
    "a": roles.ADMIN,
    "u": roles.AUDITOR,
}
TABLE = """
org.read rspoau
org.write a
people.read rspoau
people.write a
deputies.write spa
recipients.write soa
sites.read rspoau
sites.write oa
board.read rspoau
meetings.read spoau
meetings.create rsoa
meetings.edit soa
meetings.cancel soa
meetings.approve.unit p
meetings.approve.system o
meetings.raise_class spoa
meetings.lower_class p
meetings.letters sa
meetings.answers sa
meetings.precedence oa
templates.write soa
halls.read soau
halls.operate soa
halls.object spoa
feeds.write rspoau
accounts.read a
accounts.write a
clients.write a
webhooks.write a
settings.read soau
settings.write a
rules.write oa
profiles.write oa
audit.read ua
"""
ROWS = [tuple(line.split()) for line in TABLE.strip().splitlines()]
OWN, BELOW, BESIDE, ABOVE = "/tinh/so/", "/tinh/so/phong/", "/tinh/so2/", "/tinh/"


def actor(role: str, path: str = OWN, factors: int = 2, kind: str = "account") -> Actor:
    held = Role(role, "u", path, whole=path == ABOVE)
    return Actor(kind, "1", roles=(held,), factors=factors)  # type: ignore[arg-type]


def test_the_table_of_roles_is_complete() -> None:
    assert {action for action, _ in ROWS} == set(roles.ACTIONS)
    assert set(LETTERS.values()) == set(roles.ALL)


@pytest.mark.parametrize(("action", "letters"), ROWS)
def test_each_action_is_for_these_roles_in_their_unit_and_below(action: str, letters: str) -> None:
    for letter, role in LETTERS.items():
        may = letter in letters
        who = actor(role)
        assert roles.allows(who, action, OWN) is may
        assert roles.allows(who, action, BELOW) is may
        assert roles.anywhere(who, action) is may
        assert not roles.allows(who, action, BESIDE)
        assert not roles.allows(who, action, ABOVE)
        assert roles.scopes(who, action) == ((OWN,) if may else ())
        assert not roles.everywhere(who, action)
        assert roles.everywhere(actor(role, ABOVE), action) is may
        assert (action in roles.actions_of(who)) is (may and action not in roles.OF_THE_WHOLE)
        assert (action in roles.actions_of(actor(role, ABOVE))) is may
        assert not roles.everywhere(Actor("account", roles=(Role(role, "v", "/other/"),), factors=2), action)


@pytest.mark.parametrize(("action", "letters"), ROWS)
def test_operators_and_administrators_need_a_second_factor(action: str, letters: str) -> None:
    for letter, role in LETTERS.items():
        weak = letter in letters and (role not in (roles.OPERATOR, roles.ADMIN) or action.endswith(".read"))
        assert roles.allows(actor(role, factors=1), action, OWN) is weak
        assert roles.allows(actor(role, factors=1, kind="client"), action, OWN) is (letter in letters)


def test_a_refusal_names_the_missing_right_or_factor() -> None:
    for who, path, code in (
        (actor(roles.ADMIN, factors=1), OWN, "second_factor_needed"),
        (actor(roles.ADMIN, factors=1), BESIDE, "denied"),
        (actor(roles.ADMIN), ABOVE, "denied"),
        (actor(roles.SECRETARY), OWN, "denied"),
        (Actor("account"), OWN, "denied"),
    ):
        with pytest.raises(Refusal) as error:
            roles.require(who, "accounts.write", path)
        assert error.value.code == code
    for who, code in ((actor(roles.ADMIN, factors=1), "second_factor_needed"), (actor(roles.AUDITOR), "denied")):
        with pytest.raises(Refusal) as error:
            roles.require_anywhere(who, "accounts.write")
        assert error.value.code == code
    for who, code in ((actor(roles.ADMIN), "denied"), (actor(roles.ADMIN, ABOVE, 1), "second_factor_needed")):
        with pytest.raises(Refusal) as error:
            roles.require_everywhere(who, "settings.write")
        assert error.value.code == code
    roles.require_everywhere(actor(roles.ADMIN, ABOVE), "settings.write")


def test_the_command_and_the_server_itself_may() -> None:
    for who in (COMMAND, SYSTEM):
        assert roles.allows(who, "settings.write", OWN)
        assert roles.scopes(who, "org.write") is None
        assert roles.everywhere(who, "settings.write")
    with pytest.raises(KeyError):
        roles.allows(COMMAND, "no.such", OWN)


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts) + "/")
held = st.builds(Role, st.sampled_from(roles.ALL), st.just("u"), paths, whole=st.booleans())
people = st.builds(
    Actor, st.just("account"), roles=st.lists(held, max_size=6).map(tuple), factors=st.sampled_from([1, 2])
)


@given(people, st.sampled_from(sorted(roles.ACTIONS)), paths)
def test_scopes_and_single_questions_agree(who: Actor, action: str, path: str) -> None:
    scopes = roles.scopes(who, action)
    assert scopes is not None
    assert roles.allows(who, action, path) == any(path.startswith(one) for one in scopes)
    assert roles.anywhere(who, action) == bool(scopes)
    assert not roles.everywhere(who, action) or roles.anywhere(who, action)


@given(people, st.sampled_from(sorted(roles.ACTIONS)), paths, held)
def test_another_role_never_takes_anything_away(who: Actor, action: str, path: str, more: Role) -> None:
    richer = Actor("account", roles=(*who.roles, more), factors=2)
    assert not roles.allows(who, action, path) or roles.allows(richer, action, path)


@given(people, st.sampled_from(sorted(roles.ACTIONS)), paths, paths)
def test_what_is_allowed_above_is_allowed_below(who: Actor, action: str, above: str, rest: str) -> None:
    assert not roles.allows(who, action, above) or roles.allows(who, action, above + rest.lstrip("/"))
