"""Every bound of `rooms`; a test stands at limit + 1 of each."""

# Database
BUSY_S = 30.0
CONNECTIONS = 16
POOL_WAIT_S = 10.0
STATEMENT_S = 30.0
ENDING_S = 5.0
"""So long the end of a transaction is waited for by whoever was cancelled."""
ATTEMPTS = 5
RETRY_S = 0.02
WAL_ATTEMPTS = 250
WRITERS = 8
"""Writing transactions of one process at a time, where the database admits several."""
STATEMENTS_KEPT = 500
"""Prepared ones of each connection."""
IDLE_CONNECTION_S = 1.0
SWITCH_S = 0.001
"""Between turns of this process's threads, with an embedded database."""
TURN_S = 0.01
"""So long a transaction of the embedded database may work before the event loop gets a turn."""

# Invitations
ATTENDEE_REQUESTS = 1000
"""Lines of the list that a secretary makes: sets, units, people, guests."""
INVITED = 2000
"""Units and people of one meeting, after sets are expanded."""
DATE_ANSWERS = 4000
"""Answers to single dates of a series that are shown with it, those of the next dates first."""
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
"""Dates of a series that a mail names."""
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
"""How far the clock of another system may be off."""
HOOK_BODY_BYTES = 64 * 1024
HOOK_ID_CHARACTERS = 100
HOOK_DAYS = 7
"""How long the identifiers of webhooks that came in are remembered; far longer than the window."""

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
"""Values in all lists of one rule together."""

# What a refusal or a preview tells
CLASHES_TOLD = 40
"""Dates of a series whose clashes are told with free times and other halls; the others by name only."""
FREE_TIMES_TOLD = 3
HALLS_TOLD = 3
HALLS_COMPARED = 40
SLOT_MIN = 15
DATES_KNOWN = 50
"""Of a meeting that was just made: so many dates are answered without reading them back."""
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
"""Templates of bookings, and lists of attendees, that a unit keeps."""
KEPT_CHARACTERS = 200_000
"""Of one template, as JSON."""
HISTORY_ROWS = 200
CHANGES_LOOKED_BACK = 50
"""Of one meeting, when an approval has to know what it approves."""

# Organisation
UNIT_DEPTH = 16
FOUND = 100
SEARCH_CHARS = 200
DEPUTY_DAYS = 366
RULES = 200
SUCCESSION_UNITS = 300

# The door of a booked meeting
ENTRY_MIN = 30
"""Minutes before its start."""
ENTRY_HOST_MIN = 120
"""For chair, secretary, operator and the host's desk."""
STRICT_DATES = 5000
OWN_DATES_DAYS = 92
MINE_DATES = 1000
"""My meetings."""
ENTRY_OVERRUN_MIN = 4 * 60
"""Beyond its end, while it still runs."""
CONTACTS_AHEAD_H = 24
"""Hours before its start: its secretary and its operator read whom to phone at its sites."""

# Sites
RANGES = 100
# Of public ranges that hall terminals may call from: the smallest prefix. See `rooms.sites.networks.too_wide`.
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
"""Of one tag, comment or CDATA section: spreadsheet programs write some hundred bytes, and expat before 2.6 needs a second for
a comment of 10 MiB (CVE-2023-52425).
"""
TROUBLES = 500

# Backup
MANIFEST_BYTES = 1024 * 1024
BACKUP_KEYS = 20
"""Public keys that one backup is sealed to."""
BACKUP_KEY_BYTES = 64 * 1024
BACKUP_PASSPHRASE_LEAST = 12
BACKUP_PASSPHRASE_MOST = 1000
BACKUP_KEPT_FILES = 100
BACKUP_KEPT_BYTES = 4 * 1024 * 1024
"""Keys and certificates of the data folder that go into a sealed backup."""
TOOL_S = 3600.0

# Calling halls
PROBE_AHEAD_MIN = 15
"""Before the start: halls are looked at, and their legs are made."""
DIAL_AHEAD_MIN = 3
"""Before the start: halls are called."""
DATES_DIALLED = 200
"""Dates whose halls are called at the same time."""
LEGS_OF_A_DATE = 500
LEGS_CLAIMED = 2000
PROFILES = 200
"""Of makes of terminals, set here."""
ALARMS_OF_A_LEG = 50
SIP_ACCOUNTS = 5000
SIP_BANS = 5000
DIALOGS_LEFT = 5000
"""More than one server has at once (`signaling.sip.ground.limits.DIALOGS`)."""
DIALOG_DAYS = 2
"""So long after its beginning no call stands."""

INSTANT_NUMBER_DAYS = 7
"""So long after the last person left, the number of a meeting that was started without a booking opens it again."""
INSTANT_NUMBER_GRACE_S = 600
"""Twice the time between two looks at who is there."""
INSTANT_NUMBERS, INSTANT_NUMBERS_OF_A_SOURCE = 16_384, 1024
"""In all, and of one account or network. One more takes the place of the one that was used longest ago."""
LOBBY_KEPT_DAYS = 400
"""A link without a date is used for long."""

CHECK_KEPT_DAYS = 14
CHECKS = 5000
"""Results of people's own checks of their devices."""
