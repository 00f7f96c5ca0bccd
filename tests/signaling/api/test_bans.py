"""Bans of SIP sources over the REST API. The requests of a source cause its ban."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from signaling.halls.board.bans import Bans
from signaling.sip.transaction.transport import Hop
from tests.rooms.postgres import postgresql_in_sim_except
from tests.signaling.api.office import Office
from tests.signaling.sip.agent.test_agent import Terminal
from tests.signaling.sip.world import A, Node, World


def bans_of(office: Office, node: Node) -> Any:
    """Return the part of the desk for halls that handles bans."""
    clock = node.world.clock
    return SimpleNamespace(bans=Bans(node.agent, office.database, lambda: datetime.fromtimestamp(clock.time(), UTC)))


@postgresql_in_sim_except("address", ["192.0.2.9", "2001:db8::9"], both=["2001:db8::9"])
async def test_an_operator_of_all_units_lifts_the_ban_of_a_source(office: Office, address: str) -> None:
    node = Node(World(), A, networks=["192.0.2.0/24", "2001:db8::/48"])
    request = Terminal(node).write("REGISTER")
    request.headers.set("user-agent", "friendly-scanner")
    node.take(request.write(), Hop("tcp", address, 40000, 7))
    office.secretariat.hall_desk = bans_of(office, node)
    operator = await office.client("operator", "tinh")
    (ban,) = (await operator.get("/hall-bans")).json()
    assert ban["source"].startswith(address.removesuffix("9"))
    assert ban["reason"] == "scanner"
    lifted = await operator.delete(f"/hall-bans/{quote(ban['subject'], safe='')}")
    assert lifted.status_code == 204, lifted.text
    assert (await operator.get("/hall-bans")).json() == []
    assert not node.agent.bans.standing(node.world.clock.time())
