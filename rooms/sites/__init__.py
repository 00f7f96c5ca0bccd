"""Sites (điểm cầu), their halls and terminals, and the networks of the terminals."""
