"""Media paths: only TCP where UDP is blocked, only IPv6, and TLS by the server's own authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.guest import Guests, Plan, Role
from tests.interop.network import HTTP_PORT, MEDIA_PORT, Namespace, ServerThere, missing, namespace, plug, serve
from tests.interop.person import token

pytestmark = [pytest.mark.native, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

BOUND_S = 90.0
OPEN, CLOSED = "198.51.100.2", "203.0.113.2"


@pytest.fixture
def center() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


@pytest.fixture
def office(center: Namespace) -> Iterator[Namespace]:
    """Give a namespace with a direct IPv4 link to the server."""
    with namespace() as made:
        plug(center, ["198.51.100.1/24"], made, [f"{OPEN}/24"])
        yield made


@pytest.fixture
def closed_office(center: Namespace) -> Iterator[Namespace]:
    """Give a namespace on another link, whose firewall blocks UDP."""
    with namespace() as made:
        plug(center, ["203.0.113.1/24"], made, [f"{CLOSED}/24"])
        made.drop_udp()
        yield made


async def _enter(server: ServerThere, place: Namespace, host: str, *roles: Role) -> Guests:
    """Let the roles join. A role named `NAME-KIND` joins the conference `KIND`."""
    for role in roles:
        role.token = token(server.api_key, server.api_secret, role.identity, role.identity.partition("-")[2] or "ways")
    plan = Plan(f"wss://{host}:{HTTP_PORT}", list(roles))
    return await Guests.start(plan, prefix=("env", f"SSL_CERT_FILE={server.authority}", *place.prefix))


async def test_media_over_tcp_where_udp_is_blocked(
    center: Namespace, office: Namespace, closed_office: Namespace, tmp_path: Path
) -> None:
    """Two conferences: the clients of one have one peer connection each, those of the other have two."""
    kinds = {"single": False, "dual": True}
    red = [Role(f"an-{kind}", "", colour="red", hz=440, dual=dual) for kind, dual in kinds.items()]
    blue = [Role(f"binh-{kind}", "", colour="blue", hz=1000, dual=dual) for kind, dual in kinds.items()]
    with serve(center, tmp_path) as server:
        an = await _enter(server, closed_office, "203.0.113.1", *red)
        binh = await _enter(server, office, "198.51.100.1", *blue)
        try:
            for kind in kinds:
                mine, other = f"an-{kind}", f"binh-{kind}"
                await an.until(lambda now: now[mine].sees(other, "blue", 30), f"{kind}: blue over TCP", BOUND_S)  # noqa: B023
                await binh.until(lambda now: now[other].sees(mine, "red", 30), f"{kind}: red over TCP", BOUND_S)  # noqa: B023
                await an.until(lambda now: now[mine].hears(other, 1000), f"{kind}: a tone over TCP", BOUND_S)  # noqa: B023
                await binh.until(lambda now: now[other].hears(mine, 440), f"{kind}: a tone from TCP", BOUND_S)  # noqa: B023
            # The library tries TCP too, and closes the connection when UDP was nominated.
            await binh.until(lambda _: center.peers(MEDIA_PORT) == {CLOSED}, "the open office goes by UDP", BOUND_S)
            assert closed_office.dropped() > 0, "UDP was tried and did not pass"
        finally:
            await an.stop()
            await binh.stop()


async def test_ipv6_alone(center: Namespace, tmp_path: Path) -> None:
    with namespace() as place:
        plug(center, ["fd00:77::1/64"], place, ["fd00:77::2/64"])
        for one in (center, place):
            one.run("ip", "address", "del", "127.0.0.1/8", "dev", "lo")
        with serve(center, tmp_path) as server:
            roles = Role("an", "", colour="green", hz=440), Role("binh", "", colour="orange", hz=900, dual=True)
            guests = await _enter(server, place, "[fd00:77::1]", *roles)
            try:
                await guests.until(
                    lambda now: now["an"].sees("binh", "orange", 30) and now["binh"].sees("an", "green", 30),
                    "pictures over IPv6",
                    BOUND_S,
                )
                await guests.until(
                    lambda now: now["an"].hears("binh", 900) and now["binh"].hears("an", 440),
                    "tones over IPv6",
                    BOUND_S,
                )
                assert not center.run("ip", "-4", "address").strip()
            finally:
                await guests.stop()
