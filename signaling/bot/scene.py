"""The picture of a test participant: a large number, a ball that moves, a colour that changes, a counter.

Four seconds are drawn and encoded (VP8) once. They are sent in a loop, so that many participants cost little.
"""

from __future__ import annotations

import math
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from signaling.bot import limits

WIDTH = 320
HEIGHT = 180
PICTURES = limits.LOOP_S * limits.PICTURES_PER_SECOND

Plane = NDArray[np.uint8]

_WHITE, _INK, _PAPER = 235, 30, 110
"""Brightness (luma) of white parts, dark parts and the background in a test participant's picture. Source: ITU-R BT.601 video
range, 16 to 235. Larger: values above 235 are clipped. Smaller contrast: numbers are hard to read.
"""
_BALL = 13
_SEGMENTS = {  # the seven strokes of a digit: top, upper left, upper right, middle, lower left, lower right, bottom
    "0": "1110111",
    "1": "0010010",
    "2": "1011101",
    "3": "1011011",
    "4": "0111010",
    "5": "1101011",
    "6": "1101111",
    "7": "1010010",
    "8": "1111111",
    "9": "1111011",
}


def encode(number: int) -> tuple[bytes, ...]:
    """Return the loop of participant `number`: `PICTURES` encoded VP8 pictures, the first a key frame. Takes tens of
    milliseconds.
    """
    context: Any = av.CodecContext.create("libvpx", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.bit_rate = limits.PICTURE_BPS
    context.framerate = limits.PICTURES_PER_SECOND
    context.gop_size = limits.KEY_PICTURE_EVERY_S * limits.PICTURES_PER_SECOND
    context.thread_count = 1
    context.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",
        "keyint_min": str(context.gop_size),
        "error-resilient": "1",
    }
    packets: list[bytes] = []
    for index in range(PICTURES):
        frame = _frame(draw(number, index))
        frame.pts = index
        packets += [bytes(packet) for packet in context.encode(frame)]
    packets += [bytes(packet) for packet in context.encode(None)]
    assert len(packets) == PICTURES
    return tuple(packets)


def draw(number: int, index: int) -> tuple[Plane, Plane, Plane]:
    """Return Y (180x320), U and V (90x160) of picture `index` of the loop."""
    turn = 2 * math.pi * index / PICTURES
    luma = np.full((HEIGHT, WIDTH), _PAPER, np.uint8)
    colour = turn + number * 2.4  # radians; neighbours get different colours
    u = np.full((HEIGHT // 2, WIDTH // 2), round(128 + 50 * math.cos(colour)), np.uint8)
    v = np.full((HEIGHT // 2, WIDTH // 2), round(128 + 50 * math.sin(colour)), np.uint8)
    _digits(luma, str(number), top=36, height=92, centre=WIDTH // 2)
    _digits(luma, f"{index:02}", top=8, height=22, centre=WIDTH - 28)
    _progress(luma, index)
    _ball(luma, 160 + 140 * math.cos(turn), 86 + 64 * math.sin(2 * turn))
    return luma, u, v


def _digits(luma: Plane, text: str, *, top: int, height: int, centre: int) -> None:
    width, gap = height // 2, height // 5
    left = centre - (len(text) * (width + gap) - gap) // 2
    for digit in text:
        _digit(luma, _SEGMENTS[digit], top, left, width, height)
        left += width + gap


def _digit(luma: Plane, segments: str, top: int, left: int, width: int, height: int) -> None:
    stroke = max(height // 7, 2)
    middle, right, bottom = top + (height - stroke) // 2, left + width - stroke, top + height - stroke
    half = height // 2 + stroke // 2
    boxes = (
        (top, left, stroke, width),
        (top, left, half, stroke),
        (top, right, half, stroke),
        (middle, left, stroke, width),
        (middle, left, half, stroke),
        (middle, right, half, stroke),
        (bottom, left, stroke, width),
    )
    for drawn, (y, x, tall, wide) in zip(segments, boxes, strict=True):
        if drawn == "1":
            luma[y : y + tall, x : x + wide] = _WHITE


def _progress(luma: Plane, index: int) -> None:
    luma[HEIGHT - 14 :, :] = _INK
    luma[HEIGHT - 11 : HEIGHT - 3, 4 : 4 + (WIDTH - 8) * (index + 1) // PICTURES] = _WHITE


def _ball(luma: Plane, x: float, y: float) -> None:
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    distance = (rows - y) ** 2 + (columns - x) ** 2
    luma[distance <= _BALL**2] = _INK
    luma[distance <= (_BALL - 4) ** 2] = _WHITE


def _frame(planes: tuple[Plane, Plane, Plane]) -> Any:
    stacked = np.concatenate([plane.reshape(-1, WIDTH) for plane in planes])
    return av.VideoFrame.from_ndarray(stacked, format="yuv420p")
