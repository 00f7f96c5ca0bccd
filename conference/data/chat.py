"""The chat of one conference: lines that the server numbers, dates, keeps for people who come late, and gives to their readers.

A page sends a JSON object in a reliable data packet with the topic `dc.chat`:

- `{"say": TEXT, "key": KEY, "to": IDENTITY, "reply": ID}`: a new line. `key` is the page's own name for the line. `to` makes the
  line private. `reply` is the line that the new line answers.
- `{"since": ID}`: ask for the lines after this one. An empty text: all lines.

The server sends, with the same topic and without a sender:

- `{"line": LINE, "key": KEY}`: a new line, to its readers. Only the sender gets the key.
- `{"lines": [LINE, …], "end": BOOL}`: the answer to `since`, in parts. The last part has `end` true.
- `{"refused": {"key", "code", "vi", "en"}}`, and `{"gone": true}`: all lines were destroyed.

A client that has sent none of these messages is a foreign client, or a page that has not yet asked for the lines. Such a client
also gets each new line in the form of its protocol (`PacketFormat.chat_line`). The page ignores lines in this form.

A line of a foreign client goes to the others as the client sent it. When it has ended, the server numbers and keeps the line, and
sends it to our pages. A line with destinations is not kept, and reaches only the pages among them.

A desk without a call reads and writes by orders of `/desk` (`lines`, `write`). The document tells the hosts' desks the last kept
line (`chat`), and each desk its private lines.

LINE: `id`, `at` (milliseconds since 1970), `from`, `name`, `text`, and for some `to`, `to_name`, `reply`. A private line reaches
its sender and its receiver only, also later. Owns no bytes of packets.
"""

from __future__ import annotations

import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from conference.ground import limits
from conference.ground.errors import Refusal
from conference.ground.marks import WAITS
from conference.ports.clients import Packet, Piece
from conference.ports.proceedings import ChatLine, Proceedings
from conference.ports.time import Clock

if TYPE_CHECKING:
    from conference.data.state import Party

TOPIC: Final = "dc.chat"
RELIABLE: Final = "_reliable"
_TEXT_BYTES: Final = 4 * limits.CHAT_CHARACTERS
"""A character has at most four bytes in UTF-8."""


class Desks(Protocol):
    """The desk document."""

    def put(self, section: str, value: Any, *, host_only: bool = False) -> None: ...
    def tell(self, identity: str, message: Mapping[str, Any]) -> None: ...


