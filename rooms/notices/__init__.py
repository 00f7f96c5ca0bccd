"""The notices in the page: one row for each account and event, with a read state, kept for 90 days.

A kind of notice needs five things.

- Its name is in `kinds.KINDS`. The name is also in `TASKS` if the notice stays open until the task is done.
- A package below stores a job `notice.…` by its name with `outbox.enqueue`, in the transaction of the change.
- A handler in `events.HANDLERS` chooses the accounts (`recipients`) and calls `records.tell` with a `News`. The key `dedupe`
  names the event, so that a job that runs twice makes one row.
- For a task, a line in `settling.settle` closes the notice when the stored state needs nothing any more.
- The page has a row in `web/src/desk/words/notices.ts` (icon, text, button, path), and texts in `web/src/i18n/desk/*/notices.ts`.

No row holds a title. Bell, list, live channel and push need no change for a new kind.
"""
