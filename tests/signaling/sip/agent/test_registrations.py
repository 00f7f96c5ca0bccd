"""Registrations across a restart and across the end of a connection, and the notices about them."""

from dataclasses import replace

import pytest

from signaling.sip.agent.registrar import Binding
from signaling.sip.transaction.transport import Hop
from tests.signaling.sip.agent.test_agent import T, Terminal
from tests.signaling.sip.world import A, Node, World


@pytest.fixture
def node() -> Node:
    made = Node(World(), A)
    made.rooms.add("hall1", "right", ["192.0.2.0/24"])
    made.rooms.add("behind", "right", ["192.0.2.0/24"], nat=True)
    return made


def kept(node: Node, alias: str) -> Binding:
    found = node.agent.registrar.find(alias)
    assert found is not None
    return found


def test_no_registration_is_trusted_longer_than_five_minutes(node: Node) -> None:
    answers = Terminal(node).proven("REGISTER", more=("Expires: 3600",))
    assert answers[0].headers.get("contact").endswith(";expires=300")
    assert Terminal(node, port=5070).proven("REGISTER", call_id="c2")[0].headers.all("contact")[1].endswith("=300")


def test_the_next_server_finds_unexpired_registrations(node: Node) -> None:
    Terminal(node).proven("REGISTER", more=("Expires: 120",))
    before, after = kept(node, "hall1"), Node(node.world, A)
    after.rooms.accounts = node.rooms.accounts
    after.agent.registrar.restore([before])
    assert kept(after, "hall1") == before
    assert not after.user.bindings
    again = Terminal(after)
    again.number = 100
    assert again.proven("REGISTER", more=("Expires: 120",))[0].status == 200
    assert not after.user.bindings, "it goes on where it was"
    after.world.run(125)
    assert after.agent.registrar.find("hall1") is None


def test_a_dead_connection_leaves_the_contact_address(node: Node) -> None:
    terminal = Terminal(node, port=40000, transport="tcp", flow=7)
    terminal.proven("REGISTER", contact=f"<sip:hall1@{T}:5070;transport=tcp>")
    after = Node(node.world, A)
    after.agent.registrar.restore([kept(node, "hall1")])
    assert kept(after, "hall1").hop == Hop("tcp", T, 5070)


def test_a_binding_behind_nat_ends_with_its_tcp_connection(node: Node) -> None:
    inside = "<sip:behind@10.0.0.9:5060;transport=tcp>"
    Terminal(node, port=40000, transport="tcp", flow=7).proven("REGISTER", "behind", contact=inside)
    binding = kept(node, "behind")
    after = Node(node.world, A)
    after.agent.registrar.restore([binding])
    assert after.agent.registrar.find("behind") is None
    node.agent.unreachable(binding.hop)
    assert node.user.bindings["behind"] is None
    assert not node.agent.registrar.hosts
    again = Terminal(node, port=40001, transport="tcp", flow=8)
    again.number = 100
    again.proven("REGISTER", "behind", contact=inside)
    assert kept(node, "behind").hop.flow == 8
    assert node.user.bindings["behind"] == kept(node, "behind")


def test_only_a_restarted_terminal_is_reported(node: Node) -> None:
    terminal = Terminal(node)
    terminal.proven("REGISTER")
    node.user.bindings.clear()
    terminal.proven("REGISTER")
    assert not node.user.bindings
    terminal.proven("REGISTER", call_id="c2")
    assert node.user.bindings["hall1"] == replace(kept(node, "hall1"), call_id="c2")
