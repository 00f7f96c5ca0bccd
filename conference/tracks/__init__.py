"""Tracks: how they are published, who receives them, who speaks, and how good the lines are."""
