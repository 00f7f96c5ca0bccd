"""`python -m conference.announcements`: records the texts that have changed. Needs espeak-ng and ffmpeg.

The voices are the formant voices of espeak-ng: plain and small. No licence applies to recordings of them. For a person's voice,
replace the files. The digests in `recordings.json` belong to the texts, so an unchanged text keeps its file.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from conference.announcements.spoken_texts import FOLDER, LANGUAGES, TEXTS, Language, recording, text

VOICES: dict[Language, tuple[str, ...]] = {"vi": ("-v", "vi", "-s", "135"), "en": ("-v", "en-gb", "-s", "150")}
# The audio filters. Formant voices sound hard, so frequencies above the range of a hall's wideband codec are cut.
FILTERS = "highpass=f=120,lowpass=f=7000,apad=pad_dur=0.25"
LEVEL, PEAK = 0.14, 0.7
WAV_HEADER_BYTES = 44
DIGESTS: Path = FOLDER / "recordings.json"


def digest(code: str, language: Language) -> str:
    """Return the digest of the current text."""
    return hashlib.sha256(text(code, language).encode()).hexdigest()


def record(code: str, language: Language) -> None:
    words = ["espeak-ng", *VOICES[language], "--stdout", text(code, language)]
    spoken = subprocess.run(words, check=True, capture_output=True).stdout  # noqa: S603
    words = ["ffmpeg", "-loglevel", "error", "-y", "-f", "s16le", "-ar", "22050", "-ac", "1", "-i", "-"]
    words += ["-af", FILTERS, "-ar", "48000", "-c:a", "libopus", "-b:a", "24k", "-application", "voip"]
    words += ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", str(recording(code, language))]
    subprocess.run(words, check=True, input=levelled(spoken))  # noqa: S603


def levelled(spoken: bytes) -> bytes:
    """Return the recording at the common loudness: LEVEL of full scale where there is speech, with peaks below PEAK."""
    samples = np.frombuffer(spoken[WAV_HEADER_BYTES:], np.int16).astype(np.float64) / 32768
    heard = np.abs(samples) > 0.01
    gain = LEVEL / np.sqrt(np.mean(np.square(samples[heard])))
    limited = np.tanh(samples * gain / PEAK) * PEAK * 32767
    return bytes(limited.astype("<i2").tobytes())


def main() -> None:
    known = json.loads(DIGESTS.read_text()) if DIGESTS.exists() else {}
    wanted = {(code, language): digest(code, language) for code in TEXTS for language in LANGUAGES}
    for (code, language), now in wanted.items():
        file = recording(code, language)
        if known.get(file.name) != now or not file.exists():
            record(code, language)
            sys.stdout.write(f"{file.name}\n")
    digests = {recording(code, language).name: now for (code, language), now in sorted(wanted.items())}
    DIGESTS.write_text(json.dumps(digests, indent=1) + "\n")
    for file in FOLDER.glob("*.ogg"):
        if file.name not in digests:
            file.unlink()


if __name__ == "__main__":
    main()
