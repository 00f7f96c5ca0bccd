"""Rules for bookings: working days, hours and quotas of units, recurrence, and the settings of the province."""
