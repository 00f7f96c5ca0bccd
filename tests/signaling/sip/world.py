"""Agents in memory, with a clock that tests set and a seeded lossy link. Terminals and their users record the events."""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from signaling.sip.agent.agent import Agent
from signaling.sip.agent.bans import MemoryBans
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.registrar import Account, Binding, Trunk
from signaling.sip.agent.subscription import Subscription
from signaling.sip.agent.targets import Target
from signaling.sip.call.call import Call
from signaling.sip.call.causes import Cause
from signaling.sip.call.events import Refused
from signaling.sip.dialog.core import Config
from signaling.sip.dialog.digest import Algorithm, Credentials, ha1
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import Address, read_uri
from signaling.sip.wire.message import Request, Response, parse
from tests.clock import Clock

REALM = "halls.example"
OFFER, ANSWER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n", b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\n"


@dataclass
class Link:
    """A link that loses, doubles and delays datagrams. It loses streams only to the places in `down`."""

    loss: float = 0.0
    double: float = 0.0
    delay_s: tuple[float, float] = (0.005, 0.02)
    down: set[str] = field(default_factory=set)
    """Each `transport:host` where nothing listens."""


class World:
    def __init__(self, seed: int = 1, link: Link | None = None) -> None:
        self.clock = Clock()
        self.chance = random.Random(seed)
        self.link = link or Link()
        self.nodes: dict[str, Node] = {}
        self.flying: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self.wire: list[tuple[str, str, bytes]] = []
        """The sender, the receiver and the bytes of each sent message."""
        self.last_arrival: dict[tuple[str, str], float] = {}

    def fly(self, source: str, hop: Hop, data: bytes) -> None:
        self.wire.append((source, hop.host, data))
        reliable = hop.reliable
        if f"{hop.transport}:{hop.host}" in self.link.down or hop.host not in self.nodes:
            if reliable and source in self.nodes:
                self.at(0.01, lambda: self.nodes[source].agent.unreachable(hop))
            return
        times = 1 if reliable else (self.chance.random() >= self.link.loss) + (self.chance.random() < self.link.double)
        for _ in range(times):
            delay = self.chance.uniform(*self.link.delay_s)
            if reliable:  # streams arrive in order
                key = source, str(hop)
                delay = max(delay, self.last_arrival.get(key, 0.0) - self.clock.monotonic() + 1e-6)
                self.last_arrival[key] = self.clock.monotonic() + delay
            self.at(delay, lambda: self.deliver(hop, data, source))

    def deliver(self, hop: Hop, data: bytes, source: str) -> None:
        if hop.host in self.nodes:
            self.nodes[hop.host].take(data, Hop(hop.transport, source, 5060))

    def at(self, delay: float, call: Callable[[], None]) -> None:
        heapq.heappush(self.flying, (self.clock.monotonic() + delay, next(self._order), call))

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Move the clock from event to event."""
        end = self.clock.monotonic() + seconds
        for _ in range(200_000):
            if until():
                return
            due = [node.agent.next_due for node in self.nodes.values()]
            times = [one for one in due if one is not None] + [row[0] for row in self.flying[:1]]
            moment = min(times, default=end + 1)
            if moment > end:
                self.clock.move_to(end)
                return
            self.clock.move_to(moment)
            while self.flying and self.flying[0][0] <= self.clock.monotonic():
                heapq.heappop(self.flying)[2]()
            for node in list(self.nodes.values()):
                node.agent.advance()
        raise AssertionError("it never comes to rest")

    def sent(self, source: str, what: str) -> list[Request | Response]:
        """Return one node's parsed messages whose start line begins with this text."""
        return [parse(data) for who, _, data in self.wire if who == source and data.startswith(what.encode())]


