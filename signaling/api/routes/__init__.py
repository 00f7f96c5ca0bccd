"""The routes of the secretariats' desk, a file for each group of resources.

Each states its right (`signaling.host.declared.needs`), reads with `visit.read` and changes with `visit.write` in one
transaction; what is allowed and what it means is decided in `rooms`.
"""
