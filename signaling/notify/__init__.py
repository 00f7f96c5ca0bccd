"""What goes out by itself: mails with invitations, reminders and approvals, webhooks; and the answers that come back by mail.

`works(...)` names every kind of job, `Worker(database, works, now).run()` does them. `read` reads one mail that came in. Who is
told what is decided in `rooms.meetings.invitations`.
"""

from signaling.notify.limits import REPLY_BYTES
from signaling.notify.live import LiveWebhooks
from signaling.notify.mail import Mailer, MailRefused, MailServer, build
from signaling.notify.notices import trial
from signaling.notify.replies import NoReply, read
from signaling.notify.worker import GiveUp, Later, Work, Worker, in_transaction
from signaling.notify.works import works

__all__ = [
    "REPLY_BYTES",
    "GiveUp",
    "Later",
    "LiveWebhooks",
    "MailRefused",
    "MailServer",
    "Mailer",
    "NoReply",
    "Work",
    "Worker",
    "build",
    "in_transaction",
    "read",
    "trial",
    "works",
]
