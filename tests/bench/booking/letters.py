"""The letters of one meeting with 96 communes: as one file, as a file for each commune, and as DOCX. The bench measures the
time and the memory of a fresh process.

    python tests/bench/booking/letters.py [--communes 96]

The script prints a table in Markdown. A separate process measures each row. Its time is the time of the work; the first letter
includes imports and fonts. Its memory is the peak of the whole process. For DOCX the memory of the process that fills the
template is added.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from rooms.meetings.letters import addressing, typesetting, word
from rooms.meetings.letters import fields as letters_fields

MADE = datetime(2026, 3, 3, 1, tzinfo=UTC)


def fields(communes: int) -> tuple[letters_fields.Fields, list[str]]:
    """Return the fields of an invitation with one line for all recipients, and with their sites in the annex."""
    heads = [f"Chủ tịch UBND xã Thứ {number}" for number in range(communes)]
    sites = [
        {"unit": head, "site": f"Điểm cầu UBND xã Thứ {number}", "address": f"Ấp {number}, xã Thứ {number}"}
        for number, head in enumerate(heads)
    ]
    said = letters_fields.checked(
        {
            **letters_fields.sample(),
            "address": "https://hop.example.vn/hop/" + "0" * 32,
            "recipients": [f"Chủ tịch UBND xã ({communes} đơn vị cấp xã, danh sách kèm theo)"],
            "sites": sites,
        }
    )
    return said, heads


def one_file(communes: int) -> int:
    said, heads = fields(communes)
    return len(typesetting.pdf_set(said, [addressing.Personal(one, "") for one in heads], MADE))


def a_file_each(communes: int) -> int:
    said, heads = fields(communes)
    return sum(len(typesetting.pdf({**said, "recipients": [head], "sites": []}, MADE)) for head in heads)


def with_annex(communes: int) -> int:
    return len(typesetting.pdf(fields(communes)[0], MADE))


def as_docx(communes: int) -> int:
    return len(word.docx(fields(communes)[0]))


ROWS: dict[str, tuple[str, Callable[[int], int]]] = {
    "annex": ("one letter to all, with the annex (PDF)", with_annex),
    "set": ("a letter to each, in one file (PDF)", one_file),
    "each": ("a letter to each, a file each (PDF)", a_file_each),
    "docx": ("one letter to all, with the annex (DOCX)", as_docx),
}


def measure(row: str, communes: int) -> None:
    started = time.perf_counter()
    size = ROWS[row][1](communes)
    seconds = time.perf_counter() - started
    own, child = (resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "bytes": size, "own_mib": own, "child_mib": child}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--communes", type=int, default=96)
    parser.add_argument("--row", choices=ROWS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        measure(given.row, given.communes)
        return
    print(f"| {given.communes} communes | seconds, MiB at the peak, MiB made |\n|---|---|")
    for title, said in measured(given.communes).items():
        print(f"| {title} | {said} |")


def measured(communes: int = 96) -> dict[str, str]:
    """Measure each row in a separate process."""
    rows = {}
    for row, (title, _) in ROWS.items():
        command = [sys.executable, __file__, "--row", row, "--communes", str(communes)]
        found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        memory = f"{found['own_mib']}" + (f" + {found['child_mib']}" if row == "docx" else "")
        rows[title] = f"{found['seconds']:.2f} s, {memory} MiB, makes {found['bytes'] / 1024**2:.2f} MiB"
    return rows


if __name__ == "__main__":
    main()
