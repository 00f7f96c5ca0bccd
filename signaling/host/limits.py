"""The limits of the server process and of HTTP: connections, requests, tokens, throttles. The suffix `_S` means seconds. A
figure without a source is chosen.

The limits of a browser session are in `signaling/rtc/wire/limits.py`. The limits of fields and uploads of the REST API are in
`signaling/api/models/limits.py`.
"""

REQUEST_LINE_BYTES = 16 * 1024
"""Bytes of the first line of an HTTP request; a longer one is refused (414). A browser's join request is in its query: 2.5 KB
and a token today. More: memory for unknown clients; one query parameter of a join stays at QUERY_VALUE_BYTES (16 KiB). Less:
joins with many tracks are refused.
"""
HEADER_BYTES = 32 * 1024
"""Bytes of all headers of one HTTP request; with more, it is refused (431). Chosen. More: memory for unknown clients. Less:
requests with many cookies are refused.
"""
HEADER_COUNT = 100
"""Headers of one HTTP request; with more, the request is refused (431). Chosen. More: a hostile request costs more time. Fewer:
requests through many proxies are refused.
"""
FIRST_REQUEST_S = 15.0
"""Seconds for the arrival of a whole HTTP request with its body; then the connection is closed. Longer: silent connections
stay longer. At STRANGERS (4096), the oldest silent one of the fullest network is closed, so no client is refused. Shorter:
phones, and uploads of 6 MiB, on slow networks are cut.
"""
KEEP_ALIVE_S = 30
"""Seconds for which an idle HTTP connection stays open. Chosen. Longer: idle connections of clients with proved identity stay,
so CONNECTIONS (8192) is reached sooner and requests get 503. Those of other clients stay until STRANGERS closes them. Shorter:
browsers must connect again more often.
"""
CONNECTIONS = 8192
"""HTTP connections and WebSockets of one server at the same time. At this number each HTTP request gets 503; WebSockets still
open. Clients without proof of identity have only 4096 (STRANGERS) of them. More: memory and descriptors. Fewer: clients cannot
load the pages in a crowded hour.
"""

# Limits of unproved connections. They are counted by network: an IPv4 address, or an IPv6 network of 64 bits within one of 48
# bits. Above the limit, the oldest silent connection of the largest network is closed.
STRANGERS = 4096
"""HTTP connections of clients that have not proved their identity. One more closes the oldest silent one of the network with
the most. A page opens up to 6, so 600 people behind one address fit. More: memory for attackers; from 8192 (CONNECTIONS) they
cause 503 for all. Fewer: people behind one address lose connections.
"""
TLS_HANDSHAKE_S = 15.0
"""Seconds for the TLS handshake; then the connection is closed. Chosen, the same as FIRST_REQUEST_S (15), which starts after
the handshake. A phone on a slow network needs some seconds. Longer: silent connections stay longer. At STRANGERS (4096), the
oldest silent one of the fullest network is closed, so no client is refused. Shorter: such phones are cut.
"""
STRANGERS_TCP = 1024
"""Media connections over TCP of one packet thread that have not yet proved that a participant owns them. An honest client does
so within one round trip. One more closes the oldest of the network with the most. More: memory for attackers. Fewer: a crowd
that joins at once loses connections.
"""
STRANGER_TCP_S = 10.0
"""Seconds in which a media connection over TCP must prove that a participant owns it; then it is closed. Chosen. Longer:
silent connections stay longer, until STRANGERS_TCP (1024) closes the oldest of the fullest network. Shorter: clients on slow
networks are cut.
"""
CONNECTIONS_TCP = 8192
"""Media connections over TCP of one packet thread that belong to participants; at this number each new connection is closed,
also of newcomers. One participant has at most 8. More: memory. Fewer: participants behind firewalls get no media.
"""

