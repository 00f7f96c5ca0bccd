"""The notices in the page: one row for each account and event, with a read state, kept for 90 days.

A kind of notice needs five things. (1) Its name in `kinds.KINDS`; `TASKS` if it stays open until the task is done.
(2) A job `notice.…` that a package below stores by its name with `outbox.enqueue`, in the transaction of the change.
(3) A handler in `events.HANDLERS`: it chooses the accounts (`recipients`) and calls `records.tell` with a `News`.
The key `dedupe` names the event, so that a job that runs twice makes one row. (4) Where the kind is a task, a line in
`settling.settle`, which closes the notice when the stored state needs nothing any more. (5) In the page, a row in
`web/src/desk/words/notices.ts` (icon, text, button, path) and its texts in `web/src/i18n/desk/*/notices.ts`.
No row holds a title. Bell, list, live channel and push need no change for a new kind.
"""
