"""Forms of names for search: without diacritics, đ as d, in lower case, with single spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from itertools import count

from rooms import limits

_BLANKS = re.compile(r"\s+")
_NO_CODE = re.compile(r"[^a-z0-9]+")
_REFUSED = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")

_UNSEEN = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u206a-\u206f\u2800\u3164\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that show nothing. With them two names look alike, or a name looks empty."""


def plain(text: str) -> str:
    """Return the search form: "Đức Hòa" and "duc hoa" give the same text."""
    parts = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    kept = "".join(letter for letter in parts if not unicodedata.combining(letter))
    return _BLANKS.sub(" ", kept).strip().lower()


def code_of(text: str) -> str:
    """Return a code made of a name: "Sở Y tế" gives "so-y-te". Empty if the name has no letter or digit."""
    return _NO_CODE.sub("-", plain(cleaned(text))).strip("-")


def free(own: str, taken: Collection[str]) -> str:
    """Return `own`, or else the first of "own-2", "own-3" and so on that is not taken."""
    return own if own not in taken else next(one for n in count(2) if (one := f"{own}-{n}") not in taken)


def cleaned(text: str) -> str:
    """Return a typed name in its stored form: NFC, single spaces, no control, direction or invisible characters."""
    seen = _UNSEEN.sub("", unicodedata.normalize("NFC", text))
    return _BLANKS.sub(" ", _REFUSED.sub(" ", seen)).strip()


def searched(text: str) -> str:
    """Return a search text for comparison with stored `plain` names. It has a limited length and no characters that a database
    refuses.
    """
    return plain(cleaned(text[: limits.SEARCH_CHARS].encode(errors="ignore").decode()))
