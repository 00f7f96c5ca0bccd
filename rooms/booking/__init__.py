"""Taking halls, terminals, people and capacity for a date, all or none, and giving them back.

Five folders, from the top down; each imports only those below. `changes` creates, approves, edits and ends a booking. `planning`
holds what is asked for and the plan that it becomes. `holds` says what is taken and what is free. `meeting` holds what is stored
of one meeting: attendees, call list, history, readers. `rules` holds the calendar, the rules of units and recurrence.
"""
