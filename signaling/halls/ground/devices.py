"""The limits of a call that follow from the terminal's bandwidth and largest picture in the register. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from conference.ground.plan import Policy
from rooms.dialling.accounts import Device


class Picture(NamedTuple):
    """The limits of a camera picture: macroblocks in one picture and in one second, and bit/s."""

    fs: int
    mbps: int
    bps: int


FULL_HD_BPS: Final = 1_500_000
"""The rate below which a camera is not asked for 1080p. It is the least rate of that size in `groups.SIZES`."""
PICTURES: Final[dict[str, Picture]] = {
    "1080p": Picture(8_160, 244_800, 2_000_000),
    "720p": Picture(3_600, 108_000, 2_000_000),
    "baseline-720p": Picture(3_600, 108_000, 2_000_000),
    "cif": Picture(396, 11_880, 768_000),
}
"""The largest main picture in both directions, by `Terminal.profile`, and the rate of the camera. A rate above 2 Mbit/s would
reach browsers too, which get the camera as it is.
"""


def unregistered(policy: Policy) -> Policy:
    """Return the policy for a terminal that the register does not have."""
    return replace(policy, send_fs=PICTURES["720p"].fs, send_mbps=PICTURES["720p"].mbps)


def bounded(policy: Policy, device: Device) -> Policy:
    """Return the policy within the limits of the register, for what the terminal sends and for what it gets.

    Slides and the camera share the link, so slides are asked to use half of the rate.
    """
    picture = PICTURES.get(device.profile, PICTURES["720p"])
    whole = replace(policy, most_bps=device.bandwidth_kbps * 1000)
    pictures_bps = whole.pictures_bps
    camera = picture if pictures_bps >= FULL_HD_BPS or device.profile != "1080p" else PICTURES["720p"]
    old = device.profile not in ("1080p", "720p")
    return replace(
        whole,
        receive_bps=min(picture.bps, pictures_bps),
        receive_fs=camera.fs,
        receive_mbps=camera.mbps,
        send_fs=picture.fs,
        send_mbps=picture.mbps,
        content_bps=min(policy.content_bps, pictures_bps // 2),
        content_fs=picture.fs if old else policy.content_fs,
        content_mbps=picture.mbps if old else policy.content_mbps,
    )
