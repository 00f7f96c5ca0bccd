"""The native library: it matches `_plane.pyi`, and handles wrong arguments and full queues."""

import ast
import hashlib
import inspect
import re
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aioice import stun

from media import _plane
from media._plane import Plane

MEDIA = Path(str(_plane.__file__)).parent
SOURCES = MEDIA / "plane"
UFRAG, PWD = "aufrag", "p" * 24
KEYS = (bytes(16), bytes(12), bytes(16), bytes(12))
DTLS = b"\x16\xfe\xfd" + bytes(9) + b"\x07" + bytes(7)
OPUS = [(111, "opus", 48_000, -1)]
EVENT_WAIT_S = 10


@pytest.fixture
def plane() -> Iterator[Plane]:
    plane = Plane(udp=[("127.0.0.1", 0)], tcp=[("127.0.0.1", 0)])
    yield plane
    plane.close()


# The stub


def stub_functions(name: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((MEDIA / "_plane.pyi").read_text())
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def stub_parameters(function: ast.FunctionDef) -> list[tuple[str, str, object]]:
    args = function.args
    missing: list[ast.expr | None] = [None] * (len(args.args) - len(args.defaults))
    plain = zip(args.args, [*missing, *args.defaults], strict=True)
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    rows = [(arg.arg, "POSITIONAL_OR_KEYWORD", default) for arg, default in plain]
    rows += [(arg.arg, "KEYWORD_ONLY", default) for arg, default in named]
    return [(name, kind, default_of(default)) for name, kind, default in rows if name not in {"self", "cls"}]


def default_of(default: ast.expr | None) -> object:
    return inspect.Parameter.empty if default is None else ast.literal_eval(default)


def real_parameters(function: Callable[..., object]) -> list[tuple[str, str, object]]:
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind.name, p.default) for p in parameters if p.name != "self"]


def test_stub_and_library_have_the_same_methods_and_parameters() -> None:
    for name in ("Plane", "FramePort", "Snapshot"):
        native = getattr(_plane, name)
        stub = stub_functions(name)
        public = {member for member in vars(native) if not member.startswith("_")}
        assert public == set(stub) - {"__new__"}
        for method, function in stub.items():
            if any(isinstance(mark, ast.Name) and mark.id == "property" for mark in function.decorator_list):
                assert inspect.isgetsetdescriptor(vars(native)[method])
            else:
                real = native if method == "__new__" else getattr(native, method)
                assert real_parameters(real) == stub_parameters(function), method


def test_classes_are_final_and_named() -> None:
    for native in (_plane.Plane, _plane.FramePort, _plane.Snapshot):
        assert native.__module__ == "media._plane"
        with pytest.raises(TypeError):
            type("Child", (native,), {})


def test_digest_tells_the_sources() -> None:
    """The digest is made as in `build.rs`. If this test fails, build the library again."""
    paths = ["Cargo.toml", "Cargo.lock", "core/Cargo.toml", "udp/Cargo.toml"]
    for folder in ("src", "core/src", "udp/src"):
        paths += [path.relative_to(SOURCES).as_posix() for path in (SOURCES / folder).rglob("*.rs")]
    digest = hashlib.sha256()
    for path in sorted(paths, key=str.encode):
        content = (SOURCES / path).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    assert digest.hexdigest() == _plane.SOURCES_DIGEST


# Arguments

