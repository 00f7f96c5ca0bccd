"""The conversion between the models of the API and the plain objects of `rooms.booking`."""

from collections.abc import Mapping, Sequence
from typing import Any

from rooms.booking.planning import requests
from rooms.meetings import entry
from rooms.meetings.views import Displacer, MeetingView
from rooms.store.tables.booking import Proposal, Reservation
from rooms.store.tables.meetings import Attendee, DateAnswer
from rooms.store.tables.meetings import Meeting as MeetingRow
from rooms.store.tables.meetings import Occurrence as OccurrenceRow
from signaling.api.models import limits
from signaling.api.models import meetings as models
from signaling.api.models.booking import CallGap, CallLine, ChangeLine
from signaling.api.models.parts import shown


def request_of(wanted: models.MeetingFields) -> requests.Request:
    """Return the request for `rooms.booking`, which refuses a secret request before it reads any other field."""
    values = wanted.model_dump(exclude={"attendees", "documents", "agenda", "class_"})
    return requests.Request(
        **{**values, **_lists(wanted), **_tuples(values, ("hall_ids", "terminal_ids", "uncalled_ids", "skip"))},
        class_=wanted.class_ or "",
    )


def changes_of(wanted: models.MeetingChanges) -> dict[str, Any]:
    """Return the given fields in the form of `rooms.booking.changes.editing.edit`."""
    given = wanted.model_dump(exclude_none=True, exclude={"scope", "occurrence_id", "attendees", "documents", "agenda"})
    if "call_ahead_min" in wanted.model_fields_set:
        given["call_ahead_min"] = wanted.call_ahead_min  # null has a meaning here: as the meeting type says
    if "rehearsal_at" in wanted.model_fields_set:
        given["rehearsal_at"] = wanted.rehearsal_at  # null: no rehearsal
    return {**given, **_lists(wanted), **_tuples(given, ("hall_ids", "terminal_ids", "uncalled_ids"))}


def _lists(wanted: Any) -> dict[str, Any]:
    kinds = {
        "attendees": requests.AttendeeRequest,
        "documents": requests.DocumentRequest,
        "agenda": requests.AgendaItem,
    }
    return {
        name: tuple(kind(**one.model_dump()) for one in getattr(wanted, name))
        for name, kind in kinds.items()
        if getattr(wanted, name) is not None
    }


def _tuples(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: tuple(values[name]) for name in names if name in values}


def meeting_of(view: MeetingView, names: Mapping[str, str]) -> models.Meeting:
    """Return the model of a meeting. `names`: the names of units and people by identifier."""
    row = view.meeting
    kept = _reservations(view.reservations, names)
    dates = [
        occurrence_of(one, kept.get(one.id, []), view.displaced.get(one.id)) for one in view.occurrences[: limits.PAGE]
    ]
    whole = [one for one in view.wanted if not one.occurrence_id]
    return shown(
        models.Meeting,
        row,
        pin=view.pin,
        calls_ahead_min=view.type_.call_ahead_min if row.call_ahead_min is None else row.call_ahead_min,
        type_name=view.type_.name,
        type_name_en=view.type_.name_en,
        host_unit_name=view.unit.name,
        chair_name=names.get(row.chair_id or "", ""),
        secretary_name=names.get(row.secretary_id or "", ""),
        secretary_deputy_name=names.get(row.secretary_deputy_id or "", ""),
        operator_name=names.get(row.operator_id or "", ""),
        operator_deputy_name=names.get(row.operator_deputy_id or "", ""),
        starts_at=row.first_starts_at,
        agenda=[models.AgendaItem(**one) for one in row.agenda],
        documents=[shown(models.Document, one) for one in view.documents],
        occurrences=dates,
        steps=[
            shown(
                models.Step,
                one,
                unit_name=names.get(one.unit_id, ""),
                decided_by_name=names.get(one.decided_by, ""),
            )
            for one in view.steps
        ],
        attendees=[attendee_of(one, names, view.date_answers.get(one.id, ())) for one in view.attendees],
        hall_ids=[one.resource_id for one in whole if one.kind == "hall"],
        terminal_ids=[one.resource_id for one in whole if one.kind == "terminal"],
        calls=[CallLine.model_validate(one) for one in view.calls.lines],
        call_gaps=[CallGap.model_validate(one) for one in view.calls.gaps],
        notice_due=view.notice_due,
        conclusion_due=view.conclusion_due,
        pending=_pending(view.proposal, names),
        rehearsal=shown(models.RehearsalDate, view.rehearsal) if view.rehearsal else None,
        rehearses=shown(models.Rehearsed, view.rehearses) if view.rehearses else None,
        undo_until=view.undo_until,
        can=list(view.can),
    )


def _pending(row: Proposal | None, names: Mapping[str, str]) -> models.PendingChange | None:
    if row is None:
        return None
    lines = [ChangeLine(**one) for one in row.lines]
    return shown(models.PendingChange, row, by_name=names.get(row.by, ""), lines=lines)


def attendee_of(row: Attendee, names: Mapping[str, str], alone: Sequence[DateAnswer] = ()) -> models.Attendee:
    """Return the model of an attendee. `alone`: answers for single dates."""
    dates = [shown(models.DateAnswer, one) for one in alone]
    return shown(models.Attendee, row, unit_name=names.get(row.unit_id or "", ""), dates=dates)


def occurrence_of(
    row: OccurrenceRow, reservations: Sequence[models.Reservation] = (), displaced: Displacer | None = None
) -> models.Occurrence:
    by = shown(models.Displacer, displaced) if displaced is not None else None
    return shown(models.Occurrence, row, opens_at=entry.opens_at(row), reservations=list(reservations), displaced=by)


def _reservations(rows: Sequence[Reservation], names: Mapping[str, str]) -> dict[str, list[models.Reservation]]:
    found: dict[str, list[models.Reservation]] = {}
    for one in rows:
        made = shown(models.Reservation, one, name=names.get(one.resource_id, ""))
        found.setdefault(one.occurrence_id, []).append(made)
    return found


def summary_of(row: MeetingRow, dates: Mapping[str, Any], names: Mapping[str, str]) -> models.MeetingSummary:
    """Return the model of a meeting in a list. `dates`: (start, end) of the next date by meeting."""
    starts_at, ends_at = dates.get(row.id, (row.first_starts_at, row.first_starts_at))
    unit = names.get(row.host_unit_id, "")
    return shown(models.MeetingSummary, row, starts_at=starts_at, ends_at=ends_at, host_unit_name=unit)
