"""Media paths: only TCP where UDP is blocked, only IPv6, and TLS by the server's own authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from tests.interop.guest import Guests, Plan, Role
from tests.interop.network import HTTP_PORT, MEDIA_PORT, Namespace, ServerThere, missing, namespace, plug, serve
from tests.interop.person import token

pytestmark = [pytest.mark.native, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

BOUND_S = 90.0
OPEN = "198.51.100.2"
CLOSED = {"single": "203.0.113", "dual": "192.0.2"}
"""The network of the closed office of each kind of client. The server is host 1 and the office is host 2."""


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
def closed_offices(center: Namespace) -> Iterator[dict[str, Namespace]]:
    """Give, for each kind of client, a namespace on another link, whose firewall blocks UDP and counts it."""
    with ExitStack() as stack:
        made = {kind: stack.enter_context(namespace()) for kind in CLOSED}
        for kind, office in made.items():
            plug(center, [f"{CLOSED[kind]}.1/24"], office, [f"{CLOSED[kind]}.2/24"])
            office.drop_udp()
        yield made


async def _enter(server: ServerThere, place: Namespace, host: str, *roles: Role) -> Guests:
    """Let the roles join. A role named `NAME-KIND` joins the conference `KIND`."""
    for role in roles:
        role.token = token(server.api_key, server.api_secret, role.identity, role.identity.partition("-")[2] or "ways")
    plan = Plan(f"wss://{host}:{HTTP_PORT}", list(roles))
    return await Guests.start(plan, prefix=("env", f"SSL_CERT_FILE={server.authority}", *place.prefix))


async def test_media_over_tcp_where_udp_is_blocked(
    center: Namespace, office: Namespace, closed_offices: dict[str, Namespace], tmp_path: Path
) -> None:
    """Two conferences: the clients of one have one peer connection each, those of the other have two."""
    blue = [Role(f"binh-{kind}", "", colour="blue", hz=1000, dual=kind == "dual") for kind in CLOSED]
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serve(center, tmp_path))
        an = {}
        for kind, place in closed_offices.items():
            red = Role(f"an-{kind}", "", colour="red", hz=440, dual=kind == "dual")
            an[kind] = await _enter(server, place, f"{CLOSED[kind]}.1", red)
            stack.push_async_callback(an[kind].stop)
        binh = await _enter(server, office, "198.51.100.1", *blue)
        stack.push_async_callback(binh.stop)
        for kind in CLOSED:
            mine, other = f"an-{kind}", f"binh-{kind}"
            await an[kind].until(lambda now: now[mine].sees(other, "blue", 30), f"{kind}: blue over TCP", BOUND_S)  # noqa: B023
            await binh.until(lambda now: now[other].sees(mine, "red", 30), f"{kind}: red over TCP", BOUND_S)  # noqa: B023
            await an[kind].until(lambda now: now[mine].hears(other, 1000), f"{kind}: a tone over TCP", BOUND_S)  # noqa: B023
            await binh.until(lambda now: now[other].hears(mine, 440), f"{kind}: a tone from TCP", BOUND_S)  # noqa: B023
        # The library tries TCP too, and closes the connection when UDP was nominated.
        closed = {f"{net}.2" for net in CLOSED.values()}
        await binh.until(lambda _: center.peers(MEDIA_PORT) == closed, "the open office goes by UDP", BOUND_S)
        for kind, place in closed_offices.items():
            assert place.dropped() > 0, f"{kind}: UDP was tried and did not pass"


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
