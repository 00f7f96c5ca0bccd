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


PICTURES: Final[dict[str, Picture]] = {
    "1080p": Picture(3_600, 108_000, 2_000_000),
    "720p": Picture(3_600, 108_000, 2_000_000),
    "baseline-720p": Picture(3_600, 108_000, 2_000_000),
    "cif": Picture(396, 11_880, 768_000),
}
"""The picture that a terminal is asked to send, by `Terminal.profile`."""


def bounded(policy: Policy, device: Device) -> Policy:
    """Return the policy within the limits of the register, for what the terminal sends and for what it gets.

    Slides and the camera share the link, so slides are asked to use half of the rate.
    """
    picture = PICTURES.get(device.profile, PICTURES["720p"])
    whole = replace(policy, most_bps=device.bandwidth_kbps * 1000)
    pictures_bps = whole.pictures_bps
    old = device.profile not in ("1080p", "720p")
    return replace(
        whole,
        receive_bps=min(picture.bps, pictures_bps),
        receive_fs=picture.fs,
        receive_mbps=picture.mbps,
        send_fs=policy.send_fs if device.profile == "1080p" else picture.fs,
        send_mbps=policy.send_mbps if device.profile == "1080p" else picture.mbps,
        content_bps=min(policy.content_bps, pictures_bps // 2),
        content_fs=picture.fs if old else policy.content_fs,
        content_mbps=picture.mbps if old else policy.content_mbps,
    )
