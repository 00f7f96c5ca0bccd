"""All violations of the rules of shape in the tree, and the few exceptions."""

from pathlib import Path

from tests.tidy import constants, folders, page_code, python_code, rust_code
from tests.tidy.finding import Finding

EXCEPTIONS = {
    "full folder: media/plane/fuzz/fuzz_targets": "cargo-fuzz wants one file a target, side by side",
    "large Rust type: media/plane/src/plane.rs Plane": "one method a command of the seam; parts of it would share all its state",
    "full folder: rooms/store/migrations/versions": "one file a step of the schema, for ever",
}
"""Violations that stay, each with its reason. At most three types may be exceptions."""


def violations(root: Path) -> list[Finding]:
    code = python_code.Code(root)
    found = [*python_code.scan(code), *constants.scan(code)]
    found += [*rust_code.scan(root), *page_code.scan(root), *folders.scan(root)]
    return sorted(one for one in found if f"{one.kind}: {one.name}" not in EXCEPTIONS)
