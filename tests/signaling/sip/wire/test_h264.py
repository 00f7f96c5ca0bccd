"""Levels and profile-level-id: the table of the standard, raised and lowered limits, and the values that we write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.wire import h264

HDX = {"profile-level-id": "42800d", "max-mbps": "108000", "max-fs": "3600", "max-br": "1600"}
NONSENSE = {"profile-level-id": "42e01f", "max-fs": "0", "max-mbps": "-1", "max-br": "x"}
LEVELS = st.sampled_from(sorted(h264.LEVELS))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        # profile, level, mode, max_fs, max_mbps, max_br_bps
        ({}, (0x42, 10, 0, 99, 1485, 64_000)),
        ({"profile-level-id": "42801f", "packetization-mode": "1"}, (0x42, 31, 1, 3600, 108_000, 14_000_000)),
        ({"profile-level-id": "64001f", "packetization-mode": "1"}, (0x64, 31, 1, 3600, 108_000, 17_500_000)),
        (HDX, (0x42, 13, 0, 3600, 108_000, 1_600_000)),
        ({"profile-level-id": "42801F", "max-br": "1536", "max-fs": "3840"}, (0x42, 31, 0, 3840, 108_000, 1_536_000)),
        ({"profile-level-id": "42900b"}, (0x42, 9, 0, 99, 1485, 128_000)),  # constraint_set3: level 1b
        ({"profile-level-id": "42800b"}, (0x42, 11, 0, 396, 3000, 192_000)),
        ({"profile-level-id": "64100b"}, (0x64, 11, 0, 396, 3000, 240_000)),
        (NONSENSE, (0x42, 31, 0, 3600, 108_000, 14_000_000)),
        ({"profile-level-id": "42e01f", "max-fs": "9999999999999"}, (0x42, 31, 0, 3600, 108_000, 14_000_000)),
        ({"profile-level-id": "4d001f"}, (0x4D, 31, 0, 3600, 108_000, 14_000_000)),
    ],
)  # fmt: skip
def test_reading(parameters: dict[str, str], expected: tuple[int, ...]) -> None:
    found = h264.read(97, parameters)
    assert found is not None
    assert (found.profile, found.level, found.mode, found.max_fs, found.max_mbps, found.max_br_bps) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"packetization-mode": "2"},
        {"packetization-mode": ""},
        {"profile-level-id": "53e01f"},
        {"profile-level-id": "42e0"},
        {"profile-level-id": "42e01f00"},
        {"profile-level-id": "42e0zz"},
        {"profile-level-id": "42e021"},
        {"profile-level-id": "4280D"},
    ],
)
def test_what_we_cannot_do(parameters: dict[str, str]) -> None:
    assert h264.read(97, parameters) is None


@pytest.mark.parametrize(
    ("max_fs", "max_mbps", "level"),
    [
        (3600, 108_000, 31),
        (8160, 244_800, 40),
        (8160, 122_400, 31),
        (920, 27_600, 21),
        (396, 11_880, 13),
        (50, 100, 10),
    ],
)
def test_a_level_promises_no_more_than_we_want(max_fs: int, max_mbps: int, level: int) -> None:
    assert h264.level_within(max_fs, max_mbps) == level


@given(
    LEVELS,
    st.integers(0, 1),
    st.integers(16, 40_000),
    st.integers(16, 2_000_000),
    st.integers(1, 300_000),
    st.booleans(),
)
def test_what_we_write_is_read_as_we_meant_it(
    level: int, mode: int, fs: int, mbps: int, br: int, asymmetric: bool
) -> None:
    wanted = h264.Level(mbps, fs, br)
    text = h264.describe("42e0", mode, level, wanted, asymmetric=asymmetric)
    assert "max-fs=" in text, "a Polycom DMA refuses an offer without them"
    assert "max-mbps=" in text, "a Polycom DMA refuses an offer without them"
    found = h264.read(97, dict(part.split("=") for part in text.split(";")))
    base = h264.LEVELS[level]
    assert found is not None
    assert (found.level, found.mode, found.asymmetric) == (level, mode, asymmetric)
    assert (found.max_fs, found.max_mbps) == (max(fs, base.max_fs), max(mbps, base.max_mbps))
    assert found.max_br_bps == max(br, base.max_br) * 1000


@given(LEVELS, LEVELS)
def test_the_weaker_level(one: int, other: int) -> None:
    least = h264.weaker(one, other)
    assert least in (one, other)
    assert h264.weaker(other, one) == least
    assert h264.LEVELS[least].max_br == min(h264.LEVELS[one].max_br, h264.LEVELS[other].max_br)
