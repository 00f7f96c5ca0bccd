"""The limits of `rooms`. A value without a source is chosen. A test checks each limit at limit + 1."""

# Database
BUSY_S = 30.0
"""Seconds that a connection of the embedded database (SQLite) waits for the write lock of another connection or process. Then
the write runs again, up to ATTEMPTS (5) times in all, and fails. Chosen. Longer: while a hung process holds the lock, writes
fail later. Shorter: bookings fail while a command writes much.
"""
CONNECTIONS = 16
"""Connections of one process to the database; further requests wait for up to 10 s (POOL_WAIT_S). Chosen. More: PostgreSQL
needs a process for each. Fewer: requests wait for a free connection.
"""
POOL_WAIT_S = 10.0
"""Seconds that a request waits for a free connection to the database; then it fails. Chosen. Longer: users wait for an
overloaded database. Shorter: requests fail in a short rush.
"""
STATEMENT_S = 30.0
"""Seconds of one statement on PostgreSQL; then the statement fails. Chosen. Longer: a hung statement holds its connection and
locks. Shorter: large reports and searches fail.
"""
ENDING_S = 5.0
"""Seconds. When a request is cancelled, its task waits at most this time for its commit or rollback. Longer: with a dead
database the cancellation takes longer, and so does the stop of the server. Shorter: a slow commit is cut off, and its
connection is lost.
"""
ATTEMPTS = 5
"""Runs of a write transaction that collides with another one, waits too long for a lock, or loses its connection; then the
request fails. Chosen. More: an overloaded database gets more work. Fewer: bookings fail when many users write at the same time.
"""
RETRY_S = 0.02
"""Seconds before the first repetition of a write transaction; the pause doubles each time. It is also the pause between two
tries of WAL_ATTEMPTS (250). Chosen. Longer: users wait. Shorter: the same transactions collide again.
"""
WAL_ATTEMPTS = 250
"""Tries to switch the embedded database (SQLite) to a write-ahead log while another process opens the file. The pause after
each is 0.02 s (RETRY_S), together five seconds; then the start fails. Chosen. More: the start waits longer for a file that
stays locked. Fewer: two processes that start together fail.
"""
WRITERS = 8
"""Write transactions that one process runs at the same time on PostgreSQL; further ones wait. More: writers use all 16
CONNECTIONS, and readers wait. Fewer: bookings wait for each other.
"""
JOB_WRITERS = 2
"""Jobs (notices, mails, timers) of one process that use the database at the same time; further ones wait first. More: people
wait for more jobs. Fewer: a job that waits for a lock holds all others up.
"""
JOB_WAIT_S = 0.5
"""Seconds at most that a job gives way to the people who use the database. So a busy server begins at least four jobs a second
(JOB_WRITERS / JOB_WAIT_S), and the others wait. Longer: notices are late while many people book at once; the last mail of an
invitation to 96 units comes after 24 s. Shorter: people wait for jobs. The notices of a large
booking cost as much as the booking.
"""
STATEMENTS_KEPT = 500
"""Prepared statements that each database connection keeps; the least recently used one is dropped. More: more memory. Fewer:
statements are prepared again, which costs CPU time.
"""
IDLE_CONNECTION_S = 1.0
"""Seconds. Before a connection to PostgreSQL that was idle for longer is used, the server is asked whether it is alive. Chosen.
Longer: after a restart of PostgreSQL a request fails. Shorter: more transactions pay for a round trip.
"""
SWITCH_S = 0.001
"""Seconds after which Python lets another thread of this process run, with an embedded database. Longer: the database thread
waits for its turn while it holds the write lock, so other writers wait too. Shorter: more CPU time for switches.
"""
TURN_S = 0.01
"""Seconds for which a transaction of the embedded database may run before other tasks of the event loop get a turn. Longer:
media and signalling are late. Shorter: the transaction holds the write lock for a longer time.
"""

