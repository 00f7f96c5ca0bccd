"""The fields of the register in the descriptions of a call: what a terminal is offered, and what the server may send to it."""

from __future__ import annotations

from typing import Any

import pytest

from conference.ground.plan import Encryption, MediaPlan, Policy
from rooms.dialling.accounts import Device
from signaling.halls.ground.devices import bounded, unregistered
from signaling.halls.sip import devices
from signaling.sip.media import profiles
from signaling.sip.media.plan import answer, make_offer
from signaling.sip.media.profiles import GENERIC, SHIPPED, Profile, Profiles
from signaling.sip.wire import sdp
from tests.signaling.sip import terminals
from tests.signaling.sip.media.test_plan import AUDIO, CRYPTO, HEAD, wire
from tests.signaling.sip.terminals import OWN

PLAIN = Device(10_000, "720p")
"""A terminal with the values of a new row."""
POLY = Profiles().named("poly-group")


def offer(make: Profile = GENERIC, encryption: Encryption = "best_effort", **fields: Any) -> sdp.Description:
    """Return the offer to a terminal of the register. `fields` differ from a new row."""
    device = Device(**{"bandwidth_kbps": 10_000, "profile": "720p", **fields})
    policy = bounded(Policy(encryption=encryption, high_profile=True), device)
    return sdp.parse(make_offer(OWN, devices.narrowed(make, device), policy))


def agreed(name: str, **fields: Any) -> MediaPlan:
    """Return the plan with a recorded terminal that calls."""
    device = Device(**{"bandwidth_kbps": 10_000, "profile": "720p", **fields})
    return answer(terminals.read(name), OWN, devices.narrowed(GENERIC, device), bounded(Policy(), device))[1]


def roles(found: sdp.Description) -> list[str]:
    return [line.attribute("content") or line.kind for line in found.media]


def formats(line: sdp.Media) -> set[str]:
    return {one.name for one in line.rtpmaps().values()} - {"telephone-event"}


def parameters(line: sdp.Media) -> list[dict[str, str]]:
    return [line.parameters(number) for number in line.payload_types]


@pytest.mark.parametrize("make", SHIPPED, ids=lambda one: one.name)
def test_a_new_row_changes_no_offer(make: Profile) -> None:
    """The migration gives these values to the rows of before, so their calls stay as they were."""
    policy = Policy(high_profile=True)
    assert make_offer(OWN, devices.narrowed(make, PLAIN), bounded(policy, PLAIN)) == make_offer(OWN, make, policy)
    assert devices.ladder(make, PLAIN, "best_effort") == profiles.ladder(make, "best_effort")


def test_the_bandwidth_limits_both_directions() -> None:
    found = offer(bandwidth_kbps=512)
    assert (found.bandwidth.as_bps, found.bandwidth.tias_bps) == (512_000, 486_400)
    audio, main, slides = found.media[:3]
    assert roles(found)[:3] == ["audio", "main", "slides"]
    assert (main.bandwidth.tias_bps, slides.bandwidth.tias_bps) == (406_400, 203_200)
    assert audio.bandwidth.as_bps == 80_000
    plan = agreed("cisco_ce_offer", bandwidth_kbps=512)
    assert plan.video is not None
    assert (plan.limit_bps, plan.pictures_bps, plan.video.max_br_bps) == (486_400, 406_400, 406_400)


def test_a_terminal_with_a_lower_limit_of_its_own_keeps_it() -> None:
    plan = agreed("tandberg_movi_offer")
    assert plan.video is not None
    assert plan.video.max_br_bps == 300_800


def test_a_link_without_room_for_a_picture_gets_sound() -> None:
    assert roles(offer(bandwidth_kbps=128)) == ["audio", "application"]
    assert agreed("cisco_ce_offer", bandwidth_kbps=128).video is None


