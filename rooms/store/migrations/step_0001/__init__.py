"""The tables of step 0001, by the part of `rooms` that owns them."""
