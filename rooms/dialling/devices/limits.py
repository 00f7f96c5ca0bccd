"""The limits of PCs in hall mode."""

PC_CODE_MIN = 15
"""Minutes for which the code for the enrolment of a PC works. Chosen. Longer: more time to guess it. Shorter: the operator must
hurry from the desk to the hall.
"""
PC_SEEN_S = 60
"""Seconds between two writes of the time at which a PC was seen. Chosen. Longer: PC_AWAY_S must be longer. Shorter: more writes.
"""
PC_AWAY_S = 150
"""Seconds without a request after which a PC counts as switched off. Chosen: two writes (PC_SEEN_S) may be late. Longer: a red
hall is shown late. Shorter: a PC on a bad network seems to be off.
"""
PC_DATES = 5
"""Coming dates that a PC shows. Chosen: the lines of a large screen. More: small letters. Fewer: the day is not seen."""
PC_DATES_READ = 40
"""Dates that the server compares to find those of a PC. Chosen: a week of a busy hall. More: longer queries. Fewer: a date may
be missing.
"""
PC_DAYS = 7
"""Days of the schedule of a PC. Chosen. More: dates that change. Fewer: the technician does not see the week."""
