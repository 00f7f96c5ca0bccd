"""One call of a hall terminal, its menu, its operator's answers, and what a restart keeps of it."""