class Rooms:
    """A directory of accounts and trunks."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.trunks: list[Trunk] = []

    def add(
        self, alias: str, password: str, networks: Sequence[str], algorithm: Algorithm = "MD5", nat: bool = False
    ) -> None:
        secret = ha1(algorithm, alias, REALM, password)
        self.accounts[alias] = Account(alias, secret, Networks(networks), algorithm, nat)

    def account(self, alias: str) -> Account | None:
        return self.accounts.get(alias)

    def trunk(self, host: str) -> Trunk | None:
        return next((one for one in self.trunks if host in one.networks), None)

    def share(self, host: str) -> int:
        return sum(host in one.networks for one in self.accounts.values())

    def algorithms(self) -> frozenset[Algorithm]:
        return frozenset(one.algorithm for one in self.accounts.values())


class User:
    """A user that records the events of calls, and answers as the test sets it."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []
        self.reply: bytes | Refused = ANSWER
        self.calls: list[Call] = []
        self.on_incoming: Callable[[Call], None] = lambda call: call.accept(ANSWER)
        self.bans: list[str] = []
        self.bindings: dict[str, Binding | None] = {}
        self.subscriptions: list[Subscription] = []

    def names(self) -> list[object]:
        return [row[0] for row in self.seen]

    @property
    def cause(self) -> Cause:
        found = next(row[1] for row in self.seen if row[0] == "ended")
        assert isinstance(found, Cause)
        return found

    def incoming(self, call: Call) -> "User":
        self.calls.append(call)
        self.seen.append(("incoming", call.offer))
        self.on_incoming(call)
        return self

    def subscribed(self, subscription: Subscription) -> "User":
        self.subscriptions.append(subscription)
        return self

    def registered(self, alias: str, binding: Binding | None) -> None:
        self.bindings[alias] = binding

    def banned(self, subject: str, until: float, reason: str) -> None:
        self.bans.append(subject)

    def ringing(self, call: Call, body: bytes) -> None:
        self.seen.append(("ringing", body))

    def answered(self, call: Call, body: bytes) -> None:
        self.seen.append(("answered", body))

    def reoffered(self, call: Call, body: bytes) -> bytes | Refused:
        self.seen.append(("reoffered", body))
        return self.reply

    def renegotiated(self, call: Call, body: bytes, status: int) -> None:
        self.seen.append(("renegotiated", body, status))

    def info(self, call: Call, content_type: str, body: bytes) -> int:
        self.seen.append(("info", content_type, body))
        return 200

    def dtmf(self, call: Call, digit: str, duration_ms: int) -> None:
        self.seen.append(("dtmf", digit, duration_ms))

    def ended(self, call: Call, cause: Cause) -> None:
        self.seen.append(("ended", cause))

    def refreshed(self, subscription: Subscription) -> None:
        self.seen.append(("refreshed", subscription.package))
        subscription.notify("application/conference-info+xml", b"<conference-info/>")

    def unsubscribed(self, subscription: Subscription) -> None:
        self.seen.append(("unsubscribed", subscription.package))


class Node:
    """An agent at an address of the world. The class implements `Transports`."""

    def __init__(
        self, world: World, host: str, *, networks: Sequence[str] = ("192.0.2.0/24",), **settings: Any
    ) -> None:
        self.world = world
        self.host = host
        self.user = User()
        self.rooms = Rooms()
        self.names: dict[str, list[str]] = {}
        self.drops = 0
        self.bans = MemoryBans()
        world.nodes[host] = self
        config = Config(REALM, b"key of " + host.encode(), **settings)
        self.agent = Agent(config, self, world.clock, world.chance.randbytes, self.user, self.rooms, self.bans)
        self.agent.allow(Networks(networks))

    def trusts(self, *hosts: str) -> None:
        self.rooms.trunks.append(Trunk("trunk", Networks(hosts)))

    def take(self, data: bytes, hop: Hop) -> None:
        self.drops += not self.agent.receive(data, hop)
        assert self.agent.core.defects == 0, "a defect was caught"

    # Transports

    def send(self, hop: Hop, data: bytes) -> None:
        self.world.fly(self.host, hop, data)

    def local(self, hop: Hop) -> tuple[str, int]:
        return self.host, 5060

    def resolve(self, name: str, done: Callable[[Sequence[str]], None]) -> None:
        done(self.names.get(name, [name] if name[:1].isdigit() or ":" in name else []))

    # actions of tests

    def dial(
        self,
        uri: str,
        offer: bytes = OFFER,
        *,
        transports: Sequence[str] = ("udp",),
        credentials: Credentials | None = None,
        binding: Binding | None = None,
        call_id: str = "leg-1",
    ) -> Call:
        target = Target(read_uri(uri), transports, binding=binding)
        caller = Address(read_uri(f"sip:{self.host.replace('.', '-')}@{REALM}"))
        return self.agent.dial(target, offer, self.user, call_id=call_id, credentials=credentials, caller=caller)

    def quiet(self) -> bool:
        """Report whether the agent holds no calls, transactions, peers or timers."""
        core = self.agent.core
        return not (self.agent.calls or len(core.transactions) or len(self.agent._peers) or len(core.timers))


def remembered(agent: Agent) -> int:
    """Return how many sources the agent remembers: rates, failures, open challenges."""
    return len(agent._rates) + len(agent.bans._failures) + len(agent._authentication.challenges)


A, B = "192.0.2.1", "192.0.2.2"


def pair(seed: int = 1, link: Link | None = None, **settings: Any) -> tuple[World, Node, Node]:
    """Return two agents that know each other as trunks."""
    world = World(seed, link)
    one, other = Node(world, A, **settings), Node(world, B, **settings)
    one.trusts(B)
    other.trusts(A)
    return world, one, other
