"""Digest: the examples of RFC 2617 and RFC 7616, both sides against each other, and proofs that must be refused."""

import pytest

from signaling.sip.call.causes import Kind
from signaling.sip.call.states import State
from signaling.sip.dialog.digest import (
    Algorithm,
    Credentials,
    Proof,
    Prover,
    Verdict,
    Verifier,
    expected,
    ha1,
    read_fields,
    read_proof,
)
from signaling.sip.ground import limits
from signaling.sip.wire.fields import Malformed
from signaling.sip.wire.message import Request, Response, answer, parse
from tests.signaling.sip.world import ANSWER, REALM, A, B, Link, Node, World

NONCE_2617 = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
WHOLE = 'Digest username="a",realm="b",nonce="c",uri="d",response="e"'
RESPONSE_7616 = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
NONCE_7616, CNONCE_7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "realm", "password", "nonce", "cnonce", "response"),
    [
        ("MD5", "testrealm@host.com", "Circle Of Life", NONCE_2617, "0a4f113b", "6629fae49393a05397450978507c4ef1"),
        ("MD5", "http-auth@example.org", "Circle of Life", NONCE_7616, CNONCE_7616, "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "http-auth@example.org", "Circle of Life", NONCE_7616, CNONCE_7616, RESPONSE_7616),
    ],
)
def test_examples(algorithm: Algorithm, realm: str, password: str, nonce: str, cnonce: str, response: str) -> None:
    proof = Proof("Mufasa", realm, nonce, "/dir/index.html", "", algorithm, "auth", "00000001", cnonce)
    assert expected(proof, ha1(algorithm, "Mufasa", realm, password), "GET") == response


def test_example_without_qop() -> None:
    # Show the example of RFC 2069, with the digest of its erratum.
    proof = Proof(
        "Mufasa", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "/dir/index.html", "", "MD5", "", "", ""
    )
    secret = ha1("MD5", "Mufasa", "testrealm@host.com", "CircleOfLife")
    assert expected(proof, secret, "GET") == "1949323746fe6a43ef61f9606e7febea"


@pytest.mark.parametrize(
    "text",
    [
        *("", "Basic x", "Digest", 'Digest username="a', "Digest a=b,a=c", "Digest =x", "Digest ,"),
        WHOLE.replace(',response="e"', ""),
        WHOLE + ',qop=auth,nc=1,cnonce="x"',
        WHOLE + ',qop=auth-int,nc=00000001,cnonce="x"',
        WHOLE + ",algorithm=MD5-sess",
    ],
)
def test_bad_proofs(text: str) -> None:
    with pytest.raises(Malformed):
        read_proof(text)


def test_number_of_fields() -> None:
    text = "Digest " + ",".join(f"f{number}=x" for number in range(limits.PARAMETERS))
    assert len(read_fields(text)) == limits.PARAMETERS
    with pytest.raises(Malformed):
        read_fields(text + ",more=x")


def register(number: int = 1) -> Request:
    text = (
        "REGISTER sip:halls.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nFrom: <sip:b@h>;tag=f\r\n"
    )
    made = parse((text + f"To: <sip:b@h>\r\nCall-ID: c\r\nCSeq: {number} REGISTER\r\n\r\n").encode())
    assert isinstance(made, Request)
    return made


class Meeting:
    """The two sides of a digest."""

    def __init__(self, algorithm: Algorithm = "MD5") -> None:
        self.algorithm = algorithm
        self.verifier = Verifier(b"key", REALM, lambda n: b"\x01" * n)
        self.secret = ha1(algorithm, "hall", REALM, "right")

    def challenge(self, now: float = 0.0, source: str = "192.0.2.9") -> Response:
        made = answer(register(), 401, tag="t")
        made.headers.add("www-authenticate", self.verifier.challenge(source, self.algorithm, now))
        return made

    def judge(self, request: Request, now: float = 0.0, source: str = "192.0.2.9") -> Verdict:
        return self.verifier.judge(request, self.secret, self.algorithm, "hall", source, now)


