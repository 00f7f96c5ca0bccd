"""The mixer with its real process, with real RTP through a real plane: the pictures and sound of halls, and the effects of a
crash.
"""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media.ground import limits
from media.lines.line import line_codec
from media.mixer import mixer
from media.mixer.ground.layouts import rects
from media.mixer.ground.scene import Group, Mix, Scene, SceneError, Source, Voice
from tests.media.mixer.stage import Conference, Hall, Told
from tests.media.mixer.studio import packets, read_counter, strength, tone
from tests.running.runs import LONG_RUN

RED, GREEN, BLUE = (80, 90, 220), (120, 60, 70), (60, 200, 100)
GROUP = Group("g", 11, 97, "h264", 640, 360, 30, 800_000, "2x2", ("a", "b"))
AMPLITUDE = 6000
FULL = {
    "groups": (GROUP,),
    "mixes": (Mix("a", 21, 8, "pcma", "a"), Mix("b", 22, 9, "g722", "b"), Mix("all", 23, 111, "opus")),
    "voices": (Voice("a", 1001, 31, 111),),
    "open_microphones": ("a", "b"),
}


@pytest.fixture
async def conference() -> AsyncIterator[Conference]:
    made = Conference()
    made.add("a", RED, 440)
    made.add("b", GREEN, 700)
    yield made
    await made.close()


