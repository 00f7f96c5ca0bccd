"""Reads the QR code in a picture that a test has received (ISO/IEC 18004): versions 1 to 5, text in bytes, upright and undamaged.

A phone mends damaged codes. This reader has no error correction, so each module of the picture must be right.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

Modules = NDArray[np.bool_]
"""True: dark. Rows from the top, without the quiet zone."""

FINDER: Final = (1, 1, 3, 1, 1)
"""The lengths of the runs through the middle of a finder pattern: dark, light, dark, light, dark (7.3.2)."""
FORMAT_MASK: Final = 0b101010000010010  # 7.9.1
LEVELS: Final = {0b01: "L", 0b00: "M", 0b11: "Q", 0b10: "H"}  # table 12
BLOCKS: Final = {
    (1, "L"): [19], (1, "M"): [16], (1, "Q"): [13], (1, "H"): [9],
    (2, "L"): [34], (2, "M"): [28], (2, "Q"): [22], (2, "H"): [16],
    (3, "L"): [55], (3, "M"): [44], (3, "Q"): [17, 17], (3, "H"): [13, 13],
    (4, "L"): [80], (4, "M"): [32, 32], (4, "Q"): [24, 24], (4, "H"): [9, 9, 9, 9],
    (5, "L"): [108], (5, "M"): [43, 43], (5, "Q"): [15, 15, 16, 16], (5, "H"): [11, 11, 12, 12],
}  # fmt: skip
"""The data codewords of each block, by version and level (table 9)."""
BYTES: Final = 0b0100
"""The mode of text in bytes (table 2)."""


def read(picture: NDArray[np.uint8]) -> str:
    """Return the text of the first QR code in an RGB picture. Empty: no code can be read there."""
    dark = picture.mean(axis=2) < 128
    for top, left, module, modules in _places(dark):
        centres = (np.arange(modules) * module + module / 2).astype(int)
        if top + centres[-1] < dark.shape[0] and left + centres[-1] < dark.shape[1]:
            text = text_of(dark[np.ix_(top + centres, left + centres)])
            if text:
                return text
    return ""


def _places(dark: Modules) -> Iterator[tuple[int, int, float, int]]:
    """Yield the top, the left, the size of a module and the number of modules in a row, of what may be a code.

    The middle rows of the two upper finder patterns have the same runs. The first such row gives the top.
    """
    for row, pixels in enumerate(dark):
        found = list(_finders(pixels))
        for (left, width), (right, other) in itertools.combinations(found, 2):
            module = width / sum(FINDER)
            modules = round((right + other - left) / module)
            if abs(width - other) <= 1 and (modules - 17) % 4 == 0 and 1 <= (modules - 17) // 4 <= 5:
                exact = (right + other - left) / modules
                yield round(row - 2 * exact), left, exact, modules


def _finders(pixels: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the start and the width of each run of five in a row of pixels that may cut a finder pattern."""
    edges = [0, *(np.flatnonzero(pixels[1:] != pixels[:-1]) + 1).tolist(), len(pixels)]
    lengths = [after - before for before, after in itertools.pairwise(edges)]
    for at in range(len(lengths) - len(FINDER) + 1):
        five = lengths[at : at + len(FINDER)]
        module = sum(five) / sum(FINDER)
        fits = all(abs(length - wanted * module) <= module / 2 for length, wanted in zip(five, FINDER, strict=True))
        if pixels[edges[at]] and module >= 2 and fits:
            yield edges[at], sum(five)


def text_of(modules: Modules) -> str:
    """Return the text of a code. Empty: these modules are no code that this reader knows."""
    version = (len(modules) - 17) // 4
    head = _number([modules[8, at] for at in (0, 1, 2, 3, 4, 5, 7, 8)]) ^ FORMAT_MASK >> 7
    level = LEVELS[head >> 6]
    codewords = _codewords(modules, version, head >> 3 & 7)
    data = _joined(codewords, BLOCKS[version, level])
    bits = "".join(f"{one:08b}" for one in data)
    count = int(bits[4:12], 2)
    if int(bits[:4], 2) != BYTES or 12 + count * 8 > len(bits):
        return ""
    raw = bytes(int(bits[at : at + 8], 2) for at in range(12, 12 + count * 8, 8))
    return raw.decode(errors="replace")


def _number(bits: list[np.bool_]) -> int:
    return int("".join("1" if bit else "0" for bit in bits), 2)


def _codewords(modules: Modules, version: int, mask: int) -> list[int]:
    """Return all codewords in their order: upwards and downwards in columns of two, from the right (7.7.3)."""
    size = len(modules)
    reserved = _reserved(version, size)
    bits: list[np.bool_] = []
    columns = [one for one in range(size - 1, 0, -2) if one > 6] + [5, 3, 1]
    for turn, right in enumerate(columns):
        rows = range(size) if turn % 2 else range(size - 1, -1, -1)
        cells = ((row, column) for row in rows for column in (right, right - 1))
        bits += [modules[cell] ^ _masked(mask, *cell) for cell in cells if not reserved[cell]]
    return [_number(bits[at : at + 8]) for at in range(0, len(bits) // 8 * 8, 8)]


def _reserved(version: int, size: int) -> Modules:
    """Return which modules hold no data: finder patterns with the format, timing and the alignment pattern."""
    reserved = np.zeros((size, size), bool)
    reserved[:9, :9] = reserved[:9, -8:] = reserved[-8:, :9] = True
    reserved[6, :] = reserved[:, 6] = True
    if version > 1:
        reserved[size - 9 : size - 4, size - 9 : size - 4] = True
    return reserved


def _masked(mask: int, row: int, column: int) -> bool:
    """Report whether this mask inverts a module (table 10)."""
    product = row * column
    return not (
        (row + column) % 2,
        row % 2,
        column % 3,
        (row + column) % 3,
        (row // 2 + column // 3) % 2,
        product % 2 + product % 3,
        (product % 2 + product % 3) % 2,
        ((row + column) % 2 + product % 3) % 2,
    )[mask]


def _joined(codewords: list[int], blocks: list[int]) -> list[int]:
    """Return the data codewords of the blocks one after another. In the code they stand in turn (7.6)."""
    made: list[list[int]] = [[] for _ in blocks]
    rest = iter(codewords)
    for place in range(max(blocks)):
        for block, length in zip(made, blocks, strict=True):
            if place < length:
                block.append(next(rest))
    return [one for block in made for one in block]
