"""The lobby: every state with every event, the right to enter, bounds at limit + 1, and the door of the call."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from conference import Grants, Lobbies, Lobby, LobbySetting, Passage, ProcessMemory, Refusal, State, limits
from conference.door.admission import check_lobby
from conference.door.knock import MOVES, Happening, Knock, Knocker
from conference.ground.events import Reason
from tests.conference.doubles import World
from tests.conference.parties import MICROPHONE, Party

NOW = 1_700_000_000.0
ADMITTED: dict[str, Any] = {"passage": Passage.ADMITTED}


@pytest.fixture
def lobbies() -> Lobbies:
    serial = itertools.count()
    return Lobbies(lambda: f"{next(serial):020d}")


@pytest.fixture
def lobby(lobbies: Lobbies) -> Lobby:
    made = lobbies.get("c", NOW)
    made.set(True, ())
    return made


def guest(number: int = 1, **more: Any) -> Knocker:
    return Knocker(identity=f"number_pin.guest.{number}", name=f"Khách {number}", always=True, **more)


def invitee(key: str, number: int = 1) -> Knocker:
    return Knocker(identity=f"personal_link.{key}.{number}", name=key, way="personal_link", key=key, bearer=key)


def code(refused: Any, *args: Any) -> str:
    with pytest.raises(Refusal) as caught:
        refused(*args)
    return caught.value.code


EXPECTED = {
    State.WAITING: ("admitted", "denied", "expired", "ended", "gone"),
    State.ADMITTED: (None, "denied", None, None, None),
    State.DENIED: (None,) * 5,
    State.EXPIRED: (None,) * 5,
    State.ENDED: (None,) * 5,
    State.GONE: (None,) * 5,
}
"""The new state after ADMIT, DENY, EXPIRE, END, LEAVE, by old state. None: the state does not change."""


def cells() -> Iterator[tuple[State, Happening, str | None]]:
    for state, made in EXPECTED.items():
        for happening, new in zip(Happening, made, strict=True):
            yield state, happening, new


@pytest.mark.parametrize(("state", "happening", "new"), list(cells()))
def test_every_state_and_happening(state: State, happening: Happening, new: str | None) -> None:
    told: list[int] = []
    knock = Knock("1", "t", guest(), NOW, NOW, state)
    knock.listen(lambda: told.append(1))
    assert knock.move(happening) == (new is not None)
    assert knock.state.value == (new or state.value)
    assert len(told) == (new is not None)
    assert ((state, happening) in MOVES) == (new is not None)


DOOR = (
    # lobby on, passage, admin, passed, revoked before; the answer of the door
    (False, "", False, False, False, ""),
    (True, "", False, False, False, "lobby_waits"),
    (True, "", False, True, False, ""),
    (True, "admitted", False, False, False, ""),
    (True, "host", False, False, False, ""),
    (True, "", True, False, False, ""),
    (True, "admitted", False, True, True, "removed"),
    (True, "host", False, False, True, "removed"),
    (False, "", False, False, True, "removed"),
)


@pytest.mark.parametrize(("on", "passage", "admin", "passed", "revoked", "what"), DOOR)
def test_door(on: bool, passage: str, admin: bool, passed: bool, revoked: bool, what: str) -> None:
    grants = Grants(identity="a", conference="c", passage=Passage(passage), admin=admin, issued_at=NOW)

    def ask() -> None:
        check_lobby(grants, on=on, passed=passed, revoked_at=NOW if revoked else NOW - 1)

    if what:
        assert code(ask) == what
    else:
        ask()


def test_a_guest_waits_is_admitted_and_returns_by_ticket(lobbies: Lobbies, lobby: Lobby) -> None:
    knock = lobbies.knock("c", guest(), "", NOW)
    assert (knock.state, [one.id for one in lobby.room.waiting.values()]) == (State.WAITING, [knock.id])
    assert knock.id not in knock.ticket
    assert lobbies.knock("c", guest(2), knock.ticket, NOW) is knock
    assert lobby.admit([knock.id, "other"]) == [knock]
    assert lobbies.knock("c", guest(3), knock.ticket, NOW + 3600) is knock
    assert lobbies.knock("c", guest(3), "", NOW).state is State.WAITING
    assert lobbies.knock("c", invitee("a"), knock.ticket, NOW).state is State.WAITING, "the ticket of another person"


def test_an_invitee_is_recognized_without_a_ticket(lobbies: Lobbies, lobby: Lobby) -> None:
    first = lobbies.knock("c", invitee("a"), "", NOW)
    second = lobbies.knock("c", invitee("a", 2), "", NOW)
    assert (first is second, len(lobby.room.waiting)) == (True, 1)
    lobby.admit([second.id])
    assert lobbies.knock("c", invitee("a", 3), "", NOW).state is State.ADMITTED
    assert lobby.admits(invitee("a"), "")
    for other in (invitee("b"), guest()):
        assert not lobby.admits(other, "")
        assert not lobby.admits(other, second.ticket)


def test_a_denied_person_reads_why_and_may_knock_again_later(lobbies: Lobbies, lobby: Lobby) -> None:
    at = NOW
    for _ in range(limits.LOBBY_DENIALS):
        knock = lobbies.knock("c", invitee("a"), "", at)
        lobby.deny(knock.id, "Không có trong thành phần", at)
        assert lobby.room.look(knock.ticket, at).why.vietnamese == "Không có trong thành phần"  # type: ignore[union-attr]
        assert code(lobbies.knock, "c", invitee("a"), knock.ticket, at + limits.LOBBY_PAUSE_S - 1) == "lobby_denied"
        at += limits.LOBBY_PAUSE_S
    assert code(lobbies.knock, "c", invitee("a"), "", at + 3600) == "lobby_denied"
    assert lobbies.knock("c", invitee("b"), "", at).state is State.WAITING


def test_a_denial_without_a_reason_has_a_default_text(lobbies: Lobbies, lobby: Lobby) -> None:
    knock = lobbies.knock("c", guest(), "", NOW)
    lobby.deny(knock.id, "", NOW)
    why = lobby.room.look(knock.ticket, NOW).why
    assert why is not None
    assert "thư ký" in why.vietnamese
    assert "secretary" in why.english
    assert code(lobbies.knock, "c", guest(), knock.ticket, NOW + 1) == "lobby_denied"
    assert lobbies.knock("c", guest(), knock.ticket, NOW + limits.LOBBY_PAUSE_S).state is State.WAITING
    assert code(lobby.deny, knock.id, "", NOW) == "knock_unknown"


def test_silence_and_the_deadline_end_the_waiting(lobbies: Lobbies, lobby: Lobby) -> None:
    silent, patient = lobbies.knock("c", guest(1), "", NOW), lobbies.knock("c", guest(2), "", NOW)
    at = NOW
    while at < NOW + limits.LOBBY_WAIT_S - 20:
        at += 20
        lobby.room.look(patient.ticket, at)
    assert (silent.state, patient.state) == (State.GONE, State.WAITING)
    lobbies.tick(NOW + limits.LOBBY_WAIT_S)
    assert (patient.state, len(lobby.room.waiting)) == (State.EXPIRED, 0)
    assert lobbies.knock("c", guest(2), patient.ticket, at).state is State.WAITING


def test_lobby_off_admits_invitees_but_not_unknown_guests(lobbies: Lobbies, lobby: Lobby) -> None:
    known, unknown = lobbies.knock("c", invitee("a"), "", NOW), lobbies.knock("c", guest(), "", NOW)
    lobby.set(False, ())
    assert (known.state, unknown.state, list(lobby.room.waiting)) == (State.ADMITTED, State.WAITING, [unknown.id])


def test_what_a_host_has_set_stays_until_the_plan_changes(lobby: Lobby) -> None:
    lobby.order(True, ())
    lobby.set(False, ())
    lobby.order(True, ())
    assert not lobby.on
    lobby.order(False, ())
    lobby.order(True, ())
    assert lobby.on


def test_hosts_and_guests_hear_news_once(lobbies: Lobbies, lobby: Lobby) -> None:
    heard: list[str] = []
    assert lobby.room.watch(lambda: heard.append("host"))
    before = lobby.room.revision
    knock = lobbies.knock("c", guest(), "", NOW)
    lobbies.knock("c", guest(2), "", NOW)
    assert (heard, lobby.room.revision) == (["host"], before + 2)
    for number in range(limits.LOBBY_LISTENERS + 1):
        knock.listen(lambda number=number: heard.append(f"window {number}"))  # type: ignore[misc]
    assert heard == ["host", "window 0"]
    lobby.room.hosted_now(NOW)
    assert heard == ["host", *(f"window {number}" for number in range(limits.LOBBY_LISTENERS + 1))]
    assert lobby.room.hosted(NOW + limits.LOBBY_SILENT_S - 1)
    assert not lobby.room.hosted(NOW + limits.LOBBY_SILENT_S)
    knock.listen(lambda: heard.append("end"))
    lobbies.end("c", Refusal("lobby_ended"))
    assert (heard[-1], knock.state) == ("end", State.ENDED)


def test_a_withdrawn_invitation_ends_waiting_and_admission(lobbies: Lobbies, lobby: Lobby) -> None:
    waits, was_in, other = (lobbies.knock("c", invitee(key), "", NOW) for key in ("a", "b", "c"))
    lobby.admit([was_in.id])
    for bearer in ("personal_link.a", "b", "browser.c"):
        lobbies.bar(bearer, Refusal("not_invited"), NOW)
    assert [one.state for one in (waits, was_in, other)] == [State.DENIED, State.DENIED, State.WAITING]
    assert not lobby.admits(invitee("b"), was_in.ticket)


def test_bounds(lobbies: Lobbies, lobby: Lobby, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(limits.LOBBY_SOURCE):
        lobbies.knock("c", guest(number, source="10.0.0.1"), "", NOW)
    assert code(lobbies.knock, "c", guest(0, source="10.0.0.1"), "", NOW) == "lobby_full"
    for number in range(limits.LOBBY_WAITING - limits.LOBBY_SOURCE):
        lobbies.knock("c", invitee(f"k{number}"), "", NOW)
    assert code(lobbies.knock, "c", invitee("one more"), "", NOW) == "lobby_full"
    watched = [lobby.room.watch(lambda n=n: n) for n in range(limits.LOBBY_WATCHERS + 1)]  # type: ignore[misc]
    assert watched == [True] * limits.LOBBY_WATCHERS + [False]
    monkeypatch.setattr(limits, "LOBBIES", 2)
    lobbies.get("d", NOW)
    assert code(lobbies.get, "e", NOW) == "lobby_limit"
    lobbies.get("e", NOW + limits.LOBBY_KEPT_S)
    assert [lobbies.find(name) is not None for name in "cde"] == [True, False, True], "where somebody waits is kept"


def test_what_is_decided_is_remembered_within_bounds(lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOBBY_SETTLED", 3)
    lobby = lobbies.get("small", NOW)
    knocks = [lobbies.knock("small", invitee(f"k{n}"), "", NOW) for n in range(5)]
    lobby.admit([one.id for one in knocks[1:]])
    assert [one.ticket in lobby.room.tickets for one in knocks] == [True, False, True, True, True]
    assert [lobby.admits(invitee(f"k{n}"), "") for n in range(5)] == [False, False, True, True, True]


# -- the door of the call


def test_an_old_token_does_not_bypass_a_new_lobby() -> None:
    world = World()
    inside = Party(world, "ann")
    lobby = world.registry.lobbies.get("c", world.time.time())
    lobby.set(True, [inside.participant.identity])
    with pytest.raises(Refusal, match="lobby_waits"):
        Party(world, "ben")
    Party(world, "cat", **ADMITTED)
    world.registry.get("c").remove(inside.participant, Reason.SIGNAL_CLOSE)
    Party(world, "ann")


def test_a_removed_person_waits_again_and_old_tokens_are_void() -> None:
    world = World()
    lobbies, at = world.registry.lobbies, world.time.time()
    Party(world, "host", passage=Passage.HOST)
    lobby = lobbies.get("c", at)
    lobby.set(True, ())
    knock = lobbies.knock("c", Knocker(identity="ben", name="Ben", key="k"), "", at)
    lobby.admit([knock.id])
    Party(world, "ben", issued_at=at, **ADMITTED)
    world.registry.get("c").kick("ben")
    assert not lobby.admits(knock.who, knock.ticket)
    world.registry.delete("c")  # the conference's memory is deleted, but the lobby still remembers the person
    with pytest.raises(Refusal, match="removed"):
        Party(world, "ben", issued_at=at, **ADMITTED)


def test_waiting_opens_no_conference_and_its_end_is_reported() -> None:
    world = World()
    lobbies, at = world.registry.lobbies, world.time.time()
    lobbies.get("c", at).set(True, ())
    knock = lobbies.knock("c", guest(), "", at)
    assert len(world.registry) == 0
    host = Party(world, "host", passage=Passage.HOST)
    world.registry.get("c").remove(host.participant, Reason.SIGNAL_CLOSE)
    world.time.advance(limits.DEPARTURE_S + 1)
    world.registry.tick(world.time.monotonic())
    assert (knock.state, len(world.registry)) == (State.ENDED, 0)
    heard: list[int] = []
    again = lobbies.knock("c", guest(), knock.ticket, at)
    again.listen(lambda: heard.append(1))
    world.registry.close()
    assert (heard, again.state, lobbies.closed) == ([1], State.WAITING, True)


def media_of(world: World, name: str, **grants: Any) -> list[Any]:
    """Let a publisher join, then a client with a token of this name. Return the peers that the client opened."""
    ann = Party(world, "ann", passage=Passage.HOST)
    ann.publish(MICROPHONE)
    before = len(world.media.routers[0].peers)
    with contextlib.suppress(Refusal):
        Party(world, name, **grants)
    world.time.turn()
    return world.media.routers[0].peers[before:]


def test_a_waiting_person_has_no_media() -> None:
    """The server opens no media for a waiting person, even if others publish or the person knocks again."""
    world = World()
    lobbies, at = world.registry.lobbies, world.time.time()
    lobbies.get("c", at).set(True, ())
    knock = lobbies.knock("c", Knocker(identity="ben", name="Ben", key="k"), "", at)
    assert media_of(world, "ben") == []
    assert lobbies.knock("c", knock.who, knock.ticket, at) is knock
    assert [one.identity for one in world.registry.get("c").participants.values()] == ["ann"]


def test_control_without_a_lobby_the_token_gets_media_at_once() -> None:
    (peer,) = media_of(World(), "ben")
    assert [consumer.producer.kind for consumer in peer.bound.values()] == ["audio"]


# -- attempts to bypass the lobby


def stranger(name: str, source: str = "10.0.0.1", **more: Any) -> Knocker:
    return Knocker(identity=f"number_pin.guest.{name}", name=name, way="number_pin", always=True, source=source, **more)


def test_a_ticket_thrown_away_does_not_undo_a_denial(lobbies: Lobbies, lobby: Lobby) -> None:
    at = NOW
    for _ in range(limits.LOBBY_DENIALS):
        lobby.deny(lobbies.knock("c", stranger("Người Lạ"), "", at).id, "", at)
        for name in ("Người Lạ", "nguoi la", "NGƯỜI-LẠ."):
            assert code(lobbies.knock, "c", stranger(name), "", at + limits.LOBBY_PAUSE_S - 1) == "lobby_denied"
        at += limits.LOBBY_PAUSE_S
    assert code(lobbies.knock, "c", stranger("Người Lạ"), "", at + 3600) == "lobby_denied"
    assert lobbies.knock("c", stranger("Người Lạ", "10.0.0.2"), "", at).state is State.WAITING, "another network"
    assert lobbies.knock("c", stranger("Chị Lan"), "", at).state is State.WAITING, "another of the same network"


def test_after_denials_new_names_from_one_network_must_wait(lobbies: Lobbies, lobby: Lobby) -> None:
    kept = lobbies.knock("c", stranger("Đã chờ"), "", NOW)
    for number in range(limits.LOBBY_ORIGIN_DENIALS):
        lobby.deny(lobbies.knock("c", stranger(f"Tên {number}"), "", NOW).id, "", NOW)
    assert code(lobbies.knock, "c", stranger("Tên khác"), "", NOW + limits.LOBBY_PAUSE_S - 1) == "lobby_pause"
    assert lobbies.knock("c", stranger("Đã chờ"), kept.ticket, NOW) is kept, "whoever waits goes on waiting"
    for other in (invitee("a"), stranger("Tên khác", "10.0.0.2")):
        assert lobbies.knock("c", other, "", NOW).state is State.WAITING
    at = NOW + limits.LOBBY_PAUSE_S
    lobby.deny(lobbies.knock("c", stranger("Tên khác"), "", at).id, "", at)
    assert code(lobbies.knock, "c", stranger("Lại tên khác"), "", at + 2 * limits.LOBBY_PAUSE_S - 1) == "lobby_pause"
    for number in range(40):
        at += limits.LOBBY_PAUSE_MOST_S
        lobby.deny(lobbies.knock("c", stranger(f"Nữa {number}"), "", at).id, "", at)
    assert code(lobbies.knock, "c", stranger("x"), "", at + limits.LOBBY_PAUSE_MOST_S - 1) == "lobby_pause"


@pytest.mark.parametrize(
    ("denied", "again", "free"),
    [
        (stranger("A"), stranger("a"), stranger("B", "10.0.0.9")),
        (invitee("k"), invitee("k", 2), invitee("l")),
        (stranger("A", bearer="x"), stranger("B", "10.0.0.9", bearer="x"), stranger("A", "10.0.0.9", bearer="y")),
    ],
    ids=["name and network", "account", "link"],
)
def test_turned_away_for_good(lobbies: Lobbies, lobby: Lobby, denied: Knocker, again: Knocker, free: Knocker) -> None:
    knock = lobbies.knock("c", denied, "", NOW)
    lobby.deny(knock.id, "Không mời", NOW, final=True)
    for ticket in ("", knock.ticket):
        assert code(lobbies.knock, "c", again, ticket, NOW + 24 * 3600) == "lobby_denied"
    lobby.set(False, ())
    assert code(lobby.turned_away.check_barred, again) == "lobby_denied", "the lobby being off changes nothing for him"
    assert lobbies.knock("c", free, "", NOW).state is State.WAITING
    assert lobby.turned_away.count == 1
    lobby.pardon()
    assert (lobbies.knock("c", again, "", NOW).state, lobby.turned_away.count) == (State.WAITING, 0)


def test_a_denied_waiter_cannot_be_admitted_and_vice_versa(lobbies: Lobbies, lobby: Lobby) -> None:
    first, second = lobbies.knock("c", guest(1), "", NOW), lobbies.knock("c", guest(2), "", NOW)
    lobby.deny(first.id, "", NOW)
    assert lobby.admit([first.id, second.id]) == [second]
    assert first.state is State.DENIED
    assert code(lobby.deny, second.id, "", NOW) == "knock_unknown"
    assert second.state is State.ADMITTED


def test_what_a_host_has_shut_is_never_forgotten(lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LOBBIES", 2)
    monkeypatch.setattr(limits, "LOBBY_SETTINGS", 2)
    lobbies.get("shut", NOW).set(True, ())
    later = NOW
    for name in "abcd":  # other lobbies push this lobby out of memory
        later += limits.LOBBY_KEPT_S
        lobbies.get(name, later)
    grants = Grants(identity="x", conference="shut", join=True)
    assert code(lobbies.check, grants, False) == "lobby_waits"
    found = lobbies.find("shut")
    assert found is not None
    assert found.on
    assert lobbies.find("never seen") is None


def test_settings_beyond_the_bound_are_refused_and_none_is_lost(
    lobbies: Lobbies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOBBY_SETTINGS", 2)
    for name in "ab":
        lobbies.restore(name, LobbySetting(True, None))
    assert code(lobbies.restore, "c", LobbySetting(True, None)) == "lobby_limit"
    assert code(lobbies.check_settable) == "lobby_limit"
    assert [lobbies.get(name, NOW).on for name in "ab"] == [True, True]


def test_a_restart_keeps_what_was_set_until_the_plan_is_another(lobbies: Lobbies) -> None:
    lobbies.restore("o-1", LobbySetting(True, False))
    lobby = lobbies.get("o-1", NOW)
    lobby.order(False, ())
    assert lobby.on, "planned without one, but a host has switched it on"
    lobby.order(True, ())
    lobby.order(False, ())
    assert not lobby.on


def test_persons_that_a_host_keeps_out_stay_out_after_a_restart(
    lobbies: Lobbies, lobby: Lobby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host removed one person from the call, denied another at the door, and keeps out one hall. A restart and the removal of
    idle lobbies forget none of them.
    """
    lan, turned = stranger("Lan"), stranger("B", "10.0.0.9")
    lobby.turned_away.note_entry(lan)
    lobby.keep_out(lan.identity, NOW)
    lobby.keep_out("hall_terminal.x", NOW)
    lobby.deny(lobbies.knock("c", turned, "", NOW).id, "Không mời", NOW, final=True)
    assert lobby.turned_away.count == 3
    again = Lobbies(lambda: "t")
    again.restore("c", LobbySetting(lobby.on, lobby.ordered, lobby.turned_away.bars))
    later = NOW + limits.LOBBY_KEPT_S
    for known in (again, lobbies):
        if known is lobbies:
            with monkeypatch.context() as full:  # memory has room for only one lobby
                full.setattr(limits, "LOBBIES", 1)
                known.get("other", later)
            assert len(known) == 1, "only the other lobby is in memory"
        for identity in (lan.identity, "hall_terminal.x"):
            grants = Grants(identity=identity, conference="c", join=True, issued_at=later)
            assert code(known.check, grants, False) == "removed"
        assert code(known.get("c", later).turned_away.check_barred, lan) == "removed"
        assert code(known.get("c", later).turned_away.check_barred, turned) == "lobby_denied"
        assert known.get("c", later).turned_away.count == 3
        known.get("c", later).pardon()
        assert known.get("c", later).turned_away.bars == ()


