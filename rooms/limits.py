"""Every bound of `rooms`; a test stands at limit + 1 of each."""

# Database
BUSY_S = 30.0
CONNECTIONS = 16
POOL_WAIT_S = 10.0
STATEMENT_S = 30.0
ATTEMPTS = 5
RETRY_S = 0.02
