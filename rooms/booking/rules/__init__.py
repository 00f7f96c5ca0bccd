"""What may be booked at all: days that are worked, hours and quotas of units, recurrence, and the settings of the province."""
