"""Reading and writing messages: canonical names, limits at limit and limit + 1, and bytes of all kinds."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.ground import limits
from signaling.sip.wire.fields import Malformed, read_address, read_uri, read_via, split
from signaling.sip.wire.message import Request, Response, answer, parse
from tests.signaling.sip.wire.test_torture import SETS

BEGIN = b"OPTIONS sip:a@h.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
REST = b"From: <sip:b@h.example>;tag=1\r\nTo: <sip:a@h.example>\r\nCall-ID: c1\r\nCSeq: 1 OPTIONS\r\n"


def read(extra: bytes, body: bytes = b"") -> Request:
    message = parse(BEGIN + REST + extra + b"\r\n" + body)
    assert isinstance(message, Request)
    return message


def refused(data: bytes) -> int:
    """Return the status of the message's fault."""
    try:
        message = parse(data)
    except Malformed as fault:
        return fault.status
    assert isinstance(message, Request)
    assert message.fault is not None
    return message.fault.status


@pytest.mark.parametrize(
    "name",
    [
        b"P-Asserted-Identity\x0b",
        b"P-Asserted-Identity\x0c",
        b"P-Asserted-Identity\xc2\xa0",
        b"\x0bP-A",
        b"P A",
        b"",
        b"P-A\x00",
    ],
)
def test_white_space_smuggles_no_header(name: bytes) -> None:
    # Show that white space hides no header (CVE-2020-28361). One reader strips such a name, and another does not.
    assert refused(BEGIN + REST + name + b": x\r\n\r\n") == 400


def test_blanks_before_the_colon_make_no_other_name() -> None:
    assert read(b"P-Asserted-Identity \t: x\r\n").headers.get("p-asserted-identity") == "x"
    assert read(b"p-ASSERTED-identity:x\r\n").headers.get("p-asserted-identity") == "x"


@pytest.mark.parametrize("name", [b"To", b"tO", b"t", b"T\t", b"to  "])
def test_a_field_cannot_stand_twice_under_another_name(name: bytes) -> None:
    assert refused(BEGIN + REST + name + b": <sip:c@h.example>\r\n\r\n") == 400


@pytest.mark.parametrize("broken", [b"X: a\rY: b\r\n", b"X: a\nY: b\r\n", b"X: a\n\r\n", b"X: a\r\r\n"])
def test_only_both_letters_end_a_line(broken: bytes) -> None:
    assert refused(BEGIN + REST + broken + b"\r\n") == 400


def test_message_length() -> None:
    head = BEGIN + REST + b"\r\n"
    assert read(b"", b"x" * (limits.MESSAGE_BYTES - len(head))).fault is None
    assert refused(head + b"x" * (limits.MESSAGE_BYTES - len(head) + 1)) == 513


def test_header_count() -> None:
    present = 5
    most = limits.HEADER_COUNT - present
    assert read(b"X-A: y\r\n" * most).fault is None
    assert refused(BEGIN + REST + b"X-A: y\r\n" * (most + 1) + b"\r\n") == 513


@pytest.mark.parametrize("pad", [b"a", b" a", b"\r\n " + b"a" * 62])
def test_line_length(pad: bytes) -> None:
    room = limits.LINE_BYTES - len(b"Subject:")
    unfolded = len(pad.replace(b"\r\n", b""))
    text = pad * (room // unfolded) + b"z" * (room % unfolded)
    assert read(b"Subject:" + text + b"\r\n").fault is None
    assert refused(BEGIN + REST + b"Subject:" + text + b"z\r\n\r\n") == 513


def test_start_line_length() -> None:
    line = BEGIN.replace(b"a@h", b"a" * limits.LINE_BYTES + b"@h")
    assert refused(line + REST + b"\r\n") == 513


def test_number_of_values_and_parameters() -> None:
    via = b"Via: " + b", ".join([b"SIP/2.0/UDP h"] * (limits.VALUES - 1)) + b"\r\n"
    assert read(via).fault is None
    assert refused(BEGIN + REST + via[:-2] + b", SIP/2.0/UDP h\r\n\r\n") == 400
    uri = "sip:a@h" + "".join(f";p{i}" for i in range(limits.PARAMETERS))
    assert len(read_uri(uri).parameters) == limits.PARAMETERS
    with pytest.raises(Malformed):
        read_uri(uri + ";more")
    address = "<sip:a@h>" + "".join(f";p{i}" for i in range(limits.PARAMETERS))
    assert len(read_address(address).parameters) == limits.PARAMETERS
    with pytest.raises(Malformed):
        read_address(address + ";more")


@pytest.mark.parametrize(
    "uri",
    [
        *(
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:0",
            "sip:a@h:65536",
            "sip:a@h;;",
            "sip:a b@h",
            "sip:[::1",
            "sip:[::1%eth0]",
        ),
        *(
            "sip:::1",
            "sip:a@h\r\n",
            "sip:a%zz@h",
            "x",
            "sip:a@h?",
            "sip:a@[1.2.3.4]",
            "sip:a@h:5060x",
            "tel:",
            "sip:a@h;p=ü",
        ),
    ],
)
def test_bad_uris(uri: str) -> None:
    with pytest.raises(Malformed):
        read_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        *("sip:h", "sips:a:pw@h.example:5061;transport=tls;lr", "sip:+84@[2001:db8::1]:5060", "sip:a@h?Subject=x"),
        *("tel:+84;phone-context=x", "sip:100;x=1@h", "sip:a@h;p=[::1]"),
    ],
)
def test_uris_are_written_unchanged(uri: str) -> None:
    assert str(read_uri(uri)) == uri


