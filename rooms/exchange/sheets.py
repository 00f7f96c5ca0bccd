"""Reading and writing of CSV and XLSX files as rows of text. This module does not know the meaning of the cells.

Users upload the files, so all sizes are limited before a file is unpacked. Reading takes time: call it in a thread.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from rooms import limits
from rooms.errors import Refusal

STARTS_FORMULA: Final = frozenset("=+-@\t\r\n|%＝＋－＠")
"""First characters of a cell that Excel and other programs may take for a formula (CWE-1236)."""
NO_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 cannot contain."""
SEPARATORS: Final = (",", ";", "\t")


@dataclass(frozen=True)
class Sheet:
    """The content of a file. `rows`: (line in the file, cells), without empty lines. `headings`: as typed. All rows have the
    same width.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(content: bytes) -> Sheet:
    """Read a CSV file (UTF-8, with or without BOM; comma, semicolon or tab) or the first sheet of an XLSX file. The content
    decides the format.

    Raise Refusal: `file_too_large`, `file_empty`, `encoding_unknown`, `file_malformed`, `too_many_rows`, `too_many_columns`,
    `cell_too_long`.
    """
    if len(content) > limits.SHEET_BYTES:
        most = limits.SHEET_BYTES // 2**20
        raise Refusal("file_too_large", f"Tệp lớn quá {most} MB.", f"the file is larger than {most} MB")
    if not content.strip():
        raise Refusal("file_empty", "Tệp trống.", "the file is empty")
    lines = _xlsx(content) if content.startswith(b"PK\x03\x04") else _csv(content)
    return _bounded(lines)


def to_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV file in UTF-8 with BOM, so that Excel can read it. No cell can run as a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([guarded(one) for one in headings])
    writer.writerows([guarded(one) for one in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def to_xlsx(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return an XLSX file. Every cell is text, and no cell can run as a formula."""
    import openpyxl  # a heavy import

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    for row in (headings, *rows):
        sheet.append([_cell(sheet, guarded(one)) for one in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def for_people(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> bytes:
    """Return an XLSX file that no program reads back. The first rows are the notes. Every cell is text and begins with no added
    apostrophe. A program does not run a cell as a formula, also after a user edits the cell.
    """
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    for place, cells in enumerate(zip(headings, *rows, strict=True)):
        longest = max(len(line) for cell in cells for line in cell.split("\n"))
        width = min(longest, limits.SHEET_WIDTH) + 2
        sheet.column_dimensions[openpyxl.utils.get_column_letter(place + 1)].width = width
    for note in notes:
        sheet.append([_styled(sheet, note, bold=True)])  # without wrapping, a note runs over the next columns
    sheet.append([_styled(sheet, one, bold=True, wraps=True) for one in headings])
    for row in rows:
        sheet.append([_styled(sheet, one, wraps=True) for one in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def guarded(text: str) -> str:
    """Put an apostrophe before a text that could run as a formula, or that would lose its own apostrophe in `unguarded`. Pure."""
    first, second = text[:1], text[1:2]
    runs = first in STARTS_FORMULA or (first == "'" and _guards(second))
    return f"'{text}" if runs else text


def unguarded(text: str) -> str:
    """Return the text that was given to `guarded`."""
    return text[1:] if text[:1] == "'" and text[1:2] and _guards(text[1]) else text


def _guards(second: str) -> bool:
    return second in STARTS_FORMULA or second == "'"


def _bounded(lines: Iterable[tuple[int, Sequence[str]]]) -> Sheet:
    found: list[tuple[int, tuple[str, ...]]] = []
    for number, cells in lines:
        if len(cells) > limits.SHEET_COLUMNS and any(cells[limits.SHEET_COLUMNS :]):
            most = limits.SHEET_COLUMNS
            raise Refusal(
                "too_many_columns", f"Dòng {number}: quá {most} cột.", f"line {number}: more than {most} columns"
            )
        kept = tuple(unguarded(one).strip() for one in cells[: limits.SHEET_COLUMNS])
        if any(len(one) > limits.CELL_CHARS for one in kept):
            most = limits.CELL_CHARS
            raise Refusal(
                "cell_too_long",
                f"Dòng {number}: có ô dài quá {most} ký tự.",
                f"line {number}: a cell has more than {most} characters",
            )
        while kept and not kept[-1]:
            kept = kept[:-1]
        if kept:
            found.append((number, kept))
        if len(found) > limits.SHEET_ROWS + 1:
            raise _too_many_rows()
    if not found:
        raise Refusal("file_empty", "Tệp không có dòng nào.", "the file has no rows")
    width = max(len(cells) for _, cells in found)
    rows = [(number, cells + ("",) * (width - len(cells))) for number, cells in found]
    return Sheet(rows[0][1], tuple(rows[1:]))


def _csv(content: bytes) -> Iterable[tuple[int, Sequence[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _encoding() from None
    if "\0" in text:
        raise _encoding()
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        line = reader.line_num
        raise Refusal("file_malformed", f"Dòng {line} không đúng dạng CSV.", f"line {line} is not valid CSV") from None


def _too_many_rows() -> Refusal:
    most = limits.SHEET_ROWS
    return Refusal(
        "too_many_rows", f"Tệp có quá {most} dòng. Hãy chia nhỏ.", f"the file has more than {most} rows: split it"
    )


def _encoding() -> Refusal:
    return Refusal(
        "encoding_unknown",
        "Tệp không phải UTF-8. Trong Excel hãy chọn “Lưu thành”, kiểu “CSV UTF-8”, hoặc dùng tệp .xlsx.",
        "the file is not UTF-8: save it as “CSV UTF-8” or .xlsx",
    )


def _separator(text: str) -> str:
    first = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").split("\n", 1)[0])
    return max(SEPARATORS, key=first.count)


def _xlsx(content: bytes) -> Iterable[tuple[int, Sequence[str]]]:
    import openpyxl

    malformed = Refusal(
        "file_malformed",
        "Tệp Excel bị hỏng hoặc không đúng dạng .xlsx.",
        "the file is damaged, or is not an .xlsx file",
    )
    try:
        book = openpyxl.load_workbook(_readable_parts(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        last = limits.SHEET_ROWS * 2
        rows = sheet.iter_rows(max_row=last, max_col=limits.SHEET_COLUMNS + 1, values_only=True)
        for number, cells in enumerate(rows, 1):
            if number == last:
                raise _too_many_rows()
            yield number, [_text(one) for one in cells]
        book.close()
    except Refusal:
        raise
    except Exception:
        raise malformed from None


def _readable_parts(content: bytes) -> io.BytesIO:
    """Return only the XML of a workbook, after a check of each part.

    The workbook reader follows relationships to parts of any name, so a check of names alone is not enough. Parts that are not
    named `.xml` or `.rels` (pictures, settings of printers) are left out. The directory of the archive limits the unpacked size
    of a part, because the reader never unpacks more.
    """
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(kept, "w") as checked:
        parts = archive.infolist()
        if len(parts) > limits.XLSX_PARTS or sum(one.file_size for one in parts) > limits.XLSX_UNPACKED_BYTES:
            raise Refusal("file_too_large", "Tệp Excel quá lớn khi giải nén.", "the unpacked file is too large")
        for one in parts:
            if one.filename.endswith((".xml", ".rels")):
                text = archive.read(one)
                _check_markup(text)
                checked.writestr(one.filename, text)
    kept.seek(0)
    return kept


_LONG_TAG = re.compile(rb"<[^<>]{%d}" % limits.XLSX_TOKEN_BYTES)
_ENCLOSED = ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>"))


def _check_markup(text: bytes) -> None:
    """Refuse entities, encodings other than UTF-8, and very long markup, which expat before 2.6 reads in quadratic time."""
    strange = text[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in text or b"<!DOCTYPE" in text or b"<!ENTITY" in text
    if strange or _LONG_TAG.search(text) or any(_has_long(text, *marks) for marks in _ENCLOSED):
        raise Refusal(
            "file_malformed", "Tệp Excel có nội dung không được phép.", "the file has XML markup that is not allowed"
        )


def _has_long(text: bytes, begin: bytes, end: bytes) -> bool:
    """Report whether a comment, a CDATA section or a processing instruction is too long or has no end."""
    at = text.find(begin)
    while at >= 0:
        closed = text.find(end, at, at + limits.XLSX_TOKEN_BYTES)
        if closed < 0:
            return True
        at = text.find(begin, closed)
    return False


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "có" if value else "không"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) == (0, 0, 0):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, date) and not isinstance(value, datetime):
        return f"{value:%d/%m/%Y}"
    return str(value)


def _cell(sheet: Any, text: str) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=NO_XML.sub("\N{REPLACEMENT CHARACTER}", text))
    cell.data_type = "s"
    return cell


def _styled(sheet: Any, text: str, *, bold: bool = False, wraps: bool = False) -> Any:
    from openpyxl.styles import Alignment, Font

    cell = _cell(sheet, text)
    cell.quotePrefix = True  # the mark "text" of a cell, which Excel does not show
    cell.font = Font(bold=bold)
    cell.alignment = Alignment(wrap_text=wraps, vertical="top")
    return cell
