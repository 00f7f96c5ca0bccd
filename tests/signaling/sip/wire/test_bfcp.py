"""BFCP as bytes. The examples follow the RFC's layout. A written message is read back, and a wrong one gets the right error
code.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signaling.sip.wire import bfcp
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire.bfcp import Attribute, BfcpError, Fault, Kind, Message, Primitive, Status

# Laid out by hand from RFC 8855 §§5.1, 5.2: version 2, FloorRequest, one word of payload, conference 77, transaction 3, user 5;
# FLOOR-ID (type 2, mandatory), length 4, floor 1.
REQUEST = bytes.fromhex("40 01 0001 0000004d 0003 0005 05 04 0001")
# The answer: R bit, FloorRequestStatus, five words: FLOOR-REQUEST-INFORMATION 9 with OVERALL-REQUEST-STATUS 9 {granted} and
# FLOOR-REQUEST-STATUS 1 {granted}.
GRANTED = bytes.fromhex("50 04 0005 0000004d 0003 0005 1f 14 0009 25 08 0009 0b 04 0300 23 08 0001 0b 04 0300")


def test_a_request_by_the_layout_of_the_rfc() -> None:
    message = bfcp.decode(REQUEST)
    assert message == Message(Primitive.FLOOR_REQUEST, 77, 3, 5, (Attribute(Kind.FLOOR_ID, 1),), 2)
    assert message.number(Kind.FLOOR_ID) == 1
    assert bfcp.encode(message) == REQUEST


def test_an_answer_by_the_layout_of_the_rfc() -> None:
    information = bfcp.request_information(9, 1, bfcp.status(Status.GRANTED))
    message = Message(Primitive.FLOOR_REQUEST_STATUS, 77, 3, 5, (information,), 2, response=True)
    assert bfcp.encode(message) == GRANTED
    assert bfcp.decode(GRANTED) == message


PLAIN = st.one_of(
    st.builds(Attribute, st.sampled_from([1, 2, 3, 4, 5]), st.integers(0, 0xFFFF), mandatory=st.booleans()),
    st.builds(
        Attribute, st.sampled_from([6, 7, 8, 9, 10, 11, 12, 13]), data=st.binary(max_size=40), mandatory=st.booleans()
    ),
)
INNER = st.builds(
    Attribute,
    st.integers(14, 18),
    st.integers(0, 0xFFFF),
    st.just(b""),
    st.lists(PLAIN, max_size=2).map(tuple),
    st.booleans(),
)
OUTER = st.builds(
    Attribute,
    st.integers(14, 18),
    st.integers(0, 0xFFFF),
    st.just(b""),
    st.lists(PLAIN | INNER, max_size=2).map(tuple),
    st.booleans(),
)
MESSAGES = st.builds(
    Message,
    st.sampled_from(Primitive),
    st.integers(0, 2**32 - 1),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.lists(PLAIN | INNER | OUTER, max_size=6).map(tuple),
    st.sampled_from([1, 2]),
    st.booleans(),
)


@settings(deadline=None)
@given(MESSAGES)
def test_what_is_written_is_read_back(message: Message) -> None:
    try:
        data = bfcp.encode(message)
    except ValueError:
        return  # one of our groups exceeds 255 octets
    assert len(data) % 4 == 0
    assert bfcp.decode(data) == message


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", Fault.BAD_LENGTH),
        (REQUEST[:11], Fault.BAD_LENGTH),
        (REQUEST[:-1], Fault.BAD_LENGTH),
        (REQUEST + bytes(4), Fault.BAD_LENGTH),
        (b"\x60" + REQUEST[1:], Fault.UNSUPPORTED_VERSION),
        (b"\x00" + REQUEST[1:], Fault.UNSUPPORTED_VERSION),
        (b"\x48" + REQUEST[1:], Fault.UNPARSABLE),
        (REQUEST[:1] + b"\x12" + REQUEST[2:], Fault.UNKNOWN_PRIMITIVE),
        (REQUEST[:1] + b"\x00" + REQUEST[2:], Fault.UNKNOWN_PRIMITIVE),
        (REQUEST[:12] + bytes.fromhex("05 00 0001"), Fault.UNPARSABLE),
        (REQUEST[:12] + bytes.fromhex("05 01 0001"), Fault.UNPARSABLE),
        (REQUEST[:12] + bytes.fromhex("05 05 0001"), Fault.UNPARSABLE),
        (REQUEST[:12] + bytes.fromhex("05 03 0001"), Fault.UNPARSABLE),
        (REQUEST[:12] + bytes.fromhex("1f 02 0001"), Fault.UNPARSABLE),
        (REQUEST[:12] + bytes.fromhex("27 04 0001"), Fault.UNKNOWN_ATTRIBUTE),
    ],
)
def test_an_invalid_message_gives_its_fault_code(data: bytes, fault: Fault) -> None:
    with pytest.raises(BfcpError) as refused:
        bfcp.decode(data)
    assert refused.value.fault == fault


def test_unknown_attributes() -> None:
    """Show that an unknown mandatory attribute is named in the error, and that other unknown attributes are skipped."""
    with pytest.raises(BfcpError) as refused:
        bfcp.decode(REQUEST[:12] + bytes.fromhex("27 04 0001"))
    assert refused.value.details == bytes([0x13 << 1])
    assert bfcp.decode(REQUEST[:12] + bytes.fromhex("26 04 0001")).attributes[0].kind == 0x13


def test_messages_beyond_the_limits_are_refused() -> None:
    def of(attributes: bytes) -> bytes:
        return REQUEST[:2] + (len(attributes) // 4).to_bytes(2, "big") + REQUEST[4:12] + attributes

    floor = bytes.fromhex("05040001")
    assert len(bfcp.decode(of(floor * limits.BFCP_ATTRIBUTES)).attributes) == limits.BFCP_ATTRIBUTES
    with pytest.raises(BfcpError):
        bfcp.decode(of(floor * (limits.BFCP_ATTRIBUTES + 1)))
    nested = bytes.fromhex("1f100009 1f0c0009 1f080009 05040001")
    assert bfcp.decode(of(nested[4:].replace(b"\x1f\x0c", b"\x1f\x0c")))
    with pytest.raises(BfcpError):
        bfcp.decode(of(nested))
    long = bytes([0x0E, 0]) * 0 + bytes.fromhex("0efc") + bytes(250)  # 252 octets
    assert bfcp.decode(of(long * 8))
    with pytest.raises(BfcpError):
        bfcp.decode(of(long * 9))
    with pytest.raises(ValueError):
        bfcp.encode(Message(Primitive.ERROR, 1, 1, 1, (Attribute(Kind.ERROR_INFO, data=bytes(254)),)))
    assert bfcp.encode(Message(Primitive.ERROR, 1, 1, 1, (Attribute(Kind.ERROR_INFO, data=bytes(253)),)))


def test_names_are_cut_between_characters() -> None:
    assert bfcp.text(Kind.USER_DISPLAY_NAME, "Điểm cầu Sở" * 20).data.decode()


@given(st.lists(st.sampled_from([REQUEST, GRANTED]), max_size=6), st.integers(1, 30))
def test_a_stream_is_cut_into_messages(messages: list[bytes], step: int) -> None:
    framer, stream, found = bfcp.Framer(), b"".join(messages), []
    for at in range(0, len(stream), step):
        found += framer.feed(stream[at : at + step])
    assert found == messages


def test_a_stream_with_a_long_message_ends() -> None:
    with pytest.raises(BfcpError):
        bfcp.Framer().feed(b"\x20\x01\xff\xff" + bytes(8))
    words = (limits.BFCP_BYTES - 12) // 4
    assert bfcp.Framer().feed(b"\x20\x01" + words.to_bytes(2, "big") + bytes(8)) == []
    with pytest.raises(BfcpError):
        bfcp.Framer().feed(b"\x20\x01" + (words + 1).to_bytes(2, "big") + bytes(8))


def test_mutated_messages_raise_only_bfcp_error() -> None:
    random_, read_ = random.Random(5), 0
    for _ in range(4000):
        data = bytearray(random_.choice((REQUEST, GRANTED)))
        for _ in range(random_.randint(1, 4)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        if random_.random() < 0.3:
            data = data[: random_.randrange(len(data))]
        try:
            message = bfcp.decode(bytes(data))
        except BfcpError:
            continue
        read_ += 1
        bfcp.encode(message)
    assert read_ > 100
