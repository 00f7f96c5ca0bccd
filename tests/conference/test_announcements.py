"""Every sentence has a recording in both languages. The recording has the current words, and its sound is loud enough."""

import json

import av
import numpy as np
import pytest

from conference import spoken_texts
from conference.announcements.__main__ import DIGESTS, digest
from conference.announcements.spoken_texts import LANGUAGES, TEXTS, Language

EACH = [(code, language) for code in TEXTS for language in LANGUAGES]


@pytest.mark.parametrize(("code", "language"), EACH)
def test_each_recording_matches_its_present_text(code: str, language: Language) -> None:
    known = json.loads(DIGESTS.read_text())
    assert known[spoken_texts.recording(code, language).name] == digest(code, language), "record anew"


@pytest.mark.parametrize(("code", "language"), EACH)
def test_the_recording_can_be_heard(code: str, language: Language) -> None:
    with av.open(str(spoken_texts.recording(code, language))) as file:
        stream = file.streams.audio[0]
        assert stream.codec_context.name in ("opus", "libopus")
        assert stream.codec_context.layout.nb_channels == 1
        samples = np.concatenate([frame.to_ndarray().ravel() for frame in file.decode(stream)])
    seconds = len(samples) / 48000
    assert 0.5 < seconds < 20
    assert seconds > len(spoken_texts.text(code, language)) / 40, "shorter than anybody can speak"
    level = np.sqrt(np.mean(np.square(samples.astype(np.float64))))
    assert 0.02 < level < 0.5
    assert np.abs(samples).max() < 1.0


def test_no_recording_without_words() -> None:
    names = {spoken_texts.recording(code, language).name for code, language in EACH}
    assert {file.name for file in spoken_texts.FOLDER.glob("*.ogg")} == names == set(json.loads(DIGESTS.read_text()))


def test_an_unknown_code_is_a_bug() -> None:
    with pytest.raises(KeyError):
        spoken_texts.recording("nothing", "vi")
    with pytest.raises(KeyError):
        spoken_texts.text("nothing", "en")
