"""The check who gives an order or reads a desk: a host with a key, a participant of the call, or the bearer of the server's key.

A host shows a key, which opens no call. `may_moderate` of its grants is the right of a host. A participant shows the token of
the call, or the key that `/desk` gave. Then the grants of the participant count, because they may have changed since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from conference import Conference, Grants, Hall, Passage, Refusal
from conference.chair.rights import LEADERS, By, Role, Way
from rooms.policy.bearers import bearer as bearer_of
from signaling.orders.doorway import Doorway

TEXTS = {
    "denied": ("Bạn không có quyền làm việc này.", "you have no right to do this"),
    "not_in_call": ("Bạn không còn trong cuộc họp.", "you are not in the meeting"),
    "token_expired": ("Thẻ vào cửa đã hết hạn.", "the token has expired"),
    "conference_not_found": (
        "Cuộc họp chưa có ai, hoặc đã kết thúc.",
        "the meeting has no participants, or it is over",
    ),
}


def refused(code: str) -> Refusal:
    return Refusal(code, *TEXTS[code])


@dataclass(frozen=True, slots=True)
class Bearer:
    """A checked bearer of a token. `grants`: those of the participant if the bearer is in the call, otherwise those of the token.

    `role`: the role in the meeting now.
    """

    token: Grants
    grants: Grants
    in_call: bool
    role: Role

    @property
    def leads(self) -> bool:
        return self.role in LEADERS


def meeting(around: Doorway, name: str) -> Conference:
    """Return the conference. Raise Refusal `conference_not_found`."""
    registry = around.meetings.registry
    try:
        if registry is None:
            raise Refusal("conference_not_found")
        return registry.get(name)
    except Refusal as refusal:
        raise refused("conference_not_found") from refusal


async def host(around: Doorway, name: str, token: str) -> Grants:
    """Return the grants of a host of this meeting, which need not run. Raise Refusal `token_…`, `denied`, and the refusals of
    the door.
    """
    grants = around.authenticator.verify(token, around.now())
    if not grants.may_moderate(name):
        raise refused("denied")
    # The checks of a key are only for hosts with a key of the desk, not for the bearer of the server's own key.
    if grants.passage is Passage.HOST:
        around.meetings.admit(grants)
        await around.hosts.still_host(grants)
    around.lobbies.get(name, around.now()).check(grants, False)
    return grants


async def bearer(around: Doorway, grants: Grants, *, patient: bool = False) -> Bearer:
    """Check the bearer of these grants, also in the database. Raise Refusal as `check` does, and `signed_out`, `denied`.
    `patient`: wait for a slow database.
    """
    found = check(around, grants)
    if found.grants.may_moderate(grants.conference) and grants.passage is Passage.HOST:
        await around.hosts.still_host(found.token, patient=patient)
    return found


def check(around: Doorway, token: Grants) -> Bearer:
    """Check the bearer of a verified token without the database. Raise Refusal `not_in_call`, `conference_not_found`,
    `removed`, `token_expired`, and the refusals of the door.

    The token of a call counts as long as its participant is in the call. A key of a host counts until it expires.
    """
    found = meeting(around, token.conference)
    removed_at = found.removed.get(token.identity)
    if removed_at is not None and token.issued_at <= removed_at:
        raise Refusal("removed")
    participant = found.participants.get(token.identity)
    present = participant is not None and not isinstance(participant, Hall)
    if participant is not None and present and (token.join or not token.may_moderate(token.conference)):
        role = found.machines.by(token.identity, participant.grants.name, "desk").role
        return Bearer(token, participant.grants, True, role)
    if token.join or not token.may_moderate(token.conference):
        raise refused("not_in_call")
    if around.now() >= token.expires_at:
        raise refused("token_expired")
    if token.passage is Passage.HOST:
        around.meetings.admit(token)
    around.lobbies.get(token.conference, around.now()).check(token, False)
    return Bearer(token, token, present, host_by(around, token.conference, token).role)


def given_by(around: Doorway, found: Bearer, way: Way) -> By:
    """Return the giver of an order, as the table of rights knows the giver."""
    if found.in_call:
        return meeting(around, found.token.conference).machines.by(found.grants.identity, found.grants.name, way)
    return host_by(around, found.token.conference, found.grants, way)


def host_by(around: Doorway, name: str, grants: Grants, way: Way = "rest") -> By:
    """Return the giver for a host, who need not be in the call: in the call with the role there, otherwise as secretary. A host
    whom the chair appointed to a lower role has that role. The bearer of the server's own key is an operator.
    """
    if grants.passage is not Passage.HOST:
        return By("", grants.name, Role.OPERATOR, way=way)
    secretary = By(grants.identity, grants.name, Role.SECRETARY, for_chair=True, way=way)
    try:
        found = meeting(around, name)
    except Refusal:  # the meeting does not run
        return secretary
    here = found.participants.get(grants.identity)
    if here is None or not here.grants.may_moderate(name):
        appointed = found.machines.roles.appointed.get(bearer_of(grants.identity), Role.SECRETARY)
        return secretary if appointed in LEADERS else replace(secretary, role=appointed, for_chair=False)
    return found.machines.by(grants.identity, grants.name, way)


def key(found: Bearer) -> Grants:
    """Return the grants of a key for later hellos of this bearer. The key opens no call, and has no long facts."""
    return replace(found.grants, join=False, metadata="", attributes={}, terms=None, facts_kept=False)
