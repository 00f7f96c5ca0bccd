"""Pictures and tones arrive unchanged, with each codec and each number of peer connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from livekit import rtc

from tests.interop.person import Person
from tests.running.runs import LONG_RUN
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.longer]

WATCHED_S = 10.0 if LONG_RUN else 5.0
FREEZE = 30
"""Pictures. Chosen: two seconds. Larger: the test misses a freeze. Smaller: the test fails on a busy machine."""


@pytest.mark.parametrize(
    ("codec", "dual"),
    [
        ("VP8", True),
        ("H264", False),
        pytest.param("VP8", False, marks=pytest.mark.sim),
        pytest.param("H264", True, marks=pytest.mark.sim),
    ],
    ids=["VP8-dual", "H264-single", "VP8-single", "H264-dual"],
)
async def test_two_people_see_and_hear_each_other(person: Callable[..., Person], codec: str, dual: bool) -> None:
    conference = f"two-{codec}-{dual}"
    number = rtc.VideoCodec.Value(codec)
    async with person("an", conference, dual=dual) as an, person("binh", conference, dual=dual) as binh:
        an_camera = await an.show("red", codec=number)
        # The library sets the codec of a new section late. If the offer for An's track came at that moment, it would name VP8
        # first.
        await until(lambda: binh.view("an").sights, "the first picture of An")
        binh_camera = await binh.show("blue", codec=number)
        await an.speak(440)
        await binh.speak(1000)
        seen = ((binh.view("an"), an_camera, "red"), (an.view("binh"), binh_camera, "blue"))
        await until(lambda: all(len(view.sights) > 5 for view, _, _ in seen), "first pictures")
        await until(lambda: binh.ear("an").hears(440) and an.ear("binh").hears(1000), "the right tones")
        since = [view.sights[-1].counter for view, _, _ in seen]
        await asyncio.sleep(WATCHED_S)
        for (view, camera, colour), start in zip(seen, since, strict=True):
            counters = [sight.counter for sight in view.sights]
            assert counters == sorted(set(counters)), "pictures go forward, none twice"
            assert {sight.colour for sight in view.sights} == {colour}
            assert view.damaged == 0
            assert camera.counter - counters[-1] < 30
            assert counters[-1] - start > 6 * WATCHED_S
            assert view.gap(start) <= FREEZE
        await binh.ear("an").still_hears(440)
        await an.ear("binh").still_hears(1000)
        mimes = {an.published("binh", rtc.TrackKind.KIND_VIDEO).mime_type.lower()}
        assert mimes == {f"video/{codec.lower()}"}
