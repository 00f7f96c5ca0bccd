"""The subscriptions of the user agent: their begin, refresh and end (RFC 6665). `subscription` holds a single subscription."""

from __future__ import annotations

import logging
from collections.abc import Callable

from signaling.sip.agent.peers import Peers
from signaling.sip.agent.subscription import Subscription, SubscriptionEvents
from signaling.sip.call.call import Call
from signaling.sip.dialog.core import Core
from signaling.sip.dialog.dialog import from_request
from signaling.sip.ground import limits
from signaling.sip.transaction.transaction import ServerTransaction
from signaling.sip.transaction.transport import Hop, same_host
from signaling.sip.wire.fields import Malformed, readable
from signaling.sip.wire.message import Request, answer

log = logging.getLogger(__name__)


class Subscriptions:
    """The subscriptions. `subscribed` returns the user of a new subscription, or None to refuse it (403)."""

    def __init__(
        self, core: Core, peers: Peers, subscribed: Callable[[Subscription], SubscriptionEvents | None]
    ) -> None:
        self._core = core
        self._peers = peers
        self._subscribed = subscribed
        self._by_dialog: dict[tuple[str, str, str], Subscription] = {}
        """The subscriptions by Call-ID, our tag and package."""

    def subscribe(self, request: Request, hop: Hop, served: ServerTransaction, name: str, call: Call | None) -> None:
        """Begin a subscription in a dialog of its own, or in the dialog of `call`. `name`: the proven alias."""
        package = _package(request)
        if package not in self._core.config.packages:
            self._core.answer(served, 489, [("allow-events", ", ".join(self._core.config.packages) or "none")])
            return
        if call is not None and (existing := self._by_dialog.get((call.call_id, call.local.tag, package))):
            self._extend(existing, request, served)
            return
        mine = sum(one.host == hop.host for one in self._by_dialog.values())
        if len(self._by_dialog) >= limits.SUBSCRIPTIONS or mine >= limits.SUBSCRIPTIONS_PER_SOURCE:
            self._core.answer(served, 503, [("retry-after", "60")])
            return
        try:
            dialog = call.dialog if call and call.dialog else from_request(request, self._core.token(), hop)
        except Malformed:
            self._core.answer(served, 400)
            return
        event = readable(request.headers.get("event"))[:256]
        made = Subscription(self._core, dialog, package, event, name, request.uri.alias, self._ended)
        made.events = self._ask(made)
        if made.events is None:
            self._core.answer(served, 403)
            return
        self._by_dialog[dialog.call_id, dialog.local.tag, package] = made
        if call is None:
            self._peers.add([hop.host])
            made.counted = True
        self._extend(made, request, served)

    def find(self, request: Request, hop: Hop) -> Subscription | None:
        """Return the subscription of a SUBSCRIBE in a dialog outside of a call, or None."""
        found = self._by_dialog.get((request.call_id, request.to.tag, _package(request)))
        if found is None or request.method != "SUBSCRIBE" or not same_host(found.host, hop.host):
            return None
        return found if found.dialog.remote.tag == request.from_.tag else None

    def renew(self, one: Subscription, request: Request, served: ServerTransaction) -> None:
        if one.dialog.next_in_order(request):
            self._extend(one, request, served)
        else:
            self._core.answer(served, 500, [("retry-after", "1")])

    def close(self) -> None:
        for one in list(self._by_dialog.values()):
            one.end("deactivated")

    def _ask(self, made: Subscription) -> SubscriptionEvents | None:
        try:
            return self._subscribed(made)
        except Exception:
            log.exception("a subscription could not be handled")
            self._core.defects += 1
            return None

    def _extend(self, one: Subscription, request: Request, served: ServerTransaction) -> None:
        asked = request.seconds("expires")
        seconds = limits.SUBSCRIPTION_S if asked is None else min(asked, limits.SUBSCRIPTION_S)
        headers = [("expires", str(seconds)), ("contact", self._core.contact(served.hop))]
        self._core.transactions.answer(served, answer(request, 200, tag=one.dialog.local.tag, headers=headers))
        if seconds == 0:
            one.end("timeout")
            return
        one.extend(seconds)
        if one.events is not None:
            one.events.refreshed(one)

    def _ended(self, one: Subscription) -> None:
        self._by_dialog.pop((one.dialog.call_id, one.dialog.local.tag, one.package), None)
        if one.counted:
            self._peers.remove(one.host)


def _package(request: Request) -> str:
    return request.headers.get("event").partition(";")[0].strip().lower()
