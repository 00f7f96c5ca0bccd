"""Cleans the names that people give themselves, before other people see them. Stores no names."""

from __future__ import annotations

import unicodedata

_UNWANTED = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
"""Unicode categories to remove. Cf changes the direction of reading or is invisible (zero-width, soft hyphen, tags). With Cf,
two different names can look alike.
"""
_BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing."""


def cleaned(text: str) -> str:
    """Return the text composed (NFC), on one line, without control characters, direction marks and invisible characters."""
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if c.isspace() or _is_wanted(c))
    return " ".join(kept.split())


def _is_wanted(character: str) -> bool:
    return unicodedata.category(character) not in _UNWANTED and character not in _BLANK


def folded(text: str) -> str:
    """Return a form for comparing: only letters and digits, without case and diacritics."""
    parts = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return "".join(c for c in parts if c.isalnum())
