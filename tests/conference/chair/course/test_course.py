"""The course of a live meeting of browsers and halls: recess, closed session, secret stop, roll call, and pictures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from conference import Announcement, ContentTokenChange, Passage, Refusal, Source, limits, marks, publishing
from conference.chair import rules
from conference.chair.course.pictures import Picture
from conference.chair.course.rollcall import Report, Site
from conference.chair.floor import Mode
from conference.chair.rights import By, Role
from conference.chair.rules import Whom
from conference.ground.events import Left, RosterChanged, TrackUnpublished
from conference.ports.proceedings import ChatLine, Record, Turn
from tests.conference.doubles import receiver_of
from tests.conference.hall_doubles import HallParty, HallWorld, plan
from tests.conference.parties import CAMERA, MICROPHONE, Party

SCREEN = Announcement("screen", "video", Source.SCREEN_SHARE, width=1920, height=1080)
HOST: Any = {"passage": Passage.HOST, "role": "chair"}
OPERATOR = By("", "Tổ kỹ thuật", Role.OPERATOR, way="rest")
GUEST = By("khach", "Khách", Role.GUEST)


class Kept:
    """`ports.Proceedings` in memory. `down`: the database does not answer."""

    def __init__(self) -> None:
        self.states: dict[str, Mapping[str, Any]] = {}
        self.records: list[Record] = []
        self.forgotten: list[Record] = []
        self.lines: list[ChatLine] = []
        self.down = False
        self.during: Callable[[], None] = lambda: None
        """What happens while an order is written."""

    def restored(self, conference: str) -> Mapping[str, Mapping[str, Any]]:
        return json.loads(json.dumps(self.states))

    async def keep(
        self, conference: str, machine: str, state: Mapping[str, Any], records: Sequence[Record] = ()
    ) -> None:
        if self.down:
            raise Refusal("not_stored", "Chưa lưu được", "not stored")
        self.note(conference, machine, state, records)
        self.during()  # what is noted now is written after the order

    def note(
        self, conference: str, machine: str, state: Mapping[str, Any] | None, records: Sequence[Record] = ()
    ) -> None:
        if state is not None:
            self.states[machine] = json.loads(json.dumps(state))
        self.records += records

    def turn(self, conference: str, turn: Turn) -> None:
        return

    def chat(self, conference: str, line: ChatLine) -> None:
        self.lines.append(line)

    def chatted(self, conference: str) -> Sequence[ChatLine]:
        return self.lines

    async def forget(
        self, conference: str, by: Record, kept: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    ) -> None:
        self.states = json.loads(json.dumps(dict(kept)))
        self.lines.clear()
        self.records = [replace(one, detail={}) for one in self.records]
        self.forgotten.append(by)


class Sitting:
    """A meeting with a chair and a guest in browsers and two halls, with microphones."""

    def __init__(self, kept: Kept | None = None) -> None:
        self.kept = kept or Kept()
        self.world = HallWorld()
        self.world.registry.around = replace(self.world.registry.around, proceedings=self.kept)
        self.chair, self.guest = Party(self.world, "chu", **HOST), Party(self.world, "khach")
        self.tracks = {one.sid: one.publish(MICROPHONE, CAMERA)[0] for one in (self.chair, self.guest)}
        self.tinh, self.xa = HallParty(self.world, "tinh"), HallParty(self.world, "xa")
        self.conference = self.chair.conference
        self.course = self.conference.course
        self.by = self.conference.machines.by("chu", "Chủ trì", "desk")

    @property
    def now(self) -> float:
        return self.world.time.time()

    def document(self, audience: Any = "host") -> dict[str, Any]:
        self.world.time.advance(1)
        return dict(json.loads(self.conference.document.whole(audience)))

    def on(self) -> set[str]:
        """Return who is heard."""
        here = self.conference.participants.values()
        halls = {self.tinh.hall.identity: self.tinh.hall, self.xa.hall.identity: self.xa.hall}
        return {
            one.identity
            for one in here
            if (not halls[one.identity].muted if one.identity in halls else bool(one.microphones()))
        }


@pytest.fixture
def sitting() -> Sitting:
    return Sitting()


def hears(party: HallParty) -> bool:
    return party.hall.served.mix is not None


def rights(party: Party) -> tuple[bool, bool]:
    return party.participant.grants.can_subscribe, party.participant.grants.can_publish


def refused(code: str) -> Any:
    return pytest.raises(Refusal, match=code)


# -- recess


def test_a_recess_takes_all_microphones_and_gives_them_back(sitting: Sitting) -> None:
    sitting.xa.hall.set_muted(True, locked=True)
    before = sitting.on()
    assert before == {"chu", "khach", "tinh"}
    sitting.course.breaks.begin_recess(sitting.by, sitting.now + 900)
    assert sitting.on() == set()
    sitting.tinh.press("*6")
    guest = sitting.guest.participant
    publishing.mute(guest, sitting.tracks[guest.sid], True)  # the client confirms the mute, then tries to unmute
    publishing.mute(guest, sitting.tracks[guest.sid], False)
    late = HallParty(sitting.world, "muon")
    sitting.world.settle()
    assert sitting.on() == set(), "nobody is heard in a recess"
    assert late.muted()
    assert {group.text.split("\n")[0] for group in sitting.world.scene().groups} == {"GIẢI LAO"}
    shown = sitting.document("member")["break"]
    assert (shown["phase"], shown["until"] - shown["since"]) == ("recess", 900_000)
    assert "recess" in {one.id.split()[0] for one in sitting.world.scene().prompts} or sitting.world.scene().prompts
    sitting.course.breaks.end_recess(sitting.by)
    assert not sitting.tinh.muted()
    assert (sitting.xa.hall.muted, sitting.xa.hall.locked) == (True, True), "as before"
    assert (late.hall.muted, late.hall.locked) == (True, False), "it may switch its microphone on"
    assert marks.UNMUTE_ASKED in guest.grants.attributes, "a person is asked"
    sitting.world.settle()
    assert "GIẢI LAO" not in {group.text for group in sitting.world.scene().groups}
    assert "break" not in sitting.document("member")
    kinds = [one.kind for one in sitting.kept.records]
    assert [kind for kind in kinds if kind.startswith("recess")] == ["recess.began", "recess.ended"]


def test_no_microphone_is_asked_for_in_a_recess(sitting: Sitting) -> None:
    """The page of a hall answers what is asked at the end of a recess. So no wish from the recess or before may be left then."""
    guest, chair = sitting.guest.participant, sitting.conference.chair
    assert chair.mute_one(sitting.by, "khach")
    chair.ask_to_unmute(sitting.by, "khach")
    sitting.course.breaks.begin_recess(sitting.by, None)
    assert marks.UNMUTE_ASKED not in guest.grants.attributes, "an open wish ends"
    sitting.xa.hall.set_muted(True)
    for identity in ("khach", "xa"):
        with refused("in_recess"):
            chair.ask_to_unmute(sitting.by, identity)
    sitting.course.breaks.end_recess(sitting.by)
    assert marks.UNMUTE_ASKED not in guest.grants.attributes, "the microphone was off before"
    chair.ask_to_unmute(sitting.by, "khach")
    assert marks.UNMUTE_ASKED in guest.grants.attributes


def test_only_leaders_order_breaks(sitting: Sitting) -> None:
    breaks = sitting.course.breaks
    for order in (
        lambda: breaks.begin_recess(GUEST, None),
        lambda: breaks.begin_closed(GUEST, ("xa",)),
        lambda: breaks.stop(GUEST),
    ):
        with refused("not_allowed"):
            order()
    with refused("host_stays"):
        breaks.begin_closed(sitting.by, ("chu",))
    assert breaks.state.phase == "open"


def test_a_recess_is_there_again_after_a_crash(sitting: Sitting) -> None:
    sitting.course.breaks.begin_recess(sitting.by, None)
    again = Sitting(sitting.kept)
    again.world.settle()
    assert again.course.breaks.state.phase == "recess"
    assert again.tinh.muted()
    assert {group.text for group in again.world.scene().groups} == {"GIẢI LAO"}
    again.course.breaks.end_recess(again.by)
    assert not again.tinh.muted(), "its microphone was on before the crash"


# -- closed session


def test_in_a_closed_session_chosen_sites_and_guests_get_nothing_and_return_by_one_press(sitting: Sitting) -> None:
    breaks, guest = sitting.course.breaks, sitting.guest.participant
    received = len(sitting.guest.client.events)
    breaks.begin_closed(sitting.by, ("khach", "xa"), "Công tác cán bộ")
    sitting.world.settle()
    assert sitting.xa.hall.apart
    assert not hears(sitting.xa)
    assert not guest.tracks, "the guest sends nothing"
    assert (guest.grants.can_subscribe, guest.grants.can_publish, guest.grants.can_publish_data) == (False,) * 3
    assert marks.WAITS in guest.grants.attributes
    before = len(receiver_of(guest).sent)
    sitting.chair.participant.media_message("_reliable", b"|nghe kin")
    sitting.world.time.turn()
    assert len(receiver_of(guest).sent) == before, "no chat reaches the lobby"
    assert len(sitting.guest.client.events) > received
    assert sitting.document("member")["break"] == {"phase": "closed", "out": 2}
    assert "cán bộ" not in json.dumps(sitting.document("host"), ensure_ascii=False)
    assert sitting.document("host")["break_out"] == ["khach", "xa"]
    back = Party(sitting.world, "khach")  # the page is loaded again
    assert rights(back) == (False, False)
    breaks.end_closed(sitting.by)
    sitting.world.settle()
    assert rights(back) == (True, True)
    assert marks.WAITS not in back.participant.grants.attributes
    assert hears(sitting.xa)
    assert sitting.course.breaks.state.phase == "open"


def test_who_was_sent_out_or_comes_late_waits_under_each_identity(sitting: Sitting) -> None:
    breaks, world = sitting.course.breaks, sitting.world
    sent, window = Party(world, "personal_link.a1.x"), Party(world, "browser.a1.y")
    member = Party(world, "personal_link.a2.x")
    breaks.begin_closed(sitting.by, ("personal_link.a1.x",))
    world.settle()
    assert [rights(one) for one in (sent, window, member)] == [(False, False), (False, False), (True, True)]
    again, late, guest = (Party(world, one) for one in ("personal_link.a1.z", "browser.a3.x", "browser.guest.x"))
    window_of_member, leader = Party(world, "browser.a2.y"), Party(world, "browser.a4.x", **HOST)
    assert [rights(one) for one in (again, late, guest)] == [(False, False)] * 3
    assert [rights(one) for one in (window_of_member, leader)] == [(True, True)] * 2
    breaks.let_in(sitting.by, "browser.a3.x")
    assert rights(Party(world, "personal_link.a3.y")) == (True, True)
    breaks.send_out(sitting.by, "browser.a2.y")
    assert rights(member) == (False, False)

    after = HallWorld()  # after a crash
    after.registry.around = replace(after.registry.around, proceedings=sitting.kept)
    assert rights(Party(after, "personal_link.a1.v")) == (False, False)
    assert rights(Party(after, "browser.a3.v")) == (True, True)
    breaks.end_closed(sitting.by)
    world.settle()
    assert {rights(one) for one in (sent, window, member, again, late, guest)} == {(True, True)}


def test_one_person_or_hall_goes_back_to_the_lobby_and_returns(sitting: Sitting) -> None:
    """A leader stays. The speaker loses the floor. The end of a closed session does not bring back who was sent before."""
    breaks, guest, world = sitting.course.breaks, sitting.guest.participant, sitting.world
    sitting.conference.chair.call_speaker(sitting.by, "khach")
    breaks.put_apart(sitting.by, "khach")
    breaks.put_apart(sitting.by, sitting.xa.hall.identity)
    world.settle()
    assert not sitting.conference.machines.speaks
    assert rights(sitting.guest) == (False, False)
    assert not guest.tracks
    assert not hears(sitting.xa)
    assert "break" not in sitting.document("lobby")
    assert sitting.document("host")["break_out"] == ["khach", "xa"]
    with refused("host_stays"):
        breaks.put_apart(sitting.by, "chu")
    with refused("not_allowed"):
        breaks.put_apart(GUEST, "khach")
    with refused("in_lobby"):
        sitting.conference.machines.hand(guest, True)
    person = Party(world, "browser.a1.x")
    breaks.put_apart(sitting.by, "browser.a1.x")
    again = Party(world, "personal_link.a1.y")
    assert rights(person) == rights(again) == (False, False)
    breaks.begin_closed(sitting.by, ("xa",))
    breaks.end_closed(sitting.by)
    world.settle()
    assert rights(sitting.guest) == rights(again) == (False, False)
    assert not hears(sitting.xa)
    for one in ("khach", "xa", "browser.a1.x"):
        breaks.readmit(sitting.by, one)
    world.settle()
    assert {rights(one) for one in (sitting.guest, person, again)} == {(True, True)}
    assert hears(sitting.xa)
    assert "break_out" not in sitting.document("host")


def test_lines_of_a_closed_session_stay_inside(sitting: Sitting) -> None:
    def told(party: Party) -> list[Any]:
        return [json.loads(data.partition(b"|")[2]) for _, data in party.peer.sent if data.startswith(b"dc.chat")]

    def ask(party: Party, **message: Any) -> None:
        party.peer.hear("_reliable", b"|chat:" + json.dumps(message).encode())

    ask(sitting.chair, say="mở")
    sitting.course.breaks.begin_closed(sitting.by, ("khach",))
    ask(sitting.chair, say="kín")
    assert [one["line"]["text"] for one in told(sitting.chair)] == ["mở", "kín"]
    ask(sitting.guest, since="")
    assert [one["line"]["text"] for one in told(sitting.guest)] == ["mở"], "nothing reaches the lobby"
    sitting.course.breaks.end_closed(sitting.by)
    ask(sitting.guest, since="")
    lines = [line["text"] for one in told(sitting.guest)[1:] for line in one["lines"]]
    assert lines == ["mở"], "also not later"
    assert [one.text for one in sitting.kept.lines] == ["mở"]


async def test_after_a_stop_and_a_crash_the_meeting_ends(sitting: Sitting) -> None:
    await sitting.course.stop(sitting.by)
    assert set(sitting.kept.states) == {"breaks"}
    again = HallWorld()
    again.registry.around = replace(again.registry.around, proceedings=sitting.kept)
    conference = again.registry.create("c")
    assert conference.course.over
    again.pass_time(1)
    assert conference.closed


def test_a_closed_session_keeps_the_earlier_rights_of_a_listener(sitting: Sitting) -> None:
    listener = Party(sitting.world, "nghe", can_publish=False)
    sitting.course.breaks.begin_closed(sitting.by, ("nghe",))
    sitting.course.breaks.let_in(sitting.by, "nghe")
    grants = listener.participant.grants
    assert (grants.can_publish, grants.can_subscribe) == (False, True)
    assert sitting.course.breaks.state.closed is not None


# -- stop for secret content


async def test_a_stop_cuts_all_media_off_says_a_sentence_and_ends_the_meeting(sitting: Sitting) -> None:
    sitting.course.breaks.begin_closed(sitting.by, ("xa",), "Công tác cán bộ")
    await sitting.course.roll.prepare(sitting.by)
    await sitting.course.stop(sitting.by)
    assert set(sitting.conference.participants) == {"tinh", "xa"}, "browsers are out at once"
    assert sitting.chair.participant.left
    last = [type(one) for one in sitting.guest.client.events if isinstance(one, RosterChanged | Left)][-2:]
    assert last == [RosterChanged, Left], "the page learns why the meeting has ended before it is removed"
    (told,) = sitting.guest.client.last(RosterChanged).participants
    assert marks.STOPPED in told.grants.attributes
    sitting.world.settle()
    scene = sitting.world.scene()
    assert scene.sources == ()
    assert {group.text for group in scene.groups} == {"CUỘC HỌP ĐÃ DỪNG"}
    assert {one.path for one in scene.prompts} == {"/secret_stop.ogg"}
    assert not sitting.xa.hall.apart, "also the hall in the lobby hears the sentence"
    assert sitting.xa.signal.said == []
    with refused("conference_locked"):
        Party(sitting.world, "ke-tiep")
    stored = json.dumps([sitting.kept.states, [repr(one) for one in sitting.kept.records]], ensure_ascii=False)
    assert "cán bộ" not in stored
    assert [(one.kind, one.by) for one in sitting.kept.forgotten] == [("secret_stop", "chu")]
    assert sitting.course.roll.state.rows == ()
    sitting.world.pass_time(limits.STOP_SAID_S + 1)
    assert sitting.conference.closed
    assert any(one.startswith("hang up") for one in sitting.xa.signal.said), "halls get BYE after the sentence"


# -- roll call


LIST = (
    Site("tinh", "Điểm cầu tỉnh", "", "t1", "02093"),
    Site("vang", "Chợ Đồn", "", "t9", "02099"),
    Site("xa", "Ba Bể", "", "t2"),
)


async def test_the_roll_is_called_site_by_site_with_picture_and_microphone(sitting: Sitting) -> None:
    roll, world = sitting.course.roll, sitting.world
    sitting.xa.hall.set_muted(True, locked=True)
    await roll.prepare(sitting.by, LIST)
    await roll.report(sitting.by, "xa", Report(12, "Nguyễn Văn A"))
    await roll.begin(sitting.by)
    world.settle()
    program = sitting.conference.program
    assert program is not None
    group = program.group_of(sitting.xa.hall)
    assert group is not None
    assert group.cells == (sitting.tinh.sid,), "all see the first site alone"
    program.keep_thumbnail(sitting.tinh.sid, b"jpeg")
    await roll.press(sitting.by, "tinh", "present")
    assert roll.snapshot("roll-1-1") == b"jpeg"
    world.pass_time(limits.ROLL_STAGE_S + 1)
    assert roll.state.current is not None
    assert roll.state.current.site.id == "vang"
    await roll.press(sitting.by, "vang", "absent")
    world.pass_time(limits.ROLL_STAGE_S + 1)
    assert not sitting.xa.muted(), "the site on stage is heard"
    assert "Ba Bể · Nguyễn Văn A" in {info.label for info in world.scene().sites}
    shown = sitting.document("member")["roll"]
    assert (shown["at"], shown["plate"]) == ("xa", "Ba Bể · Nguyễn Văn A")
    program.keep_thumbnail(sitting.xa.sid, b"jpeg of xa")
    await roll.press(sitting.by, "xa", "present")
    world.pass_time(limits.ROLL_STAGE_S + 1)
    assert roll.state.phase == "done"
    assert (sitting.xa.hall.muted, sitting.xa.hall.locked) == (True, True), "as before the roll call"
    assert program.stage.mode == "auto", "the picture is as before"
    rows = sitting.document("host")["roll_sites"]
    assert [(rows[one]["p"], rows[one].get("s")) for one in ("tinh", "vang", "xa")] == [
        ("present", "roll-1-1"),
        ("absent", None),
        ("present", "roll-1-3"),
    ]
    assert roll.snapshot("roll-1-3") == b"jpeg of xa"
    assert "roll_sites" not in sitting.document("member"), "telephone numbers are for hosts"
    assert sitting.document("member")["reported"] == {"xa": {"d": 12, "h": "Nguyễn Văn A"}}
    assert [one.kind for one in sitting.kept.records if one.kind.startswith("roll_call")] == [
        "roll_call.prepared",
        "roll_call.reported",
        "roll_call.began",
        *["roll_call.marked"] * 3,
        "roll_call.ended",
    ]


async def test_the_roll_call_goes_on_after_a_crash(sitting: Sitting) -> None:
    await sitting.course.roll.prepare(sitting.by, LIST)
    await sitting.course.roll.begin(sitting.by)
    await sitting.course.roll.press(sitting.by, "tinh", "present")
    await sitting.course.roll.go_on(sitting.by)
    await sitting.course.roll.go_on(sitting.by)
    again = Sitting(sitting.kept)
    again.world.settle()
    state = again.course.roll.state
    assert state.current is not None
    assert (state.current.site.id, state.rows[0].mark is not None) == ("xa", True)
    program = again.conference.program
    assert program is not None
    assert program.stage.site == again.xa.sid, "the site is on stage again when it is back"


async def test_the_roll_call_waits_while_somebody_speaks(sitting: Sitting) -> None:
    roll, chair = sitting.course.roll, sitting.conference.chair
    chair.set_floor_mode(sitting.by, Mode.ONE)
    await roll.prepare(sitting.by, LIST)
    chair.call_speaker(sitting.by, "xa")
    with refused("roll_call_waits"):
        await roll.begin(sitting.by)
    assert (sitting.on(), roll.state.phase) == ({"chu", "xa"}, "ready")
    chair.end_turn(sitting.by)
    await roll.begin(sitting.by)
    assert sitting.on() == {"chu", "tinh"}, "the site on stage answers"
    await roll.press(sitting.by, "tinh", "present")
    chair.call_speaker(sitting.by, "xa")
    sitting.world.pass_time(limits.ROLL_STAGE_S + 1)
    await roll.press(sitting.by, "tinh", "fault")
    with refused("roll_call_waits"):
        await roll.go_on(sitting.by)
    await roll.report(sitting.by, "tinh", Report(3))
    assert (sitting.on(), sitting.conference.machines.spotlight.identity) == ({"chu", "xa"}, "xa")
    assert roll.state.current is not None
    assert roll.state.rows.index(roll.state.current) == 0, "the speaker keeps picture and microphone"
    await roll.pause(sitting.by)
    assert sitting.conference.machines.spotlight.identity == "xa", "also in a pause"
    with refused("roll_call_waits"):
        await roll.resume(sitting.by)
    chair.end_turn(sitting.by)
    await roll.resume(sitting.by)
    assert roll.state.current.site.id == "vang"
    assert sitting.on() == {"chu"}


async def test_an_undo_gives_the_microphone_back_to_the_site_on_stage(sitting: Sitting) -> None:
    """Seed 127127704: in the mode of one microphone a call muted the hall on stage, and its undo did not open the hall."""
    roll, chair = sitting.course.roll, sitting.conference.chair
    chair.set_floor_mode(sitting.by, Mode.ONE)
    await roll.prepare(sitting.by, LIST)
    await roll.begin(sitting.by)
    assert sitting.on() == {"chu", "tinh"}
    token = chair.call_speaker(sitting.by, "xa")
    assert sitting.on() == {"chu", "xa"}
    chair.undo(sitting.by, token)
    assert sitting.on() == {"chu", "tinh"}


async def test_a_person_on_stage_may_answer_the_roll_call(sitting: Sitting) -> None:
    """The stage opens a hall in the mode of one microphone. A person in a browser must get in too, and only while on stage."""
    roll, chair = sitting.course.roll, sitting.conference.chair
    chair.set_floor_mode(sitting.by, Mode.ONE)
    await roll.prepare(sitting.by, [Site("khach", "Khách"), *LIST])
    await roll.begin(sitting.by)
    guest, track = sitting.guest.participant, sitting.tracks[sitting.guest.sid]
    publishing.mute(guest, track, True)  # the client confirms the mute of the mode
    publishing.mute(guest, track, False)
    assert sitting.on() == {"chu", "khach"}
    await roll.go_on(sitting.by)
    assert sitting.on() == {"chu", "tinh"}
    publishing.mute(guest, track, True)
    publishing.mute(guest, track, False)
    assert sitting.on() == {"chu", "tinh"}


async def test_a_recess_pauses_the_roll_call_and_opens_no_hall(sitting: Sitting) -> None:
    roll, breaks = sitting.course.roll, sitting.course.breaks
    sitting.tinh.hall.set_muted(True, locked=True)
    await roll.prepare(sitting.by, LIST)
    await roll.begin(sitting.by)
    await roll.press(sitting.by, "tinh", "present")
    assert "tinh" in sitting.on()
    with refused("recess_until"):
        breaks.begin_recess(sitting.by, sitting.now - 1)
    assert roll.calls, "a recess that is refused pauses nothing"
    breaks.begin_recess(sitting.by, None)
    assert sitting.document()["roll"]["phase"] == "paused"
    sitting.world.pass_time(limits.ROLL_STAGE_S + 1)
    with refused("in_recess"):
        await roll.resume(sitting.by)
    assert (sitting.on(), sitting.tinh.hall.locked) == (set(), True)
    breaks.end_recess(sitting.by)
    assert (sitting.tinh.muted(), sitting.tinh.hall.locked) == (True, True), "as before the roll call"
    await roll.resume(sitting.by)
    assert roll.calls
    assert [one.kind for one in sitting.kept.records if one.kind == "roll_call.paused"] == ["roll_call.paused"]


async def test_a_mark_that_is_written_when_a_recess_begins_outlives_a_crash(sitting: Sitting) -> None:
    roll = sitting.course.roll
    await roll.prepare(sitting.by, LIST)
    await roll.begin(sitting.by)
    sitting.kept.during = lambda: sitting.course.breaks.begin_recess(sitting.by, None)
    await roll.press(sitting.by, "tinh", "present")
    assert roll.state.phase == "paused"
    later = Sitting(sitting.kept).course.roll.state
    assert (later.phase, [row.mark for row in later.rows]) == ("paused", [row.mark for row in roll.state.rows])
    assert any(row.mark for row in later.rows)


async def test_a_site_that_a_leader_muted_on_stage_stays_muted(sitting: Sitting) -> None:
    await sitting.course.roll.prepare(sitting.by, LIST)
    await sitting.course.roll.begin(sitting.by)
    sitting.conference.chair.mute_one(sitting.by, "tinh")
    await sitting.course.roll.go_on(sitting.by)
    assert (sitting.tinh.muted(), sitting.tinh.hall.locked) == (True, True)


async def test_a_vote_by_hands_counts_the_delegates_of_the_roll_call(sitting: Sitting) -> None:
    counted = sitting.conference.polls.delegates
    await sitting.course.roll.prepare(sitting.by, LIST)
    assert counted("xa") is None, "the roll was not called there"
    await sitting.course.roll.report(sitting.by, "xa", Report(12))
    await sitting.course.roll.press(sitting.by, "xa", "present")
    await sitting.course.roll.press(sitting.by, "vang", "absent")
    assert [counted(one) for one in ("xa", "vang", "tinh", "khach")] == [12, 0, None, None]


async def test_without_the_database_the_roll_call_is_refused_and_nothing_changes(sitting: Sitting) -> None:
    await sitting.course.roll.prepare(sitting.by, LIST)
    sitting.kept.down = True
    with refused("not_stored"):
        await sitting.course.roll.begin(sitting.by)
    assert sitting.course.roll.state.phase == "ready"


async def test_a_site_reports_for_itself_and_only_hosts_for_others(sitting: Sitting) -> None:
    await sitting.course.roll.prepare(sitting.by, LIST)
    hall = By("xa", "Ba Bể", Role.HALL, way="keypad")
    await sitting.course.roll.report(hall, "xa", Report(7))
    with refused("not_allowed"):
        await sitting.course.roll.report(hall, "tinh", Report(7))
    with refused("not_allowed"):
        await sitting.course.roll.begin(GUEST)


async def test_signals_of_each_site_are_read_before_the_roll_call(sitting: Sitting) -> None:
    world, roll = sitting.world, sitting.course.roll
    await roll.prepare(sitting.by)
    assert {row.site.id for row in roll.state.rows} == {"chu", "khach", "tinh", "xa"}, "all who are here"
    world.pass_time(1)
    assert set(world.scene().thumbnails) >= {sitting.tinh.sid, sitting.xa.sid}
    world.mixer.events.looked(None, sitting.tinh.sid, "good")
    world.mixer.events.looked(None, sitting.xa.sid, "black")
    voice = next(one.producer for one in sitting.tinh.hall.tracks.values() if one.kind == "audio")
    world.media.routers[-1].on_speakers([(voice, 0.8)])
    world.pass_time(limits.ROLL_HEARD_S + 1)
    suggested = {row.site.id: row.signals.suggested for row in roll.state.rows}
    assert suggested["tinh"] == "present"
    assert suggested["xa"] == "fault", "its picture is black, and nobody heard it"
    assert {row.site.id: row.signals.picture for row in roll.state.rows}["khach"] == "good"
    assert sitting.document("host")["roll_sites"]["tinh"]["g"] == "11g"
    sitting.xa.hall.hung_up()
    world.pass_time(1)
    assert {row.site.id: row.signals.suggested for row in roll.state.rows}["xa"] == "absent"
    await roll.begin(sitting.by)
    world.pass_time(1)
    assert not world.scene().thumbnails, "nobody needs small pictures now"


# -- pictures


def test_the_chair_broadcasts_a_site_and_takes_it_back(sitting: Sitting) -> None:
    views = sitting.course.views
    program = sitting.conference.program
    assert program is not None
    views.show(sitting.by, Picture("pinned", "tinh", "3x3", ("", "xa")))
    assert (program.stage.mode, program.stage.pins, program.layout) == ("pinned", ("", sitting.xa.sid), "3x3")
    views.show(sitting.by, Picture("broadcast", "xa"))
    assert (program.stage.mode, program.stage.site, program.layout) == ("broadcast", sitting.xa.sid, None)
    assert sitting.document("member")["picture"] == {"mode": "broadcast", "site": "xa", "undo": True}
    views.undo(sitting.by)
    assert (program.stage.mode, program.stage.site, program.layout) == ("pinned", sitting.tinh.sid, "3x3")
    with refused("not_allowed"):
        views.show(GUEST, Picture())


def test_all_sites_are_shown_in_turn_to_halls_and_browsers(sitting: Sitting) -> None:
    sitting.course.views.show(sitting.by, Picture("turn", turn_s=10.0))
    program = sitting.conference.program
    assert program is not None
    seen = []
    for _ in range(4):
        seen.append(sitting.document("member")["picture"]["site"])
        sitting.world.pass_time(10.0)
    assert sorted(seen) == ["chu", "khach", "tinh", "xa"]


def test_one_hall_looks_at_a_site_also_after_it_was_called_again(sitting: Sitting) -> None:
    sitting.course.views.view_alone(sitting.by, "tinh", "xa")
    sitting.tinh.hall.hung_up()
    again = HallParty(sitting.world, "tinh")
    assert again.hall.alone == "xa"
    sitting.course.views.view_alone(sitting.by, "tinh", "")
    assert again.hall.alone == ""
    with refused("participant_not_found"):
        sitting.course.views.view_alone(sitting.by, "khach", "xa")


def test_pictures_of_halls_obey_the_rules_and_come_back(sitting: Sitting) -> None:
    """Show that a terminal, which knows no rules, is withheld by the server, hears why once, and presents again later."""
    chair, xa = sitting.conference.chair, HallParty(sitting.world, "presenting", plan(content=True)).hall
    program = xa.program

    def seen() -> set[Source]:
        return {one.source for one in xa.tracks.values() if one.kind == "video"}

    program.content_token_moved(program.content_token.ask(xa.sid))
    assert seen() == {Source.CAMERA, Source.SCREEN_SHARE}
    heard = []
    for rule in (rules.Set(camera_off=Whom.HALLS), rules.Set(share_off=Whom.HALLS)):
        chair.set_rules(sitting.by, rule)
        sitting.world.settle()
        heard += [prompt.path for prompt in sitting.world.scene().prompts]
    assert {"/camera_off.ogg", "/share_off.ogg"} <= set(heard)
    assert (seen(), program.content_token.holder) == (set(), None)
    assert sitting.world.ports.floor_changes[-1] == ContentTokenChange(xa.sid, "revoked")
    assert program.content_token.ask(xa.sid) == [ContentTokenChange(xa.sid, "denied")]
    late = HallParty(sitting.world, "muon").hall
    assert Source.CAMERA not in {one.source for one in late.tracks.values()}
    assert sitting.chair.participant.tracks[sitting.tracks[sitting.chair.sid]], "the chair and guests keep theirs"
    chair.set_rules(sitting.by, rules.Set(camera_off=Whom.NOBODY, share_off=Whom.NOBODY))
    assert seen() == {Source.CAMERA}
    program.content_token_moved(program.content_token.ask(xa.sid))
    assert seen() == {Source.CAMERA, Source.SCREEN_SHARE}


def test_a_leader_takes_a_presentation_back(sitting: Sitting) -> None:
    xa, guest, views = sitting.xa.hall, sitting.guest, sitting.course.views
    program = xa.program
    with refused("not_presenting"):
        views.stop_presenting(sitting.by, "xa")
    program.content_token_moved(program.content_token.ask(xa.sid))
    with refused("not_allowed"):
        views.stop_presenting(GUEST, "xa")
    assert not sitting.tinh.hall.stop(xa.sid), "the floor channel of a hall that does not lead"
    views.stop_presenting(sitting.by, "xa")
    assert program.content_token.holder is None
    screen = guest.publish(SCREEN)[0]
    views.stop_presenting(sitting.by, "khach")
    assert screen not in guest.participant.tracks
    assert guest.client.of(TrackUnpublished)[-1].track_sid == screen, "its client ends the capture"
    assert [one.on for one in sitting.kept.records if one.kind == "stop_presenting"] == ["xa", "khach"]


async def test_a_hall_reports_its_delegates_by_keypad_before_there_is_a_list(sitting: Sitting) -> None:
    sitting.xa.press("*2")
    sitting.xa.press("7#")
    await asyncio.gather(*sitting.course.reports.stored.values())
    assert sitting.document("member")["reported"] == {"xa": {"d": 7}}
    assert sitting.xa.hall.text == "Đã ghi nhận số đại biểu: 7", "the hall reads the number"
    await sitting.course.roll.prepare(sitting.by, LIST)
    assert sitting.document("host")["roll_sites"]["xa"]["d"] == 7, "the list keeps the report"
    sitting.xa.press("*2")
    sitting.xa.press("2001#")
    assert not sitting.course.reports.stored, "too many delegates are no report"
    assert sitting.document("member")["reported"] == {"xa": {"d": 7}}


async def test_a_site_is_its_terminal_its_pc_or_the_link_of_its_unit(sitting: Sitting) -> None:
    """Roll call, report and plate find the same participant: a PC in hall mode, and a browser while the terminal is away."""
    roll, may = sitting.course.roll, "hall_terminal.may"
    Party(sitting.world, "hall_terminal.pc", role="hall")
    Party(sitting.world, "personal_link.m1.a")
    Party(sitting.world, "personal_link.m2.b")
    may_site, alone = (
        Site(may, "Xã Máy", terminal="may", link="m1"),
        Site("personal_link.m2.site", "Xã Link", link="m2"),
    )
    second = Site("hall_terminal.may-2", "Xã Máy, phòng 2", link="m1")
    await roll.prepare(sitting.by, (Site("hall_terminal.pc", "Xã PC"), may_site, second, alone))
    sitting.world.pass_time(1.0)
    rows = sitting.document("host")["roll_sites"]
    assert {id_: row["g"][0] for id_, row in rows.items()} == {
        "hall_terminal.pc": "1",
        may: "1",
        second.id: "0",  # nobody stands for two sites
        alone.id: "1",
    }
    assert {id_: row["i"] for id_, row in rows.items() if "i" in row} == {
        may: "personal_link.m1.a",
        alone.id: "personal_link.m2.b",
    }
    by = sitting.conference.machines.by("personal_link.m1.a", "Xã Máy", "page")
    await roll.report(by, "personal_link.m1.a", Report(4, "Lê Văn Cường"))
    assert sitting.document("host")["roll_sites"][may]["d"] == 4
    assert sitting.document("member")["reported"]["personal_link.m1.a"]["h"] == "Lê Văn Cường"
    await roll.begin(sitting.by)
    await roll.press(sitting.by, may, "present")
    assert roll.counted("personal_link.m1.a") == 4
    assert roll.callable_sites(sitting.by, [may]) == [may_site], "the terminal can still be called"

    HallParty(sitting.world, may)
    rows = sitting.document("host")["roll_sites"]
    assert ("i" in rows[may], rows[may]["d"], roll.counted(may)) == (False, 4, 4), (
        "the terminal stands for the site again"
    )
    assert "i" not in rows[second.id], "a terminal of the site is here"
    assert roll.callable_sites(sitting.by, [may]) == []


async def test_a_new_list_keeps_what_a_browser_reported_for_its_site(sitting: Sitting) -> None:
    Party(sitting.world, "personal_link.m1.a")
    by = sitting.conference.machines.by("personal_link.m1.a", "Xã Máy", "page")
    await sitting.course.roll.report(by, "personal_link.m1.a", Report(4))
    await sitting.course.roll.prepare(sitting.by, (Site("hall_terminal.may", "Xã Máy", link="m1"),))
    rows = sitting.document("host")["roll_sites"]
    assert [(id_, row["d"]) for id_, row in rows.items()] == [("hall_terminal.may", 4)]
