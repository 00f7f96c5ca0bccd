"""The legs of each date, the state of each leg, and the alarms for an operator. All rows are durable, so that a restarted
server continues.

A leg is one terminal in one date. Each pair of terminal and date has at most one leg. The worker that calls the terminal holds
the lease of the leg. `conference.halls.dialout` decides about the leg, and uses no rows.
"""
