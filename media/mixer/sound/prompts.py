"""Recorded announcements. A thread reads the file once, then it is played in one site's mix."""

from __future__ import annotations

import logging
import threading
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from media.ground import limits
from media.mixer.ground.scene import Prompt
from media.mixer.sound.rates import BLOCK, RATE_HZ, Samples

logger = logging.getLogger(__name__)

DUCKED = 0.25
"""Gain of the conference's sound in a hall (-12 dB) during an announcement. Larger: the announcement is hard to understand.
Smaller: the hall does not hear the conference.
"""


class Player:
    """An announcement. The mixing thread calls `block`."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt
        self.failed = False
        self._samples: NDArray[np.int16] | None = None
        self._at = 0
        threading.Thread(target=self._load, name=f"prompt-{prompt.id}", daemon=True).start()

    @property
    def playing(self) -> bool:
        return self._samples is not None and self._at < len(self._samples)

    @property
    def done(self) -> bool:
        return self.failed or (self._samples is not None and self._at >= len(self._samples))

    def block(self) -> Samples:
        """Return the next 20 ms. The last block is filled with silence."""
        out = np.zeros(BLOCK, np.float32)
        if self._samples is not None:
            part = self._samples[self._at : self._at + BLOCK]
            out[: len(part)] = part
            self._at += BLOCK
        return out

    def _load(self) -> None:
        try:
            path = Path(self.prompt.path)
            self._samples = _kept(self.prompt.path, path.stat().st_mtime_ns)
        except (OSError, FFmpegError, ValueError, IndexError) as error:
            logger.warning("announcement %s: %s", self.prompt.path, error)
            self.failed = True


@lru_cache(maxsize=16)
def _kept(path: str, _changed_ns: int) -> NDArray[np.int16]:
    """Return the decoded file from a cache. When many halls join at once, it is decoded once (2 ms of CPU for each second of
    sound).
    """
    samples = read(path)
    samples.flags.writeable = False
    return samples


def read(path: str) -> NDArray[np.int16]:
    """Return the first audio stream of the file as 48 kHz mono, at most `limits.MIXER_PROMPT_S` of it."""
    most = limits.MIXER_PROMPT_S * RATE_HZ
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    blocks, length = [], 0
    with av.open(path) as file:
        for frame in file.decode(file.streams.audio[0]):
            for part in resampler.resample(frame):
                blocks.append(part.to_ndarray()[0])
                length += part.samples
            if length >= most:
                break
    blocks += [part.to_ndarray()[0] for part in resampler.resample(None)]
    return np.concatenate(blocks)[:most] if blocks else np.zeros(0, np.int16)
