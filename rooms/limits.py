"""The limits of `rooms`. A value without a source is chosen. A test checks each limit at limit + 1."""

# Database
BUSY_S = 30.0
"""Seconds that a connection of the embedded database waits for the write lock of another connection or process. Chosen. Longer:
a hung process blocks all writes for longer. Shorter: bookings fail while a command writes much.
"""
CONNECTIONS = 16
"""Connections of one process to the database. Chosen. More: PostgreSQL needs a process for each. Fewer: requests wait for a
free connection.
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
"""A cancelled task waits at most this time for its commit or rollback. Longer: a dead database delays the cancellation.
Shorter: a slow commit is cut off, and its connection is lost.
"""
ATTEMPTS = 5
"""Runs of a write transaction that loses a race or its connection; then the request fails. Chosen. More: an overloaded database
gets more work. Fewer: bookings fail when many users write at the same time.
"""
RETRY_S = 0.02
"""Seconds before the first repetition of a write transaction; the pause doubles each time. It is also the pause between two
tries of WAL_ATTEMPTS. Chosen. Longer: users wait. Shorter: the same transactions collide again.
"""
WAL_ATTEMPTS = 250
"""Tries to give the embedded database a write-ahead log while another process opens the file; each waits RETRY_S, together five
seconds. Chosen. More: the start waits longer for a file that stays locked. Fewer: two processes that start together fail.
"""
WRITERS = 8
"""Write transactions that one process runs at the same time on PostgreSQL. More: writers use all `CONNECTIONS`, and readers
wait. Fewer: bookings wait for each other.
"""
STATEMENTS_KEPT = 500
"""Prepared statements that each connection keeps. More: more memory. Fewer: statements are prepared again."""
IDLE_CONNECTION_S = 1.0
"""Seconds. Before a connection to PostgreSQL that was idle for longer is used, the server is pinged. Chosen. Longer: after a
restart of PostgreSQL a request fails. Shorter: more transactions pay for a round trip.
"""
SWITCH_S = 0.001
"""The switch interval of this process's threads, with an embedded database. Longer: the database thread holds the write lock
while it waits for its turn. Shorter: more CPU time for switches.
"""
TURN_S = 0.01
"""The time for which a transaction of the embedded database may run before other tasks of the event loop get a turn. Longer:
media and signaling are late. Shorter: the transaction holds the write lock for a longer time.
"""

# Invitations
ATTENDEE_REQUESTS = 1000
"""Lines of a secretary's list: sets, units, people, guests. More: one request costs more time. Fewer: a large conference cannot
be booked line by line.
"""
INVITED = 2000
"""Units and people of one meeting, after sets are expanded. More: more mails and rows for one meeting. Fewer: a conference of
the whole province is refused.
"""
DATE_ANSWERS = 4000
"""Answers to single dates that are read with a series, the next dates first. More: a slower page. Fewer: answers for later
dates are missing.
"""
MAIL_ADDRESS_CHARACTERS = 254
"""Characters of a mail address. Source: RFC 5321 allows 256 for a path with its two brackets. More: mail servers refuse the
address. Fewer: valid addresses are refused.
"""
NAME_CHARACTERS = 200
"""Characters of a typed name or post: guest, substitute, letter template. Chosen. More: names do not fit into lists and
letters. Fewer: long names are refused.
"""
COMMENT_CHARACTERS = 500
"""Characters of a comment on an answer to an invitation. Chosen. More: the desk's lists are hard to read. Fewer: long comments
are refused.
"""
LETTER_TEXT_CHARACTERS = 20_000
"""Characters of one text field of a letter, or of one line of a list field. Chosen. More: a letter costs more time and memory.
Fewer: long texts of letters are refused.
"""
LETTER_LINES = 2000
"""Lines of one list in a letter, for example recipients or sites. Chosen. More: a letter costs more time and memory. Fewer:
letters of large conferences are refused or list fewer sites.
"""
TEMPLATE_BYTES = 5 * 1024 * 1024
"""Bytes of the DOCX file of a letter template. Chosen. Larger: more memory for each letter. Smaller: templates with pictures
are refused.
"""
TEMPLATE_UNPACKED_BYTES = 50 * 1024 * 1024
"""Bytes of all unpacked files of a DOCX template. Chosen. Larger: a zip bomb uses up memory. Smaller: templates with pictures
are refused.
"""
TEMPLATE_ENTRIES = 1000
"""Files inside a DOCX template. Chosen. More: a hostile template costs more time. Fewer: templates with many pictures are
refused.
"""
TEMPLATE_RESULT_BYTES = 20 * 1024 * 1024
"""Bytes of a letter made from a template. Chosen. Larger: more memory and storage for each letter. Smaller: letters with
pictures fail.
"""
TEMPLATE_CPU_S = 20
"""Seconds of CPU time of the process that fills a template; then the process is killed. Chosen. Longer: a hostile template
takes a core for longer. Shorter: long letters fail.
"""
TEMPLATE_WAIT_S = 40.0
"""Seconds that the server waits for the process that fills a template. Chosen: twice TEMPLATE_CPU_S. Longer: a user waits for a
hung process. Shorter: letters fail on a busy machine.
"""
TEMPLATE_MEMORY_BYTES = 1024 * 1024 * 1024
"""Bytes of memory of the process that fills a template. Chosen. Larger: a hostile template uses up the machine's memory.
Smaller: long letters fail.
"""
MAIL_TIMES = 8
"""Dates of a series that a mail lists. More: long mails. Fewer: attendees see fewer dates, and a count of the others."""
DECIDERS_MAILED = 50
"""People who get a mail about one request for approval. Chosen. More: one request causes many mails. Fewer: some people who may
decide get no mail.
"""
FEED_EVENTS = 2000
"""Dates in one calendar feed or in one answer of the public schedule, the next dates first. Chosen. More: slower answers.
Fewer: later dates are missing.
"""
FEED_BEHIND_DAYS = 31
"""Days before now that a calendar feed contains. Chosen. More: slower answers. Fewer: past dates disappear from calendars
sooner.
"""
FEED_AHEAD_DAYS = 366
"""Days after now that a calendar feed contains. Chosen. More: slower answers. Fewer: dates of next year are missing in
calendars.
"""
FEEDS_EACH = 50
"""Calendar feeds of one account that are not revoked. Chosen. More: more secret addresses that can leak. Fewer: users must
revoke old feeds.
"""
SCHEDULE_DAYS = 62
"""Days in one answer of the public schedule. Chosen: two months. More: slower answers for strangers. Fewer: a page of two
months needs several requests.
"""
WEBHOOKS = 200
"""Webhooks of the whole system. Chosen. More: each event causes more deliveries. Fewer: administrators must delete old
webhooks.
"""
WEBHOOK_URL_CHARACTERS = 1000
"""Characters of a webhook's address. Chosen. More: longer rows and log lines. Fewer: addresses with long keys are refused."""
WEBHOOK_EVENTS = 20
"""Kinds of events that one webhook names. Chosen. More: longer rows. Fewer: a receiver of many kinds needs several webhooks."""
DELIVERY_BODY_CHARACTERS = 20_000
"""Characters of the body of one webhook delivery. A longer body is an error of the program. Chosen. More: larger rows. Fewer:
events with long texts stop their transaction.
"""
DELIVERIES_SHOWN = 200
"""Deliveries of one webhook that an administrator sees, the newest first. Chosen. More: a slower page. Fewer: older failures
cannot be seen.
"""
HOOK_WINDOW_S = 300
"""The permitted difference of another system's clock. Longer than `HOOK_DAYS`: an old webhook can be replayed. Shorter:
webhooks of a system with a wrong clock are refused.
"""
HOOK_BODY_BYTES = 64 * 1024
"""Bytes of a message by which another system books a meeting. Chosen. Larger: strangers cost more time for the check of the
signature. Smaller: bookings with many attendees are refused.
"""
HOOK_ID_CHARACTERS = 100
"""Characters of the identifier of a received webhook. Chosen. More: larger rows for HOOK_DAYS. Fewer: webhooks of systems with
long identifiers are refused.
"""
HOOK_DAYS = 7
"""The identifiers of received webhooks are kept for this time. Longer: the table grows. Shorter than `HOOK_WINDOW_S`: a webhook
can be replayed.
"""