BODY_BYTES = 64 * 1024
"""Bytes of the body of an API request; a longer body is refused (413). The server API (RoomService) has its own limit. More:
reading costs more. Less: long texts are refused.
"""
DESK_BODY_BYTES = 512 * 1024
"""Bytes of the body of a booking request, with attendees, agenda and documents; a longer body is refused (413). More: reading
costs more. Less: large meetings cannot be booked.
"""
UPLOAD_BODY_BYTES = 6 * 1024 * 1024
"""Bytes of a request with an uploaded file; a longer one is refused (413). Chosen: a file of 5 MiB and the form around it.
More: memory for each upload, but files over UPLOAD_BYTES (5 MiB) are still refused. Less: large files are refused.
"""
WEBSOCKET_MESSAGE_BYTES = 4 * 1024 * 1024
"""Bytes of one WebSocket message; a longer one closes the socket. A session description with hundreds of tracks has 3 MiB.
More: memory only, because a session closes at its own limit of 4 MiB (MESSAGE_BYTES). Less: large conferences cannot be
joined.
"""
WEBSOCKET_QUEUE, WEBSOCKET_SHORT_BYTES = 32, 1024
"""The server pauses reading from a client when WEBSOCKET_QUEUE messages wait, or after a message longer than
WEBSOCKET_SHORT_BYTES. Larger: more memory for each client. Smaller: reading pauses more often, and a pause costs more CPU time
than a short message.
"""
WEBSOCKET_PIECES = 1024
"""Frames of one WebSocket message; with more, the socket is closed. Browsers make one frame of 64 KiB or more. More: memory for
tiny frames. Fewer: clients that send small frames are cut.
"""
WEBSOCKET_PIECE_S = 30.0
"""Seconds between two frames of one WebSocket message; then the socket is closed. A slow network may delay a frame. Longer:
unfinished messages hold memory. Shorter: slow clients are cut.
"""
WEBSOCKET_UNREAD_BYTES = 8 * 1024 * 1024
"""Bytes of answers to pings that a client has not read; above it the socket is closed. A session already closes at 4 MiB of its
own messages. More: memory. Less: a slow client is cut.
"""
PONG_STEPS = 20
"""The wait for a pong, or for the next frame of a message, is counted in this many short timers. A step counts once, even if
the process was stopped during it. More: more timers. Fewer: after a stop of the process, honest clients are cut.
"""
OWN_ADDRESSES = 4
"""Network addresses of this machine that also take media when the server is only for this machine (loopback). Firefox needs
one. Each is one more ICE candidate that clients check. More: slower connecting. Fewer: on a machine with many networks Firefox
may find none.
"""
FREE_PORT_TRIES = 8
"""Ports that are tried when the port of the pages is 0. The system chooses a port at one address, and the port may be taken at
another. Chosen. More: a machine without a free port gets its error later. Fewer: a start fails on a busy machine.
"""
HANDED_SOCKETS = 16
"""Listening sockets that a supervisor (systemd socket activation) opened for the web pages and hands to the server, one for
each listening address. With more, the start is refused. More: the start with a wrong number in LISTEN_FDS fails a moment later,
with a less clear error. Fewer: servers with many addresses do not start.
"""
SHUTDOWN_S = 5.0
"""Seconds at most for the stop of the HTTP server: half for the last messages to clients, half for open requests. Chosen.
Longer: a restart takes longer, but only if a client does not read or a request does not end. Shorter: clients do not learn of
the stop and return later, or answers are cut off.
"""
REST_AFTER_S = 5.0
"""Seconds after the start until the REST API is built, if no request needs it earlier. By then the browsers that lost a server
have joined again. Longer: the first request may wait. Shorter: the build slows these browsers.
"""

SHARDS = 4
"""Packet threads at most when the setting `shards` is 0 (automatic); never more than the cores. One thread forwards some
300,000 packets a second. More: no effect on machines with up to 4 cores. On others the threads take cores from the Python
event loop, so signalling is late. Fewer: less media capacity.
"""

TRACED_ARRIVALS = 4096
"""Joins whose trace (a tree of spans for OpenTelemetry) is not complete; above the limit the trace of the oldest is ended as
failed. More: memory. Fewer: traces of slow joins are cut off.
"""
TRACES_SEND_S, TRACES_CLOSE_S = 5.0, 3.0
"""Seconds for sending one batch of traces to the collector, and for the last batch when the server stops; then the batch is
lost. Longer TRACES_SEND_S: with a dead collector, later batches wait. Longer TRACES_CLOSE_S: with a dead collector, the server
stops later. Shorter: traces for a slow collector are lost.
"""
ENDING_S = 2.0
"""Seconds at most for cancelled tasks when the server stops; a later task is logged and left. Longer: only a task that hangs
delays the stop. Shorter: a task cannot finish its clean-up.
"""
TRACES_TOLD_S = 300.0
"""Seconds between two log lines about lost traces. Longer: an operator learns of the loss later. Shorter: a dead collector
fills the log.
"""

