"""Which halls are called for which date, how far each is, and what an operator has to look at: durable, so that a server that was
killed goes on where it stood.

A leg is one terminal of one date, there once at most. Whoever calls it holds its lease. What becomes of it is decided by
`conference.halls.dialout`, which knows no rows.
"""
