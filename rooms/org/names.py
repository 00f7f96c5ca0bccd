"""Names as they are searched: without diacritics, đ as d, in lower case, blanks joined."""

from __future__ import annotations

import re
import unicodedata

from rooms import limits

_BLANKS = re.compile(r"\s+")
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")

_UNSEEN = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u206a-\u206f\u2800\u3164\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Shows nothing: two names look alike, or there seems to be none."""


def plain(text: str) -> str:
    """ "Đức Hòa" and "duc hoa" are the same."""
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return _BLANKS.sub(" ", kept).strip().lower()


def cleaned(text: str) -> str:
    """NFC, without control, direction and invisible characters, blanks joined: what may be stored of a typed name."""
    seen = _UNSEEN.sub("", unicodedata.normalize("NFC", text))
    return _BLANKS.sub(" ", _REFUSED.sub(" ", seen)).strip()


def searched(text: str) -> str:
    """What somebody looks for, as it can be compared with stored `plain` names: bounded, nothing that no database takes."""
    return plain(cleaned(text[: limits.SEARCH_CHARS].encode(errors="ignore").decode()))