# Work that is due
JOB_ATTEMPTS = 8
"""Attempts of a job (mail, webhook) when its caller names no number; then the job has failed. Chosen: with JOB_RETRY_S about an
hour. More: errors are reported later. Fewer: a mail is lost while the mail server is down.
"""
JOB_RETRY_S = 30.0
"""Seconds before the first retry of a job; the pause doubles each time. Chosen. Longer: mails are late after a short failure.
Shorter: a failed server gets more attempts, and JOB_ATTEMPTS are used up sooner.
"""
JOB_RETRY_MOST_S = 6 * 3600.0
"""Seconds. The longest pause between two attempts of a job. Chosen. Longer: a mail is late after a long failure has ended.
Shorter: a dead server gets more attempts.
"""
JOB_ERROR_CHARS = 500
"""Characters of a job's last error that are stored. Chosen. More: larger rows. Fewer: the cause of a failure is cut off."""
JOB_KEPT_DAYS = 30
"""Days for which finished jobs are stored. Chosen. Longer: the table grows. Shorter: support cannot see why an old mail failed.
"""

# Audit trail
AUDIT_DETAIL_CHARS = 8000
"""Characters of the details of one entry of the audit trail. Of longer details only the names of their parts are stored.
Chosen. More: the trail grows faster. Fewer: entries about large changes lose their values.
"""
AUDIT_BATCH = 1000
"""Entries of the audit trail that its check reads together. Chosen. More: more memory. Fewer: more round trips, so the check
takes longer.
"""
AUDIT_FINDINGS = 1000
"""Findings that one check of the audit trail reports. Chosen. More: a destroyed trail makes a very long report. Fewer: some
faults are not listed.
"""
CHECKPOINT_FILE_BYTES = 4096
"""Bytes of an exported checkpoint, or of the public key for the check. Chosen. Larger: a wrong file costs memory. Smaller: real
checkpoints are refused.
"""
CHECKPOINTS = 100_000
"""Exported checkpoints in one folder that a check reads; a folder with more is refused. Chosen: almost a year at one each five
minutes. More: the check takes longer. Fewer: the trail of an old server cannot be checked.
"""

