"""The conference event package (RFC 4575) on a real server. A terminal inside the call and a terminal outside read the roster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.interop.browsers.test_halls_and_browsers import HOST, There
from tests.interop.terminals.quirks import Message, Quirk, Terminal
from tests.interop.terminals.test_quirks_server import serve
from tests.waiting import until

ANN = "browser.ann"
SPACE = "{urn:ietf:params:xml:ns:conference-info}"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


class Reader(Terminal):
    """A terminal that subscribes and builds the roster from the NOTIFYs (RFC 4575 §4.6) with its own code. `seen` holds, by
    entity, the name, the presence and the directions of its media.
    """

    def __init__(self, there: There, name: str) -> None:
        super().__init__(Quirk(small=True), name, HOST, (200, 40, 40), 440, there.booked.passwords[name])
        self.seen: dict[str, tuple[str, str, dict[str, str]]] = {}
        self._cseqs: set[str] = set()
        self.documents: list[tuple[str, int]] = []
        self.subject = self.terminated = ""

    def _received(self, message: Message) -> None:
        super()._received(message)
        if (
            message.method == "NOTIFY"
            and message["Event"].startswith("conference")
            and message["CSeq"] not in self._cseqs
        ):
            self._cseqs.add(
                message["CSeq"]
            )  # the terminal answers a retransmitted request again but reads it only once
            if message["Subscription-State"].startswith("terminated"):
                self.terminated = message["Subscription-State"].partition("reason=")[2]
            if message.body:
                assert message["Content-Type"] == "application/conference-info+xml"
                self._read(ElementTree.fromstring(message.body))

    def _read(self, root: Any) -> None:
        state, version = root.get("state"), int(root.get("version"))
        assert version == len(self.documents), "versions begin at 0 and rise by one"
        self.documents.append((state, version))
        self.subject = root.findtext(f"{SPACE}conference-description/{SPACE}subject", self.subject)
        if state == "full":
            self.seen.clear()
        for user in root.iter(f"{SPACE}user"):
            entity = user.get("entity")
            if user.get("state") == "deleted":
                del self.seen[entity]
                continue
            endpoint = user.find(f"{SPACE}endpoint")
            ways = {
                one.findtext(f"{SPACE}type"): one.findtext(f"{SPACE}status") for one in endpoint.iter(f"{SPACE}media")
            }
            self.seen[entity] = (user.findtext(f"{SPACE}display-text"), endpoint.findtext(f"{SPACE}status"), ways)

    def names(self) -> set[str]:
        return {name for name, _, _ in self.seen.values()}

    def voice_of(self, name: str) -> str:
        return next((ways.get("audio", "") for one, _, ways in self.seen.values() if one == name), "")

    async def subscribe(self, there: There, resource: str = "", expires: int = 600) -> Message:
        """Subscribe in the dialog of the call, or in a new dialog if a `resource` is given."""
        extra = [("Event", "conference"), ("Expires", str(expires)), ("Accept", "application/conference-info+xml")]
        target = f"sip:{resource}@{HOST}:{there.port}"
        if resource:
            await self._connect(HOST, there.port)
            self._target, self._to = target, f"<{target}>"
        reply = await self._transact("SUBSCRIBE", next(self._cseq), b"", extra)
        if reply.status == 401:
            proof = [*extra, ("Authorization", self._digest(reply, "SUBSCRIBE"))]
            reply = await self._transact("SUBSCRIBE", next(self._cseq), b"", proof)
        if reply.status == 200:
            self._to = reply["To"]
        return reply


async def test_terminals_read_the_roster(there: There) -> None:
    async with there.person("ann") as ann, Reader(there, "hall-a") as inside, Reader(there, "hall-b") as outside:
        assert await there.dial(inside) == 200
        reply = await inside.subscribe(there)
        assert reply.status == 200
        assert reply["Expires"] == "600"
        await until(lambda: ANN in inside.names() and len(inside.names()) == 2, "itself and the browser")
        assert inside.documents[0] == ("full", 0)
        assert inside.subject != ""
        own = next(name for name in inside.names() if name != ANN)
        assert inside.voice_of(own) == "sendrecv"

        assert (await outside.subscribe(there, there.booked.number)).status == 200
        await until(lambda: outside.names() == inside.names(), "an invited terminal outside sees the same")
        row = next(row for row in there.rows() if row["terminal"] == "hall-a")
        there.command("mute", row["leg_id"])
        await until(lambda: inside.voice_of(own) == outside.voice_of(own) == "recvonly", "both are told of the mute")
        await ann.room.disconnect()
        await until(lambda: inside.names() == outside.names() == {own}, "both are told that the browser left")
        assert [state for state, _ in inside.documents[1:]].count("full") == 0, "only what has changed"

        assert (await outside.subscribe(there, expires=0)).status == 200
        await until(lambda: outside.terminated == "timeout", "it wants no more")
        assert await inside.hang_up() == 200
        await until(lambda: inside.terminated == "noresource", "whoever has left is told no more")


async def test_uninvited_terminals_cannot_read_the_roster(there: There) -> None:
    async with Reader(there, "hall-a") as one:
        assert (await one.subscribe(there, "somebody")).status == 403
    async with Reader(there, "hall-a") as one:
        assert (await one.subscribe(there, "99999999")).status == 200
        await until(lambda: one.terminated == "rejected", "no such meeting")
        assert not one.documents
    async with Reader(there, "hall-b") as one:
        one.password = "wrong"
        assert (await one.subscribe(there, there.booked.number)).status in (401, 403)
    # In the menu a terminal does not see the other terminals that wait there.
    async with Reader(there, "hall-a") as one:
        assert await there.dial(one, "welcome") == 200
        assert (await one.subscribe(there)).status == 200
        await until(lambda: len(one.documents) == 1, "a document of nobody")
        assert not one.seen
        assert not one.subject
