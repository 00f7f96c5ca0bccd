"""Readers and writers of SIP messages and their bodies. They keep no state."""
