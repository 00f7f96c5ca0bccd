"""Early dialogs of an INVITE of ours, and their confirmed provisional answers (100rel, RFC 3262)."""

from __future__ import annotations

from signaling.sip.call.far_end import FarEnd
from signaling.sip.dialog.dialog import Dialog, from_response
from signaling.sip.dialog.exchange import Exchange
from signaling.sip.ground import limits
from signaling.sip.wire.message import Request, Response


class EarlyDialogs:
    def __init__(self, far_end: FarEnd) -> None:
        self._far_end = far_end
        self._dialogs: dict[str, Dialog] = {}
        """The dialogs by the tag of the far end."""
        self._rseq: dict[str, int] = {}
        self.answer = b""
        """The last session description in a confirmed provisional answer."""

    def confirm(self, response: Response, invite: Exchange) -> None:
        """Send PRACK once for each reliable answer, in order."""
        if "100rel" not in response.options("require"):
            return
        tag, number = response.to.tag, response.seconds("rseq")
        if not tag or number is None or len(self._dialogs) >= limits.BINDINGS_PER_ALIAS:
            return
        if tag in self._rseq and number != self._rseq[tag] + 1:
            return
        self._rseq[tag] = number
        if tag not in self._dialogs:
            self._dialogs[tag] = from_response(invite.request, response, invite.hop)
        dialog, cseq = self._dialogs[tag], invite.request.cseq[0]
        self.answer = response.body or self.answer

        def make() -> Request:
            made = dialog.request("PRACK")
            made.headers.add("rack", f"{number} {cseq} INVITE")
            return made

        self._far_end.ask(make, dialog.hop, lambda _: None, lambda _: None)

    def cseq(self, tag: str) -> int:
        """Return the CSeq of our last request in the early dialog of `tag`, or 0 without such a dialog."""
        return self._dialogs[tag].cseq if tag in self._dialogs else 0
