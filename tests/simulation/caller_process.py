"""A server that only calls halls, to be killed: `python -m tests.simulation.caller_process URL PORT START SPEED BEGAN`.

Its dialer speaks datagrams with the terminals of `test_dialling` instead of SIP and repeats what is not answered, as SIP does.
Its clock showed `START` at `BEGAN` (both Unix seconds); `SPEED` seconds of it pass in a real one.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from typing import cast

from conference.dialout import Event
from conference.ports import DialOrder
from rooms.store.database import Database
from signaling.dialling import Caller

KEY = b"simulation" * 4
REPEAT_S = 0.2


class Wire(asyncio.DatagramProtocol):
    """Implements `Dialer`. One datagram is `VERB CALL-ID LEG TERMINAL`, an answer `STATUS CALL-ID`."""

    def __init__(self) -> None:
        self.caller: Caller | None = None
        self.orders: dict[str, DialOrder] = {}
        self.waiting: set[str] = set()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        status, call_id = data.decode().split()
        order = next((one for one in self.orders.values() if one.call_id == call_id), None)
        if order is None or call_id not in self.waiting or self.caller is None:
            return
        self.waiting.discard(call_id)
        if status == "200":
            self.caller.tell(order, Event.ANSWERED)
        else:
            del self.orders[order.leg_id]
            self.caller.tell(order, Event.REFUSED, status=int(status))

    def dial(self, order: DialOrder) -> None:
        self.orders[order.leg_id] = order
        self.waiting.add(order.call_id)
        self._repeat(order)

    def _repeat(self, order: DialOrder) -> None:
        if order.call_id in self.waiting:
            self._send("INVITE", order)
            asyncio.get_running_loop().call_later(REPEAT_S, self._repeat, order)

    def probe(self, order: DialOrder) -> None:
        assert self.caller is not None
        self.caller.probed(order, "green", "")

    def cancel(self, leg_id: str) -> None:
        self.hang_up(leg_id)

    def hang_up(self, leg_id: str, order: DialOrder | None = None) -> None:
        known = self.orders.get(leg_id)
        if known is not None and order in (None, known):
            del self.orders[leg_id]
            self.waiting.discard(known.call_id)
            self._send("BYE", known)

    def live(self) -> frozenset[str]:
        return frozenset(self.orders)

    def _send(self, verb: str, order: DialOrder) -> None:
        assert self.transport is not None
        self.transport.sendto(f"{verb} {order.call_id} {order.leg_id} {order.terminal}".encode())


async def main(url: str, port: int, start: float, speed: float, began: float) -> None:
    database = Database.open(url)

    def now() -> float:
        """The real clock goes on while nobody runs: so does the simulated one."""
        return start + (time.time() - began) * speed

    wire = Wire()
    await asyncio.get_running_loop().create_datagram_endpoint(lambda: wire, remote_addr=("127.0.0.1", port))
    wire.caller = Caller(database, wire, key=KEY, worker=secrets.token_hex(8), now=now)
    while True:
        await wire.caller.tick()
        await asyncio.sleep(1 / speed)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:6])))
