"""The routes of the secretariats' desk, one file for each group of resources.

Each route states its right (`signaling.host.declared.needs`), reads with `visit.read` and changes with `visit.write` in one
transaction. `rooms` decides the rights and the meaning.
"""