# Invitations
ATTENDEE_REQUESTS = 1000
"""Entries of the attendee list of one booking, or of one stored list. An entry is a set of recipients, a unit, a person or a
guest. A longer list is refused. The REST API accepts only 600 entries in both (ATTENDEES of `signaling/api/models/limits.py`).
More: no effect in the REST API; only a booking that another system sends as a webhook can hold more. Fewer than 600: a large
conference cannot be booked entry by entry.
"""
INVITED = 2000
"""Units and people of one meeting, after sets of recipients are replaced by their members. A booking with more is refused.
More: more mails and rows for one meeting. Fewer: a conference of the whole province is refused.
"""
DATE_ANSWERS = 4000
"""Attendees' answers to single dates that are read together with a series, the next dates first. More: a slower page. Fewer:
answers for later dates are not shown.
"""
MAIL_ADDRESS_CHARACTERS = 254
"""Characters of a mail address; a longer one is refused. Source: RFC 5321 §4.5.3.1.3 allows 256 for a path, which is the
address and its two brackets. More: PostgreSQL refuses the row (its column holds 254). Fewer: valid addresses are refused.
"""
NAME_CHARACTERS = 200
"""Characters of a typed name or post (of a guest, a substitute or a letter template); a longer one is refused. A name typed
with a number and PIN is cut. Chosen. More: PostgreSQL refuses the row (its columns hold 200). Fewer: long names are refused.
"""
COMMENT_CHARACTERS = 500
"""Characters of a comment on an answer to an invitation; a longer one is refused. Chosen. More: no effect until the REST API
and the columns of PostgreSQL (500) allow more too. Fewer: long comments are refused.
"""
LETTER_TEXT_CHARACTERS = 20_000
"""Characters of one text field of a letter of invitation, or of one line of a list in it; a longer one is refused. Chosen.
More: a letter costs more time and memory. Fewer: long texts of letters are refused.
"""
LETTER_LINES = 2000
"""Lines of one list in a letter of invitation, for example recipients or sites. Typed lists with more are refused. Chosen.
More: a letter costs more time and memory. Fewer: letters of large conferences are refused or list fewer sites.
"""
TEMPLATE_BYTES = 5 * 1024 * 1024
"""Bytes of the DOCX file of a letter template; a larger file is refused. Chosen. Larger: no effect until the REST API
(UPLOAD_BYTES, 5 MiB) allows more too. Smaller: templates with pictures are refused.
"""
TEMPLATE_UNPACKED_BYTES = 50 * 1024 * 1024
"""Bytes of all unpacked files of a DOCX template; a template with more is refused. Chosen. Larger: a zip bomb uses up memory.
Smaller: templates with pictures are refused.
"""
TEMPLATE_ENTRIES = 1000
"""Files inside a DOCX template; a template with more is refused. Chosen. More: a hostile template costs more time. Fewer:
templates with many pictures are refused.
"""
TEMPLATE_RESULT_BYTES = 20 * 1024 * 1024
"""Bytes of a letter made from a template; a larger letter is not made. Chosen. Larger: more memory and storage for each letter.
Smaller: letters with pictures fail.
"""
TEMPLATE_CPU_S = 20
"""Seconds of CPU time of the process that fills a letter template; then the process is killed, and the letter fails. Chosen.
Longer: a hostile template takes a core for longer, at most TEMPLATE_WAIT_S (40 s). Shorter: long letters fail.
"""
TEMPLATE_WAIT_S = 40.0
"""Seconds that the server waits for the process that fills a letter template; then the letter fails. Chosen: twice
TEMPLATE_CPU_S (20 s). Longer: a user waits for a hung process. Shorter: letters fail on a busy machine.
"""
TEMPLATE_MEMORY_BYTES = 1024 * 1024 * 1024
"""Bytes of memory of the process that fills a letter template; with more, the letter fails. Chosen. Larger: a hostile template
uses up the machine's memory. Smaller: long letters fail.
"""
MAIL_TIMES = 8
"""Dates of a series that a mail lists; the mail only counts the others. More: long mails. Fewer: attendees must look for later
dates elsewhere.
"""
DECIDERS_MAILED = 50
"""People who get a mail about one request for approval of a booking. Chosen. More: one request causes many mails. Fewer: some
people who may decide get no mail.
"""
FEED_EVENTS = 2000
"""Dates of meetings in one calendar feed or in one answer of the public schedule, the earliest first; the rest is left out. A
feed begins 31 days ago (FEED_BEHIND_DAYS). Chosen. More: slower answers. Fewer: later dates are missing.
"""
FEED_BEHIND_DAYS = 31
"""Days before now that a calendar feed contains. Chosen. More: slower answers, and past dates take places of the 2000
FEED_EVENTS. Fewer: past dates disappear from calendars sooner.
"""
FEED_AHEAD_DAYS = 366
"""Days after now that a calendar feed contains. Chosen. More: slower answers. Fewer: dates of next year are missing in
calendars.
"""
FEEDS_EACH = 50
"""Calendar feeds (secret addresses for calendar programs) of one account that are not revoked; a further feed is refused.
Chosen. More: more secret addresses that can leak. Fewer: users must revoke old feeds.
"""
SCHEDULE_DAYS = 62
"""Days in one answer of the public schedule. Chosen: two months. More: slower answers for strangers. Fewer: a page of two
months needs several requests.
"""
WEBHOOKS = 200
"""Webhooks of the whole system; a further one is refused. Chosen. More: each event causes more deliveries. Fewer:
administrators must delete old webhooks.
"""
WEBHOOK_URL_CHARACTERS = 1000
"""Characters of a webhook's address; a longer one is refused. Chosen. More: no effect until the REST API and the column of
PostgreSQL (1000) allow more too. Fewer: addresses with long keys are refused.
"""
WEBHOOK_EVENTS = 20
"""Kinds of events that one webhook names; with more, the webhook is refused. Chosen. More: no use, because there are five kinds
and `*` for all. Fewer than five: a receiver of all kinds needs `*` or several webhooks.
"""
DELIVERY_BODY_CHARACTERS = 20_000
"""Characters of the body of one webhook delivery. A longer body is an error of the program and stops the transaction that
caused the event. Chosen. More: larger rows. Fewer: changes of meetings with long texts fail.
"""
DELIVERIES_SHOWN = 200
"""Deliveries of one webhook that an administrator sees, the newest first. Chosen. More: a slower page. Fewer: older failures
cannot be seen.
"""
HOOK_WINDOW_S = 300
"""Seconds by which the time in a webhook from another system may differ from our clock; with more, the webhook is refused.
Longer than 7 days (HOOK_DAYS): an attacker who recorded a webhook can send it again. Shorter: webhooks of a system with a wrong
clock are refused.
"""
HOOK_BODY_BYTES = 64 * 1024
"""Bytes of a webhook by which another system books a meeting; a longer one is refused. Chosen. Larger: no effect, because
BODY_BYTES (64 KiB, `signaling/host/limits.py`) refuses the request first. Smaller: bookings with many attendees are refused.
"""
HOOK_ID_CHARACTERS = 100
"""Characters of the identifier of a received webhook; a longer one is refused. Chosen. More: PostgreSQL refuses the row (its
column holds 100), so the booking fails. Fewer: webhooks of systems with long identifiers are refused.
"""
HOOK_DAYS = 7
"""Days for which the identifiers of received webhooks are kept, so that the same webhook is not accepted twice. Longer: the
table grows. Shorter than 300 s (HOOK_WINDOW_S): an attacker who recorded a webhook can send it again.
"""

