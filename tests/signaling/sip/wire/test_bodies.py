"""Bodies of INFO and NOTIFY and the payload of the camera channel: tables, round trips, limits, mutations."""

from __future__ import annotations

import random
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference import PeerError
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire import camera, markup, mediacontrol, roster
from signaling.sip.wire.camera import Capabilities, CapabilitiesWanted, Command, Move, Movement, Order
from signaling.sip.wire.mediacontrol import KeyframeWanted, MediaFault, Press
from signaling.sip.wire.roster import Roster, Stream, User

# RFC 5168 §7.1
RFC5168 = b"""<?xml version="1.0" encoding="utf-8" ?>
<media_control>
  <vc_primitive>
    <to_encoder>
      <picture_fast_update>
      </picture_fast_update>
    </to_encoder>
  </vc_primitive>
</media_control>"""
CONTROL = "application/media_control+xml"


def test_a_picture_is_asked_for() -> None:
    assert mediacontrol.read(CONTROL, RFC5168) == KeyframeWanted()
    assert (
        mediacontrol.read("Application/Media_Control+XML; charset=utf-8", mediacontrol.keyframe_request())
        == KeyframeWanted()
    )
    named = RFC5168.replace(b"<to_encoder>", b"<stream_id>12</stream_id><to_encoder>")
    assert mediacontrol.read(CONTROL, named) == KeyframeWanted(("12",))
    fault = b"<media_control><general_error>cannot</general_error></media_control>"
    assert mediacontrol.read(CONTROL, fault) == MediaFault("cannot")
    assert mediacontrol.read(CONTROL, b"<media_control><vc_primitive/></media_control>") is None
    assert mediacontrol.read("text/plain", b"") is None


@pytest.mark.parametrize(
    ("kind", "body", "press"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", Press("5", 160)),
        ("application/dtmf-relay", b"Signal= *\nDuration= 100", Press("*", 100)),
        ("application/dtmf-relay", b"signal=11", Press("#", 160)),
        ("application/dtmf-relay", b"Signal=d\r\nDuration=999999999", Press("D", limits.DTMF_MS)),
        ("application/dtmf-relay", b"Signal=1\r\nDuration=0", Press("1", 1)),
        ("application/dtmf", b" 9 \r\n", Press("9", 160)),
        ("application/dtmf", b"10", Press("*", 160)),
        ("application/dtmf-relay", b"Signal=star\r\nDuration=160", Press("*", 160)),
        ("application/dtmf", b"Pound", Press("#", 160)),
    ],
)
def test_digits(kind: str, body: bytes, press: Press) -> None:
    assert mediacontrol.read(kind, body) == press


@pytest.mark.parametrize("digit", "0123456789*#ABCD")
def test_every_digit_is_read(digit: str) -> None:
    assert mediacontrol.read("application/dtmf-relay", f"Signal={digit}\r\nDuration=200\r\n".encode()) == Press(
        digit, 200
    )


DEEP = b"<a>" * (limits.XML_DEPTH + 1) + b"</a>" * (limits.XML_DEPTH + 1)
BOMB = (
    b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><media_control>&c;</media_control>'
)
OUTSIDE = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><media_control>&b;</media_control>'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (CONTROL, b""),
        (CONTROL, b"<media_control>"),
        (CONTROL, b"<other/>"),
        (CONTROL, BOMB),
        (CONTROL, OUTSIDE),
        (CONTROL, b"<?php x?><media_control/>"),
        (CONTROL, b'<?xml version="1.0" encoding="no-such"?><media_control/>'),
        (CONTROL, b"<media_control>&b;</media_control>"),
        (CONTROL, b"<media_control>" + DEEP + b"</media_control>"),
        (CONTROL, b"<media_control>" + b" " * limits.MEDIA_CONTROL_BYTES + b"</media_control>"),
        ("application/dtmf-relay", b"Duration=160"),
        ("application/dtmf-relay", b"Signal=X"),
        ("application/dtmf-relay", b"Signal=16"),
        ("application/dtmf-relay", b"Signal=5" + b" " * limits.DTMF_BYTES),
        ("application/dtmf-relay", "Signal=٥".encode()),
        ("application/dtmf", b""),
        ("application/dtmf", b"55"),
    ],
)
def test_wrong_bodies(kind: str, body: bytes) -> None:
    with pytest.raises(PeerError):
        mediacontrol.read(kind, body)


