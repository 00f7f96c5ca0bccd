"""The chair code of one meeting, by which a hall takes the chair with its keypad, and the wrong codes of each hall. Pure.

After `CHAIR_CODE_HALL_TRIES` wrong codes of one hall its keypad is shut, after `CHAIR_CODE_TRIES` of all halls every keypad.
Only an order of a leader opens them again.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from conference.ground import limits
from conference.ground.errors import Refusal


class Codes:
    """`code`: the chair code. Empty: this meeting has none."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.wrong: dict[str, int] = {}
        """The number of wrong codes, by the identity of the hall."""

    @property
    def all_shut(self) -> bool:
        return sum(self.wrong.values()) >= limits.CHAIR_CODE_TRIES

    def is_shut(self, identity: str) -> bool:
        """Report whether no code of this hall is accepted."""
        return not self.code or self.all_shut or self.wrong.get(identity, 0) >= limits.CHAIR_CODE_HALL_TRIES

    def fits(self, identity: str, code: str) -> bool:
        """Report whether the code is right. Count a wrong code, and forget the wrong codes of a hall with the right one."""
        if hmac.compare_digest(code.encode(), self.code.encode()):
            self.wrong.pop(identity, None)
            return True
        self.wrong[identity] = self.wrong.get(identity, 0) + 1
        return False

    def allow(self) -> None:
        """Accept the codes of all halls again. Raise Refusal `chair_codes_open`."""
        if not self.as_json():
            raise Refusal("chair_codes_open")
        self.wrong.clear()

    def restore(self, wrong: Mapping[str, Any]) -> None:
        self.wrong = {str(identity): int(count) for identity, count in wrong.items()}

    def as_json(self) -> dict[str, Any]:
        """Return who is shut, for the desk document. Empty: no hall."""
        if not self.code:
            return {}
        if self.all_shut:
            return {"all": True}
        halls = [one for one in self.wrong if self.is_shut(one)]
        return {"halls": halls} if halls else {}
