"""Who may come in: the decision of admission, and the lobby where people wait for it."""