def shows(picture: np.ndarray, group: Group, *hues: tuple[int, int, int]) -> bool:
    places = rects(group.layout, group.width, group.height)
    parts = [
        picture[p.y + p.height * 4 // 10 : p.y + p.height * 6 // 10, p.x + 40 : p.x + p.width - 40] for p in places
    ]
    means = [part.reshape(-1, 3).mean(0) for part in parts]
    return all(np.abs(mean - hue).max() < 8 for mean, hue in zip(means, hues, strict=False))


def shows_now(hall: Hall, group: Group, *hues: tuple[int, int, int]) -> bool:
    pictures = hall.pictures.get(group.ssrc)
    return pictures is not None and shows(pictures[-1], group, *hues)


def hears(hall: Hall, output: int, codec: str, hz: float) -> bool:
    """Report whether a second of the tone was heard without gaps. If this machine pauses, the gap is concealed, which is not a
    pure tone.
    """
    count = len(hall.heard.get(output, ()))
    return count > 75 and count % 10 == 0 and strength(hall.sound(output, codec), hz) > AMPLITUDE * 0.8


async def test_halls_see_and_hear_each_other(conference: Conference) -> None:
    a, b = conference.halls
    conference.show(**FULL)
    for hall in (a, b):
        hall.take(conference.mixer, 11, "h264", 97)
    a.take(conference.mixer, 21, "pcma", 8)
    b.take(conference.mixer, 22, "g722", 9)
    b.take(conference.mixer, 31, "opus", 111)
    await conference.until(lambda: all(hall.pictures.get(11) for hall in (a, b)))
    await conference.until(lambda: all(shows(hall.pictures[11][-1], GROUP, RED, GREEN) for hall in (a, b)))
    place = rects("2x2", 640, 360)[1]
    corner = [
        one.pictures[11][-1][place.y : place.y + place.height, place.x : place.x + place.width, 0] for one in (a, b)
    ]
    assert abs(read_counter(corner[0]) - read_counter(corner[1])) % 256 in (0, 1, 2, 254, 255)
    for hall, output, codec, present, absent in (
        (a, 21, "pcma", 700, 440),
        (b, 22, "g722", 440, 700),
        (b, 31, "opus", 440, 700),
    ):
        await conference.until(lambda: hears(hall, output, codec, present))  # noqa: B023
        assert strength(hall.sound(output, codec), absent) < AMPLITUDE * 0.03
    levels = conference.told.of("levels")[-1][1]
    assert levels["a"] == pytest.approx(AMPLITUDE / 32768 / 2**0.5, rel=0.2)


async def test_a_muted_site_is_not_even_sent_to_the_process(conference: Conference) -> None:
    conference.show(**FULL)
    fed = conference.mixer._feeds
    await conference.until(lambda: conference.mixer._heights)
    assert not any(one.paused for one in fed.values())
    conference.show(open_microphones=("b",), groups=(replace(GROUP, cells=("b",)),))
    await conference.until(lambda: fed[1000].paused and fed[1001].paused)
    assert not fed[1002].paused
    assert not fed[1003].paused


async def test_a_killed_mixer_restarts_with_the_same_scene(conference: Conference) -> None:
    a = conference.halls[0]
    conference.show(**FULL)
    a.take(conference.mixer, 11, "h264", 97)
    a.take(conference.mixer, 21, "pcma", 8)
    outputs = [conference.mixer.output(11), conference.mixer.output(21)]
    for turn in range(3 if LONG_RUN else 2):
        await conference.until(lambda: shows_now(a, GROUP, RED, GREEN))
        await conference.until(lambda: hears(a, 21, "pcma", 700))
        pid = conference.mixer.pid
        os.kill(pid, signal.SIGKILL)
        await conference.until(lambda: len(conference.told.of("lost")) == turn + 1)  # noqa: B023
        a.pictures.clear()
        a.heard.clear()
        await conference.until(lambda: conference.mixer.running and conference.mixer.pid != pid)  # noqa: B023
    await conference.until(lambda: shows_now(a, GROUP, RED, GREEN))
    await conference.until(lambda: hears(a, 21, "pcma", 700))
    assert [conference.mixer.output(11), conference.mixer.output(21)] == outputs
    assert not any(output.closed for output in outputs)


async def test_a_process_that_hangs_is_replaced(conference: Conference, monkeypatch: pytest.MonkeyPatch) -> None:
    conference.show(**FULL)
    await conference.until(lambda: conference.mixer.figures)
    monkeypatch.setattr(mixer, "SILENCE_S", 3.0)
    pid = conference.mixer.pid
    os.kill(pid, signal.SIGSTOP)
    for version in range(300):  # the process does not read, so only the newest scene is kept
        conference.show(groups=(replace(GROUP, text=f"{version}" + "x" * 250),))
        assert len(conference.mixer._outgoing) < limits.MIXER_MESSAGES_WAITING_BYTES
    await conference.until(lambda: conference.told.of("lost"))
    await conference.until(lambda: conference.mixer.running and conference.mixer.figures["groups"])
    assert conference.mixer.pid != pid


async def test_a_killed_mixer_does_not_disturb_other_sound(conference: Conference) -> None:
    a, b = conference.halls
    conference.show(**FULL)
    b.frames.expect(77, "pcma", 8000)
    b.line.send(a.audio, {8: 8}, 77)
    await conference.until(lambda: conference.mixer.running and len(b.heard.get(77, ())) > 20)
    os.kill(conference.mixer.pid, signal.SIGKILL)
    await conference.until(lambda: conference.told.of("lost"))
    count = len(b.heard[77])
    await conference.until(lambda: len(b.heard[77]) > count + 50)


async def test_key_frames_are_asked_through(conference: Conference) -> None:
    a = conference.halls[0]
    conference.show(**FULL)
    a.take(conference.mixer, 11, "h264", 97)
    await conference.until(lambda: conference.mixer.figures.get("groups", {}).get("g", {}).get("frames"))
    keys = conference.mixer.figures["groups"]["g"]["keys"]
    a.frames.request_keyframe(11)  # by RTCP, through the plane
    await conference.until(lambda: conference.mixer.figures["groups"]["g"]["keys"] > keys)
    keys = conference.mixer.figures["groups"]["g"]["keys"]
    await conference.run(0.6)
    conference.mixer.request_keyframe(11)  # by signalling
    await conference.until(lambda: conference.mixer.figures["groups"]["g"]["keys"] > keys)


async def test_thumbnails_come_only_when_asked_for(conference: Conference) -> None:
    conference.show(groups=(replace(GROUP, cells=("a",)),))
    await conference.until(lambda: conference.mixer.figures)
    assert not conference.told.of("thumbnail")
    conference.show(thumbnails=("a", "b"))  # no program shows b
    await conference.until(lambda: {event[1] for event in conference.told.of("thumbnail")} == {"a", "b"})
    event = next(event for event in conference.told.of("thumbnail") if event[1] == "b")
    picture = Image.open(io.BytesIO(event[2])).convert("YCbCr")
    assert picture.size == (320, 180)
    assert np.abs(np.asarray(picture)[90:150, 40:280].reshape(-1, 3).mean(0) - np.array([119, 52, 62])).max() < 25
    await conference.until(lambda: conference.mixer._feeds[1002].paused)  # and the camera is paused again
    await conference.until(
        lambda: {event[1:] for event in conference.told.of("looked")} >= {("a", "good"), ("b", "good")}
    )


async def test_too_much_is_refused_and_load_degrades_in_order() -> None:
    made = Conference(budget_cores=0.001)
    try:
        made.add("a", RED, 440)
        made.show(groups=(GROUP, replace(GROUP, id="h", ssrc=12)))
        await made.until(lambda: made.told.of("refused"))
        assert made.told.of("refused") == [("refused", "h", "no_capacity")]
        made.mixer.allow(4.0, 4.0)  # another conference has ended
        await made.until(lambda: made.told.of("accepted") == [("accepted", "h")])
        made.mixer.allow(0.001, 0.001)
        await made.until(lambda: made.mixer.step == 4)
        assert [event[1] for event in made.told.of("degraded")] == [1, 2, 3, 4]
        await made.until(lambda: made.mixer.figures["groups"]["g"]["fps"] == 15)
    finally:
        await made.close()


async def test_a_wrong_scene_is_refused_and_the_old_one_stays(conference: Conference) -> None:
    conference.show(**FULL)
    with pytest.raises(SceneError):
        conference.mixer.set_scene(replace(conference.scene, groups=(replace(GROUP, width=7),)))
    conference.mixer.output(11)
    with pytest.raises(KeyError):
        conference.mixer.output(12)


async def test_outputs_follow_the_scene(conference: Conference) -> None:
    conference.show(**FULL)
    program, mix = conference.mixer.output(11), conference.mixer.output(21)
    conference.show(groups=(replace(GROUP, cells=("b", "a")),), mixes=())
    assert conference.mixer.output(11) is program
    assert mix.closed
    conference.show(groups=(replace(GROUP, codec="vp8"),))
    assert program.closed
    assert conference.mixer.output(11).mime == "video/VP8"


@pytest.mark.parametrize(
    ("layers", "height", "wanted"),
    [(1, 90, 0), (3, 90, 0), (3, 180, 0), (3, 182, 1), (3, 720, 2), (3, 1080, 2), (2, 240, 0)],
)
def test_the_smallest_layer_that_fills_a_place(layers: int, height: int, wanted: int) -> None:
    assert mixer._layer(layers, height) == wanted


async def test_voices_of_browsers_come_out_of_red(conference: Conference) -> None:
    """Sound arrives in RED as Chromium sends it (RFC 2198): one redundant block, then the newest block."""
    a = conference.halls[0]
    line = a.line
    red = [line_codec(63, "red", clock_hz=48000), line_codec(111, "opus")]
    spoken = line.receive("audio", red, 7)
    conference.show(mixes=(Mix("all", 23, 8, "pcma"),))
    conference.mixer.feed(spoken, 2000)
    a.take(conference.mixer, 23, "pcma", 8)
    source = Source(2000, "audio", "opus", 111, "x")
    conference.show(sources=(*conference.scene.sources, source), open_microphones=("x",))
    words = list(packets("opus", tone(500, 10)))

    def say(number: int) -> None:
        before, now = words[(number - 1) % 500], words[number % 500]
        block = bytes([0x80 | 111]) + (960 << 10 | len(before)).to_bytes(3, "big") + bytes([111]) + before + now
        a.frames.send_audio(7, 63, number * 960, block, number * 20_000)

    conference.also = say
    await conference.until(lambda: hears(a, 23, "pcma", 500))


async def test_a_source_can_take_the_place_of_another(conference: Conference) -> None:
    a = conference.halls[0]
    c = conference.add("c", BLUE, 900)
    conference.show(groups=(GROUP,))
    a.take(conference.mixer, 11, "h264", 97)
    await conference.until(lambda: shows_now(a, GROUP, RED, GREEN))
    conference.mixer.feed(c.video, 1000)
    await conference.until(lambda: shows_now(a, GROUP, BLUE, GREEN))


async def test_close_leaves_no_process_or_line(conference: Conference) -> None:
    conference.show(**FULL)
    await conference.until(lambda: conference.mixer.running)
    pid = conference.mixer.pid
    conference.mixer.close()
    conference.mixer.close()
    while Path(f"/proc/{pid}").exists():
        await asyncio.sleep(0.02)
    assert conference.mixer._line.closed
    with pytest.raises(AssertionError):
        conference.mixer.set_scene(Scene(9))


PARENT = """
import asyncio, sys
from media import Mixer, Node, NodeSettings
from tests.media.mixer.stage import Told

async def main():
    node = Node.open(NodeSettings(udp=[("127.0.0.1", 0)]), asyncio.get_running_loop())
    told = Told()
    mixer = Mixer(node.open_router(), told, 1.4)
    while not mixer.running:
        await asyncio.sleep(0.01)
    print(mixer.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_its_parent(number: int) -> None:
    root = Path(__file__).resolve().parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.send_signal(number)
    parent.wait(10)
    for _ in range(500):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return
        if "\nState:\tZ" in status:
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the mixer process is still there")


async def test_a_process_that_cannot_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        made = Conference()
    try:
        assert made.mixer.pid == 0
        await made.until(lambda: made.mixer.running)
    finally:
        await made.close()


def test_the_test_listener_knows_all_mixer_events() -> None:
    names = {name for name in vars(mixer.MixerEvents) if not name.startswith("_")}
    assert names <= set(dir(Told))