WRONG: list[tuple[str, tuple[Any, ...]]] = [
    ("open_router", (0,)),
    ("open_router", (-1,)),
    ("open_router", (2**32,)),
    ("open_router", (2**80,)),
    ("open_router", (5, 1)),
    ("open_router", (5, -1)),
    ("open_router", (1,)),
    ("set_voices", (1, -1)),
    ("set_voices", (1, 1001)),
    ("set_mixed_voices", (1, -1)),
    ("set_mixed_voices", (1, 1001)),
    ("meter_voice", (0,)),
    ("keep_voice", (0,)),
    ("forgo_repairs", (0,)),
    ("make_red", (1000, 128)),
    ("close_router", (0,)),
    ("open_transport", (1, 10, UFRAG, PWD)),
    ("open_transport", (1, 11, "abc", PWD)),
    ("open_transport", (1, 11, "a" * 33, PWD)),
    ("open_transport", (1, 11, "ab:cd", PWD)),
    ("open_transport", (1, 11, UFRAG, "p" * 21)),
    ("open_transport", (1, 11, UFRAG, "p" * 65)),
    ("open_transport", (1, 11, UFRAG, "é" * 22)),
    ("restart_ice", (10, "", PWD)),
    ("set_remote_credentials", (10, "x y z", "")),
    ("set_remote_credentials", (10, "x" * 257, "")),
    ("set_remote_credentials", (10, "user", "x" * 21)),
    ("set_extensions", (10, [(0, "mid")])),
    ("set_extensions", (10, [(256, "mid")])),
    ("set_extensions", (10, [(1, "toffset")])),
    ("set_extensions", (10, [(1, "mid"), (1, "rid")])),
    ("set_extensions", (10, [(1, "mid"), (2, "mid")])),
    ("set_extensions", (10, [(1, "mid")] * 33)),
    ("set_keys", (10, "AEAD_AES_256_GCM", *KEYS)),
    ("set_keys", (10, "AES128_CM_SHA1_80", *KEYS)),
    ("set_keys", (10, "AEAD_AES_128_GCM", bytes(15), *KEYS[1:])),
    ("send_dtls", (10, b"")),
    ("send_dtls", (10, b"\x13datagram")),
    ("send_dtls", (10, b"\x40datagram")),
    ("send_dtls", (10, b"\x16" * 1501)),
    ("open_producer", (10, 101, "text", "0", [("", 1, 0)], OPUS)),
    ("open_producer", (10, 101, "audio", "m" * 17, [("", 1, 0)], OPUS)),
    ("open_producer", (10, 101, "audio", "m m", [("", 1, 0)], OPUS)),
    ("open_producer", (10, 101, "audio", "0", [], OPUS)),
    ("open_producer", (10, 101, "audio", "0", [("", 1, 0)] * 5, OPUS)),
    ("open_producer", (10, 101, "audio", "0", [("", 2**32, 0)], OPUS)),
    ("open_producer", (10, 101, "audio", "0", [("", 1, -1)], OPUS)),
    ("open_producer", (10, 101, "audio", "0", [("", 2**70, 0)], OPUS)),
    ("open_producer", (10, 101, "audio", "0", [("", 1, 0)], [(128, "opus", 48_000, -1)])),
    ("open_producer", (10, 101, "audio", "0", [("", 1, 0)], [(111, "speex", 48_000, -1)])),
    ("open_producer", (10, 101, "audio", "0", [("", 1, 0)], [(111, "opus", 0, -1)])),
    ("open_producer", (10, 101, "audio", "0", [("", 1, 0)], [(111, "opus", 48_000, -2)])),
    ("open_producer", (10, 101, "audio", "0", [("", 1, 0)], OPUS * 65)),
    ("open_producer", (10, 100, "audio", "0", [("", 1, 0)], OPUS)),
    ("request_keyframe", (100, 4)),
    ("request_keyframe", (100, -2)),
    ("open_consumer", (10, 1001, 100, "0", 0, 0, [(111, 111, -1)])),
    ("open_consumer", (10, 1001, 100, "0", 7, -1, [(111, 111, -1)])),
    ("open_consumer", (10, 1001, 100, "0", 7, 0, [(111, 128, -1)])),
    ("open_consumer", (10, 1001, 100, "0", 7, 0, [(111, 111, -1)], False, [(111, 300)])),
    ("open_consumer", (10, 1000, 100, "0", 7, 0, [(111, 111, -1)])),
    ("open_consumer", (20, 1001, 100, "0", 7, 0, [(111, 111, -1)])),
    ("open_consumer", (10, 1001, 100, "0", 7, 0, [(111, 111, -1)], False, [(111, 300)])),
    ("switch_source", (1000, 100, [(111, 128, -1)])),
    ("switch_source", (1000, 200, [(111, 111, -1)])),
    ("open_line", (1, 12, -1)),
    ("open_line", (1, 12, 2**31)),
    ("set_line_remote", (10, ("0.0.0.0", 5))),
    ("set_line_remote", (10, ("224.0.0.1", 5))),
    ("set_line_remote", (10, ("127.0.0.1", 0))),
    ("set_line_remote", (10, ("127.0.0.1", 65_536))),
    ("set_line_remote", (10, ("hall.example", 5))),
    ("set_feedback", (10, ["pli", "remb"])),
    ("set_feedback", (10, ["pli"] * 5)),
    ("set_bitrate_limit", (10, -1)),
    ("set_bitrate_limit", (10, 1_000_000_001)),
    ("set_layers", (1000, 4, 0)),
    ("set_layers", (1000, 0, 8)),
    ("set_priority", (1000, 8)),
    ("set_priority", (1000, -1, True)),
    ("poll", (0,)),
]


