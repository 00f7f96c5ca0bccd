"""All limits of mail and webhooks. The suffix `_S` means seconds. A figure without a source is chosen."""

JOBS_AT_ONCE = 8
"""Jobs (mails, webhooks) that one process does at the same time; further ones wait. More: more connections to the database;
mails stay at MAILS_AT_ONCE (4). Fewer: slow mails delay all other jobs.
"""
LEASE_S = 180.0
"""Seconds for which a job (mail, webhook) belongs to the process that took it. After 90 % of this time the job is stopped and
tried again. Longer: the jobs of a killed process wait longer. Shorter: slow mails are sent twice.
"""
IDLE_S = 20.0
"""Seconds between two searches for due jobs (mails, webhooks) and for jobs of other processes; work of this process starts a
search at once. Each costs some 4 ms of CPU with cold caches. Longer: reminders are late. Shorter: more CPU.
"""
GRACE_S = 5.0
"""Seconds at most that running jobs (mails, webhooks) get when the server stops. Chosen. Longer: the server stops later, but
only if a job does not end. Shorter: mails are cut off, and sent again after 180 s (LEASE_S).
"""
ATTEMPTS = 8
"""Attempts of a job (mail, webhook); then the job has failed, and an administrator sees it. Chosen. More: errors are reported
later. Fewer: a mail is lost while the mail server is down.
"""

SMTP_WAIT_S = 30.0
"""Seconds for each answer of the mail server; then the attempt has failed. Chosen. Longer: only a mail server that hangs holds
its connections longer, so other mails wait. Shorter: slow mail servers look dead.
"""
MAILS_AT_ONCE = 4
"""Connections to the mail server at the same time; further mails wait. More: the mail server may refuse them; above
JOBS_AT_ONCE (8) there is no effect. Fewer: a large invitation takes longer.
"""
SUBJECT_CHARACTERS = 200
"""Characters of a mail's subject; the rest is cut. Chosen. More: mail programs cut the subject. Fewer: long titles are cut."""
MAIL_BYTES = 2 * 1024 * 1024
"""Bytes of one mail; a longer mail is given up. Chosen. Larger: mail servers refuse the mail. Smaller: letters with attachments
are not sent.
"""

REPLY_BYTES = 512 * 1024
"""Bytes of a mail with an answer to an invitation; a larger mail is dropped, and its sender is not notified. Chosen. Larger: a
hostile mail costs more time and memory. Smaller: answers that quote a long mail are lost.
"""
REPLY_PARTS = 30
"""Parts of a mail with an answer; a mail with more is dropped. Chosen. More: a hostile mail costs more time, up to REPLY_BYTES
(512 KiB). Fewer: answers with many attachments are lost.
"""
REPLY_HEADERS = 500
"""Header lines of a mail with an answer; a mail with more is dropped. Chosen. More: a hostile mail costs more time. Fewer:
mails through many servers are lost.
"""
REPLY_HEADER_BYTES = 2000
"""Bytes of one header of a mail with an answer, or of its parts; a mail with a longer one is dropped. Only From,
Auto-Submitted and Content-… headers count. Chosen. Larger: a hostile header costs more time to parse. Smaller: mails with long
names of senders or files are lost.
"""
REPLY_CALENDAR_BYTES = 64 * 1024
"""Bytes of the calendar entry in a mail with an answer; the mail of a longer one is dropped. Chosen. Larger: a hostile entry
costs more time, up to REPLY_LINES (2000). Smaller: answers with long descriptions are lost.
"""
REPLY_LINES = 2000
"""Lines of the calendar entry in a mail with an answer; the mail of a longer entry is dropped. Chosen. More: a hostile entry
costs more time. Fewer: answers with many attendees are lost.
"""

IMAP_WAIT_S = 30.0
"""Seconds for each answer of the mailbox (IMAP); then the look into it has failed. Chosen. Longer: a server that hangs delays
the next look. Shorter: slow mail servers look dead.
"""
REPLIES_AT_ONCE = 50
"""Mails that one look into the mailbox (IMAP) reads; the next look reads further ones. Chosen. More: one look takes longer, and
the server stops later. Fewer: many answers arrive later.
"""

WEBHOOK_WAIT_S = 10.0
"""Seconds for each read or write of a webhook delivery; then the try has failed. Chosen. Longer: only a receiver that hangs
delays other deliveries for longer. Shorter: deliveries to slow receivers fail.
"""
WEBHOOK_CONNECT_S = 5.0
"""Seconds for the connection of a webhook delivery; then the try has failed. Chosen. Longer: a receiver that does not answer
delays other deliveries for longer. Shorter: deliveries to receivers on slow networks fail.
"""
WEBHOOK_ANSWER_BYTES = 16 * 1024
"""Bytes of a receiver's answer that are read; the rest is ignored. Chosen. Larger: a hostile receiver costs more time. Smaller:
no effect on the delivery, because only the status counts.
"""
WEBHOOK_TRIES = 8
"""Tries of one webhook delivery; then the delivery is given up. Chosen: one more than the pauses in WEBHOOK_RETRY_S. More: no
effect, because the job ends after ATTEMPTS (8). Fewer: a receiver that is down for hours loses events.
"""
WEBHOOK_RETRY_S = (5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds between the tries of a webhook delivery: the first after 5 s, the last after 28 hours in all. Source: recommendation
of Standard Webhooks. Longer: late events after a failure. Shorter: a receiver that is down for hours loses events.
"""
WEBHOOK_ADDRESSES = 16
"""IP addresses of a webhook receiver's name that are checked. If one is inside our own network, the delivery is refused;
otherwise it goes to the first. Chosen. More: a hostile name costs more time. Fewer: a name that also has inner addresses is
accepted.
"""
LIVE_WEBHOOK_QUEUE = 2000
"""Events of running conferences that wait for one webhook address. Further events are dropped, and their number is sent later.
More: memory while a receiver is down. Fewer: a short failure of a receiver loses events.
"""
LIVE_WEBHOOK_RETRY_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds between the eight tries of one event of a running conference at one webhook address. Later events for this address
wait, to keep the order. After 60.5 s (the sum), and the time of the eight tries, the event is dropped. Longer: if a receiver is
down, its later events wait longer; those above 2000 (LIVE_WEBHOOK_QUEUE) are dropped. Shorter: a restart of the receiver loses
events.
"""
LIVE_WEBHOOK_GRACE_S = 3.0
"""Seconds at most that the server waits at its stop for the delivery of queued events of running conferences. Longer: the
server stops later, but only if a receiver does not take them. Shorter: the last events are lost.
"""
WEBHOOK_ERROR_CHARACTERS = 200
"""Characters of an error that are stored with a try of a delivery. Chosen. More: larger rows. Fewer: the cause of a failure is
cut off.
"""

PUSH_TOKEN_S = 3600
"""Seconds for which the signature of a push is valid. RFC 8292 section 2 allows a day. Chosen. Longer: a stolen signature works
for longer. Shorter than some minutes: push services with a wrong clock refuse it.
"""
PUSH_TTL_S = 4 * 3600
"""Seconds for which a push service keeps a push for a browser that is away. Chosen. Longer: old news wakes a browser. Shorter:
a laptop that was closed over noon learns nothing.
"""
PUSH_RETRY_S = 60.0
"""Seconds until a push is tried again after the push service had an error. Chosen. Longer: news is late. Shorter: more tries."""
PUSH_LATE_S = 600.0
"""Seconds after which a push that could not be sent is dropped. Chosen. Longer: old news wakes a browser. Shorter: fewer tries
while a push service is away.
"""
