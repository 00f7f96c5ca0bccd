"""What a date takes for itself: halls, terminals, people and capacity; clashes, free times, and taking again."""
