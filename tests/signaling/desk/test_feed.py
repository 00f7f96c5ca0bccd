"""The feed of a channel: every state with every input, numbers without gaps, and the bounds with one more than the bound."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.desk import limits
from signaling.desk.feed import PATCH, TO_YOU, Feed, State
from tests.conference.chair.test_document import merged


class Source:
    """A document of one number, and a feed of it."""

    def __init__(self) -> None:
        self.value = 0
        self.feed = Feed(lambda: json.dumps({"value": self.value}))

    def change(self) -> None:
        self.value += 1
        self.feed.put(PATCH, json.dumps({"value": self.value}))


class Client:
    """A client that applies events, and checks their numbers."""

    def __init__(self) -> None:
        self.state: Any = None
        self.seq = 0
        self.wholes = 0
        self.skips = 0

    def hear(self, text: str) -> None:
        event = json.loads(text)
        if "whole" in event:
            assert event["seq"] > self.seq
            self.state = event["whole"]
            self.wholes += 1
            self.skips += event.get("skipped", False)
        else:
            assert event["seq"] == self.seq + 1, "no gap and no repetition"
            self.state = merged(self.state, event["patch"])
        self.seq = event["seq"]

    def drain(self, feed: Feed) -> None:
        while (text := feed.take()) is not None:
            self.hear(text)


def reading() -> Feed:
    feed = Feed(lambda: "{}")
    assert feed.take() == '{"seq":1,"whole":{}}'
    return feed


def test_the_state_whole_with_each_input() -> None:
    feed = Feed(lambda: '{"a":1}')
    assert (feed.state, feed.waits) == (State.WHOLE, True)
    feed.put(PATCH, '{"a":1}')
    assert not feed.resume(0), "nothing was given yet"
    feed.start_again()
    assert feed.take() == '{"seq":1,"whole":{"a":1}}', "the patch is in the whole document"
    assert (feed.state, feed.waits) == (State.READING, False)


def test_the_state_reading_with_each_input() -> None:
    feed = reading()
    assert feed.take() is None
    feed.put(PATCH, '{"a":2}')
    feed.put(TO_YOU, '{"b":3}')
    assert feed.waits
    assert feed.take() == '{"seq":2,"patch":{"a":2}}'
    assert feed.take() == '{"seq":3,"to_you":{"b":3}}'
    assert feed.resume(3)
    assert feed.take() is None
    assert feed.resume(1), "both events again"
    assert [feed.take(), feed.take()] == ['{"seq":2,"patch":{"a":2}}', '{"seq":3,"to_you":{"b":3}}']
    feed.start_again()
    assert feed.state is State.WHOLE
    assert feed.take() == '{"seq":4,"whole":{}}'


@pytest.mark.parametrize("seq", [0, 4, 2**53 - 1])
def test_a_number_that_the_client_did_not_get_is_not_resumed(seq: int) -> None:
    feed = reading()
    for _ in range(2):
        feed.put(PATCH, "{}")
        feed.take()
    assert not feed.resume(seq)
    assert feed.take() == '{"seq":4,"whole":{}}'


def test_as_many_events_as_the_limit_wait_and_one_more_is_skipped() -> None:
    source, client = Source(), Client()
    client.drain(source.feed)
    for _ in range(limits.EVENTS):
        source.change()
    client.drain(source.feed)
    assert (client.wholes, client.skips, client.seq) == (1, 0, limits.EVENTS + 1)
    for _ in range(limits.EVENTS + 1):
        source.change()
    client.drain(source.feed)
    assert (client.wholes, client.skips) == (2, 1)
    assert client.state == {"value": 2 * limits.EVENTS + 1}


@pytest.mark.parametrize("letter", ["a", "ệ"])
def test_as_many_bytes_as_the_limit_wait_and_one_more_is_skipped(letter: str) -> None:
    feed, room = reading(), limits.EVENT_BYTES - len(PATCH)
    text = f'"{letter * ((room - 2) // len(letter.encode()))}"'
    feed.put(PATCH, text + " " * (room - len(text.encode())))
    assert feed.state is State.READING
    feed.put(PATCH, "0")
    assert feed.take() == '{"seq":4,"whole":{},"skipped":true}'


def test_given_events_are_kept_for_a_resume_up_to_the_limit() -> None:
    feed = reading()
    for _ in range(limits.EVENTS):
        feed.put(PATCH, "{}")
        feed.take()
    assert feed.resume(1), "the limit"
    for _ in range(limits.EVENTS):
        feed.take()
    feed.put(PATCH, "{}")
    feed.take()
    assert feed.resume(2)
    feed.put(PATCH, "{}")
    assert not feed.resume(2), "one more"


@given(st.lists(st.sampled_from(["change", "read", "lose", "burst", "all"]), max_size=60), st.data())
def test_a_client_that_loses_its_connection_gets_every_state(steps: list[str], data: st.DataObject) -> None:
    """Lost connections lose a part of the messages that were sent. The client names the last event that it applied."""
    source, client = Source(), Client()
    for step in steps:
        if step == "change":
            source.change()
        elif step == "burst":
            for _ in range(limits.EVENTS // 2 + 1):
                source.change()
        elif step == "read" and (text := source.feed.take()) is not None:
            client.hear(text)
        elif step == "lose":
            for _ in range(data.draw(st.integers(0, 3))):
                source.feed.take()
            source.feed.resume(client.seq)
        elif step == "all":
            client.drain(source.feed)
            assert client.state == {"value": source.value}
    client.drain(source.feed)
    assert client.state == {"value": source.value}
    assert not source.feed.waits
