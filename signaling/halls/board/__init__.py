"""The operators' board: the halls of a date, and the orders that operators give to the halls."""
