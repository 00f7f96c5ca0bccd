"""Routes of conferences that run: start, join, host, and lobby."""