TOKEN_BYTES = 8 * 1024
"""Bytes of a token, the signed text with which a participant joins; a longer one is refused. Chosen. More: checking a hostile
token costs more time, up to 16 KiB (QUERY_VALUE_BYTES) in an address. Less: participants with long metadata cannot join or
resume.
"""
TOKEN_TTL_S = 600
"""Seconds for which a pass (a token for one join) can be used; also the default of tokens that the command line signs. Chosen.
Longer: a stolen pass works for longer. Shorter: users who test their camera for long must ask again.
"""
BODY_TOKEN_TTL_S = 300
"""Seconds for which the signature of one webhook is valid. Longer: a recorded webhook can be sent again for longer. Shorter: a
receiver with a wrong clock refuses it.
"""
TOKEN_TTL_MOST_S = 7 * 24 * 3600
"""Seconds. The longest life of a token that the command line signs. Chosen: one week. Longer: a lost token works for longer.
Shorter: tests over many days need new tokens.
"""
LEEWAY_S = 10
"""Seconds by which the clock of another system that signs tokens may differ. Chosen. More: expired tokens are accepted for
longer. Less: a small error of its clock makes all its tokens fail.
"""
SECRET_CHARACTERS = 32
"""Characters of the shortest API secret; a shorter one is refused. Source: RFC 7518 section 3.2 requires 256 bits (32 bytes)
for HS256. More: shorter secrets in use are refused. Fewer: tokens are easier to forge.
"""

