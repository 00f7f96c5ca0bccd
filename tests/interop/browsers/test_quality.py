"""Simulcast. Every viewer gets the size that it asked for, and its pictures continue across the change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from livekit import rtc

from tests.interop.person import Person

pytestmark = [pytest.mark.native, pytest.mark.whole_machine]

SIZE = (1280, 720)
LOW, MEDIUM, HIGH = (
    rtc.VideoQuality.VIDEO_QUALITY_LOW,
    rtc.VideoQuality.VIDEO_QUALITY_MEDIUM,
    rtc.VideoQuality.VIDEO_QUALITY_HIGH,
)
WIDTHS = {LOW: 320, MEDIUM: 640, HIGH: 1280}


@pytest.mark.parametrize(
    "variants",
    [(("VP8", True), ("H264", False)), pytest.param((("VP8", False),), marks=pytest.mark.sim)],
    ids=["two codecs", "VP8 single"],
)
async def test_the_size_follows_the_wish_of_each_viewer(
    person: Callable[..., Person], variants: tuple[tuple[str, bool], ...]
) -> None:
    """The conferences of the codecs run at the same time, because each one mostly waits for pictures."""
    async with asyncio.TaskGroup() as group:
        for codec, dual in variants:
            group.create_task(_wishes(person, codec, dual))


async def _wishes(person: Callable[..., Person], codec: str, dual: bool) -> None:
    conference = f"size-{codec}-{dual}"
    async with (
        person("an", conference, dual=dual) as an,
        person("binh", conference, dual=dual) as binh,
        person("chi", conference, dual=dual) as chi,
    ):
        number = rtc.VideoCodec.Value(codec)
        await an.show("orange", codec=number, size=SIZE, fps=10, simulcast=True, bitrate_bps=1_700_000)
        view, other = binh.view("an"), chi.view("an")
        await view.has_width(SIZE[0])
        await other.has_width(SIZE[0])
        for quality in (LOW, HIGH, MEDIUM, LOW):
            others = len(other.sights)
            binh.published("an", rtc.TrackKind.KIND_VIDEO).set_video_quality(quality)
            await view.has_width(WIDTHS[quality])
            await view.goes_on()
            await other.goes_on(1)
            assert {sight.width for sight in other.sights[others:]} == {SIZE[0]}, codec
        for one in (view, other):
            counters = [sight.counter for sight in one.sights]
            assert counters == sorted(counters), f"{codec}: no picture comes twice or late across a change"
            assert {sight.colour for sight in one.sights} == {"orange"}, codec
