"""The other side of a call: its dialog, its challenges, and what it says about itself."""

from __future__ import annotations

from collections.abc import Callable

from signaling.sip.dialog.core import Core
from signaling.sip.dialog.dialog import Dialog
from signaling.sip.dialog.digest import Prover
from signaling.sip.dialog.exchange import Exchange
from signaling.sip.transaction.transaction import Do
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.fields import Address, quote
from signaling.sip.wire.message import Request, Response


class FarEnd:
    def __init__(self, core: Core, prover: Prover | None = None, realm_host: str = "") -> None:
        self._core = core
        self._prover = prover
        self._realm_host = realm_host
        self.dialog: Dialog | None = None
        self.allow: frozenset[str] = frozenset()
        """The methods of the other side's Allow field, in lower case."""
        self.user_agent = ""
        self.bye_reason = ""
        """The text of the Reason field of our BYE (RFC 3326); empty: no such field."""

    def ask(
        self,
        make: Callable[[], Request],
        hop: Hop,
        answered: Callable[[Response], None],
        failed: Callable[[Do], None],
        *,
        branch: str = "",
    ) -> Exchange:
        """Start a request to `hop`."""
        return Exchange(
            self._core, make, hop, answered, failed, prover=self._prover, realm_host=self._realm_host, branch=branch
        ).start()

    def ask_inside(
        self, make: Callable[[], Request], answered: Callable[[Response], None], failed: Callable[[Do], None]
    ) -> Exchange:
        """Start a request in the dialog."""
        assert self.dialog is not None
        return self.ask(make, self.dialog.hop, answered, failed)

    def bye(self, dialog: Dialog | None = None) -> None:
        """Send BYE in `dialog`, or in the dialog of the call if there is one."""
        dialog = dialog or self.dialog
        if dialog is None:
            return

        def make() -> Request:
            made = dialog.request("BYE")
            if self.bye_reason:
                made.headers.add("reason", f"SIP;cause=200;text={quote(self.bye_reason)}")
            return made

        self.ask(make, dialog.hop, lambda _: None, lambda _: None)

    def disconnected(self, flow: int) -> None:
        """Leave the connection `flow`, which has ended.

        Later requests open a connection to the Contact, at the same address.
        """
        dialog = self.dialog
        if dialog is not None and dialog.hop.flow == flow:
            dialog.hop = Hop(dialog.hop.transport, dialog.hop.host, dialog.hop.port)
            dialog.refresh([Address(dialog.target)])