# Notices in the page
NOTICE_DAYS = 90
"""Days for which a notice of an account is kept. The issue names the number. Longer: the table grows. Shorter: users miss
notices after a long leave.
"""
NOTICE_ACCOUNTS = 2000
"""Accounts that one event notifies in the page. Chosen, as INVITED. More: a longer transaction. Fewer: some attendees of a
conference of the whole province get no notice.
"""
NOTICE_CHANGES = 2000
"""Changed notices that one look of the live channel reads; with more, every open page looks again. Chosen. More: a longer query
each time. Fewer: every page asks the server in a rush of notices.
"""
PUSHES_EACH = 5
"""Browsers of one account that a push wakes; one more ends the oldest. Chosen. More: more pushes for each notice. Fewer: a user
with several devices must choose.
"""
HALL_NOTICE_H = 24
"""Hours before a date from which the operator is notified that a hall is not ready. Chosen. More: notices about halls that are
repaired before the date. Fewer: no time for a repair.
"""
SOON_MIN = 10
"""Minutes between the notice "starts soon" in the page and the start of a date. The issue names the number. More: people forget
the meeting again. Fewer: people have no time to enter.
"""

# Work that is due
JOB_ATTEMPTS = 8
"""Attempts of a job (mail, webhook) when its caller names no number; then the job has failed. Chosen. The only caller
(`signaling/notify/worker.py`) names its own ATTEMPTS (8): with JOB_RETRY_S, about an hour. More or fewer: no effect.
"""
JOB_RETRY_S = 30.0
"""Seconds before the first retry of a job (mail); the pause doubles each time. Deliveries of webhooks have their own pauses.
Chosen. Longer: mails are late after a short failure. Shorter: a failed server gets more attempts, and the job fails sooner (8
attempts).
"""
JOB_ERROR_CHARS = 500
"""Characters of the last error of a job (mail, webhook) that are stored; the rest is cut. Chosen. More: PostgreSQL refuses a
longer error (its column holds 500). Fewer: the cause of a failure is cut off.
"""
JOB_KEPT_DAYS = 30
"""Days for which jobs (mails, webhooks) that succeeded are stored; failed jobs are never deleted. Chosen. Longer: the table
grows. Shorter: support cannot see when an old mail was sent.
"""

# Audit trail
AUDIT_DETAIL_CHARS = 8000
"""Characters of the details of one entry of the audit trail. Of longer details only the names of their parts are stored.
Chosen. More: the trail grows faster. Fewer: entries about large changes lose their values.
"""
AUDIT_BATCH = 1000
"""Entries of the audit trail that the check of the trail reads together. Chosen. More: more memory. Fewer: more round trips to
the database, so the check takes longer.
"""
AUDIT_FINDINGS = 1000
"""Findings that one check of the audit trail reports. Chosen. More: a destroyed trail makes a very long report. Fewer: some
faults are not listed.
"""
CHECKPOINT_FILE_BYTES = 4096
"""Bytes of a file with an exported checkpoint of the audit trail; a larger file is refused. The file with the public key for
the check is read whole, but the key must be within this number of bytes. Chosen. Larger: a wrong file costs memory. Smaller:
real checkpoints and keys are refused.
"""
CHECKPOINTS = 100_000
"""Exported checkpoints of the audit trail in one folder; a check refuses a folder with more. Chosen: almost a year at one every
five minutes. More: the check takes longer. Fewer: the trail of an old server cannot be checked.
"""

