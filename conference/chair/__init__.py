"""The chair of a meeting: roles, the speaking floor, rules for microphones, breaks, roll call, votes and agenda.

Each machine is pure: a frozen state, a table of events, and `step`. Only `chair.py` has effects.
"""