# A booking request
TITLE = 300
"""Characters of a meeting's title, or of an agenda item's title. Chosen. More: titles do not fit into lists and letters. Fewer:
long official titles are refused.
"""
DESCRIPTION = 20_000
"""Characters of a meeting's description. Chosen. More: larger rows, mails and history. Fewer: long descriptions are refused."""
RULE = 500
"""Characters of the recurrence rule of a series (RFC 5545). Chosen. More: a hostile rule costs more time to parse. Fewer: rules
with long lists are refused.
"""
REASON = 500
"""Characters of the reason for a change, a refusal or a late booking; stored reasons are cut. Chosen. More: mails and history
are hard to read. Fewer: long reasons are cut or refused.
"""
HALLS = 260
"""Halls of one meeting, and halls that one query about free time names. Chosen. More: booking takes longer. Fewer: a conference
of the whole province is refused.
"""
TERMINALS = 300
"""Terminals that one booking names. Chosen. More: booking takes longer. Fewer: a conference of the whole province is refused.
"""
DOCUMENTS = 50
"""Documents that one meeting lists. Chosen. More: larger bookings. Fewer: meetings with many documents are refused."""
AGENDA = 100
"""Agenda items of one meeting. Chosen. More: larger bookings. Fewer: long meetings are refused."""
LEGS = 5000
"""Simultaneous connections (legs) that one booking may reserve. Chosen. More: one booking can reserve the capacity of all
servers. Fewer: the largest conferences are refused.
"""
DURATION_LEAST_MIN = 5
"""Minutes. The shortest date of a meeting. Chosen. Longer: short briefings cannot be booked. Shorter: typing errors become
bookings.
"""
DURATION_MOST_MIN = 24 * 60
"""Minutes. The longest date of a meeting, also after an extension. Chosen. Longer: one typing error blocks halls for days.
Shorter: a meeting over a whole day and night is refused.
"""

# Series
OCCURRENCES = 750
"""Dates of one series. Chosen: daily for two years. More: booking and each change take longer. Fewer: long series are refused.
"""
HORIZON_MONTHS = 24
"""Months ahead of its first date for which a series is booked. Chosen. Longer: halls are blocked far ahead, and OCCURRENCES is
reached sooner. Shorter: long series must be renewed more often.
"""
TIMES_A_DAY = 4
"""Dates of one series on one day. Chosen. More: a wrong rule books a hall the whole day. Fewer: a series with several meetings
a day is refused.
"""
RULE_PARTS = 400
"""Values in all lists of one rule together. More: a hostile rule costs more CPU time. Fewer: a rule with long lists is refused.
"""

