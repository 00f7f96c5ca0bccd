"""What goes out by itself: mails with invitations, reminders and approvals, webhooks; and the answers that come back by mail.

`works(...)` names every kind of job, `Worker(database, works, now).run()` does them. `read` reads one mail that came in. Who is
told what is decided in `rooms.meetings.invitations`.
"""
