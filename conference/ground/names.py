"""Names that people give themselves, made fit to be shown to others. Owns no names."""

from __future__ import annotations

import unicodedata

_UNWANTED = {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}
"""Cf: whatever turns the direction of reading or is not seen (zero-width, soft hyphen, tags), so that two names look alike."""
_BLANK = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing."""


def cleaned(text: str) -> str:
    """Composed (NFC), on one line, without control characters, those that turn the direction of reading, and invisible ones."""
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if c.isspace() or _is_wanted(c))
    return " ".join(kept.split())


def _is_wanted(character: str) -> bool:
    return unicodedata.category(character) not in _UNWANTED and character not in _BLANK


def folded(text: str) -> str:
    """For comparing: letters and digits alone, without case and marks."""
    parts = unicodedata.normalize("NFKD", text.casefold().replace("đ", "d"))
    return "".join(c for c in parts if c.isalnum())