# Contents of a refusal or a preview
CLASHES_TOLD = 40
"""Dates of a series whose clashes come with free times and other halls. More: a slower preview. Fewer: later dates only name
the clash.
"""
FREE_TIMES_TOLD = 3
"""Free times that a refusal proposes for each clashing date. Chosen. More: a longer message. Fewer: users must search for
another time.
"""
HALLS_TOLD = 3
"""Free halls that a refusal proposes in place of each clashing hall. Chosen. More: a longer message. Fewer: users must search
for another hall.
"""
HALLS_COMPARED = 40
"""Suitable halls whose reservations are read for the proposals of HALLS_TOLD, the nearest first. Chosen. More: slower previews.
Fewer: in a busy week no free hall is found.
"""
SLOT_MIN = 15
"""Minutes between two starts that a search for free time tries. Chosen. Longer: free times between two slots are not found.
Shorter: searches take longer.
"""
DATES_KNOWN = 50
"""Dates of a new meeting that are returned without a new read of the database. More: larger responses. Fewer: the response to a
new series waits for more queries.
"""
UNDO_HOURS = 24
"""Hours in which the newest change of a meeting can be undone. Chosen. Longer: an undo surprises people who have already acted
on the change. Shorter: a mistake is noticed too late.
"""
EXTEND_MOST_MIN = 8 * 60
"""Minutes of one extension of a running date. Chosen. Longer: one typing error blocks halls. Shorter: a long overrun needs
several extensions.
"""
IDEMPOTENCY_KEY = 100
"""Characters of the key by which a repeated booking request is recognised. Chosen. More: larger rows. Fewer: keys of other
systems are refused.
"""
IDEMPOTENCY_DAYS = 7
"""Days for which the keys of booking requests are stored. Chosen. Longer: the table grows. Shorter: a request that is repeated
later books a second meeting.
"""

# Searches
BOARD_DAYS = 42
"""Days in one answer of the schedule of halls. Chosen: six weeks, a page of a month. More: slower answers. Fewer: a page of a
month needs several requests.
"""
BOARD_ROWS = 20_000
"""Reservations in one answer of the schedule of halls, the earliest first. Chosen. More: slower answers. Fewer: later
reservations are not shown, and halls look free.
"""
SEARCH_ROWS = 200
"""Rows of one search for meetings, open approvals or free halls. Chosen. More: slower answers. Fewer: users must search again
with other words.
"""
SEARCH_TEXT = 200
"""Characters of a search text for meetings; the rest is ignored. Chosen. More: a hostile search costs more time. Fewer: the end
of a long title does not count.
"""
AVAILABILITY_DAYS = 31
"""Days in which one search looks for free time. Chosen. More: slower searches. Fewer: a busy hall needs several searches."""
TEMPLATES = 500
"""Templates of bookings, or lists of attendees, that one user sees. Chosen. More: a slower page. Fewer: some templates are not
shown.
"""
KEPT_EACH = 100
"""Templates of bookings, and lists of attendees, that a unit may store. More: the table grows. Fewer: units must delete old
ones.
"""
KEPT_CHARACTERS = 200_000
"""Characters of one stored template, as JSON. Larger: the table grows. Smaller: a template with many attendees is refused."""
HISTORY_ROWS = 200
"""Changes of one meeting, or its letters, that are shown, the newest first. Chosen. More: a slower page. Fewer: old changes
cannot be seen.
"""
CHANGES_LOOKED_BACK = 50
"""Changes of one meeting that are read to find the dates since the last approval. More: slower approvals. Fewer: after many
edits of single dates, attendees are notified about the whole series.
"""

# Organisation
UNIT_DEPTH = 16
"""Levels of the tree of units. Chosen: more than the levels of a province. More: a wrong import makes a chain that pages cannot
show. Fewer: units of a deep organisation are refused.
"""
FOUND = 100
"""Rows of one search in the register, if the caller names no number. Chosen. More: slower answers. Fewer: users must type more
of the name.
"""
SEARCH_CHARS = 200
"""Characters of a search text in the register; the rest is ignored. Chosen. More: a hostile search costs more time. Fewer: the
end of a long name does not count.
"""
DEPUTY_DAYS = 366
"""Days. The longest time for which one person may act for another. Chosen: one year. Longer: forgotten deputies keep their
rights. Shorter: long absences need renewals.
"""
RULES = 200
"""Rules of one recipient set. Chosen. More: a booking with the set takes longer. Fewer: large sets are refused."""
SUCCESSION_UNITS = 300
"""Units of one merger, or parts of one split. Chosen. More: one transaction locks the register for longer. Fewer: a reform of
the province needs several steps.
"""

