"""Transactions and their timers, transports, and what is refused before a transaction exists."""
