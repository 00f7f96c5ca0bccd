"""Names as they are searched: without diacritics, đ as d, in lower case, blanks joined."""

from __future__ import annotations

import re
import unicodedata

from rooms import limits

_BLANKS = re.compile(r"\s+")
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")


def plain(text: str) -> str:
    """ "Đức Hòa" and "duc hoa" are the same."""
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return _BLANKS.sub(" ", kept).strip().lower()


def cleaned(text: str) -> str:
    """NFC, without control and direction characters, blanks joined: what may be stored of a typed name."""
    return _BLANKS.sub(" ", _REFUSED.sub(" ", unicodedata.normalize("NFC", text))).strip()


def searched(text: str) -> str:
    """What somebody looks for, as it can be compared with stored `plain` names: bounded, nothing that no database takes."""
    return plain(cleaned(text[: limits.SEARCH_CHARS].encode(errors="ignore").decode()))
