"""Which senders may make which requests: registrations, proofs, bans, strangers. These are rows S04 to S09 of the threat list."""

from copy import copy

import pytest

from signaling.sip.agent.targets import Target
from signaling.sip.call.causes import of_response
from signaling.sip.dialog import digest
from signaling.sip.dialog.digest import Credentials, Prover
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import read_uri
from signaling.sip.wire.message import Request, Response, answer, parse
from tests.signaling.sip.wire.test_torture import SETS
from tests.signaling.sip.world import ANSWER, OFFER, REALM, A, B, Node, World, remembered

T = "192.0.2.50"


class Terminal:
    """A scripted peer at an address. It writes requests, keeps answers, and proves its password."""

    def __init__(self, node: Node, host: str = T, port: int = 5060, transport: str = "udp", flow: int = 0) -> None:
        self.node = node
        self.hop = Hop(transport, host, port, flow)
        self.number = 0
        self.branch = 0

    def write(
        self,
        method: str,
        alias: str = "hall1",
        *,
        to: str = "",
        more: tuple[str, ...] = (),
        body: bytes = b"",
        call_id: str = "c1",
        contact: str = "",
    ) -> Request:
        self.number += 1
        self.branch += 1
        to = to or f"<sip:{alias if method == 'REGISTER' else 'room'}@{REALM}>"
        contact = contact or f"<sip:{alias}@{self.hop.host}:{self.hop.port}>"
        target = REALM if method == "REGISTER" else f"room@{REALM}"
        rows = [
            f"{method} sip:{target} SIP/2.0",
            f"Via: SIP/2.0/{self.hop.transport.upper()} {self.hop.host}:{self.hop.port}"
            f";branch=z9hG4bK{self.hop.port}-{self.branch};rport",
            f"From: <sip:{alias}@{REALM}>;tag=f1",
            f"To: {to}",
            f"Call-ID: {call_id}",
            f"CSeq: {self.number} {method}",
            f"Contact: {contact}",
            "Max-Forwards: 70",
            "User-Agent: Terminal 1.0 with a name that is long enough to make the request longer than its answer is",
            *more,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        message = parse("\r\n".join([*rows, "", ""]).encode() + body)
        assert isinstance(message, Request)
        assert message.fault is None
        return message

    def ask(self, request: Request | bytes) -> list[Response]:
        data = request if isinstance(request, bytes) else request.write()
        before = len(self.node.world.wire)
        self.node.take(data, self.hop)
        found = [parse(row[2]) for row in self.node.world.wire[before:] if row[0] == self.node.host]
        return [one for one in found if isinstance(one, Response)]

    def ack(self, tagged: str, **more: str) -> None:
        """Acknowledge the INVITE that was just answered."""
        self.number -= 1
        self.ask(self.write("ACK", to=tagged, **more))  # type: ignore[arg-type]

    def status(self, request: Request | bytes) -> int:
        """Return the status of the last answer, or 0 when none arrived."""
        return ([0] + [one.status for one in self.ask(request)])[-1]

    def proven(self, method: str, alias: str = "hall1", password: str = "right", **more: object) -> list[Response]:
        """Ask, get a challenge, and ask again with the proof. `signed` is the address that the proof signs."""
        signed = str(more.pop("signed", ""))
        call_id = str(more.get("call_id", "c1"))
        challenged = self.ask(self.write(method, alias, **more))  # type: ignore[arg-type]
        assert [one.status for one in challenged] == [401], [one.status for one in challenged]
        again = self.write(method, alias, **more)  # type: ignore[arg-type]
        assert again.call_id == call_id
        prover = Prover(Credentials(alias, password, REALM, "x"), lambda n: b"\x07" * n)
        shown = copy(again)
        if signed:
            shown.uri = read_uri(signed)
        proof = prover.answer(challenged[0], shown, "x")
        assert proof is not None
        again.headers.add(*proof)
        self.last = again
        return self.ask(again)


@pytest.fixture
def node() -> Node:
    made = Node(World(), A, packages=("conference",))
    made.rooms.add("hall1", "right", ["192.0.2.0/24"])
    made.rooms.add("hall2", "right", ["192.0.2.77/32"])
    return made


def test_register_and_expiry(node: Node) -> None:
    terminal = Terminal(node)
    answers = terminal.proven("REGISTER", more=("Expires: 120",))
    assert [one.status for one in answers] == [200]
    assert answers[0].headers.get("contact") == f"<sip:hall1@{T}:5060>;expires=120"
    binding = node.user.bindings["hall1"]
    assert binding is not None
    assert binding.hop == Hop("udp", T, 5060)
    node.world.run(125)
    assert node.user.bindings["hall1"] is None
    assert node.agent.registrar.find("hall1") is None


def test_register_can_be_taken_back_and_asked_for(node: Node) -> None:
    terminal = Terminal(node)
    terminal.proven("REGISTER")
    assert terminal.proven("REGISTER", more=("Expires: 0",), call_id="c1")[0].status == 200
    assert node.agent.registrar.find("hall1") is None
    terminal.proven("REGISTER")
    assert terminal.proven("REGISTER", contact="*", more=("Expires: 0",))[0].status == 200
    assert node.agent.registrar.find("hall1") is None


@pytest.mark.parametrize(
    ("more", "status"), [(("Expires: 59",), 423), (("Expires: 60",), 200), (("Expires: 99999999999999",), 200)]
)
def test_register_for_how_long(node: Node, more: tuple[str, ...], status: int) -> None:
    answers = Terminal(node).proven("REGISTER", more=more)
    assert answers[0].status == status
    binding = node.agent.registrar.find("hall1")
    assert binding is None or binding.until - node.world.clock.monotonic() <= limits.EXPIRES_MOST_S


def test_bindings_of_an_alias_are_bounded(node: Node) -> None:
    for port in range(5060, 5060 + limits.BINDINGS_PER_ALIAS + 1):
        assert Terminal(node, port=port).proven("REGISTER", call_id=f"c{port}")[0].status == 200
    rows = node.agent.registrar.all("hall1")
    assert len(rows) == limits.BINDINGS_PER_ALIAS
    assert rows[-1].hop.port == 5060 + limits.BINDINGS_PER_ALIAS


def test_a_register_with_an_older_cseq_is_refused(node: Node) -> None:
    terminal = Terminal(node)
    terminal.proven("REGISTER")
    terminal.number -= 2
    assert terminal.proven("REGISTER")[0].status == 500


def test_the_contact_must_match_the_source_address(node: Node) -> None:
    for contact in ("<sip:hall1@127.0.0.1>", "<sip:hall1@192.0.2.51>", "<sip:hall1@evil.example>", "<tel:113>"):
        assert Terminal(node).proven("REGISTER", contact=contact, call_id=contact[5:12])[0].status in {400, 403}
        assert Terminal(node).proven("INVITE", contact=contact, body=OFFER, call_id=contact[5:13])[-1].status in {
            400,
            403,
        }
    assert node.agent.registrar.find("hall1") is None
    assert not node.user.calls
    node.rooms.add("hall1", "right", ["192.0.2.0/24"], nat=True)
    assert (
        Terminal(node, port=40000).proven("REGISTER", contact="<sip:hall1@10.0.0.9:5060>", call_id="n")[0].status == 200
    )
    assert node.user.bindings["hall1"].hop == Hop("udp", T, 40000)  # type: ignore[union-attr]


def test_an_outgoing_call_uses_the_flow_of_the_registration(node: Node) -> None:
    terminal = Terminal(node, transport="tcp", flow=7)
    terminal.proven("REGISTER")
    binding = node.agent.registrar.find("hall1")
    assert binding is not None
    assert binding.hop.flow == 7
    node.dial(str(binding.contact), binding=binding)
    assert node.world.wire[-1][1] == T
    assert node.world.wire[-1][2].startswith(b"INVITE")
    node.agent.unreachable(binding.hop)
    after = node.agent.registrar.find("hall1")
    assert after is not None
    assert after.hop == Hop("tcp", T, 5060)


# S05: requests that need a proof


@pytest.mark.parametrize(
    "method", ["REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "NOTIFY", "PUBLISH", "REFER", "INFO", "BYE", "FOO"]
)
def test_every_method_wants_a_proof(node: Node, method: str) -> None:
    answers = Terminal(node).ask(Terminal(node).write(method))
    assert [one.status for one in answers] == [401]
    assert len(node.agent.core.transactions) == 0
    assert not node.agent.calls
    assert Terminal(node).ask(Terminal(node).write("ACK")) == []


def test_what_is_not_taken_is_refused_after_the_proof(node: Node) -> None:
    for number, (method, status) in enumerate(
        [("MESSAGE", 405), ("REFER", 405), ("PUBLISH", 405), ("BYE", 481), ("INFO", 481)]
    ):
        assert Terminal(node, port=6000 + number).proven(method, call_id=f"m{number}")[-1].status == status


def test_an_invite_of_a_terminal_reaches_the_user(node: Node) -> None:
    terminal = Terminal(node)
    answers = terminal.proven("INVITE", body=OFFER)
    assert [one.status for one in answers] == [100, 200]
    assert answers[1].body == ANSWER
    call = node.user.calls[0]
    assert call.identity == "hall1"
    assert call.request is not None
    assert call.request.uri.alias == "room"


def test_a_replayed_proof_is_stale(node: Node) -> None:
    terminal = Terminal(node)
    terminal.proven("REGISTER")
    replay = terminal.write("REGISTER")
    replay.headers.add("authorization", terminal.last.headers.get("authorization"))
    answers = terminal.ask(replay)
    assert answers[0].status == 401
    assert "stale=true" in answers[0].headers.get("www-authenticate")


def test_a_nonce_is_valid_for_a_limited_time_and_one_address(node: Node) -> None:
    terminal = Terminal(node)
    challenged = terminal.ask(terminal.write("REGISTER"))[0]
    for wait, status in ((limits.NONCE_S - 1, 200), (2, 401)):
        node.world.clock.pass_s(wait)
        again = terminal.write("REGISTER")
        proof = Prover(Credentials("hall1", "right", REALM, "x"), lambda n: bytes(n)).answer(challenged, again, "x")
        assert proof is not None
        again.headers.add(proof[0], proof[1].replace("nc=00000001", f"nc=0000000{terminal.number}"))
        assert terminal.status(again) in {status, 403}
    other = Terminal(node, host="192.0.2.51")
    assert other.status(other.write("REGISTER")) == 401


# Equal answers


def shape(answers: list[Response]) -> list[tuple[object, ...]]:
    """Return the parts of the answers that an observer can compare: the status and field names, with the values that do not
    depend on chance.
    """
    hidden = {"www-authenticate", "to", "from", "via", "call-id", "cseq"}
    rows: list[tuple[object, ...]] = []
    for one in answers:
        challenge = one.headers.get("www-authenticate")
        fields = [(name, value if name not in hidden else "") for name, value in one.headers.rows]
        rows.append((one.status, one.reason, fields, len(challenge), challenge.partition("nonce")[0], challenge[-20:]))
    return rows


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_wrong_alias_password_and_network_look_alike(method: str) -> None:
    seen = []
    for alias, password in (("hall1", "wrong"), ("hall9", "right"), ("hall2", "right")):
        node = Node(World(), A)
        node.rooms.add("hall1", "right", ["192.0.2.0/24"])
        node.rooms.add("hall2", "right", ["192.0.2.77/32"])
        terminal = Terminal(node)
        first = terminal.ask(terminal.write(method, alias))
        terminal.number = terminal.branch = 0
        seen.append((shape(first), shape(terminal.proven(method, alias, password))))
        assert len(node.agent.core.transactions) == 0
    assert seen[0] == seen[1] == seen[2]


def test_the_same_work_is_done_for_an_alias_that_does_not_exist(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    real = digest._HASHES["MD5"]
    monkeypatch.setitem(digest._HASHES, "MD5", lambda data: counted.append(len(data)) or real(data))  # type: ignore[func-returns-value]
    numbers: list[int] = []
    for alias in ("hall1", "hall9"):
        counted.clear()
        Terminal(node, port=7000 + len(numbers)).proven("REGISTER", alias, "wrong", call_id=alias)
        numbers.append(len(counted))
    assert numbers[0] == numbers[1] > 0


def test_the_challenge_does_not_reveal_unknown_aliases(node: Node) -> None:
    node.rooms.add("strong", "right", ["192.0.2.0/24"], "SHA-256")
    assert Terminal(node).proven("REGISTER", "strong", call_id="s")[0].status == 200
    found = set()
    for number in range(40):
        node.agent.unban(f"source:{T}")
        terminal = Terminal(node, port=8000 + number)
        kinds = {
            "SHA-256" in terminal.ask(terminal.write("REGISTER", f"x{number}"))[0].headers.get("www-authenticate")
            for _ in range(2)
        }
        assert len(kinds) == 1, "the same alias is asked alike"
        found |= kinds
    assert found == {True, False}


# Strangers and scanners


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_stranger_gets_no_answer(node: Node, transport: str) -> None:
    stranger = Terminal(node, host="198.51.100.1", transport=transport)
    sizes = remembered(node.agent), len(node.agent.core.timers)
    for method in ("OPTIONS", "REGISTER", "INVITE", "ACK", "BYE"):
        assert stranger.ask(stranger.write(method)) == []
    assert stranger.ask(b"rubbish") == []
    assert (remembered(node.agent), len(node.agent.core.timers)) == sizes
    assert node.drops == 6  # a connection is closed


def test_a_flood_of_one_source_is_rate_limited(node: Node) -> None:
    terminal = Terminal(node)
    terminal.proven("REGISTER")
    heard = sum(
        bool(terminal.ask(terminal.write("OPTIONS", call_id=f"f{number}")))
        for number in range(limits.MESSAGES_AT_ONCE + 50)
    )
    assert heard < limits.MESSAGES_AT_ONCE
    node.world.clock.pass_s(1)
    assert terminal.ask(terminal.write("OPTIONS", call_id="g"))


# S06 and S09: our agent as client


def trunk_challenge(realm: str, algorithm: str = "") -> str:
    return f'Digest realm="{realm}",nonce="abc",qop="auth,auth-int"{algorithm}'


@pytest.mark.parametrize(
    ("realm", "host", "status", "proves"),
    [("trunk", B, 407, True), ("trunk", B, 401, True), ("other", B, 407, False), ("trunk", "192.0.2.3", 407, False)],
)
def test_a_challenge_is_answered_for_its_realm_and_host_only(realm: str, host: str, status: int, proves: bool) -> None:
    world = World()
    one = Node(world, A)
    Node(world, B)
    one.dial(f"sip:hall@{B}", credentials=Credentials("us", "secret", "trunk", host))
    invite = world.sent(A, "INVITE")[0]
    name = "proxy-authenticate" if status == 407 else "www-authenticate"
    assert isinstance(invite, Request)
    one.take(answer(invite, status, tag="t", headers=[(name, trunk_challenge(realm))]).write(), Hop("udp", B, 5060))
    invites = world.sent(A, "INVITE")
    assert len(invites) == (2 if proves else 1)
    if proves:
        proof = invites[1].headers.get("proxy-authorization" if status == 407 else "authorization")
        assert 'username="us"' in proof
        assert "secret" not in proof
        assert invites[1].cseq[0] == 2
        # After a second challenge for the same reason the client gives up.
        again = invites[1]
        assert isinstance(again, Request)
        one.take(answer(again, status, tag="t", headers=[(name, trunk_challenge(realm))]).write(), Hop("udp", B, 5060))
        assert len(world.sent(A, "INVITE")) == 2
    assert one.user.cause.kind.value == "unauthorised"
    assert "secret" not in repr(Credentials("us", "secret", "trunk", host))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "169.254.1.1", "224.0.0.1", "255.255.255.255"),
        *("100.100.100.200", "0.1.2.3", "[::1]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]", "[::]"),
        *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]", "evil.example", "nowhere.example"),
    ],
)
def test_forbidden_addresses_are_never_called(host: str) -> None:
    world = World()
    one = Node(world, A)
    one.names = {"evil.example": ["127.0.0.1", "169.254.169.254"]}
    one.dial(f"sip:x@{host}", transports=("udp", "tcp", "tls"))
    world.run(1)
    assert not world.wire
    assert one.user.cause.kind.value == "forbidden_target"


