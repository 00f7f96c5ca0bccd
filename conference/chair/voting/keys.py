"""The keys of the sealed boxes of one meeting: a fresh key for each stored form, and the old key is destroyed.

An attacker with the whole history of the database and one key can open one box: all ballots until then, without their order.
`VOTES.md` explains it. Does not know where the escrow keeps the keys.
"""

from __future__ import annotations

from typing import Protocol

from conference.chair.voting import limits
from conference.chair.voting.box import KEY_BYTES, Randomness


class Escrow(Protocol):
    """A place that survives the death of the process, but is in no database, no backup and no disk: a file in memory."""

    def hold(self, conference: str, keys: tuple[bytes, ...]) -> None:
        """Keep these keys, and destroy all others of the conference. Empty: none. Returns when a crash cannot lose them."""

    def held(self, conference: str) -> tuple[bytes, ...]:
        """Return the keys of a conference."""


class Keys:
    """The keys of one conference. `fresh`, then the database, then `settle`."""

    def __init__(self, escrow: Escrow, conference: str, randomness: Randomness) -> None:
        self._escrow = escrow
        self._conference = conference
        self._randomness = randomness
        self._held = escrow.held(conference)

    @property
    def held(self) -> tuple[bytes, ...]:
        """The keys that may open the stored box."""
        return self._held

    def fresh(self) -> bytes:
        """Return a new key. Until `settle`, the escrow also holds the key of the form that the database has: the first one.

        If there are too many keys, the oldest is dropped of those that no answer of the database has settled.
        """
        key = self._randomness(KEY_BYTES)
        unsettled = (*self._held[1:], key)[-(limits.KEYS_HELD - 1) :]
        self._hold((*self._held[:1], *unsettled) if self._held else (key,))
        return key

    def settle(self, key: bytes = b"") -> None:
        """Destroy all keys except the key of the form that the database has now. Empty: the form has no sealed box."""
        self._hold((key,) if key else ())

    def _hold(self, keys: tuple[bytes, ...]) -> None:
        if keys != self._held:
            self._escrow.hold(self._conference, keys)
            self._held = keys
