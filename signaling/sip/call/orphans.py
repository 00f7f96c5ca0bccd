"""The end of calls of a server that died. A terminal stays in such a call, and would take the next call as a second call.

An answered call gets BYE. For an unanswered call only our own requests are known: it gets CANCEL. A 2xx to it gets ACK and BYE
(RFC 3261 section 13.2.2.4), because the terminal repeats the 2xx until the ACK. This module knows no legs and no terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from signaling.sip.dialog.core import Core
from signaling.sip.dialog.dialog import Dialog, plain
from signaling.sip.dialog.exchange import Exchange, branch_of
from signaling.sip.ground import limits
from signaling.sip.transaction.transport import Hop, same_host
from signaling.sip.wire.fields import Address, Malformed, Uri
from signaling.sip.wire.message import Request, Response

Done = Callable[[bool], None]
"""The callback: True if the other side was reached, or if nothing more can be learned about it."""
CANCELS: Final = (0.0, 0.5, 1.5, 3.5)
"""To end a ringing call of a server that died, CANCEL is sent at each of these seconds after the first. The gaps are T1 (0.5
s), doubled each time, as for a request without an answer. More: the terminal is reached after a longer loss of the network.
Fewer: a few lost datagrams leave the terminal in its call.
"""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The facts of a call that were stored for the next server. `remote` without a tag: no answer had arrived.

    `branch`: the beginning of the branches of its INVITEs.
    """

    call_id: str
    local: Address
    remote: Address
    target: Uri
    hop: Hop | None = None
    """The address of the other side. None: `target` gives the address."""
    routes: tuple[Address, ...] = ()
    cseq: int = 0
    branch: str = ""

    @property
    def answered(self) -> bool:
        return self.remote.tag != ""


@dataclass(eq=False)
class Ending:
    """A call that is being ended. It is remembered for the time in which a terminal may repeat its answer."""

    record: CallRecord
    hosts: frozenset[str]
    done: Done | None
    tags: set[str] = field(default_factory=set)
    """The tags of the other side that were guessed from answers to CANCEL."""

    def finish(self, reached: bool) -> None:
        done, self.done = self.done, None
        if done is not None:
            done(reached)


