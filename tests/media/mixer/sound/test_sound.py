"""Sound, with real codecs: which site hears which, in every codec, and the effects of loss, drift and jitter."""

import itertools
import time
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from media.ground import limits
from media.mixer.ground.scene import CLOCK_HZ, Mix, Prompt, Scene, Source, Voice
from media.mixer.sound.codecs import compression, expansion, open_decoder
from media.mixer.sound.console import JITTER_MS, Console, heard
from media.mixer.sound.mixing import CEILING, Limiter
from media.mixer.sound.playout import FLOOR, START, Playout
from media.mixer.sound.prompts import DUCKED, read
from media.mixer.sound.rates import BLOCK, RATE_HZ, Down, Up
from media.mixer.sound.sync import PIPE_US, LipSync
from tests.media.mixer.studio import KeptPort, listen, packets, strength, tone

CODECS = ("pcma", "pcmu", "g722", "opus")
TONES = {"a": 440.0, "b": 700.0, "c": 1130.0}
AMPLITUDE = 6000


class Sites:
    """Three sites that each send one tone, with packets tick by tick. Site i has SSRC 100 + i."""

    def __init__(self, codec: str = "pcma", **scene: Any) -> None:
        self.frames = KeptPort()
        self.sync = LipSync()
        self.console = Console(self.frames.opened(), self.sync)
        sources = tuple(Source(100 + i, "audio", codec, 8, site) for i, site in enumerate(TONES))  # type: ignore[arg-type]
        self.scene = Scene(1, sources=sources, open_microphones=("a", "b"), **scene)
        self.console.show(self.scene)
        self._said = {
            source.ssrc: itertools.cycle(list(packets(codec, tone(TONES[source.site], 8)))) for source in sources
        }
        self._codec = codec
        self.silent: set[int] = set()
        """The SSRCs that send no packets."""
        self.number = 1000

    def show(self, **change: Any) -> None:
        self.scene = replace(self.scene, **change)
        self.console.show(self.scene)

    def run(self, seconds: float, lost: frozenset[int] = frozenset()) -> None:
        for _ in range(round(seconds * 50)):
            for ssrc, said in self._said.items():
                payload = next(said)
                if self.number not in lost and ssrc not in self.silent:
                    self.console.put(ssrc, self.number * CLOCK_HZ[self._codec] // 50, payload)
            self.console.tick(self.number)
            self.number += 1

    def hear(self, ssrc: int, codec: str) -> dict[str, float]:
        """Return the amplitude of each site's tone in the last second of the sent sound."""
        samples = listen(codec, [payload for _, payload, _ in self.frames.audio[ssrc]])
        return {site: round(strength(samples, hz)) for site, hz in TONES.items()}


@pytest.mark.parametrize("codec", CODECS)
def test_each_hears_the_others_and_not_itself(codec: Any) -> None:
    mixes = (Mix("a", 1, 8, codec, "a"), Mix("b", 2, 8, codec, "b"), Mix("all", 3, 8, codec))
    sites = Sites(codec, mixes=mixes)
    sites.run(2.5)
    for ssrc, wanted in ((1, "b"), (2, "a"), (3, "ab")):
        found = sites.hear(ssrc, codec)
        for site in TONES:
            if site in wanted:
                assert AMPLITUDE * 0.85 < found[site] < AMPLITUDE * 1.15, (ssrc, found)
            else:
                assert found[site] < AMPLITUDE * 0.02, (ssrc, found)


def test_a_muted_microphone_is_neither_heard_nor_decoded() -> None:
    sites = Sites(mixes=(Mix("all", 3, 8, "pcma"),))
    sites.run(0.2)
    assert sites.frames.expected == {100: "pcma", 101: "pcma"}
    sites.show(open_microphones=("a",))
    sites.run(1.5)
    assert sites.frames.expected == {100: "pcma"}
    assert sites.hear(3, "pcma")["b"] < AMPLITUDE * 0.02
    sites.show(open_microphones=("a", "b", "c"))
    sites.run(1.5)
    assert all(level > AMPLITUDE * 0.85 for level in sites.hear(3, "pcma").values())


def test_listeners_of_one_codec_share_one_encoder() -> None:
    mixes = tuple(Mix(f"m{i}", i + 1, 8, CODECS[i % 4], f"s{i}") for i in range(40))  # type: ignore[arg-type]
    sites = Sites(mixes=(*mixes, Mix("a", 90, 8, "g722", "a")))
    sites.run(0.1)
    before = sites.console.encoded
    sites.run(0.02)
    assert sites.console.encoded - before == 5
    assert len(sites.console._channels) == 5
    assert sites.frames.audio[1][-1][1] == sites.frames.audio[5][-1][1]


def test_a_voice_leaves_as_opus_while_its_microphone_is_open() -> None:
    sites = Sites("g722", voices=(Voice("a", 100, 50, 111), Voice("c", 102, 51, 111)))
    sites.run(1.5)
    found = sites.hear(50, "opus")
    assert found["a"] > AMPLITUDE * 0.85
    assert found["b"] < AMPLITUDE * 0.02
    assert 51 not in sites.frames.audio


def test_timestamps_are_time_in_the_codecs_own_clock() -> None:
    sites = Sites(mixes=tuple(Mix(codec, i + 1, 8, codec) for i, codec in enumerate(CODECS)))  # type: ignore[arg-type]
    sites.run(0.1)
    for ssrc, step in ((1, 160), (2, 160), (3, 160), (4, 960)):
        sent = sites.frames.audio[ssrc]
        assert [timestamp for timestamp, _, _ in sent] == [step * (1000 + i) for i in range(5)]
        assert sent[0][2] == 1000 * 20_000 - PIPE_US


def test_the_end_of_a_source_and_a_new_codec() -> None:
    sites = Sites(mixes=(Mix("all", 3, 8, "pcma"),))
    sites.run(0.5)
    sites.show(sources=(replace(sites.scene.sources[0], codec="pcmu"),))
    sites.run(0.04)
    assert sites.frames.expected == {100: "pcmu"}
    sites.show(sources=())
    sites.run(0.04)
    assert sites.frames.expected == {}


def test_only_one_source_per_site_is_heard() -> None:
    first = Source(1, "audio", "pcma", 8, "a")
    scene = Scene(1, sources=(first, replace(first, ssrc=2)), open_microphones=("a", "a", "x"))
    assert [source.ssrc for source in heard(scene)] == [2]


# -- announcements


def announcement(path: Path, hz: float, seconds: float, rate: int = 16000) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        at = np.arange(int(rate * seconds)) / rate
        file.writeframes((AMPLITUDE * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes())
    return str(path)


def test_only_one_site_hears_an_announcement_and_it_ends(tmp_path: Path) -> None:
    path = announcement(tmp_path / "welcome.wav", 2000, 2.2)
    sites = Sites(mixes=(Mix("c", 1, 8, "pcma", "c"), Mix("d", 2, 8, "pcma", "d")))
    ended: list[str] = []
    sites.console.on_prompt_end = ended.append
    sites.run(0.1)
    sites.show(prompts=(Prompt("p1", "c", path),))
    sites.run(0.02)
    while not sites.console._players["c"].playing:
        time.sleep(0.01)
    sites.run(2)
    told = listen("pcma", [payload for _, payload, _ in sites.frames.audio[1]])
    assert strength(told, 2000) > AMPLITUDE * 0.85
    assert strength(told, TONES["a"]) == pytest.approx(AMPLITUDE * DUCKED, rel=0.15)
    assert strength(listen("pcma", [one for _, one, _ in sites.frames.audio[2]]), 2000) < AMPLITUDE * 0.02
    sites.run(1.5)
    assert ended == ["p1"]
    assert sites.hear(1, "pcma")["a"] > AMPLITUDE * 0.85
    sites.run(0.1)
    assert ended == ["p1"]  # reported once, although the scene still has the prompt


def test_all_listeners_of_a_group_hear_an_announcement_and_speakers_do_not_hear_themselves(tmp_path: Path) -> None:
    path = announcement(tmp_path / "ended.wav", 2000, 2.2)
    mixes = (
        Mix("a", 1, 8, "pcma", "a", "@vi"),
        Mix("all", 2, 8, "pcma", "", "@vi"),
        Mix("en", 3, 8, "pcma", "", "@en"),
    )
    sites = Sites(mixes=mixes)
    sites.run(0.1)
    sites.show(prompts=(Prompt("p1", "@vi", path),))
    sites.run(0.02)
    while not sites.console._players["@vi"].playing:
        time.sleep(0.01)
    sites.run(2)
    heard = {ssrc: listen("pcma", [one for _, one, _ in sites.frames.audio[ssrc]]) for ssrc in (1, 2, 3)}
    assert min(strength(heard[ssrc], 2000) for ssrc in (1, 2)) > AMPLITUDE * 0.85
    assert strength(heard[1], TONES["a"]) < AMPLITUDE * 0.1
    assert strength(heard[2], TONES["a"]) == pytest.approx(AMPLITUDE * DUCKED, rel=0.15)
    assert strength(heard[3], 2000) < AMPLITUDE * 0.02


def test_an_announcement_that_cannot_be_read_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no sound")
    sites = Sites(mixes=(Mix("c", 1, 8, "pcma", "c"),), prompts=(Prompt("p", "c", str(tmp_path / "x.wav")),))
    ended: list[str] = []
    sites.console.on_prompt_end = ended.append
    for _ in range(200):
        sites.run(0.02)
        if ended:
            break
        time.sleep(0.01)
    assert ended == ["p"]


def test_long_announcements_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = announcement(tmp_path / "long.wav", 500, 1.5)
    assert len(read(path)) == pytest.approx(1.5 * RATE_HZ, abs=100)
    monkeypatch.setattr(limits, "MIXER_PROMPT_S", 1)
    assert len(read(path)) == RATE_HZ


# -- codecs and rates


@pytest.mark.parametrize("codec", ["pcma", "pcmu"])
def test_g711_agrees_with_an_independent_codec(codec: Any) -> None:
    name = {"pcma": "pcm_alaw", "pcmu": "pcm_mulaw"}[codec]
    decoder = cast("av.AudioCodecContext", av.CodecContext.create(name, "r"))
    decoder.sample_rate, decoder.layout = 8000, "mono"
    theirs = np.frombuffer(memoryview(decoder.decode(av.Packet(bytes(range(256))))[0].planes[0]), np.int16)[:256]
    assert np.array_equal(theirs, expansion(codec))
    codes = compression(codec)
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    error = np.abs(expansion(codec).astype(np.int32)[codes] - samples)
    nearest = np.abs(np.subtract.outer(samples[::97], np.sort(expansion(codec).astype(np.int32)))).min(1)
    assert np.array_equal(error[::97], nearest)


@pytest.mark.parametrize("codec", CODECS)
def test_wrong_payloads_are_silence(codec: Any) -> None:
    rng, decoder = np.random.default_rng(3), open_decoder(codec)
    for size in (0, 1, 2, 7, 1500, 65000):
        out = decoder.decode(rng.integers(0, 256, size, np.uint8).tobytes())
        assert len(out) <= RATE_HZ * 0.13


@pytest.mark.parametrize("factor", [3, 6])
def test_rates_keep_what_is_below_and_drop_what_is_above(factor: int) -> None:
    up, down, rate = Up(factor), Down(factor), RATE_HZ // factor
    low = tone(rate * 0.3, 1.2)
    blocks = [down.convert(low[at : at + BLOCK]) for at in range(0, len(low), BLOCK)]
    assert {len(block) for block in blocks} == {BLOCK // factor}
    back = np.concatenate([up.convert(block) for block in blocks])
    assert len(back) == len(low)
    assert strength(back, rate * 0.3) == pytest.approx(AMPLITUDE, rel=0.02)
    high = tone(rate * 0.62, 1.2)
    alias = np.concatenate([Down(factor).convert(high)])
    assert np.abs(alias[200:]).max() < AMPLITUDE * 0.01


def test_the_limiter_keeps_voices_below_the_ceiling() -> None:
    limiter, loud, soft = Limiter(), tone(300, 1) * 9, tone(300, 1)
    for at in range(0, RATE_HZ, BLOCK):
        out = limiter.apply(loud[at : at + BLOCK])
        assert np.abs(out).max() <= CEILING * 1.001
    assert np.abs(out).max() > CEILING * 0.9
    first = limiter.apply(soft[:BLOCK])
    assert np.abs(first).max() < AMPLITUDE * 0.7
    for _ in range(60):
        last = limiter.apply(soft[:BLOCK])
    assert last is not None
    assert np.array_equal(last, soft[:BLOCK])


# -- time


def play(playout: Playout, samples: np.ndarray, *, lost: frozenset[int] = frozenset(), ticks: int = 0) -> np.ndarray:
    out = []
    for number in range(ticks or len(samples) // BLOCK):
        if number not in lost and (number + 1) * BLOCK <= len(samples):
            playout.push(number * BLOCK, samples[number * BLOCK : (number + 1) * BLOCK])
        out.append(playout.pull())
    return np.concatenate(out)


def test_sound_without_loss_is_unchanged() -> None:
    said = tone(440, 1)
    out = play(Playout(), said)
    assert np.array_equal(out[START + BLOCK : START + BLOCK * 40], said[BLOCK : BLOCK * 40])


def test_a_lost_packet_is_concealed_by_the_same_pitch() -> None:
    said = tone(200, 2)
    playout = Playout()
    out = play(playout, said, lost=frozenset({60, 75, 90}))
    steps = np.abs(np.diff(out[RATE_HZ // 2 :]))
    assert steps.max() < np.abs(np.diff(said)).max() * 2.5  # no click
    part = out[START + 60 * BLOCK : START + 61 * BLOCK]
    assert np.sqrt((part**2).mean()) > AMPLITUDE / np.sqrt(2) * 0.75
    assert playout.concealed == 3 * BLOCK


def test_long_silence_of_the_sender_is_silence_and_not_counted() -> None:
    playout = Playout()
    out = play(playout, tone(200, 0.5), ticks=60)
    assert np.abs(out[-BLOCK:]).max() == 0
    assert playout.concealed <= RATE_HZ * 6 // 100
    for number in range(60, 80):
        playout.push(number * BLOCK, tone(200, 0.02))
        out = playout.pull()
    assert np.abs(out).max() > AMPLITUDE * 0.9


@pytest.mark.parametrize("drift", [-300, 300])
def test_the_clock_of_a_sender_is_followed(drift: int) -> None:
    """The playout follows a clock that is off by 300 ppm for five minutes. Without this the difference would be 90 ms."""
    playout, said, at, number = Playout(), tone(400, 10), 0.0, 0
    for _ in range(15_000):
        at += BLOCK * (1 + drift / 1e6)
        while number * BLOCK < at:
            playout.push(number * BLOCK, said[(number % 500) * BLOCK : (number % 500 + 1) * BLOCK])
            number += 1
        playout.pull()
    assert 0 <= playout.margin < FLOOR + 2 * BLOCK
    assert playout.concealed < RATE_HZ * 0.15


def test_jitter_increases_the_delay_until_no_packet_is_late() -> None:
    rng, playout, said = np.random.default_rng(8), Playout(), tone(400, 10)
    due: dict[int, list[int]] = {}
    for number in range(1500):
        due.setdefault(number + int(rng.integers(0, 6)), []).append(number)
    concealed = 0
    for tick in range(1500):
        for number in due.get(tick, ()):
            playout.push(number * BLOCK, said[(number % 500) * BLOCK : (number % 500 + 1) * BLOCK])
        playout.pull()
        concealed = playout.concealed if tick == 999 else concealed
    assert playout.concealed - concealed < RATE_HZ * 0.1
    assert playout.margin < 5 * BLOCK


def test_packets_ahead_of_their_time_are_bounded() -> None:
    playout = Playout()
    for number in range(limits.MIXER_PACKETS_WAITING + 1):
        playout.push(number * 8, np.ones(8, np.float32))
    assert len(playout._segments) == limits.MIXER_PACKETS_WAITING


def test_a_jump_of_timestamps_restarts_the_playout() -> None:
    playout = Playout()
    play(playout, tone(400, 0.5))
    playout.push(10**9, tone(400, 0.02))
    for _ in range(START // BLOCK + 1):
        out = playout.pull()
    assert np.abs(out).max() > AMPLITUDE * 0.9


def test_packets_not_yet_decoded_are_bounded() -> None:
    sites = Sites()
    sites.run(0.02)
    microphone = sites.console._microphones[100]
    for number in range(limits.MIXER_PACKETS_WAITING + 1):
        sites.console.put(100, number, bytes(160))
    assert len(microphone._waiting) == limits.MIXER_PACKETS_WAITING


# -- lip sync


@pytest.mark.parametrize("by_report", [False, True])
@pytest.mark.parametrize("video_late_us", [30_000, 90_000, 180_000])
def test_sound_is_held_back_for_its_picture(video_late_us: int, by_report: bool) -> None:
    """The sound is delayed until its later picture. With reports, the network of the picture may be slower too, and only the
    reports show this.
    """
    sites = Sites(mixes=(Mix("all", 3, 8, "pcma"),))
    video = Source(200, "video", "h264", 96, "a")
    sites.show(sources=(*sites.scene.sources, video))
    sites.run(0.02)
    sites.sync.expect(200, 90000)
    slower_us = 40_000 if by_report else 0
    early = []
    for _ in range(50 * 40):
        now_us = sites.number * 20_000
        captured_us = now_us - 5_000
        sites.sync.arrive(100, sites.number * 160, now_us)
        sites.sync.arrive(200, captured_us * 9 // 100, now_us + slower_us)
        if by_report:
            sites.sync.report(100, sites.number * 160, 10**15 + captured_us)
            sites.sync.report(200, captured_us * 9 // 100, 10**15 + captured_us)
        sites.sync.show(200, captured_us * 9 // 100, now_us + slower_us + video_late_us)
        sites.run(0.02)
        early.append(sites.console._microphones[100].skew_us)
    assert early[-1] is not None
    assert abs(early[-1]) <= 10_000
    assert sites.console.figures()["a"]["skew_ms"] == round(early[-1] / 1000, 1)


def test_without_a_picture_sound_is_not_held_back() -> None:
    sites = Sites(mixes=(Mix("all", 3, 8, "pcma"),))
    sites.run(2)
    assert sites.console._microphones[100].playout.goal == FLOOR
    assert JITTER_MS <= 100


def test_very_late_video_does_not_delay_the_sound() -> None:
    sites = Sites(mixes=(Mix("all", 3, 8, "pcma"),))
    sites.run(0.5)
    microphone = sites.console._microphones[100]
    microphone.hold(5e6)
    assert microphone.playout.goal <= limits.MIXER_AUDIO_DELAY_S * RATE_HZ


# -- many microphones


def test_a_silent_microphone_needs_no_encoder() -> None:
    sites = Sites("g722", mixes=(Mix("a", 1, 9, "g722", "a"), Mix("b", 2, 9, "g722", "b"), Mix("c", 3, 9, "g722", "c")))
    sites.show(open_microphones=("a", "b", "c"))
    sites.silent = {100, 101, 102}
    sites.run(0.1)
    before = sites.console.encoded
    sites.run(0.02)
    assert sites.console.encoded - before == 1, "three halls, nobody speaks: one encoder for all"
    sites.silent = {101, 102}
    sites.run(1.5)
    before = sites.console.encoded
    sites.run(0.02)
    assert sites.console.encoded - before == 2, "who speaks has a mix of its own"
    assert sites.hear(2, "g722")["a"] > AMPLITUDE * 0.85
    assert sites.hear(1, "g722")["a"] < AMPLITUDE * 0.02
    assert sites.console.levels().keys() == {"a"}


def test_a_first_word_is_heard_completely() -> None:
    """A first word is heard completely, when the plane sends three packets at once and then one in each tick."""
    sites = Sites(mixes=(Mix("all", 3, 8, "pcma"),))
    sites.silent = {100, 101, 102}
    sites.run(1.0)
    said = list(packets("pcma", tone(1000, 0.4)))
    start = sites.number
    for number in range(60):
        come = [0, 1, 2, 3] if number == 3 else [number] if 3 < number < 20 else []
        for place in come:
            sites.console.put(100, (start + place) * 160, said[place])
        sites.console.tick(sites.number)
        sites.number += 1
    heard_all = listen("pcma", [payload for _, payload, _ in sites.frames.audio[3]])
    loud = np.flatnonzero(np.abs(heard_all) > AMPLITUDE / 2)
    assert 0.39 < (loud[-1] - loud[0]) / RATE_HZ < 0.45, "its end fades"
    began = (loud[0] - (len(heard_all) - 60 * BLOCK)) / RATE_HZ
    assert began < 0.06 + 0.04, "three packets until it was found loud, and the least delay"


class Opus:
    """Many sites that send Opus without audio levels."""

    def __init__(self, count: int) -> None:
        self.frames = KeptPort()
        self.console = Console(self.frames.opened(), LipSync())
        sources = tuple(Source(100 + i, "audio", "opus", 111, f"s{i}", unmeasured=True) for i in range(count))
        self.quiet = itertools.cycle(list(packets("opus", tone(300, 2, 60))))
        self.loud = itertools.cycle(list(packets("opus", tone(1000, 2))))
        names = tuple(source.site for source in sources)
        self.console.show(Scene(1, sources=sources, mixes=(Mix("m", 1, 8, "pcma"),), open_microphones=names))
        self.count, self.number = count, 1000
        self.console.tick(self.number)

    def run(self, ticks: int, *loud: int) -> None:
        for _ in range(ticks):
            self.number += 1
            quiet, said = next(self.quiet), next(self.loud)
            for i in range(self.count):
                self.console.put(100 + i, self.number * 960, said if i in loud else quiet)
            self.console.sampling.work()
            self.console.tick(self.number)

    @property
    def mixed(self) -> set[str]:
        return set(self.console.levels())


def test_without_levels_one_opus_packet_in_four_is_decoded() -> None:
    opus = Opus(12)
    opus.run(100, 4, 7)
    assert {"s4", "s7"} <= opus.mixed
    assert len(opus.mixed) == limits.MIXER_UNMEASURED
    held = opus.mixed
    opus.run(100, 4, 7)
    assert opus.mixed == held, "equals do not take turns"
    already = len(opus.frames.audio[1])
    opus.run(20, 4, 7, 9)
    heard_all = listen("pcma", [payload for _, payload, _ in opus.frames.audio[1]][already:])
    assert "s9" in opus.mixed or len(opus.mixed) > limits.MIXER_UNMEASURED
    assert len(heard_all) == 20 * BLOCK


def test_few_opus_sources_are_all_mixed_and_silence_skips_many() -> None:
    few = Opus(limits.MIXER_UNMEASURED)
    few.run(60)
    assert len(few.mixed) == limits.MIXER_UNMEASURED
    many = Opus(8)
    many.quiet = itertools.cycle(list(packets("opus", tone(300, 2, 0))))
    many.run(60)
    assert many.mixed == set()
    many.run(12, 5)
    assert many.mixed == {"s5"}
