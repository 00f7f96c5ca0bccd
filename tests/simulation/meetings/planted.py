"""Planted bugs, which show that the simulation would find such a bug.

Each bug changes the text of some functions of the product, while a test runs. The text is compiled in the place of the function,
so tables and other modules call the changed function too. `tests/mutations` draws changes at random. These bugs are chosen.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from conference.chair import floor, roles, speech
from conference.chair.course import rollcall
from conference.chair.voting import box, cards, votes
from conference.door import admission


@dataclass(frozen=True)
class Change:
    """A change in one function: `old` stands there once, and becomes `new`."""

    function: Callable[..., Any]
    old: str
    new: str


@dataclass(frozen=True)
class Bug:
    """A planted bug. `rule`: the invariants that may find the bug."""

    name: str
    changes: tuple[Change, ...]
    rules: tuple[str, ...]
    seed: int
    """A seed whose meeting finds the bug early."""


BUGS: Final = (
    Bug(
        "two speakers",
        (Change(floor._call, "state.mode is not Mode.SEVERAL", "state.mode is Mode.DISCUSSION"),),
        ("one speaker",),
        3,
    ),
    Bug(
        "a grant without end",
        (Change(floor._tick, "if now >= one.over_at", "if now >= one.over_at + 1e9"),),
        ("every grant ends",),
        2,
    ),
    Bug(
        "undo twice",
        (
            Change(floor._take_back, "spoken=spoken, undo=None)", "spoken=spoken)"),
            Change(speech.Speech.take_back, "self._before = None", "pass"),
        ),
        ("an undo works once",),
        2,
    ),
    Bug(
        "a role for an absent person",
        (Change(roles._present, 'raise Refusal("participant_not_found")', "return Role.DELEGATE"),),
        ("no role for an absent person", "roles of those who are connected"),
        16,
    ),
    Bug(
        "a vote counted twice",
        (
            Change(votes._cast, "vote.secret and event.voter in vote.box.voted", "False"),
            Change(box.put, "assert voter not in box.voted", "pass"),
        ),
        ("one secret ballot", "ballots equal voters", "each ballot counts once"),
        3,
    ),
    Bug(
        "two phones with one card",
        (Change(cards.claimed, "not in taken", "not in set(vote.named)"),),
        ("one phone a card",),
        1,
    ),
    Bug(
        "cards with a ballot taken back",
        (Change(cards.withdrawn, "site_of(one) != site or vote.has_voted(one)", "site_of(one) != site"),),
        ("a phone with a ballot keeps its card",),
        1,
    ),
    Bug(
        "a ballot after the closing",
        (
            Change(
                votes.step,
                "TABLE.get((state, type(event)))",
                "TABLE.get((State.OPEN if type(event) is Cast and vote else state, type(event)))",
            ),
        ),
        ("no ballot after the closing", "no ballot is lost", "one secret ballot"),
        5,
    ),
    Bug(
        "a roll call that begins again after a restart",
        (Change(rollcall.from_json, '"rows": tuple', '"at": min(0, value["at"]), "rows": tuple'),),
        ("a restart keeps the roll call",),
        3,
    ),
    Bug(
        "an old token of a removed person",
        (Change(admission.decide, "grants.issued_at <= removed_at", "grants.issued_at > removed_at"),),
        ("who was removed stays out",),
        19,
    ),
)


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Run the product with the bug."""
    before = [(one.function, one.function.__code__) for one in bug.changes]
    try:
        for change in bug.changes:
            change.function.__code__ = _changed(change)
        yield
    finally:
        for function, code in before:
            function.__code__ = code


def _changed(change: Change) -> Any:
    source = textwrap.dedent(inspect.getsource(change.function))
    assert source.count(change.old) == 1, f"{change.old} does not stand once in {change.function.__qualname__}"
    made: dict[str, Any] = {}
    text = source.replace(change.old, change.new)
    code = compile(text, inspect.getsourcefile(change.function) or "", "exec", annotations.compiler_flag)
    exec(code, change.function.__globals__, made)
    return made[change.function.__name__].__code__
