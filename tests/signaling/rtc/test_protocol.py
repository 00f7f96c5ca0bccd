"""The tables of PROTOCOL.md list every message of the protocol, agree with the code, and name tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from livekit.protocol import models, room, rtc

from conference.ground.lifecycle import What
from media.ground import limits as media_limits
from signaling.host import limits as http_limits
from signaling.rtc import admin
from signaling.rtc.session import requests, scenarios
from signaling.rtc.webhooks import EVENTS
from signaling.rtc.wire import limits
from tests.tidy.finding import files

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "signaling" / "rtc" / "PROTOCOL.md").read_text(encoding="utf-8")
HERE = {"yes", "part", "ignored", "refused", "no"}
WEBHOOKS = {
    "room_started",
    "room_finished",
    "participant_joined",
    "participant_left",
    "participant_connection_aborted",
    "track_published",
    "track_unpublished",
    "egress_started",
    "egress_updated",
    "egress_ended",
    "ingress_started",
    "ingress_ended",
}
"""Events without a descriptor in the package, from the reference documentation."""


def table(name: str) -> dict[str, tuple[str, str]]:
    """Return the table under the heading that ends with this name: for each message its column "here" and its test."""
    part = re.search(rf"^### [^\n]*`{name}`\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL)
    assert part is not None, f"no table of {name}"
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]*\|([^|]*)\|$", part[1], re.MULTILINE)
    assert len(rows) == len({row[0] for row in rows}), f"a message stands twice in {name}"
    return {message: (here, test.strip().strip("`")) for message, here, test in rows}


def test_the_documented_limits_equal_the_code() -> None:
    text = re.search(r"^## Framing and bounds\n(.*?)^##", TEXT, re.MULTILINE | re.DOTALL)
    assert text is not None
    words = " ".join(text[1].split())
    for told in (
        f"at most {limits.MESSAGE_BYTES >> 20} MiB (1009)",
        f"`sync_state` has at most {limits.OTHER_MESSAGE_BYTES >> 10} KiB",
        f"at most {limits.JSON_TOKENS:,} objects, lists and commas",
        f"at most {http_limits.WEBSOCKET_PIECES:,} pieces",
        f"more than {http_limits.WEBSOCKET_PIECE_S:.0f} s between two of them",
        f"at most {limits.MESSAGES_PER_S:.0f} messages a second with bursts of {limits.MESSAGES_BURST:,.0f},",
        f"{limits.BYTES_PER_S >> 20} MiB a second with bursts of {limits.BYTES_BURST >> 20} MiB",
        f"counts as {limits.JSON_TOKEN_BYTES} bytes more",
        f"counts with {limits.SMALL_PARTS} times its bytes",
        f"Each resume counts as {limits.RESUME_MESSAGES} messages",
        f"at most {media_limits.SDP_CHARACTERS >> 20} MiB, {media_limits.SDP_LINES:,} lines, {media_limits.SDP_SECTIONS} sec",
        f"together, {media_limits.SDP_CODEC_ENTRIES:,} lines",
        f"The bound is {limits.WAITING_BYTES >> 20} MiB or {limits.WAITING_MESSAGES:,} messages that wait",
    ):
        assert told in words


def members(message: type, oneof: str) -> set[str]:
    return {field.name for field in message.DESCRIPTOR.oneofs_by_name[oneof].fields}  # type: ignore[attr-defined]


TABLES = {
    "SignalRequest": members(rtc.SignalRequest, "message"),
    "SignalResponse": members(rtc.SignalResponse, "message"),
    "JoinRequest": set(rtc.JoinRequest.DESCRIPTOR.fields_by_name),
    "SimulateScenario": members(rtc.SimulateScenario, "scenario"),
    "DataPacket": members(models.DataPacket, "value"),
    "RoomService": set(room.DESCRIPTOR.services_by_name["RoomService"].methods_by_name),
    "WebhookEvent": WEBHOOKS,
}


@pytest.mark.parametrize("name", TABLES)
def test_every_message_has_a_row(name: str) -> None:
    rows = table(name)
    assert set(rows) == TABLES[name]
    assert {here for here, _ in rows.values()} <= HERE


def test_every_parameter_has_a_row() -> None:
    """Show that the table lists every parameter that the code reads. The code reads every parameter that the table calls read."""
    assert f"Each parameter has at most {limits.QUERY_VALUE_BYTES >> 10} KiB;" in TEXT
    read = parameters("wire/join.py") | parameters("sockets.py")
    rows = table("/rtc")
    assert {here for here, _ in rows.values()} <= HERE - {"no"}
    assert {name for name, (here, _) in rows.items() if here != "ignored"} == read


def parameters(file: str) -> set[str]:
    """Return the names that this file reads from a query. The file may use only `query.get` with a constant name."""
    tree = ast.parse((ROOT / "signaling" / "rtc" / file).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(ast.Attribute(ast.Name("query"), "get"), [ast.Constant(str(name)), *_]):
                names.add(name)
            case ast.Call(ast.Attribute(ast.Name("query"), "values"), []):
                pass  # the lengths of the values
            case (
                ast.Call(ast.Attribute(ast.Name("query")))
                | ast.Subscript(ast.Name("query"))
                | ast.Compare(comparators=[ast.Name("query")])
            ):
                raise AssertionError(f"{file}:{node.lineno}: {ast.unparse(node)}")
    return names


@pytest.mark.parametrize("name", [*TABLES, "/rtc"])
def test_the_named_tests_exist(name: str) -> None:
    for message, (here, test) in table(name).items():
        assert test or here == "no", f"{message} has no test"
        if test:
            place, _, function = test.partition("::")
            assert function in functions(place), f"{message}: no test {test}"


def test_the_tests_named_in_sentences_exist() -> None:
    for place, function in re.findall(r"`([\w/]+)::(\w+)`", TEXT):
        assert function in functions(place), f"no test {place}::{function}"


@cache
def functions(place: str) -> frozenset[str]:
    """Return the names of the tests in the one file below tests/ whose path ends with this place."""
    found = [
        path
        for path in files(ROOT, "tests", suffixes=(".py",))
        if path.with_suffix("").as_posix().endswith(f"/{place}")
    ]
    assert len(found) == 1, f"{place}: {found}"
    body = ast.walk(ast.parse(found[0].read_text(encoding="utf-8")))
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_the_tables_say_what_the_code_does() -> None:
    asked = {name for name, (here, _) in table("SignalRequest").items() if here in ("yes", "part")}
    assert asked == set(requests.TABLE) - {"trickle"}, "trickle is read, and nothing follows"
    played = {name for name, (here, _) in table("SimulateScenario").items() if here in ("yes", "part")}
    assert played == set(scenarios.TABLE)
    assert set(table("RoomService")) == set(admin.METHODS)
    told = {name for name, (here, _) in table("WebhookEvent").items() if here == "yes"}
    assert told == set(EVENTS.values())
    assert set(EVENTS) == set(What)
