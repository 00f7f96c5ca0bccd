"""Simulcast: every viewer gets the size that it asked for, and the picture goes on across the change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from livekit import rtc

from tests.interop.person import Person, until

pytestmark = pytest.mark.native

SIZE = (1280, 720)
WIDTHS = {
    rtc.VideoQuality.VIDEO_QUALITY_LOW: 320,
    rtc.VideoQuality.VIDEO_QUALITY_MEDIUM: 640,
    rtc.VideoQuality.VIDEO_QUALITY_HIGH: 1280,
}


@pytest.mark.parametrize(("codec", "dual"), [("VP8", False), ("VP8", True), ("H264", False)])
async def test_the_size_follows_the_wish_of_each_viewer(person: Callable[..., Person], codec: str, dual: bool) -> None:
    conference = f"size-{codec}-{dual}"
    async with (
        person("an", conference, dual=dual) as an,
        person("binh", conference, dual=dual) as binh,
        person("chi", conference, dual=dual) as chi,
    ):
        number = rtc.VideoCodec.Value(codec)
        await an.show("orange", codec=number, size=SIZE, fps=10, simulcast=True, bitrate_bps=1_700_000)
        view, other = binh.view("an"), chi.view("an")
        await until(lambda: _width(view) == _width(other) == SIZE[0], "the whole size at first")
        for quality in (0, 2, 1, 0, 2):
            binh.publication("an", rtc.TrackKind.KIND_VIDEO).set_video_quality(quality)
            others = len(other.sights)
            await until(lambda q=quality: _width(view) == WIDTHS[q], f"width {WIDTHS[quality]} at the one who asked")
            seen = len(view.sights)
            await until(lambda n=seen: len(view.sights) > n + 10, "pictures go on")
            assert {sight.width for sight in other.sights[others:]} == {SIZE[0]}
        for one in (view, other):
            counters = [sight.counter for sight in one.sights]
            assert counters == sorted(counters), "no picture comes twice or late across a change"
            assert {sight.colour for sight in one.sights} == {"orange"}


def _width(view: object) -> int:
    last = getattr(view, "last", None)
    return last.width if last else 0
