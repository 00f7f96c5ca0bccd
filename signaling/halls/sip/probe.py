"""Whether a terminal is there, by one OPTIONS: where it may be asked, and what its answer says. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Final

from conference.halls.dialout import REASONS
from signaling.halls.dial.readiness import Ready
from signaling.halls.ground import limits
from signaling.sip.agent.networks import Networks
from signaling.sip.agent.targets import Target
from signaling.sip.call.causes import Cause, Kind
from signaling.sip.transaction.transport import PORTS
from signaling.sip.wire.message import Response

SIP_PORTS: Final = frozenset((0, *PORTS.values()))
"""Ports at which a typed address is asked by TCP or TLS whether a terminal is there; 0: the port of the transport."""


def typed_address(target: Target) -> str:
    """The literal address that is called; empty: a name, which is looked up before anything is sent."""
    if target.binding is not None:
        return target.binding.hop.host
    try:
        return str(ipaddress.ip_address(target.uri.host))
    except ValueError:
        return ""


def for_probe(target: Target, zones: Networks) -> Target | None:
    """Who is asked whether it is there. A terminal that has registered is asked where it registered. A typed address is asked
    only inside the zones of the register and by one transport: the one that it names, else UDP; by TCP and TLS at the ports of
    SIP alone. Else the readiness of a terminal would tell what runs at any port of any machine. None: it is not asked.
    """
    if target.binding is not None:
        return target
    named = target.uri.transport or ("tls" if target.uri.scheme == "sips" or target.encrypted else "udp")
    if named != "udp" and target.uri.port not in SIP_PORTS:
        return None
    networks = target.networks if target.networks is not None else zones
    address = typed_address(target)
    if address and address not in networks:
        return None
    return replace(target, transports=(named,), networks=networks)


def answered(cause: Cause | None, response: Response | None, took_s: float) -> Ready:
    """Of an answer to OPTIONS. Any answer is a sign of life; a slow or unwilling one is worth a look."""
    if cause is not None or response is None:
        if cause is not None and cause.kind is Kind.FORBIDDEN_TARGET and cause.detail in REASONS:
            return "red", cause.detail
        unknown = cause is not None and cause.kind in (Kind.NOT_FOUND, Kind.FORBIDDEN_TARGET)
        return "red", "unknown_there" if unknown else "unreachable"
    if response.status in (404, 410, 604):
        return "red", "unknown_there"
    if response.status in (486, 600):
        return "amber", "busy"
    if response.status >= 300:
        return "amber", "no_answer" if response.status == 480 else "unreachable"
    return ("amber", "slow") if took_s > limits.PROBE_SLOW_S else ("green", "")