class Orphans:
    """The calls of a dead server, while they are ended; at most `DIALOGS`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[tuple[str, str], Ending] = {}

    def end(self, record: CallRecord, hops: Sequence[Hop], done: Done) -> None:
        """End the call. `hops`: its possible addresses; only an unanswered call has more than one. `done` is called later."""
        key = record.call_id, record.local.tag
        if not hops or (len(self._known) >= limits.DIALOGS and key not in self._known):
            self._core.timers.after(0.0, lambda: done(False))
            return
        one = self._known[key] = Ending(record, frozenset(hop.host for hop in hops), done)
        self._core.timers.after(self._core.config.timing.whole, lambda: self._forget(key, one))
        if record.answered:
            self._core.timers.after(limits.ORPHAN_BYE_S, lambda: one.finish(False))
            self._bye(one, _dialog(record, hops[0]))
            return
        self._core.timers.after(limits.ORPHAN_CANCEL_S, lambda: one.finish(True))
        for hop, number in _ways(hops):
            for after_s in CANCELS:
                self._core.timers.after(after_s, lambda hop=hop, number=number: self._cancel(one, hop, number))  # type: ignore[misc]

    def stray(self, response: Response, hop: Hop) -> None:
        """Take an answer that belongs to no transaction of ours. It may belong to a call of the dead server."""
        try:
            number, method = response.cseq
            one = self._known.get((response.call_id, response.from_.tag))
        except Malformed:
            return
        if one is None or response.status < 200 or not any(same_host(host, hop.host) for host in one.hosts):
            return
        if method == "CANCEL":
            self._guess(one, response, number, hop)
        elif method != "INVITE":
            return
        elif response.status >= 300:
            self._core.post(_refusal_taken(one.record, response, number), hop)
            one.finish(True)
        else:
            self._leave(one, response, number, hop)

    def _guess(self, one: Ending, response: Response, number: int, hop: Hop) -> None:
        """Send BYE with the tag from an answer to CANCEL, which is the tag of the INVITE (section 9.2).

        If the terminal had answered and the answer was lost with its connection, BYE ends the call. If the terminal only rang,
        BYE finds no dialog, and a 487 arrives.
        """
        tag = response.to.tag
        if (
            one.done is None
            or response.status >= 300
            or not tag
            or tag in one.tags
            or len(one.tags) >= limits.ORPHAN_HOPS
        ):
            return
        one.tags.add(tag)
        cseq = number + limits.ORPHAN_CSEQ
        dialog = Dialog(one.record.call_id, one.record.local, plain(response.to), one.record.target, hop, cseq=cseq)

        def answered(answer: Response) -> None:
            if 200 <= answer.status < 300:
                one.finish(True)

        Exchange(self._core, lambda: dialog.request("BYE"), hop, answered, lambda _: None).start()

    def _leave(self, one: Ending, response: Response, number: int, hop: Hop) -> None:
        """Send ACK and BYE for a 2xx that arrived after the server died."""
        try:
            routes = response.addresses("record-route")[::-1][: limits.ROUTES]
            contacts = response.contacts
        except Malformed:
            routes, contacts = [], []
        target = contacts[0].uri if contacts and contacts[0].uri.is_sip else one.record.target
        dialog = Dialog(one.record.call_id, one.record.local, plain(response.to), target, hop, routes, number)
        dialog.refresh(contacts)
        self._core.post(dialog.request("ACK", cseq=number), dialog.hop)
        self._bye(one, dialog)

    def _bye(self, one: Ending, dialog: Dialog) -> None:
        def answered(response: Response) -> None:
            if response.is_final:
                one.finish(True)

        Exchange(self._core, lambda: dialog.request("BYE"), dialog.hop, answered, lambda _: one.finish(False)).start()

    def _cancel(self, one: Ending, hop: Hop, number: int) -> None:
        if one.done is None:
            return
        record, made = one.record, Request(method="CANCEL", uri=one.record.target)
        rows = [
            ("max-forwards", "70"),
            ("from", str(record.local)),
            ("to", str(record.remote)),
            ("call-id", record.call_id),
        ]
        made.headers.rows.extend([("via", self._core.via(hop, branch_of(record.branch, number))), *rows])
        made.headers.add("cseq", f"{number} CANCEL")
        self._core.post(made, hop)

    def _forget(self, key: tuple[str, str], one: Ending) -> None:
        if self._known.get(key) is one:
            del self._known[key]


def _dialog(record: CallRecord, hop: Hop) -> Dialog:
    """Return the dialog of an answered call.

    Its CSeq continues above all numbers that were used after the record was stored.
    """
    cseq = min(record.cseq + limits.ORPHAN_CSEQ, 2**31 - 2)
    made = Dialog(record.call_id, record.local, record.remote, record.target, hop, list(record.routes), cseq)
    made.refresh([Address(record.target)])
    return made


def _ways(hops: Sequence[Hop]) -> list[tuple[Hop, int]]:
    """Return (hop, CSeq) of every INVITE that may have been sent. Hops are tried in turn, and a long INVITE goes over TCP
    before UDP.
    """
    found, number = [], 0
    for hop in hops[: limits.ORPHAN_HOPS]:
        number += 1
        if hop.transport == "udp":
            found += [(replace(hop, transport="tcp"), number), (hop, number), (hop, number + 1)]
            number += 1
        else:
            found.append((hop, number))
    return found


def _refusal_taken(record: CallRecord, response: Response, number: int) -> Request:
    """Return the ACK of a failure response (section 17.1.1.3)."""
    made = Request(method="ACK", uri=record.target)
    made.headers.add("via", response.headers.all("via")[0])
    made.headers.add("max-forwards", "70")
    made.headers.add("from", str(record.local))
    made.headers.add("to", response.headers.get("to"))
    made.headers.add("call-id", record.call_id)
    made.headers.add("cseq", f"{number} ACK")
    return made
