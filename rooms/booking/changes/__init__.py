"""Each change of a booking, from creation and approval to the last date, one transaction each."""
