"""The desk document: its patches lead from state to state, and each audience reads its own sections."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import limits
from conference.chair.document import AUDIENCES, Audience, Document
from tests.conference.doubles import Time

SECTIONS = ("floor", "roll")
KEYS = ("an", "binh")
SCALARS = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "một", 1.0])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner)
)
PUTS = st.tuples(st.just("put"), st.sampled_from(SECTIONS), VALUES, st.booleans())
ROWS = st.tuples(
    st.just("row"), st.sampled_from(KEYS), st.none() | st.dictionaries(st.sampled_from("mch"), SCALARS), st.booleans()
)
STEPS = st.lists(PUTS | ROWS | st.just(("turn", "", None, False)), max_size=30)


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7396 §2 says."""
    if not isinstance(patch, dict):
        return patch
    made = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made


class Reader:
    """A client that applies each patch to the document that it got first."""

    def __init__(self, document: Document, audience: Audience = "host") -> None:
        self.state = json.loads(document.whole(audience))
        self.patches: list[str] = []
        self.leave = document.subscribe(audience, self.hear)

    def hear(self, patch: str) -> None:
        self.patches.append(patch)
        self.state = merged(self.state, json.loads(patch))


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def document(time: Time) -> Document:
    return Document(time, time)


@given(STEPS, st.integers(0, 30))
def test_patches_lead_to_the_whole(steps: list[Any], late: int) -> None:
    time = Time()
    document = Document(time, time)
    readers = [(one, Reader(document, one)) for one in AUDIENCES]
    for number, (kind, name, value, host_only) in enumerate(steps):
        if number == late:
            readers += [(one, Reader(document, one)) for one in AUDIENCES]
        if kind == "put":
            document.put(name, value, host_only=host_only)
        elif kind == "row":
            document.put_row("people", name, value, host_only=host_only)
        else:
            time.advance(1)
    time.advance(1)
    for audience, reader in readers:
        # As texts: in Python 1, 1.0 and True are equal.
        expected = json.loads(document.whole(audience))
        assert json.dumps(reader.state, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_one_turn_is_one_patch_and_one_text(document: Document, time: Time) -> None:
    first, second = Reader(document), Reader(document)
    document.put("floor", {"mode": "one", "queue": []})
    document.put_row("people", "an", {"n": "An"})
    document.put_row("people", "an", {"n": "An", "m": 1})
    assert first.patches == []
    time.turn()
    assert [json.loads(one) for one in first.patches] == [
        {"floor": {"mode": "one", "queue": []}, "people": {"an": {"n": "An", "m": 1}}}
    ]
    assert first.patches[0] is second.patches[0], "encoded once"


def test_a_patch_holds_only_what_differs(document: Document, time: Time) -> None:
    document.put("floor", {"mode": "one", "speaker": {"who": "an", "since": 1}})
    document.put_row("people", "an", {"n": "An", "m": 1})
    document.put_row("people", "binh", {"n": "Bình"})
    time.turn()
    reader = Reader(document)
    document.put("floor", {"mode": "one", "speaker": {"who": "binh", "since": 1}})
    document.put_row("people", "an", {"n": "An"})
    document.put_row("people", "binh", {"n": "Bình"})
    time.advance(1)
    assert json.loads(reader.patches[0]) == {"floor": {"speaker": {"who": "binh"}}, "people": {"an": {"m": None}}}


def test_a_change_taken_back_in_its_turn_is_not_told(document: Document, time: Time) -> None:
    document.put_row("people", "an", {"n": "An"})
    time.turn()
    reader = Reader(document)
    document.put_row("people", "an", None)
    document.put_row("people", "an", {"n": "An"})
    time.advance(1)
    assert reader.patches == []


def test_a_member_reads_no_section_of_the_hosts(document: Document, time: Time) -> None:
    host, member = Reader(document), Reader(document, "member")
    document.put("lobby", {"waiting": 2}, host_only=True)
    time.turn()
    assert len(host.patches) == 1
    assert member.patches == []
    assert json.loads(document.whole("member")) == {}


def test_a_private_message_reaches_one_participant(document: Document) -> None:
    heard: dict[str, list[str]] = {"an": [], "binh": []}
    leave = document.listen("an", heard["an"].append)
    document.listen("binh", heard["binh"].append)
    document.tell("an", {"warning": "one_minute"})
    leave()
    document.tell("an", {"warning": "over"})
    assert heard == {"an": ['{"warning":"one_minute"}'], "binh": []}


def test_a_reader_that_left_hears_nothing(document: Document, time: Time) -> None:
    reader = Reader(document)
    reader.leave()
    document.put("floor", {"mode": "one"})
    time.turn()
    assert reader.patches == []


def test_many_readers_hear_fast_changes_together(document: Document, time: Time) -> None:
    readers = [Reader(document) for _ in range(500)]
    for number in range(10):
        document.put("floor", {"number": number})
        time.advance(0.001)
    time.advance(500 * limits.DESK_SUBSCRIBER_S)
    assert len(readers[0].patches) == 2
    assert readers[0].state == {"floor": {"number": 9}}
