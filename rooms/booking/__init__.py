"""Taking halls, terminals, people and capacity for a date, all or none, and giving them back."""
