"""The targets of a dial, and the addresses that lead to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from signaling.sip.agent.networks import Networks
from signaling.sip.agent.registrar import Binding
from signaling.sip.call.causes import Cause, Kind, of_response
from signaling.sip.dialog.core import Core
from signaling.sip.dialog.exchange import Exchange
from signaling.sip.ground import limits
from signaling.sip.transaction.transaction import Do
from signaling.sip.transaction.transport import PORTS, Hop, may_dial, orders, plain_address
from signaling.sip.wire.fields import Uri
from signaling.sip.wire.message import Request, Response

ORDER: Final = ("tls", "tcp", "udp")


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a dial. `binding`: a registered terminal; it is called at the source of its REGISTER."""

    uri: Uri
    transports: Sequence[str] = ORDER
    encrypted: bool = False
    """True if only TLS may be used."""
    binding: Binding | None = None
    networks: Networks | None = None
    """Only addresses in these networks are dialled. None: any permitted address."""


def find(
    core: Core, target: Target, found: Callable[[Sequence[Hop]], None], unknown: Callable[[], None] | None = None
) -> None:
    """Pass the hops to `found`, in order of preference. Every address is checked after the name is resolved.

    `unknown` is called in place of `found` if the name has no address.
    """
    if target.binding is not None:
        hop = target.binding.hop
        usable = hop.transport == "tls" or not target.encrypted
        found([hop] if usable and _is_inside(hop.host, target.networks) else [])
        return
    uri = target.uri
    names = orders([uri.transport] if uri.transport else target.transports, target.encrypted or uri.scheme == "sips")

    def resolved(hosts: Sequence[str]) -> None:
        if not hosts and unknown is not None:
            unknown()
            return
        places = [plain_address(host) for host in hosts[: limits.HOPS]]
        places = [host for host in places if may_dial(host, loopback=core.config.loopback)]
        places = [host for host in places if _is_inside(host, target.networks)]
        found([Hop(name, host, uri.port or PORTS[name], name=uri.host) for host in places for name in names])

    core.transports.resolve(uri.host, resolved) if uri.is_sip else found([])


def why_nowhere(target: Target) -> str:
    """Return the reason for an empty list of hops.

    - `needs_encryption`: the terminal registered without TLS
    - `network_open`: no address of the target is in the required networks
    - otherwise the host of the target
    """
    if target.binding is not None and target.encrypted and target.binding.hop.transport != "tls":
        return "needs_encryption"
    return "network_open" if target.networks is not None else str(target.uri.host)


def probe(core: Core, target: Target, done: Callable[[Cause | None, Response | None], None]) -> None:
    """Send OPTIONS to see whether the target answers. Every answer except 408 and 503 is a success (cause None)."""
    tag, call_id = core.token(), f"{core.token()}@{core.config.realm}"

    def send(hops: Sequence[Hop]) -> None:
        if not hops:
            done(Cause(Kind.FORBIDDEN_TARGET, detail=why_nowhere(target)), None)
            return
        hop, rest = hops[0], hops[1:]

        def lost(why: Do) -> None:
            send(rest) if rest else done(Cause(Kind.UNREACHABLE, detail=why.name.lower()), None)

        def answered(response: Response) -> None:
            if response.is_final:
                done(of_response(response) if response.status in {408, 503} else None, response)

        Exchange(core, lambda: _options(core, target, hop, tag, call_id), hop, answered, lost).start()

    find(core, target, send, lambda: done(Cause(Kind.UNREACHABLE, detail="unknown name"), None))


def _options(core: Core, target: Target, hop: Hop, tag: str, call_id: str) -> Request:
    made = Request(method="OPTIONS", uri=target.uri)
    local = core.address(hop, core.config.user).with_tag(tag)
    rows = [
        ("max-forwards", "70"),
        ("from", str(local)),
        ("to", f"<{target.uri}>"),
        ("call-id", call_id),
        ("cseq", "1 OPTIONS"),
    ]
    rows += [("contact", core.contact(hop)), ("accept", "application/sdp"), *core.capabilities()]
    made.headers.rows.extend(rows)
    return made


def _is_inside(host: str, networks: Networks | None) -> bool:
    return networks is None or plain_address(host) in networks
