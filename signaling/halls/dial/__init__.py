"""Who calls the halls of a date: the schedule, its news, and whether a terminal can be reached."""
