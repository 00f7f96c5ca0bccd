"""The fields of the register that shape the calls of a terminal: its bandwidth, picture, codecs, encryption and slides. Pure.

The vendor profile says what a make of terminals can do. The register says what this terminal and its link can do. The smaller
of both counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from conference.ground.plan import AudioCodec, Encryption
from rooms.dialling.accounts import Device
from signaling.sip.media import profiles
from signaling.sip.media.profiles import Profile

_AUDIO: Final[dict[str, tuple[AudioCodec, ...]]] = {"opus": ("opus",), "g722": ("g722",), "g711": ("pcma", "pcmu")}
_LEVELS: Final[dict[str, Literal[13, 31]]] = {"baseline-720p": 31, "cif": 13}
"""The highest level of old decoders, for slides too. Level 1.3 is CIF with 30 pictures a second."""
PICTURE_KBPS: Final = 160
"""The bandwidth in kbit/s below which a call has sound only: 80 for sound, 64 for the smallest picture (RATES_BPS), and headers.
Larger: some terminals get no picture without need. Smaller: the picture disturbs the sound.
"""


def narrowed(profile: Profile, device: Device | None) -> Profile:
    """Return the profile within the limits of the register. None: the register does not have the terminal."""
    if device is None:
        return profile
    level = _LEVELS.get(device.profile)
    if level is not None:
        profile = replace(profile, high=False, max_level=profile.max_level if profile.max_level < level else level)
    if device.codecs:
        profile = _with_codecs(profile, device.codecs)
    if device.bandwidth_kbps < PICTURE_KBPS:
        profile = replace(profile, video=False)
    if not device.shows_content or not profile.video:
        profile = replace(profile, content=False, floor=())
    return profile if device.encrypts else replace(profile, encryption="off")


def _with_codecs(profile: Profile, codecs: tuple[str, ...]) -> Profile:
    """Return the profile with only these codecs, in the order of the profile. A call always has a codec for sound."""
    known = tuple(one for name in codecs for one in _AUDIO.get(name, ()))
    audio = tuple(one for one in profile.audio if one in known) or known or profile.audio
    return replace(profile, audio=audio, video=profile.video and "h264" in codecs)


def ladder(profile: Profile, device: Device | None, encryption: Encryption) -> tuple[Profile, ...]:
    """Return the offers to make after each 488, each within the limits of the register."""
    offers = profiles.ladder(narrowed(profile, device), encryption)
    return tuple(dict.fromkeys(narrowed(one, device) for one in offers))