def test_bars_are_bounded(lobby: Lobby) -> None:
    for place in range(limits.LOBBY_BARS + 1):
        lobby.keep_out(f"x{place}", NOW)
    assert len(lobby.turned_away.bars) == limits.LOBBY_BARS
    assert lobby.turned_away.bars[-1] == (
        f"x{limits.LOBBY_BARS}",
        "",
    )


def test_admission_does_not_carry_over_to_the_next_meeting(lobbies: Lobbies, lobby: Lobby) -> None:
    knock = lobbies.knock("c", guest(), "", NOW)
    lobby.admit([knock.id])
    lobbies.end("c", Refusal("lobby_ended"))
    assert lobbies.knock("c", guest(), knock.ticket, NOW + 1).state is State.WAITING
    booked = lobbies.get("o-1", NOW)
    booked.order(True, ())
    knock = lobbies.knock("o-1", guest(), "", NOW)
    booked.admit([knock.id])
    lobbies.end("o-1", Refusal("lobby_ended"))  # all participants left for lunch
    assert lobbies.knock("o-1", guest(), knock.ticket, NOW + 1) is knock


def test_ten_thousand_knocks_stay_within_the_limits(lobbies: Lobbies, lobby: Lobby) -> None:
    heard: list[int] = []
    refused = 0
    for number in range(10_000):
        lobby.room.watch(lambda: heard.append(1))
        try:
            lobbies.knock("c", stranger(f"Tên {number}", f"10.0.{number % 200}.1"), "", NOW)
        except Refusal as refusal:
            refused += refusal.code == "lobby_full"
    assert (len(lobby.room.waiting), len(lobby.room.tickets), refused) == (300, 300, 9700)
    assert lobby.room.revision <= 302, "whoever is refused tells nobody"
    assert len(heard) <= 300 + limits.LOBBY_WATCHERS, "whoever is refused tells nobody"
    for one in list(lobby.room.waiting):
        lobby.deny(one, "", NOW)
    for number in range(limits.LOBBY_SETTLED + 1):
        lobby.deny(lobbies.knock("c", invitee(f"k{number}"), "", NOW).id, "", NOW, final=True)
    assert lobby.turned_away.count == limits.LOBBY_SETTLED
    assert len(lobby.room.tickets) <= limits.LOBBY_SETTLED


