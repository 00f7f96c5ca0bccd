"""Sites (điểm cầu), their halls and terminals, the networks they stand in."""
