"""The probe of a terminal by one OPTIONS: the address that may be asked, and the meaning of the answer. Pure."""

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
"""The ports at which a typed address may be probed by TCP or TLS. 0: the default port of the transport."""


def typed_address(target: Target) -> str:
    """Return the IP address that is called. Empty: the target is a name, which is resolved before the call."""
    if target.binding is not None:
        return target.binding.hop.host
    try:
        return str(ipaddress.ip_address(target.uri.host))
    except ValueError:
        return ""


def for_probe(target: Target, zones: Networks) -> Target | None:
    """Return the target that may be probed, or None if the terminal must not be probed.

    A registered terminal is probed where it registered. A typed address is probed only inside the zones of the register and by
    one transport: the transport that it names, else UDP. TCP and TLS are used only at the ports of SIP. Without these limits
    the readiness of a terminal would tell an attacker which ports are open on any machine.
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


def answered(cause: Cause | None, response: Response | None, took_s: float, *, closed: bool = True) -> Ready:
    """Return the readiness that an answer to OPTIONS means. `closed`: the meeting admits only terminals in closed networks.

    No answer, 408, 503 and "not found" (404, 410, 604) are red. A slow answer and every other refusal are amber. So is an
    address outside the zones of the register, unless the meeting itself refuses it.
    """
    if cause is not None or response is None:
        if cause is not None and cause.detail == "network_open" and not closed:
            return "amber", "outside_zones"
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
