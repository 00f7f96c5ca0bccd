"""Sites (điểm cầu), halls, terminals and networks: where one can meet, and with what."""
