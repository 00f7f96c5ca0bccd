"""The calls of hall terminals: one leg for each call, its menu, its lobby, and the calls to the operator."""
