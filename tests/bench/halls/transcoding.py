"""The CPU cost of one hall that has its own picture, as a transcoding server gives it to each hall.

The process decodes one 720p30 stream and encodes another. The figure is the CPU of this process, with the codecs and settings of
the mixer. No server takes part.
"""

from __future__ import annotations

import time

import av
import numpy as np

from media.mixer.picture.encoding import Encoder, EncoderSettings
from media.mixer.picture.planes import new_picture

SETTINGS = EncoderSettings("h264", "baseline", 1280, 720, 30, 2_000_000)
PICTURES = 120


def measure() -> dict[str, float]:
    """Return the cores that one hall needs: seconds of CPU for one second of pictures."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:720, 0:1280]
    noise = rng.normal(0, 4, (1440, 2560))
    encoder, (frame, planes) = Encoder(SETTINGS), new_picture(1280, 720)
    decoder = av.CodecContext.create("h264", "r")
    encoded_s = decoded_s = 0.0
    for number in range(PICTURES):
        at = rng.integers(0, 720, 2)
        shape = 60 * np.sin(x / 74 + number / 20) + 40 * np.cos(y / 46 - number / 30)
        planes.y[:] = np.clip(120 + shape + noise[at[0] : at[0] + 720, at[1] : at[1] + 1280], 16, 235)
        start = time.thread_time()
        unit, _ = encoder.encode(frame, number * 3000, False)
        middle = time.thread_time()
        decoder.decode(av.Packet(unit))
        encoded_s += middle - start
        decoded_s += time.thread_time() - middle
    second = PICTURES / 30
    return {"cores": (encoded_s + decoded_s) / second, "encode": encoded_s / second, "decode": decoded_s / second}
