"""Participants: their connections, and the notifications to other participants about them."""
