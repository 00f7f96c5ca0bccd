"""LDIF (RFC 2849) from a directory (Active Directory, OpenLDAP) as plain entries. Only content is accepted: change records are
refused.

Many people typed the content of a directory. Therefore all sizes are limited, and no URL in the file is opened.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Final

from rooms.errors import Refusal

BYTES: Final = 64 * 1024 * 1024
ENTRIES: Final = 50_000
LINE_CHARACTERS: Final = 100_000
VALUES: Final = 2000
"""The most bytes of an answer of the directory, its entries, the characters of one line, and the lines of one entry. More are
refused. Chosen. Larger: a broken directory uses more memory. Smaller: a large directory cannot be imported.
"""
_ATTRIBUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9.-]{0,99})(?:;[A-Za-z0-9;.-]{1,100})?:(:|<)? *(.*)", re.DOTALL)

Entry = Mapping[str, list[str]]
"""The values by the attribute's name in lower case, including `dn`."""


def read(content: bytes) -> list[Entry]:
    """Return all entries. Raise Refusal `file_too_large`, `file_malformed`, `too_many_rows`."""
    if len(content) > BYTES:
        raise Refusal("file_too_large", f"Tệp lớn quá {BYTES >> 20} MB.", f"the file is larger than {BYTES >> 20} MB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _malformed(0) from error
    entries: list[Entry] = []
    for first, lines in _blocks(text):
        entry = _entry(first, lines)
        if entry:
            entries.append(entry)
        if len(entries) > ENTRIES:
            raise Refusal("too_many_rows", f"Nhiều hơn {ENTRIES} mục.", f"more than {ENTRIES} entries")
    return entries


def first(entry: Entry, name: str) -> str:
    """Return the first value. Empty: there is no value."""
    return next(iter(entry.get(name.lower(), ())), "").strip()


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the first line, unfolded lines) of each block between empty lines, without comments."""
    block: list[str] = []
    start, comment = 1, False
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line:
            if block:
                yield start, block
            block, start, comment = [], number + 1, False
        elif line.startswith(" "):
            if not comment:
                _continue(block, line, number)
        else:
            comment = line.startswith("#")
            if not comment:
                block.append(line)
        if len(block) > VALUES:
            raise _malformed(number)
    if block:
        yield start, block


def _continue(block: list[str], line: str, number: int) -> None:
    if not block or len(block[-1]) + len(line) > LINE_CHARACTERS:
        raise _malformed(number)
    block[-1] += line[1:]


def _entry(number: int, lines: list[str]) -> Entry:
    values: dict[str, list[str]] = {}
    for line in lines:
        match = _ATTRIBUTE.fullmatch(line) if len(line) <= LINE_CHARACTERS else None
        if match is None or match[2] == "<" or match[1].lower() == "changetype":
            raise _malformed(number)
        values.setdefault(match[1].lower(), []).append(_value(match[3], number, packed=match[2] == ":"))
    return values if "dn" in values else {}


def _value(text: str, number: int, *, packed: bool) -> str:
    """Decode a value. Bytes that are not text (photographs) become an empty value."""
    if not packed:
        return text
    try:
        content = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(number) from error
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""


def _malformed(number: int) -> Refusal:
    return Refusal(
        "file_malformed",
        f"Tệp LDIF sai cú pháp ở mục bắt đầu từ dòng {number}.",
        f"malformed LDIF in the entry that begins at line {number}",
    )
