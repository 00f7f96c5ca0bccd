"""Lines on loopback: a terminal made of two UDP sockets against a real node, with plain RTP and SRTP."""

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator

import pylibsrtp
import pytest

from media import Line, LineConsumer, Node, Producer, Router, line_codec
from media.ground import limits as media_limits
from tests.waiting import until

PORTS = range(42_000, 43_000)
PCMA = line_codec(8, "pcma")
H264 = line_codec(97, "h264")
KEYS = line_codec(101, "telephone-event")
WAIT_S = 10.0
SPS, PPS, IDR, SLICE = b"\x67\x42\x80\x1f\x01", b"\x68\xce\x38\x80", b"\x65\x88\x84", b"\x41\x9a\x02"


class Told:
    """All events of the lines."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []

    def heard(self, _line: Line, state: str) -> None:
        self.events.append(("heard", state))

    def dtmf(self, _line: Line, digit: str, duration_ms: int) -> None:
        self.events.append(("dtmf", digit, duration_ms))

    def message(self, _line: Line, message: bytes) -> None:
        self.events.append(("message", message))

    def keyframe_missing(self, _line: Line) -> None:
        self.events.append(("keyframe_missing",))

    def limited(self, _line: Line, consumer: LineConsumer, bitrate_bps: int) -> None:
        self.events.append(("limited", consumer.ssrc, bitrate_bps))

    def unfit(self, _line: Line, consumer: LineConsumer) -> None:
        self.events.append(("unfit", consumer.ssrc))

    def left(self, _line: Line, producer: Producer) -> None:
        self.events.append(("left", producer.id))


class Terminal:
    """A far end with an RTP and an RTCP port."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.rtp, self.rtcp = pair()
        self.loop = asyncio.get_running_loop()

    def send(self, payload: bytes, number: int, timestamp: int, *, ssrc: int = 7, kind: int = 8, mark: int = 0) -> None:
        self.rtp.sendto(packet(payload, number, timestamp, ssrc=ssrc, kind=kind, mark=mark), self.line.local)

    def report(self, compound: bytes) -> None:
        self.rtcp.sendto(compound, self.line.local_rtcp)

    async def receive(self) -> bytes:
        return await asyncio.wait_for(self.loop.sock_recv(self.rtp, 2048), WAIT_S)

    async def receive_report(self) -> dict[int, bytes]:
        """Receive one compound packet, and return its packets by type."""
        compound = await asyncio.wait_for(self.loop.sock_recv(self.rtcp, 2048), WAIT_S)
        return dict(packets(compound))

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


def pair() -> tuple[socket.socket, socket.socket]:
    made = []
    for _ in range(2):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        one.setblocking(False)
        made.append(one)
    return made[0], made[1]


