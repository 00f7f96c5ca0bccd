"""Dialogs, RFC 3261 section 12: the values by which both sides relate later requests to a call.

A dialog owns tags, CSeq numbers, route set and remote target. It writes the requests inside the dialog, which are sent to the
peer's `hop`. A Contact or Record-Route changes only header fields, and a Contact the port. So no peer can make us send to
another address.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from signaling.sip.ground import limits
from signaling.sip.transaction.transport import PORTS, Hop, plain_address, same_host
from signaling.sip.wire.fields import Address, Malformed, Uri, write_host
from signaling.sip.wire.message import Request, Response


@dataclass(eq=False)
class Dialog:
    call_id: str
    local: Address
    """Our address, with our tag."""
    remote: Address
    """The other side, with its tag as soon as there is one."""
    target: Uri
    hop: Hop
    routes: list[Address] = field(default_factory=list)
    cseq: int = 0
    """The CSeq of our last request."""
    remote_cseq: int = -1

    def request(self, method: str, contact: str = "", *, cseq: int = 0) -> Request:
        """Return our next request, without Via. With `cseq` it takes the number of an earlier request (for ACK)."""
        if not cseq:
            self.cseq += 1
        uri, routes = self.way()
        made = Request(method=method, uri=uri)
        made.headers.add("max-forwards", "70")
        made.headers.add("route", *(str(route) for route in routes))
        made.headers.add("from", str(self.local))
        made.headers.add("to", str(self.remote))
        made.headers.add("call-id", self.call_id)
        made.headers.add("cseq", f"{cseq or self.cseq} {method}")
        if contact:
            made.headers.add("contact", contact)
        return made

    def way(self) -> tuple[Uri, list[Address]]:
        """Return request URI and Route, section 12.2.1.1. A first route without `lr` is a strict route."""
        if not self.routes or any(name == "lr" for name, _ in self.routes[0].uri.parameters):
            return self.target, self.routes
        return self.routes[0].uri.without_headers(), [*self.routes[1:], Address(self.target)]

    def next_in_order(self, request: Request) -> bool:
        """Take the CSeq of their request. Return False if the request is older than an earlier one (answer 500)."""
        if request.cseq[0] <= self.remote_cseq:
            return False
        self.remote_cseq = request.cseq[0]
        return True

    def refresh(self, contacts: list[Address]) -> None:
        """Take the remote target from a re-INVITE, an UPDATE, or the answer to one."""
        if contacts and contacts[0].uri.is_sip:
            self.target = contacts[0].uri.without_headers()
            self.hop = place(self.target, self.hop)


def place(target: Uri, hop: Hop) -> Hop:
    """Return the hop for further requests to a peer that was reached at `hop`.

    The peer's Contact may name another port, but never another address.
    """
    if hop.flow or not same_host(plain_address(target.host), hop.host) or target.transport not in {"", hop.transport}:
        return hop
    return replace(hop, port=target.port or PORTS[hop.transport])


def from_request(request: Request, tag: str, hop: Hop) -> Dialog:
    """Return our dialog after their INVITE or SUBSCRIBE. Raises Malformed unless there is exactly one Contact, or with too many
    routes.
    """
    contact = single_contact(request)
    routes = request.addresses("record-route")
    if len(routes) > limits.ROUTES:
        raise Malformed("too many routes")
    made = Dialog(request.call_id, plain(request.to).with_tag(tag), plain(request.from_), contact.uri, hop, routes)
    made.remote_cseq = request.cseq[0]
    made.refresh([contact])
    return made


def from_response(request: Request, response: Response, hop: Hop) -> Dialog:
    """Return our dialog after the answer to our INVITE or SUBSCRIBE. Raises Malformed in the same cases."""
    contact = single_contact(response)
    routes = response.addresses("record-route")[::-1]
    if len(routes) > limits.ROUTES:
        raise Malformed("too many routes")
    made = Dialog(request.call_id, plain(request.from_), plain(response.to), contact.uri, hop, routes, request.cseq[0])
    made.refresh([contact])
    return made


def single_contact(message: Request | Response) -> Address:
    contacts = message.contacts
    if len(contacts) != 1 or not contacts[0].uri.is_sip:
        raise Malformed("exactly one Contact is required")
    return contacts[0]


def plain(address: Address) -> Address:
    """Keep only the URI, the display name and the tag; RFC 3261 section 12.1.1 takes no other parameter."""
    kept = tuple(pair for pair in address.parameters if pair[0] == "tag")
    return replace(address, parameters=kept)


def contact_uri(scheme: str, user: str, host: str, port: int, transport: str) -> Uri:
    parameters = (("transport", transport),) if transport != "udp" and scheme == "sip" else ()
    return Uri(scheme, user, host, port, parameters)


def sent_by(host: str, port: int) -> str:
    return f"{write_host(host)}:{port}"
