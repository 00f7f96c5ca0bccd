"""What all of `media` stands on: plain values, bounds, errors, and the words spoken with the packet plane."""
