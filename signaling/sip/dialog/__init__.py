"""Dialogs, digest authentication, and requests with their retries."""