def test_loopback_is_called_where_tests_allow_it() -> None:
    world = World()
    one = Node(world, A, loopback=True)
    one.dial("sip:x@127.0.0.1")
    assert world.wire[0][1] == "127.0.0.1"


def test_record_route_and_contact_lead_nowhere_else(node: Node) -> None:
    node.rooms.add("hall1", "right", ["192.0.2.0/24"], nat=True)
    terminal = Terminal(node)
    terminal.proven(
        "INVITE", body=OFFER, contact="<sip:x@127.0.0.1:22>", more=("Record-Route: <sip:169.254.169.254;lr>",)
    )
    call = node.user.calls[0]
    terminal.ack(f"<sip:room@{REALM}>;tag={call.local.tag}")
    call.hang_up()
    bye = node.world.wire[-1]
    assert bye[1] == T
    assert b"Route: <sip:169.254.169.254;lr>" in bye[2]
    assert bye[2].startswith(b"BYE sip:x@127.0.0.1:22 ")


def test_a_bye_from_another_address_or_tag_is_refused(node: Node) -> None:
    terminal = Terminal(node)
    terminal.proven("INVITE", body=OFFER)
    call = node.user.calls[0]
    tagged = f"<sip:room@{REALM}>;tag={call.local.tag}"
    terminal.ack(tagged)
    other = Terminal(node, host="192.0.2.51")
    other.number = 50
    assert other.status(other.write("BYE", to=tagged)) == 481
    wrong = terminal.write("BYE", to=tagged)
    wrong.headers.set("from", f"<sip:hall1@{REALM}>;tag=f2")
    assert terminal.status(parse(wrong.write()).write()) == 481
    assert call.state.name == "STANDING"
    assert terminal.status(terminal.write("BYE", to=tagged)) == 200


