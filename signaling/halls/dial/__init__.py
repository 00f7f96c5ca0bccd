"""The caller of the halls of a date: the schedule, the events of each call, and whether a terminal can be reached."""