def test_markup_beyond_the_limits_is_refused() -> None:
    def nested(depth: int) -> bytes:
        return b"<a>" * depth + b"</a>" * depth

    def attributes(count: int) -> bytes:
        return b"<a " + b" ".join(b'x%d="1"' % number for number in range(count)) + b"/>"

    def elements(count: int) -> bytes:
        return b"<a>" + b"<b/>" * (count - 1) + b"</a>"

    pad = b"<a>" + b" " * (limits.XML_BYTES - 7) + b"</a>"
    cases: list[tuple[Callable[[int], bytes], int]] = [
        (nested, limits.XML_DEPTH),
        (attributes, limits.XML_ATTRIBUTES),
        (elements, limits.XML_ELEMENTS),
    ]
    for make, most in cases:
        assert markup.read(make(most))
        with pytest.raises(PeerError):
            markup.read(make(most + 1))
    assert markup.read(pad)
    with pytest.raises(PeerError):
        markup.read(pad + b" ")


# -- the roster --------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LINE = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20
)
STREAMS = st.builds(
    Stream,
    LINE,
    st.sampled_from(["audio", "video"]),
    st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
    LINE,
)
USERS = st.builds(
    User,
    LINE,
    LINE,
    st.sampled_from(["connected", "on-hold", "dialing-out", "alerting"]),
    st.lists(STREAMS, max_size=3).map(tuple),
)
ROSTERS = st.builds(
    Roster,
    st.just("sip:12345678@mcu.example"),
    LINE,
    st.lists(USERS, max_size=6, unique_by=lambda user: user.entity).map(tuple),
    st.booleans(),
)


@given(ROSTERS)
def test_a_full_document_is_read_back(one: Roster) -> None:
    body = roster.full(one, 7)
    found = roster.read(body)
    assert (found.version, found.state, found.roster, found.gone) == (7, "full", one, ())
    tree = ET.fromstring(body)  # a different parser
    assert len(tree.findall(".//{*}user")) == len(one.users)


@given(ROSTERS, ROSTERS)
def test_a_partial_document_brings_the_other_side_up_to_date(before: Roster, after: Roster) -> None:
    body = roster.partial(before, after, 8)
    if body is None:
        assert {user.entity: user for user in before.users} == {user.entity: user for user in after.users}
        return
    found = roster.merged(before, roster.read(body))
    assert {user.entity: user for user in found.users} == {user.entity: user for user in after.users}
    if (before.subject, before.locked) != (after.subject, after.locked):
        assert (found.subject, found.locked) == (after.subject, after.locked)


@given(TEXT)
def test_no_name_breaks_a_document(name: str) -> None:
    one = Roster("sip:1@mcu.example", name, (User("sip:a@mcu.example", name),))
    assert roster.read(roster.full(one, 1)).roster.users[0].entity == "sip:a@mcu.example"


def test_a_partial_roster_holds_only_the_changes() -> None:
    hall, office = User("sip:hall@x", "Hội trường A"), User("sip:office@x", "Văn phòng")
    before = Roster("sip:1@x", "Giao ban", (hall, office))
    after = Roster("sip:1@x", "Giao ban", (User("sip:hall@x", "Hội trường A", "on-hold"), office))
    body = roster.partial(before, after, 2)
    assert body is not None
    assert b"on-hold" in body
    assert b"office" not in body
    assert b"Giao ban" not in body
    assert roster.partial(before, before, 3) is None
    gone = roster.partial(before, Roster("sip:1@x", "Giao ban", (hall,)), 4)
    assert gone is not None
    assert roster.read(gone).gone == ("sip:office@x",)


HEAD = b'<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" '


@pytest.mark.parametrize(
    "body",
    [
        b"<conference-info/>",
        b'<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" version="1"/>',
        b'<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:x" version="-1"/>',
        b'<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:x" version="1" state="odd"/>',
        HEAD + b'entity="sip:x" version="1"><users><user/></users></conference-info>',
        BOMB,
    ],
)
def test_what_is_no_conference_document(body: bytes) -> None:
    with pytest.raises(PeerError):
        roster.read(body)


def test_the_roster_of_a_large_meeting_fits_into_one_message() -> None:
    users = tuple(User(f"sip:{number}@x", "Hội trường", streams=(Stream("1", "audio"),)) for number in range(600))
    one = Roster("sip:1@x", "", users)
    body = roster.full(one, 1)
    shown = roster.read(body).roster.users
    assert len(body) < 50 * 1024
    assert 100 < len(shown) < 600
    assert shown == users[: len(shown)]
    assert b"<user-count>600</user-count>" in body
    assert roster.partial(Roster("sip:1@x", ""), one, 1) == body


def test_as_many_users_as_are_read() -> None:
    head = b'<conference-info xmlns="urn:ietf:params:xml:ns:conference-info" entity="sip:x" version="1"><users>'
    user = b'<user entity="sip:y"/>'
    assert (
        len(roster.read(head + user * limits.ROSTER_USERS + b"</users></conference-info>").roster.users)
        == limits.ROSTER_USERS
    )
    with pytest.raises(PeerError):
        roster.read(head + user * (limits.ROSTER_USERS + 1) + b"</users></conference-info>")


