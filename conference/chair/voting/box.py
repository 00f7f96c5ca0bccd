"""The ballot box of a secret vote: who has voted, and the ballots, with no relation between the two.

Owns the sealed form for the database. `VOTES.md` says why the form joins no ballot to a name. Knows no place where keys are
kept (`keys.py`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Randomness = Callable[[int], bytes]
"""Returns random bytes; the argument is their number."""

KEY_BYTES: Final = 32  # AES-256
_NONCE: Final = bytes(12)
"""Each key seals one box only, so the nonce may be the same (NIST SP 800-38D section 8.2: unique for each key)."""
_MARKS_BYTES: Final = 8
RECEIPT_BYTES: Final = 8
_COUNT_BYTES: Final = 2


class Ballot(NamedTuple):
    receipt: bytes
    """Random; empty without receipts."""
    marks: int

    def __repr__(self) -> str:
        return "Ballot()"


@dataclass(frozen=True, slots=True)
class Box:
    """The ballots in a sorted order that does not depend on the order of arrival. `repr` shows no content, so no log does."""

    voted: frozenset[str] = field(default=frozenset(), repr=False)
    ballots: tuple[Ballot, ...] = field(default=(), repr=False)


def put(box: Box, voter: str, ballot: Ballot) -> Box:
    """Return the box with one more ballot. The caller has checked that this person has not voted."""
    assert voter not in box.voted
    return Box(box.voted | {voter}, tuple(sorted((*box.ballots, ballot))))


def shuffled(ballots: Iterable[Ballot], randomness: Randomness) -> tuple[Ballot, ...]:
    return tuple(sorted(ballots, key=lambda _: randomness(16)))


# -- the sealed form


class Opened(NamedTuple):
    """What a sealed form held."""

    box: Box
    claims: bytes
    """The phones that have cards, as `cards.packed` writes them. Empty: the vote has no cards."""

    def __repr__(self) -> str:
        return "Opened()"


def seal(box: Box, vote: str, entitled: Sequence[str], receipts: bool, key: bytes, claims: bytes = b"") -> str:
    """Return the sealed box in base64. Its length depends only on the number of the entitled, never on the ballots. `claims`: of
    phones, with a length that depends only on the number of cards.
    """
    voted = sum(1 << place for place, one in enumerate(entitled) if one in box.voted)
    width = _MARKS_BYTES + (RECEIPT_BYTES if receipts else 0)
    ballots = b"".join(one.receipt + one.marks.to_bytes(_MARKS_BYTES, "big") for one in box.ballots)
    plain = voted.to_bytes(len(entitled) // 8 + 1, "big") + len(box.ballots).to_bytes(_COUNT_BYTES, "big")
    plain += ballots.ljust(width * len(entitled), b"\0") + claims
    return base64.b64encode(AESGCM(key).encrypt(_NONCE, plain, vote.encode())).decode()


def unseal(sealed: str, vote: str, entitled: Sequence[str], receipts: bool, keys: Iterable[bytes]) -> Opened | None:
    """Return what the form held. None: no key opens it."""
    for key in keys:
        try:
            plain = AESGCM(key).decrypt(_NONCE, base64.b64decode(sealed), vote.encode())
        except (InvalidTag, ValueError):
            continue
        return _read(plain, entitled, receipts)
    return None


def _read(plain: bytes, entitled: Sequence[str], receipts: bool) -> Opened:
    first = len(entitled) // 8 + 1
    voted = int.from_bytes(plain[:first], "big")
    count = int.from_bytes(plain[first : first + _COUNT_BYTES], "big")
    head, width = RECEIPT_BYTES if receipts else 0, _MARKS_BYTES + (RECEIPT_BYTES if receipts else 0)
    rows = [plain[first + _COUNT_BYTES + width * place :][:width] for place in range(count)]
    ballots = tuple(Ballot(row[:head], int.from_bytes(row[head:], "big")) for row in rows)
    voters = frozenset(one for place, one in enumerate(entitled) if voted >> place & 1)
    return Opened(Box(voters, ballots), plain[first + _COUNT_BYTES + width * len(entitled) :])
