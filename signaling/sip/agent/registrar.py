"""The registrar (RFC 3261 section 10): accounts of the directory, and the bindings of their aliases to addresses.

The registrar owns the bindings and their expiry. `agent` has already proven the sender. A binding leads to the source address
of its REGISTER, never to another address in its Contact. Only the port may come from the Contact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from signaling.sip.agent.networks import Networks
from signaling.sip.dialog.digest import Algorithm
from signaling.sip.ground import limits
from signaling.sip.transaction.timers import Timer, Timers
from signaling.sip.transaction.transport import PORTS, Hop, plain_address, same_host
from signaling.sip.wire.fields import Address, Malformed, Uri, parameter, readable
from signaling.sip.wire.message import Request


@dataclass(frozen=True, slots=True)
class Account:
    """A terminal as the operator entered it."""

    alias: str
    secret: str = field(repr=False)
    """HA1 of (alias, realm, password) by `algorithm`: see `digest.ha1`."""
    networks: Networks
    algorithm: Algorithm = "MD5"
    behind_nat: bool = False
    """The Contact may name another address than the source of REGISTER. The source is used."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """Another server (CUCM, VCS, DMA, SMC) that may call without a digest. Its addresses identify it."""

    name: str
    networks: Networks


class Directory(Protocol):
    """Accounts and trunks, in memory. Every request needs them, so each method returns at once."""

    def account(self, alias: str) -> Account | None: ...
    def trunk(self, host: str) -> Trunk | None: ...
    def share(self, host: str) -> int:
        """Return the number of accounts that may use this address."""

    def algorithms(self) -> frozenset[Algorithm]:
        """Return the algorithms that any account uses."""


@dataclass(frozen=True, slots=True)
class Binding:
    alias: str
    contact: Uri
    hop: Hop
    call_id: str
    cseq: int
    until: float
    """Monotonic seconds."""
    user_agent: str = ""
    own_flow: bool = False
    """True if only the connection that the terminal opened leads to the terminal."""


class Unacceptable(Exception):
    """A REGISTER with correct syntax that gets `status` as its answer."""

    def __init__(self, status: int, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(f"register: {status}")
        self.status = status
        self.headers = headers


class Registrar:
    """The bindings. `changed(alias, binding or None)` is called when an alias gets its first binding, loses its last one, or
    has another address.

    `changed` is also called for a terminal that restarted: it then has another Call-ID (RFC 3261 section 10.2).
    """

    def __init__(self, timers: Timers, changed: Callable[[str, Binding | None], None]) -> None:
        self._timers = timers
        self._changed = changed
        self._bindings: dict[str, list[Binding]] = {}
        self._timer: Timer | None = None
        self._count = 0
        self.noted: Callable[[str], None] = lambda alias: None
        """Called with the alias after each registration, refresh and end of bindings."""
        self.hosts: Counter[str] = Counter()
        """The number of bindings by address."""

    def __len__(self) -> int:
        return self._count

    def find(self, alias: str) -> Binding | None:
        """Return the newest binding that has not run out."""
        living = self.all(alias)
        return living[-1] if living else None

    def all(self, alias: str) -> list[Binding]:
        now = self._timers.now()
        return [one for one in self._bindings.get(alias, ()) if one.until > now]

    def aliases(self) -> list[str]:
        return [alias for alias in self._bindings if self.all(alias)]

    def holds(self, hop: Hop, alias: str = "") -> bool:
        """Report whether a live binding (of `alias`, or of any alias) came from exactly this hop."""
        if hop.host not in self.hosts:
            return False
        now = self._timers.now()
        found = self._bindings.get(alias, []) if alias else [one for rows in self._bindings.values() for one in rows]
        return any(one.hop.host == hop.host and one.until > now and _same_place(one.hop, hop) for one in found)

    def register(self, account: Account, request: Request, hop: Hop) -> list[tuple[str, str]]:
        """Take a proven REGISTER and return the fields of its 200.

        Raises Unacceptable or Malformed, and then changes nothing.
        """
        if request.headers.all("contact") == ["*"]:
            if request.seconds("expires") != 0:
                raise Unacceptable(400)
            self._check_order(account.alias, request)
            self._set(account.alias, [])
            return []
        wanted = [self._wanted(account, contact, request, hop) for contact in request.contacts]
        self._check_order(account.alias, request)
        rows = self.all(account.alias)
        for binding in wanted:
            rows = [one for one in rows if one.contact != binding.contact]
            if binding.until > self._timers.now():
                rows.append(binding)
        if len(rows) > limits.BINDINGS_PER_ALIAS:
            rows = rows[-limits.BINDINGS_PER_ALIAS :]
        if self._count - len(self._bindings.get(account.alias, ())) + len(rows) > limits.BINDINGS:
            raise Unacceptable(503)
        self._set(account.alias, rows)
        return self._listed(account.alias)

    def restore(self, bindings: Iterable[Binding]) -> None:
        """Take the bindings that the earlier process stored, the newest of an alias last. Bindings with `own_flow` are left
        out.

        A binding of a connection continues at the port of its Contact. If no terminal answers there, its next REGISTER repairs
        the binding.
        """
        for one in bindings:
            if one.own_flow or self._count >= limits.BINDINGS:
                continue
            self._bindings.setdefault(one.alias, []).append(
                replace(one, hop=_by_contact(one)) if one.hop.reliable else one
            )
            self._count += 1
            self.hosts[one.hop.host] += 1
        self._arm()

    def disconnected(self, flow: int) -> None:
        """Move the bindings of a connection that ended to the port of their Contact.

        Bindings with `own_flow` are removed.
        """
        for alias, rows in list(self._bindings.items()):
            if any(one.hop.flow == flow for one in rows):
                self._bindings[alias] = [
                    replace(one, hop=_by_contact(one)) if one.hop.flow == flow and not one.own_flow else one
                    for one in rows
                ]
                if any(one.hop.flow == flow for one in self._bindings[alias]):
                    self._set(alias, [one for one in self._bindings[alias] if one.hop.flow != flow])

    def remove(self, alias: str) -> None:
        """Remove all bindings of an account that was deleted."""
        self._set(alias, [])

    def _wanted(self, account: Account, contact: Address, request: Request, hop: Hop) -> Binding:
        seconds = _expires(contact, request)
        if 0 < seconds < limits.EXPIRES_LEAST_S:
            raise Unacceptable(423, (("min-expires", str(limits.EXPIRES_LEAST_S)),))
        seconds = min(seconds, limits.EXPIRES_MOST_S)
        uri = contact.uri
        if not uri.is_sip:
            raise Unacceptable(400)
        if not (account.behind_nat or same_host(plain_address(uri.host), hop.host)):
            raise Unacceptable(403)
        if not hop.reliable and not account.behind_nat:
            hop = replace(hop, port=uri.port or PORTS["udp"])
        until = self._timers.now() + seconds
        agent = readable(request.headers.get("user-agent"))[:256]  # database rows and pages need UTF-8
        own_flow = account.behind_nat and hop.reliable
        contact_uri, number = uri.without_headers(), request.cseq[0]
        return Binding(account.alias, contact_uri, hop, request.call_id, number, until, agent, own_flow)

    def _check_order(self, alias: str, request: Request) -> None:
        """Refuse an older REGISTER that arrives late. Section 10.3 step 7."""
        if any(one.call_id == request.call_id and one.cseq >= request.cseq[0] for one in self.all(alias)):
            raise Unacceptable(500)

    def _set(self, alias: str, rows: list[Binding]) -> None:
        before = self._bindings.pop(alias, [])
        self._count += len(rows) - len(before)
        self.hosts.update(one.hop.host for one in rows)
        self.hosts -= Counter(one.hop.host for one in before)
        if rows:
            self._bindings[alias] = rows
            self._arm()
        self.noted(alias)
        if bool(rows) != bool(before) or (rows and before and _is_another(rows[-1], before[-1])):
            self._changed(alias, rows[-1] if rows else None)

    def _listed(self, alias: str) -> list[tuple[str, str]]:
        now = self._timers.now()
        return [("contact", f"<{one.contact}>;expires={max(0, int(one.until - now))}") for one in self.all(alias)]

    def _arm(self) -> None:
        due = min((one.until for rows in self._bindings.values() for one in rows), default=None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer = self._timers.after(max(1.0, due - self._timers.now()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        for alias in list(self._bindings):
            living = self.all(alias)
            if len(living) != len(self._bindings[alias]):
                self._set(alias, living)
        self._arm()


def _expires(contact: Address, request: Request) -> int:
    text = parameter(contact.parameters, "expires")
    if text is not None and text.isascii() and text.isdigit():
        return min(int(text[:12]), 2**32 - 1)
    try:
        seconds = request.seconds("expires")
    except Malformed:
        seconds = None
    return limits.EXPIRES_DEFAULT_S if seconds is None else seconds


def _same_place(one: Hop, other: Hop) -> bool:
    if one.reliable or other.reliable:
        return one.flow == other.flow and one.transport == other.transport
    return one.port == other.port


def _is_another(one: Binding, before: Binding) -> bool:
    return (one.hop, one.call_id) != (before.hop, before.call_id)


def _by_contact(binding: Binding) -> Hop:
    hop = binding.hop
    return Hop(hop.transport, hop.host, binding.contact.port or PORTS[hop.transport])
