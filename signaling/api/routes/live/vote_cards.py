"""The routes of the ballots by phone: the page of a site's code, which needs no account.

The code of the site gives the right, and a secret of the phone holds its card. No answer and no error names the choice of a
secret ballot.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from conference.chair.voting import cards, views
from conference.chair.voting import limits as bounds
from conference.chair.voting.polls import Polls
from conference.chair.voting.refusals import refusal
from signaling.api.ground.problems import refused
from signaling.api.routes.live.hosts import address_of, counted
from signaling.host import limits
from signaling.host.bodies import Body
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle, network
from signaling.orders.doorway import Doorway


class CardBearer(Body):
    """A phone at a site: the code that the site shows, and the secret that the phone keeps."""

    model_config = ConfigDict(hide_input_in_errors=True)
    code: str = Field(min_length=1, max_length=limits.VOTE_CODE_CHARACTERS)
    phone: str = Field(pattern=r"^[A-Za-z0-9_-]{22,43}$", description="Random, 128 bits or more, as base64url.")


class CardWanted(CardBearer):
    """A phone that reads or takes a card. `known`: the votes in which the phone has a card by another code, so that a new code of
    its site gives no second card.
    """

    known: list[str] = Field(default_factory=list, max_length=limits.VOTES_KNOWN)


class CardBallot(CardBearer):
    """A ballot: the marked options, from 0. `name`: who votes, for a vote by name; empty: the number of the card is shown."""

    vote: str = Field(min_length=1, max_length=bounds.ID_CHARACTERS)
    choices: list[int] = Field(max_length=bounds.OPTIONS, repr=False)
    name: str = Field(default="", max_length=bounds.CARD_NAME_CHARACTERS)


class Card(BaseModel):
    """The card of a phone and the open vote. `choices`: the own ballot of a vote by name; null: none, or the vote is secret."""

    site: str
    number: int = Field(description="Of the card at its site. 0: the vote is secret, and nobody reads the number.")
    vote: str
    title: str
    text: str
    kind: Literal["motion", "election"]
    way: Literal["named", "secret"]
    options: list[str]
    seats: int
    voted: bool
    choices: list[int] | None
    name: str
    receipt: str = Field(default="", description="Only in the answer to a secret ballot with receipts.")


def routes(around: Doorway) -> APIRouter:
    router = new_router("desk")
    tries = Throttle(around.shared, "tries of vote codes", limits.VOTE_CODE_TRIES_PER_MINUTE)
    claims = Throttle(around.shared, "claims of vote cards", limits.VOTE_CARDS_PER_MINUTE)
    ballots = Throttle(around.shared, "ballots of vote cards", limits.VOTE_CARD_BALLOTS_PER_MINUTE)

    def find(request: Request, code: str) -> Polls:
        """Return the votes of the meeting whose open vote has this code. Raise Refusal `vote_code_wrong`, `too_many_requests`."""
        registry, important = around.meetings.registry, around.meetings.is_important
        every = (one.polls for one in registry.all() if not important(one.name)) if registry is not None else ()
        found = next((one for one in every if one.phones.knows(code)), None)
        if found is None:
            raise counted(refusal("vote_code_wrong"), around, request, tries)
        return found

    def bound(request: Request, code: str) -> None:
        """Count a request of a phone without a card, by code and network. Raise Refusal `too_many_requests`."""
        place = f"{cards.read_code(code)} {network(address_of(request))}"
        if not claims.takes_key(place, around.now()):
            raise refused("too_many_requests")

    @router.post("/vote-cards", openapi_extra=needs(SECRET))
    async def take_card(request: Request, wanted: CardWanted) -> Card:
        """Take a card of the site with this code, without an account. A phone that asks again reads its own card. Refused with
        `vote_code_wrong`, `vote_site_away`, `vote_cards_used`, `not_stored`, `too_many_requests`, and with
        `vote_cards_withdrawn` if a new code has replaced this code. `vote_card_kept`: the code is of a vote in `known`.
        """
        polls = find(request, wanted.code)
        if not polls.phones.holds(wanted.code, wanted.phone):
            bound(request, wanted.code)
            if polls.votes.open is not None and polls.votes.open.id in wanted.known:
                raise refusal("vote_card_kept")
        return await _shown(polls, wanted)

    @router.post("/vote-cards/ballot", openapi_extra=needs(SECRET))
    async def cast_by_card(request: Request, wanted: CardBallot) -> Card:
        """Cast the ballot of the card that this phone holds. A ballot by name may be changed until the closing; a secret ballot
        is final, and no time of a secret ballot is kept.

        Refused with `vote_code_wrong`, `vote_site_away`, `vote_cards_withdrawn`, `vote_cast_already`, `vote_choice_bad`,
        `not_stored`, `too_many_requests`.
        """
        polls = find(request, wanted.code)
        phones = polls.phones
        if not phones.holds(wanted.code, wanted.phone):
            if not phones.is_old(wanted.code):
                raise counted(refusal("vote_code_wrong"), around, request, tries)
            bound(request, wanted.code)
        elif not phones.secret and not ballots.takes_key(cards.hashed(wanted.phone), around.now()):
            raise refused("too_many_requests")
        told = await phones.cast(wanted.code, wanted.phone, wanted.vote, tuple(wanted.choices), wanted.name)
        shown = await _shown(polls, wanted)
        return shown.model_copy(update={"receipt": told.receipt})

    return router


async def _shown(polls: Polls, wanted: CardBearer) -> Card:
    vote, card = await polls.phones.claim(wanted.code, wanted.phone)
    own = views.own(polls.votes, card.identity)
    site = vote.voter(cards.site_of(card.identity))
    if own is None:  # the vote ended during the claim
        raise refusal("vote_code_wrong")
    question = vote.question
    return Card(
        site=site.name if site is not None else "",
        number=0 if vote.secret else cards.number_of(card.identity),
        vote=vote.id,
        title=question.title,
        text=question.text,
        kind=question.kind.value,
        way="secret" if vote.secret else "named",
        options=list(question.options),
        seats=question.seats,
        voted=own["voted"],
        choices=own.get("choices"),
        name=vote.names.get(card.identity, ""),
    )
