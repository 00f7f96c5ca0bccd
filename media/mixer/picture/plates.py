"""Texts over pictures: names, signs, clock, notices, messages, and the tile of a site without video.

Pillow draws everything once; the result is converted to YUV and cached, and a tick only blends. Fixed texts are Vietnamese,
because hall screens have no language setting. A sign has its own shape, so its meaning never depends on colour alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from media.ground import limits
from media.mixer.picture.planes import Overlay, colour

STAGE, TILE, RAISED, PLATE = 0x0D1416, 0x1A2629, 0x27363A, 0x0B1113
ON_STAGE, SOFT, SPEAKING, HAND, LACQUER = 0xEEF4F3, 0xAEBDBD, 0x4FD1AC, 0xF2B84B, 0xE5483D
STAGE_YUV, TILE_YUV, SPEAKING_YUV = colour(STAGE), colour(TILE), colour(SPEAKING)

NO_PICTURE = "Không có hình"
RECORDING = "Đang ghi hình"
CONTENT = "Trình chiếu"

Sign = Literal["muted", "speaking", "hand", "no-camera", "content"]
_FONT = Path(__file__).resolve().parent.parent / "fonts" / "BeVietnamPro-SemiBold.ttf"
_FINE = 4
"""Signs (for example a muted microphone) are drawn larger by this factor, and then reduced to their size. Chosen. Larger:
drawing costs more time and memory. Smaller: edges of signs look jagged.
"""

_CODE_PART = 0.38
"""The part of the height of a picture that a QR code takes. Chosen: a phone in the third row reads the code of a screen of 55
inches. Larger: the code covers more faces. Smaller: rows behind read the code no more.
"""


@dataclass(frozen=True, slots=True)
class Label:
    """The label at the bottom of a tile. Labels are compared by value, so an unchanged label is not drawn again."""

    text: str
    muted: bool = False
    speaking: bool = False
    hand: bool = False
    content: bool = False

    @property
    def signs(self) -> tuple[tuple[Sign, int], ...]:
        told: tuple[tuple[bool, Sign, int], ...] = (
            (self.content, "content", ON_STAGE),
            (self.muted, "muted", 0xFF8A80),
            (self.speaking and not self.muted, "speaking", SPEAKING),
            (self.hand, "hand", HAND),
        )
        return tuple((sign, rgb) for on, sign, rgb in told if on)


class Plates:
    """A cache of the last `limits.MIXER_PLATES` drawings. Only one thread may use it at a time."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Overlay] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def label(self, label: Label, tile_width: int, tile_height: int) -> Overlay:
        line = line_height(tile_height)
        return self._keep(("label", label, tile_width, line), lambda: _label(label, tile_width, line))

    def blank(self, text: str, width: int, height: int) -> Overlay:
        """Return the complete tile of a site that sends no video."""
        return self._keep(("blank", text, width, height), lambda: _blank(text, width, height))

    def clock(self, text: str, picture_height: int) -> Overlay:
        line = small_line(picture_height)
        return self._keep(("clock", text, line), lambda: _strip([(None, 0, text)], line, line * 12, ON_STAGE))

    def notice(self, picture_height: int) -> Overlay:
        line = small_line(picture_height)
        return self._keep(("notice", line), lambda: _notice(line))

    def message(self, text: str, picture_width: int, picture_height: int) -> Overlay:
        """Return a wide band with the text, at most three lines, or four for three paragraphs."""
        line = line_height(picture_height)
        return self._keep(("message", text, picture_width, line), lambda: _message(text, picture_width, line))

    def code(self, address: str, picture_height: int) -> Overlay:
        """Return the address as a QR code."""
        return self._keep(("code", address, picture_height), lambda: _code(address, picture_height))

    def _keep(self, key: tuple[object, ...], draw: Callable[[], Overlay]) -> Overlay:
        found = self._kept.pop(key, None)
        self._kept[key] = overlay = draw() if found is None else found
        while len(self._kept) > limits.MIXER_PLATES:
            self._kept.popitem(last=False)
        return overlay