# Entry into a booked meeting
ENTRY_MIN = 30
"""The door opens this time before the start for attendees. Longer: they use media capacity early. Shorter: they are refused
until just before the start.
"""
ENTRY_HOST_MIN = 120
"""The door opens this time before the start for chair, secretary, operator and the host's desk. Longer: halls can be called
earlier. Shorter: less time to prepare.
"""
STRICT_DATES = 5000
"""Dates within a day from now for which the door of the conferences reads its strict rules, the earliest first. Chosen. More: a
slower start. Fewer: users can enter an important or cancelled meeting without a check.
"""
OWN_DATES_DAYS = 92
"""Days in one answer of a user's own calendar. Chosen: three months. More: slower answers. Fewer: a page of a quarter needs
several requests.
"""
MINE_DATES = 1000
"""Dates on the page "My meetings". More: a slower page. Fewer: later dates are missing."""
ENTRY_OVERRUN_MIN = 4 * 60
"""A date that still runs may go on for this time after its end. Longer: halls of a forgotten meeting stay connected. Shorter: a
meeting that takes longer loses its halls, and participants cannot return.
"""
CONTACTS_AHEAD_H = 24
"""This time before the start, secretary and operator begin to see the phone contacts of the sites. Longer: contacts are visible
early. Shorter: less time to phone.
"""

# Sites
RANGES = 100
"""Address ranges of one network in the register. Chosen. More: each check of an address takes longer. Fewer: a large network
must be entered as several networks.
"""
PUBLIC_IPV4_PREFIX = 16
"""Bits of the prefix of the widest public IPv4 range that hall terminals may call from (`rooms.sites.networks.too_wide`).
Chosen: a /16 has more addresses than a province has terminals. Longer prefix: large ranges of the province are refused. Shorter
prefix: the SIP ports answer more strangers.
"""
PUBLIC_IPV6_PREFIX = 32
"""Bits of the prefix of the widest public IPv6 range that hall terminals may call from. Chosen: a registry gives a /32 to one
provider. Longer prefix: the range of a provider is refused. Shorter prefix: the SIP ports answer more strangers.
"""
EQUIPMENT = 40
"""Pieces of equipment of one hall in the register. Chosen. More: longer lists on the pages. Fewer: well equipped halls cannot
be described.
"""
CODECS = 20
"""Codecs of one terminal in the register. Chosen. More: longer lists on the pages. Fewer: a terminal with many codecs cannot be
described.
"""

# Files of units, people, sites, …
SHEET_BYTES = 5 * 1024 * 1024
"""Bytes of a CSV or Excel file for an import. Chosen. Larger: one import costs more memory. Smaller: files of the whole
province are refused.
"""
SHEET_ROWS = 20_000
"""Rows of an imported file. Chosen. More: one import holds a transaction for longer. Fewer: files of the whole province must be
split.
"""
SHEET_COLUMNS = 60
"""Columns of an imported file. Chosen. More: a hostile file costs more time and memory. Fewer: files with additional columns
are refused.
"""
CELL_CHARS = 2000
"""Characters of one cell of an imported file. Chosen. More: a hostile file costs more memory. Fewer: rows with long texts are
refused.
"""
XLSX_UNPACKED_BYTES = 48 * 1024 * 1024
"""Bytes of all unpacked parts of an Excel file. Chosen. Larger: a zip bomb uses up memory. Smaller: files of the whole province
are refused.
"""
XLSX_PARTS = 200
"""Files inside an Excel file. Chosen. More: a hostile file costs more time. Fewer: files with many sheets or pictures are
refused.
"""
XLSX_TOKEN_BYTES = 32 * 1024
"""Bytes of one tag, comment or CDATA section. Spreadsheet programs write some hundred bytes. Larger: expat before 2.6 needs a
second for a comment of 10 MiB (CVE-2023-52425). Smaller: real files are refused.
"""
TROUBLES = 500
"""Faults that one check of an imported file reports. Chosen. More: a longer report. Fewer: users must check and correct a file
several times.
"""