IDENTITY_BYTES = 256
"""Bytes of the identity in a token. Chosen, as in `conference/ground/limits.py`. More: the conference refuses the participant.
Less: long identities are refused.
"""
ACCOUNT_BYTES = 64
"""Bytes of the identifier of an account, or of a session, in a token; a token with a longer one is refused. Chosen: our own
have 32 at most. Larger: no effect on our own tokens. Smaller than 32: users with an account cannot join.
"""
ACCOUNTS_LOOKED_S = 5.0
"""Seconds between two checks of the accounts of people in meetings, because another process may have disabled one. Longer: a
disabled account stays in its meeting longer. Shorter: more queries.
"""
PLACES_LOOKED_S = 2.0
"""Seconds between two looks for new meetings whose reserved places are not known yet. Until then all may join. Chosen.
Longer: more people join a full system. Shorter: more work.
"""
PLACES_KEPT_S = 30.0
"""Seconds until all reserved places are read again. Chosen. Longer: a new booking, or an extension, counts later. Shorter: more
queries.
"""
PLACE_AWAITED_S = 30.0
"""Seconds for which a participant who has left keeps the place in a full system, so that the page can load again. Chosen: longer
than a reconnection after a change of the network. Longer: a free place stays empty. Shorter: people lose their places.
"""
PLACES_AWAITED = 1000
"""Places of all conferences that are kept so at the same time. Chosen: more than a full conference (500).
More: memory. Fewer: the earliest to leave lose their places.
"""
UNTOLD_EVENTS = 16
"""Beginnings and ends of one conference that wait for the database; then the earliest is forgotten. Chosen. More: memory during
an outage. Fewer: the calendar misses an early pause of a meeting.
"""
UNSTORED_DECISIONS = 200
"""Decisions of the hosts of one meeting that wait for the database; then the earliest is forgotten. Chosen: some hours of a
meeting. More: memory during an outage. Fewer: the audit trail misses decisions after a long outage.
"""
HOST_CHECKED_S = 1.0
"""Seconds that an order of a host waits for the check in the database; then the host keeps the right. Chosen: people see the
effect of a press within a second. Longer: with a database that hangs, all orders of the chair are late. Shorter: with a slow
database, a person who lost the right gives orders until the next check (HOSTS_LOOKED_S).
"""
END_STORED_S = 1.0
"""Seconds that the answer to the end of a meeting waits until the end is stored. The meeting has ended before. Chosen. Longer:
with a database that hangs, the answer is late. Shorter: with a slow database, the host still sees the meeting in the calendar.
"""
TELL_AGAIN_S = 1.0
"""Seconds until a beginning or an end is stored again after a failure; each further wait is twice as long. Chosen. Longer: the
calendar is late after a short outage. Shorter: more attempts on a database that is away.
"""
TELL_AGAIN_MOST_S = 60.0
"""The longest wait between two attempts, in seconds. Chosen. Longer: the calendar is late after a long outage. Shorter: more
log lines.
"""
ORDER_STORED_S = 3.0
"""Seconds that an order of the chair waits until the database has stored it; then the order is refused. Chosen. Longer: the
chair waits for a database that is away. Shorter: a busy database refuses orders that it could still store.
"""
SEEN_EVERY_S = 15.0
"""Seconds between two notes that a live meeting goes on. After a crash of the server, the stays of all participants end at the
last note. Chosen. Longer: the attendance after a crash is less exact. Shorter: more writes.
"""
FULL_COLLECTION_AFTER = 3
"""Collections of the middle generation until the next full collection; CPython's own value is 10. Each is 7,000 new objects.
Measured: 29,000 objects take 5 to 23 ms, and 198,000 take 171 ms. Larger: longer pauses. Smaller: more objects are frozen that
would end soon.
"""
FROZEN_GROWTH = 2.0
"""The collector looks at every object again when the objects that it passes over are this many times as many as after the last
such look. Chosen. Larger: more memory stays in use. Smaller: more pauses of half a second for a server with 500 people.
"""
BALLOT_KEYS_S = 7 * 24 * 3600.0
"""Age of the key of an open secret vote, after which a start of the server destroys it. Chosen: longer than any meeting with a
vote. Longer: keys of meetings that ended in a crash stay in memory. Shorter: a vote over several days is lost at a restart.
"""
RESUMED_S = 600.0
"""Seconds. If a meeting without a booking was seen in this time before the start of the server, it goes on with its roles and
its floor. Chosen: longer than a restart. Longer: a later meeting of the same number gets the roles of the earlier one. Shorter:
after a slow restart the meeting begins again.
"""
UNSTORED_ROWS = 5000
"""Rows about one live meeting that wait for the database; further ones are lost, and the record says how many. Chosen: 500
participants who come, leave and speak for some hours. More: memory during an outage. Fewer: a long outage leaves a gap.
"""
SITTINGS = 1024
"""Live meetings whose last states are in memory, with those that all participants have left. At the limit the one that was left
first is forgotten. Chosen. More: memory. Fewer: people who come back to such a meeting begin again.
"""
STATE_BYTES = 1024 * 1024
"""Bytes of the state of one machine of a live meeting, as JSON; a larger state is refused. Chosen: a roll call of 500 sites with
the names of 2,000 delegates has 300 KB. More: each order of the chair writes more. Fewer: a large roll call is not stored.
"""
ENDS_LOOKED_S = 5.0
"""Seconds between two looks at the booked ends of running meetings. Another process may have extended one. Chosen. Longer: a
page shows an extension later. Shorter: more queries.
"""
ENDS_TICK_S = 1.0
"""Seconds between two checks whether a notice is due. Chosen. Longer: "one minute" comes late. Shorter: more work."""
FORGOTTEN_LOOKED_S = 60.0
"""Seconds between two searches for dates that a killed server did not end. Chosen. Longer: such a date runs on in the calendar.
Shorter: more queries.
"""
SPOKEN_LATELY_S = 60.0
"""Seconds without speech after which a meeting ends by itself. Otherwise the operator is asked. The source is the mission: the
last minute. Longer: quiet meetings stay open. Shorter: a pause in a speech ends a meeting.
"""
ENDED_WORDS_S = 6.0
"""The least seconds between the announcement of the end and the end of the calls. Chosen, as LAST_WORDS_S of the halls. Longer:
halls hear silence. Shorter: the announcement is cut.
"""
ENDED_WORDS_MOST_S = 30.0
"""The most seconds for the announcement of the end to all halls. A hall that hears another announcement hears it afterwards.
Chosen. Longer: a broken mixer delays the end. Shorter: such a hall does not hear it.
"""
HOSTS_LOOKED_S = 30.0
"""Seconds between two checks whether the hosts of running meetings still have this right. Longer: a person who lost the right
can mute and remove others longer. Shorter: more queries.
"""
NAME_BYTES = 256
"""Bytes of the name in a token; a token with a longer one is refused, and the name of an invited person is cut. Chosen, as in
`conference/ground/limits.py`. More: the conference refuses a participant with a longer name. Less: long names are refused or
cut.
"""
NAME_CHARACTERS = 100
"""Characters of a name or a title that a person types; a longer one is refused. More: long texts in lists; a name over
NAME_BYTES (256) gets a pass, but cannot join. Less: long names of units are refused.
"""
CONFERENCE_BYTES = 256
"""Bytes of the conference's name in a token. Chosen, as in `conference/ground/limits.py`. More: the conference refuses the
join. Less: long names are refused.
"""
METADATA_BYTES = 64 * 1024
"""Bytes of the metadata in a token, of the participant or of the conference. Chosen; TOKEN_BYTES (8 KiB) limits the whole
token. More: no effect. Less than 8 KiB: applications with long metadata are refused.
"""
ATTRIBUTES = 64
"""Attributes in a token; a token with more is refused. Chosen, as in `conference/ground/limits.py`. More: the conference
refuses the participant. Fewer: applications with many attributes are refused.
"""
ATTRIBUTE_BYTES = 64 * 1024
"""Characters of all attributes in a token, as JSON. Chosen; TOKEN_BYTES (8 KiB) limits the whole token. More: no effect. Less
than 8 KiB: applications with long attributes are refused.
"""

