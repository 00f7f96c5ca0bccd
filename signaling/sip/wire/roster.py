"""Documents of the conference event package (RFC 4575): the participants, for terminals that show a list. Pure.

The first document is full; later ones are partial and hold the changes (§4.4). Versions rise by one. The code above decides
when a NOTIFY is sent. The caller chooses the shown data of each participant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from conference import PeerError
from signaling.sip.wire import body_limits as limits
from signaling.sip.wire import markup
from signaling.sip.wire.markup import escaped

CONTENT_TYPE: Final = "application/conference-info+xml"
_SPACE: Final = "urn:ietf:params:xml:ns:conference-info"

Presence = Literal["connected", "on-hold", "dialing-out", "alerting", "disconnecting", "disconnected"]
Way = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
State = Literal["full", "partial"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A media stream. `way` is the direction from the participant's side."""

    id: str
    kind: Literal["audio", "video"]
    way: Way = "sendrecv"
    label: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """A participant. `entity` is a URI that is valid only in this conference: no address of a device, no account."""

    entity: str
    name: str
    presence: Presence = "connected"
    streams: tuple[Stream, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """The participants of a conference. `entity` is the URI of the conference (isfocus)."""

    entity: str
    subject: str
    users: tuple[User, ...] = ()
    locked: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read. `gone` are the entities that a partial document deletes."""

    version: int
    state: State
    roster: Roster
    gone: tuple[str, ...] = ()


def full(roster: Roster, version: int) -> bytes:
    """Return a full document.

    A very large meeting has only the first users that fit, so the caller puts important users first.
    """
    written = _fitting(_user(user, "full") for user in roster.users)
    users = "".join(written)
    return _document(roster, version, "full", _about(roster) + f'<users state="full">{users}</users>')


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between two rosters, written once for all subscribers. `inner` is empty if a partial document would be too
    long.
    """

    after: Roster
    inner: str

    def body(self, entity: str, version: int) -> bytes:
        named = replace(self.after, entity=entity)
        return _document(named, version, "partial", self.inner) if self.inner else full(named, version)


def change(before: Roster, after: Roster) -> Change | None:
    """Return the difference, or None if no shown value changed."""
    old, new = _by_entity(before.users), _by_entity(after.users)
    changed = [user for entity, user in new.items() if old.get(entity) != user]
    gone = [entity for entity in old if entity not in new]
    about = _about(after) if _facts(before) != _facts(after) else ""
    if not changed and not gone and not about:
        return None
    users = "".join(_user(user, "full") for user in changed)
    users += "".join(f'<user entity="{escaped(entity)}" state="deleted"/>' for entity in gone)
    if len(users.encode()) > limits.ROSTER_BYTES:
        return Change(after, "")
    return Change(after, about + (f'<users state="partial">{users}</users>' if users else ""))


def partial(before: Roster, after: Roster, version: int) -> bytes | None:
    """Return a document with the changes, or a full document if the changes are too long. Return None if no shown value
    changed.
    """
    found = change(before, after)
    return None if found is None else found.body(after.entity, version)


def read(body: bytes) -> Document:
    """Read a document of another conference server. Raises PeerError."""
    root = markup.read(body)
    if (root.space, root.name) != (_SPACE, "conference-info"):
        raise PeerError("not a conference document")
    version, state = root.attributes.get("version", ""), root.attributes.get("state", "full")
    if not (version.isascii() and version.isdigit() and len(version) <= 10) or state not in get_args(State):
        raise PeerError("not a conference document")
    users = root.child("users")
    found = users.all("user") if users is not None else []
    if len(found) > limits.ROSTER_USERS:
        raise PeerError("too many users in a conference document")
    gone = tuple(_entity(user) for user in found if user.attributes.get("state") == "deleted")
    there = tuple(_read_user(user) for user in found if user.attributes.get("state") != "deleted")
    description, status = root.child("conference-description"), root.child("conference-state")
    roster = Roster(
        _entity(root),
        description.text_of("subject") if description is not None else "",
        there,
        status is not None and status.text_of("locked") == "true",
        status is None or status.text_of("active") != "false",
    )
    return Document(int(version), "partial" if state == "partial" else "full", roster, gone)


def merged(before: Roster, document: Document) -> Roster:
    """Return the roster after a document (§4.6). The caller asks for a full document if a version is missing."""
    if document.state == "full":
        return document.roster
    users = _by_entity(before.users) | _by_entity(document.roster.users)
    kept = tuple(user for entity, user in users.items() if entity not in document.gone)[: limits.ROSTER_USERS]
    told = document.roster
    return Roster(before.entity, told.subject or before.subject, kept, told.locked, told.active)


def _fitting(users: Iterable[str]) -> list[str]:
    written, length = [], 0
    for user in users:
        length += len(user.encode())
        if length > limits.ROSTER_BYTES:
            break
        written.append(user)
    return written


def _by_entity(users: Iterable[User]) -> dict[str, User]:
    return {user.entity: user for user in users}


def _facts(roster: Roster) -> tuple[object, ...]:
    return roster.subject, roster.locked, roster.active, len(roster.users)


def _document(roster: Roster, version: int, state: State, inner: str) -> bytes:
    head = f'<conference-info xmlns="{_SPACE}" entity="{escaped(roster.entity)}" state="{state}" version="{version}">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{inner}</conference-info>\n'.encode()


def _about(roster: Roster) -> str:
    return (
        f"<conference-description><subject>{escaped(roster.subject)}</subject></conference-description>"
        f"<conference-state><user-count>{len(roster.users)}</user-count>"
        f"<active>{_truth(roster.active)}</active><locked>{_truth(roster.locked)}</locked></conference-state>"
    )


def _user(user: User, state: State) -> str:
    streams = "".join(_stream(stream) for stream in user.streams)
    return (
        f'<user entity="{escaped(user.entity)}" state="{state}"><display-text>{escaped(user.name)}</display-text>'
        f'<endpoint entity="{escaped(user.entity)}"><status>{user.presence}</status>{streams}</endpoint></user>'
    )


def _stream(stream: Stream) -> str:
    label = f"<label>{escaped(stream.label)}</label>" if stream.label else ""
    return f'<media id="{escaped(stream.id)}"><type>{stream.kind}</type>{label}<status>{stream.way}</status></media>'


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _entity(element: markup.Element) -> str:
    entity = element.attributes.get("entity", "")
    if not 0 < len(entity) <= 256:
        raise PeerError("the conference document names no user")
    return entity


def _read_user(element: markup.Element) -> User:
    endpoint = element.child("endpoint")
    told = endpoint.text_of("status") if endpoint is not None else "connected"
    presence: Presence = next((one for one in get_args(Presence) if one == told), "connected")
    streams = [_read_stream(one) for one in (endpoint.all("media") if endpoint is not None else [])[:8]]
    known = tuple(stream for stream in streams if stream is not None)
    return User(_entity(element), element.text_of("display-text")[:256], presence, known)


def _read_stream(element: markup.Element) -> Stream | None:
    kind, way = element.text_of("type"), element.text_of("status") or "sendrecv"
    label = element.text_of("label")[:32]
    known = next((one for one in get_args(Way) if one == way), None)
    if known is None:
        return None
    if kind == "audio":
        return Stream(element.attributes.get("id", "")[:64], "audio", known, label)
    return Stream(element.attributes.get("id", "")[:64], "video", known, label) if kind == "video" else None