def furnish(plane: Plane) -> None:
    """Open routers 1 and 2, transports 10 (in 1) and 20 (in 2), producer 100 and consumer 1000 on 10, and producer 200 on 20."""
    plane.open_router(1)
    plane.open_router(2)
    plane.open_transport(1, 10, UFRAG, PWD)
    plane.open_transport(2, 20, "bufrag", PWD)
    plane.open_producer(20, 200, "audio", "0", [("", 1, 0)], [(111, "opus", 48_000, -1)])
    plane.open_producer(10, 100, "audio", "0", [("", 1, 0)], [(111, "opus", 48_000, -1)])
    plane.open_consumer(10, 1000, 100, "1", 7, 0, [(111, 111, -1)])


@pytest.mark.parametrize(("method", "arguments"), WRONG)
def test_an_argument_out_of_range_is_a_value_error(plane: Plane, method: str, arguments: tuple[Any, ...]) -> None:
    furnish(plane)
    with pytest.raises(ValueError) as told:
        getattr(plane, method)(*arguments)
    assert str(told.value)


def test_an_argument_of_the_wrong_type_is_a_type_error(plane: Plane) -> None:
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("open_router", ("1",)),
        ("set_extensions", (10, 5)),
        ("set_extensions", (10, [("mid", 1)])),
        ("send_dtls", (10, "text")),
    ]
    for method, arguments in calls:
        with pytest.raises(TypeError):
            getattr(plane, method)(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"udp": [("localhost", 0)]},
        {"udp": [("127.0.0.1", 65_536)]},
        {"udp": [("127.0.0.1", -1)]},
        {"udp": [("127.0.0.1", 0)] * 17},
        {"udp": [], "tcp": [("", 0)]},
        {"udp": [], "shards": 0},
        {"udp": [], "shards": 17},
        {"udp": [], "gather_us": -1},
        {"udp": [], "gather_us": 10_001},
        {"udp": [], "receive_buffer_bytes": 0},
    ],
)
def test_a_plane_cannot_be_made_of_nonsense(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Plane(**arguments)


# Life


def test_bound_ports_are_reported_and_cannot_be_bound_twice() -> None:
    plane = Plane(udp=[("127.0.0.1", 0), ("::1", 0)], tcp=[("127.0.0.1", 0), ("::1", 0)])
    udp, tcp = plane.udp_ports(), plane.tcp_ports()
    assert len(udp) == len(tcp) == 2
    assert all(port > 0 for port in udp + tcp)
    with pytest.raises(OSError):
        Plane(udp=[("127.0.0.1", udp[0])])
    with pytest.raises(OSError):
        Plane(udp=[], tcp=[("::1", tcp[1])])
    plane.close()
    again = Plane(udp=[("127.0.0.1", udp[0])], tcp=[("::1", tcp[1])])
    assert (again.udp_ports(), again.tcp_ports()) == ([udp[0]], [tcp[1]])
    again.close()


def test_a_plane_that_is_let_go_frees_its_ports() -> None:
    plane = Plane(udp=[("127.0.0.1", 0)])
    port = plane.udp_ports()[0]
    del plane
    Plane(udp=[("127.0.0.1", port)]).close()


def test_after_close_every_call_but_close_raises(plane: Plane) -> None:
    furnish(plane)
    plane.close()
    plane.close()
    calls: list[Callable[[], object]] = [
        plane.udp_ports,
        plane.tcp_ports,
        plane.event_fd,
        plane.poll,
        plane.snapshot,
        lambda: plane.open_router(3),
        lambda: plane.close_router(1),
        lambda: plane.pause_producer(100, True),
        lambda: plane.send_dtls(10, b"\x16"),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="closed"):
            call()


def test_a_full_queue_raises_overflow_and_then_recovers() -> None:
    """A full queue refuses commands. After a datagram the thread waits for 10 ms, and in this time Python fills the queue."""
    plane = Plane(udp=[("127.0.0.1", 0)], gather_us=10_000)
    plane.open_router(1)
    refused = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        for attempt in range(200):
            peer.sendto(b"\x80" * 20, ("127.0.0.1", plane.udp_ports()[0]))
            try:
                for number in range(8192):
                    plane.open_transport(1, 1 + number % 2 + 2 * attempt, UFRAG, PWD)
                    plane.close_transport(1 + number % 2 + 2 * attempt)
            except OverflowError:
                refused += 1
                break
    assert refused == 1
    # The refused commands had no effect, and the plane works again when its thread has emptied the queue.
    for _ in range(1000):
        try:
            plane.open_router(2)
            break
        except OverflowError:
            select.select([], [], [], 0.01)
    plane.open_transport(2, 1000, UFRAG, PWD)
    with pytest.raises(ValueError, match="open already"):
        plane.open_router(2)
    plane.close()


def test_commands_to_what_is_gone_are_counted(plane: Plane) -> None:
    furnish(plane)
    plane.close_router(1)
    plane.close_transport(10)
    plane.pause_producer(100, True)
    plane.set_layers(1000, 1, 0)
    plane.set_priority(1000, 1)
    plane.set_voices(1, 3)
    plane.set_mixed_voices(1, 3)
    plane.meter_voice(100)
    plane.keep_voice(100)
    plane.forgo_repairs(100)
    plane.make_red(1000, 63)
    plane.open_transport(1, 12, UFRAG, PWD)
    assert plane.snapshot().totals["stale_commands"] == 11
    plane.open_router(1)
    plane.open_transport(1, 10, UFRAG, PWD)
    assert plane.snapshot().totals["stale_commands"] == 11


def test_snapshot_has_all_the_totals(plane: Plane) -> None:
    snapshot = plane.snapshot()
    documented = ast.get_docstring(stub_functions("Snapshot")["totals"]) or ""
    names = set(re.findall(r"`([a-z_]+)`", documented))
    histograms = {f"runs_{1 << n}" for n in range(6)} | {f"batches_{1 << n}" for n in range(7)}
    assert set(snapshot.totals) == names | histograms
    assert snapshot.totals["gso"] in {0, 1}
    assert (snapshot.transports(), snapshot.producers(), snapshot.consumers()) == ([], [], [])


# Events: a real connectivity check makes one


def check(ufrag: str = UFRAG) -> bytes:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{ufrag}:peer"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(PWD.encode())
    request.add_fingerprint()
    return bytes(request)


def expect_answer(datagram: bytes) -> None:
    answer = stun.parse_message(datagram)
    answer.check_message_integrity(PWD.encode())
    assert answer.message_class == stun.Class.RESPONSE


def open_transport(plane: Plane) -> None:
    plane.open_router(1)
    plane.open_transport(1, 10, UFRAG, PWD)


def readable(plane: Plane, wait_s: float = 0) -> bool:
    return bool(select.select([plane.event_fd()], [], [], wait_s)[0])


def test_event_fd_is_readable_while_there_is_something_to_poll(plane: Plane) -> None:
    open_transport(plane)
    assert not readable(plane)
    assert plane.poll() == []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(EVENT_WAIT_S)
        peer.sendto(check(), ("127.0.0.1", plane.udp_ports()[0]))
        expect_answer(peer.recv(1500))
        assert readable(plane, EVENT_WAIT_S)
        assert readable(plane)
        for _ in range(3):
            peer.sendto(DTLS, ("127.0.0.1", plane.udp_ports()[0]))
        events: list[_plane.Event] = []
        while len(events) < 4:
            assert readable(plane, EVENT_WAIT_S)
            events += plane.poll(limit=2)
        assert events[0] == ("ice", 10, "connected", f"udp 127.0.0.1:{peer.getsockname()[1]}")
        assert events[1:] == [("dtls", 10, DTLS)] * 3
    assert not readable(plane)
    assert plane.poll() == []


def test_a_check_over_tcp_is_answered_in_a_frame(plane: Plane) -> None:
    open_transport(plane)
    with socket.create_connection(("127.0.0.1", plane.tcp_ports()[0]), EVENT_WAIT_S) as peer:
        request = check()
        for byte in len(request).to_bytes(2, "big") + request:
            peer.sendall(bytes([byte]))
        size = int.from_bytes(peer.recv(2, socket.MSG_WAITALL), "big")
        expect_answer(peer.recv(size, socket.MSG_WAITALL))
        assert readable(plane, EVENT_WAIT_S)
        assert plane.poll() == [("ice", 10, "connected", f"tcp 127.0.0.1:{peer.getsockname()[1]}")]


def test_a_stranger_over_tcp_is_shown_the_door(plane: Plane) -> None:
    with socket.create_connection(("127.0.0.1", plane.tcp_ports()[0]), EVENT_WAIT_S) as peer:
        peer.sendall(b"\x00\x10GET / HTTP/1.1\r\n")
        assert peer.recv(1) == b""


@pytest.mark.parametrize(("wildcard", "asked"), [("0.0.0.0", "127.0.0.5"), ("::", "::1")])
def test_an_answer_leaves_from_the_address_that_was_asked(wildcard: str, asked: str) -> None:
    plane = Plane(udp=[(wildcard, 0)])
    open_transport(plane)
    family = socket.AF_INET6 if ":" in asked else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.settimeout(EVENT_WAIT_S)
        peer.sendto(check(), (asked, plane.udp_ports()[0]))
        assert peer.recvfrom(1500)[1][0] == asked
    plane.close()


# Lines


def test_a_line_wants_a_bound_udp_socket(plane: Plane) -> None:
    plane.open_router(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unbound, pytest.raises(OSError):
        plane.open_line(1, 30, unbound.fileno())
    with socket.create_server(("127.0.0.1", 0)) as stream, pytest.raises(OSError):
        plane.open_line(1, 30, stream.fileno())
    with pytest.raises(OSError):
        plane.open_line(1, 30, 1_000_000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ValueError):
            plane.open_line(1, 30, bound.fileno(), cname="n" * 65)
        plane.open_line(1, 30, bound.fileno())
        with pytest.raises(ValueError, match="open already"):
            plane.open_line(1, 30, bound.fileno())
        # Commands for ICE are refused on lines.
        plane.restart_ice(30, UFRAG, PWD)
    plane.close_transport(30)
