"""The generated values of a node: numbers for objects in the packet plane, SSRCs and ICE credentials."""

from __future__ import annotations

import itertools
import string
from random import Random

from media.ground.parameters import Credentials

_ICE_CHARACTERS = string.ascii_letters + string.digits


class Numbers:
    """A generator. `random` makes the values that an attacker must not guess."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self._next = itertools.count(1)

    def new_number(self) -> int:
        """Return a number that this process has not used before. 2**32 numbers last for years."""
        return next(self._next)

    def new_ssrc(self) -> int:
        return self.random.randrange(1, 1 << 32)

    def new_credentials(self, shard: int) -> Credentials:
        """Return new ICE credentials. The first character of our ufrag names the shard."""
        first = _ICE_CHARACTERS[shard]
        return Credentials(
            first + "".join(self.random.choices(_ICE_CHARACTERS, k=11)),  # 65 bits
            "".join(self.random.choices(_ICE_CHARACTERS, k=24)),  # 142 bits; RFC 8839 asks for 128
        )