# A booking request
TITLE = 300
"""Characters of the title of a meeting or of an agenda item; a longer one is refused. Chosen. More: no effect until the REST
API and the columns of PostgreSQL (300) allow more too. Fewer: long official titles are refused.
"""
DESCRIPTION = 20_000
"""Characters of a meeting's description; a longer one is refused. Chosen. More: no effect until the REST API (20,000) allows
more too. Fewer: long descriptions are refused.
"""
RULE = 500
"""Characters of the recurrence rule of a series (RFC 5545); a longer one is refused. Chosen. More: no effect until the REST API
and the column of PostgreSQL (500) allow more too. Fewer: rules with long lists are refused.
"""
REASON = 500
"""Characters of the reason for a change or a refusal; stored reasons are cut. Chosen. More: no effect until the
REST API and the columns of PostgreSQL (500) allow more too. Fewer: long reasons are cut or refused.
"""
URGENT_REASON = 300
"""Characters of the reason for a late booking; a longer one is refused. Chosen. More: no effect until the REST API and the
columns of PostgreSQL (300) allow more too. Fewer: long reasons are refused.
"""
HALLS = 260
"""Halls (rooms that can be booked) of one meeting; more are refused. In a search, further halls are ignored. Chosen. The REST
API accepts only 50 (HALLS of `signaling/api/models/limits.py`). More: no effect. Fewer than 50: meetings in many halls are
refused.
"""
TERMINALS = 300
"""Terminals (SIP devices in halls) that one booking names; a booking with more is refused. Chosen. More: no effect until the
REST API (300) allows more too. Fewer: a conference of the whole province is refused.
"""
DOCUMENTS = 50
"""Documents that one meeting lists; a booking with more is refused. Chosen. More: no effect until the REST API (50) allows more
too. Fewer: meetings with many documents are refused.
"""
AGENDA = 100
"""Agenda items of one meeting; a booking with more is refused. Chosen. More: no effect until the REST API (100) allows more
too. Fewer: long meetings are refused.
"""
LEGS = 5000
"""Simultaneous connections to the server (people and halls) that one booking may reserve; a booking with more is refused.
Chosen. More: no effect until the REST API (5000) allows more too. Fewer: the largest conferences are refused.
"""
DURATION_LEAST_MIN = 5
"""Minutes of the shortest date of a meeting; a shorter one is refused. Chosen. Longer: short briefings cannot be booked.
Shorter: no effect until the REST API (5) allows less too.
"""
DURATION_MOST_MIN = 24 * 60
"""Minutes of the longest date of a meeting, also after an extension; a longer one is refused. Chosen. Longer: only an extension
or a received webhook can make a longer date, because the REST API (24 hours) refuses one. Shorter: a meeting over a whole day
and night is refused.
"""
REHEARSAL_MOST_MIN = 8 * 60
"""Minutes of the longest rehearsal; a longer one is refused. Chosen: a working day. Longer: one meeting keeps the halls of many
units for days. Shorter: a rehearsal of a hundred sites, one after the other, is refused.
"""
DELEGATES_OF_A_SITE = 5000
"""The largest number of delegates at one site of a rehearsal. Chosen: more than any hall seats. More: a mistake in typing stays
unnoticed. Fewer: the number of a large hall is refused.
"""
REHEARSALS_REPORTED = 100
"""Meetings of a day whose rehearsals are in the report of the morning; later ones are left out. Chosen: more than a province
holds. More: the report takes longer. Fewer: a busy day is reported in part.
"""
SIGNER = 200
"""Characters of the name of a person who signs for a site. Chosen, as the column. Longer: the column must be widened too.
Shorter: post and name do not fit.
"""
SITE_LINK_H = 24
"""Hours after a rehearsal for which a site can still enter its result by its link. Chosen: the next working morning. Longer: a
link that was passed on works longer. Shorter: a site that signs on paper first is too late.
"""
REHEARSAL_NOTE = 300
"""Characters of a note on the rehearsal of a site. Chosen: a sentence or two. Longer: the column must be widened too. Shorter:
a technician cannot say what is wrong.
"""

# Series
OCCURRENCES = 750
"""Dates of one series of meetings; a series with more is refused. Chosen: daily for two years. More: booking and each change
take longer. Fewer: long series are refused.
"""
HORIZON_MONTHS = 24
"""Months ahead of its first date for which a series is booked; later dates are left out. Chosen. Longer: halls are blocked far
ahead, and a series is refused sooner for its 750 dates (OCCURRENCES). Shorter: long series must be renewed more often.
"""
TIMES_A_DAY = 4
"""Dates of one series on one day; a rule with more is refused. Chosen. More: a wrong rule books a hall the whole day. Fewer: a
series with several meetings a day is refused.
"""
RULE_PARTS = 400
"""Values in all lists of the recurrence rule of one series together; a rule with more is refused. A rule of 500 characters
(RULE) holds some 240 at most. More: no effect. Fewer than 240: a rule with long lists is refused.
"""

