"""The arithmetic of a plan: the pictures that a terminal accepts, and when a call is held or encrypted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference.ground.plan import AudioPlan, Endpoint, Keys, MediaPlan, Stream, VideoPlan

STREAM = Stream(Endpoint("192.0.2.7", 5000), Endpoint("192.0.2.7", 5001))
HD = VideoPlan(STREAM, 97, (97,), "baseline", 1, 31, max_fs=3600, max_mbps=108_000, max_br_bps=2_000_000)
SIZES = ((1920, 1080, 30), (1280, 720, 30), (1280, 720, 15), (640, 360, 30), (320, 180, 15))


@pytest.mark.parametrize(
    ("max_fs", "max_mbps", "expected"),
    [
        (3600, 108_000, (1280, 720, 30)),
        (3600, 107_999, (1280, 720, 15)),
        (3599, 108_000, (640, 360, 30)),
        (8160, 244_800, (1920, 1080, 30)),
        (99, 1485, None),  # level 1b: 320x180 has 240 blocks
        (396, 11_880, (320, 180, 15)),
    ],
)
def test_the_best_picture_within_their_limits(
    max_fs: int, max_mbps: int, expected: tuple[int, int, float] | None
) -> None:
    assert replace(HD, max_fs=max_fs, max_mbps=max_mbps).best(SIZES) == expected


def test_a_picture_of_few_blocks_may_still_be_too_long() -> None:
    assert not replace(HD, max_fs=100).takes(16 * 29, 16, 1)  # 29 > sqrt(800)
    assert replace(HD, max_fs=100).takes(16 * 28, 16, 1)
    assert not HD.takes(0, 720, 30)


def test_held_and_encrypted_are_of_all_media() -> None:
    keys = Keys("AES128_CM_SHA1_80", bytes(30), bytes(30))
    safe = AudioPlan(replace(STREAM, keys=keys), "g722", 9, 9)
    plan = MediaPlan(audio=safe, video=HD)
    assert not plan.encrypted
    assert not plan.held
    assert MediaPlan(audio=safe).encrypted
    assert MediaPlan(audio=replace(safe, stream=replace(STREAM, we_send=False))).held
    assert not MediaPlan().held
    assert not MediaPlan().encrypted
    assert "\\x00" not in repr(keys)
    assert "x00" not in repr(plan)
