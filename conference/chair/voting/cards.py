"""The ballots of a site: its own, and one card for each further delegate whom the roll call counted. Phones take the cards. Pure.

A card is a voter with an identity of its own, so that it counts as every other ballot. `VOTES.md` gives the rules.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from conference.chair.voting.box import Randomness
from conference.chair.voting.refusals import refusal
from conference.chair.voting.vote import Cast, Vote, Voter
from conference.ground import limits
from conference.ground.names import cleaned

MARK: Final = "\x1f"
"""Stands between the identity of a site and the number of its card: a control character, which `check_token` and the orders
refuse in an identity.
"""
CODE_BYTES: Final = 5
"""40 bits, which are 8 characters of base32: people can type the code. Wrong codes are slowed by network."""
LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""The characters of codes: base32 of Crockford, without the letters I, L, O and U."""
_BRACKETS: Final = str.maketrans("", "", "()[]{}")
"""A written name stands in brackets behind the number of its card. A name with brackets could look like another card."""
RANDOM_BYTES: Final = 16  # as `box.shuffled` takes them
HASH_BYTES: Final = 32  # SHA-256
_ALIKE: Final = str.maketrans("OIL", "011", "- ")


def card(site: str, number: int) -> str:
    """Return the identity of a card. Number 1 is the ballot of the site itself: of its keypad or its page."""
    return site if number == 1 else f"{site}{MARK}{number}"


def is_card(identity: str) -> bool:
    return MARK in identity


def site_of(identity: str) -> str:
    return identity.partition(MARK)[0]


def number_of(identity: str) -> int:
    return int(identity.partition(MARK)[2] or 1)


def cards(voter: Voter, delegates: int) -> tuple[Voter, ...]:
    """Return the cards of a site with this number of present delegates. Empty: the site has its own ballot only."""
    made = []
    for number in range(2, delegates + 1):
        words = f", phiếu {number}"
        name = voter.name.encode()[: limits.NAME_BYTES - len(words.encode())].decode(errors="ignore") + words
        made.append(Voter(card(voter.identity, number), name))
    return tuple(made)


def codes(entitled: Iterable[Voter], known: Mapping[str, str], randomness: Randomness) -> dict[str, str]:
    """Return the code of each site that has cards, by site. A site keeps its known code."""
    sites = sorted({site_of(one.identity) for one in entitled if is_card(one.identity)})
    return {site: known.get(site) or _code(randomness(CODE_BYTES)) for site in sites}


def _code(random: bytes) -> str:
    number = int.from_bytes(random, "big")
    return "".join(LETTERS[number >> place & 31] for place in range(CODE_BYTES * 8 - 5, -1, -5))


def read_code(text: str) -> str:
    """Return a typed code as `codes` writes it. A person may type small letters, blanks and dashes, and confuse O with 0."""
    return text.upper().translate(_ALIKE)


def site_with(vote: Vote, code: str) -> str | None:
    """Return the site that has or had this code. None: there is none."""
    wanted = read_code(code)
    old = vote.old_codes.get(wanted)
    return next((site for site, known in vote.codes.items() if known == wanted), old)


def is_old(vote: Vote, code: str) -> bool:
    """Report whether a withdrawal has replaced this code."""
    return read_code(code) in vote.old_codes


def numbers(vote: Vote, site: str) -> list[int]:
    """Return the numbers of the cards of a site."""
    return sorted(
        number_of(one.identity) for one in vote.entitled if is_card(one.identity) and site_of(one.identity) == site
    )


def taken(vote: Vote) -> Counter[str]:
    """Return how many cards phones have, by site."""
    return Counter(map(site_of, vote.claims.values()))


def told(vote: Vote) -> dict[str, int | None]:
    """Return how many cards of each site phones have, as people may read it. None: the vote is secret, and cards of the site were
    taken back. Phones with a ballot kept theirs, so the number would tell how many phones of the site had voted at that moment.
    """
    known, secrets = taken(vote), set(vote.old_codes.values()) if vote.secret else set()
    return {site: None if site in secrets else known[site] for site in vote.codes}


def hashed(phone: str) -> str:
    """Return what is stored of the secret of a phone. The secret is random and long, so the hash needs no salt."""
    return hashlib.sha256(phone.encode()).hexdigest()


def packed(entitled: Iterable[str], claims: Mapping[str, str]) -> bytes:
    """Return the claims of a secret vote for its sealed form: a place for each card of the entitled. Zeros: the card is free."""
    phones = {one: bytes.fromhex(phone) for phone, one in claims.items()}
    return b"".join(phones.get(one, bytes(HASH_BYTES)) for one in entitled if is_card(one))


def unpacked(entitled: Iterable[str], claims: bytes) -> dict[str, str]:
    """Return the claims that `packed` wrote."""
    phones = (claims[at : at + HASH_BYTES] for at in range(0, len(claims), HASH_BYTES))
    return {phone.hex(): one for one, phone in zip(filter(is_card, entitled), phones, strict=False) if any(phone)}


def held(vote: Vote, site: str, phone: str) -> Voter | None:
    """Return the card of this site that a phone holds. None: it holds none. `phone`: the hash of its secret."""
    found = vote.voter(vote.claims.get(phone, ""))
    return found if found is not None and site_of(found.identity) == site else None


def claimed(vote: Vote, site: str, phone: str, randomness: Randomness) -> Vote:
    """Return the vote after a phone took a free card of a site: the next one, and in a secret vote a random one. Otherwise the
    number of the card would tell how many phones of the site had voted at a withdrawal. Raise Refusal `vote_cards_used`.
    """
    taken = set(vote.claims.values())
    free = [one for number in numbers(vote, site) if (one := card(site, number)) not in taken]
    if not free or phone in vote.claims:
        raise refusal("vote_cards_used")
    chosen = min(free, key=lambda _: randomness(RANDOM_BYTES)) if vote.secret else free[0]
    return replace(vote, claims={**vote.claims, phone: chosen})


def withdrawn(vote: Vote, site: str, randomness: Randomness) -> Vote:
    """Return the vote after the cards of a site that have no ballot were taken back. Their phones hold nothing. The site has a
    new code. A phone whose card has a ballot keeps the card, and finds it by the old code.
    """
    old = vote.codes[site]
    claims = {phone: one for phone, one in vote.claims.items() if site_of(one) != site or vote.has_voted(one)}
    fresh = codes(vote.entitled, {one: code for one, code in vote.codes.items() if one != site}, randomness)
    return replace(vote, claims=claims, codes=fresh, old_codes={**vote.old_codes, old: site})


def kept(vote: Vote) -> dict[str, str]:
    """Return the claims of the cards that the vote has: a site that is counted again may have fewer."""
    known = {one.identity for one in vote.entitled}
    return {phone: one for phone, one in vote.claims.items() if one in known}


def signed(vote: Vote, event: Cast) -> dict[str, str]:
    """Return the names that people wrote on their cards, after a ballot by name. Only a card has such a name."""
    name = cleaned(event.name.translate(_BRACKETS))
    others = {one: written for one, written in vote.names.items() if one != event.voter}
    return {**others, event.voter: name} if name and is_card(event.voter) else others


def shown_name(vote: Vote, voter: Voter) -> str:
    """Return the name of a voter with the name that the person wrote on the card."""
    written = vote.names.get(voter.identity, "")
    return f"{voter.name} ({written})" if written else voter.name
