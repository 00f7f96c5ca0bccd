"""Taking halls, terminals, people and capacity for a date, all or none, and giving them back.

`requests` and `plans` say what is wanted, `clashes` and `previews` what stands in the way, `creation` takes, `approval` gives the
number, `editing`, `dates`, `restoring` and `precedence` change, `grid` and `views` show, `timers` act by the clock.
"""

from rooms.booking.changes import timers
from rooms.booking.changes.approval import Waiting, require_open, submit, waiting
from rooms.booking.changes.class_changes import ClassChanged, lower_class, raise_class
from rooms.booking.changes.creation import Made, book, booked, create, forget_keys, note_secret
from rooms.booking.changes.dates import REASONS, cancel, closed, end_now, extend, opened, postpone, rebook
from rooms.booking.changes.deciding import decide
from rooms.booking.changes.editing import edit
from rooms.booking.changes.precedence import Displaced, InTheWay, Moved, displace, in_the_way
from rooms.booking.changes.proposals import withdraw as withdraw_change
from rooms.booking.changes.undoing import undo
from rooms.booking.holds.clashes import Clash, FreeTime, Place
from rooms.booking.holds.grid import AvailabilityQuery, Board, BoardEntry, BoardHall, Slot, availability, board, mine_of
from rooms.booking.meeting.history import changes
from rooms.booking.planning.previews import Preview, PreviewDate, Warned, preview
from rooms.booking.planning.requests import AgendaItem, AttendeeRequest, DocumentRequest, Request
from rooms.booking.planning.templates import (
    copy_last,
    delete_list,
    delete_template,
    from_template,
    last_of_type,
    lists,
    save_list,
    save_template,
    templates,
)
from rooms.booking.rules import calendar
from rooms.booking.rules import unit_rules as rules
from rooms.meetings.views import MeetingView, SearchQuery, meeting_view, names_of_made, next_dates, search, view_of_made

__all__ = [
    "REASONS",
    "AgendaItem",
    "AttendeeRequest",
    "AvailabilityQuery",
    "Board",
    "BoardEntry",
    "BoardHall",
    "Clash",
    "ClassChanged",
    "Displaced",
    "DocumentRequest",
    "FreeTime",
    "InTheWay",
    "Made",
    "MeetingView",
    "Moved",
    "Place",
    "Preview",
    "PreviewDate",
    "Request",
    "SearchQuery",
    "Slot",
    "Waiting",
    "Warned",
    "availability",
    "board",
    "book",
    "booked",
    "calendar",
    "cancel",
    "changes",
    "closed",
    "copy_last",
    "create",
    "decide",
    "delete_list",
    "delete_template",
    "displace",
    "edit",
    "end_now",
    "extend",
    "forget_keys",
    "from_template",
    "in_the_way",
    "last_of_type",
    "lists",
    "lower_class",
    "meeting_view",
    "mine_of",
    "names_of_made",
    "next_dates",
    "note_secret",
    "opened",
    "postpone",
    "preview",
    "raise_class",
    "rebook",
    "require_open",
    "rules",
    "save_list",
    "save_template",
    "search",
    "submit",
    "templates",
    "timers",
    "undo",
    "view_of_made",
    "waiting",
    "withdraw_change",
]
