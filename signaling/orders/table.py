"""The table of all orders: the name, the fields, the right, the answer, and the function that performs the order.

`/desk` reads an order by its name. The REST API has one route for each row: `signaling/api/routes/live/desk_orders.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from conference import Refusal
from conference.chair import rights
from conference.chair.chair import role_of
from conference.chair.rights import Act, Role, Way
from conference.ground.marks import WAITS
from signaling.host import limits
from signaling.host.throttle import Throttle
from signaling.orders import agenda, authority, ballots, chatting, course, floor, notes, performing
from signaling.orders.authority import Bearer
from signaling.orders.doorway import Doorway
from signaling.orders.performing import Given
from signaling.orders.shapes import (
    Admitted,
    Admitting,
    Done,
    Extended,
    Extending,
    Message,
    Muted,
    Muting,
    Nothing,
    Removing,
    Undoing,
    Undone,
    Whom,
)

UNKNOWN: Final = ("Không có lệnh này.", "there is no such order")
UNREADABLE: Final = ("Lệnh thiếu hoặc sai trường dữ liệu.", "a field of the order is missing or wrong")
OUTSIDE: Final = ("Bạn đang ở phòng chờ của phiên họp kín.", "you wait outside the closed session")
NOT_ALLOWED: Final = ("Vai trò của bạn không có quyền làm việc này.", "your role may not do this")

TOO_MANY: Final = ("Ra lệnh quá nhanh. Hãy chờ vài giây.", "too many orders: wait a few seconds")


@dataclass(frozen=True, slots=True)
class Order:
    """An order. `says` describes the order for the API: one sentence or more, with the codes of its refusals."""

    act: Act
    fields: type[Message]
    perform: Callable[[Given, Any], Awaitable[Message | None]]
    says: str
    answer: type[Message] = Done


AGENDA: Final[Mapping[str, Order]] = {
    "agenda_set": Order(
        Act.AGENDA,
        agenda.Items,
        agenda.put,
        "Replace the items of the agenda that have not begun. Refused with `not_stored`, `agenda_limit`, `agenda_text_bad`, "
        "`agenda_time_bad`, `agenda_order_bad` if an item has begun already.",
    ),
    "agenda_order": Order(
        Act.AGENDA,
        agenda.Ids,
        agenda.reorder,
        "Set the order of the items that have not begun. Refused with `not_stored`, `agenda_order_bad`.",
    ),
    "agenda_next": Order(
        Act.AGENDA,
        agenda.Beginning,
        agenda.begin,
        "End the current item, and begin the next one or a named one. Refused with `not_stored`, `agenda_no_next`, "
        "`agenda_unknown`, `agenda_state`.",
    ),
    "agenda_finish": Order(
        Act.AGENDA,
        Nothing,
        agenda.finish,
        "End the current item. No item is current then. Refused with `not_stored`, `agenda_no_current`.",
    ),
    "agenda_skip": Order(
        Act.AGENDA,
        agenda.Which,
        agenda.skip,
        "Leave out an item that has not begun. Refused with `not_stored`, `agenda_unknown`, `agenda_state`.",
    ),
    "agenda_return": Order(
        Act.AGENDA,
        agenda.Which,
        agenda.back,
        "Make an item that is done or left out the next item. Refused with `not_stored`, `agenda_unknown`, `agenda_state`.",
    ),
}
"""The orders of the agenda (`agenda.py`)."""

VOTES: Final[Mapping[str, Order]] = {
    "vote_prepare": Order(
        Act.VOTE_PREPARE,
        ballots.Preparing,
        ballots.prepare,
        "Prepare a vote, or replace the question of a prepared vote. Refused with `not_stored`, `vote_limit`, `vote_text_bad`, "
        "`vote_options_bad`, `vote_seats_bad`, `vote_share_bad`, `vote_election_by_hands`, `vote_receipts_bad`, "
        "`vote_phones_bad`.",
        ballots.Prepared,
    ),
    "vote_order": Order(
        Act.VOTE_PREPARE,
        ballots.Ordered,
        ballots.reorder,
        "Set the order of the prepared votes. They open in this order. Refused with `not_stored`, `vote_order_bad`.",
    ),
    "vote_open": Order(
        Act.VOTE_OPEN,
        ballots.Opening,
        ballots.open_,
        "Open the next prepared vote. Who is entitled is frozen now; `expected` empty means all who are present and may vote. "
        "Refused with `not_stored`, `vote_not_next`, `vote_open_already`, `vote_entitled_bad`, `vote_secret_few`.",
    ),
    "vote_admit": Order(
        Act.VOTE_OPEN,
        ballots.Late,
        ballots.admit,
        "Entitle a participant who came late, or count its late delegates. Refused with `not_stored`, `vote_begun` after the "
        "first ballot.",
    ),
    "vote_withdraw": Order(
        Act.VOTE_CARDS,
        ballots.Withdrawn,
        ballots.withdraw,
        "Take back the cards for phones of a site that have no ballot, and give the site a new code. Leaders do so at each site, "
        "others at their own. Refused with `not_stored`, `vote_state`, `vote_cards_none`, `vote_withdrawals_many`.",
    ),
    "vote_count": Order(
        Act.VOTE_COUNT,
        ballots.HallHands,
        ballots.count,
        "Enter or correct the raised hands of a hall. Refused with `not_stored`, `vote_hands_many` if there are more hands than "
        "present delegates.",
    ),
    "hands": Order(
        Act.BALLOT,
        ballots.OwnHands,
        ballots.hands,
        "Enter or correct the raised hands of the own hall. Refused as `vote_count`.",
    ),
    "ballot": Order(
        Act.BALLOT,
        ballots.Ballot,
        ballots.cast,
        "Cast the own ballot. A ballot by name may be changed until the closing; a secret ballot is final. Refused with "
        "`not_stored`, `vote_state`, `vote_not_entitled`, `vote_cast_already`, `vote_choice_bad`.",
        ballots.Recorded,
    ),
    "my_ballot": Order(Act.BALLOT, Nothing, ballots.own, "Read the own part in the open vote.", ballots.Own),
    "vote_close": Order(
        Act.VOTE_CLOSE,
        ballots.Voted,
        ballots.close,
        "Close and count the open vote. The result is in the document. Refused with `not_stored`, `vote_state`.",
    ),
    "vote_annul": Order(
        Act.VOTE_ANNUL,
        ballots.Annulled,
        ballots.annul,
        "Annul a vote with a reason. An open secret vote loses its ballots at once. Refused with `not_stored`, `vote_state`.",
    ),
}
"""The orders of votes (`ballots.py`)."""

ORDERS: Final[Mapping[str, Order]] = {
    "mute_one": Order(
        Act.MUTE_ONE,
        Whom,
        performing.mute_one,
        "Mute a microphone at once. A participant may switch it on again; a hall may only after a host has asked.",
    ),
    "unmute_ask": Order(
        Act.UNMUTE_ASK,
        Whom,
        performing.unmute_ask,
        "Ask a participant to unmute. A browser shows a question with a button; a hall hears and reads which key to press. "
        "Refused with `microphone_on`, `microphone_denied`, `floor_needed`, `in_recess`.",
    ),
    "lower_hand": Order(Act.LOWER_HAND, Whom, performing.lower_hand, "Lower the raised hand of a participant."),
    "mute_all": Order(
        Act.MUTE_ALL,
        Muting,
        performing.mute_all,
        "Mute every microphone except that of the person who asks, and of those who have the floor if `spare_floor`.",
        Muted,
    ),
    "mute_all_undo": Order(
        Act.MUTE_ALL,
        Undoing,
        performing.mute_all_undo,
        "Unmute the halls that `mute_all` muted, and ask the other participants: the server switches on no browser's "
        "microphone. Refused with `undo_gone`.",
        Undone,
    ),
    "remove": Order(
        Act.REMOVE,
        Removing,
        performing.remove,
        "Remove a participant. Its tokens become invalid. A hall is hung up and not called again. `keep_out` lasts until a "
        "host pardons (`lobby/pardon`). Refused with `host_stays`.",
    ),
    "begin": Order(
        Act.BEGIN,
        Nothing,
        performing.begin,
        "Open the meeting (khai mạc). The halls that wait see it now. The microphones of the chair's halls go on, and the "
        "other halls may switch theirs on. Refused with `not_on_now`.",
    ),
    "extend": Order(
        Act.EXTEND,
        Extending,
        performing.extend,
        "Extend the booked end, if halls and people are free. Otherwise the refusal says who comes next, and which extension "
        "is free. Refused with `overlap`, `capacity`, `not_running`.",
        Extended,
    ),
    "end": Order(
        Act.END,
        Nothing,
        performing.end,
        "End the meeting for all, with its halls. A booked date that has begun ends too, and no participant can enter it "
        "again.",
    ),
    "admit": Order(
        Act.ADMIT,
        Admitting,
        performing.admit,
        "Admit one, some or all users who wait in the lobby. Refused with `knock_unknown` if none of the users waits.",
        Admitted,
    ),
    "note": Order(
        Act.NOTE,
        notes.Noting,
        notes.write,
        "Store a note of the secretary about a booked date. Refused with `not_booked`, `note_changed` if another writer has "
        "changed the note since `version`, `note_early`, `note_stopped`, `note_limit`, `note_long`.",
        notes.Noted,
    ),
    "chat_say": Order(
        Act.CHAT,
        chatting.Saying,
        chatting.say,
        "Write a line of the chat, for a desk without a call. Refused with `chat_off`, `chat_too_long`, `participant_not_found`, "
        "`line_unknown`.",
        chatting.Line,
    ),
    "chat_lines": Order(
        Act.CHAT,
        chatting.Since,
        chatting.read,
        "Read the kept lines of the chat that the giver may read. A closed session keeps no line.",
        chatting.Lines,
    ),
    **AGENDA,
    **VOTES,
    **{
        perform.__name__: Order(act, fields, perform, says, answer) for act, fields, perform, says, answer in floor.ROWS
    },
    **{
        perform.__name__: Order(act, fields, perform, says, course.ANSWERS.get(perform.__name__, Done))
        for act, fields, perform, says in course.ROWS
    },
}


OWN: Final = frozenset((Act.END_TURN,))
"""The acts that everybody may do for oneself, for example end the own turn. The chair asks the right."""


async def perform(
    around: Doorway, found: Bearer, name: str, fields: Message, address: str, way: Way = "desk"
) -> Message:
    """Check the giver's right and rate, and perform the order. Raise Refusal."""
    order, by = ORDERS[name], authority.given_by(around, found, way)
    if found.in_call and not found.leads and WAITS in found.grants.attributes:
        raise Refusal("waits_outside", *OUTSIDE)
    target = _target(around, found, fields)
    if order.act not in OWN and not rights.may(by.role, order.act, target):
        stays = rights.may(by.role, order.act)
        raise Refusal("host_stays", *performing.TEXTS["host_stays"]) if stays else Refusal("not_allowed", *NOT_ALLOWED)
    if not _takes(around, found, name):
        raise Refusal("too_many_requests", *TOO_MANY)
    given = Given(around, found.token.conference, found.grants, address, by)
    return await order.perform(given, fields) or Done()