# -- the data that nodes would share


def test_a_table_forgets_the_oldest_beyond_its_bound() -> None:
    table = ProcessMemory().table("lobby c", "admitted", 2, bool)
    for name in ("a", "b", "a", "c"):
        table.put(name, True)
    assert [name for name, _ in table.items()] == ["a", "c"]


def test_the_tables_of_an_owner_go_with_it() -> None:
    shared = ProcessMemory()
    table = shared.table("lobby c", "admitted", 2, bool)
    table.put("a", True)
    assert shared.table("lobby c", "admitted", 2, bool) is table
    shared.drop("lobby c")
    assert "a" not in shared.table("lobby c", "admitted", 2, bool)


def test_lobbies_that_share_a_memory_know_an_admitted_guest() -> None:
    shared = ProcessMemory()
    here, there = (Lobbies(lambda: "t" * 20, shared) for _ in range(2))
    here.get("c", 0.0).room.admitted.put("key", True)
    assert there.get("c", 0.0).admits(Knocker("ann", "Ann", key="key"), "")


def test_admission_resets_the_count_of_denials(lobbies: Lobbies, lobby: Lobby) -> None:
    at, who = NOW, stranger("Lan")
    for _ in range(limits.LOBBY_DENIALS - 1):
        lobby.deny(lobbies.knock("c", who, "", at).id, "", at)
        at += limits.LOBBY_PAUSE_S
    lobby.admit([lobbies.knock("c", who, "", at).id])
    lobby.deny(lobbies.knock("c", who, "", at).id, "", at)
    assert lobbies.knock("c", who, "", at + limits.LOBBY_PAUSE_S).state is State.WAITING


def test_a_removal_revokes_only_the_tickets_of_that_account(lobbies: Lobbies, lobby: Lobby) -> None:
    knocks = [lobbies.knock("c", invitee(key), "", NOW) for key in ("k", "l")]
    lobby.admit([one.id for one in knocks])
    knocks.append(lobbies.knock("c", invitee("k", 2), "", NOW))
    lobby.forget(knocks[0].who.identity, NOW)
    assert [one.state for one in knocks] == [State.DENIED, State.ADMITTED, State.DENIED]
