"""Hall terminals as participants: their lines, keypads, and how they are called."""
