"""The ratchet: what the tree breaks of the rules of shape today stands in `debts.txt`, and the list may only shrink.

    python -m tests.tidy.debts              prints all violations with file and line (words after it choose lines that hold them)
    python -m tests.tidy.debts --write      rewrites the list after a cut or a move
    python -m tests.tidy.debts --write --add    the same, and lets a kind of violation grow; the commit says why

A move of flat files into folders can make circles of folders that were not seen before: that is a case for `--add`.
`--write` refuses when there are more violations of one kind than the list holds, or when a size has grown.
When the list is empty, this file goes with `debts.txt`, their tests in `test_scanners.py` and the line of `.gitattributes`. Then
`test_tidy.py` asserts that `violations` finds nothing.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.tidy.finding import Finding
from tests.tidy.violations import violations

ROOT = Path(__file__).resolve().parent.parent.parent
LIST = Path(__file__).with_name("debts.txt")


def listed(text: str) -> list[Finding]:
    found = []
    for line in text.splitlines():
        kind, _, rest = line.partition(": ")
        name, _, size = rest.partition(" <= ")
        found.append(Finding(kind, name, int(size or 0)))
    return found


def differences(found: list[Finding], held: list[Finding]) -> list[str]:
    """Says what differs between the tree and the list; a size below the listed one is no difference."""
    sizes = {(one.kind, one.name): one.size for one in held}
    names = {(one.kind, one.name) for one in found}
    wrong = [
        f"new: {one.line()}    {one.place}" for one in found if one.size > sizes.get((one.kind, one.name), one.size - 1)
    ]
    return wrong + [f"gone, remove the line: {one.line()}" for one in held if (one.kind, one.name) not in names]


def growth(found: list[Finding], held: list[Finding]) -> list[str]:
    before, after = Counter(one.kind for one in held), Counter(one.kind for one in found)
    grown = [f"{kind}: {after[kind]}, the list holds {before[kind]}" for kind in after if after[kind] > before[kind]]
    sizes = {(one.kind, one.name): one.size for one in held}
    return grown + [one.line() for one in found if one.size > sizes.get((one.kind, one.name), one.size)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="print only the violations that hold one of these words")
    parser.add_argument("--write", action="store_true", help="rewrite the list")
    parser.add_argument("--add", action="store_true", help="let the list grow")
    given = parser.parse_args()
    found = violations(ROOT)
    held = listed(LIST.read_text("utf-8")) if LIST.exists() else []
    if not given.write:
        chosen = [
            one for one in found if not given.words or any(word in f"{one.line()} {one.place}" for word in given.words)
        ]
        print("\n".join(f"{one.line()}    {one.place}" for one in chosen))
        print(*(f"{count:5} {kind}" for kind, count in sorted(Counter(one.kind for one in chosen).items())), sep="\n")
        return 0
    print("\n".join(differences(found, held)))
    if (grown := growth(found, held)) and not given.add:
        print("not written, the list would grow (--add allows it):", *grown, sep="\n  ")
        return 1
    LIST.write_text("".join(f"{one.line()}\n" for one in found), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