def packet(payload: bytes, number: int, timestamp: int, *, ssrc: int = 7, kind: int = 8, mark: int = 0) -> bytes:
    return struct.pack("!BBHII", 0x80, mark << 7 | kind, number & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def packets(compound: bytes) -> Iterator[tuple[int, bytes]]:
    while compound:
        size = 4 * (int.from_bytes(compound[2:4], "big") + 1)
        yield compound[1], compound[:size]
        compound = compound[size:]


@pytest.fixture
def told() -> Told:
    return Told()


class Call:
    """A line with its terminal."""

    def __init__(self, router: Router, told: Told, *, plain: bool = True) -> None:
        self.line = router.open_line(told, host="127.0.0.1", ports=PORTS)
        self.terminal = Terminal(self.line)
        if plain:
            self.meet()

    def meet(self) -> None:
        self.line.set_remote(self.terminal.rtp.getsockname(), self.terminal.rtcp.getsockname())


@pytest.fixture
def calls(router: Router, told: Told) -> Iterator[Callable[[], Call]]:
    made: list[Call] = []

    def call(*, plain: bool = True) -> Call:
        made.append(Call(router, told, plain=plain))
        return made[-1]

    yield call
    for one in made:
        one.terminal.close()


async def test_sound_goes_from_one_terminal_to_another(calls: Callable[..., Call], told: Told) -> None:
    hall, other = calls(), calls()
    assert hall.line.local[1] % 2 == 0
    assert hall.line.local_rtcp == ("127.0.0.1", hall.line.local[1] + 1)
    producer = hall.line.receive("audio", [PCMA])
    consumer = other.line.send(producer, {8: 0}, ssrc=99)
    for number in range(3):
        hall.terminal.send(bytes([number]) * 160, 65_535 + number, number * 160)
    first = 0
    for number in range(3):
        got = await other.terminal.receive()
        version, kind, sequence, _, ssrc = struct.unpack("!BBHII", got[:12])
        first = first or sequence
        assert (version, kind, sequence, ssrc) == (0x80, 0, first + number, 99)
        assert got[12:] == bytes([number]) * 160
    assert ("heard", "first") in told.events
    await until(lambda: consumer.sending)


async def test_srtp_by_keys_of_the_description(calls: Callable[..., Call]) -> None:
    """The plane and libsrtp can decrypt each other's packets."""
    theirs, ours = bytes(range(30)), bytes(range(30, 60))
    for suite, profile in (
        ("AES_CM_128_HMAC_SHA1_80", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
        ("AES_CM_128_HMAC_SHA1_32", pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_32),
    ):
        hall = calls(plain=False)
        hall.line.set_keys(suite, theirs, ours)
        hall.meet()
        sealing = session(theirs, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, profile)
        opening = session(ours, pylibsrtp.Policy.SSRC_ANY_INBOUND, profile)
        consumer = hall.line.send(hall.line.receive("audio", [PCMA]), {8: 8}, ssrc=5)
        hall.terminal.rtp.sendto(sealing.protect(packet(b"sound", 1, 0)), hall.line.local)
        got = opening.unprotect(await hall.terminal.receive())
        assert got[12:] == b"sound"
        compound = await asyncio.wait_for(hall.terminal.loop.sock_recv(hall.terminal.rtcp, 2048), WAIT_S)
        kinds = dict(packets(opening.unprotect_rtcp(compound)))
        assert 202 in kinds
        consumer.close()


def session(key: bytes, direction: int, profile: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile)
    return pylibsrtp.Session(policy)


async def test_packets_from_strangers_are_ignored(calls: Callable[..., Call], told: Told, node: Node) -> None:
    hall, other = calls(), calls()
    producer = hall.line.receive("audio", [PCMA])
    other.line.send(producer, {8: 8})
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.2", 0))
    # Packets from another address are ignored, and packets from another port of the right address after the latch.
    stranger.sendto(packet(b"spoof", 1, 0), hall.line.local)
    hall.terminal.send(b"true", 1, 0)
    assert (await other.terminal.receive())[12:] == b"true"
    late = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    late.bind(("127.0.0.1", 0))
    for number in range(2, 6):
        late.sendto(packet(b"hijack", number, 160, ssrc=8), hall.line.local)
        stranger.sendto(packet(b"hijack", number, 160), hall.line.local)
    hall.terminal.send(b"still", 2, 160)
    assert (await other.terminal.receive())[12:] == b"still"
    await until(lambda: node.statistics().totals["stranger_datagrams"] >= 9)
    stranger.close()
    late.close()


async def test_answers_follow_the_address_that_was_latched(calls: Callable[..., Call]) -> None:
    """The line answers to the port that sends, although the description names another port."""
    hall, source = calls(), calls()
    named = Terminal(hall.line)
    hall.line.set_remote(named.rtp.getsockname(), named.rtcp.getsockname())
    hall.line.receive("audio", [PCMA])
    hall.line.send(source.line.receive("audio", [PCMA]), {8: 8})
    hall.terminal.send(b"", 1, 0)  # an opening packet without content
    source.terminal.send(b"to the old port or the new", 1, 0)
    got = asyncio.gather(hall.terminal.receive())
    source.terminal.send(b"again", 2, 160)
    assert len((await got)[0]) > 12
    named.close()


async def test_each_dtmf_key_is_reported_once(calls: Callable[..., Call], told: Told) -> None:
    hall = calls()
    hall.line.receive("audio", [PCMA, KEYS])
    for number, duration in enumerate((160, 320, 480, 480, 480)):
        end = 0x8A if number >= 2 else 0x0A
        hall.terminal.send(struct.pack("!BBH", 11, end, duration), number, 1000, kind=101)
    await until(lambda: any(event[0] == "dtmf" for event in told.events))
    hall.terminal.send(struct.pack("!BBH", 5, 0x8A, 800), 9, 3000, kind=101)
    await until(lambda: len([event for event in told.events if event[0] == "dtmf"]) == 2)
    assert [event for event in told.events if event[0] == "dtmf"] == [("dtmf", "#", 60), ("dtmf", "5", 100)]


async def test_another_source_under_the_same_ssrc(calls: Callable[..., Call]) -> None:
    one, two, viewer = calls(), calls(), calls()
    first, second = (call.line.receive("video", [H264]) for call in (one, two))
    consumer = viewer.line.send(first, {97: 100}, ssrc=55)
    one.terminal.send(SPS, 10, 0, kind=97)
    one.terminal.send(IDR, 11, 0, kind=97, mark=1)
    before = [await viewer.terminal.receive() for _ in range(2)]
    consumer.switch(second, {97: 100})
    two.terminal.send(SLICE, 500, 70_000, kind=97, mark=1)
    two.terminal.send(SPS, 501, 73_000, kind=97)
    two.terminal.send(IDR, 502, 73_000, kind=97, mark=1)
    after = [await viewer.terminal.receive() for _ in range(2)]
    heads = [struct.unpack("!BBHII", got[:12]) for got in before + after]
    assert [head[2] - heads[0][2] for head in heads] == [0, 1, 2, 3]
    assert {head[4] for head in heads} == {55}
    assert 0 < (heads[2][3] - heads[1][3]) & 0xFFFFFFFF < 10 * 90_000
    assert [got[12:] for got in after] == [SPS, IDR]
    # The consumer belongs to the new source now.
    first.close()
    assert not consumer.closed
    second.close()
    assert consumer.closed


async def test_a_key_frame_is_asked_for_by_both_messages(calls: Callable[..., Call], told: Told) -> None:
    hall, viewer = calls(), calls()
    viewer.line.send(hall.line.receive("video", [H264]), {97: 97})
    hall.terminal.send(SLICE, 1, 0, kind=97, mark=1)
    hall.terminal.report(b"\x80\xc9\x00\x01\x00\x00\x00\x07")
    report = {}
    while 206 not in report:
        report = await hall.terminal.receive_report()
    # A report and a name come first (RFC 3550 §6.1). The last packet of the same type is the FIR.
    assert list(report)[:2] == [201, 202]
    assert report[206][0] & 0x1F == 4
    assert report[206][12:16] == (7).to_bytes(4, "big")
    await until(lambda: ("keyframe_missing",) in told.events)


async def test_messages_instead_of_tracks(calls: Callable[..., Call], told: Told) -> None:
    """The plane and libsrtp exchange messages in both directions."""
    theirs, ours = bytes(range(30)), bytes(range(30, 60))
    hall = calls(plain=False)
    hall.line.open_messages(115, 100)
    hall.line.set_keys("AES_CM_128_HMAC_SHA1_80", theirs, ours)
    hall.line.send_message(b"lost: it has no address")
    hall.meet()
    profile = pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
    sealing = session(theirs, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, profile)
    opening = session(ours, pylibsrtp.Policy.SSRC_ANY_INBOUND, profile)
    hall.terminal.rtp.sendto(sealing.protect(packet(b"clients", 1, 0, kind=100)), hall.line.local)
    await until(lambda: ("message", b"clients") in told.events)
    numbers = []
    for order in (b"start", b"stop"):
        hall.line.send_message(order)
        got = opening.unprotect(await hall.terminal.receive())
        head, kind, number = struct.unpack("!BBH", got[:4])
        assert (head, kind, got[12:]) == (0x80, 115, order)
        numbers.append(number)
    assert numbers[1] == numbers[0] + 1
    for wrong in (b"", bytes(513)):
        with pytest.raises(ValueError):
            hall.line.send_message(wrong)


def test_ports_come_in_pairs_and_run_out(router: Router, told: Told) -> None:
    lines = [router.open_line(told, host="127.0.0.1", ports=range(13_001, 13_006)) for _ in range(2)]
    assert {line.local[1] for line in lines} == {13_002, 13_004}
    with pytest.raises(OSError, match="taken"):
        router.open_line(told, host="127.0.0.1", ports=range(13_001, 13_006))
    with pytest.raises(OSError, match="no ports"):
        router.open_line(told, host="127.0.0.1", ports=range(13_001, 13_002))


def test_lines_are_bounded(router: Router, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_limits, "LINES", 2)
    lines = [router.open_line(told, host="127.0.0.1", ports=PORTS) for _ in range(2)]
    with pytest.raises(OverflowError):
        router.open_line(told, host="127.0.0.1", ports=PORTS)
    lines[0].close()
    router.open_line(told, host="127.0.0.1", ports=PORTS)


async def test_a_closed_line_frees_its_ports(router: Router, told: Told) -> None:
    line = router.open_line(told, host="127.0.0.1", ports=range(13_010, 13_012))
    line.close()

    def free() -> bool:
        try:
            router.open_line(told, host="127.0.0.1", ports=range(13_010, 13_012)).close()
        except OSError:
            return False
        return True

    await until(free)


@pytest.mark.parametrize(
    ("suite", "receive", "send"),
    [
        ("AES_256_CM_HMAC_SHA1_80", bytes(46), bytes(46)),
        ("AES_CM_128_HMAC_SHA1_80", bytes(28), bytes(30)),
        ("AEAD_AES_128_GCM", bytes(30), bytes(range(30))),
        ("AES_CM_128_HMAC_SHA1_80", bytes(30), bytes(30)),
    ],
)
def test_wrong_keys_are_refused(router: Router, told: Told, suite: str, receive: bytes, send: bytes) -> None:
    line = router.open_line(told, host="127.0.0.1", ports=PORTS)
    with pytest.raises(ValueError):
        line.set_keys(suite, receive, send)
    assert not line.secure


async def test_what_a_line_carries_is_bounded(
    calls: Callable[..., Call], router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_limits, "LINE_PRODUCERS", 2)
    monkeypatch.setattr(media_limits, "LINE_CONSUMERS", 2)
    hall, other = calls(), calls()
    producers = [hall.line.receive("audio", [PCMA], ssrc=ssrc) for ssrc in (1, 2)]
    with pytest.raises(OverflowError):
        hall.line.receive("audio", [PCMA], ssrc=3)
    consumers = [other.line.send(producer, {8: 8}) for producer in producers]
    with pytest.raises(OverflowError):
        other.line.send(producers[0], {8: 8})
    consumers[0].close()
    other.line.send(producers[0], {8: 8})
    producers[1].close()
    assert consumers[1].closed
    hall.line.receive("audio", [PCMA], ssrc=3)


async def test_a_hall_is_seen_by_the_statistics(calls: Callable[..., Call], node: Node) -> None:
    hall, other = calls(), calls()
    consumer = other.line.send(hall.line.receive("audio", [PCMA]), {8: 8})
    for number in range(5):
        hall.terminal.send(b"sound", number, 160 * number)
        await other.terminal.receive()

    def counted() -> bool:
        figures = hall.line.figures
        row = node.statistics().consumers.get(consumer.id)
        return figures is not None and figures.received_packets == 5 and row is not None and row.packets == 5

    await until(counted)
    hall.line.close()
    hall.line.close()
    assert consumer.closed
