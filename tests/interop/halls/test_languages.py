"""The announcements of a real server in a hall's own language. The tests compare the sound that the hall hears with the
recordings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from conference import spoken_texts
from conference.announcements.spoken_texts import LANGUAGES, Language
from tests.conftest import start_server
from tests.interop.browsers.test_halls_and_browsers import HOST, There, started
from tests.interop.terminals import hallnet
from tests.interop.terminals.quirks import AUDIO_TYPE, EVENT_TYPE, Quirk, Terminal
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.slow

RATE_HZ = 8000
LOOK = RATE_HZ // 2
"""New samples before the sound is compared again. Chosen. Larger: each wait is longer. Smaller: more processor time."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    folder, port = tmp_path_factory.mktemp("languages"), free_port()
    halls = ("hall-a", "hall-b", "other")
    booked = hallnet.prepare(folder, halls, ("127.0.0.0/8",), lobby=False, languages={"hall-b": "en"})
    ports = {"DIEMCAU_SIP_HOST": HOST, "DIEMCAU_SIP_UDP_PORT": str(port), "DIEMCAU_SIP_TCP_PORT": str(port)}
    server = start_server(folder / "data", "--halls", DIEMCAU_SIP_TLS_PORT="-1", **ports)
    yield There(server, booked, port)
    server.stop()
    assert "Traceback" not in "".join(server.output), "".join(server.output)


@cache
def recorded(code: str, language: Language) -> NDArray[np.float64]:
    """Return the middle 1.5 seconds of an announcement, at the rate of a telephone."""
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    with av.open(str(spoken_texts.recording(code, language))) as file:
        frames = [made for frame in file.decode(audio=0) for made in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray().ravel() for frame in frames]).astype(float)
    middle, half = len(samples) // 2, min(len(samples) // 2, RATE_HZ * 3 // 4)
    return samples[middle - half : middle + half]


def likeness(alaw: bytes, code: str, language: Language) -> float:
    """Return how well the announcement matches any part of the received sound: the greatest correlation, 0 to 1."""
    if not alaw:
        return 0.0
    decoder = av.CodecContext.create("pcm_alaw", "r")
    decoder.sample_rate, decoder.layout = RATE_HZ, "mono"
    heard = np.concatenate([frame.to_ndarray().ravel() for frame in decoder.decode(av.Packet(alaw))]).astype(float)
    part = recorded(code, language)
    if len(heard) < len(part):
        return 0.0
    size = 1 << (len(heard) + len(part) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(part, size)), size)
    power = np.cumsum(np.concatenate(([0.0], heard**2)))
    energy = power[len(part) :] - power[: -len(part)]
    found = product[: len(energy)] / np.sqrt(np.maximum(energy, 1.0) * np.sum(part**2))
    return float(found.max())


class Caller(Terminal):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.hz = 0
        self.samples = 0
        """All samples that the terminal received."""

    def _hear(self, payload: bytes, marker: bool, kind: int) -> None:
        """Keep only the last twenty seconds of sound, because a terminal may wait long."""
        del self.heard[: -20 * RATE_HZ]
        if kind == AUDIO_TYPE:
            self.heard += payload
            self.samples += len(payload)

    async def presses(self, keys: str) -> None:
        """Press keys as RFC 4733 packets. Each key takes three packets, and the last two mark its end."""
        for key in keys:
            self.audio.timestamp += 800
            for end, duration in ((0x0A, 160), (0x8A, 320), (0x8A, 320)):
                payload = bytes(("0123456789*#".index(key), end)) + duration.to_bytes(2, "big")
                self.audio.rtp_packet(EVENT_TYPE, payload, marker=False)
                self.audio.sequence += 1
            await asyncio.sleep(0.1)

    async def hears(self, code: str, language: Language) -> None:
        """Wait for the announcement. Each look compares the new sound, and as much sound before it as the compared part has."""
        looked, size = self.samples - len(self.heard), len(recorded(code, language))

        def is_heard() -> bool:
            nonlocal looked
            new = self.samples - looked
            if new < LOOK:
                return False
            looked = self.samples
            return likeness(bytes(self.heard[-new - size :]), code, language) > 0.7

        try:
            await until(is_heard, f"it hears {code} in {language}")
        except AssertionError as error:
            each = [(likeness(bytes(self.heard), *one), *one) for one in product(spoken_texts.TEXTS, LANGUAGES)]
            error.add_note(f"{len(self.heard)} samples, most like {sorted(each)[-3:]}")
            raise
        other: Language = "vi" if language == "en" else "en"
        assert likeness(bytes(self.heard), code, other) < 0.5
        self.heard.clear()


def caller(there: There, name: str, *, small: bool = False) -> Caller:
    return Caller(Quirk(small=small), name, HOST, (200, 40, 40), 0, there.booked.passwords[name])


async def test_two_halls_hear_their_languages_at_once(there: There) -> None:
    async with asyncio.TaskGroup() as both:
        both.create_task(is_told_in_its_language(there, "hall-a", "vi"))
        both.create_task(is_told_in_its_language(there, "hall-b", "en"))


async def is_told_in_its_language(there: There, name: str, language: Language) -> None:
    async with caller(there, name, small=True) as terminal:
        assert await there.dial(terminal) == 200
        await terminal.hears("joined", language)
        await terminal.presses("*6")
        await terminal.hears("muted", language)
        assert await terminal.hang_up() == 200


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[There]:
    """A server with a meeting whose booking mutes newcomers."""
    with started(tmp_path, entry_muted=True) as made:
        yield made


async def test_a_hall_that_joins_muted_hears_how_to_ask_for_the_floor(quiet: There) -> None:
    """The hall is not heard until its key unmutes it. A browser that comes is muted too."""
    async with caller(quiet, "hall-a", small=True) as terminal, quiet.person("ann") as ann:
        assert await quiet.dial(terminal) == 200
        await terminal.hears("joined_muted", "vi")
        assert quiet.row("hall-a")["audio"]["muted"]
        published = await ann.speak(880)
        await until(lambda: published.muted, "the browser is muted")
        await terminal.presses("*6")
        await terminal.hears("unmuted", "vi")
        assert await terminal.hang_up() == 200


@pytest.mark.sim
async def test_a_star_changes_the_language_of_the_number_prompt(there: There) -> None:
    async with caller(there, "other", small=True) as terminal:
        assert await there.dial(terminal, "welcome") == 200
        await terminal.hears("welcome", "vi")
        await terminal.hears("ask_number", "vi")
        await terminal.hears("other_language", "en")
        await terminal.presses("*")
        await terminal.hears("ask_number", "en")
        await terminal.presses(f"{there.booked.number}#")
        await terminal.hears("ask_pin", "en")
        await terminal.presses(f"{there.booked.pin}#")
        await terminal.hears("joined", "en")
        assert await terminal.hang_up() == 200