# Contents of a refusal or a preview
CLASHES_TOLD = 40
"""In the preview of a series, dates with a clash for which free times and other halls are proposed. More: a slower preview.
Fewer: for later dates the preview only names the clash.
"""
CLASHES_MAILED = 10
"""Busy people and units that the mail to the approvers of a meeting names; it counts the others. Chosen. More: a long mail.
Fewer: the approver must open the page to see who is busy.
"""
OCCUPIED_TOLD = 200
"""Busy people and units that a preview names. Chosen. More: a longer answer. Fewer: of a conference of the whole province the
preview only counts the others.
"""
FREE_TIMES_TOLD = 3
"""Free times that a refusal proposes for each clashing date. Chosen. More: a longer message. Fewer: users must search for
another time.
"""
DATES_COMPARED = 60
"""Next dates of a meeting whose attendees are compared with other meetings for an approver. Chosen: more than a year of weekly
dates. More: a slower answer. Fewer: a clash on a late date is not told.
"""
PRECEDENCE_ASKS = 20
"""Waiting requests for precedence of one unit. Chosen. More: the operator's list fills. Fewer: a busy office must wait."""
PRECEDENCE_ASK_SHOWN_DAYS = 14
"""Days for which a secretary sees an own request for precedence. Chosen. Longer: old answers stay on the home page. Shorter: a
secretary may miss the answer.
"""
PRECEDENCE_ASK_DAYS = 90
"""Days for which a request for precedence is stored. Chosen, as NOTICE_DAYS. Longer: the table grows. Shorter: the operator
cannot look up an old request.
"""
REARRANGED_DAYS = 14
"""Days in which free times for a displaced date are searched. Chosen. More: a longer search. Fewer: busy halls have no free
time.
"""
REARRANGED_TIMES = 10
"""Free times that are offered for a displaced date. Chosen. More: a longer list. Fewer: later days are missing."""
HALLS_TOLD = 3
"""Free halls that a refusal proposes in place of each clashing hall. Chosen. More: a longer message. Fewer: users must search
for another hall.
"""
HALLS_COMPARED = 40
"""For the proposal of other halls in place of a clashing hall, the suitable halls whose reservations are read, the nearest
first. Chosen. More: slower previews. Fewer: in a busy week no free hall is found.
"""
SLOT_MIN = 15
"""Minutes of one slot in which the connections (legs) that meetings reserve in a pool are counted. Chosen. Longer: a meeting
takes capacity for more time around its own, so others are refused. Shorter: more rows for each meeting. After a change, the
stored slots of older bookings no longer fit, so a pool can be overbooked.
"""
DATES_KNOWN = 50
"""After the booking of a meeting with up to this many dates, the response is made from data in memory. For more dates the
server reads the database again. Chosen: the 50 dates that a response shows (PAGE). More: bookings of longer series save these
queries too. Fewer: the response to a new series waits for more queries.
"""
GUEST_TERMINALS_HELD = 10_000
"""Reservations of terminals of invited units that one booking or change makes at once, the earliest dates first. The server
reserves the rest shortly before it calls them. Chosen: 96 units each week for 24 months. More: a long series with many units
holds the database for longer. Fewer: another meeting can take a terminal of a later date first.
"""
UNDO_HOURS = 24
"""Hours in which the newest change of a meeting can be undone. Chosen. Longer: an undo surprises people who have already acted
on the change. Shorter: a mistake is noticed too late.
"""
EXTEND_MOST_MIN = 8 * 60
"""Minutes of one extension of a running meeting; a longer one is refused. Chosen. Longer: no effect until the REST API (480)
allows more too. Shorter: a long overrun needs several extensions.
"""
IDEMPOTENCY_KEY = 100
"""Characters of the key by which a repeated booking request is recognised; a longer key is refused. Chosen. More: no effect
until the REST API and the column of PostgreSQL (100) allow more too. Fewer: keys of other systems are refused.
"""
IDEMPOTENCY_DAYS = 7
"""Days for which the keys of booking requests are stored. Chosen. Longer: the table grows. Shorter: a request that is repeated
later books a second meeting.
"""

# Searches
BOARD_DAYS = 42
"""Days in one answer of the schedule of halls (a table of rooms by time). Chosen: six weeks, a page of a month. More: slower
answers. Fewer: a page of a month needs several requests.
"""
BOARD_ROWS = 20_000
"""Reservations of all halls that are read for one answer of the schedule of halls (a table of rooms by time), the earliest
first. Chosen. More: slower answers. Fewer: later reservations are not shown, and halls look free.
"""
SEARCH_ROWS = 200
"""Rows of one search for meetings, open approvals or free halls; further rows are left out. Chosen. More: a page of the REST
API still has 200 rows at most, so only open approvals get longer. Fewer: users must search again with other words.
"""
SEARCH_TEXT = 200
"""Characters of a search text for meetings; the rest is ignored. Chosen. More: no effect in the REST API, which refuses more
than 200 (QUERY_CHARACTERS). Fewer: the end of a long title does not count.
"""
AVAILABILITY_DAYS = 31
"""Days in which one search looks for free time. Chosen. More: slower searches. Fewer: a busy hall needs several searches."""
TEMPLATES = 500
"""Templates of bookings, or lists of attendees, that one user sees; further ones are not shown. Chosen. More: a slower page.
Fewer: users cannot use some templates.
"""
KEPT_EACH = 100
"""Templates of bookings, and lists of attendees, that a unit (office) may store; a further one is refused. More: the table
grows. Fewer: units must delete old ones.
"""
KEPT_CHARACTERS = 200_000
"""Characters of one stored template of bookings, as JSON; a longer one is refused. Larger: the table grows. Smaller: a template
with many attendees is refused.
"""
HISTORY_ROWS = 200
"""Changes of one meeting, or its letters, that are shown, the newest first. Chosen. More: a slower page. Fewer: old changes
cannot be seen.
"""
CHANGES_LOOKED_BACK = 50
"""Changes of one meeting that are read, the newest first, to find the dates that changed since the last approval. More: slower
approvals. Fewer: after many edits of single dates, attendees are notified about the whole series.
"""

# Organisation
UNIT_DEPTH = 16
"""Levels of the tree of units (offices); a deeper tree is refused. Chosen: more than the levels of a province. More: a wrong
import makes a chain that pages cannot show; above 30, PostgreSQL refuses the row (its path holds 1000 characters). Fewer: units
of a deep organisation are refused.
"""
FOUND = 100
"""Rows of one search in the register, if the caller names no number. Chosen. All present callers (the REST API) name their own
number, up to 2000. More or fewer: no effect.
"""
SEARCH_CHARS = 200
"""Characters of a search text in the register; the rest is ignored. Chosen. More: no effect in the REST API, which refuses more
than 200 (QUERY_CHARACTERS). Fewer: the end of a long name does not count.
"""
DEPUTY_DAYS = 366
"""Days. The longest time for which one person (the deputy) may act for another; a longer time is refused. Chosen: one year.
Longer: forgotten deputies keep their rights. Shorter: long absences need renewals.
"""
RULES = 200
"""Rules of one recipient set (a name in letters such as "all communes"); a set with more is refused. Chosen. More: no effect
until the REST API (200) allows more too. Fewer: large sets are refused.
"""
SUCCESSION_UNITS = 300
"""Units (offices) of one merger, or parts of one split; more are refused. Chosen. The REST API accepts only 20 further ones
(SUCCESSORS of `signaling/api/models/limits.py`). More: no effect. Fewer than 22: large mergers need several steps.
"""

