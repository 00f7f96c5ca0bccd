"""The one kind of refusal: expected, with a stable code, words for people and, where it helps, the way out.

`conference.Refusal` is a Refusal whose words are found by its code.

Does not own how a refusal looks on a wire: `signaling.api` keeps the one table from `code` to HTTP status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong, for a refusal that names several (a field, a row of a file, a clash)."""

    code: str
    vietnamese: str
    english: str
    where: str = ""
    """A field (`starts_at`), or a row and column (`7:email`)."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Plain values only: it is shown as JSON."""


class Refusal(Exception):
    """Expected "no". Nothing was written. `code` is stable; Vietnamese is for people, English for both."""

    def __init__(self, code: str, vietnamese: str, english: str, troubles: Sequence[Trouble] = ()) -> None:
        self.code = code
        self.vietnamese = vietnamese
        self.english = english
        self.troubles = tuple(troubles)
        super().__init__(f"{code}: {english}")