def line_height(picture_height: int) -> int:
    """Return the height of a line of text with its plate, for a tile or picture of this height. The last row of a hall can read
    it.
    """
    return round((15 + picture_height * 0.034) / 2) * 2


def small_line(picture_height: int) -> int:
    """Return the line height of texts that are always in a corner."""
    return round(line_height(picture_height) * 0.4) * 2


@cache
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_FONT, pixels, layout_engine=ImageFont.Layout.BASIC)


def _rgb(value: int, alpha: int = 255) -> tuple[int, int, int, int]:
    return value >> 16, value >> 8 & 255, value & 255, alpha


def _even(value: float) -> int:
    return int(value + 1) // 2 * 2


def _overlay(image: Image.Image) -> Overlay:
    return Overlay(np.asarray(image.convert("RGBA")))


def _label(label: Label, tile_width: int, line: int) -> Overlay:
    parts: list[tuple[Sign | None, int, str]] = [(sign, rgb, "") for sign, rgb in label.signs]
    if label.text:
        parts.append((None, 0, label.text))
    return _strip(parts, line, tile_width - line // 2, ON_STAGE)


def _strip(parts: list[tuple[Sign | None, int, str]], line: int, most: int, ink: int) -> Overlay:
    """Draw signs and words side by side on one plate with round corners, at most `most` wide."""
    font, pad, side = _font(round(line * 0.58)), round(line * 0.34), round(line * 0.7)
    room = most - 2 * pad - sum(side + pad // 2 for sign, _, _ in parts if sign)
    cut = [(sign, rgb, shorten(text, font, room) if text else "") for sign, rgb, text in parts]
    widths = [side if sign else font.getlength(text) for sign, _, text in cut]
    width = _even(min(most, sum(widths) + 2 * pad + (pad // 2) * max(0, len(cut) - 1)))
    image = Image.new("RGBA", (width, line), _rgb(PLATE, 0))
    image.paste(_plate(width, line, line * 0.22))
    draw, x = ImageDraw.Draw(image), float(pad)
    for (sign, rgb, text), advance in zip(cut, widths, strict=True):
        if sign:
            drawn = _sign(sign, rgb, side)
            image.alpha_composite(drawn, (round(x), (line - side) // 2))
        else:
            draw.text((x, line / 2), text, font=font, fill=_rgb(ink), anchor="lm")
        x += advance + pad // 2
    return _overlay(image)


def _plate(width: int, height: int, radius: float, rgb: int = PLATE, alpha: int = 200) -> Image.Image:
    fine = Image.new("L", (width * _FINE, height * _FINE), 0)
    box = (0, 0, width * _FINE - 1, height * _FINE - 1)
    ImageDraw.Draw(fine).rounded_rectangle(box, radius * _FINE, fill=alpha)
    image = Image.new("RGBA", (width, height), _rgb(rgb))
    image.putalpha(fine.resize((width, height), Image.Resampling.BOX))
    return image


def shorten(text: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """Cut a text to the width `room` with an ellipsis. The cut is between words if at most a third of the cut text is lost by
    this. The beginning of a name is the most useful part.
    """
    text = " ".join(text.split())
    if font.getlength(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if font.getlength(text[:middle] + "…") <= room else (low, middle - 1)
    kept = text[:low]
    words = kept.rsplit(" ", 1)
    if len(words) == 2 and len(words[0]) * 3 >= len(kept) * 2:
        kept = words[0]
    return kept.rstrip(" ,.-–") + "…" if kept.strip() else ""


def wrap(text: str, font: ImageFont.FreeTypeFont, room: float, most: int) -> list[str]:
    """Return lines no wider than `room`. The last of `most` lines is cut."""
    lines: list[str] = []
    rest = text.split()
    while rest and len(lines) < most:
        if len(lines) == most - 1:
            return [*lines, shorten(" ".join(rest), font, room)]
        count = 1
        while count < len(rest) and font.getlength(" ".join(rest[: count + 1])) <= room:
            count += 1
        lines.append(shorten(" ".join(rest[:count]), font, room))
        rest = rest[count:]
    return lines


def paragraphs(text: str, font: ImageFont.FreeTypeFont, room: float, most: int) -> list[str]:
    """Return the lines of a text that has its own line breaks. The breaks stay if there is room. Earlier paragraphs leave room
    for later ones.
    """
    parts = [part for part in text.splitlines() if part.strip()]
    if len(parts) > most:
        parts = [*parts[: most - 1], " ".join(parts[most - 1 :])]
    lines: list[str] = []
    for number, part in enumerate(parts, 1):
        lines += wrap(part, font, room, most - len(lines) - (len(parts) - number))
    return lines


def _blank(text: str, width: int, height: int) -> Overlay:
    image = Image.new("RGBA", (width, height), _rgb(TILE))
    draw, line = ImageDraw.Draw(image), line_height(height)
    side = round(height * 0.17)
    name = _font(round(line * 0.72))
    lines = wrap(text, name, width * 0.86, 2)
    step, small = round(line * 0.98), _font(round(line * 0.52))
    total = side + line * 0.45 + step * len(lines) + line * 0.7
    top = (height - total) / 2
    image.alpha_composite(_sign("no-camera", 0x5C7075, side), (round(width / 2 - side / 2), round(top)))
    y = top + side + line * 0.45
    for one in lines:
        draw.text((width / 2, y + step / 2), one, font=name, fill=_rgb(ON_STAGE), anchor="mm")
        y += step
    draw.text((width / 2, y + line * 0.35), NO_PICTURE, font=small, fill=_rgb(SOFT), anchor="mm")
    return _overlay(image)


def _notice(line: int) -> Overlay:
    """Draw a red dot with words, so that people who are colour-blind can read the meaning."""
    font, pad, dot = _font(round(line * 0.58)), round(line * 0.34), round(line * 0.4)
    width = _even(font.getlength(RECORDING) + dot + pad * 2.6)
    image = _plate(width, line, line * 0.22)
    fine = Image.new("L", (dot * _FINE, dot * _FINE), 0)
    ImageDraw.Draw(fine).ellipse((0, 0, dot * _FINE - 1, dot * _FINE - 1), fill=255)
    mark = Image.new("RGBA", (dot, dot), _rgb(LACQUER))
    mark.putalpha(fine.resize((dot, dot), Image.Resampling.BOX))
    image.alpha_composite(mark, (pad, (line - dot) // 2))
    ImageDraw.Draw(image).text((pad * 1.6 + dot, line / 2), RECORDING, font=font, fill=_rgb(ON_STAGE), anchor="lm")
    return _overlay(image)


def _message(text: str, picture_width: int, line: int) -> Overlay:
    font, step = _font(round(line * 0.66)), round(line * 0.96)
    width = _even(picture_width * 0.86)
    lines = paragraphs(text, font, width - 2 * line, 3 if len(text.splitlines()) < 3 else 4)
    height = _even(step * max(1, len(lines)) + line * 0.7)
    image = _plate(width, height, line * 0.3, alpha=225)
    draw = ImageDraw.Draw(image)
    for row, one in enumerate(lines):
        place = (width / 2, line * 0.35 + step * (row + 0.5))
        draw.text(place, one, font=font, fill=_rgb(ON_STAGE), anchor="mm")
    return _overlay(image)


def _code(address: str, picture_height: int) -> Overlay:
    """Draw the QR code with a white border of four modules (ISO/IEC 18004:2015, 6.3.8). A module has at least three pixels:
    the encoder blurs smaller modules.
    """
    import segno  # slow import: most programs draw no code

    rows = np.asarray(
        [[int(dark) for dark in row] for row in segno.make(address, error="m", micro=False).matrix_iter(border=4)]
    )
    scale = max(3, round(picture_height * _CODE_PART / len(rows)))
    shade = np.kron(1 - rows, np.full((scale, scale), 255)).astype(np.uint8)
    odd = shade.shape[0] % 2  # the sides of an overlay are even
    image = Image.fromarray(np.pad(shade, (0, odd), constant_values=255), "L")
    return _overlay(image.convert("RGBA"))


class _Pen:
    """A pen with round ends on a square of 24 units, the same as for the icons of the pages."""

    def __init__(self, side: int, width: float) -> None:
        self.scale = side * _FINE / 24
        self.image = Image.new("L", (side * _FINE, side * _FINE), 0)
        self._draw = ImageDraw.Draw(self.image)
        self._width = width

    def line(self, *points: tuple[float, float], ink: int = 255, width: float = 0) -> None:
        radius = (width or self._width) / 2
        at = [(x * self.scale, y * self.scale) for x, y in points]
        self._draw.line(at, fill=ink, width=max(1, round(radius * 2 * self.scale)), joint="curve")
        for x, y in at:
            reach = radius * self.scale
            self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=ink)

    def arc(self, x: float, y: float, radius: float, start: float, end: float) -> None:
        steps = max(8, int(abs(end - start) / 6))
        turns = [np.deg2rad(start + (end - start) * step / steps) for step in range(steps + 1)]
        self.line(*((x + radius * float(np.cos(turn)), y + radius * float(np.sin(turn))) for turn in turns))

    def pill(self, left: float, top: float, right: float, bottom: float, radius: float, filled: bool = False) -> None:
        box = [edge * self.scale for edge in (left, top, right, bottom)]
        width = round(self._width * self.scale)
        self._draw.rounded_rectangle(box, radius * self.scale, 255 if filled else None, 255, width)


@cache
def _sign(sign: Sign, rgb: int, side: int) -> Image.Image:
    pen = _Pen(side, 2.1)
    _SIGNS[sign](pen)
    image = Image.new("RGBA", (side, side), _rgb(rgb))
    image.putalpha(pen.image.resize((side, side), Image.Resampling.BOX))
    return image


def _microphone(pen: _Pen) -> None:
    pen.pill(8.6, 2.5, 15.4, 14.5, 3.4, filled=True)
    pen.arc(12, 11, 6.8, 0, 180)
    pen.line((12, 17.8), (12, 21.5))


def _struck(pen: _Pen) -> None:
    """Draw a bar from corner to corner, with a gap to the drawing below."""
    pen.line((4.6, 2.4), (21.4, 19.2), ink=0, width=2.4)
    pen.line((3, 3.2), (20.6, 20.8))


def _muted(pen: _Pen) -> None:
    _microphone(pen)
    _struck(pen)


def _speaking(pen: _Pen) -> None:
    for x, reach in ((4, 3), (9.3, 7.5), (14.7, 5), (20, 8.5)):
        pen.line((x, 12 - reach), (x, 12 + reach), width=2.6)


def _hand(pen: _Pen) -> None:
    for x, top in ((8.6, 5.5), (12, 3.8), (15.4, 5.2), (18.6, 8.4)):
        pen.line((x, top), (x, 14), width=2.7)
    pen.line((3.8, 12.6), (8.2, 17.4), width=2.7)
    pen.pill(7.3, 11, 19.9, 21.5, 5.2, filled=True)


def _camera(pen: _Pen) -> None:
    pen.pill(2, 6, 15.5, 18, 2.4)
    pen.line((15.5, 10.6), (21.5, 7.4), (21.5, 16.6), (15.5, 13.4))


def _no_camera(pen: _Pen) -> None:
    _camera(pen)
    _struck(pen)


def _content(pen: _Pen) -> None:
    pen.pill(2.5, 4, 21.5, 16.5, 2.2)
    pen.line((8.5, 20.5), (15.5, 20.5))


_SIGNS: dict[Sign, Callable[[_Pen], None]] = {
    "muted": _muted,
    "speaking": _speaking,
    "hand": _hand,
    "no-camera": _no_camera,
    "content": _content,
}