# Entry into a booked meeting
ENTRY_MIN = 30
"""Minutes before the start of a meeting from which attendees can enter. Longer: they use media capacity early. Shorter: they
are refused until just before the start.
"""
ENTRY_HOST_MIN = 120
"""Minutes before the start of a meeting from which its hosts (chair, secretaries, operators) can enter, and from which
operators can call its halls. Longer: they use media capacity early. Shorter: less time to prepare.
"""
STRICT_DATES = 5000
"""Dates of important and of cancelled meetings within a day from now. The server reads this many from the database at its
start, the earliest first. A token from before the start is then checked against their rules without a query. Chosen. More: a
slower start; above 8192 (REMEMBERED of `signaling/meetings/booked.py`) the earliest are forgotten again. Fewer: later dates are
not read. A date that is forgotten or not read has no rules for such a token, which then opens an important or cancelled
meeting.
"""
OWN_DATES_DAYS = 92
"""Days in one answer of a user's own calendar. Chosen: three months. More: slower answers. Fewer: a page of a quarter needs
several requests.
"""
MINE_DATES = 1000
"""Dates on the page "My meetings", the earliest first. More: a slower page. Fewer: later dates are missing."""
GRACE_MOST_MIN = 4 * 60
"""The largest `grace_min` of a meeting type, as in the REST API: minutes for which a meeting may go on after its booked end.
Chosen. Longer: halls stay connected to a meeting that people forgot to end. Shorter: a type of long debates loses its halls.
"""
OVERRUN_MOST_MIN = 2 * GRACE_MOST_MIN
"""Minutes after the booked end at which every date ends, even while people speak. Chosen: the largest grace, and the same time
again for a debate that no operator ends. Longer: an open microphone keeps a meeting. Shorter: a long debate is cut.
"""
END_ASKED_MIN = 5
"""Minutes between two questions to the operator whether a meeting ends in which people still speak. Chosen. Longer: a meeting
goes on for longer after its last word. Shorter: the operator has less time to answer.
"""
END_FORGOTTEN_MIN = 2
"""Minutes after which another part ends a date that should have ended. Its server was killed. Chosen: longer than the last
announcement of a conference. Longer: the date runs on in the calendar. Shorter: a date ends before its halls heard of it.
"""
ENDS_AT_ONCE = 100
"""Dates that one transaction ends. Chosen. More: longer transactions. Fewer: more of them after a long outage."""
EXTEND_STEP_MIN = 5
"""An extension begins at the booked end, or at the next full step after now. Chosen. Larger: more time than was asked for.
Smaller: odd end times.
"""
CONTACTS_AHEAD_H = 24
"""Hours before the start of a meeting from which its secretaries and operators see the phone contacts of the sites. Longer:
contacts are visible early. Shorter: less time to phone.
"""

# Sites
RANGES = 100
"""Address ranges of one network (of SIP terminals) in the register; a network with more is refused. Chosen. More: no effect
until the REST API (100) allows more too. Fewer: a large network must be entered as several networks.
"""
PUBLIC_IPV4_PREFIX = 16
"""Bits of the prefix of the widest public IPv4 range from which SIP terminals may call; a wider range is refused
(`rooms.sites.networks.too_wide`). Chosen: a /16 has more addresses than a province has terminals. Longer prefix: large ranges
of the province are refused. Shorter prefix: strangers in the range reach the SIP ports.
"""
PUBLIC_IPV6_PREFIX = 32
"""Bits of the prefix of the widest public IPv6 range from which SIP terminals may call; a wider range is refused. Chosen: a
registry gives a /32 to one provider. Longer prefix: the range of a provider is refused. Shorter prefix: strangers in the range
reach the SIP ports.
"""
EQUIPMENT = 40
"""Pieces of equipment of one hall in the register; a hall with more is refused. Chosen. More: only imported files can hold
more, because the REST API refuses more than 40. Fewer: well equipped halls cannot be described.
"""
BANDWIDTH_KBPS = 100
"""The least bandwidth of a terminal in kbit/s: sound of 64 kbit/s with its headers and reports. Smaller: the sound of a call
needs more than the register allows. Larger: a narrow link cannot be described.
"""
PRESET_NAME = 40
"""Characters of the name of a camera position; a longer one is cut. Chosen: four or five words on a button. More: the buttons of
a narrow board become very high. Fewer: real names are cut.
"""
CODECS = 4
"""Codecs of one terminal in the register, as many as there are names. More: only repeated names. Fewer: a terminal with all
codecs cannot be described.
"""