CREATIONS_PER_MINUTE = 60
"""Meetings without a booking that one network (IPv4 address or IPv6 /64) may open each minute, and as many at once after a
pause. Further ones are refused (429). Chosen. More: a stranger can fill the server with meetings. Fewer: a large office must
wait.
"""
TOKENS_PER_MINUTE = 600
"""Passes (tokens for one join) for meetings without a booking that one network may get each minute, and as many at once after a
pause. Further requests are refused. Chosen: a whole province may come through one address. More: joins from one address may
flood the server. Fewer: users in a large office must wait.
"""
LOOKS_PER_MINUTE = 600
"""Requests of one network each minute (and as many at once after a pause) whether a meeting's number exists; further ones are
refused. A browser asks before it opens the camera, and for each invitation. More: attackers find existing numbers sooner.
Fewer: users in a large office must wait.
"""
NUMBERS_PER_MINUTE = 20
"""Wrong pairs of meeting number and PIN from one network each minute, and as many at once after a pause; further tries are
refused. More: numbers are easier to guess; OWN_TRIES_PER_HOUR and TRIES_PER_MINUTE still limit each number. Fewer: an office
where many mistype must wait.
"""
TRIES_PER_MINUTE = 30
"""Wrong PINs for one meeting number from all networks each minute, and as many at once after a pause. They count after the 5
own tries of each network (OWN_TRIES_PER_HOUR). Further tries are refused. So all 10^6 PINs of six digits take 23 days, and
10^8 of eight digits (of a series) six years. More: PINs are guessed sooner. Fewer: an attacker blocks the number for others
sooner.
"""
OWN_TRIES_PER_HOUR = 5
"""Wrong PINs for one meeting number that each network may try in an hour. Only further tries of that network count for
TRIES_PER_MINUTE (30), the limit that all networks share. A thousand networks have 5000 own and 1800 shared tries an hour, so
half of the PINs (500,000) takes 74 hours. More: PINs are guessed sooner. Fewer: during an attack, honest users are refused.
"""
TERMINAL_TRIES_PER_HOUR = 60
"""Wrong PINs in an hour of one SIP terminal that has shown its password; further tries are refused. People type less than one a
minute, and half of the PINs (500,000) need a year. More: PINs are guessed sooner. Fewer: a hall is refused after some mistakes.
"""
LINKS_PER_MINUTE = 120
"""Wrong personal links of invitations from one network each minute, and as many at once after a pause; further tries are
refused. Chosen. More: links can be tried faster, but a link is too long to guess. Fewer: an office with old links must wait.
"""
PC_CODES_PER_MINUTE = 10
"""Wrong codes of enrolment of PCs in hall mode from one network each minute, and as many at once after a pause; further tries are
refused. Chosen: people type eight digits in some seconds. More: fewer networks reach PC_CODES_OF_ALL_PER_MINUTE (60). Fewer: a
hall is refused after some mistakes.
"""
PC_CODES_OF_ALL_PER_MINUTE = 60
"""Wrong codes of enrolment from all networks together each minute, and as many at once after a pause; further tries are refused.
A code of eight digits works for 15 minutes (PC_CODE_MIN). So 960 tries find one of 10^8 codes with a chance of 1 in 100,000.
More: codes are guessed sooner. Fewer: an attacker blocks the enrolments of all others sooner.
"""
PASSES_PER_MINUTE = 600
"""Passes (tokens for one join) of guests for one network each minute, and as many at once after a pause; further requests are
refused. A whole province may come through one address. More: joins from one address may flood the server. Fewer: guests must
wait.
"""
MODERATION_TTL_S = 12 * 3600
"""Seconds for which the key works by which a host admits or denies people in the lobby. Chosen: longer than most meetings.
Longer: a stolen key works longer. Shorter: in a long meeting the host can no longer admit people.
"""
OPENER_KEPT_S = 7 * 24 * 3600
"""Seconds for which a browser that opened a meeting can admit people to it, after its last visit. Longer: other users of a
shared computer can do so longer. Shorter: the person who opened the meeting can no longer admit people.
"""
LOBBY_POLL_S = 25.0
"""Seconds that a request for news of the lobby stays open; then it is answered without news. Source: proxies give up after 30
or 60 s. Longer: proxies cut the request. Shorter: more requests.
"""
LOBBY_TRIES_PER_MINUTE = 60
"""Wrong secrets of waiting people (tickets), and as many of hosts (keys), from one network each minute; further tries are
refused. More: a flood costs more time. Fewer: an office with old pages must wait.
"""
ORDERS_PER_MINUTE = 60
"""Orders of one kind that a participant who does not lead may give in a meeting each minute; further ones are refused. Each may
write rows about the meeting. More: one person fills the database. Fewer: a person who corrects a ballot must wait.
"""
ORDERS_AT_ONCE = 10
"""Such orders that may arrive together. More: a larger burst. Fewer: a person who presses again quickly is refused."""
LEADER_ORDERS_PER_MINUTE = 600
"""Orders of one kind that a leader may give in a meeting each minute; further ones are refused. More: a program with the key of a
host fills the database. Fewer: a program cannot call or mute hundreds of sites one by one.
"""
DATABASE_ANSWER_S = 2.0
"""Seconds for the database's answer to a check of its health or a query for statistics; then it counts as dead. Chosen.
Longer: only with a dead database, a health check takes longer. Shorter: a busy database looks dead.
"""
LAG_EVERY_S = 1.0
"""Seconds between two measurements of how late the event loop runs its timers. Longer: the server notices overload later.
Shorter: more wake-ups.
"""
BUSY_LAG_S = 0.25
"""Seconds by which the event loop runs its timers late, above which the server reports that it is overloaded. Chosen. Larger:
people get no warning when signalling is late. Smaller: a healthy server seems overloaded.
"""
LOAD_EVERY_S = 5.0
"""Seconds between two measurements of the packet threads' load. Chosen. The real step is a multiple of LAG_EVERY_S (1 s).
Longer: overload is noticed later. Shorter: short peaks make the server seem overloaded.
"""
BUSY_SHARE = 0.92
"""Share of the time for which a packet thread works, above which the server reports that it is overloaded. Higher: people get
no warning when media is late. Lower: a healthy server seems overloaded.
"""
CHECKS_PER_MINUTE = 6
"""Device checks (test calls of camera and microphone) of one network each minute, and as many at once after a pause; further
ones are refused. Chosen: a few people in one office, or one person who tries again. More: strangers take all places. Fewer: an
office must wait.
"""
CHECKS_OF_A_NETWORK = 4
"""Device checks (test calls of camera and microphone) of one network at the same time; further ones are refused. More: one
network takes more of all places (the setting `checks_at_once`), up to the rate CHECKS_PER_MINUTE (6). Fewer: colleagues must
wait.
"""
ALL_CHECKS_PER_MINUTE = 30
"""Device checks (test calls of camera and microphone) of all networks each minute, and as many at once after a pause; further
ones are refused. The stored results are limited, so each new one removes the oldest. More: a flood removes honest results
sooner. Fewer: users must wait.
"""
CHECK_S = 90.0
"""Seconds of the longest device check (test call of camera and microphone); then its conference ends. Longer: abandoned checks
hold places. Shorter: a check on a slow network is cut.
"""
CHECK_EMPTY_S = 10
"""Seconds for which the empty conference of a device check (test call of camera and microphone) stays open. Chosen. Longer:
abandoned checks hold places. Shorter: a browser that reconnects finds its check ended.
"""
CHECK_REPORT_S = 15 * 60
"""Seconds after the end of a device check in which the user may send its result, for example after a search for the speaker's
cable. Longer: a stolen key works longer, once. Shorter: slow users lose their result.
"""
CHECKS_REMEMBERED = 4096
"""Device checks whose result was sent; they are remembered, so that the same key cannot send a second result. The oldest is
forgotten first. More: memory. Fewer: a second result is accepted sooner.
"""
NUMBERS_REMEMBERED = 65_536
"""Meeting numbers for which wrong PINs are counted. A second table of this size counts the own tries of each network at each
number. The count that changed least recently is removed. More: memory. Fewer: an attacker who tries many numbers makes the
server forget the count of one, and can guess on.
"""
SOURCES_REMEMBERED = 4096
"""Networks in each table of the rate limits; the longest unseen is forgotten first. More: memory. Fewer: an attacker with many
addresses makes the server forget counts, and gets past the limits.
"""

