"""The requests of the access matrix: for each route the body, the query and the object that an allowed caller needs to succeed.

A route that changes something needs a row here. A route that only reads needs a row if its path or query holds more than ids. A
refusal proves something only if the same request succeeds for another caller, and the matrix checks this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from tests.security.matrix.matrix_world import NOW, World
from tests.signaling.api.checks import FIGURES

Values = dict[str, Any]
Make = Callable[[World, str], Values]


def nothing(_world: World, _place: str) -> Values:
    return {}


@dataclass(frozen=True)
class Row:
    """The request of a route. `body` and `query` depend on the place. `kinds` names the object of a path parameter if it is not
    the usual one.
    """

    body: Make | None = None
    query: Make = nothing
    kinds: Mapping[str, str] = field(default_factory=dict)
    version: str = "1"
    """The version for If-Match. The name of a kind of meeting stands for the version of that meeting."""
    upload: Make | None = None
    """A file, {"name", "content"}. The body is then sent as form fields."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    """The path parameters that differ from FIXED."""
    anywhere: bool = False
    """True if a caller with a fitting role in any unit may send the request. Each line of the file is then decided separately.
    """
    of: str = ""
    """The kind of the object whose unit decides, if only the content of a file names the object."""
    refused: frozenset[str] = frozenset()
    """The error codes that count as refusals here, besides 401, 403 and 404."""
    proven: bool = True
    """False if no caller of the matrix can succeed. The comment says why."""


PARAMETERS: Final[Mapping[str, str]] = {
    "unit_id": "unit",
    "post_id": "post",
    "person_id": "person",
    "deputy_id": "deputy",
    "set_id": "recipient_set",
    "site_id": "site",
    "hall_id": "hall",
    "terminal_id": "terminal",
    "network_id": "network",
    "meeting_id": "approved",
    "occurrence_id": "occurrence",
    "attendee_id": "attendee",
    "letter_id": "letter",
    "list_id": "attendee_list",
    "webhook_id": "webhook",
    "delivery_id": "delivery",
    "feed_id": "feed",
    "account_id": "account",
    "grant_id": "grant",
    "client_id": "client",
    "ask_id": "precedence_ask",
}
"""The kind of object, by path parameter."""
FIXED: Final[Mapping[str, str]] = {
    "code": "briefing",
    "day": "2026-04-01",
    "name": "precedence",
    "form": "docx",
    "suffix": "csv",
    "kind": "units",
    "session_id": "0" * 32,
    "secret": "x" * 32,
    "conference": "abc-defg-hij",
    "alarm_id": "0" * 32,
    "call_id": "0" * 32,
    "leg_id": "0" * 32,
    "step_id": "0" * 32,
    "profile": "yealink",
    "check_id": "0" * 20,
    "check_code": "12345678",
    "snapshot": "roll-1-1",
}
"""The values of parameters that name no object of a unit."""


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat()


def meeting(world: World, place: str, **changes: Any) -> Values:
    return {
        "title": "Họp mới",
        "type_code": "briefing",
        "class": "ordinary",
        "host_unit_id": world.ids["unit", place],
        "starts_at": at(20.1),
        "duration_min": 60,
        "attendees": [{"unit_id": world.ids["unit", place]}],
    } | changes


def unit(world: World, place: str) -> Values:
    return {"name": "Đơn vị", "kind": "department", "tier": 1, "block": "government", "code": f"u-{place}"}


def site(world: World, place: str, code: str) -> Values:
    return {"code": code, "name": "Điểm cầu", "unit_id": world.ids["unit", place], "capability": "none"}


def hall(world: World, place: str, code: str) -> Values:
    return {"code": code, "name": "Phòng", "site_id": world.ids["site", place], "seats": 10}


def terminal(world: World, place: str, code: str) -> Values:
    return {"code": code, "name": "Thiết bị", "site_id": world.ids["site", place]}


def post(world: World, place: str) -> Values:
    return {"unit_id": world.ids["unit", place], "title": "Phó Giám đốc", "rank": 2}


def person(world: World, place: str, code: str) -> Values:
    return {"code": code, "name": "Nguyễn Văn An", "unit_id": world.ids["unit", place]}


def group(world: World, place: str, code: str) -> Values:
    own = world.ids["unit", place]
    return {"code": code, "name": "Các phòng", "owner_unit_id": own, "rules": [{"unit_id": own, "below": True}]}


def kept(world: World, place: str, name: str) -> Values:
    request = {
        "title": "Giao ban",
        "type_code": "briefing",
        "host_unit_id": world.ids["unit", place],
        "duration_min": 60,
    }
    return {"unit_id": world.ids["unit", place], "name": name, "request": request}


def people(world: World, place: str, name: str) -> Values:
    return {"unit_id": world.ids["unit", place], "name": name, "entries": [{"unit_id": world.ids["unit", place]}]}


def hook(world: World, place: str) -> Values:
    return {
        "unit_id": world.ids["unit", place],
        "url": "https://vanban.longan.gov.vn/x",
        "events": ["meeting.approved"],
    }


def of(**values: Any) -> Make:
    """Return a `Make` that gives these values in every place."""
    return lambda _world, _place: values


def span(_world: World, _place: str) -> Values:
    return {"starts_at": at(0), "ends_at": at(14)}


def sheet(world: World, place: str) -> Values:
    """Return a file with one new site of the unit."""
    return {"name": "sites.csv", "content": world.sheet(place)}


HELD = {"meeting_id": "held"}
ASKED = {"meeting_id": "meeting"}

HALLS_OFF: Final = frozenset({"halls_off"})

ROWS: Final[Mapping[tuple[str, str], Row]] = {
    # Sign-in: only the caller's own objects, or none
    ("POST", "/session"): Row(of(name="caller-nobody", password="x" * 12), proven=False),  # the account has no password
    ("POST", "/session/link"): Row(of(secret="x" * 32), proven=False),  # an unknown secret
    ("POST", "/session/totp"): Row(of(code="123456"), proven=False),  # no authenticator app
    ("POST", "/session/oidc"): Row(of(next="/"), proven=False),  # no issuer is configured
    ("GET", "/session/oidc/callback"): Row(),
    ("PUT", "/session/password"): Row(of(new="mưa rơi trên mái ngói đỏ")),
    ("PATCH", "/session"): Row(of(language="en")),
    ("PUT", "/session/totp/enrolment"): Row(of(code="123456"), proven=False),  # an unknown code
    ("POST", "/session/totp/enrolment"): Row(),
    ("POST", "/session/totp/recovery"): Row(of(code="123456"), proven=False),
    ("POST", "/session/totp/removal"): Row(of(code="123456"), proven=False),
    ("DELETE", "/session"): Row(),
    ("DELETE", "/sessions"): Row(),
    ("DELETE", "/sessions/{session_id}"): Row(proven=False),  # an unknown session
    # Accounts
    ("POST", "/accounts"): Row(lambda w, p: {"name": f"new-{p}", "person_id": w.ids["third", p]}),
    ("PATCH", "/accounts/{account_id}"): Row(of(language="en")),
    ("POST", "/accounts/{account_id}/link"): Row(),
    ("POST", "/accounts/{account_id}/sign-out"): Row(),
    ("DELETE", "/accounts/{account_id}/totp"): Row(),
    ("POST", "/accounts/{account_id}/roles"): Row(lambda w, p: {"role": "auditor", "unit_id": w.ids["unit", p]}),
    ("DELETE", "/accounts/{account_id}/roles/{grant_id}"): Row(),
    ("POST", "/clients"): Row(lambda w, p: {"name": f"Mới {p}", "unit_id": w.ids["unit", p], "roles": ["requester"]}),
    ("POST", "/clients/{client_id}/key"): Row(),
    ("POST", "/clients/{client_id}/hook-secret"): Row(),
    ("DELETE", "/clients/{client_id}"): Row(),
    # Conferences without booking: a token carries the rights
    ("POST", "/conferences"): Row(of(), proven=False),
    ("POST", "/qr"): Row(of(path="/m/abc-defg-hij"), proven=False),
    ("POST", "/conferences/{conference}/look"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/token"): Row(of(name="An"), proven=False),
    # Device checks: a client that begins a check may send its result (tests/signaling/api/live/test_checks.py)
    ("POST", "/checks"): Row(),
    ("POST", "/checks/{check_id}/result"): Row(of(key=f"1.{'0' * 32}", figures=FIGURES), proven=False),
    # The lobby: a ticket or a host's key carries the right (tests/signaling/api/live/test_lobby.py tests them)
    ("POST", "/conferences/{conference}/lobby/wait"): Row(of(ticket="x" * 32, wait=False), proven=False),
    ("POST", "/conferences/{conference}/lobby/leave"): Row(of(ticket="x" * 32), proven=False),
    ("GET", "/conferences/{conference}/lobby"): Row(proven=False),
    ("PUT", "/conferences/{conference}/lobby"): Row(of(on=True), proven=False),
    ("POST", "/conferences/{conference}/lobby/admit"): Row(of(all=True), proven=False),
    ("POST", "/conferences/{conference}/lobby/deny"): Row(of(id="x"), proven=False),
    ("POST", "/conferences/{conference}/lobby/pardon"): Row(proven=False),
    # The actions of a host: the same key carries the right (tests/signaling/api/live/test_hosting.py tests each action)
    ("POST", "/conferences/{conference}/host/mute"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/host/ask-to-unmute"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/host/lower-hand"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/host/remove"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/host/mute-all"): Row(proven=False),
    ("POST", "/conferences/{conference}/host/mute-all/undo"): Row(of(undo="x"), proven=False),
    ("POST", "/conferences/{conference}/host/extend"): Row(of(minutes=15), proven=False),
    ("POST", "/conferences/{conference}/host/begin"): Row(proven=False),
    ("POST", "/conferences/{conference}/host/end"): Row(proven=False),
    ("POST", "/conferences/{conference}/desk/mute_one"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/unmute_ask"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/lower_hand"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/remove"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/mute_all"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/mute_all_undo"): Row(of(undo="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/extend"): Row(of(minutes=15), proven=False),
    ("POST", "/conferences/{conference}/desk/begin"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/end"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/admit"): Row(of(all=True), proven=False),
    ("POST", "/conferences/{conference}/desk/agenda_set"): Row(of(items=[]), proven=False),
    ("POST", "/conferences/{conference}/desk/agenda_order"): Row(of(items=[]), proven=False),
    ("POST", "/conferences/{conference}/desk/agenda_next"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/agenda_finish"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/agenda_skip"): Row(of(item="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/agenda_return"): Row(of(item="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_prepare"): Row(of(title="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_order"): Row(of(votes=[]), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_open"): Row(of(vote="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_admit"): Row(of(vote="x", identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_count"): Row(of(vote="x", identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_close"): Row(of(vote="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_withdraw"): Row(of(vote="x", identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/vote_annul"): Row(of(vote="x", reason="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/note"): Row(of(id="n", text="x", version=0), proven=False),
    ("POST", "/conferences/{conference}/desk/chat_say"): Row(of(text="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/chat_lines"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/hands"): Row(of(vote="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/ballot"): Row(of(vote="x", choices=[0]), proven=False),
    ("POST", "/conferences/{conference}/desk/my_ballot"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/call_speaker"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/end_turn"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/undo"): Row(of(undo="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/reorder"): Row(of(identity="x", place=0), proven=False),
    ("POST", "/conferences/{conference}/desk/set_floor_mode"): Row(of(mode="one"), proven=False),
    ("POST", "/conferences/{conference}/desk/set_budget"): Row(of(delegation="x", budget_s=60), proven=False),
    ("POST", "/conferences/{conference}/desk/set_rules"): Row(of(entry_muted=True), proven=False),
    ("POST", "/conferences/{conference}/desk/allow_codes"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/lock"): Row(of(locked=True), proven=False),
    ("POST", "/conferences/{conference}/desk/hand_over"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/appoint"): Row(of(identity="x", role="guest"), proven=False),
    ("POST", "/conferences/{conference}/desk/release_chair"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/ask_floor"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/withdraw_floor"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/recess"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/recess_until"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/recess_end"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/closed_session"): Row(of(out=["x"]), proven=False),
    ("POST", "/conferences/{conference}/desk/closed_session_out"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/closed_session_in"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/closed_session_end"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/to_lobby"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/from_lobby"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/secret_stop"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_prepare"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_add"): Row(of(id="x", name="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_begin"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_mark"): Row(of(site="x", presence="absent"), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_next"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_pause"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_resume"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_end"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/report_delegates"): Row(of(delegates=1), proven=False),
    ("POST", "/conferences/{conference}/desk/report_link"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/roll_call_again"): Row(of(), proven=False),
    ("GET", "/conferences/{conference}/roll/{snapshot}"): Row(proven=False),
    ("POST", "/roll-reports/look"): Row(of(conference="x", code="x"), proven=False),
    ("POST", "/roll-reports"): Row(of(conference="x", code="x", delegates=1), proven=False),
    ("POST", "/vote-cards"): Row(of(code="x", phone="x" * 22), proven=False),
    ("POST", "/vote-cards/ballot"): Row(of(code="x", phone="x" * 22, vote="x", choices=[0]), proven=False),
    ("POST", "/conferences/{conference}/desk/show"): Row(of(mode="voice"), proven=False),
    ("POST", "/conferences/{conference}/desk/show_undo"): Row(of(), proven=False),
    ("POST", "/conferences/{conference}/desk/stop_presenting"): Row(of(identity="x"), proven=False),
    ("POST", "/conferences/{conference}/desk/view_alone"): Row(of(hall="x"), proven=False),
    ("POST", "/occurrences/{occurrence_id}/moderation"): Row(kinds={"occurrence_id": "occurrence-running"}),
    # Organisation
    ("POST", "/units"): Row(lambda w, p: unit(w, p) | {"code": f"new-{p}", "parent_id": w.ids["unit", p]}),
    ("PUT", "/units/{unit_id}"): Row(lambda w, p: unit(w, p) | {"parent_id": _parent(w, p)}),
    ("POST", "/units/{unit_id}/succession"): Row(of(kind="rename", name="Tên mới", on="2026-03-03")),
    ("GET", "/posts"): Row(query=lambda w, p: {"unit_id": w.ids["unit", p]}),
    ("POST", "/posts"): Row(post),
    ("PUT", "/posts/{post_id}"): Row(post),
    ("GET", "/codes"): Row(query=of(kind="units", name="Sở Y tế")),
    ("DELETE", "/posts/{post_id}/holder/{person_id}"): Row(),
    ("POST", "/people"): Row(lambda w, p: person(w, p, f"new-{p}")),
    ("PUT", "/people/{person_id}"): Row(lambda w, p: person(w, p, f"person-{p}")),
    ("POST", "/deputies"): Row(
        lambda w, p: {
            "person_id": w.ids["person", p],
            "deputy_id": w.ids["third", p],
            "starts_at": at(1),
            "ends_at": at(2),
        }
    ),
    ("DELETE", "/deputies/{deputy_id}"): Row(),
    ("POST", "/recipient-sets"): Row(lambda w, p: group(w, p, f"new-{p}")),
    ("PUT", "/recipient-sets/{set_id}"): Row(lambda w, p: group(w, p, f"set-{p}")),
    ("DELETE", "/recipient-sets/{set_id}"): Row(),
    ("POST", "/sites"): Row(lambda w, p: site(w, p, f"new-{p}")),
    ("PUT", "/sites/{site_id}"): Row(lambda w, p: site(w, p, f"s-{p}") | {"capability": "hall"}),
    ("POST", "/halls"): Row(lambda w, p: hall(w, p, f"new-{p}")),
    ("PUT", "/halls/{hall_id}"): Row(lambda w, p: hall(w, p, f"h-{p}")),
    ("POST", "/equipped-halls"): Row(
        lambda w, p: {"hall": hall(w, p, f"equipped-{p}"), "terminal": {"code": f"equipped-{p}", "name": "Thiết bị"}}
    ),
    ("PUT", "/equipped-halls/{hall_id}"): Row(lambda w, p: {"hall": hall(w, p, f"h-{p}")}),
    ("POST", "/terminals"): Row(lambda w, p: terminal(w, p, f"new-{p}")),
    ("PUT", "/terminals/{terminal_id}"): Row(lambda w, p: terminal(w, p, f"t-{p}")),
    # Halls are switched off in the matrix, so an allowed caller gets 409. tests/interop/halls/test_operator.py switches them
    # on.
    # The meetings of the matrix hold no halls. tests/signaling/api/test_holds.py has one that does.
    ("PUT", "/halls/{hall_id}/objections/{meeting_id}"): Row(of(reason="Họp xã"), proven=False),
    ("DELETE", "/halls/{hall_id}/objections/{meeting_id}"): Row(proven=False),
    ("GET", "/meetings/{meeting_id}/hall-holds"): Row(),
    ("DELETE", "/meetings/{meeting_id}/hall-holds/{hall_id}"): Row(proven=False),
    ("POST", "/terminals/sip-accounts"): Row(
        lambda w, p: {"terminal_ids": [w.ids["terminal", p]]}, refused=HALLS_OFF, proven=False
    ),
    ("PUT", "/terminals/{terminal_id}/sip"): Row(of(alias="hall-new"), proven=False),
    ("DELETE", "/terminals/{terminal_id}/sip"): Row(proven=False),
    ("GET", "/terminal-states"): Row(proven=False),
    # The terminals of the matrix are no PCs. tests/signaling/api/live/test_hall_pcs.py has one.
    ("POST", "/terminals/{terminal_id}/pc-code"): Row(proven=False),
    ("DELETE", "/terminals/{terminal_id}/pc"): Row(proven=False),
    ("POST", "/hall-pc/enrolment"): Row(of(code="12345678"), proven=False),
    ("GET", "/hall-pc"): Row(proven=False),
    ("POST", "/hall-pc/dates/{occurrence_id}/pass"): Row(proven=False),
    ("GET", "/hall-boards"): Row(proven=False),
    ("GET", "/hall-calls"): Row(proven=False),
    ("GET", "/hall-bans"): Row(proven=False),
    ("DELETE", "/hall-bans/{subject:path}"): Row(
        fixed={"subject": "source:2001:db8::%2F64"}, refused=HALLS_OFF, proven=False
    ),
    # The owner of the call decides, and the matrix has no call. tests/interop/halls/test_operator.py has one.
    ("POST", "/hall-calls/{call_id}/acknowledge"): Row(refused=HALLS_OFF, proven=False),
    ("POST", "/hall-calls/{call_id}/place"): Row(
        lambda w, p: {"occurrence_id": w.ids["occurrence", p]}, refused=HALLS_OFF, proven=False
    ),
    ("DELETE", "/hall-calls/{call_id}"): Row(refused=HALLS_OFF, proven=False),
    ("GET", "/occurrences/{occurrence_id}/end"): Row(),
    ("POST", "/occurrences/{occurrence_id}/end"): Row(),
    ("GET", "/occurrences/{occurrence_id}/legs"): Row(proven=False),
    ("GET", "/occurrences/{occurrence_id}/legs/events"): Row(proven=False),
    ("POST", "/occurrences/{occurrence_id}/legs"): Row(
        lambda w, p: {"terminal_id": w.ids["terminal", p]}, proven=False
    ),
    ("POST", "/occurrences/{occurrence_id}/legs/commands"): Row(of(action="mute", leg_ids=["x"]), proven=False),
    ("POST", "/occurrences/{occurrence_id}/legs/undo"): Row(of(token="0" * 32), proven=False),
    ("GET", "/hall-report"): Row(proven=False),
    ("POST", "/hall-report"): Row(anywhere=True),  # it makes what the server makes each morning
    ("POST", "/occurrences/{occurrence_id}/begin"): Row(proven=False),
    ("POST", "/occurrences/{occurrence_id}/probe"): Row(proven=False),
    ("GET", "/occurrences/{occurrence_id}/program"): Row(proven=False),
    ("GET", "/occurrences/{occurrence_id}/program/picture"): Row(proven=False),
    ("PUT", "/occurrences/{occurrence_id}/program"): Row(of(layout="auto"), proven=False),
    ("POST", "/occurrences/{occurrence_id}/alarms/{alarm_id}/acknowledge"): Row(proven=False),
    ("GET", "/occurrences/{occurrence_id}/legs/{leg_id}/trace"): Row(proven=False),
    ("GET", "/occurrences/{occurrence_id}/legs/{leg_id}/thumbnail"): Row(proven=False),
    ("GET", "/occurrences/{occurrence_id}/contacts"): Row(),
    ("GET", "/occurrences/{occurrence_id}/people"): Row(),
    ("GET", "/occurrences/{occurrence_id}/timeline"): Row(),
    ("GET", "/occurrences/{occurrence_id}/attendance"): Row(),
    ("GET", "/occurrences/{occurrence_id}/attendance.csv"): Row(),
    ("GET", "/occurrences/{occurrence_id}/record"): Row(),
    ("GET", "/occurrences/{occurrence_id}/invited"): Row(),
    ("GET", "/occurrences/{occurrence_id}/notes"): Row(),
    # Nobody has joined a meeting of the matrix. tests/signaling/api/control/test_notes.py writes notes.
    ("PUT", "/occurrences/{occurrence_id}/notes/{note_id}"): Row(
        of(text="x", version=0), fixed={"note_id": "note-1"}, refused=frozenset({"note_early"}), proven=False
    ),
    # The types of the matrix export no chat. tests/signaling/api/control/test_timeline.py downloads one.
    ("GET", "/occurrences/{occurrence_id}/chat.txt"): Row(refused=frozenset({"not_found"}), proven=False),
    ("GET", "/occurrences/{occurrence_id}/hall-candidates"): Row(),
    ("POST", "/occurrences/{occurrence_id}/legs/{leg_id}/move"): Row(
        lambda w, p: {"occurrence_id": w.ids["occurrence", p]}, refused=HALLS_OFF, proven=False
    ),
    ("POST", "/occurrences/{occurrence_id}/people/commands"): Row(of(action="mute", identities=["x"])),
    # The dates of the matrix have no site of their own. tests/rooms/dialling/test_board.py notes calls.
    ("PUT", "/occurrences/{occurrence_id}/contacts/{site_id}"): Row(
        of(called=True), refused=frozenset({"unknown_site"}), proven=False
    ),
    ("GET", "/occurrences/{occurrence_id}/rehearsal"): Row(),
    # The dates of the matrix have no rehearsal. tests/web/halls/test_rehearsal.py opens the file.
    ("GET", "/occurrences/{occurrence_id}/rehearsal.{suffix}"): Row(refused=frozenset({"not_found"}), proven=False),
    # The dates of the matrix are no rehearsals. tests/web/halls/test_rehearsal.py signs results.
    ("PUT", "/occurrences/{occurrence_id}/rehearsal/{site_id}"): Row(
        of(version=0), refused=frozenset({"not_a_rehearsal"}), proven=False
    ),
    ("PUT", "/notices/read"): Row(of(until=at(0))),
    # Pushes are off in the matrix. tests/web/desk/test_push.py switches them on.
    ("PUT", "/push-subscription"): Row(
        of(endpoint="https://push.example/x"), refused=frozenset({"push_off"}), proven=False
    ),
    ("POST", "/push-subscription/end"): Row(of(endpoint="https://push.example/x")),
    ("GET", "/device-profiles/match"): Row(query=of(user_agent="Yealink VC400")),
    ("PUT", "/device-profiles/{profile}"): Row(of(words=["Yealink VC"], modes=[0])),
    ("DELETE", "/device-profiles/{profile}"): Row(proven=False),  # the profile has no settings
    ("POST", "/networks"): Row(of(code="new", name="Mạng", ranges=["192.168.0.0/16"])),
    ("PUT", "/networks/{network_id}"): Row(of(code="tslcd", name="TSLCD", ranges=["10.0.0.0/8"], closed=True)),
    # Meetings
    ("POST", "/meetings"): Row(meeting),
    ("POST", "/preview"): Row(meeting),
    ("POST", "/meetings/displace/look"): Row(lambda w, p: meeting(w, p, precedence=1, precedence_reason="Công điện")),
    ("POST", "/meetings/displace"): Row(
        lambda w, p: {
            "request": meeting(w, p, precedence=1, precedence_reason="Công điện"),
            "moves": [],
            "reason": "Công điện khẩn",
        }
    ),
    # nothing clashes in the matrix
    ("POST", "/precedence-asks"): Row(
        lambda w, p: {"request": meeting(w, p), "reason": "Công điện"},
        refused=frozenset({"nothing_in_the_way"}),
        proven=False,
    ),
    ("POST", "/precedence-asks/{ask_id}/look"): Row(),
    ("POST", "/precedence-asks/{ask_id}/displace"): Row(of(moves=[], reason="Công điện khẩn")),
    ("POST", "/precedence-asks/{ask_id}/refusal"): Row(of(reason="Không đủ căn cứ")),
    ("DELETE", "/precedence-asks/{ask_id}"): Row(proven=False),  # no caller of the matrix has asked
    ("PATCH", "/meetings/{meeting_id}"): Row(of(description="Sửa"), version="approved"),
    ("POST", "/meetings/{meeting_id}/submit"): Row(kinds=HELD, version="held"),
    ("POST", "/meetings/{meeting_id}/resubmit"): Row(
        of(title="Tên đã sửa"),
        version="approved",
        refused=frozenset({"wrong_state"}),
        proven=False,  # no meeting of the matrix is refused
    ),
    ("POST", "/meetings/{meeting_id}/decide"): Row(of(approve=True), kinds=ASKED, version="meeting"),
    ("POST", "/meetings/{meeting_id}/cancel"): Row(
        of(reason_code="not_ready", reason="Chưa đủ tài liệu"), version="approved"
    ),
    ("POST", "/meetings/{meeting_id}/postpone"): Row(
        lambda w, p: {
            "occurrence_id": w.ids["occurrence-approved", p],
            "starts_at": at(22),
            "reason_code": "not_ready",
            "reason": "Chưa đủ tài liệu",
        },
        version="approved",
    ),
    # The matrix has no waiting change. tests/signaling/api/test_attacks.py withdraws one.
    ("POST", "/meetings/{meeting_id}/withdraw-change"): Row(
        version="approved", refused=frozenset({"nothing_pending"}), proven=False
    ),
    ("POST", "/meetings/{meeting_id}/undo"): Row(kinds={"meeting_id": "series"}, version="series"),
    ("POST", "/meetings/{meeting_id}/class"): Row(lambda _w, _p: {"class": "important"}, version="approved"),
    ("GET", "/meetings/{meeting_id}/copy"): Row(),
    ("POST", "/occurrences/{occurrence_id}/extend"): Row(
        of(minutes=30), kinds={"occurrence_id": "occurrence-running"}, version="running"
    ),
    ("GET", "/occurrences/{occurrence_id}/free-times"): Row(),
    ("POST", "/occurrences/{occurrence_id}/rebook"): Row(
        kinds={"occurrence_id": "occurrence-off"}, version="series", proven=False
    ),  # only a skipped date can be booked again, not a cancelled one
    ("GET", "/occurrences/{occurrence_id}/inside"): Row(proven=False),  # the matrix has no invited caller
    ("POST", "/occurrences/{occurrence_id}/pass"): Row(of(), proven=False),  # the matrix has no invited caller
    ("GET", "/board"): Row(query=span),
    ("POST", "/availability"): Row(lambda w, p: dict(span(w, p)) | {"duration_min": 60}),
    ("PUT", "/meetings/{meeting_id}/attendees/{attendee_id}/answer"): Row(of(answer="accepted"), version="approved"),
    ("PUT", "/meetings/{meeting_id}/attendees/{attendee_id}/consent"): Row(
        of(agree=True, told_by="Điện thoại của chủ tọa"), version="approved"
    ),
    ("POST", "/meetings/{meeting_id}/letters"): Row(of(number="12"), version="approved"),
    ("POST", "/meetings/{meeting_id}/letters/preview"): Row(of(number="12")),
    ("GET", "/meetings/{meeting_id}/letters/{letter_id}.{form}"): Row(fixed={"form": "docx"}),
    # from the time when letters in the matrix had no fields; they have fields now
    ("GET", "/meetings/{meeting_id}/letters/{letter_id}/set"): Row(proven=False),
    ("PUT", "/meetings/{meeting_id}/attendees/{attendee_id}/outside"): Row(of(reason="Chuyên gia mời dự")),
    ("POST", "/meetings/{meeting_id}/attendees/{attendee_id}/invitation"): Row(),
    ("POST", "/meetings/{meeting_id}/attendees/{attendee_id}/link"): Row(proven=False),  # a unit has no link to pass on
    ("DELETE", "/meetings/{meeting_id}/attendees/{attendee_id}/link"): Row(),
    ("GET", "/meetings/{meeting_id}/sending"): Row(),
    # The matrix has no mail server, so an allowed caller gets 409.
    ("POST", "/meetings/{meeting_id}/sending"): Row(of(what="remind"), proven=False),
    ("POST", "/meetings/{meeting_id}/messages"): Row(of()),
    ("POST", "/meetings/{meeting_id}/messages.xlsx"): Row(of()),
    ("POST", "/letter-templates"): Row(
        lambda w, p: {"unit_id": w.ids["unit", p], "kind": "invite", "name": "Mẫu"},
        upload=of(name="a.docx", content=b"PK"),
        proven=False,
    ),  # the file is not a real DOCX
    ("DELETE", "/letter-templates/{template_id}"): Row(kinds={"template_id": "letter_template"}),
    ("POST", "/join/look"): Row(of(number="123456789", pin="123456"), proven=False),
    ("POST", "/join"): Row(of(number="123456789", pin="123456"), proven=False),
    ("POST", "/imports/preview"): Row(of(kind="sites"), upload=sheet, anywhere=True),
    ("POST", "/imports/apply"): Row(
        lambda w, p: {"kind": "sites", "digest": w.ids["digest", p]},
        upload=sheet,
        of="unit",
        refused=frozenset({"import_has_errors"}),
    ),
    ("POST", "/demo"): Row(proven=False),  # only allowed for an empty organisation
    # Templates, lists and rules
    ("POST", "/templates"): Row(lambda w, p: kept(w, p, "Mới")),
    ("PUT", "/templates/{template_id}"): Row(lambda w, p: kept(w, p, "Giao ban"), kinds={"template_id": "template"}),
    ("DELETE", "/templates/{template_id}"): Row(kinds={"template_id": "template"}),
    ("POST", "/attendee-lists"): Row(lambda w, p: people(w, p, "Mới")),
    ("PUT", "/attendee-lists/{list_id}"): Row(lambda w, p: people(w, p, "Các phòng")),
    ("DELETE", "/attendee-lists/{list_id}"): Row(),
    ("PUT", "/rules/{unit_id}"): Row(of(weekends=True)),
    # Settings of the whole system
    ("PUT", "/meeting-types/{code}"): Row(of(name="Giao ban", default_class="ordinary")),
    ("GET", "/holidays"): Row(query=of(year=2026)),
    ("PUT", "/holidays/{day}"): Row(of(name="Nghỉ")),
    ("DELETE", "/holidays/{day}"): Row(proven=False),  # that day has no entry
    ("PUT", "/pools/{code}"): Row(of(name="Máy chủ", legs=5000)),
    ("DELETE", "/pools/{code}"): Row(proven=False),  # the last pool stays
    ("PUT", "/top"): Row(lambda world, _: {"unit_id": world.ids["unit", "foreign"]}),
    ("PUT", "/settings/{name}"): Row(of(value={"tiers": {"0": 10}}), version="0"),
    # Webhooks, feeds, records
    ("POST", "/webhooks"): Row(hook),
    ("PUT", "/webhooks/{webhook_id}"): Row(hook),
    ("DELETE", "/webhooks/{webhook_id}"): Row(),
    ("GET", "/deliveries"): Row(query=lambda w, p: {"webhook_id": w.ids["webhook", p]}),
    ("POST", "/deliveries/{delivery_id}/replay"): Row(),
    ("POST", "/feeds"): Row(lambda w, p: {"kind": "unit", "target_id": w.ids["unit", p]}),
    ("DELETE", "/feeds/{feed_id}"): Row(proven=False),  # the caller has no feed
    ("PUT", "/preferences"): Row(of(value={"x": 1})),
    ("POST", "/answers"): Row(of(link="A" * 32, answer="accepted"), proven=False),
    ("POST", "/site-rehearsals/look"): Row(of(link="A" * 59), proven=False),
    ("POST", "/site-rehearsals"): Row(of(link="A" * 59, version=0), proven=False),
    ("POST", "/answers/look"): Row(of(link="A" * 32), proven=False),
    ("POST", "/hooks/{client_id}"): Row(of(), proven=False),
    ("GET", "/feeds/{secret}.ics"): Row(proven=False),
}
"""The rows, by method and path."""


def _parent(world: World, place: str) -> str | None:
    from tests.security.matrix.matrix_world import PLACES

    parent = PLACES[place]
    return world.ids["unit", parent] if parent else None
