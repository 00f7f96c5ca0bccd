"""The cards by which the delegates of a site vote on their phones: taken, counted, and taken back."""

from __future__ import annotations

import random
import sys
from typing import Any

import pytest

from conference.chair.rights import Role
from conference.chair.voting import cards
from conference.chair.voting import limits as bounds
from conference.chair.voting.question import FOR, Question
from tests.conference.chair.test_polls import BY_PHONE, CHAIR, SECRET_BY_PHONE, Hall, Shelf, Store, refused
from tests.conference.parties import Party


async def test_a_site_or_a_leader_takes_cards_back() -> None:
    """The old code leads a phone with a ballot to its card, and tells every other phone to scan the new code."""
    world = Hall(address="https://hop.vn")
    world.polls.delegates = {"hoi-truong": 3, "an": 2}.get
    await world.opened(SECRET_BY_PHONE)
    row = world.row("host")["v"]["cards"]
    code, own = row["hoi-truong"]["code"], row["an"]["code"]
    first = (await world.polls.phones.claim(code, "one"))[1]
    second = (await world.polls.phones.claim(code, "two"))[1]
    await world.polls.phones.cast(code, "one", "v", (FOR,))
    for other in (world.by("an"), world.by("xa", Role.HALL), world.by("khach", Role.GUEST)):
        assert await refused(world.polls.phones.withdraw(other, "v", "hoi-truong")) == "not_allowed"
    await world.polls.phones.withdraw(CHAIR, "v", "hoi-truong")
    row = world.row("host")["v"]["cards"]
    fresh = row["hoi-truong"]["code"]
    assert (fresh != code, row["hoi-truong"].get("taken"), row["an"]["code"]) == (True, None, own)
    assert f"https://hop.vn/phieu#{fresh}" in world.codes()
    phones = world.polls.phones
    assert await refused(phones.claim(code, "two")) == "vote_cards_withdrawn"
    assert await refused(phones.claim(code, "three")) == "vote_cards_withdrawn"
    assert await refused(phones.cast(code, "two", "v", (FOR,))) == "vote_cards_withdrawn"
    assert (await phones.claim(code, "one"))[1] == first
    assert (await phones.claim(fresh, "four"))[1] == second, "the only free card"
    await phones.claim(own, "five")
    await world.polls.phones.withdraw(world.by("an"), "v", "an")
    mine = world.polls.own("an")
    assert mine is not None
    assert (mine["cards"], mine["taken"], mine["code"] != own) == (1, None, True)
    kinds = [(one.kind, one.on) for one in world.store.records if one.kind == "vote_cards_withdrawn"]
    assert kinds == [("vote_cards_withdrawn", "hoi-truong"), ("vote_cards_withdrawn", "an")]
    after = Hall(Store(world.store.forms), Shelf(world.shelf.keys))
    assert await refused(after.polls.phones.claim(code, "two")) == "vote_cards_withdrawn"
    assert (await after.polls.phones.claim(code, "one"))[1] == first


@pytest.mark.parametrize("question", [BY_PHONE, SECRET_BY_PHONE])
async def test_the_card_of_a_secret_vote_is_a_random_free_one(question: Question) -> None:
    """The lowest free card would tell how many phones of the site had voted before a withdrawal."""
    world = Hall()
    world.polls.delegates = {"xa": 8}.get
    await world.opened(question)
    phones = world.polls.phones
    for phone in "abcdefg":
        await phones.claim(world.vote().codes["xa"], phone)
    for phone in "abc":
        await phones.cast(world.vote().codes["xa"], phone, "v", (FOR,))
    await phones.withdraw(CHAIR, "v", "xa")
    vote = world.vote()
    free = {cards.number_of(one.identity) for one in vote.entitled if cards.is_card(one.identity)}
    free -= set(map(cards.number_of, vote.claims.values()))
    made = (cards.claimed(vote, "xa", "new", random.Random(seed).randbytes) for seed in range(100))
    given = {cards.number_of(one.claims["new"]) for one in made}
    assert len(free) == 4
    assert given == (free if vote.secret else {min(free)})


@pytest.mark.parametrize(("question", "shown"), [(BY_PHONE, [4, 1, 2]), (SECRET_BY_PHONE, [4, None, None])])
async def test_after_cards_were_taken_back_nobody_reads_how_many_phones_had_voted(
    question: Question, shown: list[int | None]
) -> None:
    """In a vote by name the hosts read each ballot, so the number tells nothing more."""
    world = Hall()
    world.polls.delegates = {"xa": 5, "hoi-truong": 5}.get
    await world.opened(question)
    seen, phones = [], world.polls.phones

    def look() -> None:
        mine, row = world.polls.own("xa"), world.row("host")["v"]["cards"]["xa"]
        assert mine is not None
        assert mine["taken"] == row.get("taken"), "the site reads the same as the hosts"
        seen.append(mine["taken"])

    for phone in "abcd":
        await phones.claim(world.vote().codes["xa"], phone)
    await phones.cast(world.vote().codes["xa"], "a", "v", (FOR,))
    look()
    await phones.withdraw(CHAIR, "v", "xa")
    look()
    await phones.claim(world.vote().codes["xa"], "e")
    look()
    assert seen == shown
    assert world.row("host")["v"]["cards"]["hoi-truong"]["taken"] == 0, "the other site took no cards back"


async def test_the_work_of_a_claim_grows_no_faster_than_the_sites() -> None:
    """Count the calls of functions in place of time, which a busy machine changes."""

    async def work(sites: int) -> int:
        world, calls = Hall(), 0
        names = [f"site-{number}" for number in range(sites)]
        for name in names:
            Party(world, name)
        world.settle()
        world.polls.delegates = dict.fromkeys(names, 3).get
        await world.opened(BY_PHONE)
        codes = world.vote().codes
        for name in names:
            await world.polls.phones.claim(codes[name], f"first of {name}")

        def count(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        try:
            await world.polls.phones.claim(codes[names[0]], "another")
        finally:
            sys.setprofile(None)
        return calls

    few, many = await work(10), await work(40)
    assert many < 6 * few, (few, many)


async def test_a_site_that_takes_its_cards_back_too_often_stops_no_other_site() -> None:
    world = Hall()
    world.polls.delegates = {"xa": 5, "hoi-truong": 5}.get
    await world.opened(SECRET_BY_PHONE)
    phones, hall = world.polls.phones, world.by("xa", Role.HALL)
    for _ in range(bounds.WITHDRAWALS):
        await phones.withdraw(hall, "v", "xa")
    for by in (hall, CHAIR):
        assert await refused(phones.withdraw(by, "v", "xa")) == "vote_withdrawals_many"
    before = world.vote().codes["hoi-truong"]
    await phones.withdraw(CHAIR, "v", "hoi-truong")
    assert world.vote().codes["hoi-truong"] != before
