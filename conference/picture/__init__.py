"""The pictures and the sound that halls get, and the right to present."""
