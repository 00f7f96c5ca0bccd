"""The bounds of the halls' calls. The folder imports nothing else of the halls."""
