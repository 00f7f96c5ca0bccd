"""Meetings for readers and attendees: views, entry, answers, letters, notices and feeds."""
