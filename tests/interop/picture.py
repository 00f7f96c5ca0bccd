"""Pictures that a test can check after encoding: a plain colour, and a counter drawn as black and white blocks.

The upper quarter is the colour. Below it, three rows of eight blocks hold the counter (16 bits) and its check byte. All
positions are fractions of the size, so that a scaled picture can be read too.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

COLOURS = {"grey": (128, 128), "red": (90, 230), "green": (60, 50), "blue": (220, 110), "orange": (40, 170)}
"""(U, V) at middle brightness, by name."""
COLUMNS = 8
ROWS = 3
CHECK = 0x5A
WHITE, BLACK, MIDDLE = 225, 25, 128
GRAINS = 8


@dataclass(frozen=True, slots=True)
class Sight:
    """The content of one picture."""

    counter: int
    colour: str
    width: int
    height: int


def draw(counter: int, colour: str, width: int, height: int, grain: int = 0) -> bytes:
    """Return a picture as I420. Width and height are even. `grain` is the largest change of brightness, at most 25; with it the
    picture needs as many bits as a camera's.
    """
    y = np.full((height, width), MIDDLE, np.uint8)
    for number, (rows, columns) in enumerate(_blocks(width, height)):
        y[rows, columns] = WHITE if _bits(counter) >> number & 1 else BLACK
    if grain:
        y += _grain(width, height, grain, counter % GRAINS)
    u = np.full((height // 2, width // 2), 128, np.uint8)
    v = u.copy()
    top = height // 8
    u[:top], v[:top] = COLOURS[colour]
    return y.tobytes() + u.tobytes() + v.tobytes()


@cache
def _grain(width: int, height: int, most: int, seed: int) -> Plane:
    """Return random brightness changes. The caller adds them to unsigned bytes with wrap-around."""
    return np.random.default_rng(seed).integers(-most, most, (height, width)).astype(np.uint8)


def read(i420: bytes | bytearray | memoryview, width: int, height: int) -> Sight | None:
    """Read a picture. Return None if the check byte is wrong, because the picture is damaged."""
    data = np.frombuffer(i420, np.uint8)
    half = ((height + 1) // 2, (width + 1) // 2)
    chroma = data[width * height : width * height + 2 * half[0] * half[1]].reshape(2, *half)
    found = bits(i420, width, height)
    counter = found & 0xFFFF
    if found != _bits(counter):
        return None
    return Sight(counter, _nearest(chroma[:, : half[0] // 4]), width, height)


def bits(i420: bytes | bytearray | memoryview, width: int, height: int) -> int:
    """Return the bits of the blocks: counter and check byte, unchecked."""
    y = np.frombuffer(i420, np.uint8)[: width * height].reshape(height, width)
    blocks = enumerate(_blocks(width, height))
    return sum(int(_middle(y[rows, columns]) > MIDDLE) << number for number, (rows, columns) in blocks)


def tint(i420: bytes | bytearray | memoryview, width: int, height: int) -> str:
    """Return the colour nearest to the mean of a picture that `draw` did not make."""
    half = height // 2, width // 2
    return _nearest(np.frombuffer(i420, np.uint8)[width * height :].reshape(2, *half))


def _nearest(chroma: Plane) -> str:
    u, v = _middle(chroma[0]), _middle(chroma[1])
    return min(COLOURS, key=lambda name: abs(COLOURS[name][0] - u) + abs(COLOURS[name][1] - v))


def _bits(counter: int) -> int:
    low = counter & 0xFFFF
    # The check byte is part of a CRC. A plain sum of bytes would match again if one column of blocks came from an older
    # picture.
    return low | (binascii.crc_hqx(low.to_bytes(2), CHECK) & 0xFF) << 16


def _blocks(width: int, height: int) -> list[tuple[slice, slice]]:
    top, row = height / 4, height / 4
    column = width / COLUMNS
    return [
        (slice(round(top + r * row), round(top + (r + 1) * row)), slice(round(c * column), round((c + 1) * column)))
        for r in range(ROWS)
        for c in range(COLUMNS)
    ]


def _middle(block: Plane) -> float:
    """Return the mean of the inner part, because encoding and scaling blur the edges."""
    rows, columns = block.shape
    return float(block[rows // 4 : rows - rows // 4, columns // 4 : columns - columns // 4].mean())