def prover(password: str = "right", realm: str = REALM) -> Prover:
    return Prover(Credentials("hall", password, realm, "x"), lambda n: b"\x02" * n)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_both_sides(algorithm: Algorithm) -> None:
    meeting, ours, request = Meeting(algorithm), prover(), register()
    challenged = meeting.challenge()
    assert ("SHA-256" in challenged.headers.get("www-authenticate")) is (algorithm == "SHA-256")
    assert meeting.judge(request) is Verdict.NONE
    request.headers.add(*(ours.answer(challenged, request, "x") or ("", "")))
    assert meeting.judge(request) is Verdict.RIGHT
    assert meeting.judge(request) is Verdict.STALE, "replayed"
    again = register(2)
    again.headers.add(*(ours.answer(challenged, again, "x") or ("", "")))
    assert "nc=00000002" in again.headers.get("authorization")
    assert meeting.judge(again, limits.NONCE_S) is Verdict.RIGHT
    late = register(3)
    late.headers.add(*(ours.answer(challenged, late, "x") or ("", "")))
    assert meeting.judge(late, limits.NONCE_S + 1) is Verdict.STALE
    assert meeting.judge(late, 0, "192.0.2.8") is Verdict.STALE, "a nonce belongs to one address"


@pytest.mark.parametrize("change", ["password", "realm", "username", "uri", "method", "algorithm", "response", "nonce"])
def test_what_is_changed_is_wrong(change: str) -> None:
    meeting, request = Meeting(), register()
    ours = prover("wrong" if change == "password" else "right")
    field, text = ours.answer(meeting.challenge(), request, "x") or ("", "")
    replaced = {
        "realm": text.replace(REALM, "other"),
        "username": text.replace('"hall"', '"hall2"'),
        "uri": text.replace('uri="sip:halls.example"', 'uri="sip:other.example"'),
        "algorithm": text + ",algorithm=SHA-256",
        "response": text.replace('response="', 'response="0'),
        "nonce": text.replace('nonce="', 'nonce="1'),
    }
    request.headers.add(field, replaced.get(change, text))
    if change == "method":
        request.method = "INVITE"
    # A sender without one of our nonces may have a forged address. The sender is challenged, and the address gets no blame.
    assert meeting.judge(request) is (Verdict.NONE if change == "nonce" else Verdict.WRONG)


def test_a_proof_that_is_right_for_another_address_is_wrong() -> None:
    """Show that a right digest for another address is refused."""
    meeting, request = Meeting(), register()
    other = parse(request.write().replace(b"REGISTER sip:halls.example", b"REGISTER sip:other.example"))
    assert isinstance(other, Request)
    request.headers.add(*(prover().answer(meeting.challenge(), other, "x") or ("", "")))
    assert 'uri="sip:other.example"' in request.headers.get("authorization")
    assert meeting.judge(request) is Verdict.ELSEWHERE


def test_of_several_offers_the_strongest_is_taken() -> None:
    challenged = Meeting("MD5").challenge()
    challenged.headers.add("www-authenticate", Meeting("SHA-256").challenge().headers.get("www-authenticate"))
    _, text = prover().answer(challenged, register(), "x") or ("", "")
    assert "algorithm=SHA-256" in text
    assert prover(realm="other").answer(challenged, register(), "x") is None
    assert prover().answer(challenged, register(), "y") is None


def test_counts_of_nonces_are_bounded() -> None:
    meeting = Meeting()
    for number in range(limits.NONCE_COUNTS + 1):
        proof = Proof("hall", REALM, str(number), "", "", "MD5", "auth", "00000001", "c")
        assert meeting.verifier._counted(proof)
    assert len(meeting.verifier._counts) == limits.NONCE_COUNTS


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("seed", range(4))
def test_a_call_through_a_server_that_asks(algorithm: Algorithm, seed: int) -> None:
    world = World(seed, Link(loss=0.25) if seed else None)
    one, other = Node(world, A), Node(world, B)
    other.rooms.add("192-0-2-1", "right", ["192.0.2.0/24"], algorithm)
    call = one.dial(f"sip:hall@{B}", credentials=Credentials("192-0-2-1", "right", REALM, B))
    world.run(60, lambda: call.state is State.STANDING and "answered" in other.user.names())
    assert other.user.calls[0].identity == "192-0-2-1"
    acks = [ack for ack in world.sent(A, "ACK") if ack.cseq[0] == 2]
    assert acks[0].headers.get("authorization")
    call.reinvite(ANSWER)
    world.run(60, lambda: "renegotiated" in one.user.names())
    call.hang_up()
    world.run(200)
    assert one.quiet()
    assert other.quiet()
    assert not other.user.bans


def test_a_wrong_password_gives_up_at_once() -> None:
    world = World()
    one, other = Node(world, A), Node(world, B)
    other.rooms.add("192-0-2-1", "right", ["192.0.2.0/24"])
    one.dial(f"sip:hall@{B}", credentials=Credentials("192-0-2-1", "wrong", REALM, B))
    world.run(5)
    assert one.user.cause.kind is Kind.UNAUTHORISED
    assert len(world.sent(A, "INVITE")) == 2
    assert not other.user.calls
