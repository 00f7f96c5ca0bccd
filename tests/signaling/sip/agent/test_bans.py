"""Which sources are banned, for how long, and which are not. Requests of others must not ban a terminal."""

import pytest

from signaling.sip.agent.bans import Ban, Bans, MemoryBans
from signaling.sip.agent.rates import Rates
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Hop
from tests.signaling.sip.agent.test_agent import T, Terminal, node
from tests.signaling.sip.world import REALM, A, Node, World, remembered

__all__ = ["node"]


def test_datagrams_never_ban_a_source(node: Node) -> None:
    """Show that datagrams ban no source, because they may be forged. The terminal is still challenged and registers with its
    password.
    """
    forger = Terminal(node)
    sizes = remembered(node.agent)
    for number in range(100):
        assert forger.status(forger.write("REGISTER", f"{number}", call_id=f"c{number}")) in {401, 0}
        request = forger.write("OPTIONS", call_id=f"s{number}")
        request.headers.set("user-agent", "friendly-scanner")
        assert forger.ask(request) == []
        node.world.clock.pass_s(0.1)
    assert node.user.bans == [], "the rate of the source"
    assert remembered(node.agent) == sizes + 1, "the rate of the source"
    for transport in ("udp", "tcp"):
        assert Terminal(node, transport=transport).proven("REGISTER", call_id=transport)[0].status == 200


def test_a_scanner_of_aliases_is_banned_within_ten(node: Node) -> None:
    terminal = Terminal(node, transport="tcp")
    statuses = [
        terminal.status(terminal.write("REGISTER", f"{number}", call_id=f"c{number}")) for number in range(100, 130)
    ]
    answered = [status for status in statuses if status]
    assert set(answered) == {401}
    assert len(answered) < 10
    assert node.user.bans == [f"source:{T}"]
    assert len(node.agent.core.transactions) == 0
    # The result is the same when the accounts exist.
    other = Node(World(), A)
    for number in range(100, 130):
        other.rooms.add(str(number), "x", ["192.0.2.50/32"])
    other.rooms.share = lambda host: 1  # type: ignore[method-assign]
    again = Terminal(other, transport="tcp")
    assert statuses == [
        again.status(again.write("REGISTER", f"{number}", call_id=f"c{number}")) for number in range(100, 130)
    ]


def test_a_scanner_with_many_ports_is_banned_within_ten(node: Node) -> None:
    statuses = []
    for number in range(30):
        terminal = Terminal(node, port=20000 + number, transport="tcp")
        statuses.append(terminal.status(terminal.write("REGISTER", f"{number}", call_id=f"c{number}")))
    assert sum(map(bool, statuses)) < 10


def test_a_guesser_of_passwords_is_banned_within_ten(node: Node) -> None:
    tries = 0
    for number in range(30):
        terminal = Terminal(node, port=20000 + number)
        if terminal.status(terminal.write("REGISTER", call_id=f"c{number}")) != 401:
            break
        terminal.proven("REGISTER", password=f"guess{number}", call_id=f"d{number}")
        tries += 1
    assert tries <= limits.FAILURES_TO_BAN
    assert set(node.user.bans) == {f"source:{T}", f"alias:hall1@{T}"}
    # The owner of the account, at another address, is not locked out.
    assert Terminal(node, host="192.0.2.77").proven("REGISTER")[0].status == 200


def test_a_right_password_clears_the_wrong_ones_before(node: Node) -> None:
    terminal = Terminal(node)
    for turn in range(3):
        for number in range(limits.FAILURES_TO_BAN - 1):
            terminal.proven("REGISTER", password="wrong", call_id=f"w{turn}{number}")
        assert terminal.proven("REGISTER", call_id=f"r{turn}")[0].status == 200
    assert node.user.bans == []


def test_a_digest_for_another_address_is_no_guess(node: Node) -> None:
    """Show that a proof for another address is no guess. SIPp signs its remote address, not its Request-URI (RFC 3261 section
    22.4).
    """
    terminal = Terminal(node)
    for number in range(3 * limits.FAILURES_TO_BAN):
        answers = terminal.proven("REGISTER", call_id=f"c{number}", signed="sip:elsewhere")
        assert answers[0].status == 400
    assert node.user.bans == []


def test_wrong_proofs_without_a_challenge_ban_no_source(node: Node) -> None:
    """Show that a wrong proof counts only with a nonce that went to its address. A datagram may carry any sender, so without
    the nonce it counts against neither the address nor the alias.
    """
    for number in range(3 * limits.FAILURES_TO_BAN):
        terminal = Terminal(node, port=20000 + number, host=f"192.0.2.{100 + number}")
        text = f'Digest username="hall1",realm="{REALM}",nonce="1-2-3",uri="sip:{REALM}",response="0"'
        request = terminal.write("REGISTER", call_id=f"c{number}", more=(f"Authorization: {text}",))
        assert terminal.status(request) == 401
    assert node.user.bans == []


@pytest.mark.parametrize("name", ["friendly-scanner", "sipvicious 0.3", "SIPcli/v1.8"])
def test_a_known_scanner_user_agent_is_banned_at_once(node: Node, name: str) -> None:
    terminal = Terminal(node, transport="tcp")
    request = terminal.write("OPTIONS")
    request.headers.set("user-agent", name)
    assert terminal.ask(request) == []
    assert node.user.bans == [f"source:{T}"]


