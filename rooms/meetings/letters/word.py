"""Letters as DOCX, from the office's own template or the built-in template.

A template comes from outside and may be hostile. `look_through` checks its archive before the archive is opened. A separate
process with a sandboxed template language and limited time, memory and output fills it. This module blocks: call it in a
thread.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

from rooms import limits
from rooms.errors import Refusal, Trouble
from rooms.meetings.letters.fields import LISTS, SITES, TEXTS, sample

NEEDED = {"[Content_Types].xml", "word/document.xml"}
KNOWN = TEXTS.keys() | LISTS.keys() | {SITES, "qr", "number_line"}
"""Names that a template may use. `qr` is a picture, and `number_line` is the whole "Số: 12/GM-UBND"."""
_ACTIVE = re.compile(r"(vbaProject|vbaData|activeX|/embeddings/|oleObject|customUI)", re.IGNORECASE)
_PROCESS = Path(__file__).with_name("filling.py")


def docx(fields: Mapping[str, Any], template: bytes | None = None) -> bytes:
    """Return the letter. Raise Refusal `bad_template` if the office's template cannot be filled."""
    return _fill(built_in() if template is None else template, fields)[0]


def check_template(content: bytes) -> list[Trouble]:
    """Check an uploaded template and run it with sample fields. Raise Refusal `bad_template`. Return the warnings, for example
    about an unknown field name.
    """
    look_through(content)
    _, unknown = _fill(content, sample())
    return [
        Trouble("unknown_field", f"Mẫu dùng trường {name} không có; chỗ đó sẽ trống.", f"no field {name}", name)
        for name in unknown[:50]
    ]


def look_through(content: bytes) -> None:
    """Check the archive: its size, its unpacked size, and that it holds a document. It must hold no macro, no embedded object,
    no DOCTYPE, and no external reference except hyperlinks.
    """
    if len(content) > limits.TEMPLATE_BYTES:
        raise _bad(f"Tệp mẫu lớn hơn {limits.TEMPLATE_BYTES // 1024**2} MB.", "the file is too large")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _look_through(archive)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise _bad("Tệp mẫu không phải là DOCX đọc được.", f"not a readable DOCX: {type(error).__name__}") from error


def _look_through(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    names = {one.filename for one in entries}
    if len(entries) > limits.TEMPLATE_ENTRIES or len(names) != len(entries) or not names >= NEEDED:
        raise _bad("Tệp mẫu không phải là DOCX.", "not a DOCX")
    if sum(one.file_size for one in entries) > limits.TEMPLATE_UNPACKED_BYTES:
        raise _bad("Tệp mẫu giải nén ra quá lớn.", "the unpacked template is too large")
    if any(_ACTIVE.search(name) for name in names):
        raise _bad(
            "Tệp mẫu có macro hoặc đối tượng nhúng. Hãy lưu lại dạng DOCX thường.",
            "the template has macros or embedded objects: save it as an ordinary DOCX",
        )
    for one in entries:
        name = one.filename.lower()
        if name.endswith(".rels"):
            _parse(_read(archive, one), _look_at_relation)
        elif name.endswith(".xml"):
            _parse(_read(archive, one))


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read an entry, at most the size that the archive declares for it."""
    with archive.open(entry) as file:
        content = file.read(entry.file_size + 1)
    if len(content) > entry.file_size:
        raise _bad("Tệp mẫu giải nén ra quá lớn.", "the template has an entry larger than its stated size")
    return content


def _parse(content: bytes, look: Callable[[str, dict[str, str]], None] | None = None) -> None:
    """Parse the content as an XML reader does, so that an unusual encoding or quoting hides nothing. Refuse a DOCTYPE. Without
    `look`, stop at the first element.
    """

    def doctype(*_: object) -> None:
        raise _bad("Tệp mẫu có khai báo DOCTYPE.", "the template has a DOCTYPE declaration")

    def element(name: str, attributes: dict[str, str]) -> None:
        if look is None:
            raise _Enough
        look(name, attributes)

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler, parser.StartElementHandler = doctype, element
    try:
        parser.Parse(content, True)
    except _Enough:
        return
    except (expat.ExpatError, LookupError) as error:
        raise _bad("Tệp mẫu không phải là DOCX đọc được.", "a part of the template is not XML") from error


class _Enough(Exception):
    pass


def _look_at_relation(name: str, attributes: dict[str, str]) -> None:
    given = {key.rpartition(":")[2].lower(): value.strip() for key, value in attributes.items()}
    outside = name.rpartition(":")[2] == "Relationship" and given.get("targetmode", "Internal").lower() != "internal"
    if outside and not given.get("type", "").endswith("/hyperlink"):
        raise _bad("Tệp mẫu gọi tài nguyên bên ngoài.", "the template refers to a resource outside the file")


def _fill(template: bytes, fields: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """Fill the template in a separate process. Return (document, unknown field names in the template)."""
    order = {
        "template": base64.b64encode(template).decode(),
        "fields": {**fields, "number_line": _number_line(fields)},
        "known": sorted(KNOWN),
        "cpu_s": limits.TEMPLATE_CPU_S,
        "memory_bytes": limits.TEMPLATE_MEMORY_BYTES,
        "result_bytes": limits.TEMPLATE_RESULT_BYTES,
    }
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own module and holds no data of the caller
            [sys.executable, "-I", str(_PROCESS)],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=limits.TEMPLATE_WAIT_S,
            env={"PATH": "", "LANG": "C.UTF-8"},
            cwd=os.sep,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _bad("Mẫu chạy quá lâu nên đã bị dừng.", "the template ran too long and was stopped") from error
    if done.returncode != 0 or len(done.stdout) > 2 * limits.TEMPLATE_RESULT_BYTES:
        raise _bad(
            "Mẫu chạy quá lâu hoặc tốn quá nhiều bộ nhớ nên đã bị dừng.",
            "the template used too much time or memory and was stopped",
        )
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise _bad(f"Mẫu có lỗi: {answer['error']}", answer["error"])
    return base64.b64decode(answer["document"]), answer["unknown"]


def _number_line(fields: Mapping[str, Any]) -> str:
    return f"Số: {fields.get('number') or '…'}/{fields.get('symbol', '')}"


def _bad(vietnamese: str, english: str) -> Refusal:
    return Refusal("bad_template", vietnamese, english)


@functools.cache
def built_in() -> bytes:
    """Return the template for an office without its own template, also as a starting point for a new one. Code makes it, so
    that the repository holds no binary file.
    """
    from rooms.meetings.letters.blank import build

    return build()
