"""Names that people give themselves, made fit to be shown to others. Owns no names."""

from __future__ import annotations

import unicodedata

_UNWANTED = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def cleaned(text: str) -> str:
    """Composed (NFC), on one line, without control characters and without those that turn the direction of reading."""
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if c.isspace() or _is_wanted(c))
    return " ".join(kept.split())


def _is_wanted(character: str) -> bool:
    return unicodedata.category(character) not in _UNWANTED and character not in _BIDI