# Files of units, people, sites, …
SHEET_BYTES = 5 * 1024 * 1024
"""Bytes of a CSV or Excel file for an import; a larger file is refused. Chosen. Larger: no effect in the REST API
(UPLOAD_BYTES, 5 MiB); the import of a command costs more memory. Smaller: files of the whole province are refused.
"""
SHEET_ROWS = 20_000
"""Rows of a file for an import; a file with more is refused. Chosen. More: one import holds a transaction for longer, and other
writes wait. Fewer: files of the whole province must be split.
"""
SHEET_COLUMNS = 60
"""Columns of a file for an import; a file with more is refused. Chosen. More: a hostile file costs more time and memory. Fewer:
files with additional columns are refused.
"""
CELL_CHARS = 2000
"""Characters of one cell of an imported file. Chosen. More: a hostile file costs more memory. Fewer: rows with long texts are
refused.
"""
XLSX_UNPACKED_BYTES = 48 * 1024 * 1024
"""Bytes of all unpacked parts of an Excel file; a file with more is refused. Chosen. Larger: a zip bomb uses up memory.
Smaller: files of the whole province are refused.
"""
SHEET_WIDTH = 80
"""Characters in the widest column of a sheet that people read. Longer lines are wrapped. Chosen. More: the user must scroll to
the right. Fewer: more lines are wrapped.
"""
XLSX_PARTS = 200
"""Files inside an Excel file; with more, it is refused. Chosen. More: a hostile file costs more time. Fewer: files with many
sheets or pictures are refused.
"""
XLSX_TOKEN_BYTES = 32 * 1024
"""Bytes of one tag, comment or CDATA section in an Excel file; a file with a longer one is refused. Spreadsheet programs write
some hundred bytes. Larger: the XML parser expat before 2.6 needs a second for a comment of 10 MiB (CVE-2023-52425). Smaller:
real files are refused.
"""
TROUBLES = 500
"""Faults that one check of a file for an import reports; further faults are left out. Chosen. More: no effect until the REST
API (TROUBLES, 500) shows more too. Fewer: users must check and correct a file several times.
"""

# Backup
MANIFEST_BYTES = 1024 * 1024
"""Bytes of the manifest of a backup (its hash and numbers of rows); a larger one is refused. Chosen. Larger: a wrong file costs
memory. Smaller: a real backup cannot be restored.
"""
BACKUP_KEYS = 20
"""Public keys that one backup is encrypted to, so that each key's holder can open it; more are refused. More: larger headers.
Fewer: not all administrators can open the backup with their own key.
"""
BACKUP_KEY_BYTES = 64 * 1024
"""Bytes of a file with the keys that open a backup. Chosen. Larger: a wrong file costs memory. Smaller: a file with many keys
is refused.
"""
BACKUP_PASSPHRASE_LEAST = 12
"""Characters of the shortest passphrase of a backup. Chosen. More: people write the passphrase down. Fewer: a stolen backup is
easier to open by guessing.
"""
BACKUP_PASSPHRASE_MOST = 1000
"""Characters of the longest passphrase of a backup. Chosen. More: a wrong input costs more time. Fewer: passphrases of password
managers are refused.
"""
BACKUP_KEPT_FILES = 100
"""Keys and certificates from the data folder in an encrypted backup; with more, the backup fails. Chosen. More: a wrong folder
makes a large backup. Fewer: a server with many certificates has no backup.
"""
BACKUP_KEPT_BYTES = 4 * 1024 * 1024
"""Bytes of all keys and certificates from the data folder in an encrypted backup; with more, the backup fails. Larger: a backup
reads more bytes into memory. Smaller: a server with many certificates has no backup.
"""
TOOL_S = 3600.0
"""Seconds of one run of `pg_dump` or `pg_restore`; then the tool is killed. Chosen. Longer: a hung tool is noticed later.
Shorter: backups of large databases fail.
"""

# Calling halls
PROBE_AHEAD_MIN = 15
"""Minutes before the calls to the halls of a meeting. At this time the server plans the calls, and tests whether the terminals
answer (SIP OPTIONS). Chosen. Longer: results are old at the calls. Shorter: less time to repair.
"""
PROBE_ASKED_AHEAD_H = 48
"""Hours before the start of a date from which on an operator can check its terminals. Chosen: the list of the operators shows
today and tomorrow. More: rows of halls exist for days. Fewer: halls of tomorrow cannot be checked today.
"""
MORNING_MIN = 390
"""Minutes after midnight, in Việt Nam, at which the report of the halls that are not registered is made: 06:30, an hour before
offices open. Chosen. Later: less time to repair. Earlier: halls that are switched off at night are listed.
"""
MORNING_LATE_MIN = 10
"""Minutes from the first start of a server after 06:30 to the report of that day. Chosen. Longer: the operator waits for the
report. Shorter: terminals that have not registered again are listed.
"""
MORNING_AGAIN_S = 60
"""Seconds in which a report of a morning is not made again. Chosen. Longer: the operator does not see the halls of now. Shorter:
many presses load the server and fill the audit trail.
"""
MORNING_TERMINALS = 1000
"""Terminals in the report of a morning, of the earliest dates first. Chosen: two conferences of 500 halls. More: a longer row.
Fewer: halls of later meetings are missing in the report.
"""
MORNING_KEPT_DAYS = 90
"""Days for which the reports of the mornings are kept, like notices. Chosen. Longer: a larger database. Shorter: an old report
cannot be looked up in the database.
"""
LAST_CALL_DAYS = 90
"""Days in which the list of accounts looks for the last call of a terminal. Chosen. Longer: more rows are read. Shorter: a
terminal that is seldom used seems never to have been called.
"""
CALL_AHEAD_MOST_MIN = 120
"""The most minutes before the start of a meeting at which its halls can be called: `ENTRY_HOST_MIN`, from which on a date has a
conference. More: the calls are refused. Fewer: halls cannot be called and tested early.
"""
DATES_DIALLED = 200
"""Meetings whose halls are called at the same time, the earliest first; the rest wait until earlier ones end. Chosen. More: one
round of work takes longer. Fewer: halls of later meetings are not called in time.
"""
DATES_LISTED = 400
"""Meetings in an operator's list of today and tomorrow, the earliest first. Chosen for a province with 200 meetings a day. More:
one request takes longer. Fewer: the list ends before the meetings of tomorrow.
"""
LEGS_OF_A_DATE = 500
"""Terminals that one date of a meeting calls, and terminals that a booking excludes from the calls. Chosen: the HALLS (500) of
one conference. More: the conference refuses halls, and the REST API refuses a longer list (500). Fewer: some halls of a large
meeting are not called.
"""
LEGS_CLAIMED = 2000
"""Calls to halls that one query takes over, starts or ends; the rest wait for the next round. Chosen. More: one round of work
takes longer. Fewer: halls of several large meetings are called later.
"""
PROFILES = 200
"""Settings for makes of SIP terminals that administrators entered; a further one is refused. More: longer lists to search for
each call. Fewer: a new make cannot be added.
"""
ALARMS_OF_A_LEG = 50
"""Alarms of one call to a hall; further alarms are not stored. Chosen. More: a terminal that fails again and again fills the
operator's list. Fewer: a new fault raises no alarm.
"""
SIP_ACCOUNTS = 5000
"""SIP accounts of terminals, active terminals, and stored registrations, that the server reads. Chosen. More: more memory and a
slower refresh. Fewer: the last terminals cannot register or be called, or their calls do not obey the register.
"""
SIP_BANS = 5000
"""Bans of SIP addresses that the server reads at its start; further bans end. Chosen: more than the 4096 BANS of
`signaling/sip/ground/limits.py`. More: a slower start. Fewer: a restart ends some bans, so attackers can guess again.
"""
DIALOGS_LEFT = 5000
"""SIP calls of a dead server process that one query reads, to end them. Must be more than one server's calls
(`signaling.sip.ground.limits.DIALOGS`, 2048). More: a longer query. Fewer: some halls stay in a call without sound and picture.
"""
DIALOG_DAYS = 2
"""Days after its start for which a SIP call is stored, because no call lasts that long. Longer: old rows stay. Shorter: when
its server dies, a running call cannot be ended by another process.
"""

