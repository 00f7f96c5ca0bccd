"""Hall terminals, above the protocols: calls in and out, the board of the operator, profiles of devices, readiness."""