class Chat:
    """The chat of one conference. The keys of `participants` are identities."""

    def __init__(
        self,
        name: str,
        participants: Mapping[str, Party],
        clock: Clock,
        suffix: Callable[[], str],
        store: Proceedings | None,
    ) -> None:
        self._name, self._participants = name, participants
        self._clock, self._suffix, self._store = clock, suffix, store
        self.barred: Callable[[str], str] = lambda _identity: ""
        """Return the code of the refusal for this identity, or an empty text if it may write."""
        self.closed: Callable[[], bool] = lambda: False
        """Reports whether a closed session runs. Its lines reach the participants inside, and are not kept."""
        self.desks: Desks | None = None
        self._at_desks: dict[str, str] = {}
        """The names of those who have read the chat at a desk, by identity. They can get private lines."""
        known = store.chatted(name) if store is not None else ()
        self._lines = deque(known, maxlen=limits.CHAT_LINES)

    def heard(self, sender: Party, message: bytes) -> None:
        """Handle a message of a page. A message in another form is dropped."""
        wanted = _read(message)
        key = wanted.get("key", "")
        if len(key) > limits.CHAT_KEY_CHARACTERS:
            return
        try:
            sender.data.chatter.reads |= "since" in wanted or "say" in wanted
            if "since" in wanted:
                self._tell_since(sender, wanted["since"])
            elif "say" in wanted:
                self._say(sender, wanted, key)
        except Refusal as refusal:
            told = {"key": key, "code": refusal.code, "vi": refusal.vietnamese, "en": refusal.english}
            _send([sender], {"refused": told})

    def overheard(self, sender: Party, piece: Piece, destinations: Iterable[str]) -> None:
        """Follow the text streams of a foreign client. Keep a chat line that has ended, and send it to our pages."""
        streams = sender.data.chatter.streams
        ended = sender.data.chatter.ended
        if piece.begins and piece.stream not in ended and len(piece.stream) <= limits.CHAT_KEY_CHARACTERS:
            streams[piece.stream] = replace(piece, content=b"")
            if len(streams) > limits.CHAT_STREAMS:
                del streams[next(iter(streams))]
        known = streams.get(piece.stream)
        if known is None:
            return
        content = (known.content + piece.content)[:_TEXT_BYTES]
        streams[piece.stream] = replace(known, content=content)
        if piece.ends:
            del streams[piece.stream]
            ended.append(piece.stream)
            self._keep_foreign(sender, _text(content, deflated=known.deflated), frozenset(destinations))

    def _keep_foreign(self, sender: Party, text: str, destinations: frozenset[str]) -> None:
        if not text or sender.grants.hidden or self.barred(sender.identity):
            return
        if not sender.data.chatter.lines.take(self._clock.monotonic()):
            sender.data.table.drops["chat"] += 1
            return
        name = sender.grants.name or sender.identity
        line = ChatLine(self._suffix(), self._clock.time(), sender.identity, name, text, "", "", "")
        if not destinations:
            self._keep(line)
        readers = [one for one in self._participants.values() if one is not sender and one.data.chatter.reads]
        _send([one for one in readers if not destinations or one.identity in destinations], {"line": _shown(line)})

    def clear(self) -> None:
        """Destroy all lines, because secret content came up."""
        self._lines.clear()
        if self.desks is not None:
            self.desks.put("chat", {"last": ""}, host_only=True)
        _send(self._participants.values(), {"gone": True})

    def lines(self, reader: str, name: str, since: str) -> tuple[list[ChatLine], bool]:
        """Return kept lines after `since` for the desk of this person, at most `CHAT_PART_BYTES`, and whether more follow."""
        self._at_desks.pop(reader, None)
        self._at_desks[reader] = name
        if len(self._at_desks) > limits.CHAT_DESKS:
            del self._at_desks[next(iter(self._at_desks))]
        found, size = list[ChatLine](), 0
        for line in self._after(reader, since):
            size += len(_encoded(_shown(line)))
            if found and size > limits.CHAT_PART_BYTES:
                return found, True
            found.append(line)
        return found, False

    def write(self, writer: str, name: str, text: str, to: str = "", reply: str = "") -> ChatLine:
        """Take a line of a desk. The right and the rate of the writer were checked. Raise Refusal `chat_too_long`,
        `participant_not_found`, `line_unknown`.
        """
        line = self._checked(writer, name, text, to, reply)
        self._keep(line)
        self._tell(self._participants.get(writer), line, "")
        return line

    def _say(self, sender: Party, wanted: Mapping[str, str], key: str) -> None:
        if sender.grants.hidden:
            raise Refusal("publish_data_denied")
        code = self.barred(sender.identity)
        if code:
            raise Refusal(code)
        name = sender.grants.name or sender.identity
        line = self._checked(sender.identity, name, wanted["say"], wanted.get("to", ""), wanted.get("reply", ""))
        if not sender.data.chatter.lines.take(self._clock.monotonic()):
            raise Refusal("chat_too_fast")
        self._keep(line)
        self._tell(sender, line, key)

    def _checked(self, writer: str, name: str, text: str, to: str, reply: str) -> ChatLine:
        text = text.strip()
        if not text or len(text) > limits.CHAT_CHARACTERS:
            raise Refusal("chat_too_long")
        receiver = self._participants.get(to) if to else None
        here = receiver is not None and not receiver.grants.hidden
        if to and not here and to not in self._at_desks:
            raise Refusal("participant_not_found")
        if reply and not any(one.id == reply and _reads(writer, one) for one in self._lines):
            raise Refusal("line_unknown")
        to_name = receiver.grants.name if here and receiver is not None else self._at_desks.get(to, "")
        return ChatLine(self._suffix(), self._clock.time(), writer, name, text, to, to_name, reply)

    def _keep(self, line: ChatLine) -> None:
        if self.closed():
            return
        self._lines.append(line)
        if self.desks is not None and not line.to:
            self.desks.put("chat", {"last": line.id}, host_only=True)
        if self.desks is not None and line.to:
            for identity in {line.to, line.identity} & self._at_desks.keys():
                self.desks.tell(identity, {"chat": line.id})
        if self._store is not None:
            self._store.chat(self._name, line)

    def _tell(self, sender: Party | None, line: ChatLine, key: str) -> None:
        """Send a line to its readers. `sender` None: the writer is at a desk, and not in the call."""
        readers = [one for one in self._participants.values() if _reads(one.identity, line) and one is not sender]
        _send(readers, {"line": _shown(line)})
        _send_foreign([one for one in readers if not one.data.chatter.reads], sender, line)
        if sender is not None:
            _send([sender], {"line": _shown(line), "key": key})

    def _tell_since(self, reader: Party, since: str) -> None:
        if not reader.data.chatter.history.take(self._clock.monotonic()):
            raise Refusal("chat_too_fast")
        lines = [_shown(one) for one in self._after(reader.identity, since)]
        part: list[dict[str, Any]] = []
        size = 0
        for line in lines:
            length = len(_encoded(line))
            if part and size + length > limits.CHAT_PART_BYTES:
                _send([reader], {"lines": part, "end": False})
                part, size = [], 0
            part.append(line)
            size += length
        _send([reader], {"lines": part, "end": True})

    def _after(self, reader: str, since: str) -> list[ChatLine]:
        """Return the lines after this one that the person reads. An unknown line: all of them."""
        ids = [one.id for one in self._lines]
        first = ids.index(since) + 1 if since in ids else 0
        return [one for one in list(self._lines)[first:] if _reads(reader, one)]