def test_options_in_a_hurry_are_a_search(node: Node) -> None:
    terminal = Terminal(node)
    statuses = [terminal.status(terminal.write("OPTIONS", call_id=f"o{number}")) for number in range(20)]
    assert sum(map(bool, statuses)) < 10
    assert not statuses[-1]
    node.world.clock.pass_s(limits.PING_SPACING_S + 1)
    assert terminal.status(terminal.write("OPTIONS", call_id="later")) == 200


def test_options_now_and_then_are_a_sign_of_life(node: Node) -> None:
    terminal = Terminal(node)
    for number in range(50):
        assert terminal.status(terminal.write("OPTIONS", call_id=f"o{number}")) == 200
        node.world.clock.pass_s(30)


def test_an_answer_to_an_unproven_sender_is_not_longer(node: Node) -> None:
    short = b"OPTIONS sip:a SIP/2.0\r\nv:SIP/2.0/UDP 192.0.2.50;branch=z9hG4bK1\r\n"
    short += b"f:<sip:a@b>;tag=1\r\nt:<sip:a@b>\r\ni:1\r\nCSeq:1 OPTIONS\r\n\r\n"
    before = len(node.world.wire)
    node.take(short, Hop("udp", T, 5060))
    node.take(short.replace(b"OPTIONS sip:a ", b"OPTIONS si "), Hop("udp", T, 5060))
    for _, _, data in node.world.wire[before:]:
        assert len(data) <= len(short)


def test_repeated_valid_authentication_is_never_banned(node: Node) -> None:
    terminal = Terminal(node)
    for number in range(60):
        assert terminal.proven("REGISTER", call_id=f"c{number}")[0].status == 200
        node.world.run(2)
    assert not node.user.bans


def test_many_halls_behind_one_address_are_not_banned(node: Node) -> None:
    halls = 40
    for number in range(halls):
        node.rooms.add(f"h{number}", "right", ["192.0.2.0/24"])
    terminals = [Terminal(node, port=30000 + number) for number in range(halls)]
    for number, terminal in enumerate(terminals):
        assert terminal.status(terminal.write("REGISTER", f"h{number}", call_id=f"c{number}")) == 401
    for number, terminal in enumerate(terminals):
        assert terminal.proven("REGISTER", f"h{number}", call_id=f"c{number}")[0].status == 200
    assert not node.user.bans


def test_a_registered_terminal_works_at_a_banned_address(node: Node) -> None:
    good, bad = Terminal(node), Terminal(node, port=9999, transport="tcp")
    good.proven("REGISTER")
    for number in range(20):
        bad.status(bad.write("REGISTER", f"{number}", call_id=f"x{number}"))
    assert bad.status(bad.write("REGISTER", "hall1", call_id="y")) == 0
    assert good.proven("REGISTER")[0].status == 200
    node.world.clock.pass_s(limits.BAN_FIRST_S + 1)
    assert bad.status(bad.write("REGISTER", "hall1", call_id="z")) == 401


def test_bans_double_up_to_an_hour_persist_and_are_lifted() -> None:
    store = MemoryBans()
    told: list[Ban] = []
    bans = Bans(store, 0, told.append)
    now, lengths = 0.0, []
    for _ in range(9):
        for _ in range(limits.FAILURES_TO_BAN):
            banned = bans.failed("source:192.0.2.1", now, "x")
        assert banned
        lengths.append(bans.standing(now)[0].until - now)
        now += lengths[-1]
    assert lengths == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    for _ in range(limits.FAILURES_TO_BAN - 1):
        assert not bans.failed("source:192.0.2.1", now, "x")
    bans.ban("source:192.0.2.1", now, "x")
    assert len(told) == len(lengths) + 1
    again = Bans(store, now + 5, told.append)
    assert again.banned("source:192.0.2.1", now + 5)
    assert again.unban("source:192.0.2.1")
    assert not again.banned("source:192.0.2.1", now + 5)
    assert store.load() == []


@pytest.mark.parametrize("size", [0, 700, 3000, 64 * 1024])
def test_long_messages_use_up_the_rate_sooner(size: int) -> None:
    rates = Rates()
    weight = 1 + size // limits.MESSAGE_WEIGHT_BYTES
    taken = sum(rates.admits("192.0.2.1", size, 100) for _ in range(1000))
    assert taken == limits.MESSAGES_AT_ONCE // weight
    later = sum(rates.admits("192.0.2.1", size, 101) for _ in range(1000))
    assert later <= limits.MESSAGES_PER_SECOND // weight
    assert rates.admits("192.0.2.2", size, 101)


def test_what_is_remembered_of_sources_and_bans_is_bounded() -> None:
    bans, rates = Bans(MemoryBans(), 0, lambda ban: None), Rates()
    for number in range(limits.BANS + 1):
        bans.ban(f"source:{number}", 0, "x")
    assert len(bans.standing(1)) == limits.BANS
    for number in range(limits.SOURCES_REMEMBERED * 2 + 1):
        rates.admits(str(number), 100, 0)
        bans.failed(str(number), 0, "x")
    assert len(rates) == len(bans._failures) == limits.SOURCES_REMEMBERED * 2
    store = MemoryBans()
    store.kept = {f"source:{n}": Ban(f"source:{n}", 99, 1, "") for n in range(limits.BANS + 1)}
    assert len(Bans(store, 0, lambda ban: None).standing(1)) == limits.BANS
