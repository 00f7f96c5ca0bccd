"""The offers and the agreed plan of one call of a hall (SDP, RFC 3264).

The module owns our last description, the current plan and the policy of the call. The side sends the descriptions.
"""

from __future__ import annotations

from conference import Hall
from conference.ground.plan import MediaPlan, OwnEnds, Policy
from signaling.halls.calls.leg import Leg, Path
from signaling.halls.calls.protection import Protection
from signaling.halls.sip.content_tokens import ContentTokens
from signaling.sip.media import plan as plans
from signaling.sip.media.plan import Agreed
from signaling.sip.media.profiles import Profile


class Descriptions:
    """The descriptions of one call. `number`: the session number in our descriptions."""

    def __init__(self, leg: Leg, profile: Profile, number: int, protection: Protection, tokens: ContentTokens) -> None:
        self._leg, self._profile, self._number = leg, profile, number
        self._protection, self._tokens = protection, tokens
        self._policy = Policy()
        self._offered = b""
        self._agreed: Agreed | None = None

    @property
    def plan(self) -> MediaPlan | None:
        return self._agreed.plan if self._agreed is not None else None

    def place(self, path: Path | None) -> None:
        """Set the policy, which depends on the rooms of the call and on the path of its signalling."""
        self._policy = self._protection.placed(self._leg, path)

    def ends(self, hall: Hall) -> OwnEnds:
        """Return our ports and keys, which our descriptions of this hall name. The first use opens the ports. Raise Refusal."""
        token, profile = self._tokens.own(hall), self._profile
        return hall.lines.prepare(
            bfcp=token, content=profile.content, camera=profile.far_camera, call_number=self._number
        )

    def offer(self, hall: Hall, path: Path | None) -> bytes:
        """Return a first offer, or the offer of a re-INVITE. Raise Refusal, PeerError."""
        self.place(path)
        self._offered = plans.make_offer(self.ends(hall), self._profile, self._policy, self._agreed)
        return self._offered

    def answer(self, hall: Hall, path: Path | None, offer: bytes) -> tuple[bytes, MediaPlan]:
        """Return the answer and its plan. Only `agree` makes the plan valid. Raise Refusal, PeerError."""
        self.place(path)
        return plans.answer(offer, self.ends(hall), self._profile, self._policy, self._agreed)

    def agree(self, sent: bytes, plan: MediaPlan) -> None:
        self._agreed = Agreed(sent, plan)

    def read(self, answer: bytes) -> MediaPlan:
        """Read the answer to our last offer, and agree to it. Raise Refusal, PeerError; then nothing changes."""
        plan = plans.read_answer(self._offered, answer, self._profile, self._policy, self.plan)
        self.agree(self._offered, plan)
        return plan

    def needs_more(self, hall: Hall, plan: MediaPlan) -> bool:
        """Report whether an offer of ours would add media."""
        return plans.needs_more(plan, self.ends(hall), self._profile)