def test_a_display_name_is_read_for_people() -> None:
    assert read_address('"Ph\u00f2ng \\"A\\"" <sip:a@h>').display == 'Ph\u00f2ng "A"'
    assert read_address("Phòng họp <sip:a@h>;tag=1").display == "Phòng họp"
    message = read(b'Contact: "\xff\x00x" <sip:a@h>\r\n')
    assert message.contacts[0].display == "\ufffdx"
    assert parse(message.write()).headers.get("contact") == message.headers.get("contact")


def test_via_of_a_longer_way() -> None:
    via = read_via("SIP / 2.0 / TLS  [2001:db8::1]:5061 ; received=192.0.2.1; branch=z9hG4bKa ; rport")
    assert (via.transport, via.host, via.port, via.branch) == ("tls", "2001:db8::1", 5061, "z9hG4bKa")
    assert str(via) == "SIP/2.0/TLS [2001:db8::1]:5061;received=192.0.2.1;branch=z9hG4bKa;rport"


def test_a_response_copies_the_required_headers() -> None:
    request = read(b"Via: SIP/2.0/UDP second\r\nContact: <sip:b@192.0.2.1>\r\n")
    made = answer(request, 200, tag="t9")
    assert isinstance(parse(made.write()), Response)
    assert made.headers.all("via") == request.headers.all("via")
    assert made.to.tag == "t9"
    assert "contact" not in made.headers
    assert answer(request, 100).to.tag == ""


def test_a_line_break_is_never_written() -> None:
    made = answer(read(b""), 200, headers=[("x", "a\r\nInjected: y")])
    with pytest.raises(AssertionError):
        made.write()


@pytest.mark.parametrize("length", ["-1", "", "x", "1 2", "99999999999999999999", "5, 5", "+1", "0x1", "٣"])
def test_lengths_that_are_none(length: str) -> None:
    assert refused(BEGIN + REST + f"Content-Length: {length}\r\n\r\nabcdef".encode()) == 400


# Any bytes give Malformed or a message, and no other exception. An accepted message can be written and read again.

SEEDS = [path.read_bytes() for path in sorted(SETS.rglob("*.dat"))]
PIECES = [
    b"\r\n",
    b"\r",
    b"\n",
    b" ",
    b"\t",
    b":",
    b";",
    b",",
    b'"',
    b"<",
    b">",
    b"\\",
    b"=",
    b"@",
    b"[",
    b"]",
    b"%",
    b"\x00",
    b"\xff",
]
PIECES += [
    b"Via: ",
    b"l: 5\r\n",
    b"SIP/2.0",
    b"z9hG4bK",
    b"sip:",
    b"tag=",
    b"9" * 40,
    b"a" * 9000,
    b"\r\n\r\n",
    b"\xe2\x80\xa8",
]


def survives(data: bytes) -> None:
    for stream in (False, True):
        try:
            message = parse(data, stream=stream)
        except Malformed:
            continue
        if isinstance(message, Request):
            again = parse(answer(message, 400, tag="t").write()) if message.fault is None else None
            assert again is None or isinstance(again, Response)
        if not (isinstance(message, Request) and message.fault):
            assert parse(message.write()).body == message.body


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    survives(data)
    survives(BEGIN + REST + data)


@given(st.integers(0, 2**32), st.integers(0, len(SEEDS) - 1), st.integers(1, 12))
def test_mutations(seed: int, which: int, times: int) -> None:
    chance = random.Random(seed)
    data = bytearray(SEEDS[which])
    for _ in range(times):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = chance.choice(PIECES)
            case 1:
                del data[at : at + chance.randrange(1, 20)]
            case 2:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case _:
                other = chance.choice(SEEDS)
                start = chance.randrange(len(other))
                data[at:at] = other[start : start + chance.randrange(1, 60)]
    survives(bytes(data))


@given(st.text(max_size=300))
def test_splitting_loses_no_text(text: str) -> None:
    try:
        parts = split(text, ",")
    except Malformed:
        return
    assert ",".join(parts) == text
