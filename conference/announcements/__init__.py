"""What the system says to a hall: the words, and their recordings beside this file."""
