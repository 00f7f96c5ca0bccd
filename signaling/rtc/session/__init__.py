"""A browser session: its beginning, its requests, its end."""
