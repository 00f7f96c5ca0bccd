"""The random orders of a simulated meeting: for each order, fields that make sense at this moment more often than not."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final

from conference import Conference, Hall
from tests.simulation.meetings.checks import Memory, visible

Fields = dict[str, Any]
Choose = Callable[[random.Random, Conference, Memory], Fields | None]
GROUPS = ("nobody", "guests", "halls", "all")


def nothing(chance: random.Random, meeting: Conference, memory: Memory) -> Fields:
    return {}


def someone(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    here = [one.identity for one in visible(meeting)]
    return {"identity": chance.choice(here)} if here else None


def requester(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    queue = meeting.machines.speech.state.queue
    if queue and chance.random() < 0.7:
        return {"identity": chance.choice(queue).identity}
    return someone(chance, meeting, memory)


def call(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = requester(chance, meeting, memory)
    return None if found is None else found | {"time_s": chance.choice((0.0, 30.0, 180.0, 3600.0))}


def turn(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    turns = [one.identity for one in meeting.machines.speech.state.turns]
    return {"identity": chance.choice([*turns, ""])} if turns else None


def place(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = requester(chance, meeting, memory)
    return None if found is None else found | {"place": chance.randrange(4)}


def undo(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    """Name one of the last undos, also one that was used."""
    return {"undo": chance.choice(list(memory.undos)[-2:])} if memory.undos else None


def successor(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    """Name a participant for a role, sometimes one whose connection is lost."""
    away = [one.identity for one in visible(meeting) if not isinstance(one, Hall) and one.client is None]
    return {"identity": chance.choice(away)} if away and chance.random() < 0.5 else someone(chance, meeting, memory)


def appointment(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = successor(chance, meeting, memory)
    role = chance.choice(("co_chair", "secretary", "delegate", "observer", "guest"))
    return None if found is None else found | {"role": role}


def ruling(chance: random.Random, meeting: Conference, memory: Memory) -> Fields:
    name = chance.choice(("unmute_off", "camera_off", "share_off", "chat_off", "entry_muted"))
    return {name: chance.choice((True, False)) if name == "entry_muted" else chance.choice(GROUPS)}


def outside(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    here = [one.identity for one in visible(meeting)]
    return {"out": chance.sample(here, min(len(here), chance.randrange(1, 4)))} if here else None


def question(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    if len(meeting.polls.votes.prepared) > 1:
        return None
    way = chance.choice(("named", "secret", "secret", "hands"))
    election = way != "hands" and chance.random() < 0.3
    options = ["A", "B", "C"] if election else []
    return {
        "title": "Thông qua",
        "way": way,
        "kind": "election" if election else "motion",
        "options": options,
        "seats": 2 if election else 1,
        "receipts": way == "secret" and chance.random() < 0.2,
        "phones": way != "hands" and chance.random() < 0.8,
    }


def prepared(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = meeting.polls.votes.prepared
    return {"vote": found[0].id} if found else None


def some_vote(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    """Name the open vote, or sometimes an earlier one."""
    votes = meeting.polls.votes
    if votes.open is not None and chance.random() < 0.8:
        return {"vote": votes.open.id}
    return {"vote": chance.choice(votes.all).id} if votes.all else None


def late(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found, one = some_vote(chance, meeting, memory), someone(chance, meeting, memory)
    return None if found is None or one is None else found | one


def hands(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = late(chance, meeting, memory)
    return None if found is None else found | {"for": chance.randrange(3), "against": 0, "abstain": chance.randrange(2)}


def ballot(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = some_vote(chance, meeting, memory)
    known = memory.ballots.get(found["vote"]) if found is not None else None
    if found is None or known is None:
        return None
    many = chance.randrange(3) if known.kind == "election" else 1
    return found | {"choices": sorted(chance.sample(range(3), many))}


def phone(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    """Name a code that a site shows, or sometimes an earlier one, and a ballot."""
    vote, found = meeting.polls.votes.open, ballot(chance, meeting, memory)
    if vote is None or not vote.codes or found is None:
        return None
    code = vote.codes[chance.choice(sorted(vote.codes))]
    return found | {"code": chance.choice([code, code, code, *sorted(vote.old_codes)])}


def withdrawn(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    vote = meeting.polls.votes.open
    if vote is None or not vote.codes:
        return None
    return {"vote": vote.id, "identity": chance.choice(sorted(vote.codes))}


def annulled(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = some_vote(chance, meeting, memory)
    return None if found is None or chance.random() < 0.7 else found | {"reason": "Nhầm"}


def site(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    state = meeting.course.roll.state
    if not state.rows:
        return None
    row = state.current if state.current is not None and chance.random() < 0.7 else chance.choice(state.rows)
    return {"site": row.site.id, "presence": chance.choice(("present", "absent", "fault"))}


def report(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    rows = meeting.course.roll.state.rows
    if not rows:
        return None
    return {"site": chance.choice(("", chance.choice(rows).site.id)), "delegates": chance.randrange(9), "head": "Lê An"}


def added(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    if not meeting.course.roll.state.rows or chance.random() < 0.5:
        return None
    return {"id": f"xa-{chance.randrange(20)}", "name": "Xã"}


def items(chance: random.Random, meeting: Conference, memory: Memory) -> Fields:
    return {
        "items": [{"title": f"Mục {n}", "planned_s": chance.choice((0, 60))} for n in range(chance.randrange(1, 5))]
    }


def item(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    known = meeting.agenda.agenda.items
    return {"item": chance.choice(known).id} if known else None


def picture(chance: random.Random, meeting: Conference, memory: Memory) -> Fields | None:
    found = someone(chance, meeting, memory)
    mode = chance.choice(("voice", "pinned", "lecture", "broadcast", "turn"))
    return None if found is None else {"mode": mode, "site": "" if mode == "voice" else found["identity"]}


LEADING: Final[Mapping[str, tuple[int, Choose]]] = {
    "call_speaker": (12, call),
    "end_turn": (4, turn),
    "undo": (7, undo),
    "reorder": (2, place),
    "set_floor_mode": (5, lambda chance, *_: {"mode": chance.choice(("discussion", "one", "one", "several"))}),
    "set_budget": (1, lambda chance, *_: {"delegation": "d1", "budget_s": chance.choice((0.0, 60.0, 900.0))}),
    "mute_one": (2, someone),
    "mute_all": (3, nothing),
    "mute_all_undo": (2, undo),
    "unmute_ask": (2, someone),
    "lower_hand": (1, requester),
    "set_rules": (2, ruling),
    "allow_codes": (1, nothing),
    "lock": (1, lambda chance, *_: {"locked": chance.random() < 0.4}),
    "remove": (3, someone),
    "appoint": (3, appointment),
    "hand_over": (3, successor),
    "release_chair": (1, nothing),
    "recess": (1, nothing),
    "recess_end": (2, nothing),
    "closed_session": (1, outside),
    "closed_session_out": (1, someone),
    "closed_session_in": (1, someone),
    "closed_session_end": (1, nothing),
    "roll_prepare": (1, lambda *_: {"sites": []}),
    "roll_add": (1, added),
    "roll_begin": (3, nothing),
    "roll_mark": (4, site),
    "roll_next": (2, nothing),
    "roll_pause": (1, nothing),
    "roll_resume": (2, nothing),
    "roll_end": (1, nothing),
    "vote_prepare": (4, question),
    "vote_open": (4, prepared),
    "vote_admit": (1, late),
    "vote_withdraw": (3, withdrawn),
    "vote_count": (3, hands),
    "vote_close": (3, some_vote),
    "vote_annul": (1, annulled),
    "agenda_set": (1, items),
    "agenda_next": (2, nothing),
    "agenda_finish": (1, nothing),
    "agenda_skip": (1, item),
    "agenda_return": (1, item),
    "show": (2, picture),
    "show_undo": (1, nothing),
}
"""The orders of leaders: their weight, and their fields."""
OWN: Final[Mapping[str, tuple[int, Choose]]] = {
    "ask_floor": (8, lambda chance, *_: {"kind": chance.choice(("speech", "reply", "order", "question"))}),
    "withdraw_floor": (3, nothing),
    "end_turn": (2, turn),
    "ballot": (24, ballot),
    "my_ballot": (2, nothing),
    "report_delegates": (5, report),
}
"""The orders of everybody."""


def pick(chance: random.Random, listed: Mapping[str, tuple[int, Choose]]) -> tuple[str, Choose]:
    (name,) = chance.choices(list(listed), [weight for weight, _ in listed.values()])
    return name, listed[name][1]
