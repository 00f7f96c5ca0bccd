"""The fuzz targets for bytes that unknown hosts send to SIP, one function per reader, and the list of all targets. The targets
for browsers are in `browsers.py`, and for DTLS and SCTP in `sealed.py`.

A target takes any bytes and returns. It fails if an exception escapes or if an assertion about accepted input fails. `run.py`
runs the targets with coverage (`make fuzz`); `test_fuzz.py` runs them with the committed corpora. `seeds` names the corpora.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from conference import ContentToken, PeerError, Refusal
from conference.ground.plan import BfcpPlan, Endpoint, OwnBfcp, OwnEnd, OwnEnds, Policy
from signaling.sip.floor.server import FloorServer
from signaling.sip.media import plan
from signaling.sip.media.profiles import GENERIC
from signaling.sip.transaction.transport import Framer, Hop
from signaling.sip.wire import bfcp, mediacontrol, sdp
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Request, Response, answer, parse
from tests.fuzz import browsers, sealed
from tests.fuzz.browsers import SEPARATOR
from tests.signaling.sip.world import A, B, Node, World

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures" / "sip"
SEEDS: dict[str, tuple[Path, ...]] = {
    "message": (FIXTURES / "rfc4475", FIXTURES / "rfc5118"),
    "stream": (FIXTURES / "rfc4475", FIXTURES / "rfc5118"),
    "agent": (HERE / "corpus" / "agent", FIXTURES / "rfc4475"),
    "description": (FIXTURES,),
    "answer": (FIXTURES,),
    "bfcp": (HERE / "corpus" / "bfcp",),
    "floor": (HERE / "corpus" / "floor", HERE / "corpus" / "bfcp"),
    "bodies": (HERE / "corpus" / "bodies",),
    "browser": (FIXTURES.parent / "sdp", HERE / "corpus" / "browser"),
    "session": (HERE / "corpus" / "session",),
    "token": (HERE / "corpus" / "token",),
    "dtls": (HERE / "corpus" / "dtls",),
    "sctp": (HERE / "corpus" / "sctp",),
    "proof": (FIXTURES,),
}
"""The corpus folders of each target. `corpus/found` keeps the inputs that a fuzz run found."""
_KEYS = (("AES128_CM_SHA1_80", b"\1" * 30), ("AEAD_AES_128_GCM", b"\2" * 28))


def _end(port: int) -> OwnEnd:
    return OwnEnd(port, port + 1, _KEYS)  # type: ignore[arg-type]


OWN = OwnEnds("192.0.2.1", _end(20_000), _end(20_002), _end(20_004), OwnBfcp(21_000, 21_001, 77, 5), _end(20_006))


def message(data: bytes) -> None:
    """Fuzz a datagram. The parser must refuse the datagram, or the parsed message must read the same after it is written."""
    try:
        read = parse(data)
    except Malformed:
        return
    if isinstance(read, Request):
        answered = parse(answer(read, 400, tag="t").write()) if read.fault is None else None
        assert answered is None or isinstance(answered, Response)
    if isinstance(read, Response) or read.fault is None:
        again = parse(read.write())
        assert (again.body, again.headers.rows[:-1]) == (read.body, _without_length(read)), "it reads otherwise"


def _without_length(read: Request | Response) -> list[tuple[str, str]]:
    return [row for row in read.headers.rows if row[0] != "content-length"]


def stream(data: bytes) -> None:
    """Fuzz a stream. The framer must find the same messages for every way to cut the bytes. Stream and datagram parsers must
    agree.
    """
    step = (data[0] & 31) + 1 if data else 1
    whole, pieces = _cut([data]), _cut([data[at : at + step] for at in range(0, len(data), step)])
    assert whole[: len(pieces)] == pieces[: len(whole)], "the pieces make a difference"
    for one in whole:
        try:
            framed = parse(one, stream=True)
        except Malformed:
            continue
        if isinstance(framed, Response) or framed.fault is None:
            assert parse(one).body == framed.body


def _cut(pieces: list[bytes]) -> list[bytes]:
    framer, found = Framer(), []
    try:
        for piece in pieces:
            found += framer.take(piece)
    except Malformed:
        pass
    return found


def agent(data: bytes) -> None:
    """Fuzz the SIP agent, then run its clock for more than an hour. The agent must keep nothing.

    If the first byte is even, the datagrams come from a trusted peer. If it is odd, an unknown host in our networks sends them.
    """
    trusted, rows = not (data[:1] or b"\0")[0] & 1, data[1:].split(SEPARATOR)[:8]
    world = World()
    node = Node(world, A, packages=("conference",))
    if trusted:
        node.trusts(B)
    for row in rows:
        node.take(row, Hop("udp", B, 5060))
        world.run(0.2)
    if not trusted:
        assert len(node.agent.core.transactions) == 0, "something is kept for a stranger"
        assert not node.agent.calls, "something is kept for a stranger"
    node.agent.close()
    world.run(4000)
    assert node.quiet(), "something is left"


def description(data: bytes) -> None:
    try:
        read = sdp.parse(data)
    except PeerError:
        return
    for media in read.media:
        _ = media.rtpmaps(), media.crypto(), read.host_of(media), read.direction_of(media)
        for number in media.payload_types:
            _ = media.parameters(number), media.feedback(number)
    sdp.redacted(data)
    if "" not in (read.host, *(one.host for one in read.media)):
        assert sdp.parse(sdp.render(read)) == read, "it reads otherwise"


def offered(data: bytes) -> None:
    """Fuzz a description as an offer, as the same offer repeated, and as an answer to our offer."""
    for policy in (Policy(), Policy(encryption="required")):
        try:
            made, agreed = plan.answer(data, OWN, GENERIC, policy)
        except (PeerError, Refusal):
            continue
        assert len(sdp.parse(made).media) == len(sdp.parse(data).media), "a line was lost"
        again, same = plan.answer(data, OWN, GENERIC, policy, plan.Agreed(made, agreed))
        assert (again, same) == (made, agreed), "the same offer was answered otherwise"
        plan.make_offer(OWN, GENERIC, policy, plan.Agreed(made, agreed))
    for policy in (Policy(), Policy(encryption="required")):
        try:
            plan.read_answer(plan.make_offer(OWN, GENERIC, policy), data, GENERIC, policy)
        except (PeerError, Refusal):
            continue


def control(data: bytes) -> None:
    try:
        read = bfcp.decode(data)
    except bfcp.BfcpError:
        read = None
    if read is not None:
        assert bfcp.decode(bfcp.encode(read)) == read, "it reads otherwise"
    framer = bfcp.Framer()
    try:
        for at in range(0, len(data), 7):
            framer.feed(data[at : at + 7])
    except bfcp.BfcpError:
        pass


def floor(data: bytes) -> None:
    """Fuzz BFCP messages of two terminals, one over UDP and one over TCP. The token of a third terminal must not move."""
    server = FloorServer(ContentToken(may=lambda who: who == "good"))
    for leg, user, transport in (("good", 5, "udp"), ("bad", 6, "udp"), ("worse", 7, "tcp")):
        where = Endpoint("192.0.2.9", 5070)
        server.attach(leg, BfcpPlan("tcp" if transport == "tcp" else "udp", where, 77, user, 1, False))
    server.apply(server.floor.ask("good"), 0.0)
    assert server.floor.holder == "good"
    for number, row in enumerate(data.split(SEPARATOR)[:16], 1):
        server.receive("worse" if number % 2 else "bad", row, float(number))
        server.tick(float(number) + 0.5)
        for _, told in server.take():
            bfcp.decode(told)
        assert server.floor.holder == "good", "a stranger moved the token"


def bodies(data: bytes) -> None:
    for kind in (mediacontrol.MEDIA_CONTROL, mediacontrol.DTMF_RELAY, mediacontrol.DTMF):
        try:
            mediacontrol.read(kind, data)
        except PeerError:
            continue


def proof(data: bytes) -> None:
    """Fail on a planted defect: a description with three or more media lines. The tests use it to show that a run reports a
    failure.
    """
    try:
        assert len(sdp.parse(data).media) < 3, "planted"
    except PeerError:
        return


TARGETS: dict[str, Callable[[bytes], None]] = {
    "message": message,
    "stream": stream,
    "agent": agent,
    "description": description,
    "answer": offered,
    "bfcp": control,
    "floor": floor,
    "bodies": bodies,
    "browser": browsers.browser,
    "session": browsers.session,
    "token": browsers.token,
    "dtls": sealed.dtls,
    "sctp": sealed.packets,
}


def seeds(name: str) -> Iterator[tuple[Path, bytes]]:
    """Yield the committed corpus of a target. Descriptions are stored with text line ends; the yielded bytes have CR LF."""
    found = HERE / "corpus" / "found" / name
    for folder in (*SEEDS[name], *((found,) if found.is_dir() else ())):
        for path in sorted(folder.iterdir()):
            if path.suffix in (".dat", ".bin", ".sdp"):
                data = path.read_bytes()
                yield path, re.sub(rb"\r?\n", b"\r\n", data) if path.suffix == ".sdp" else data
