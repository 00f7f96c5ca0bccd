"""The chat of the server: who reads a line, late comers, refusals, bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conference import Passage, limits
from conference.chair.rules import Set, Whom
from conference.data.chat import TOPIC
from conference.ports.proceedings import ChatLine
from tests.conference.doubles import World
from tests.conference.parties import Party


@pytest.fixture
def world() -> World:
    return World()


def ask(party: Party, **message: Any) -> None:
    party.peer.hear("_reliable", b"|chat:" + json.dumps(message).encode())


def told(party: Party) -> list[dict[str, Any]]:
    """Return what the server sent to the chat of this participant since the last call."""
    found = [json.loads(data.partition(b"|")[2]) for _, data in party.peer.sent if data.startswith(TOPIC.encode())]
    party.peer.sent.clear()
    return found


def foreign(party: Party) -> list[bytes]:
    """Return the lines that this participant got in the way of foreign clients."""
    return [data for _, data in party.peer.sent if b"|line:" in data]


def texts(answers: list[dict[str, Any]]) -> list[str]:
    return [line["text"] for part in answers for line in part["lines"]]


def test_a_line_gets_a_number_and_a_time_and_reaches_everybody(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    ask(ann, say=" Chào ", key="k1")
    (own,), (other,) = told(ann), told(ben)
    assert own == other | {"key": "k1"}
    line = other["line"]
    assert (line["from"], line["name"], line["text"]) == ("ann", "Ann", "Chào")
    assert line["at"] == round(world.time.time() * 1000)
    ask(ben, say="Vâng", reply=line["id"])
    assert told(ann)[0]["line"]["reply"] == line["id"]


def test_a_late_comer_gets_the_lines_so_far_and_then_only_later_ones(world: World) -> None:
    ann = Party(world, "ann")
    for text in ("một", "hai", "ba"):
        ask(ann, say=text)
    late = Party(world, "late")
    ask(late, since="")
    (answer,) = told(late)
    assert answer["end"] is True
    assert texts([answer]) == ["một", "hai", "ba"]
    ask(late, since=answer["lines"][1]["id"])
    assert texts(told(late)) == ["ba"]
    ask(late, since="forgotten long ago")
    assert texts(told(late)) == ["một", "hai", "ba"]


def test_a_private_line_reaches_only_its_two_people_also_later(world: World) -> None:
    ann, ben, eve = Party(world, "ann"), Party(world, "ben"), Party(world, "eve")
    ask(ann, say="riêng", to="ben")
    secret = told(ben)[0]["line"]
    assert secret["to"] == "ben"
    assert told(ann)[0]["line"]["to_name"] == "Ben"
    assert told(eve) == []
    for party in (ann, ben, eve):
        ask(party, since="")
    assert [texts(told(party)) for party in (ann, ben, eve)] == [["riêng"], ["riêng"], []]
    ask(eve, say="?", reply=secret["id"])
    assert told(eve)[0]["refused"]["code"] == "line_unknown", "nobody learns of a private line"


def test_refusals_say_why_and_reach_the_sender_only(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    for message, code in (
        ({"say": "  "}, "chat_too_long"),
        ({"say": "x" * (limits.CHAT_CHARACTERS + 1)}, "chat_too_long"),
        ({"say": "x", "to": "nobody"}, "participant_not_found"),
        ({"say": "x", "reply": "nothing"}, "line_unknown"),
    ):
        ask(ann, **message, key="k")
        (answer,) = told(ann)
        assert (answer["refused"]["key"], answer["refused"]["code"]) == ("k", code)
        assert answer["refused"]["vi"]
        assert answer["refused"]["en"]
    ask(ann, say="x" * limits.CHAT_CHARACTERS)
    assert "line" in told(ann)[0]
    assert len(told(ben)) == 1


def test_a_rule_switches_the_chat_off_also_between_foreign_clients(world: World) -> None:
    """Leaders may always write."""
    chair, ben = Party(world, "chair", passage=Passage.HOST), Party(world, "ben")
    conference = chair.conference
    by = conference.machines.by("chair", "Chair", "desk")
    conference.chair.set_rules(by, Set(chat_off=Whom.ALL))
    chair.peer.sent.clear()
    ask(ben, say="x")
    assert told(ben)[0]["refused"]["code"] == "chat_off"
    for party in (ben, chair):
        party.peer.hear("_reliable", b"|foreign:xin")
    assert chair.peer.sent == []
    assert ben.peer.sent == [("_reliable", b"chair|foreign:xin")]
    assert conference.data.drops == {"chat": 1}
    ben.peer.sent.clear()
    ask(chair, say="y")
    assert told(ben)[0]["line"]["text"] == "y"


def test_a_desk_without_a_call_writes_and_gets_private_lines(world: World) -> None:
    ann, ben, app = Party(world, "ann"), Party(world, "ben"), Party(world, "app")
    for party in (ann, ben):
        ask(party, since="")
    chat = ann.conference.chat
    ask(ann, say="riêng", to="desk")
    assert told(ann)[-1]["refused"]["code"] == "participant_not_found", "nobody reads the chat at a desk yet"
    assert chat.lines("desk", "Thư ký", "") == ([], False)
    told(ben)
    app.peer.sent.clear()
    line = chat.write("desk", "Thư ký", " Chào ")
    shown = told(ben)[0]["line"]
    assert (shown["id"], shown["from"], shown["name"], shown["text"]) == (line.id, "desk", "Thư ký", "Chào")
    assert foreign(app) == [b"desk|line:Ch\xc3\xa0o"]
    ask(ann, say="riêng", to="desk")
    assert told(ann)[-1]["line"]["to_name"] == "Thư ký"
    assert told(ben) == []
    lines, more = chat.lines("desk", "Thư ký", line.id)
    assert ([one.text for one in lines], more) == (["riêng"], False)
    assert chat.lines("other desk", "Khác", line.id) == ([], False)
    heard: list[str] = []
    ann.conference.document.listen("desk", heard.append)
    ask(ben, say="mật", to="desk")
    assert heard == [f'{{"chat":"{told(ben)[-1]["line"]["id"]}"}}']


def test_a_desk_gets_the_lines_in_parts_and_the_number_of_desks_is_bounded(world: World) -> None:
    ann = Party(world, "ann")
    chat = ann.conference.chat
    for _ in range(8):
        chat.write("ann", "Ann", "x" * limits.CHAT_CHARACTERS)
    first, more = chat.lines("desk", "Desk", "")
    rest, end = chat.lines("desk", "Desk", first[-1].id)
    assert (len(first), more, len(first) + len(rest), end) == (5, True, 8, False)
    for number in range(limits.CHAT_DESKS):
        chat.lines(f"desk {number}", "Desk", "")
    ask(ann, say="?", to="desk", key="k")
    assert told(ann)[-1]["refused"]["code"] == "participant_not_found", "the oldest desk is forgotten"
    ask(ann, say="?", to="desk 0")
    assert told(ann)[-1]["line"]["to"] == "desk 0"


def test_our_lines_reach_foreign_clients_as_lines_of_their_writers(world: World) -> None:
    ann, ben, app, eve = (Party(world, name) for name in ("ann", "ben", "app", "eve"))
    ask(ben, since="")
    for party in (ben, app, eve):
        party.peer.sent.clear()
    ask(ann, say="Chào")
    ask(ann, say="riêng", to="app")
    assert foreign(app) == [b"ann|line:Ch\xc3\xa0o", b"ann|line:ri\xc3\xaang"]
    assert foreign(eve) == [b"ann|line:Ch\xc3\xa0o"]
    assert foreign(ann) == foreign(ben) == [], "pages read the chat of the server"


def test_lines_of_foreign_clients_reach_our_pages_once_and_late_comers(world: World) -> None:
    ann, ben, app = Party(world, "ann"), Party(world, "ben"), Party(world, "app")
    for party in (ann, ben):
        ask(party, since="")
        told(party)
    for raw in (
        b"|stream:1: xin ",
        b"|stream:1: xin ",
        b"ben|stream:2:only ben",
        b"|stream:3:" + b"x" * 9000,
        b"|stream:4: ",
    ):
        app.peer.hear("_reliable", raw)
    long = "x" * limits.CHAT_CHARACTERS
    (line, *_), others = told(ann), told(ben)
    assert (line["line"]["from"], line["line"]["name"], line["line"]["text"]) == ("app", "App", "xin")
    assert [one["line"]["text"] for one in others] == ["xin", "only ben", long]
    late = Party(world, "late")
    ask(late, since="")
    assert texts(told(late)) == ["xin", long]
    assert told(app) == []


def test_foreign_lines_too_fast_or_barred_are_not_kept(world: World) -> None:
    chair, app = Party(world, "chair", passage=Passage.HOST), Party(world, "app")
    for number in range(limits.CHAT_BURST + 2):
        app.peer.hear("_reliable", b"|stream:%d:x" % number)
    chair.conference.chair.set_rules(chair.conference.machines.by("chair", "Chair", "desk"), Set(chat_off=Whom.ALL))
    world.time.advance(60)
    app.peer.hear("_reliable", b"|stream:late:y")
    ask(chair, since="")
    assert texts(told(chair)) == ["x"] * limits.CHAT_BURST
    assert chair.conference.data.drops == {"chat": 3}


def test_an_observer_reads_the_chat_and_writes_nothing(world: World) -> None:
    ann, eve = Party(world, "ann"), Party(world, "eve", role="observer")
    operator = Party(world, "ops", role="operator")
    ask(eve, say="x")
    assert told(eve)[0]["refused"]["code"] == "not_allowed"
    ask(operator, say="y")
    assert [told(one)[0]["line"]["text"] for one in (eve, ann)] == ["y", "y"]


def test_messages_in_another_form_are_dropped(world: World) -> None:
    ann, ben = Party(world, "ann"), Party(world, "ben")
    for raw in (b"", b"[]", b"{", b"5", b"[" * 5000, b"\xff", b'{"say":5}', b'{"say":"x","to":[]}', b'{"other":"x"}'):
        ann.peer.hear("_reliable", b"|chat:" + raw)
    ask(ann, say="x", key="k" * (limits.CHAT_KEY_CHARACTERS + 1))
    assert told(ann) == told(ben) == []
    ask(ann, say="x", key="k" * limits.CHAT_KEY_CHARACTERS)
    assert len(told(ben)) == 1


def test_one_who_may_not_send_data_and_one_who_is_hidden_do_not_write(world: World) -> None:
    ann, mute = Party(world, "ann"), Party(world, "mute", can_publish_data=False)
    hidden = Party(world, "hidden", hidden=True)
    for party in (mute, hidden):
        ask(party, say="x")
    assert told(ann) == told(mute) == []
    assert told(hidden)[0]["refused"]["code"] == "publish_data_denied"
    ask(ann, say="x", to="hidden")
    assert told(ann)[0]["refused"]["code"] == "participant_not_found"


def test_one_participant_writes_and_asks_at_a_limited_rate(world: World) -> None:
    ann = Party(world, "ann")
    for number in range(limits.CHAT_BURST + 1):
        ask(ann, say=str(number))
    *lines, refused = told(ann)
    assert all("line" in one for one in lines)
    assert refused["refused"]["code"] == "chat_too_fast"
    world.pass_time(1 / limits.CHAT_PER_S)
    ask(ann, say="later")
    assert "line" in told(ann)[0]
    for _ in range(limits.CHAT_ASKED_BURST):
        ask(ann, since="")
        assert told(ann)[-1]["end"] is True
    ask(ann, since="")
    assert told(ann)[0]["refused"]["code"] == "chat_too_fast"


class Stored:
    """A store with lines from before a restart."""

    def __init__(self, count: int) -> None:
        self.lines = [ChatLine(str(number), 1.0, "ann", "Ann", f"{number} " + "ă" * 100) for number in range(count)]
        self.noted: list[tuple[str, ChatLine]] = []

    def restored(self, conference: str) -> dict[str, Any]:
        return {}

    def chatted(self, conference: str) -> list[ChatLine]:
        return self.lines

    def chat(self, conference: str, line: ChatLine) -> None:
        self.noted.append((conference, line))

    def note(self, *_more: Any) -> None:
        pass

    def turn(self, *_more: Any) -> None:
        pass


def test_the_newest_lines_come_back_after_a_restart_in_parts_of_limited_size() -> None:
    store = Stored(limits.CHAT_LINES + 1)
    world = World(proceedings=store)
    ann = Party(world, "ann")
    ask(ann, since="")
    sizes = [len(data) for _, data in ann.peer.sent]
    answers = told(ann)
    assert len(texts(answers)) == limits.CHAT_LINES
    assert texts(answers)[0].startswith("1 "), "the oldest is forgotten"
    assert [one["end"] for one in answers] == [False] * (len(answers) - 1) + [True]
    assert max(sizes) < limits.CHAT_PART_BYTES + 1024
    ask(ann, say="mới")
    ((room, line),) = store.noted
    assert (room, line.text) == ("c", "mới")


def test_a_stop_for_secret_content_destroys_all_lines(world: World) -> None:
    ann = Party(world, "ann")
    ask(ann, say="mật")
    told(ann)
    ann.conference.chat.clear()
    assert told(ann) == [{"gone": True}]
    ask(ann, since="")
    assert texts(told(ann)) == []