def _reads(identity: str, line: ChatLine) -> bool:
    return not line.to or identity in (line.to, line.identity)


def _shown(line: ChatLine) -> dict[str, Any]:
    shown = {"id": line.id, "at": round(line.at * 1000), "from": line.identity, "name": line.name, "text": line.text}
    more = {"to": line.to, "to_name": line.to_name, "reply": line.reply}
    return shown | {name: value for name, value in more.items() if value}


def _text(content: bytes, *, deflated: bool) -> str:
    """Return the text of a foreign line, cut to the length of a line. Empty for content in another form."""
    try:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, _TEXT_BYTES) if deflated else content
    except zlib.error:
        return ""
    return content.decode("utf-8", "ignore").replace("\0", "").strip()[: limits.CHAT_CHARACTERS]


def _read(message: bytes) -> dict[str, str]:
    """Return the members of a message, or nothing if the message is no JSON object of texts."""
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    texts = isinstance(found, dict) and all(isinstance(one, str) for one in found.values())
    return found if texts else {}


def _encoded(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _send(readers: Iterable[Party], value: Mapping[str, Any]) -> None:
    """Send a message to participants. It is encoded once for all that have the same format of packets."""
    payload, packets = _encoded(value), dict[type, bytes]()
    for one in readers:
        if WAITS in one.grants.attributes:
            continue  # the participant waits in the lobby of a closed session
        form = one.entry.packets
        packet = packets.get(type(form))
        if packet is None:
            packet = packets[type(form)] = form.from_server(payload, TOPIC).payload
        if packet:
            one.connection.channels.send(RELIABLE, packet)


def _send_foreign(readers: Iterable[Party], sender: Party | None, line: ChatLine) -> None:
    """Send a line to participants that do not read the chat of the server. Their clients see it as a line of its writer."""
    made = dict[type, tuple[Packet, ...]]()
    sid = sender.sid if sender is not None else ""
    if sender is not None:
        sender.data.table.audience.know((sid,))
    for one in readers:
        if WAITS in one.grants.attributes:
            continue
        form = one.entry.packets
        if type(form) not in made:
            made[type(form)] = form.chat_line(line.id, line.text, round(line.at * 1000), sid, line.identity)
        for packet in made[type(form)]:
            one.connection.channels.send(RELIABLE, packet.payload)
