"""The limits of `rooms`. A value without a source is chosen. A test checks each limit at limit + 1."""

# Database
BUSY_S = 30.0
CONNECTIONS = 16
POOL_WAIT_S = 10.0
STATEMENT_S = 30.0
ENDING_S = 5.0
"""A cancelled task waits at most this time for its commit or rollback. Longer: a dead database delays the cancellation.
Shorter: a slow commit is cut off, and its connection is lost.
"""
ATTEMPTS = 5
RETRY_S = 0.02
WAL_ATTEMPTS = 250
WRITERS = 8
"""Write transactions that one process runs at the same time on PostgreSQL. More: writers use all `CONNECTIONS`, and readers
wait. Fewer: bookings wait for each other.
"""
STATEMENTS_KEPT = 500
"""Prepared statements that each connection keeps. More: more memory. Fewer: statements are prepared again."""
IDLE_CONNECTION_S = 1.0
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
NAME_CHARACTERS = 200
COMMENT_CHARACTERS = 500
LETTER_TEXT_CHARACTERS = 20_000
LETTER_LINES = 2000
TEMPLATE_BYTES = 5 * 1024 * 1024
TEMPLATE_UNPACKED_BYTES = 50 * 1024 * 1024
TEMPLATE_ENTRIES = 1000
TEMPLATE_RESULT_BYTES = 20 * 1024 * 1024
TEMPLATE_CPU_S = 20
TEMPLATE_WAIT_S = 40.0
TEMPLATE_MEMORY_BYTES = 1024 * 1024 * 1024
MAIL_TIMES = 8
"""Dates of a series that a mail lists. More: long mails. Fewer: attendees see fewer dates, and a count of the others."""
DECIDERS_MAILED = 50
FEED_EVENTS = 2000
FEED_BEHIND_DAYS = 31
FEED_AHEAD_DAYS = 366
FEEDS_EACH = 50
SCHEDULE_DAYS = 62
WEBHOOKS = 200
WEBHOOK_URL_CHARACTERS = 1000
WEBHOOK_EVENTS = 20
DELIVERY_BODY_CHARACTERS = 20_000
DELIVERIES_SHOWN = 200
HOOK_WINDOW_S = 300
"""The permitted difference of another system's clock. Longer than `HOOK_DAYS`: an old webhook can be replayed. Shorter:
webhooks of a system with a wrong clock are refused.
"""
HOOK_BODY_BYTES = 64 * 1024
HOOK_ID_CHARACTERS = 100
HOOK_DAYS = 7
"""The identifiers of received webhooks are kept for this time. Longer: the table grows. Shorter than `HOOK_WINDOW_S`: a webhook
can be replayed.
"""

# Work that is due
JOB_ATTEMPTS = 8
JOB_RETRY_S = 30.0
JOB_RETRY_MOST_S = 6 * 3600.0
JOB_ERROR_CHARS = 500
JOB_KEPT_DAYS = 30

# Audit trail
AUDIT_DETAIL_CHARS = 8000
AUDIT_BATCH = 1000
AUDIT_FINDINGS = 1000
CHECKPOINT_FILE_BYTES = 4096
CHECKPOINTS = 100_000

# A booking request
TITLE = 300
DESCRIPTION = 20_000
RULE = 500
REASON = 500
HALLS = 260
TERMINALS = 300
DOCUMENTS = 50
AGENDA = 100
LEGS = 5000
DURATION_LEAST_MIN = 5
DURATION_MOST_MIN = 24 * 60

# Series
OCCURRENCES = 750
HORIZON_MONTHS = 24
TIMES_A_DAY = 4
RULE_PARTS = 400
"""Values in all lists of one rule together. More: a hostile rule costs more CPU time. Fewer: a rule with long lists is refused.
"""

# Contents of a refusal or a preview
CLASHES_TOLD = 40
"""Dates of a series whose clashes come with free times and other halls. More: a slower preview. Fewer: later dates only name
the clash.
"""
FREE_TIMES_TOLD = 3
HALLS_TOLD = 3
HALLS_COMPARED = 40
SLOT_MIN = 15
DATES_KNOWN = 50
"""Dates of a new meeting that are returned without a new read of the database. More: larger responses. Fewer: the response to a
new series waits for more queries.
"""
UNDO_HOURS = 24
EXTEND_MOST_MIN = 8 * 60
IDEMPOTENCY_KEY = 100
IDEMPOTENCY_DAYS = 7

# Searches
BOARD_DAYS = 42
BOARD_ROWS = 20_000
SEARCH_ROWS = 200
SEARCH_TEXT = 200
AVAILABILITY_DAYS = 31
TEMPLATES = 500
KEPT_EACH = 100
"""Templates of bookings, and lists of attendees, that a unit may store. More: the table grows. Fewer: units must delete old
ones.
"""
KEPT_CHARACTERS = 200_000
"""Characters of one stored template, as JSON. Larger: the table grows. Smaller: a template with many attendees is refused."""
HISTORY_ROWS = 200
CHANGES_LOOKED_BACK = 50
"""Changes of one meeting that are read to find the dates since the last approval. More: slower approvals. Fewer: after many
edits of single dates, attendees are notified about the whole series.
"""

# Organisation
UNIT_DEPTH = 16
FOUND = 100
SEARCH_CHARS = 200
DEPUTY_DAYS = 366
RULES = 200
SUCCESSION_UNITS = 300

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
OWN_DATES_DAYS = 92
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
# The shortest prefixes of public ranges that hall terminals may call from. Longer: large ranges of the province are refused.
# Shorter: the SIP ports answer more strangers. See `rooms.sites.networks.too_wide`.
PUBLIC_IPV4_PREFIX = 16
PUBLIC_IPV6_PREFIX = 32
EQUIPMENT = 40
CODECS = 20

# Files of units, people, sites, …
SHEET_BYTES = 5 * 1024 * 1024
SHEET_ROWS = 20_000
SHEET_COLUMNS = 60
CELL_CHARS = 2000
XLSX_UNPACKED_BYTES = 48 * 1024 * 1024
XLSX_PARTS = 200
XLSX_TOKEN_BYTES = 32 * 1024
"""Bytes of one tag, comment or CDATA section. Spreadsheet programs write some hundred bytes. Larger: expat before 2.6 needs a
second for a comment of 10 MiB (CVE-2023-52425). Smaller: real files are refused.
"""
TROUBLES = 500

# Backup
MANIFEST_BYTES = 1024 * 1024
BACKUP_KEYS = 20
"""Public keys that one backup is encrypted to. More: larger headers. Fewer: not every key holder can open the backup."""
BACKUP_KEY_BYTES = 64 * 1024
BACKUP_PASSPHRASE_LEAST = 12
BACKUP_PASSPHRASE_MOST = 1000
BACKUP_KEPT_FILES = 100
BACKUP_KEPT_BYTES = 4 * 1024 * 1024
"""Bytes of all keys and certificates from the data folder in an encrypted backup. Larger: a backup reads more bytes into
memory. Smaller: a backup with many certificates fails.
"""
TOOL_S = 3600.0

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
LEGS_CLAIMED = 2000
PROFILES = 200
"""Local profiles of makes of terminals. More: longer lists to search for each call. Fewer: a new make cannot be added."""
ALARMS_OF_A_LEG = 50
SIP_ACCOUNTS = 5000
SIP_BANS = 5000
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
"""Twice the interval between two checks for connected participants. Shorter than the interval: a number can expire too early.
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
CHECKS = 5000
"""Results of users' device checks. More: the table grows. Fewer: results are deleted before support reads them."""
