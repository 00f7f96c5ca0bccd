"""What operators see of the halls of a date, and what they order."""
