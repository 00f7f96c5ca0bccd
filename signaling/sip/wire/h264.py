"""H.264 in descriptions (RFC 6184): levels, profile-level-id, and the limits that follow from them. Pure arithmetic.

A receiver's limits are its level (ITU-T H.264 table A-1), raised by max-mbps, max-fs and max-br. Some terminals write values
below their level to mean "no more than this" (a Huawei ViewPoint: level 3.1, max-br=1536). Then the smaller value applies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

BASELINE: Final = 0x42
MAIN: Final = 0x4D
HIGH: Final = 0x64

_IDENTIFIER = re.compile(r"[0-9a-fA-F]{6}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_LEVEL_1B: Final = 9
_LEAST_BLOCKS: Final = 16
"""Macroblocks (16x16 pixels) of a picture of 64x64. A smaller limit of a terminal is taken as a mistake and ignored. Chosen.
Larger: real limits of small terminals are ignored, and their picture is too large. Smaller: a mistake leaves the terminal
without a usable picture.
"""
_TOLERANCE: Final = 1.01
"""The factor by which an H.264 level may exceed a terminal's limit: 1920x1080 has 8160 blocks, but level 4 allows 8192. Chosen.
Larger: terminals get pictures beyond their limit. Smaller: terminals that state exactly 8160 blocks get a smaller picture.
"""


class Level(NamedTuple):
    max_mbps: int
    max_fs: int
    max_br: int
    """Units of 1000 bit/s (Baseline and Main)."""


LEVELS: Final[dict[int, Level]] = {
    10: Level(1_485, 99, 64),
    9: Level(1_485, 99, 128),
    11: Level(3_000, 396, 192),
    12: Level(6_000, 396, 384),
    13: Level(11_880, 396, 768),
    20: Level(11_880, 396, 2_000),
    21: Level(19_800, 792, 4_000),
    22: Level(20_250, 1_620, 4_000),
    30: Level(40_500, 1_620, 10_000),
    31: Level(108_000, 3_600, 14_000),
    32: Level(216_000, 5_120, 20_000),
    40: Level(245_760, 8_192, 20_000),
    41: Level(245_760, 8_192, 50_000),
    42: Level(522_240, 8_704, 50_000),
    50: Level(589_824, 22_080, 135_000),
    51: Level(983_040, 36_864, 240_000),
    52: Level(2_073_600, 36_864, 240_000),
}
"""The levels from the weakest to the strongest."""
_ORDER: Final = tuple(LEVELS)


@dataclass(frozen=True, slots=True)
class Format:
    """An H.264 payload type with the limits of the side that receives it."""

    payload_type: int
    profile: int
    """profile_idc"""
    constraints: int
    level: int
    mode: Literal[0, 1]
    max_mbps: int
    max_fs: int
    max_br_bps: int
    asymmetric: bool
    """level-asymmetry-allowed"""

    @property
    def prefix(self) -> str:
        """The part of profile-level-id that an answer must repeat (RFC 6184 §8.2.2)."""
        return f"{self.profile:02x}{self.constraints:02x}"


def read(payload_type: int, parameters: Mapping[str, str]) -> Format | None:
    """Read a payload type. Return None if we do not support it: interleaved mode, another profile, an unknown level."""
    mode = parameters.get("packetization-mode", "0")
    identifier = parameters.get("profile-level-id", "42000a")  # RFC 6184 §8.1: Baseline, level 1
    if mode not in ("0", "1") or not _IDENTIFIER.fullmatch(identifier):
        return None
    profile, constraints, level = bytes.fromhex(identifier)
    if level == 11 and constraints & 0x10 and profile != HIGH:
        level = _LEVEL_1B
    if profile not in (BASELINE, MAIN, HIGH) or level not in LEVELS:
        return None
    base = LEVELS[level]
    rate = _limit(parameters, "max-br", base.max_br, 1) * (1250 if profile == HIGH else 1000)
    return Format(
        payload_type,
        profile,
        constraints,
        level,
        1 if mode == "1" else 0,
        _limit(parameters, "max-mbps", base.max_mbps, _LEAST_BLOCKS),
        _limit(parameters, "max-fs", base.max_fs, _LEAST_BLOCKS),
        rate,
        parameters.get("level-asymmetry-allowed") == "1",
    )


def weaker(one: int, other: int) -> int:
    """Return the lower of two levels. 1b is above 1, although its number is smaller."""
    return min(one, other, key=_ORDER.index)


def level_within(max_fs: int, max_mbps: int) -> int:
    """Return the highest level within these limits. In SDP, max-fs and max-mbps may raise a level, but never lower it."""
    best = _ORDER[0]
    for number, level in LEVELS.items():
        fits = level.max_fs <= max_fs * _TOLERANCE and level.max_mbps <= max_mbps * _TOLERANCE
        # of two levels that differ only in bit rate, the lower is taken: max-br raises it
        if fits and level[:2] != LEVELS[best][:2]:
            best = number
    return best


def describe(prefix: str, mode: int, level: int, wanted: Level, *, asymmetric: bool) -> str:
    """Return the text of `a=fmtp` with our limits. `wanted` raises the limits of `level`.

    max-mbps and max-fs are always there, because a Polycom DMA refuses an offer without max-fs.
    """
    base = LEVELS[level]
    number, constraints = (11, int(prefix[2:], 16) | 0x10) if level == _LEVEL_1B else (level, int(prefix[2:], 16))
    parts = [
        f"profile-level-id={prefix[:2]}{constraints:02x}{number:02x}",
        f"max-mbps={max(base.max_mbps, wanted.max_mbps)}",
        f"max-fs={max(base.max_fs, wanted.max_fs)}",
    ]
    parts += [f"max-br={wanted.max_br}"] if wanted.max_br > base.max_br else []
    parts += ["packetization-mode=1"] if mode else []
    parts += ["level-asymmetry-allowed=1"] if asymmetric else []
    return ";".join(parts)


def _limit(parameters: Mapping[str, str], name: str, level: int, least: int) -> int:
    value = parameters.get(name, "")
    number = int(value) if _NUMBER.fullmatch(value) else 0
    return number if number >= least else level
