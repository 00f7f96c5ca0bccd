"""`/desk` of a real server over real sockets: hello, events, orders, resume, bounds, and the end of rights."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from livekit.protocol import rtc
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from conference import Passage
from signaling.desk import limits
from tests.conftest import LiveServer
from tests.signaling.desk.desk_client import WAIT_S, DeskClient, Meeting

HOST = {"passage": Passage.HOST}
MEMBER = [
    "ask_floor",
    "ballot",
    "chat_lines",
    "chat_say",
    "end_turn",
    "hands",
    "my_ballot",
    "report_delegates",
    "report_link",
    "vote_withdraw",
    "withdraw_floor",
]
"""The orders of a delegate: the own request to speak and turn, the own ballot, the chat, the report and the cards of the site."""


@pytest.fixture
def meeting(live_server: LiveServer, now: float, request: pytest.FixtureRequest) -> Meeting:
    return Meeting(live_server, f"desk-{request.node.name[:50]}", now)


def people(client: DeskClient) -> dict[str, Any]:
    return dict(client.state.get("people", {})) if client.state else {}


def part(client: DeskClient, section: str) -> dict[str, Any]:
    return dict(client.state.get(section, {})) if client.state else {}


async def raise_hand(socket: ClientConnection, identity: str) -> None:
    facts = rtc.UpdateParticipantMetadata(attributes={"hand": "1"})
    await socket.send(rtc.SignalRequest(update_metadata=facts).SerializeToString())


async def rest(meeting: Meeting, order: str, token: str, **fields: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=meeting.server.url, timeout=WAIT_S) as web:
        path = f"/api/v1/conferences/{meeting.name}/desk/{order}"
        return await web.post(path, json=fields, headers={"authorization": f"Bearer {token}"})


async def test_a_pass_for_a_closed_network_opens_no_channel_without_tls(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an", network="127.0.0.0/8")) as client:
        assert client.refused["code"] == "encryption_needed"


async def test_a_participant_reads_the_document_and_its_changes(meeting: Meeting) -> None:
    async with meeting.call("an") as an, meeting.desk(meeting.token("an")) as client:
        told = client.welcome
        assert (told["identity"], told["name"], told["audience"]) == ("an", "An", "member")
        assert sorted(told["orders"]) == MEMBER
        assert told["resumed"] is False
        await client.until(lambda: people(client).get("an"))
        assert client.state["meeting"]["name"] == meeting.name
        assert people(client)["an"] == {"n": "An"}
        async with meeting.call("bình", **HOST):
            await client.until(lambda: "bình" in people(client))
            assert people(client)["bình"] == {"n": "Bình", "r": "chair"}
            await raise_hand(an, "an")
            await client.until(lambda: people(client)["an"].get("h"))
            await client.send({"ping": 3})
            await client.until(lambda: client.said[-1].get("pong") == 3)
            assert client.said[-1]["clock"] >= told["clock"]


async def test_a_host_outside_the_call_orders_and_the_answer_comes(meeting: Meeting) -> None:
    async with meeting.call("an") as an, meeting.desk(meeting.key()) as host:
        assert host.welcome["audience"] == "host"
        assert "mute_all" in host.welcome["orders"]
        assert "key" not in host.welcome, "a host with a key has one"
        await raise_hand(an, "an")
        await host.until(lambda: people(host).get("an", {}).get("h"))
        assert await host.order(1, "lower_hand", identity="an") == {"re": 1, "ok": {}}
        await host.until(lambda: "h" not in people(host)["an"])
        gone = await host.order(2, "mute_one", identity="nobody")
        assert gone["refused"]["code"] == "participant_not_found"
        assert gone["refused"]["vi"] == "Người này đã rời cuộc họp."
        made = await host.order(3, "mute_all")
        assert made["ok"]["muted"] == 0
        assert (await host.order(4, "mute_all_undo", undo=made["ok"]["undo"]))["ok"] == {"unmuted": 0, "asked": 0}


async def test_a_desk_without_a_call_reads_and_writes_the_chat(meeting: Meeting) -> None:
    async with (
        meeting.call("an"),
        meeting.call("bình"),
        meeting.desk(meeting.token("an")) as an,
        meeting.desk(meeting.token("bình")) as binh,
        meeting.desk(meeting.key()) as host,
    ):
        assert (await host.order(1, "chat_lines"))["ok"] == {"lines": [], "more": False}
        said = (await an.order(1, "chat_say", text=" Kính báo "))["ok"]
        assert (said["writer"], said["name"], said["text"]) == ("an", "An", "Kính báo")
        await host.until(lambda: part(host, "chat").get("last") == said["id"])
        assert (await host.order(2, "chat_lines"))["ok"]["lines"] == [said]
        own = (await host.order(3, "chat_say", text="Đã rõ", to="an", reply=said["id"]))["ok"]
        assert (await an.order(2, "chat_lines", since=said["id"]))["ok"]["lines"] == [own]
        assert (await binh.order(1, "chat_lines"))["ok"]["lines"] == [said], "a private line is for its two people"
        back = (await an.order(3, "chat_say", text="Vâng", to=own["writer"]))["ok"]
        await host.until(lambda: any(one.get("to_you") == {"chat": back["id"]} for one in host.said))
        assert back["to_name"] == host.welcome["name"]
        await host.order(4, "set_rules", chat_off="all")
        assert (await an.order(4, "chat_say", text="x"))["refused"]["code"] == "chat_off"
        assert "chat" not in an.state, "members read the chat in the call"


@pytest.mark.parametrize(
    ("order", "fields", "code"),
    [
        ("fly", {}, "order_unknown"),
        ("mute_one", {}, "order_unreadable"),
        ("mute_one", {"identity": 5}, "order_unreadable"),
        ("mute_one", {"identity": ["an"]}, "order_unreadable"),
        ("mute_one", {"identity": "an", "more": 1}, "order_unreadable"),
        ("mute_all", {"identity": "an"}, "order_unreadable"),
        ("remove", {"identity": "an", "keep_out": "yes"}, "order_unreadable"),
        ("extend", {"minutes": 16}, "order_unreadable"),
    ],
)
async def test_a_wrong_order_is_refused_and_the_channel_goes_on(
    meeting: Meeting, order: str, fields: dict[str, Any], code: str
) -> None:
    async with meeting.call("an"), meeting.desk(meeting.key()) as host:
        assert (await host.order(1, order, **fields))["refused"]["code"] == code
        assert "ok" in await host.order(2, "mute_one", identity="an")


async def test_a_member_may_give_no_order_of_a_host(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.call("bình"), meeting.desk(meeting.token("an")) as member:
        for number, name in enumerate(("mute_one", "remove", "lower_hand"), 1):
            assert (await member.order(number, name, identity="bình"))["refused"]["code"] == "not_allowed"
        answer = await rest(meeting, "remove", meeting.token("an"), identity="bình")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_the_chair_gives_the_floor_and_takes_it_back(meeting: Meeting) -> None:
    async with (
        meeting.call("an") as an,
        meeting.call("chủ trì", **HOST),
        meeting.desk(meeting.token("chủ trì", **HOST)) as chair,
        meeting.desk(meeting.token("an")) as member,
    ):
        assert (await chair.order(1, "set_floor_mode", mode="one"))["ok"] == {}
        await raise_hand(an, "an")
        await member.until(lambda: part(member, "queue"))
        made = (await chair.order(2, "call_speaker", identity="an", time_s=60))["ok"]
        await member.until(lambda: part(member, "floor").get("stage") == "an" and not part(member, "queue"))
        turn = part(member, "floor")["turns"][0]
        assert (turn["id"], turn["ends_at"] - turn["since"]) == ("an", 60_000)
        assert (await member.order(1, "call_speaker", identity="an"))["refused"]["code"] == "not_allowed"
        assert (await chair.order(3, "undo", undo=made["undo"]))["ok"] == {"unmuted": 0, "asked": 0}
        await member.until(lambda: part(member, "queue") and "turns" not in part(member, "floor"))
        assert (await chair.order(4, "lock", locked=True))["ok"] == {}
        await member.until(lambda: part(member, "rules").get("locked"))
        assert (await chair.order(5, "hand_over", identity="an"))["ok"] == {}
        await member.until(lambda: part(member, "chair") == {"id": "an", "phase": "held"})


async def test_people_end_their_own_turn_and_no_other(meeting: Meeting) -> None:
    async with (
        meeting.call("chủ trì", **HOST),
        meeting.call("an"),
        meeting.desk(meeting.token("chủ trì", **HOST)) as chair,
        meeting.desk(meeting.token("an")) as own,
    ):
        assert "ok" in await chair.order(1, "call_speaker", identity="an")
        await own.until(lambda: own.state.get("floor", {}).get("turns"))
        assert (await own.order(1, "end_turn"))["refused"]["code"] == "not_allowed", "all turns"
        assert (await own.order(2, "end_turn", identity="chủ trì"))["refused"]["code"] == "not_allowed"
        assert "ok" in await own.order(3, "end_turn", identity="an")
        await chair.until(lambda: not chair.state.get("floor", {}).get("turns"))


async def test_a_new_role_changes_what_a_desk_reads_and_may_order(meeting: Meeting) -> None:
    async with (
        meeting.call("chủ trì", **HOST),
        meeting.call("an"),
        meeting.desk(meeting.token("chủ trì", **HOST)) as chair,
        meeting.desk(meeting.token("an")) as own,
    ):
        await own.until(lambda: own.state)
        assert own.welcome["role"] == "delegate"
        assert "ok" in await chair.order(1, "appoint", identity="an", role="secretary")
        await own.until(lambda: "rights" in own.said[-1])
        told = own.said[-1]["rights"]
        assert (told["audience"], told["role"]) == ("host", "secretary")
        assert "mute_all" in told["orders"]
        await own.until(lambda: "whole" in own.events[-1] and own.seq > 1)
        assert "ok" in await own.order(1, "mute_all")
        assert "ok" in await chair.order(2, "appoint", identity="an", role="delegate")
        assert (await own.order(2, "mute_all"))["refused"]["code"] == "not_allowed"


async def test_an_order_that_is_sent_again_is_not_performed_again(meeting: Meeting) -> None:
    async with meeting.call("an") as an, meeting.desk(meeting.key()) as host:
        first = await host.order(5, "mute_all")
        assert await host.order(5, "mute_all") == first, "the same undo"
        await raise_hand(an, "an")
        await host.until(lambda: people(host).get("an", {}).get("h"))
        assert (await host.order(4, "lower_hand", identity="an"))["refused"]["code"] == "order_old"
        assert people(host)["an"].get("h")


async def test_a_lost_connection_is_resumed_without_gap_and_with_its_answer(meeting: Meeting) -> None:
    async with meeting.call("an") as an:
        async with meeting.desk(meeting.key()) as client:
            await client.until(lambda: people(client).get("an"))
            answer = await client.order(1, "mute_all")
            session, seq, state = client.welcome["session"], client.seq, client.state
            client.socket.transport.abort()
        await raise_hand(an, "an")
        async with meeting.desk(meeting.key()) as other:  # the hand has reached the document
            await other.until(lambda: people(other).get("an", {}).get("h"))
        async with meeting.socket() as client:
            client.seq, client.state = seq, state
            await client.send({"hello": {"token": meeting.key(), "resume": {"session": session, "seq": seq}}})
            await client.until(lambda: people(client)["an"].get("h"))
            assert client.welcome["resumed"] is True
            assert client.welcome["session"] != session
            assert [next(iter(set(one) - {"seq"})) for one in client.events] == ["patch"] * len(client.events)
            assert await client.order(1, "mute_all") == answer
        async with meeting.desk(meeting.key(), {"session": session, "seq": seq}) as late:
            assert late.welcome["resumed"] is False, "a session resumes once"


async def test_a_second_socket_takes_the_channel_from_a_half_dead_one(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.key()) as old:
        await old.until(lambda: old.state)
        resume = {"session": old.welcome["session"], "seq": old.seq}
        async with meeting.desk(meeting.key(), resume) as new:
            assert new.welcome["resumed"] is True
            assert await old.closed() == 4001


async def test_nobody_resumes_the_channel_of_another(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.call("bình"), meeting.desk(meeting.token("an")) as own:
        await own.until(lambda: own.state)
        resume = {"session": own.welcome["session"], "seq": own.seq}
        async with meeting.desk(meeting.token("bình"), resume) as other:
            assert other.welcome["resumed"] is False
            assert other.welcome["identity"] == "bình"
        assert (await own.order(1, "fly"))["refused"]["code"] == "order_unknown", "the own channel goes on"


async def test_a_removed_participant_loses_its_desk_and_its_key(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as client, meeting.desk(meeting.key()) as host:
        assert "ok" in await host.order(1, "remove", identity="an")
        assert await client.closed() == 4003
        assert client.refused["code"] in ("removed", "not_in_call")
        for token in (meeting.token("an"), client.welcome["key"]):
            async with meeting.desk(token) as again:
                assert again.refused["code"] in ("removed", "not_in_call")
                assert await again.closed() == 1008


async def test_a_key_of_the_welcome_opens_the_desk_and_no_call(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as first:
        async with meeting.desk(first.welcome["key"]) as again:
            assert again.welcome["identity"] == "an"
        async with httpx.AsyncClient() as web:
            answer = await web.get(f"{meeting.server.url}/rtc/validate?access_token={first.welcome['key']}")
            assert answer.status_code == 401


async def test_a_participant_who_leaves_loses_the_desk(meeting: Meeting) -> None:
    async with meeting.call("bình"), meeting.call("an") as an, meeting.desk(meeting.token("an")) as client:
        await an.send(rtc.SignalRequest(leave=rtc.LeaveRequest()).SerializeToString())
        assert await client.closed() == 4003
        assert client.refused["code"] == "not_in_call"


async def test_the_end_of_the_meeting_ends_every_desk(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.token("an")) as client, meeting.desk(meeting.key()) as host:
        await host.send({"id": 1, "do": "end"})
        assert [await client.closed(), await host.closed()] == [4004, 4004]
        assert client.refused["code"] == "over"
    async with meeting.desk(meeting.key()) as late:
        assert late.refused["code"] == "conference_not_found"


async def test_the_rest_twin_of_each_order_does_the_same(meeting: Meeting) -> None:
    async with meeting.call("an") as an, meeting.desk(meeting.key()) as host:
        await raise_hand(an, "an")
        await host.until(lambda: people(host).get("an", {}).get("h"))
        answer = await rest(meeting, "lower_hand", meeting.key(), identity="an")
        assert (answer.status_code, answer.json()) == (200, {})
        await host.until(lambda: "h" not in people(host)["an"])
        described = httpx.get(f"{meeting.server.url}/api/v1/openapi.json", timeout=WAIT_S).json()
        for order in host.welcome["orders"]:
            operation = described["paths"][f"/conferences/{{conference}}/desk/{order}"]["post"]
            assert operation["description"]
        elsewhere = Meeting(meeting.server, "desk-elsewhere", 0)
        assert (await rest(elsewhere, "mute_all", meeting.key())).json()["code"] == "denied"
        assert (await rest(meeting, "mute_all", "x")).json()["code"] == "token_malformed"
        assert (await rest(meeting, "mute_one", meeting.key(), identity="an", more=1)).status_code == 400


@pytest.mark.parametrize(
    "said",
    ["{", "[" * 9000, '{"ping":' + "9" * 400 + "}", '{"id":"1","do":"x"}', b"\x00", '{"hello":{"token":"t"}}'],
    ids=["json", "nesting", "number", "type", "bytes", "second hello"],
)
async def test_a_hostile_message_ends_its_own_channel_only(meeting: Meeting, said: str | bytes) -> None:
    async with meeting.call("an"), meeting.desk(meeting.key()) as other, meeting.desk(meeting.key("b")) as hostile:
        await hostile.send(said)
        assert await hostile.closed() == 1007
        assert "ok" in await other.order(1, "mute_all")


async def test_a_message_beyond_the_bound_closes_a_socket_without_a_token(meeting: Meeting) -> None:
    async with meeting.socket() as client:
        await client.send("a" * (limits.MESSAGE_BYTES + 1))
        assert await client.closed() == 1009


async def test_a_wrong_first_message_closes_the_socket(meeting: Meeting) -> None:
    async with meeting.socket() as client:
        await client.send({"ping": 1})
        assert await client.closed() == 1007
    async with meeting.desk("x") as client:
        assert client.refused["code"] == "token_malformed"
        assert await client.closed() == 1008


async def test_a_page_of_another_origin_opens_no_desk(meeting: Meeting) -> None:
    from websockets.asyncio.client import connect

    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{meeting.server.ws_url}/desk", additional_headers={"origin": "https://evil.example"})
    assert refused.value.response.status_code == 403


async def test_a_flood_of_messages_ends_the_channel(meeting: Meeting) -> None:
    async with meeting.call("an"), meeting.desk(meeting.key()) as client:
        for number in range(int(limits.MESSAGES_BURST * 3)):
            client.socket.transport.write(frame(json.dumps({"ping": number})))
        assert await client.closed() == 1008
        assert len([one for one in client.said if "pong" in one]) >= limits.MESSAGES_BURST


async def test_one_channel_more_than_the_limit_closes_the_oldest(meeting: Meeting) -> None:
    async with meeting.call("an"), AsyncExitStack() as open_:
        oldest, *_ = [
            await open_.enter_async_context(meeting.desk(meeting.key())) for _ in range(limits.CHANNELS_OF_IDENTITY)
        ]
        assert "ok" in await oldest.order(1, "mute_all")
        newest = await open_.enter_async_context(meeting.desk(meeting.key()))
        assert await oldest.closed() == 4002
        assert "ok" in await newest.order(1, "mute_all")


async def test_a_server_that_stops_says_so(own_server: Any, now: float) -> None:
    meeting = Meeting(own_server(), "dừng", now)
    async with meeting.call("an"), meeting.desk(meeting.key()) as client:
        meeting.server.process.terminate()
        assert await client.closed() in (1001, 1012)
    assert await asyncio.to_thread(meeting.server.process.wait, 20) in (0, -15)


def frame(text: str) -> bytes:
    """Return a masked text frame (RFC 6455 §5.2) with a mask of zeros."""
    data = text.encode()
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data), 0, 0, 0, 0]) + data
