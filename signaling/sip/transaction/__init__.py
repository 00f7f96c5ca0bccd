"""Transactions with their timers and transports."""
