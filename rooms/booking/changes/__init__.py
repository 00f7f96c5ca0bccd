"""The changes of a booking, from creation and approval to the last date. Each change is one transaction."""
