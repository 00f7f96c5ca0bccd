"""Letters as PDF, made by Typst with the fonts beside this file. Fonts of the system are not used.

Typst gets the words as data and never as markup. This module blocks: call it in a thread.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rooms.errors import Refusal
from rooms.meetings.letters.addressing import Personal
from rooms.meetings.letters.fields import MAIN_PLACE, checked

if TYPE_CHECKING:  # slow import: each function imports what it uses
    import typst

PREVIEW_PAGES = 4
"""Pages of a letter that the preview shows. Chosen. More: a larger answer. Fewer: the annex of a large meeting is not seen."""
PREVIEW_PPI = 96.0
"""Pixels per inch of the preview: 794 pixels for the width of A4. Chosen. More: larger answers. Fewer: small letters blur."""
HERE = Path(__file__).parent
FONTS = HERE / "fonts"
PAGE = HERE / "letter.typ"
SET_LETTERS = 300
"""Letters in one printed file; more are refused. Chosen. More: one request takes more processor time. Fewer: a large meeting
needs several files.
"""


def pdf(fields: Mapping[str, Any], made_at: datetime) -> bytes:
    """Return one letter as PDF/A-2b. `fields` is the result of `letters.checked`. `made_at` is the timestamp in the metadata of
    the file.
    """
    return _typeset([_page(fields)], made_at)


def pdf_set(fields: Mapping[str, Any], recipients: Sequence[Personal], made_at: datetime, pin: str = "") -> bytes:
    """Return one file with the same letter to each of `recipients`. Each letter has its own pages and page numbers, names only
    the recipient's own site, and shows the `pin` if people may join by browser. The PIN is stored nowhere.
    """
    if not 0 < len(recipients) <= SET_LETTERS:
        raise Refusal(
            "too_many_letters",
            f"Mỗi lần in nhiều nhất {SET_LETTERS} giấy mời.",
            f"print at most {SET_LETTERS} letters at a time",
        )
    page = _page(fields)
    main = [one for one in page["places"] if one.startswith(MAIN_PLACE)]
    return _typeset([{**page, **_own(one, main), "pin": pin} for one in recipients], made_at)


def preview(fields: Mapping[str, Any], *, draft: bool) -> tuple[list[bytes], int]:
    """Return the first pages of the letter as PNG pictures, and the number of all pages. `draft`: the pages are marked as a
    draft.
    """
    import typst

    pages: Any = typst.compile(
        PAGE,
        root=HERE,
        font_paths=_fonts(),
        format="png",
        ppi=PREVIEW_PPI,
        sys_inputs={"letters": json.dumps([{**_page(fields), "draft": draft}], ensure_ascii=False)},
    )
    every = pages if isinstance(pages, list) else [pages]
    return [one for one in every if one is not None][:PREVIEW_PAGES], len(every)


def _own(one: Personal, main: list[str]) -> dict[str, Any]:
    return {"recipients": [one.label], "sites": [], "places": [*main, *filter(None, (one.place,))]}


def qr_svg(address: str) -> str:
    """Return the QR code of an address, error correction M. Return an empty text for an empty address."""
    if not address:
        return ""
    import segno

    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(out, kind="svg", border=2, xmldecl=False, scale=4)
    return out.getvalue().decode()


def _page(fields: Mapping[str, Any]) -> dict[str, Any]:
    whole = checked(fields)
    return {**whole, "qr": qr_svg(whole["address"])}


def _typeset(letters: list[dict[str, Any]], made_at: datetime) -> bytes:
    import typst

    result = typst.compile(
        PAGE,
        root=HERE,
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"letters": json.dumps(letters, ensure_ascii=False)},
        pdf_standards="a-2b",
        timestamp=made_at.replace(microsecond=0),
    )
    assert isinstance(result, bytes)
    return result


@functools.cache
def _fonts() -> typst.Fonts:
    import typst

    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
