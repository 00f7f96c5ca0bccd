"""The limits of requests to the REST API. A test checks each limit + 1."""

PAGE = 50
"""Rows of one page of a list, if the request names no number; also the dates of a series that one answer holds. Chosen. More:
slower answers. Fewer: clients need more requests.
"""
PAGE_MOST = 200
"""The most rows of one page that a request can ask for; a request for more is refused (422). Chosen. More: slower answers to
requests for more. Fewer: clients need more requests.
"""
CURSOR_BYTES = 400
"""Characters of the cursor (the place in a list) that a request for the next page carries; a longer one is refused. Chosen:
longer than our own cursors. More: longer hostile input. Fewer: the next page of a list cannot be read.
"""
QUERY_CHARACTERS = 200
"""Characters of a search text in a request; a longer one is refused (422). Chosen, as the search limits of `rooms/limits.py`.
More: no effect on the result, because the search reads only the first 200. Fewer: searches for long titles are refused.
"""
SEARCHED = 2000
"""Rows that the database returns for one search in the register; further rows are left out. More: slow answers. Fewer: the last
pages of a long list are missing.
"""
FIRST_YEAR = 2000
"""The earliest year of a time in a request; an earlier one is refused. Chosen. Later: times of old meetings are refused.
Earlier: typing errors are accepted.
"""
LAST_YEAR = 2100
"""The latest year of a time in a request; a later one is refused. Chosen. Later: typing errors are accepted. Earlier: bookings
far ahead are refused.
"""
KEY_CHARACTERS = 100
"""Characters of an Idempotency-Key, by which a repeated booking request is recognised; a longer one is refused (422). Chosen,
as in `rooms/limits.py`. More: no effect, because longer keys are refused anyway. Fewer: keys of other systems are refused.
"""
ATTENDEES = 600
"""Attendees in one request, or in one stored list of attendees; more are refused (422). Chosen. More: bigger requests, up to
DESK_BODY_BYTES (512 KiB). Fewer: large meetings cannot be booked.
"""
SENT_TO = 2000
"""Invitees that one request to send mails or to make texts names; more are refused (422). Chosen, as INVITED of
`rooms/limits.py`. More: no effect. Fewer: a conference of the whole province needs several requests.
"""
HALLS = 50
"""Halls (rooms that can be booked) that one request names; more are refused. Chosen. More: bigger requests and slower
searches; the booking takes at most 260. Fewer: a meeting in many halls cannot be booked with its halls.
"""
TERMINALS = 300
"""Terminals (SIP devices in halls) that one request names; more are refused. Chosen, as in `rooms/limits.py`. More: the booking
refuses the request. Fewer: large meetings cannot be booked.
"""
CALLS = 500
"""Terminals (SIP devices in halls) that one booking excludes from its calls; a request with more is refused. Chosen, as
LEGS_OF_A_DATE (500) of `rooms/limits.py`. More: the booking refuses the request. Fewer: a large meeting cannot exclude many
terminals.
"""
REHEARSAL_MIN = 8 * 60
"""Minutes of the longest rehearsal; a longer one is refused. Chosen, as REHEARSAL_MOST_MIN of `rooms/limits.py`. Longer: the
booking refuses the request. Shorter: a rehearsal of a hundred sites is refused.
"""
DELEGATES = 5000
"""The largest number of delegates at a site of a rehearsal. Chosen, as DELEGATES_OF_A_SITE of `rooms/limits.py`. More: the entry
is refused later. Fewer: the number of a large hall is refused.
"""
CALL_AHEAD_MIN = 120
"""The most minutes before the start of a meeting at which its halls are called; a request for more is refused. Chosen, as
CALL_AHEAD_MOST_MIN of `rooms/limits.py`. More: the booking refuses the request. Fewer: halls cannot be tested early.
"""
AGENDA = 100
"""Agenda items in one request. Chosen, as in `rooms/limits.py`. More: the booking refuses the request. Fewer: long meetings
cannot be booked.
"""
DOCUMENTS = 50
"""Documents in one request. Chosen, as in `rooms/limits.py`. More: the booking refuses the request. Fewer: meetings with many
documents cannot be booked.
"""
UPLOAD_BYTES = 5 * 1024 * 1024
"""Bytes of one uploaded file; a larger file is refused. Chosen, as SHEET_BYTES and TEMPLATE_BYTES of `rooms/limits.py`.
Larger: no effect, because these two, and UPLOAD_BODY_BYTES (6 MiB) for the request, still refuse. Smaller: large templates of
letters, and large lists for import, are refused.
"""
DATES = 750
"""Days of a series that a request leaves out, or dates that it moves. Chosen: OCCURRENCES (750) of `rooms/limits.py`. More: the
booking refuses the request. Fewer: a long series cannot be booked around its clashes.
"""
RANGES = 100
"""Address ranges of one network (of SIP terminals) in a request. Chosen, as in `rooms/limits.py`. More: the register refuses
the request. Fewer: large networks are refused.
"""
SUCCESSORS = 20
"""Further units (offices) that join in one merger, or parts of one split, in a request; more are refused. Chosen. More: one
transaction takes longer; the register takes at most 300. Fewer: large reforms need several requests.
"""
SHARED = 1000
"""Lower units, sites or people that move to one part of a split of a unit (office); a request with more is refused. Chosen. A
request of 64 KiB (BODY_BYTES) holds some 1800 ids in all. More: no effect beyond these. Fewer: a large unit cannot be split.
"""
RULES = 200
"""Rules of one recipient set (a name in letters such as "all communes") in a request. Chosen, as in `rooms/limits.py`. More:
the register refuses the request. Fewer: large sets are refused.
"""
EVENTS = 40
"""Kinds of events of one webhook in a request; a request with more is refused. Chosen; WEBHOOK_EVENTS (20) of `rooms/limits.py`
is smaller. More: no effect. Fewer than 20: webhooks with many kinds are refused.
"""
LEGS = 500
"""Calls to halls that one command of an operator names; a command with more is refused. More: one command takes longer. Fewer:
operators of large meetings need several commands.
"""
PEOPLE = 500
"""People in browsers that one command of an operator names; a command with more is refused. Chosen: PARTICIPANTS (500) of
`conference/ground/limits.py`. More: one command takes longer. Fewer: operators of large meetings need several commands.
"""
IDENTITY_CHARACTERS = 256
"""Characters of the identity of a participant in a command of an operator. Chosen: IDENTITY_BYTES (256) of
`conference/ground/limits.py`. More: no effect, because no identity is longer. Fewer: people with long identities cannot be muted.
"""
