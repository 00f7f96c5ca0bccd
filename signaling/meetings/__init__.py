"""The connection between a booking and a running conference."""
