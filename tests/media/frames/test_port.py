"""The mixer's end of a line on loopback: frames of a terminal arrive, and a program leaves."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator

import pytest

from media import FrameEvent, Frames, Line, Router, connect, line_codec
from tests.media.lines.test_line import H264, IDR, PCMA, PORTS, PPS, SLICE, SPS, Call, Told

WAIT_MS = 10_000
START = b"\0\0\0\1"
OPUS = line_codec(111, "opus")


class Mixer:
    """The end of a mixer process, and its line."""

    def __init__(self, router: Router, told: Told) -> None:
        self.line: Line = router.open_line(told, host="127.0.0.1", ports=PORTS, rtcp_mux=True, latch=False)
        self.end = connect(self.line.local)
        self.line.set_remote(self.end.getsockname()[:2])
        self.line.set_feedback(["nack", "pli"])
        self.frames = Frames.open(self.end.fileno())

    async def next(self, kind: str) -> FrameEvent:
        async with asyncio.timeout(WAIT_MS / 1000):
            while True:
                for event in await asyncio.to_thread(self.frames.poll, 200, 1):
                    if event.kind == kind:
                        return event


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def mixer(router: Router, told: Told) -> AsyncIterator[Mixer]:
    made = Mixer(router, told)
    yield made
    made.frames.close()
    made.end.close()


@pytest.fixture
async def hall(router: Router, told: Told) -> AsyncIterator[Call]:
    call = Call(router, told)
    yield call
    call.terminal.close()


async def test_a_picture_arrives_complete(mixer: Mixer, hall: Call) -> None:
    mixer.frames.expect(500, "h264", 90_000)
    mixer.line.send(hall.line.receive("video", [H264]), {97: 97}, ssrc=500)
    body = bytes(range(1, 201)) * 5
    hall.terminal.send(SPS, 1, 9000, kind=97)
    hall.terminal.send(PPS, 2, 9000, kind=97)
    hall.terminal.send(b"\x7c\x85\x88" + body, 3, 9000, kind=97)
    hall.terminal.send(b"\x7c\x45" + body, 4, 9000, kind=97, mark=1)
    frame = await mixer.next("frame")
    assert frame.data == START + SPS + START + PPS + START + b"\x65\x88" + body + body
    assert (frame.ssrc, frame.time_us <= time.monotonic_ns() // 1000) == (500, True)


async def test_a_program_goes_to_a_hall_in_packets_that_fit(mixer: Mixer, hall: Call) -> None:
    program = mixer.line.receive("video", [line_codec(96, "h264")], ssrc=900)
    hall.line.send(program, {96: 97}, ssrc=44)
    picture = START + SPS + START + PPS + START + IDR + bytes(range(1, 251)) * 20
    capture_us = time.monotonic_ns() // 1000
    assert mixer.frames.send_video(900, 96, 2**32 + 90_000, picture, capture_us)
    got: list[bytes] = []
    while not got or not got[-1][1] & 0x80:
        got.append(await hall.terminal.receive())
    assert all(len(one) <= 1212 for one in got)
    assert [one[12] & 0x1F for one in got] == [7, 8, *[28] * (len(got) - 2)]
    body = b"".join(one[14:] for one in got[2:])
    assert body == (IDR + bytes(range(1, 251)) * 20)[1:]


async def test_the_plane_asks_the_mixer_for_a_key_frame(mixer: Mixer, hall: Call) -> None:
    program = mixer.line.receive("video", [line_codec(96, "h264")], ssrc=901)
    mixer.frames.send_video(901, 96, 0, START + SLICE, 0)
    hall.line.send(program, {96: 97})
    assert (await mixer.next("keyframe")).ssrc == 901


async def test_mode_0_accepts_no_long_unit_and_no_fragment(mixer: Mixer, hall: Call, told: Told) -> None:
    long = START + SPS + START + IDR + bytes([1]) * 3000
    with pytest.raises(ValueError, match="mode 0"):
        mixer.frames.send_video(902, 96, 0, long, 0, mode=0)
    program = mixer.line.receive("video", [line_codec(96, "h264")], ssrc=902)
    consumer = hall.line.send(program, {96: 97}, ssrc=45, single_nal=True)
    mixer.frames.send_video(902, 96, 0, START + SPS + START + PPS + START + IDR, 0, mode=0)
    assert [(await hall.terminal.receive())[12] & 0x1F for _ in range(3)] == [7, 8, 5]
    mixer.frames.send_video(902, 96, 3000, long, 0)
    async with asyncio.timeout(WAIT_MS / 1000):
        while ("unfit", 45) not in told.events:
            await asyncio.sleep(0.01)
    assert not consumer.closed


async def test_sound_goes_both_ways_and_active_speakers_are_reported(mixer: Mixer, hall: Call, router: Router) -> None:
    mixer.line.accept_audio_levels(1)
    mixer.frames.expect(600, "pcma", 8000)
    mixer.line.send(hall.line.receive("audio", [PCMA]), {8: 8}, ssrc=600)
    hall.terminal.send(b"\xd5" * 160, 1, 0)
    assert (await mixer.next("frame")).data == b"\xd5" * 160
    spoke = asyncio.Event()
    voice = mixer.line.receive("audio", [OPUS], ssrc=601)
    router.on_speakers = lambda levels: spoke.set() if [one for one, _ in levels] == [voice] else None
    async with asyncio.timeout(WAIT_MS / 1000):
        for number in range(500):
            mixer.frames.send_audio(601, 111, number * 960, b"voice", time.monotonic_ns() // 1000, level=10)
            await asyncio.sleep(0.01)
            if spoke.is_set():
                break
    assert spoke.is_set()


async def test_sender_reports_of_sound_and_video_share_one_clock(mixer: Mixer, hall: Call) -> None:
    mixer.frames.expect(600, "pcma", 8000)
    mixer.line.send(hall.line.receive("audio", [PCMA]), {8: 8}, ssrc=600)
    before_us = time.time_ns() // 1000
    hall.terminal.send(b"\xd5" * 160, 1, 0)
    clock = await mixer.next("clock")
    assert before_us - 1_000_000 < clock.time_us < time.time_ns() // 1000 + 1_000_000
    program = mixer.line.receive("video", [line_codec(96, "h264")], ssrc=903)
    hall.line.send(program, {96: 97}, ssrc=46)
    hall.line.send(hall.line.receive("audio", [line_codec(0, "pcmu")]), {0: 0}, ssrc=47)
    mixer.frames.send_video(903, 96, 0, START + SPS + START + PPS + START + IDR, time.monotonic_ns() // 1000)
    hall.terminal.send(b"\xff" * 160, 1, 0, ssrc=8, kind=0)
    names: dict[int, bytes] = {}
    async with asyncio.timeout(WAIT_MS / 1000):
        while not {46, 47} <= names.keys():
            compound = await asyncio.get_running_loop().sock_recv(hall.terminal.rtcp, 2048)
            while compound:
                size = 4 * (int.from_bytes(compound[2:4], "big") + 1)
                if compound[1] == 202:
                    ssrc, item, length = struct.unpack("!IBB", compound[4:10])
                    assert item == 1
                    names[ssrc] = compound[10 : 10 + length]
                compound = compound[size:]
    assert names[46] == names[47] != b""


def test_a_closed_or_unconnected_port_raises_an_error(told: Told) -> None:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        alone.bind(("127.0.0.1", 0))
        with pytest.raises(ValueError, match="not connected"):
            Frames.open(alone.fileno())
        alone.connect(("127.0.0.1", 9))
        frames = Frames.open(alone.fileno())
    frames.close()
    with pytest.raises(RuntimeError, match="closed"):
        list(frames.poll(0))
