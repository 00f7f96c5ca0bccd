"""The people and halls of a simulated meeting, with their tokens and their connections."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from conference import Grants, Hall, Participant, Passage, publishing
from conference.ground.events import Reason
from rooms.policy.bearers import bearer
from tests.conference.doubles import Listener
from tests.conference.hall_doubles import HallParty
from tests.conference.parties import MICROPHONE, Party
from tests.simulation.meetings.server import ROOM, TOKEN_S, Process

HOST = {"passage": Passage.HOST}
OPERATOR = Grants(name="Tổ kỹ thuật", conference=ROOM, admin=True)


@dataclass
class Person:
    """A person with a browser. `windows` of one person have different identities and one bearer."""

    identity: str
    facts: dict[str, Any] = field(default_factory=dict)
    tokens: list[Grants] = field(default_factory=list)
    """All tokens that this person got, the oldest first. The person keeps them."""
    party: Party | None = None
    microphone: str = ""

    @property
    def bearer(self) -> str:
        return bearer(self.identity)

    @property
    def here(self) -> bool:
        return self.party is not None and not self.party.participant.left

    @property
    def connected(self) -> bool:
        return self.participant is not None and self.participant.client is not None

    @property
    def participant(self) -> Participant | None:
        return self.party.participant if self.party is not None and self.here else None

    def fetch_token(self, process: Process) -> Grants:
        """Get a new token from the door."""
        name = self.bearer.title()
        wanted = Grants(self.identity, name, conference=ROOM, join=True, raises_hand=True, **self.facts)
        grants = process.authenticator.verify(process.token(wanted), process.world.time.time())
        self.tokens.append(grants)
        return grants

    def come(self, process: Process, grants: Grants) -> None:
        """Join with this token, and publish a microphone if the server permits it. Raise Refusal."""
        names = (one for one in Grants.__dataclass_fields__ if one not in ("identity", "name", "conference", "join"))
        facts = {one: getattr(grants, one) for one in names}
        self.party = Party(process.world, self.identity, room=ROOM, **facts)
        self.microphone = ""
        made = self.party.publish(MICROPHONE) if self.party.participant.grants.can_publish else []
        self.microphone = made[0] if made else ""

    def lose_line(self) -> None:
        assert self.party is not None
        self.party.participant.detach(self.party.client)

    def resume(self) -> None:
        assert self.party is not None
        self.party.client = Listener()
        self.party.conference.resume(self.identity, self.party.sid, self.party.client)

    def leave(self) -> None:
        assert self.party is not None
        self.party.participant.leave(Reason.CLIENT_INITIATED)

    def switch_microphone(self, on: bool) -> None:
        """Mute or unmute the own microphone, as the client's message does."""
        one = self.participant
        if one is not None and self.microphone in one.tracks:
            publishing.mute(one, self.microphone, not on)

    def fresh(self, now: float) -> list[Grants]:
        """Return the tokens that have not expired."""
        return [one for one in self.tokens if now < one.issued_at + TOKEN_S]


@dataclass
class Terminal:
    """A hall with a keypad, which the server calls."""

    identity: str
    party: HallParty | None = None

    @property
    def here(self) -> bool:
        return self.party is not None and not self.party.hall.left

    def come(self, process: Process) -> None:
        self.party = HallParty(process.world, self.identity, room=ROOM, passage=Passage.EXEMPT)

    def leave(self) -> None:
        """Hang up."""
        assert self.party is not None
        self.party.hall.leave(Reason.CLIENT_INITIATED)

    def press(self, keys: str) -> None:
        """Press keys with the pauses of a person."""
        assert self.party is not None
        if self.party.line("audio") is not None:
            self.party.press(keys)


def invited() -> tuple[dict[str, Person], dict[str, Terminal]]:
    """Return a chair, a co-chair, a secretary, delegates of whom one has two windows, a guest, an observer, and halls."""
    listed = [
        Person("personal_link.chu.1", {"role": "chair", **HOST}),
        Person("personal_link.pho.1", {"role": "co_chair", **HOST}),
        Person("personal_link.thu.1", {"role": "secretary", **HOST}),
        *(Person(f"personal_link.d{number}.1") for number in range(1, 7)),
        Person("browser.d1.2"),
        Person("guest.guest.7", {"passage": Passage.ADMITTED}),
        Person("personal_link.xem.1", {"role": "observer"}),
    ]
    return {one.identity: one for one in listed}, {name: Terminal(name) for name in ("hall-1", "hall-2", "hall-3")}


def operator(now: float) -> Grants:
    return replace(OPERATOR, issued_at=now, expires_at=now + TOKEN_S)


def is_heard(one: Participant) -> bool:
    """Report whether the server forwards the microphone of the participant. A lost signalling line does not end its media."""
    return not one.muted if isinstance(one, Hall) else bool(one.microphones())
