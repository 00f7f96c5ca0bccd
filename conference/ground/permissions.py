"""The rights that a token gives to its bearer. Owns Grants and the checks on them. Does not read tokens.

The claims and their defaults follow the tokens of the browser protocol. The names here are the project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from conference.ground.terms import Terms


class Kind(Enum):
    """The kind of client that a participant is."""

    STANDARD = "standard"
    INGRESS = "ingress"
    EGRESS = "egress"
    SIP = "sip"
    AGENT = "agent"
    CONNECTOR = "connector"
    BRIDGE = "bridge"


class Source(Enum):
    """The source of a track."""

    UNKNOWN = "unknown"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"


class Passage(Enum):
    """How the bearer of a token passed the lobby.

    NONE: the lobby did not decide about the bearer, so a lobby that is on makes the bearer wait. EXEMPT: the class policy
    requires no lobby for this hall. Such a hall is one that we call, or a registered terminal that is invited. No token
    contains EXEMPT.
    """

    NONE = ""
    ADMITTED = "admitted"
    HOST = "host"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Grants:
    """The content of one verified token.

    If `can_publish_sources` is empty, every source is allowed. `issued_at` (from `nbf` or `iat`) and `expires_at` (from `exp`)
    are Unix seconds; 0 means that the token has no such claim. After a removal, the bearer's older tokens do not open the
    conference again.
    """

    identity: str = ""
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = Kind.STANDARD
    conference: str = ""
    join: bool = False
    admin: bool = False
    create: bool = False
    list: bool = False
    can_publish: bool = True
    can_publish_sources: frozenset[Source] = frozenset()
    can_subscribe: bool = True
    can_publish_data: bool = True
    can_update_own_metadata: bool = False
    raises_hand: bool = False
    """The right to raise a hand, without the right to change other public facts. The server sets the time of the hand."""
    hidden: bool = False
    recorder: bool = False
    agent: bool = False
    can_subscribe_metrics: bool = False
    destination: str = ""
    """The conference into which an administrator may move a participant of this conference."""
    terms: Terms | None = None
    """The terms with which this join creates the conference, if the conference does not exist."""
    passage: Passage = Passage.NONE
    account: str = ""
    session: str = ""
    """The account that was signed in when the token was made, and its session. Empty: no account was signed in."""
    issued_at: float = 0.0
    expires_at: float = 0.0
    role: str = ""
    """The role in the meeting that the booking gives: a value of `chair.rights.Role`. Empty: the way in decides."""
    network: str = ""
    """The only range of addresses (CIDR) from which the token opens a socket, and only over TLS. Empty: from everywhere."""
    facts_kept: bool = False
    """The metadata and attributes were too long for the token. The server that signed the token keeps them."""

    @property
    def describes_itself(self) -> bool:
        """Report whether the bearer may change its own name and other public facts. A participant that a host admitted keeps
        the name that the host saw.
        """
        return self.can_update_own_metadata and not self.raises_hand and self.passage is Passage.NONE

    @property
    def records(self) -> bool:
        """Report whether this client records. All participants are notified while a recording client is present."""
        return self.recorder or self.kind is Kind.EGRESS

    def may_publish(self, source: Source) -> bool:
        return self.can_publish and (not self.can_publish_sources or source in self.can_publish_sources)

    def may_moderate(self, conference: str) -> bool:
        """Return True for a host or an administrator of this conference. They may admit people, mute them, ask them to speak
        and remove them.
        """
        return self.conference == conference and (self.passage is Passage.HOST or self.admin)

    def may_administer(self, conference: str) -> bool:
        return self.admin and self.conference == conference
