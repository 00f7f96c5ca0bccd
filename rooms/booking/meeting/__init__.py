"""The stored parts of one meeting: attendees, call list, readers, history and jobs."""
