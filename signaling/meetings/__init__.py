"""What joins a booking to a running conference."""
