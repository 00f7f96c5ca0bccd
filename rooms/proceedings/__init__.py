"""The record of live meetings: states for a restart, what happened, who was there, who spoke, and chat.

`signaling.meetings.proceedings` decides when something is stored. This package owns the rows and their retention.
"""