PAGE_FILES = 2000
"""Files of the built web pages; with more, the start is refused. Chosen: more than a build has. More: a wrong folder is read
into memory. Fewer: the server refuses its own pages.
"""
NAMES_BEFORE_JOINING = 5
"""Participants whom a page names before the person joins; further ones are only counted. Chosen: a line on a phone. More: a long
text above the button. Fewer: the person does not recognise the meeting.
"""
QR_CHARACTERS = 300
"""Characters of a path that is drawn as a QR code. Chosen: three times the longest link. More: a code that phones read badly from
a far screen. Fewer: links with secrets do not fit.
"""
QR_PER_MINUTE = 120
"""QR codes that one network may ask for each minute, and as many at once after a pause. A code takes 10 ms of the event loop.
More: an attacker slows the calls. Fewer: users of a large office see no code.
"""
ROLL_LINK_TTL_S = 24 * 3600.0
"""Seconds for which the link of a site for the roll call counts, in its running meeting. Chosen: a link made at the rehearsal in
the evening counts the next day. Longer: a forgotten photograph of the code counts longer. Shorter: links end during a meeting.
"""
ROLL_LINK_CHARACTERS = 64
"""Characters of the code of a link; a longer code is refused. A code has 29. Larger: more work for a wrong code. Smaller than 29:
no link works.
"""
ROLL_LINK_REPORTS_PER_MINUTE = 10
"""Reports by the link of one site each minute; more are refused. Each is stored. Chosen. More: a leaked link writes more to the
database. Fewer: a person who corrects a name must wait.
"""
VOTES_KNOWN = 4
"""Votes in which a phone says that it has a card. Chosen: a delegate is in few meetings at once. More: no effect, as the page
keeps the cards of two meetings. Fewer: a phone could take a second card of a vote.
"""
VOTE_CODE_CHARACTERS = 20
"""Characters of the code of a site for ballots by phone; a longer code is refused. A code has 8, and people type dashes and
blanks. Larger: more work for a wrong code. Smaller: typed codes are refused.
"""
VOTE_CODE_TRIES_PER_MINUTE = 600
"""Wrong codes of sites for ballots by phone, from one network each minute; further ones are refused. Chosen: phones of a hall,
which share one address, ask once more when a vote has ended, or with the code of that vote at the next one. A right code is
answered also after too many wrong ones. A code has 40 bits: 1,000 tries a second find one of 240 codes within an hour with a
chance of 1 in 1,300. More: a flood costs more time. Fewer: a large hall reads a wrong sentence at the end of a vote.
"""
VOTE_CARDS_PER_MINUTE = 600
"""Cards that phones of one network may take with one code each minute; more are refused. Each is stored. Phones without a card
that send an old code count too. Chosen: the delegates of a large hall begin together. More: a flood writes more to the database.
Fewer: delegates of a large hall must wait.
"""
VOTE_CARD_BALLOTS_PER_MINUTE = 10
"""Ballots of one card each minute; more are refused. Each is stored. Chosen. More: a phone writes more to the database. Fewer: a
person who corrects a ballot by name must wait.
"""
QR_KEPT = 256
"""Drawn QR codes that are kept, 3 KB each. More: more memory. Fewer: codes that many people open are drawn again."""
PAGE_ADDRESSES = 16
"""Names of this server for which its page is kept ready. Chosen: more than a server has. More: foreign Host headers with IP
addresses fill memory. Fewer: the page is compressed again for each request.
"""
PAGE_BYTES = 64 * 1024 * 1024
"""Bytes of all files of the built web pages; with more, the start is refused. Chosen: more than a build has. More: a wrong
folder is read into memory. Fewer: the server refuses its own pages.
"""

