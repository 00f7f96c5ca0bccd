"""Protocols of the things that a conference needs from outside; no behaviour."""
