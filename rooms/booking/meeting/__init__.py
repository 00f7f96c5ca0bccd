"""One meeting as it is stored: who is invited, what is called, who may read it, its history and what becomes due."""
