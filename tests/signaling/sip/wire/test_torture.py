"""The published message sets, byte for byte, with the result of each: RFC 4475 (49 messages) and RFC 5118 (12)."""

from pathlib import Path

import pytest

from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Request, Response, parse

SETS = Path(__file__).resolve().parents[3] / "fixtures" / "sip"

VALID = {
    *("wsinv", "intmeth", "esc01", "escnull", "esc02", "lwsdisp", "longreq", "dblreq", "semiuri", "transports"),
    *("mpart01", "unreason", "noreason"),
    # Well-formed messages. The layers above answer them with 416, 420, 415, 401, 406, 404 and others (see agent/test_hostile).
    *(
        "unkscm",
        "novelsc",
        "unksm2",
        "bext01",
        "invut",
        "regaut01",
        "sdp01",
        "inv2543",
        "zeromf",
        "cparam01",
        "cparam02",
    ),
    *("regescrt", "bcast", "baddate"),
}
REFUSED = {
    **dict.fromkeys(
        ("badinv01", "clerr", "ncl", "scalar02", "quotbal", "ltgtruri", "lwsruri", "lwsstart", "trws"), 400
    ),
    **dict.fromkeys(("escruri", "regbadct", "badaspec", "baddn", "mismatch01", "mismatch02", "insuf", "multi01"), 400),
    **dict.fromkeys(("mcl01", "badbranch"), 400),
    "badvers": 505,
}
DROPPED = {"bigcode", "scalarlg"}
"""Wrong responses, which are never answered."""


def data(folder: str, name: str) -> bytes:
    return (SETS / folder / f"{name}.dat").read_bytes()


def test_every_message_of_the_sets_is_named_here() -> None:
    names = {path.stem for path in (SETS / "rfc4475").glob("*.dat")}
    assert names == VALID | set(REFUSED) | DROPPED
    assert len(names) == 49
    assert len(list((SETS / "rfc5118").glob("*.dat"))) == 12


@pytest.mark.parametrize("name", sorted(VALID))
def test_valid(name: str) -> None:
    message = parse(data("rfc4475", name))
    assert isinstance(message, Response) or message.fault is None


@pytest.mark.parametrize("name", sorted(VALID))
def test_what_we_write_reads_the_same(name: str) -> None:
    message = parse(data("rfc4475", name))
    again = parse(message.write())
    assert again.headers.rows == [
        *((k, v) for k, v in message.headers.rows if k != "content-length"),
        again.headers.rows[-1],
    ]
    assert again.body == message.body
    assert again.start_line() == message.start_line()
    compact = parse(message.write(compact=True))
    assert compact.headers.rows == again.headers.rows


@pytest.mark.parametrize(("name", "status"), sorted(REFUSED.items()))
def test_refused(name: str, status: int) -> None:
    message = parse(data("rfc4475", name))
    assert isinstance(message, Request)
    assert message.fault is not None
    assert message.fault.status == status


@pytest.mark.parametrize("name", sorted(DROPPED))
def test_dropped(name: str) -> None:
    with pytest.raises(Malformed):
        parse(data("rfc4475", name))


def test_short_tortuous_invite() -> None:
    message = parse(data("rfc4475", "wsinv"))
    assert isinstance(message, Request)
    assert message.to.tag == "1918181833n"
    assert message.from_.tag == "98asjd8"
    assert message.from_.display == 'J Rosenberg \\"'
    assert message.cseq == (9, "INVITE")
    assert (message.via.transport, message.via.host, message.via.branch) == ("udp", "192.0.2.2", "390skdjuw")
    assert message.headers.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.contacts[0].display == 'Quoted string ""'
    assert message.contacts[0].parameters == (("newparam", "newvalue"), ("secondparam", None), ("q", "0.33"))
    assert len(message.body) == 150


def test_escapes_are_decoded_only_where_they_are_escapes() -> None:
    message = parse(data("rfc4475", "esc01"))
    assert isinstance(message, Request)
    assert message.uri.alias == "sips:user@example.com"
    assert message.uri.host == "example.net"
    assert message.to.uri.alias == "user"
    method = parse(data("rfc4475", "esc02"))
    assert isinstance(method, Request)
    assert method.method == "RE%47IST%45R"
    assert len(method.contacts) == 2


def test_what_follows_a_datagram_is_thrown_away() -> None:
    message = parse(data("rfc4475", "dblreq"))
    assert isinstance(message, Request)
    assert message.method == "REGISTER"
    assert message.body == b""


SIX = {
    "ipv6-good": "2001:db8::10",
    "port-ambiguous": "2001:db8::10:5070",
    "port-unambiguous": "2001:db8::10",
    "via-received-param-with-delim": "2001:db8::10",
    "via-received-param-no-delim": "2001:db8::10",
    "ipv6-in-sdp": "2001:db8::10",
    "mult-ip-in-header": "host.example.net",
    "mult-ip-in-sdp": "2001:db8::10",
    "ipv4-mapped-ipv6": "example.com",
    "ipv6-correct-abnf-2-colons": "2001:db8::c000:201",
}


@pytest.mark.parametrize("name", sorted(SIX))
def test_six(name: str) -> None:
    message = parse(data("rfc5118", name))
    assert isinstance(message, Request)
    assert message.fault is None
    assert message.uri.host == SIX[name]
    assert message.uri.port == (5070 if name == "port-unambiguous" else 0)
    if name.startswith("via-received"):
        assert message.via.parameters[0][1] in {"2001:db8::9:255", "[2001:db8::9:255]"}


@pytest.mark.parametrize("name", ["ipv6-bad", "ipv6-bug-abnf-3-colons"])
def test_six_refused(name: str) -> None:
    message = parse(data("rfc5118", name))
    assert isinstance(message, Request)
    assert message.fault is not None
    assert message.fault.status == 400
