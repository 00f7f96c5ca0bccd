"""Accounts, sign-ins, second factors, role grants."""
