"""What was offered and what is agreed on in one call of a hall (SDP, RFC 3264).

Owns the last description of ours, the plan that stands and the policy of the call. Does not send: that is the side's.
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
    """`number`: of the session in our descriptions."""

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
        """The policy follows from where the call is now, and by which way it is signalled."""
        self._policy = self._protection.placed(self._leg, path)

    def ends(self, hall: Hall) -> OwnEnds:
        """What our descriptions of this hall name; opened the first time. Raises Refusal."""
        token, profile = self._tokens.own(hall), self._profile
        return hall.lines.prepare(
            bfcp=token, content=profile.content, camera=profile.far_camera, call_number=self._number
        )

    def offer(self, hall: Hall, path: Path | None) -> bytes:
        """A first offer, or that of a re-INVITE. Raises Refusal, PeerError."""
        self.place(path)
        self._offered = plans.make_offer(self.ends(hall), self._profile, self._policy, self._agreed)
        return self._offered

    def answer(self, hall: Hall, path: Path | None, offer: bytes) -> tuple[bytes, MediaPlan]:
        """Agreed on only with `agree`. Raises Refusal, PeerError."""
        self.place(path)
        return plans.answer(offer, self.ends(hall), self._profile, self._policy, self._agreed)

    def agree(self, sent: bytes, plan: MediaPlan) -> None:
        self._agreed = Agreed(sent, plan)

    def read(self, answer: bytes) -> MediaPlan:
        """Their answer to our last offer: agreed on. Raises Refusal, PeerError; then all stays as it was."""
        plan = plans.read_answer(self._offered, answer, self._profile, self._policy, self.plan)
        self.agree(self._offered, plan)
        return plan

    def needs_more(self, hall: Hall, plan: MediaPlan) -> bool:
        """An offer of ours would add something."""
        return plans.needs_more(plan, self.ends(hall), self._profile)
