"""Accounts, sign-ins, second factors, roles granted."""
