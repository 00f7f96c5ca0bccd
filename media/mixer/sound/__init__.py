"""Sound of the mixer: codecs, playout, lip sync, mixing, announcements."""
