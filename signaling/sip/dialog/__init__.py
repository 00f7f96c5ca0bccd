"""Dialogs, calls, registrations and subscriptions, and the agent that owns them."""
