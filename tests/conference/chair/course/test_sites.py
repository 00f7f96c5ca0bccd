"""One site of the roll call by several of its participants: its terminal, the link of its unit, and windows of that link."""

from __future__ import annotations

import pytest

from conference import Refusal
from conference.chair.course.rollcall import Report, Site
from conference.chair.voting.question import FOR, Question, Way
from conference.chair.voting.vote import Voter
from conference.ground.events import Reason
from tests.conference.chair.course.test_course import Sitting
from tests.conference.hall_doubles import HallParty
from tests.conference.parties import Party

MAY = "hall_terminal.may"
LINK = "personal_link.m1.a"
MAY_SITE = Site(MAY, "Xã Máy", terminal="may", link="m1")
TINH, XA = Site("tinh", "Tỉnh"), Site("xa", "Xã")


@pytest.fixture
def sitting() -> Sitting:
    return Sitting()


async def listed(sitting: Sitting, delegates: int = 4) -> None:
    """Call the roll, in which the unit reports by its link."""
    roll = sitting.course.roll
    await roll.prepare(sitting.by, (MAY_SITE, TINH, XA))
    await roll.report(sitting.conference.machines.by(LINK, "Xã Máy", "page"), LINK, Report(delegates))
    await roll.begin(sitting.by)
    for site in (MAY, "tinh", "xa"):
        await roll.press(sitting.by, site, "present")


def entitled(sitting: Sitting) -> dict[str, tuple[int, int]]:
    vote = sitting.conference.polls.votes.open
    assert vote is not None
    return {one.identity: (one.delegates, one.present) for one in vote.entitled}


def late(sitting: Sitting) -> set[str]:
    """Return who may be admitted to the open vote, as hosts read it."""
    assert "vote_late" not in sitting.document("member")
    return set(sitting.document("host").get("vote_late", {}))


async def test_a_site_has_one_ballot_by_whichever_of_its_participants(sitting: Sitting) -> None:
    """Its ballot follows who stands for the site: the link of the unit, then the terminal, then the link again."""
    Party(sitting.world, LINK)
    await listed(sitting)
    polls = sitting.conference.polls
    vote = await polls.prepare(sitting.by, Question("Q", way=Way.HANDS))
    both = [Voter(LINK, "Xã Máy", 4), Voter(MAY, "Xã Máy"), Voter("tinh", "Tỉnh"), Voter("xa", "Xã")]
    await polls.open(sitting.by, vote, both)
    assert late(sitting) == {"chu", "khach"}, "all others are entitled"
    once = {"tinh": (1, 1), "xa": (1, 1)}
    assert entitled(sitting) == {"m1": (4, 4), **once}, "the terminal is away"
    terminal = HallParty(sitting.world, MAY)
    sitting.world.pass_time(1.5)
    assert late(sitting) == {"chu", "khach", MAY}, "the terminal may take the ballot of its site"
    await polls.admit(sitting.by, vote, MAY)
    assert late(sitting) == {"chu", "khach"}, "the link is not offered while the terminal stands for the site"
    assert entitled(sitting) == {MAY: (4, 4), **once}, "the terminal stands for the site now"
    with pytest.raises(Refusal, match="vote_site_other"):
        await polls.admit(sitting.by, vote, LINK)
    with pytest.raises(Refusal, match="vote_not_entitled"):
        await polls.count(sitting.conference.machines.by(LINK, "Xã Máy", "page"), vote, LINK, (1, 0, 0))
    await polls.annul(sitting.by, vote, "x")

    for expected in (both, []):
        vote = await polls.prepare(sitting.by, Question("Q", phones=True))
        await polls.open(sitting.by, vote, expected)
        assert {MAY, f"{MAY}\x1f4"} < entitled(sitting).keys(), "the terminal is here"
        assert "m1" not in entitled(sitting)
        assert late(sitting) == ({"chu", "khach"} if expected else set())
        await polls.annul(sitting.by, vote, "x")

    vote = await polls.prepare(sitting.by, Question("Q", phones=True))
    await polls.open(sitting.by, vote, both)
    code = polls.votes.all[-1].codes[MAY]
    await polls.phones.claim(code, "phone")
    terminal.hall.leave(Reason.CLIENT_INITIATED)
    await polls.admit(sitting.by, vote, LINK)
    found = polls.votes.open
    assert found is not None
    assert [one.identity for one in found.entitled] == ["m1", "m1\x1f2", "m1\x1f3", "m1\x1f4", "tinh", "xa"]
    assert (list(found.codes), len(found.claims)) == (["m1"], 0)
    with pytest.raises(Refusal, match="vote_code_wrong"):
        await polls.phones.claim(code, "phone")
    await polls.cast(sitting.conference.machines.by(LINK, "Xã Máy", "page"), vote, (FOR,))
    HallParty(sitting.world, MAY)
    with pytest.raises(Refusal, match="vote_begun"):
        await polls.admit(sitting.by, vote, MAY)


