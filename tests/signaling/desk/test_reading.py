"""The reader of the client's messages: honest messages, and hostile ones at the bounds and one beyond them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import PeerError
from signaling.desk import limits
from signaling.desk.reading import MOST, Hello, Order, Ping, Resume, parse, read
from signaling.host import limits as bounds


def test_the_three_messages() -> None:
    assert read('{"hello":{"token":"t"}}') == Hello(token="t")
    resumed = read('{"hello":{"token":"t","resume":{"session":"s","seq":0}}}')
    assert resumed == Hello(token="t", resume=Resume(session="s", seq=0))
    assert read('{"id":7,"do":"mute_one","with":{"identity":"ệ"}}') == Order(7, "mute_one", {"identity": "ệ"})
    assert read('{"id":1,"do":"mute_all"}') == Order(1, "mute_all", {})
    assert read('{"ping":5}') == Ping(5)


@pytest.mark.parametrize(
    "said",
    [
        b'{"ping":1}',
        "",
        "{",
        "null",
        "[]",
        "7",
        '"hello"',
        "{}",
        '{"hello":{}}',
        '{"hello":null}',
        '{"hello":{"token":""}}',
        '{"hello":{"token":5}}',
        '{"hello":{"token":"t","more":1}}',
        '{"hello":{"token":"t"},"ping":1}',
        '{"hello":{"token":"t","resume":{"session":"s"}}}',
        '{"hello":{"token":"t","resume":{"session":"s","seq":-1}}}',
        '{"hello":{"token":"t","resume":{"session":"s","seq":1.0}}}',
        '{"hello":{"token":"t","resume":{"session":"s","seq":"1"}}}',
        '{"hello":{"token":"t","resume":{"session":"s","seq":true}}}',
        '{"ping":-1}',
        '{"ping":true}',
        '{"ping":"1"}',
        '{"id":0,"do":"x"}',
        '{"id":1.5,"do":"x"}',
        '{"id":"1","do":"x"}',
        '{"id":1}',
        '{"id":1,"do":""}',
        '{"id":1,"do":["mute_one"]}',
        '{"id":1,"do":"x","with":[]}',
        '{"id":1,"do":"x","with":null}',
        '{"id":1,"do":"x","with_":{}}',
        '{"id":1,"do":"x","more":1}',
        '{"ping":NaN}',
        '{"ping":Infinity}',
        '{"ping":1e999}',
        '{"ping":' + "9" * 5000 + "}",
        '{"ping":1}{"ping":2}',
        '{"id":1,"do":"\\ud800"}',
        '{"id":1,"do":"x","with":{"\\udfff":1}}',
    ],
)
def test_a_message_that_no_honest_client_sends_is_an_error(said: Any) -> None:
    with pytest.raises(PeerError):
        read(said)


def test_nesting_at_the_bound_and_one_beyond() -> None:
    def nested(levels: int) -> str:
        return '{"a":' * levels + "1" + "}" * levels

    assert parse(nested(limits.NESTING))
    for levels in (limits.NESTING + 1, 2000):
        with pytest.raises(PeerError, match=r"nested|JSON"):
            parse(nested(levels))
    with pytest.raises(PeerError):
        parse("[" * limits.MESSAGE_BYTES)


def test_length_and_numbers_at_the_bound_and_one_beyond() -> None:
    assert parse(json.dumps("a" * (limits.MESSAGE_BYTES - 2)))
    with pytest.raises(PeerError, match="long"):
        parse(json.dumps("a" * (limits.MESSAGE_BYTES - 1)))
    assert read(f'{{"ping":{MOST}}}') == Ping(MOST)
    assert parse(f"-{MOST}") == -MOST
    for beyond in (f'{{"ping":{MOST + 1}}}', f'{{"id":1,"do":"x","with":{{"n":-{MOST + 1}}}}}'):
        with pytest.raises(PeerError):
            read(beyond)
    assert read(json.dumps({"hello": {"token": "t" * bounds.TOKEN_BYTES}}))
    with pytest.raises(PeerError):
        read(json.dumps({"hello": {"token": "t" * (bounds.TOKEN_BYTES + 1)}}))


@given(st.text(max_size=40) | st.text(alphabet='{}[]":,0123456789.eE-hello tokenpingiddowith', max_size=60))
def test_any_text_is_read_or_is_an_error_of_the_peer(said: str) -> None:
    try:
        read(said)
    except PeerError:
        return
