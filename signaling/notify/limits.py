"""All limits of mail and webhooks. The suffix `_S` means seconds. A figure without a source is chosen."""

JOBS_AT_ONCE = 8
"""Jobs of one worker at the same time. More: more connections to the database. Fewer: slow mails delay all other jobs."""
LEASE_S = 180.0
"""Lease of a job; a job is stopped after 90 % of this time and retried. Longer: the jobs of a killed worker wait longer.
Shorter: slow mails are sent twice.
"""
IDLE_S = 20.0
"""Interval at which an idle worker looks for due jobs and jobs of other processes; work of this process wakes it. Each look
costs some 4 ms of CPU with cold caches. Longer: reminders are late. Shorter: more CPU.
"""
GRACE_S = 5.0
ATTEMPTS = 8

SMTP_WAIT_S = 30.0
MAILS_AT_ONCE = 4
"""Connections to the mail server. More: the mail server may refuse them. Fewer: a large invitation takes longer."""
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
"""Pauses between tries, over about a day. Source: recommendation of Standard Webhooks. Longer: late events after a failure.
Shorter: a receiver that is down for hours loses events.
"""
WEBHOOK_ADDRESSES = 16
LIVE_WEBHOOK_QUEUE = 2000
"""Events of live conferences that wait for one address. More: memory. Fewer: a short failure of a receiver loses events."""
LIVE_WEBHOOK_RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses between tries of a live event; after a minute the event is given up. Longer: old events delay new ones. Shorter: a
restart of the receiver loses events.
"""
LIVE_WEBHOOK_GRACE_S = 3.0
"""Wait for the queue at the stop of the server. Longer: the server stops later. Shorter: the last events are lost."""
WEBHOOK_ERROR_CHARACTERS = 200
