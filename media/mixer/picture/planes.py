"""A 4:2:0 picture as three arrays, with functions to fill, paste and blend.

Rectangles are even, so that chroma has complete samples. Colours are BT.709 in video range (16..235); the encoders are set to
the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from media.mixer.ground.layouts import Rect

Bytes = NDArray[np.uint8]
Words = NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Planes:
    """The three planes as views: writing to them writes to the picture. Luma is h x w, chroma is h/2 x w/2."""

    y: Bytes
    u: Bytes
    v: Bytes

    @property
    def width(self) -> int:
        return int(self.y.shape[1])

    @property
    def height(self) -> int:
        return int(self.y.shape[0])

    def part(self, rect: Rect) -> Planes:
        x, y, right, bottom = rect.x, rect.y, rect.x + rect.width, rect.y + rect.height
        half = (slice(y // 2, bottom // 2), slice(x // 2, right // 2))
        return Planes(self.y[y:bottom, x:right], self.u[half], self.v[half])

    def fill(self, colour: tuple[int, int, int]) -> None:
        self.y[:], self.u[:], self.v[:] = colour

    def paste(self, other: Planes) -> None:
        """Copy a picture of the same size into this one."""
        self.y[:], self.u[:], self.v[:] = other.y, other.u, other.v


def new_picture(width: int, height: int) -> tuple[av.VideoFrame, Planes]:
    """Return a frame for the encoders, and the arrays that write to the frame."""
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.color_range = 1  # video range (MPEG)
    return frame, planes_of(frame)


def planes_of(frame: av.VideoFrame) -> Planes:
    """Return the arrays of a yuv420p frame of even size. The frame's memory lives as long as the arrays."""
    y, u, v = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in frame.planes
    )
    return Planes(y, u, v)


def colour(rgb: int) -> tuple[int, int, int]:
    """Convert 0xRRGGBB to Y, Cb, Cr (BT.709, video range)."""
    pixel = np.array([[[rgb >> 16, rgb >> 8 & 255, rgb & 255]]], np.uint8)
    y, u, v = ycbcr(pixel)
    return int(y[0, 0]), int(u[0, 0]), int(v[0, 0])


def ycbcr(rgb: Bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Convert h x w x 3 to three h x w planes without subsampling (BT.709, video range)."""
    r, g, b = (rgb[..., index].astype(np.float32) for index in range(3))
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    cb, cr = (b - luma) / 1.8556, (r - luma) / 1.5748
    scaled = (16 + luma * (219 / 255), 128 + cb * (224 / 255), 128 + cr * (224 / 255))
    y, u, v = (np.clip(np.rint(plane), 0, 255).astype(np.uint8) for plane in scaled)
    return y, u, v


class Overlay:
    """A prepared drawing with transparency. Blending costs one multiplication and one addition for each sample."""

    def __init__(self, rgba: Bytes) -> None:
        """`rgba` is h x w x 4, with even size."""
        self.height, self.width = int(rgba.shape[0]), int(rgba.shape[1])
        y, u, v = ycbcr(rgba[..., :3])
        alpha = rgba[..., 3].astype(np.uint16) + (rgba[..., 3] > 127)  # 0..256
        self._luma = _premultiplied(y.astype(np.uint16), alpha)
        quarter = _quarter(alpha)
        weight = np.maximum(_quarter(alpha, total=True), 1)
        self._chroma = [
            _premultiplied(_quarter(plane.astype(np.uint32) * alpha, total=True) // weight, quarter) for plane in (u, v)
        ]

    def blend(self, onto: Planes, x: int, y: int) -> None:
        """Blend at (x, y), both even. Parts outside of the picture are cut."""
        width, height = min(self.width, onto.width - x) // 2 * 2, min(self.height, onto.height - y) // 2 * 2
        if width <= 0 or height <= 0:
            return
        part = onto.part(Rect(x, y, width, height))
        _blend(part.y, *self._luma)
        _blend(part.u, *self._chroma[0])
        _blend(part.v, *self._chroma[1])


def _premultiplied(plane: NDArray[np.unsignedinteger], alpha: Words) -> tuple[Words, Words]:
    """Return (the values to add, the factors for the picture below), in 256ths."""
    return (plane.astype(np.uint16) * alpha + 128).astype(np.uint16), (256 - alpha).astype(np.uint16)


def _quarter(plane: NDArray[np.unsignedinteger], total: bool = False) -> Words:
    summed = plane.astype(np.uint32).reshape(plane.shape[0] // 2, 2, -1, 2).sum((1, 3))
    quarter: Words = summed.astype(np.uint32) if total else (summed // 4).astype(np.uint16)
    return quarter


def _blend(below: Bytes, added: Words, kept: Words) -> None:
    height, width = below.shape
    below[:] = (below * kept[:height, :width] + added[:height, :width]) >> 8
