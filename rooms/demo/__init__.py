"""A month of meetings of an invented province (`tayninh-2025`), half of it past and half to come, to try everything with.

The same for the same day. `loading.load` puts it into an empty installation in one transaction; `loading.offered` tells whether
it may.
"""
