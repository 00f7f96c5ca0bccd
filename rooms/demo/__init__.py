"""A month of meetings in an invented province (`tayninh-2025`) for tests by users: half in the past, half in the future.

The same day gives the same data. `loading.load` loads the data into an empty installation in one transaction. `loading.offered`
reports whether this is possible.
"""
