"""Calls of a participant's method (RPC) by the server API: the request and the answer are data packets.

Calls between participants pass unread, as any packet does. This module handles the calls of this server only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from livekit.protocol import models

from conference import Participant, Refusal, packets
from conference.ports.clients import Packet
from signaling.rtc.wire import limits

RESPONSE_TIMEOUT = 1502
"""The error code of a participant's library for a method that took too long. Source: the client libraries. The library may
answer before our own timeout. Larger or smaller: this timeout is reported as `call_failed` instead of `call_timeout`.
"""


class CallFailed(Refusal):
    """The participant refused the call, or its method failed. `number` and `details` are copied from the RpcError."""

    def __init__(self, error: models.RpcError) -> None:
        super().__init__(
            "call_failed", english=f"{error.message} (RPC error {error.code})"[: limits.RPC_ERROR_CHARACTERS]
        )
        self.number = error.code
        self.details = error.data[: limits.RPC_ERROR_CHARACTERS]


@dataclass(slots=True)
class Waiting:
    """A sent call that waits for its answer."""

    callee_sid: str
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Future[models.RpcResponse] = field(default_factory=asyncio.Future)


class Calls:
    """The calls of one process, at most `limits.CALLS` at a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, Waiting] = {}

    async def ask(self, callee: Participant, method: str, payload: str, timeout_s: float) -> str:
        """Return the result of the method. Raises Refusal: `call_timeout`, `call_failed`, `calls_limit`, `call_too_long`."""
        if len(payload.encode()) > limits.RPC_PAYLOAD_BYTES or len(method.encode()) > limits.RPC_METHOD_BYTES:
            raise Refusal("call_too_long")
        if len(self._waiting) >= limits.CALLS:
            raise Refusal("calls_limit")
        number = callee.data.table.suffix()
        waiting = self._waiting[number] = Waiting(callee.sid)
        try:
            packets.spread(callee.data.table, _request(callee, number, method, payload, timeout_s), reliable=True)
            async with asyncio.timeout(min(timeout_s, limits.RPC_ACK_S)):
                await waiting.acknowledged.wait()
            async with asyncio.timeout(timeout_s):
                answer = await waiting.answer
        except TimeoutError as error:
            raise Refusal("call_timeout") from error
        finally:
            del self._waiting[number]
        if answer.WhichOneof("value") == "error":
            if answer.error.code == RESPONSE_TIMEOUT:
                raise Refusal("call_timeout")
            raise CallFailed(answer.error)
        return answer.payload

    def take(self, packet: models.DataPacket, sender_sid: str) -> bool:
        """Take a packet that answers a call of this server. Returns True for such a packet; it is not forwarded."""
        kind = packet.WhichOneof("value")
        if kind not in ("rpc_ack", "rpc_response"):
            return False
        number = packet.rpc_ack.request_id if kind == "rpc_ack" else packet.rpc_response.request_id
        waiting = self._waiting.get(number)
        if waiting is None or waiting.callee_sid != sender_sid:
            return False
        waiting.acknowledged.set()
        if kind == "rpc_response" and not waiting.answer.done():
            waiting.answer.set_result(packet.rpc_response)
        return True


def _request(callee: Participant, number: str, method: str, payload: str, timeout_s: float) -> Packet:
    """Return the request with the callee as its own sender: clients answer the sender, and refuse a call without a sender."""
    asked = models.RpcRequest(
        id=number, method=method, payload=payload, response_timeout_ms=int(timeout_s * 1000), version=1
    )
    to = callee.identity
    packet = models.DataPacket(kind="RELIABLE", participant_identity=to, destination_identities=[to], rpc_request=asked)
    return Packet(packet.SerializeToString(), frozenset({to}))
