"""A reader of XML bodies with limits: no document type, no own entities, a maximum of elements and depth. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat  # S405 is about documents with entities; a document type is refused below

from conference import PeerError
from signaling.sip.wire import body_limits as limits

_SEPARATOR: Final = " "


@dataclass(slots=True)
class Element:
    """An element. `name` is the local name, `space` the namespace ("" without a namespace)."""

    space: str
    name: str
    attributes: dict[str, str]
    """Attributes by local name. Attributes of other namespaces are left out."""
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> Element | None:
        return next((one for one in self.children if one.name == name), None)

    def all(self, name: str) -> list[Element]:
        return [one for one in self.children if one.name == name]

    def text_of(self, name: str) -> str:
        found = self.child(name)
        return found.text.strip() if found is not None else ""

    def has(self, name: str) -> bool:
        """Report whether there is such an element at any depth below."""
        return any(one.name == name or one.has(name) for one in self.children)


def read(body: bytes, most_bytes: int = limits.XML_BYTES) -> Element:
    """Return the root element. Raises PeerError."""
    if len(body) > most_bytes:
        raise PeerError("XML body too long")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise PeerError("not an XML body") from error
    if reader.root is None:
        raise PeerError("not an XML body")
    return reader.root


def escaped(text: str) -> str:
    """Return the text for XML and for attributes in double quotes. A character that XML 1.0 forbids becomes a question mark."""
    clean = "".join(
        c if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff") else "?"
        for c in text
    )
    return (
        clean.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("\r", "&#13;")
    )


class _Reader:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._elements = 0

    def refuse(self, *_: object) -> None:
        raise PeerError("an XML body with a document type or instructions")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        bounds = (
            self._elements > limits.XML_ELEMENTS,
            len(self._open) >= limits.XML_DEPTH,
            len(attributes) > limits.XML_ATTRIBUTES,
        )
        if any(bounds):
            raise PeerError("the XML body is too large or too deep")
        space, _, local = name.rpartition(_SEPARATOR)
        own = {key: value for key, value in attributes.items() if _SEPARATOR not in key}
        element = Element(space, local, own)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        if self._open:
            self._open[-1].text += data