async def test_the_first_window_of_a_link_stands_and_each_window_reports(sitting: Sitting) -> None:
    """A second window, or a second person with the link, takes nothing from the first. The lobby stands for no site."""
    roll, machines = sitting.course.roll, sitting.conference.machines
    first, second = Party(sitting.world, LINK), Party(sitting.world, "personal_link.m1.b")
    await roll.prepare(sitting.by, (MAY_SITE, TINH, XA))
    sitting.world.pass_time(1.0)
    assert sitting.document("host")["roll_sites"][MAY]["i"] == LINK
    await roll.report(machines.by("personal_link.m1.b", "Xã Máy", "page"), "personal_link.m1.b", Report(3))
    await roll.report(machines.by(LINK, "Xã Máy", "page"), LINK, Report(4, "Lê Văn Cường"))
    assert sitting.document("host")["roll_sites"][MAY]["d"] == 4
    assert sitting.document("member")["reported"][LINK]["h"] == "Lê Văn Cường"

    sitting.conference.expel(first.participant, Reason.CLIENT_INITIATED)
    sitting.course.breaks.begin_closed(sitting.by, (second.participant.identity,))
    await roll.begin(sitting.by)
    sitting.world.pass_time(1.0)
    spotlight = machines.spotlight
    assert (roll.state.current.site.id if roll.state.current else "", spotlight.identity) == (MAY, "")
    sitting.course.breaks.end_closed(sitting.by)
    sitting.world.pass_time(1.0)
    assert spotlight.identity == "personal_link.m1.b", "the site is here again, and is called"
    sitting.course.breaks.put_apart(sitting.by, "personal_link.m1.b")
    sitting.world.pass_time(1.0)
    assert (spotlight.identity, machines.staged("personal_link.m1.b")) == ("", False)


@pytest.mark.parametrize("named", [True, False])
async def test_a_terminal_in_the_lobby_leaves_the_ballot_and_the_report_to_the_link(
    sitting: Sitting, named: bool
) -> None:
    Party(sitting.world, LINK)
    await listed(sitting)
    HallParty(sitting.world, MAY)
    sitting.course.breaks.put_apart(sitting.by, MAY)
    sitting.world.pass_time(1.5)
    polls, by = sitting.conference.polls, sitting.conference.machines.by(LINK, "Xã Máy", "page")
    with pytest.raises(Refusal, match="roll_call_over"):  # not `roll_call_site`: the own site, which is marked already
        await sitting.course.roll.report(by, LINK, Report(3))
    assert sitting.document("host")["roll_sites"][MAY]["i"] == LINK
    vote = await polls.prepare(sitting.by, Question("Q", phones=True))
    await polls.open(sitting.by, vote, [Voter(LINK, "Xã Máy", 3), Voter(MAY, "Xã Máy")] if named else [])
    assert "m1" in entitled(sitting)
    assert MAY not in entitled(sitting)
    await polls.cast(by, vote, (FOR,))
    await polls.annul(sitting.by, vote, "x")

    sitting.course.breaks.readmit(sitting.by, MAY)
    vote = await polls.prepare(sitting.by, Question("Q"))
    await polls.open(sitting.by, vote, [])
    assert MAY in entitled(sitting)
    assert "m1" not in entitled(sitting)
