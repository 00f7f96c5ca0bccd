"""Protocols of what a conference needs from outside; no behaviour."""
