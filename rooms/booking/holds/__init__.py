"""Reservations of halls, terminals, people and capacity; clashes; free times; and restored reservations."""
