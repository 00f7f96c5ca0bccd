"""The routes of running conferences: start, join, host, and lobby."""
