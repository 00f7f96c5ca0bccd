"""The base of all of `media`: plain values, limits, errors, and the interface to the packet plane."""
