"""Entry to a conference: the admission check, and the lobby where people wait for admission."""
