"""Outgoing messages: mails with invitations, reminders and approvals, and webhooks. Also the answers that come back by mail.

`works(...)` lists every kind of job, and `Worker(database, works, now).run()` runs the jobs. `read` reads one received mail.
`rooms.meetings.invitations` decides who gets which mail.
"""