# -- the camera --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "octets", "command"),
    [
        (camera.start(Move(pan="left")), "0071030000000001c0018000", Command(Order.START, Move(pan="left"))),
        (
            camera.start(Move(pan="right", zoom="in")),
            "0071030000000001c001cc00",
            Command(Order.START, Move("right", "", "in")),
        ),
        (camera.go_on(Move(tilt="up")), "0071030000000001c00230", Command(Order.CONTINUE, Move(tilt="up"))),
        (camera.stop(Move(tilt="down")), "0071030000000001c00320", Command(Order.STOP, Move(tilt="down"))),
        (camera.start(Move(focus="out")), "0071030000000001c0010200", Command(Order.START, Move(focus="out"))),
        (camera.capabilities(), "0061030000000000c001000101", Capabilities((1,))),
    ],
)
def test_frames_by_their_octets(frame: bytes, octets: str, command: Command | Capabilities) -> None:
    assert frame.hex() == octets
    assert camera.read(frame) == command


@pytest.mark.parametrize(
    ("octets", "command"),
    [
        ("0071030000000001c00453", Command(Order.SELECT_SOURCE, number=5)),
        ("0071030000000001c00630", Command(Order.STORE_PRESET, number=3)),
        ("0071030000000001c007f0", Command(Order.ACTIVATE_PRESET, number=15)),
    ],
)
def test_orders_that_only_others_give(octets: str, command: Command) -> None:
    assert camera.read(bytes.fromhex(octets)) == command


MOVES = st.builds(
    Move,
    st.sampled_from(["", "left", "right"]),
    st.sampled_from(["", "up", "down"]),
    st.sampled_from(["", "in", "out"]),
    st.sampled_from(["", "in", "out"]),
)


@given(MOVES)
def test_every_movement_is_read_back(move: Move) -> None:
    if not move:
        with pytest.raises(ValueError):
            camera.start(move)
        return
    assert camera.read(camera.start(move)) == Command(Order.START, move)
    assert camera.read(camera.stop(move)) == Command(Order.STOP, move)


def test_a_camera_movement_continues_and_then_stops_by_itself() -> None:
    movement, sent = Movement(Move(pan="left"), 100.0, most_s=1.0), []
    while movement.due is not None:
        now = movement.due
        frame = movement.tick(now)
        assert frame is not None
        found = camera.read(frame)
        assert isinstance(found, Command)
        sent.append((round(now, 1), found.order))
    assert sent == [(100.0, Order.START), (100.4, Order.CONTINUE), (100.8, Order.CONTINUE), (101.0, Order.STOP)]
    early = Movement(Move(pan="left"), 0.0)
    assert early.stop() is None, "nothing was started"
    early = Movement(Move(pan="left"), 0.0)
    early.tick(0.0)
    assert early.tick(0.1) is None
    assert early.stop() == camera.stop(Move(pan="left"))
    assert early.stop() is None
    assert early.tick(9.0) is None


def test_a_request_for_camera_capabilities_is_recognized() -> None:
    head = camera.capabilities()[:9]
    assert camera.read(head + b"\x01\xff") == CapabilitiesWanted()
    assert camera.read(camera.capabilities()) == Capabilities((1,))
    assert [camera.read(head + rest) for rest in (b"\x01", b"\x01\x00", b"\x01\x07\x00", b"\x02\xff")] == [None] * 4


@pytest.mark.parametrize(
    "payload", [b"", bytes(9), bytes(12), camera.start(Move(pan="left"))[:9], bytes(limits.H224_BYTES + 1)]
)
def test_what_is_no_frame(payload: bytes) -> None:
    with pytest.raises(PeerError):
        camera.read(payload)


def test_mutated_bodies_raise_only_peer_error() -> None:
    random_, read_ = random.Random(3), 0
    one = Roster("sip:1@x", "Giao ban", (User("sip:hall@x", "Hội trường", streams=(Stream("1", "audio"),)),))
    readers: list[tuple[Callable[[bytes], object], bytes]] = [
        (roster.read, roster.full(one, 1)),
        (lambda body: mediacontrol.read(CONTROL, body), RFC5168),
        (lambda body: mediacontrol.read("application/dtmf-relay", body), b"Signal=5\r\nDuration=160"),
        (camera.read, camera.start(Move(pan="left"))),
        (camera.read, camera.capabilities()),
    ]
    for number in range(4000):
        read, body = readers[number % len(readers)]
        data = bytearray(body)
        for _ in range(random_.randint(1, 3)):
            at = random_.randrange(len(data))
            data[at : at + random_.randint(0, 2)] = random_.randbytes(random_.randint(0, 2))
        try:
            read(bytes(data))
            read_ += 1
        except PeerError:
            continue
    assert read_ > 400
