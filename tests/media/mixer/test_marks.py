"""The source that a mixer process worked on when it died, and the quarantine of this source."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter

from media.mixer import mixer, process
from media.mixer.ground.marks import SLOTS, Marks, shared
from media.mixer.ground.scene import Scene, SiteInfo, Source
from media.mixer.picture import decoding
from media.mixer.picture.plates import Label
from media.mixer.picture.snapshots import Snapshots
from media.mixer.picture.tiles import Tiles, scale
from tests.media.mixer.stage import Conference, Hall
from tests.media.mixer.studio import Camera
from tests.media.mixer.test_process import FULL, GREEN, GROUP, RED, shows_now

CAMERA, MICROPHONE, OTHER = 1000, 1001, 1002


@pytest.fixture
def memory() -> int:
    return shared()


@pytest.fixture
async def conference(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Conference]:
    monkeypatch.setattr(mixer, "RESTART_S", (0.0,))  # these tests kill many processes
    made = Conference()
    made.add("a", RED, 440)
    made.add("b", GREEN, 700)
    yield made
    await made.close()


def test_marks_outlive_the_process(memory: int) -> None:
    """A process that dies leaves the number of its current source. Finished sources are not reported."""
    code = f"""
import os, signal
from media.mixer.ground.marks import Marks
marks = Marks({memory})
with marks.at(7):
    pass
with marks.at(8), marks.at(9):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    parent = Marks(memory)
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], pass_fds=[memory], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    assert parent.take() == {8, 9}
    assert parent.take() == set()
    os.close(memory)


def test_more_threads_than_marks_work_on(memory: int) -> None:
    marks = Marks(memory)
    held = [marks.at(number) for number in range(1, SLOTS + 3)]
    for one in held:
        one.__enter__()
    assert Marks(memory).take() == set(range(1, SLOTS + 1))
    for one in held:
        one.__exit__(None, None, None)
    assert marks.take() == set()
    os.close(memory)


def test_a_decoder_is_marked_while_it_works() -> None:
    seen, done = [], threading.Event()

    def look(*_: object) -> None:
        seen.append(set(Marks.take(made.marks)))
        done.set()

    made = decoding.Decoding(lambda ssrc: None, lambda: 0, look, threads=1)
    made.start()
    made.want([Source(77, "video", "h264", 97, "x")])
    made.put("frame", 77, 0, 0, Camera(RED).take(True))
    assert done.wait(20)
    made.stop()
    assert seen[0] == {77}


async def die_over(conference: Conference, *ssrcs: int) -> None:
    """Kill the process as if it worked on these sources and no other."""
    lost = len(conference.told.of("lost"))
    await conference.until(lambda: conference.mixer.running and conference.mixer.figures.get("groups"))
    os.kill(conference.mixer.pid, signal.SIGSTOP)
    os.waitpid(conference.mixer.pid, os.WUNTRACED)  # all its threads stand still
    conference.mixer._marks.take()  # the real sources of this moment
    for slot, ssrc in enumerate(ssrcs):  # the process takes its slots from the other end
        conference.mixer._marks._memory[slot * 4 : slot * 4 + 4] = ssrc.to_bytes(4, sys.byteorder)
    os.kill(conference.mixer.pid, signal.SIGKILL)
    await conference.until(lambda: len(conference.told.of("lost")) > lost)
    conference.mixer.figures = {}


async def test_a_source_that_ends_processes_is_left_out(
    conference: Conference, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other sites still see and hear. The site in quarantine is still heard, and its video gets another chance later."""
    a: Hall = conference.halls[0]
    fed = conference.mixer._feeds
    monkeypatch.setattr(mixer, "QUARANTINE_S", 8.0)
    conference.show(**FULL)
    a.take(conference.mixer, 11, "h264", 97)
    await conference.until(lambda: shows_now(a, GROUP, RED, GREEN))
    await die_over(conference, CAMERA, OTHER)
    assert not fed[CAMERA].paused, "once may be chance"
    await die_over(conference, CAMERA)
    assert fed[CAMERA].paused
    await conference.until(lambda: conference.mixer.running and conference.mixer.figures.get("groups"))
    assert fed[CAMERA].paused
    assert not fed[OTHER].paused
    assert not fed[MICROPHONE].paused
    a.pictures.clear()
    await conference.until(lambda: a.pictures.get(11))
    await conference.until(lambda: not fed[CAMERA].paused)
    await die_over(conference, CAMERA)
    assert fed[CAMERA].paused, "after that one death is enough"


@pytest.mark.parametrize("last", [(CAMERA,), pytest.param((CAMERA, OTHER), marks=pytest.mark.sim)])
async def test_a_third_crash_finds_the_source_at_fault(conference: Conference, last: tuple[int, ...]) -> None:
    """Two sources are equally suspect after two deaths. After the third, both are left out, or only the source that was there
    again.
    """
    fed = conference.mixer._feeds
    conference.show(**FULL)
    for _ in range(2):
        await die_over(conference, CAMERA, OTHER)
        assert not fed[CAMERA].paused
        assert not fed[OTHER].paused
    await die_over(conference, *last)
    assert {ssrc for ssrc in (CAMERA, OTHER) if fed[ssrc].paused} == set(last)


async def test_crashes_far_apart_pause_no_source(conference: Conference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixer, "HEALTHY_S", 0.0)
    conference.show(**FULL)
    for _ in range(3):
        await die_over(conference, CAMERA)
    assert not conference.mixer._feeds[CAMERA].paused


def test_a_library_that_turns_in_circles_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    made = process.Process.__new__(process.Process)
    moments = iter((10.0, 20.0, 26.0))
    made._programs, made._marks, made.failed = {}, Marks(now=lambda: next(moments)), threading.Event()
    monkeypatch.setattr(made, "_snap", lambda: None)
    made._outgoing = []  # type: ignore[assignment]
    made._turn(1)  # at 10: no thread works
    assert not made.failed.is_set()
    with made._marks.at(3):  # since 20
        made._turn(1)  # at 26
    assert made.failed.is_set()


def unconvertible() -> av.VideoFrame:
    """Return a frame that swscale cannot convert. One flipped bit of a parameter set states BT.2020 with constant luminance in
    full range.
    """
    frame = av.VideoFrame(320, 180, "yuvj420p")
    frame.colorspace = 10
    return frame


def test_an_unconvertible_frame_ends_no_program_or_process() -> None:
    """A frame that cannot be converted stops no program. Otherwise each next process would die too while the site sends such
    frames.
    """
    picture = decoding.Picture(unconvertible(), 1, 0, 0)
    with pytest.raises(FFmpegError):
        scale(VideoReformatter(), picture.frame, 160, 90)
    tiles = Tiles(lambda ssrc: picture)
    shown, named = (tiles.tile(ssrc, Label("UBND xã A"), 160, 90, 0).planes for ssrc in (5, 0))
    assert (shown.y == named.y).all(), "its name stands in its place"
    source = Source(5, "video", "h264", 97, "a")
    scene = Scene(1, sources=(source,), sites=(SiteInfo("a", "UBND xã A"),), thumbnails=("a",))
    assert Snapshots(lambda ssrc: picture).turn(scene, 0) == ([], [])
