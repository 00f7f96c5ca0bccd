"""What a token lets its bearer do. Owns Grants and the questions asked of them; does not read tokens.

Claims and their defaults follow the browser protocol's tokens; the names here are the project's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from conference.ground.terms import Terms


class Kind(Enum):
    """What sort of party a participant is."""

    STANDARD = "standard"
    INGRESS = "ingress"
    EGRESS = "egress"
    SIP = "sip"
    AGENT = "agent"
    CONNECTOR = "connector"
    BRIDGE = "bridge"


class Source(Enum):
    """Where a track comes from."""

    UNKNOWN = "unknown"
    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN_SHARE = "screen_share"
    SCREEN_SHARE_AUDIO = "screen_share_audio"


class Passage(Enum):
    """How the bearer of a token passed the lobby. NONE: the lobby was not asked, so a lobby that is on holds him. EXEMPT: the
    class policy asks no lobby of this hall (one that we call; a registered terminal that is invited); no token says so.
    """

    NONE = ""
    ADMITTED = "admitted"
    HOST = "host"
    EXEMPT = "exempt"


@dataclass(frozen=True, slots=True)
class Grants:
    """The content of one verified token.

    `can_publish_sources` empty: every source. `issued_at` and `expires_at` are Unix seconds (`nbf` or `iat`, and
    `exp`), 0 when the token did not say; a token issued before its bearer was removed from a conference does not open
    it again.
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
    """The right to raise a hand, and to change nothing else that others see. The server says when that was."""
    hidden: bool = False
    recorder: bool = False
    agent: bool = False
    can_subscribe_metrics: bool = False
    destination: str = ""
    """The conference into which an administrator may bring a participant of his own."""
    terms: Terms | None = None
    """How the conference is made when this join opens it."""
    passage: Passage = Passage.NONE
    account: str = ""
    session: str = ""
    """The account that was signed in as the token was made, and its session. Empty: there was none."""
    issued_at: float = 0.0
    expires_at: float = 0.0
    facts_kept: bool = False
    """Metadata and attributes were too long for the token: the server that signed it keeps them."""

    @property
    def describes_itself(self) -> bool:
        """Whether its bearer chooses its name and its other facts. A participant that a host let in keeps the name that the
        host saw.
        """
        return self.can_update_own_metadata and not self.raises_hand and self.passage is Passage.NONE

    @property
    def records(self) -> bool:
        """Everybody is told while somebody is there who records."""
        return self.recorder or self.kind is Kind.EGRESS

    def may_publish(self, source: Source) -> bool:
        return self.can_publish and (not self.can_publish_sources or source in self.can_publish_sources)

    def may_moderate(self, conference: str) -> bool:
        """Return True for a host of this conference: a host lets people in, mutes them, asks them to speak, puts them out."""
        return self.conference == conference and (self.passage is Passage.HOST or self.admin)

    def may_administer(self, conference: str) -> bool:
        return self.admin and self.conference == conference
