"""Reserve halls, terminals, people and capacity for a date, all or none, and release them.

The package has five folders. Each folder imports only the folders below it in this list:

- `changes` creates, approves, edits and ends a booking.
- `planning` holds requests and the plans that are made from them.
- `holds` knows which resources are taken and which are free.
- `meeting` holds the stored parts of one meeting: attendees, call list, history, readers.
- `rules` holds the calendar, the rules of units and recurrence.
"""