LEAF_DAYS = 397
"""Days for which a server certificate of our own authority is valid. Source: the longest life that browsers allow. Longer:
browsers refuse the certificate. Shorter: more renewals.
"""
CA_DAYS = 3650
"""Days for which the server's own certificate authority is valid. Chosen: ten years. Longer: a stolen key works for longer.
Shorter: every computer must install a new authority sooner.
"""
RENEW_DAYS = 30
"""Days before the end of a certificate of our own, or of our own authority, at which it is renewed. Chosen. More: more
renewals; from LEAF_DAYS (397) on, one at each check. Fewer: a server that was switched off for weeks starts with an expired
certificate, and browsers warn.
"""
RENEW_CHECK_S = 3600.0
"""Seconds between two checks whether the certificate must be renewed or its addresses have changed. Chosen. Longer: browsers
warn at a new address for longer. Shorter: more work without result.
"""
SUBJECT_NAMES = 100
"""Addresses and names in one certificate; further ones are left out, addresses first. More: larger handshakes. Fewer: browsers
warn at the addresses that were left out.
"""

FAILURE_CHECK_S = 5.0
"""Seconds between two checks whether the packet plane (the Rust threads) still runs; other failures are noticed at once.
Longer: after a failure of these threads, people stay without media longer before the restart. Shorter: more wake-ups.
"""
KEEP_S = 300.0
"""Seconds between two signed checkpoints of the audit trail. Longer: a forger can change more of the latest entries without
notice. Shorter: more files.
"""

NOTICE_PAGES_EACH = 8
"""Open streams of notices of one account; a further one gets 429. Tabs of one browser share one stream. Chosen. More: one
account can use up NOTICE_PAGES (4000). Fewer: a user with many devices sees new notices only after a reload.
"""
NOTICE_PAGES = 4000
"""Open streams of notices of one server process; a further one gets 429. Each takes one of the 8192 CONNECTIONS. Chosen: half of
them. More: too few connections are left for requests. Fewer: users of a whole province see new notices only after a reload.
"""
NOTICE_LOOK_S = 2.0
"""Seconds between two looks for changed notices while a page is open: one query for all pages. Chosen. Longer: notices are
late. Shorter: more queries.
"""
NOTICE_LATE_S = 60.0
"""Seconds that a look for changed notices goes back, for late commits and for clocks of other servers that are behind. Chosen.
Longer: more rows each time. Shorter: a notice of a slow transaction appears only after a reload.
"""
NOTICE_QUIET_S = 45.0
"""Seconds after which a quiet stream of notices sends a comment and asks for the session again. Proxies close a connection that
is silent for 60 s. Longer: such a proxy cuts the stream. Shorter: more queries for sessions.
"""
