"""What goes out by itself: mails with invitations, reminders and approvals, webhooks; and the answers that come back by mail.

`works(...)` names every kind of job, `Worker(database, works, now).run()` does them. `replies.read` reads one mail that came in.
Who is told what is decided in `rooms.meetings.invitations`.
"""

from signaling.notify.mail import Mailer, MailServer
from signaling.notify.replies import NoReply, read
from signaling.notify.worker import GiveUp, Later, Work, Worker, in_transaction
from signaling.notify.works import works

__all__ = [
    "GiveUp",
    "Later",
    "MailServer",
    "Mailer",
    "NoReply",
    "Work",
    "Worker",
    "in_transaction",
    "read",
    "works",
]
