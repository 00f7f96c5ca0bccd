"""Deliveries of webhooks. A delivery is one signed POST, with limits of time and size, and a log entry.

The name of the receiver is resolved once, and the POST goes to exactly this IP address. Redirects are not followed. So a
receiver cannot lead the server to an address that `targets.resolve` refuses.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.sealing import Seal, SealBroken
from rooms.store import webhooks
from rooms.store.database import Database
from rooms.store.tables.records import Delivery, Webhook
from signaling.notify import limits, targets
from signaling.notify.worker import GiveUp, Later

if TYPE_CHECKING:  # a heavy import: each method imports it when needed
    import httpx2


@dataclass(frozen=True)
class Order:
    """The data for one delivery. `tries`: the earlier tries."""

    delivery_id: str
    url: str
    secret: str
    body: bytes
    tries: int


class Deliverer:
    """The handler of the jobs `webhook.deliver`."""

    def __init__(
        self,
        database: Database,
        seal: Seal,
        private_ranges: Sequence[str] = (),
        lookup: targets.Lookup = targets.system_lookup,
    ) -> None:
        self._database = database
        self._seal = seal
        self._allowed = [ipaddress.ip_network(one) for one in private_ranges]
        self._lookup = lookup

    async def deliver(self, payload: dict[str, Any], now: datetime) -> None:
        order = await self._database.transact(lambda s: self._order(s, str(payload["delivery_id"])))
        if order is None:
            return
        status, error = await self._post(order, now)
        await self._database.transact(lambda s: self._log(s, order, status, error, now))
        if 200 <= status < 300:
            return
        # Status 410 (Gone): the receiver wants no further tries.
        if status == 410 or order.tries + 1 >= limits.WEBHOOK_TRIES:
            raise GiveUp(error or f"status {status}")
        wait_s = limits.WEBHOOK_RETRY_S[min(order.tries, len(limits.WEBHOOK_RETRY_S) - 1)]
        raise Later(error or f"status {status}", wait_s)

    async def _order(self, session: AsyncSession, delivery_id: str) -> Order | None:
        delivery = await session.get(Delivery, delivery_id)
        webhook = await session.get(Webhook, delivery.webhook_id) if delivery else None
        if delivery is None or webhook is None or not webhook.active:
            return None
        try:
            secret = self._seal.open(webhook.secret, webhooks.about(webhook.id))
        except SealBroken as error:
            raise GiveUp("the secret of the webhook cannot be unsealed") from error
        return Order(delivery.id, webhook.url, secret, delivery.body.encode(), len(delivery.tries))

    async def _post(self, order: Order, now: datetime) -> tuple[int, str]:
        """Return (status, error text). Status 0 means no answer."""
        import httpx2

        try:
            url = httpx2.URL(order.url)
            port = url.port or (443 if url.scheme == "https" else 80)
            address = await targets.resolve(url.host, port, self._allowed, self._lookup)
            return await self._exchange(order, url, address, now)
        except targets.TargetRefused as error:
            return 0, f"refused: {error}"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return 0, type(error).__name__

    async def _exchange(self, order: Order, url: httpx2.URL, address: str, now: datetime) -> tuple[int, str]:
        import httpx2

        headers = {
            "host": url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "diemcau",
            "webhook-id": order.delivery_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": webhooks.sign(order.secret, order.delivery_id, now, order.body),
        }
        timeout = httpx2.Timeout(limits.WEBHOOK_WAIT_S, connect=limits.WEBHOOK_CONNECT_S)
        async with httpx2.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client:
            pinned = url.copy_with(host=address)
            request = client.build_request(
                "POST", pinned, content=order.body, headers=headers, extensions={"sni_hostname": url.host}
            )
            answer = await client.send(request, stream=True)
            try:
                read = 0
                async for chunk in answer.aiter_raw():
                    read += len(chunk)
                    if read > limits.WEBHOOK_ANSWER_BYTES:
                        break
            finally:
                await answer.aclose()
        if 300 <= answer.status_code < 400:
            return answer.status_code, "redirects are not followed"
        return answer.status_code, ""

    async def _log(self, session: AsyncSession, order: Order, status: int, error: str, now: datetime) -> None:
        delivery = await session.get(Delivery, order.delivery_id)
        if delivery is None:
            return
        tried = {"at": now.isoformat(), "status": status, "error": error[: limits.WEBHOOK_ERROR_CHARACTERS]}
        delivery.tries = [*delivery.tries, tried][-limits.WEBHOOK_TRIES * 4 :]
        if 200 <= status < 300 and delivery.delivered_at is None:
            delivery.delivered_at = now
