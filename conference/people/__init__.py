"""One participant, its connection, and what the others learn of it."""
