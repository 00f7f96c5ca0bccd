"""The course of a meeting: the roll call, the breaks, and what the chair shows.

Each machine is pure: a frozen state, a table of events, and `step`. `calling.py` and `pauses.py` carry out the effects.
"""
