"""Meetings and their dates, attendees, answers and letters: what is planned, and who was told."""
