"""The one class of refusals: an expected error with a stable code, a text for users and, where it helps, a way to continue.

`conference.Refusal` is a Refusal that finds its texts by its code.

This module does not own the form of a refusal in a response. `signaling.api` keeps the one table from `code` to HTTP status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Trouble:
    """An error in a refusal that reports several errors (a field, a row of a file, a clash)."""

    code: str
    vietnamese: str
    english: str
    where: str = ""
    """A field (`starts_at`), or a row and a column (`7:email`)."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Plain values only, because responses show the detail as JSON."""


class Refusal(Exception):
    """An expected refusal. Nothing was written. `code` is stable. Users read the Vietnamese text; English serves users and
    logs.
    """

    def __init__(self, code: str, vietnamese: str, english: str, troubles: Sequence[Trouble] = ()) -> None:
        self.code = code
        self.vietnamese = vietnamese
        self.english = english
        self.troubles = tuple(troubles)
        super().__init__(f"{code}: {english}")
