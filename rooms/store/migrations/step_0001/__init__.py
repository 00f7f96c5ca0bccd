"""The tables of step 0001, by the package of `rooms` that owns them."""