@pytest.mark.parametrize(
    ("profile", "level", "camera_fs", "slides_fs", "gets", "gets_slides"),
    [
        ("1080p", "28", 8192, 8160, 8160, 8704),
        ("720p", "1f", 3600, 8160, 3600, 8704),
        ("baseline-720p", "1f", 3600, 3600, 3600, 3600),
        ("cif", "0d", 396, 396, 396, 396),
    ],
)
def test_the_picture(profile: str, level: str, camera_fs: int, slides_fs: int, gets: int, gets_slides: int) -> None:
    _, main, slides = offer(profile=profile).media[:3]
    assert {one["profile-level-id"][-2:] for one in parameters(main)} == {level}
    assert {int(one["max-fs"]) for one in parameters(main)} == {camera_fs}
    assert {int(one["max-fs"]) for one in parameters(slides)} == {slides_fs}
    plan = agreed("cisco_ce_offer", profile=profile)
    assert plan.video is not None
    assert plan.content is not None
    assert (plan.video.max_fs, plan.content.max_fs) == (gets, gets_slides)


def test_a_narrow_link_is_not_asked_for_1080p() -> None:
    assert {int(one["max-fs"]) for one in parameters(offer(profile="1080p", bandwidth_kbps=1024).media[1])} == {3600}


def test_a_terminal_outside_the_register_gets_720p() -> None:
    found = answer(terminals.read("cisco_ce_offer"), OWN, GENERIC, unregistered(Policy()))[1]
    assert found.video is not None
    assert found.video.max_fs == 3600


@pytest.mark.parametrize(
    ("profile", "high"), [("1080p", True), ("720p", True), ("baseline-720p", False), ("cif", False)]
)
def test_high_profile_is_offered_where_make_and_register_permit_it(profile: str, high: bool) -> None:
    ids = [one["profile-level-id"][:2] for one in parameters(offer(POLY, profile=profile).media[1])]
    assert ids == (["64", "42", "42"] if high else ["42", "42"])
    assert "64" not in {one["profile-level-id"][:2] for one in parameters(offer(profile=profile).media[1])}


@pytest.mark.parametrize(
    ("codecs", "audio", "video"),
    [
        ((), {"opus", "g722", "pcma", "pcmu"}, True),
        (("h264", "g711"), {"pcma", "pcmu"}, True),
        (("h264", "g722", "opus"), {"opus", "g722"}, True),
        (("g722",), {"g722"}, False),
        (("h264",), {"opus", "g722", "pcma", "pcmu"}, True),
    ],
)
def test_codecs(codecs: tuple[str, ...], audio: set[str], video: bool) -> None:
    found = offer(codecs=codecs)
    assert formats(found.media[0]) == audio
    assert ("main" in roles(found)) == video
    device = Device(10_000, "720p", codecs)
    assert all(set(one.audio) <= audio for one in devices.ladder(GENERIC, device, "best_effort"))


def test_codecs_that_the_make_does_not_name_are_used_alone() -> None:
    """The register describes this terminal, and the vendor row only its make."""
    assert formats(offer(Profiles().named("huawei"), codecs=("h264", "opus")).media[0]) == {"opus"}


def test_without_slides_there_is_one_picture_and_no_floor() -> None:
    assert roles(offer(shows_content=False)) == ["audio", "main", "application"]
    plan = agreed("cisco_ce_offer", shows_content=False)
    assert (plan.content, plan.bfcp) == (None, None)
    assert plan.video is not None


def test_a_terminal_without_encryption() -> None:
    assert {line.protocol for line in offer(encrypts=False).media[:3]} == {"RTP/AVP"}
    assert not any(line.has("crypto") for line in offer(encrypts=False).media)
    strict = offer(encryption="required", encrypts=False)
    assert {line.protocol for line in strict.media[:3]} == {"RTP/SAVP"}, "a meeting that demands encryption still does"
    device = Device(10_000, "720p", encrypts=False)
    narrow = devices.narrowed(GENERIC, device)
    hoped, plan = answer(wire(HEAD + AUDIO + CRYPTO), OWN, narrow, Policy())
    assert b"crypto" not in hoped
    assert not plan.encrypted
    demanded = wire(HEAD + AUDIO.replace("AVP", "SAVP") + CRYPTO)
    assert answer(demanded, OWN, narrow, Policy())[1].encrypted, "a terminal that demands SRTP has it"
    assert answer(wire(HEAD + AUDIO + CRYPTO), OWN, narrow, Policy(encryption="required"))[1].encrypted
