"""The form of address of the office: the word before a name in sentences to people. The default is none.

Letters keep the forms of Decree 30/2020/NĐ-CP. English sentences have no form of address.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org.names import cleaned
from rooms.store.tables.booking import Setting

ADDRESS: Final = "address"
NONE: Final[Mapping[str, Any]] = {"word": ""}
WORD: Final = re.compile(r"[^\W\d_]+(?:[ /][^\W\d_]+){0,4}")
MOST = 30
"""Characters of the word. Chosen. More: sentences that no line holds. Fewer: "Quý đại biểu" is refused below 12."""


async def word(session: AsyncSession) -> str:
    """Return the word, such as "Đồng chí". Empty: people are named without a word."""
    stored = await session.get(Setting, ADDRESS)
    return str(stored.value["word"]) if stored is not None else ""


def named(chosen: str, name: str) -> str:
    """Return the name with the word before it."""
    return f"{chosen} {name}" if chosen else name


def is_good(value: Mapping[str, Any]) -> bool:
    """Report whether the setting has a word of letters, or none."""
    given = value.get("word")
    if set(value) != {"word"} or not isinstance(given, str) or len(given) > MOST or given != cleaned(given):
        return False
    return given == "" or WORD.fullmatch(given) is not None
