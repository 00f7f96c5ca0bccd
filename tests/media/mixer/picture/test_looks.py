"""The look of a site's picture: black, still or good, also after the picture was encoded."""

from __future__ import annotations

import av
import numpy as np
import pytest

from media.mixer.picture.encoding import Encoder, EncoderSettings
from media.mixer.picture.looks import APART_US, Looks, compare, luma

WIDTH, HEIGHT = 640, 360


def hall(*, person_at: int = 0, light: float = 1.0, noise: float = 0.0, seed: int = 1) -> av.VideoFrame:
    """Return a picture of a hall with furniture, and a person at a place."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    grey = 90 + 50 * np.sin(x / 70) + 30 * np.sin(y / 40)
    grey[120:260, 200 + person_at : 240 + person_at] = 200
    grey = grey * light + np.random.default_rng(seed).normal(0, noise, grey.shape)
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = np.clip(grey, 16, 235).astype(np.uint8)
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


def sent(*frames: av.VideoFrame) -> list[av.VideoFrame]:
    """Return the frames as a viewer decodes them, each of them a key frame."""
    encoder = Encoder(EncoderSettings("h264", "baseline", WIDTH, HEIGHT, 30, 400_000, "ultrafast"))
    decoder = av.CodecContext.create("h264", "r")
    shown: list[av.VideoFrame] = []
    for number, frame in enumerate(frames):
        unit, _ = encoder.encode(frame, number * 3000, True)
        shown += decoder.decode(av.Packet(unit))
    assert len(shown) == len(frames)
    return shown


@pytest.mark.parametrize("luma_value", [16, 70, 235])
def test_a_picture_of_one_colour_is_black(luma_value: int) -> None:
    frame = av.VideoFrame.from_ndarray(np.full((HEIGHT * 3 // 2, WIDTH), luma_value, np.uint8), format="yuv420p")
    assert compare(None, luma(sent(frame)[0])) == "black"


def test_noise_of_a_closed_lens_is_black() -> None:
    assert compare(None, luma(hall(light=0.0, noise=3.0))) == "black"


def test_a_dark_hall_is_a_picture() -> None:
    assert compare(None, luma(sent(hall(light=0.4))[0])) == "good"


def test_a_person_who_moves_makes_the_picture_good_and_an_encoded_still_is_frozen() -> None:
    first, same, moved = sent(hall(noise=1.0), hall(noise=1.0, seed=2), hall(person_at=12, noise=1.0))
    assert compare(luma(first), luma(same)) == "frozen"
    assert compare(luma(first), luma(moved)) == "good"


def test_pictures_are_compared_only_when_they_are_apart() -> None:
    looks, frame = Looks(), hall()
    assert looks.look("a", frame, 0) == "good"
    assert looks.look("a", frame, APART_US - 1) == "good", "too soon to say"
    assert looks.look("b", frame, APART_US) == "good", "each site has its own pictures"
    assert looks.look("a", frame, APART_US) == "frozen"
    assert looks.look("a", hall(person_at=30), 2 * APART_US) == "good"
    looks.keep(["b"])
    assert looks.look("a", hall(person_at=30), 3 * APART_US) == "good", "it was forgotten"
