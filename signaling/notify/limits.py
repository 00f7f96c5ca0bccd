"""Every bound of mail and webhooks."""

JOBS_AT_ONCE = 8
"""Of one worker."""
LEASE_S = 180.0
"""A job takes less than this, or is given to another worker."""
IDLE_S = 20.0
"""How often an idle worker looks for what has come due or came from another process; work of this process wakes it. Each look
costs some 4 ms of CPU with cold caches."""
GRACE_S = 5.0
ATTEMPTS = 8

SMTP_WAIT_S = 30.0
MAILS_AT_ONCE = 4
"""Connections to the mail server."""
SUBJECT_CHARACTERS = 200
MAIL_BYTES = 2 * 1024 * 1024

REPLY_BYTES = 512 * 1024
REPLY_PARTS = 30
REPLY_HEADERS = 500
REPLY_HEADER_BYTES = 2000
REPLY_CALENDAR_BYTES = 64 * 1024
REPLY_LINES = 2000

WEBHOOK_WAIT_S = 10.0
WEBHOOK_CONNECT_S = 5.0
WEBHOOK_ANSWER_BYTES = 16 * 1024
WEBHOOK_TRIES = 8
WEBHOOK_RETRY_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Standard Webhooks' recommendation: over about a day."""
WEBHOOK_ADDRESSES = 16
LIVE_WEBHOOK_QUEUE = 2000
"""Events of live conferences that wait for one address."""
LIVE_WEBHOOK_RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""They are told while they are news: after a minute one is given up."""
LIVE_WEBHOOK_GRACE_S = 3.0
"""When the server stops."""
WEBHOOK_ERROR_CHARACTERS = 200