# Backup
MANIFEST_BYTES = 1024 * 1024
"""Bytes of the manifest of a backup. Chosen. Larger: a wrong file costs memory. Smaller: a real backup cannot be restored."""
BACKUP_KEYS = 20
"""Public keys that one backup is encrypted to. More: larger headers. Fewer: not every key holder can open the backup."""
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
"""Keys and certificates from the data folder in an encrypted backup. Chosen. More: a wrong folder makes a large backup. Fewer:
a backup with many certificates fails.
"""
BACKUP_KEPT_BYTES = 4 * 1024 * 1024
"""Bytes of all keys and certificates from the data folder in an encrypted backup. Larger: a backup reads more bytes into
memory. Smaller: a backup with many certificates fails.
"""
TOOL_S = 3600.0
"""Seconds of one run of `pg_dump` or `pg_restore`; then the tool is killed. Chosen. Longer: a hung tool is noticed later.
Shorter: backups of large databases fail.
"""

# Calling halls
PROBE_AHEAD_MIN = 15
"""This time before the start, legs are made and halls are probed. Longer: results are old at the start. Shorter: less time to
repair.
"""
DIAL_AHEAD_MIN = 3
"""This time before the start, halls are called. Longer: halls sit in an empty conference. Shorter: halls connect after the
start.
"""
DATES_DIALLED = 200
"""Dates whose halls are called at the same time. More: one round of work takes longer. Fewer: halls of later dates are not
called.
"""
LEGS_OF_A_DATE = 500
"""Terminals that one date calls, and terminals that a booking takes out of its call list. Chosen: the HALLS of one conference.
More: the conference refuses halls. Fewer: some halls of a large meeting are not called.
"""
LEGS_CLAIMED = 2000
"""Legs that one query leases, calls or ends. Chosen. More: one round of work takes longer. Fewer: halls of several large
meetings are called later.
"""
PROFILES = 200
"""Local profiles of makes of terminals. More: longer lists to search for each call. Fewer: a new make cannot be added."""
ALARMS_OF_A_LEG = 50
"""Alarms of one leg; further alarms are not stored. Chosen. More: a terminal that fails again and again fills the operator's
list. Fewer: a new fault raises no alarm.
"""
SIP_ACCOUNTS = 5000
"""SIP accounts, and stored registrations, that the server reads. Chosen. More: more memory and a slower refresh. Fewer: some
terminals cannot register or be called.
"""
SIP_BANS = 5000
"""Bans that the server reads at its start. Chosen: more than BANS of `signaling/sip/ground/limits.py`. More: a slower start.
Fewer: a restart ends some bans.
"""
DIALOGS_LEFT = 5000
"""Dialogs of dead workers that one query reads. Must be more than one server's dialogs (`signaling.sip.ground.limits.DIALOGS`).
Fewer: calls of a dead worker stay up.
"""
DIALOG_DAYS = 2
"""A stored dialog is deleted this time after its start, because no call lasts that long. Longer: old rows stay. Shorter: a
running call cannot be ended by another process.
"""

INSTANT_NUMBER_DAYS = 7
"""After the last participant left, the number of a meeting without a booking opens the meeting again for this time. Longer: the
table fills up. Shorter: a shared number stops early.
"""
INSTANT_NUMBER_GRACE_S = 600
"""Seconds that are added to INSTANT_NUMBER_DAYS, because the use of a number is only stored at a check for connected
participants. Chosen: twice the interval between two checks. Longer: an unused number stays valid longer. Shorter than the
interval: a number can expire too early.
"""
INSTANT_NUMBERS, INSTANT_NUMBERS_OF_A_SOURCE = 16_384, 1024
"""In total, and for each account or network. A new number replaces the least recently used one. More: more memory. Fewer:
numbers that are still used are lost.
"""
LOBBY_KEPT_DAYS = 400
"""Lobby settings are kept for this time. Longer: the table grows. Shorter: a link without a date loses its lobby setting while
the link is still used.
"""

CHECK_KEPT_DAYS = 14
"""Days for which results of users' device checks are stored. Chosen. Longer: personal data is stored for longer. Shorter:
results are deleted before support reads them.
"""
CHECKS = 5000
"""Results of users' device checks. More: the table grows. Fewer: results are deleted before support reads them."""