def _takes(around: Doorway, found: Bearer, name: str) -> bool:
    """Count the order of this person. Report False if there were too many of its name."""
    of_members = Throttle(around.shared, "orders", limits.ORDERS_PER_MINUTE, at_once=limits.ORDERS_AT_ONCE)
    of_leaders = Throttle(around.shared, "orders of leaders", limits.LEADER_ORDERS_PER_MINUTE)
    rate = of_leaders if found.leads else of_members
    return rate.takes_key(f"{found.token.conference} {name} {found.grants.identity}", around.now())


def allowed(found: Bearer) -> list[str]:
    """Return the orders that the bearer may give now."""
    return [name for name, order in ORDERS.items() if rights.may(found.role, order.act) or order.act in OWN]


def read(name: object, fields: object) -> Message:
    """Return the checked fields of an order. Raise Refusal `order_unknown`, `order_unreadable`."""
    order = ORDERS.get(name) if isinstance(name, str) else None
    if order is None:
        raise Refusal("order_unknown", *UNKNOWN)
    try:
        return order.fields.model_validate(fields, strict=True)
    except ValidationError as error:
        raise Refusal("order_unreadable", *UNREADABLE) from error


def _target(around: Doorway, found: Bearer, fields: Message) -> Role | None:
    """Return the role of the participant at whom the order aims, or None."""
    if not isinstance(fields, Whom):
        return None
    found_here = authority.meeting(around, found.token.conference)
    return role_of(found_here.machines, fields.identity) if fields.identity in found_here.participants else None