def test_dialogs_per_source(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DIALOGS_PER_SOURCE", 3)
    statuses = [
        Terminal(node, port=5060 + n).proven("INVITE", body=OFFER, call_id=f"c{n}")[-1].status for n in range(4)
    ]
    assert statuses == [200, 200, 200, 503]


def test_dialogs_in_all(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "DIALOGS", 2)
    statuses = [
        Terminal(node, port=5060 + n).proven("INVITE", body=OFFER, call_id=f"c{n}")[-1].status for n in range(3)
    ]
    assert statuses == [200, 200, 503]
    node.dial(f"sip:x@{B}")
    node.world.run(0.1)
    assert node.user.cause.kind.value == "local"


def test_subscription(node: Node) -> None:
    terminal = Terminal(node)
    answers = terminal.proven("SUBSCRIBE", more=("Event: conference", "Expires: 120"))
    assert answers[0].status == 200
    assert answers[0].headers.get("expires") == "120"
    notify = node.world.sent(A, "NOTIFY")[0]
    assert isinstance(notify, Request)
    assert notify.headers.get("subscription-state").startswith("active;expires=")
    assert notify.body == b"<conference-info/>"
    node.take(answer(notify, 200).write(), terminal.hop)
    node.world.run(125)
    last = node.world.sent(A, "NOTIFY")[-1]
    assert last.headers.get("subscription-state") == "terminated;reason=timeout"
    assert "unsubscribed" in node.user.names()
    node.world.run(40)
    assert node.quiet()
    assert terminal.proven("SUBSCRIBE", more=("Event: presence",), call_id="p")[0].status == 489


def test_a_terminal_cannot_register_another_alias(node: Node) -> None:
    terminal = Terminal(node)
    challenged = terminal.ask(terminal.write("REGISTER"))
    again = terminal.write("REGISTER")
    again.headers.add(
        *(Prover(Credentials("hall1", "right", REALM, "x"), bytes).answer(challenged[0], again, "x") or ())
    )
    assert terminal.status(again.write().replace(b"From: <sip:hall1@", b"From: <sip:hall2@")) == 403
    assert len(node.agent.registrar) == 0


def test_a_subscription_is_its_subscribers_alone(node: Node) -> None:
    """Show that only its subscriber extends or ends a subscription. The tags of both sides and the address must match, as for a
    call.
    """
    terminal = Terminal(node)
    tagged = terminal.proven("SUBSCRIBE", more=("Event: conference", "Expires: 120"))[0].headers.get("to")
    node.take(answer(node.world.sent(A, "NOTIFY")[0], 200).write(), terminal.hop)  # type: ignore[arg-type]
    end = ("Event: conference", "Expires: 0")
    elsewhere = Terminal(node, host="192.0.2.77")
    assert elsewhere.status(elsewhere.write("SUBSCRIBE", to=tagged, more=end)) in (0, 481)
    assert (
        terminal.status(terminal.write("SUBSCRIBE", to=tagged, more=end).write().replace(b"tag=f1", b"tag=f2")) == 481
    )
    assert "unsubscribed" not in node.user.names()
    longer = terminal.ask(terminal.write("SUBSCRIBE", to=tagged, more=("Event: conference", "Expires: 300")))
    assert [(one.status, one.headers.get("expires")) for one in longer] == [(200, "300")]
    node.take(answer(node.world.sent(A, "NOTIFY")[-1], 200).write(), terminal.hop)  # type: ignore[arg-type]
    node.world.run(150)
    assert "unsubscribed" not in node.user.names()
    assert terminal.status(terminal.write("SUBSCRIBE", to=tagged, more=end)) == 200
    node.world.run(40)
    assert "unsubscribed" in node.user.names()


def test_subscriptions_are_bounded(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SUBSCRIPTIONS_PER_SOURCE", 2)
    rows = [
        Terminal(node, port=5060 + n).proven("SUBSCRIBE", more=("Event: conference",), call_id=f"c{n}")[0].status
        for n in range(3)
    ]
    assert rows == [200, 200, 503]


def test_no_secret_and_no_version_is_disclosed(node: Node) -> None:
    terminal = Terminal(node)
    text = b"".join(one.write() for one in terminal.proven("REGISTER"))
    assert b"Server:" not in text
    assert b"DiemCau\r\n" in text
    assert "right" not in repr(node.rooms.accounts["hall1"])
    assert node.rooms.accounts["hall1"].secret not in repr(node.rooms.accounts)


def test_a_probe_tells_whether_somebody_answers() -> None:
    world = World()
    one, other = Node(world, A), Node(world, B)
    other.trusts(A)
    got: list[object] = []
    one.agent.probe(Target(read_uri(f"sip:hall@{B}"), ("udp",)), lambda cause, response: got.append(cause))
    one.agent.probe(
        Target(read_uri("sip:hall@192.0.2.99"), ("tcp", "udp")),
        lambda cause, response: got.append(cause and cause.kind.value),
    )
    one.agent.probe(
        Target(read_uri("sip:hall@gone.example"), ("udp",)),
        lambda cause, response: got.append(cause and (cause.kind.value, cause.detail)),
    )
    world.run(40)
    assert got == [("unreachable", "unknown name"), None, "unreachable"]


def test_neither_a_constant_call_id_nor_branch_hides_a_scan(node: Node) -> None:
    terminal = Terminal(node, transport="tcp")
    statuses = []
    for number in range(100, 130):
        terminal.number = terminal.branch = 0
        statuses.append(terminal.status(terminal.write("REGISTER", f"{number}")))
    assert sum(map(bool, statuses)) < 10
    assert node.user.bans


def test_a_retransmitted_request_counts_once(node: Node) -> None:
    terminal = Terminal(node)
    request = terminal.write("REGISTER")
    for _ in range(11):  # all repetitions of a client in 32 s
        assert terminal.status(request) == 401
    assert not node.user.bans


def test_a_banned_alias_gets_403_and_counts_no_failures(node: Node) -> None:
    node.agent.bans.ban(f"alias:hall1@{T}", node.world.clock.time(), "x")
    node.user.bans.clear()
    terminal = Terminal(node)
    for number in range(limits.FAILURES_TO_BAN + 3):
        assert terminal.proven("REGISTER", call_id=f"c{number}")[0].status == 403
    assert not node.user.bans
    node.world.clock.pass_s(limits.BAN_FIRST_S + 1)
    assert terminal.proven("REGISTER", call_id="after")[0].status == 200


@pytest.mark.parametrize(
    "field", ["Session-Expires: x", "Session-Expires: 90;refresher", "Min-SE: -1", "Session-Expires: 90;;"]
)
def test_an_invite_with_a_malformed_header_gets_an_answer(node: Node, field: str) -> None:
    answers = Terminal(node).proven("INVITE", body=OFFER, more=(field,))
    assert answers[-1].status in {200, 400}
    node.agent.close()
    node.world.run(200)
    assert node.quiet()


def test_an_exception_ends_only_its_own_transaction(node: Node) -> None:
    def raises(_: object) -> None:
        raise RuntimeError("a defect above")

    node.user.on_incoming = raises
    terminal = Terminal(node)
    node.take = lambda data, hop: node.agent.receive(data, hop)  # type: ignore[method-assign,assignment]
    assert terminal.proven("INVITE", body=OFFER)[-1].status == 500
    assert node.agent.core.defects == 1
    assert not node.agent.calls
    node.agent.core.timers.after(1, lambda: raises(None))
    later: list[int] = []
    node.agent.core.timers.after(1, lambda: later.append(1))
    node.world.run(2)
    assert later
    assert node.agent.core.defects == 2


def test_a_caller_may_leave_by_bye_before_the_answer(node: Node) -> None:
    node.user.on_incoming = lambda call: call.ring()
    terminal = Terminal(node)
    terminal.proven("INVITE", body=OFFER)
    call = node.user.calls[0]
    answers = terminal.ask(terminal.write("BYE", to=f"<sip:room@{REALM}>;tag={call.local.tag}"))
    assert [one.status for one in answers] == [200, 487]
    assert node.user.cause.kind.value == "normal"


def test_without_rport_an_answer_goes_to_the_port_of_the_via(node: Node) -> None:
    sent: list[Hop] = []
    send = node.send

    def watched(hop: Hop, data: bytes) -> None:
        sent.append(hop)
        send(hop, data)

    node.agent.core.transactions._send = watched
    node.trusts(T)
    for rport, port in ((";rport", 33333), ("", 5070)):
        sent.clear()
        request = Terminal(node).write("MESSAGE")
        request.headers.set("via", f"SIP/2.0/UDP 198.51.100.7:5070;branch=z9hG4bKp{port}{rport}")
        node.take(request.write(), Hop("udp", T, 33333))
        # The answer goes to the source address, whatever the Via says.
        assert sent == [Hop("udp", T, port)]


def test_routes_are_bounded(node: Node) -> None:
    rows = tuple(f"Record-Route: <sip:{n}.example;lr>" for n in range(limits.ROUTES))
    assert Terminal(node).proven("INVITE", body=OFFER, more=rows)[-1].status == 200
    more = (*rows, "Record-Route: <sip:more.example;lr>")
    assert Terminal(node, port=5061).proven("INVITE", body=OFFER, more=more, call_id="c2")[-1].status == 400


def test_bindings_and_subscriptions_in_all(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BINDINGS", 1)
    monkeypatch.setattr(limits, "SUBSCRIPTIONS", 1)
    node.rooms.add("hall3", "right", ["192.0.2.0/24"])
    statuses = [
        Terminal(node, port=5060 + n).proven("REGISTER", alias, call_id=alias)[0].status
        for n, alias in enumerate(("hall1", "hall3"))
    ]
    assert statuses == [200, 503]
    assert len(node.agent.registrar) == 1
    rows = [
        Terminal(node, port=5070 + n).proven("SUBSCRIBE", more=("Event: conference",), call_id=f"s{n}")[0].status
        for n in range(2)
    ]
    assert rows == [200, 503]


def test_retry_after_is_bounded() -> None:
    made = parse(
        (SETS / "rfc4475" / "noreason.dat")
        .read_bytes()
        .replace(b"100 ", b"503 \x1b[31m")
        .replace(b"Content-L", b"Retry-After: 99999999999999999999\r\nContent-L")
    )
    assert isinstance(made, Response)
    cause = of_response(made)
    assert cause.retry_after_s == limits.RETRY_AFTER_MOST_S
    assert "\x1b" not in cause.detail


@pytest.mark.parametrize("how", ["fault", "inside", "cancel"])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_unproven_sender_is_not_answered_for_long(node: Node, how: str, transport: str) -> None:
    terminal = Terminal(node, transport=transport)
    heard = 0
    for number in range(20):
        request = terminal.write("CANCEL" if how == "cancel" else "BYE", call_id=f"x{number}", to="<sip:room@h>;tag=1")
        data = request.write()
        heard += bool(terminal.ask(data.replace(b"Max-Forwards: 70", b"Max-Forwards: 700") if how == "fault" else data))
    assert 0 < heard < 10
    assert node.user.bans == ([f"source:{T}"] if transport == "tcp" else [])