INSTANT_NUMBER_DAYS = 7
"""Days after the last participant left for which the number of a meeting without a booking can open the meeting again. Longer:
the 16384 numbers (INSTANT_NUMBERS) are used up sooner; then the least recently used ones are deleted. Shorter: a number that
was given to others stops working early.
"""
INSTANT_NUMBER_GRACE_S = 600
"""Seconds that are added to the 7 INSTANT_NUMBER_DAYS, because the use of a number is only stored at a check for connected
participants. Chosen: twice the 300 s between two checks. Longer: an unused number stays valid longer. Shorter than 300 s: a
number can expire too early.
"""
INSTANT_NUMBERS, INSTANT_NUMBERS_OF_A_SOURCE = 16_384, 1024
"""Numbers of meetings without a booking: in total, and for each account or network. At either limit the least recently used
number stops working. More in total: more memory. Fewer in total: numbers that are still used are lost. More for each source:
one user can push out the numbers of others. Fewer: a large office behind one address loses its own numbers.
"""
LOBBY_KEPT_DAYS = 400
"""Days for which a host's lobby setting ("people must wait" or not) is stored. Longer: the table grows. Shorter: at a link
without a date, people enter without waiting while the link is still used.
"""

CHECK_KEPT_DAYS = 14
"""Days for which results of users' device checks are stored. Chosen. Longer: personal data is stored for longer. Shorter:
results are deleted before support reads them.
"""
CHECKS = 5000
"""Results of users' device checks (camera, microphone) that are stored; at the limit the oldest is deleted. More: the table
grows, up to the results of 14 days (CHECK_KEPT_DAYS). Fewer: results are deleted before support reads them.
"""

# Records of live meetings
EVENT_DETAIL_CHARS = 4096
"""Characters of the JSON with the details of one event of a live meeting. Of longer details the longest parts are left out.
Chosen. More: the table grows. Fewer: the timeline of a meeting says less.
"""
SITTING_IDLE_HOURS = 24
"""Hours without a sign of a live meeting after which it counts as ended; until then people who come back go on where they
were. Chosen: longer than a meeting with its breaks. Longer: a server that starts reads more meetings. Shorter: after a long
power cut the roll call and the roles of the meeting are lost.
"""
INSTANT_LOG_DAYS = 90
"""Days for which the record of a meeting without a booking is stored. Chosen, as NOTICE_DAYS. Longer: personal data is stored
for longer. Shorter: an office cannot find out later who was there.
"""
NOTE_CHARACTERS = 4_000
"""Characters of one note of the secretary. Chosen: two pages. More: a note is no longer about one moment. Fewer: a long statement
needs several notes.
"""
NOTES_OF_DATE = 500
"""Notes about one date. Chosen: a note each minute of a meeting of 8 hours. More: the desk reads more at its opening. Fewer: the
secretary of a long meeting is refused.
"""
CHAT_EXPORTED = 10_000
"""Lines of the chat of one date in the file for the secretary; of more lines the last ones. Chosen: a file of some megabytes.
More: more memory for one request. Fewer: the file of a long meeting has no beginning.
"""
CHAT_LINES = 500
"""Lines of the chat of one meeting that the server holds for people who come late; the oldest is forgotten first. Chosen, the
same as the lines of the page (`web/src/call/live/chat.svelte.ts`). More: more memory, and a slower start of the page. Fewer:
people who come late miss more.
"""
