"""All limits of a live conference. `_S` means seconds. For a text, `_BYTES` counts its UTF-8 bytes, and `_CHARACTERS` its
characters.

A value without a source is chosen. "Larger" and "smaller" say what breaks when the value changes.
"""

CONFERENCES = 1000
"""Conferences that run in one process. A further conference is refused. Larger: more memory and CPU than one process has, so
all its meetings suffer. Smaller: people cannot open meetings.
"""
PARTICIPANTS = 500
"""Participants in one conference when its creator gave no number, and the maximum for a conference with halls (meeting rooms
with SIP terminals). Further people are refused. Larger: above MIXER_SITES (600) the mixer refuses every change. Halls then keep
their live picture with the old sites in it, and new halls get no picture and no sound. Smaller: people of large meetings are
refused.
"""
PARTICIPANTS_MOST = 5000
"""The maximum that a creator can set for a conference without halls; a higher number in the request counts as this one. Further
people are refused. Larger: one process cannot send the events of more people in time, so all meetings of this process see joins
and changes late. Smaller: people of large meetings are refused.
"""
TRACKS_PER_PARTICIPANT = 16
"""Audio and video tracks that one participant publishes or has announced. A further track is refused. Chosen. More: one client
causes more SDP sections and streams for each subscriber. Fewer: a client with several cameras and screens is refused a track.
"""
PENDING_TRACKS = 16
"""Tracks that one client announced, but whose SDP section (m-line) has not arrived. Above this number the oldest announcement
is removed. A client announces each new track, and later it may announce the second codec of a published picture
(`announce_backup`). TRACKS_PER_PARTICIPANT (16) limits only new tracks. Larger: only more announcements of second codecs are
stored, so one client takes more memory. Smaller: a client that announces many tracks loses the first ones.
"""
ANNOUNCED_S = 30.0
"""For this time after its announcement, a track whose SDP section (m-line) has not arrived counts as a track. After it, a new
announcement may replace the track. Longer: forgotten announcements use up TRACKS_PER_PARTICIPANT (16), and new tracks are
refused. Shorter: a slow client loses its announcement.
"""
MUTE_SHOWN_S = 3.0
"""For this time after a host muted a track, the server answers the message "not muted" of the client with a new request to
mute. The client may have sent the message before it learned of the mute. The time ends early when the client confirms the mute.
Longer: a participant whose client does not confirm the mute must wait longer to unmute. Shorter: a slow client cancels the
mute.
"""
UNCLAIMED_SECTIONS = 8
"""SDP sections (m-lines) with media of one client for which the client has sent no announcement yet. A further section is
refused. Larger: a client can send more streams that it never announces. Smaller: a client that offers before it announces loses
tracks.
"""
LEFTOVER_S = 1.0
"""An SDP section and an announcement of the same client normally have the same id. After this time they are matched by kind
(audio or video), although their ids differ. Longer: in some browsers a new track starts late. Shorter: a section is matched
with the wrong announcement.
"""
DATA_TRACKS_PER_PARTICIPANT = 32
"""Data tracks (named streams of data packets) that one participant publishes at the same time. A further one is refused.
Chosen. More: each subscriber gets a longer table of the tracks' numbers. Fewer: applications with many data tracks do not work.
"""
DATA_SUBSCRIPTIONS_PER_PARTICIPANT = 256
"""Data tracks (named streams of data packets) that one participant receives at the same time. A further subscription has no
effect. Chosen. More: more memory, and a longer table of the tracks' numbers for one client. Fewer: clients in large conferences
miss data tracks.
"""
BLOBS = 16
"""Blobs (for example schemas of data tracks) that one participant stores. The next blob is refused. Chosen. More: no more
memory, because BLOBS_BYTES (64 KiB) limits all blobs together. Fewer: applications with many schemas do not work.
"""
BLOBS_BYTES = 64 * 1024
"""Bytes of all blobs (for example schemas of data tracks) of one participant, keys and contents together. A blob beyond this is
refused. Larger: more memory for one client. Smaller: long schemas are refused.
"""
CHOICES_PER_PARTICIPANT = 4096
"""Tracks for which a subscriber stores its own choice (receive or not, size, frame rate). At the limit the oldest choice is
removed. Larger: more memory for one client. Smaller: in a large conference the oldest choices are lost, so the client gets the
default.
"""

SID_CHARACTERS = 64
"""Characters of a track id for which a subscriber's choice is stored; a choice for a longer id is ignored. The server's own ids
have 19 at most. Larger: clients fill the memory with long ids. Below 19: no choice is stored for real tracks.
"""

NAME_BYTES = 256
"""Bytes of a participant's name that is shown. Chosen, the same as the limit of a token (`signaling/host/limits.py`). A longer
name is refused at the join (by the token) and at a rename. Larger: the limit of the token still refuses longer names at the
join. A rename can then give a longer name, but the participant cannot resume with it. Smaller: long names are refused.
"""
IDENTITY_BYTES = 256
"""Bytes of a participant's identity (the unique name in its conference); a longer one is refused. Chosen, the same as the limit
of a token (IDENTITY_BYTES of `signaling/host/limits.py`). Larger: no effect, because the token is refused. Smaller:
participants with long identities cannot join.
"""
CONFERENCE_NAME_BYTES = 256
"""Bytes of a conference's name; a longer one is refused. Chosen, the same as the limit of a token (CONFERENCE_BYTES of
`signaling/host/limits.py`). Larger: no participant can join a longer name, because the token is refused. Smaller: conferences
with long names cannot be opened.
"""
METADATA_BYTES = 64 * 1024
"""Bytes of one participant's metadata (a text of the application); longer metadata are refused. Chosen; the limit of a token is
the same. Larger: each change sends more bytes to all participants. Smaller: applications with long metadata do not work.
"""
ATTRIBUTES, ATTRIBUTES_BYTES = 64, 64 * 1024
"""The attributes of one participant (keys and values of the application), and the bytes of all of them together. More are
refused. Chosen. Larger: each change sends more bytes to all participants. Smaller: applications with many or long attributes do
not work.
"""
CONFERENCE_METADATA_BYTES = 64 * 1024
"""Bytes of a conference's metadata (a text of the application); longer metadata are refused. Chosen. Larger: each join and each
change sends more bytes. Smaller: applications with long metadata do not work.
"""
DATA_TRACK_NAME_BYTES = 256
"""Bytes of the name of a data track (a named stream of data packets); a longer one is refused. Chosen. Larger: longer messages
about each data track. Smaller: data tracks with long names cannot be published.
"""

PACKET_BYTES = 64 * 1024
"""Bytes of one data packet that a client sends; longer packets are dropped. Source: browsers stop at 64,000. Larger: no effect,
because a client that sends more than MESSAGE_BYTES (65,535, `media/ground/limits.py`) is disconnected. Smaller: packets of
browsers are dropped.
"""
FORWARDED_BYTES = 65_535
"""Bytes of a data packet together with its sender's identity; a longer packet is dropped. Larger: the data channel can never
send the packet, and all later packets wait behind it. Smaller: packets that a client may send are dropped here.
"""
WAITING_PACKETS = 256
"""Reliable packets that wait in order for one participant whose channel is closed or full. Further packets are dropped and
counted; WAITING_BYTES (512 KiB) limits their bytes. Chosen. More: more small packets wait for dead connections; packets of 2
KiB or more do not. Fewer: a short interruption loses packets.
"""
WAITING_BYTES = 512 * 1024
"""Bytes of all reliable packets that wait for one participant whose channel is closed or full. Further packets are dropped and
counted; WAITING_PACKETS (256) limits their number. Chosen. Larger: more memory for dead connections, only if packets have more
than 2 KiB. Smaller: a short interruption loses long packets.
"""
CHAT_CHARACTERS = 2000
"""Characters of one line of the chat; a longer one is refused. Chosen, the same as the page cuts
(`web/src/call/live/chat.svelte.ts`). More: one line fills the panel. Fewer: long texts must be sent in parts.
"""
CHAT_LINES = 500
"""Lines of the chat of one conference that the server gives to people who come late; the oldest is forgotten first. Chosen, the
same as the page keeps. More: more memory, and a slower start of the page. Fewer: people who come late miss more.
"""
CHAT_PER_S, CHAT_BURST = 1.0, 10
"""Lines of the chat that one participant may send: one a second, 10 at once after a pause; further ones are refused. Chosen.
Higher rate or burst: one participant floods the chat. Lower: people who write quickly are refused.
"""
CHAT_ASKED_PER_S, CHAT_ASKED_BURST = 0.1, 5
"""Requests of one participant for the earlier lines: one in 10 s, 5 at once. Chosen: a page asks once for each connection. Higher
rate or burst: one participant makes the server send megabytes. Lower: a page on a bad network does not get the lines.
"""
CHAT_PART_BYTES = 12 * 1024
"""Bytes of the lines in one packet of earlier lines; more lines go into the next packet. Chosen: below the 16 KiB that every
browser receives as one message. Larger: some browsers refuse it. Smaller: more packets.
"""
CHAT_DESKS = 64
"""Identities at desks without a call that can get private lines of one conference; the oldest is forgotten first. Chosen: chair,
co-chairs, secretaries and operators of one meeting. More: memory for each reload of a desk. Fewer: an answer is refused.
"""
CHAT_STREAMS = 4
"""Lines of a foreign client that have begun and have not ended; the oldest is forgotten first. Chosen: a client sends one line
after the other. More: memory for each hostile client. Fewer: a client that sends two lines at once loses one for our pages.
"""
CHAT_KEY_CHARACTERS = 64
"""Characters of the key that a page gives to its line to know its answer, and of the name of a foreign client's text stream. A
line with a longer one is refused or not kept. Chosen. More: larger answers. Fewer: a page cannot use a UUID.
"""
DATA_UNITS_PER_S, DATA_UNITS_BURST, DATA_UNIT_BYTES = 10_000, 30_000, 1024
"""The budget for the data that one participant sends: 10,000 units a second, 30,000 units at once after a pause, 1024 bytes a
unit. A packet costs one unit for each receiver, and one more for each KiB and receiver. One unit is about 30 µs of work. Beyond
the budget, reliable packets wait; lossy packets and frames of data tracks are dropped. A file for one receiver is not slowed
down. A file for nine receivers goes at 8 Mbit/s. Higher rate or burst, or longer units: one sender takes CPU time from the
whole process. Lower rate or burst, or shorter units: files are sent slowly.
"""
HELD_PACKETS, HELD_BYTES = 2048, 2 * 1024 * 1024
"""The reliable packets of one participant, and their bytes, that wait because its budget (DATA_UNITS_PER_S) is used up. The
client is told to pause: its SCTP receive window (192 KiB) closes. Packets beyond either limit are dropped and counted. Larger:
more memory for one sender. Smaller: packets are lost before the client pauses.
"""
HELD_PACKET_BYTES_MIN = 2048
"""The least that one held packet takes from the sender's SCTP receive window of 192 KiB. So 96 held packets close the window,
and the packets on their way still fit into HELD_PACKETS (2048). Larger: senders of small packets pause too early. Smaller:
small packets fill HELD_PACKETS before the window closes, and are lost.
"""
PACED_S = 0.01
"""Seconds of work for other participants that the queue `Paced` does at once, by the estimates PERMITTED_S and HANDLE_S. Then
the queue pauses for as long as its work beyond these seconds takes. Longer: one client's change delays the media and signalling
of all conferences. Shorter: large changes take effect later.
"""
PERMITTED_S = 0.00003
"""When a publisher changes its permissions, the queue `Paced` works through the other participants. This is the time that it
counts for one track and one participant. Longer: new permissions take effect later. Shorter: many changes delay the media and
signalling of all conferences.
"""
HANDLE_S = 0.00002
"""The queue `Paced` sends each subscriber the table of its data tracks' numbers (handles). This is the time that it counts for
one data track in a table. Longer: subscribers learn new numbers later. Shorter: many tables delay the media and signalling of
all conferences.
"""

EMPTY_S = 300.0
"""A created conference that no participant has joined is closed after this time. Longer: unused conferences use up CONFERENCES
(1000). Shorter: a conference that was created early is gone when people join.
"""
DEPARTURE_S = 20.0
"""An empty conference is closed this long after the last participant left. Longer: ended meetings stay open. Shorter: a meeting
ends while its only participant reconnects.
"""
KEPT_EMPTY_MOST_S = 24 * 3600.0
"""The maximum of EMPTY_S and DEPARTURE_S when a creator sets its own times. A longer time is shortened. Longer: empty
conferences use up CONFERENCES (1000). Shorter: conferences that were created a day before are gone.
"""
DETACHED_S = 120.0
"""A participant without a signalling connection is kept at most this long, and only while its media still works. Longer: others
see a participant who left; above SILENCE_REPEAT_S (180 s) a client that resumes shows silent people as speaking. Shorter: a
participant with working sound is removed during a failure of signalling.
"""
DETACHED_SILENT_S = 30.0
"""A participant without a signalling connection is removed when its media path failed (30 s without a sign of life) this long
ago. This counts for a path that failed while signalling still worked; otherwise DETACHED_QUIET_S ends the call earlier. Longer:
others see a participant who left, at most for DETACHED_S (120 s). Shorter: a phone that changes its network is removed before
it can resume.
"""
DETACHED_QUIET_S = 15.0
"""A media path is quiet after 10 s without a sign of life (DISCONNECTED_US). A participant without a signalling connection is
removed when its path has been quiet for this time: after 25 s in all. Longer: others see a participant who left. With a value of
20 s or more, the path fails first (30 s without a sign of life). Then DETACHED_SILENT_S decides, and the participant is removed
after 60 s. Shorter: a short network failure ends the call.
"""
SILENCE_REPEAT_S = 180.0
"""A participant that resumes is notified of all participants who stopped speaking within this time. The value is larger than
DETACHED_S (120 s), the longest absence. Longer: larger messages. Shorter: the client shows silent people as speaking.
"""
DEPARTED_S = 60.0
"""The participants who left are remembered this long, so that clients that resume learn of their leaving. A client can resume
after up to 120 s (DETACHED_S). Longer: more memory. Shorter: more clients that resume still show people who left.
"""
DEPARTED = 256
"""Participants who left one conference and are remembered for DEPARTED_S (60 s); the oldest is forgotten first. Chosen. More:
more memory. Fewer: after many people left together, a client that resumes still shows some of them.
"""
PATHS_REMEMBERED = 256
"""Participants of one conference whose client asked for another media path (TCP, or the TURN server). The path is stored for
when they join again. At the limit the oldest entry is removed. Larger: more memory. Smaller: a participant that joins again
starts without the path that its client asked for.
"""
REMOVED_IDENTITIES = 1024
"""Identities that an administrator removed from one conference. Their old tokens are refused. At the limit the oldest entry is
removed. Larger: more memory. Smaller: a removed person can join again with the old token.
"""
REMOVED_KEPT = 256
"""Of these identities, the newest that the database keeps for a restart. Chosen: a token of a call works for ten minutes, and
nobody removes more people in this time. Larger: each removal writes a larger state. Smaller: a person who was removed just before
a restart can join again with the old token.
"""

TICK_S = 1.0
"""Seconds between two rounds of timed work: measurements, absent participants, empty conferences. Chosen. Longer: absent
participants and empty conferences stay up to one round longer. Shorter: more CPU time.
"""
QUALITY_S = 5.0
"""Seconds between two reports of the connection quality to participants. A grade is the mean of the measurements in this time.
Chosen. Longer: a bad connection is shown late. Shorter: the display changes with each short disturbance, and more messages are
sent.
"""
MEASURE_S = 1.0
"""The least seconds between two readings of all connections' figures. Chosen. Readings happen in the rounds of TICK_S (1 s).
Longer: a connection's grade, the mean over QUALITY_S (5 s), has fewer measurements. Shorter: no effect.
"""
SPEAKERS_S = 0.4
"""The least seconds between two messages about active speakers. In large conferences the pause is longer: 1 ms for each
participant (TOLD_PERSON_S), 1 s at most. Chosen. Longer: the mark of the speaker is late. Shorter: more messages to all
participants.
"""
PLAYED_GAP_S = 2.0
"""A client may simulate speaking, to test its display. After one simulation it must wait this time before the next. Longer:
such a test takes longer. Shorter: one client sends many speaker events to all.
"""
LAYERS_DOWN_S = 5.0
"""A publisher is asked to stop a video layer when no subscriber has wanted the layer for this time. Longer: unused layers take
uplink. Shorter: layers stop and start with each change of the page, and each start costs a key frame.
"""
LOOKED_AT_PIXELS = 640
"""Pixels. On a narrow downlink, a video whose longer side is shown at least this large has priority over other videos. Larger:
the main video gets no priority in small windows. Smaller: tiles get priority too, so the main video loses quality with them.
"""
LAYERS_REPEAT_S = 2.0
"""The answer to a publisher's offer can start paused layers in the browser. The list of wanted layers is therefore sent once
more this long after the answer. Longer: the browser sends unused layers longer. Shorter: the message arrives before the browser
has started them, so they are not stopped.
"""
BACKUP_ASK_S, BACKUP_S = 2.5, 8.0
"""Browsers need 1 to 3 s to start a second codec. A publisher that sends nothing in it after BACKUP_ASK_S is asked again. After
BACKUP_S the subscribers that need this codec are notified that there is no picture. Longer BACKUP_ASK_S: after a lost request
the picture starts late. Shorter: slow browsers are asked twice. Longer BACKUP_S: subscribers see a black picture without a
reason. Shorter: slow browsers are reported as failed.
"""
SECTIONS_REPEAT_S = 3.0
"""To receive new tracks, a client must offer further SDP sections when the server requests them. A client that has not offered
them after this time is asked again. Longer: new pictures appear late after a lost request. Shorter: slow clients get repeated
requests.
"""
DESK_SUBSCRIBER_S = 0.0001
"""After a change, the desk document (`chair.document`) rests for this time for each of its subscribers. Changes in that time are
told together. The time is a few times what it costs to write a change to one socket: 0.05 s for 500. Larger: in large meetings
the desks show changes late. Smaller: fast changes in a large meeting take the event loop from the calls.
"""
TOLD_PERSON_S, TOLD_S = 0.001, 1.0
"""The pause between two roster updates in a conference of more than 50 people (TOLD_PERSONS): TOLD_PERSON_S for each
participant, TOLD_S at most. The pause of speaker updates (SPEAKERS_S) grows in the same way. Longer: people appear late in the
roster. Shorter: when many people join, the number of messages grows with the square of their number.
"""
TOLD_PERSONS = 50
"""In a conference with this number of participants or fewer, every roster change is sent at once. Larger: when many people
join, the number of messages grows with the square of their number. Smaller: the roster of small meetings is late.
"""
NEGOTIATION_TRACKS = 32
"""Up to this number of forwarded tracks, a new session description of a connection does not wait for its turn. Chosen. More:
when people join a conference of medium size, descriptions load the server and browsers. Fewer: new tracks appear late in small
conferences.
"""
NEGOTIATION_TRACK_S, NEGOTIATION_S = 0.005, 2.0
"""The pause between two session descriptions of one connection: NEGOTIATION_TRACK_S for each forwarded track beyond the first
32 (NEGOTIATION_TRACKS), NEGOTIATION_S at most. A description of hundreds of tracks is much work for the server, and more for
browsers. Longer: new tracks appear late. Shorter: browsers stop responding while people join.
"""
NEGOTIATED_TRACKS_PER_S, NEGOTIATED_TRACKS_BURST, NEGOTIATION_AHEAD_S = 20_000, 2_000, 5.0
"""The rate of tracks in all session descriptions with more than 32 tracks (NEGOTIATION_TRACKS), over all conferences, and its
burst. Each track is about 20 µs of reading and writing. A person who joins a meeting of n people causes n descriptions of n
tracks. Beyond the rate a description waits, and then covers several newcomers. The first description of a connection does not
wait, but delays others by NEGOTIATION_AHEAD_S at most. Higher rate or burst: mass joins block the event loop. Lower rate or
burst: new tracks appear late. Longer NEGOTIATION_AHEAD_S: after many people reconnect, others wait longer for new tracks.
Shorter: such a reconnect blocks the event loop.
"""
CONFERENCE_UPDATE_S = 1.0
"""The least time between two messages to all clients about the number of participants. Only the rounds of TICK_S (1 s) send
them. Longer: the displayed number is out of date. Shorter: no effect.
"""

# Halls
INVITES_PER_S = 16
"""Calls to halls (meeting rooms with SIP terminals) that begin in one second, over all conferences; further calls wait. At this
rate the calls to 240 halls begin within 15 s. In `make bench-halls` a call costs 25 ms of the server's CPU and 6 ms of the
mixer's. Larger: the calls take most of a CPU core, and sound is interrupted. Smaller: a large meeting starts late.
"""
ATTEMPTS = 40
"""Attempts to call one hall, for all causes together, also after it connected. Then the call is given up, and an operator gets
an alarm. The count begins again when an operator calls the hall again, or when the server restarts during the call. Each cause
also has a lower limit of its own, for failures in a row. Larger: a terminal whose failures alternate, or whose calls are lost
again and again, is called longer before the alarm. Smaller than 21: a busy hall is given up before its 20 BUSY_TRIES.
"""
BUSY_RETRY_S = 30.0
"""Seconds until a busy terminal is called again. Chosen. Longer: a hall that ended its other call joins late. Shorter: the
terminal gets more calls, and its 20 tries (BUSY_TRIES) are used up sooner.
"""
BUSY_TRIES = 20
"""Retries in a row to a busy terminal. After them the call is given up, and an operator gets an alarm. Chosen: with
BUSY_RETRY_S (30 s), ten minutes. More: the alarm comes later. Fewer: a hall that ends its other call after some minutes is not
called.
"""
NO_ANSWER_RETRY_S = 60.0
"""Seconds until a terminal that did not answer, or could not be reached, is called again. Chosen. Longer: a hall whose people
arrive late joins late. Shorter: the terminal rings more often, and its 5 tries (NO_ANSWER_TRIES) are used up sooner.
"""
NO_ANSWER_TRIES = 5
"""Retries in a row for each of these causes: no answer, unreachable, 482 response. After them the call is given up, and an
operator gets an alarm. A lost call was answered, so its count begins again; only ATTEMPTS (40) ends these retries. Chosen.
More: the alarm comes later. Fewer: a hall that is switched on late is not called.
"""
RUNG_RETRY_S = 1.0
"""A terminal has a list of SDP profiles, the richest first. When it refuses one offer, the next profile is tried after this
time. Chosen. Longer: an old terminal joins late. Shorter: a terminal that refuses all offers gets a burst of calls.
"""
RUNGS = 8
"""Retries in a row with another SDP profile of one terminal, after the terminal refused an offer. Then the call is given up,
and an operator gets an alarm. The list of a terminal has three profiles at most, and its end also ends the retries. Larger: no
effect. Smaller than 2: old terminals never get the offer that they understand.
"""
OVERLOAD_RETRY_S = 60.0
"""Seconds until a terminal or proxy that reported overload without a Retry-After is called again. Chosen. Longer: the hall
joins late. Shorter: our calls add to the overload.
"""
OVERLOAD_TRIES = 10
"""Retries in a row to a far end that reports overload. After them the call is given up, and an operator gets an alarm. Chosen.
More: the alarm comes later. Fewer: a hall is given up during a short overload.
"""
RETRY_AFTER_LEAST_S = 5.0
"""Seconds. A shorter Retry-After of an overloaded far end is lengthened to this time. Chosen. Longer: a far end that has
recovered is called late. Shorter: our calls add to the overload, and the 10 tries (OVERLOAD_TRIES) are used up sooner.
"""
RETRY_AFTER_MOST_S = 600.0
"""Seconds. A longer Retry-After of an overloaded far end is shortened to this time. Chosen. Longer: one wrong answer keeps a
hall out for longer. Shorter: we call before the far end can take the call.
"""
MERGED_RETRY_S = 40.0
"""Seconds until a terminal that answered 482 is called again, because it still has the earlier call. Without an ACK the
terminal ends that call after 32 s (RFC 3261 §13.3.1.4). Longer: the hall joins late. Shorter than 32: the next attempt gets 482
again.
"""
LOST_RETRY_S = 5.0
"""Seconds until a hall whose call was lost is called again. Chosen. Longer: the hall is absent longer. Shorter: the network has
not recovered, and the next retry comes only after NO_ANSWER_RETRY_S (60 s).
"""
HUNG_UP_RETRY_S = 5.0
"""Seconds until a hall that hung up is called again, because its people may press a wrong key; this happens once. Chosen.
Longer: a hall that hung up by mistake is absent longer. Shorter: the terminal rings before its user has put down the remote
control.
"""
HOLD_S = 3.0
"""The least time for which the large place of the composed picture (of a hall) keeps a speaker. Longer: a person who gives a
short answer is never shown large. Shorter: the picture changes with each word.
"""
HOLD_LEAST_S, HOLD_MOST_S = 1.0, 60.0
"""The range, in seconds, of the `hold_s` that `Program.set_stage` accepts instead of HOLD_S (how long a speaker keeps the large
place). Chosen. No caller gives `hold_s` yet, so other values have no effect now. When operators can set it: Longer maximum: one
speaker can stay large while others speak. Shorter maximum: the changes cannot be slowed down. Shorter minimum: the picture can
change with each word. Longer minimum: the changes cannot be made faster.
"""
RECENT_SPEAKERS = 16
"""Earlier speakers of one composed picture that are remembered, the latest first; layouts with a large place show them first.
Chosen: twice the places of the largest such layout. More: no effect on the picture. If a conference has more microphones than
MICROPHONES (400), or more halls than VOICES (64), more of the recent speakers stay heard. Fewer than 8: a site that has not
spoken takes the place of a recent speaker.
"""
PAGE_S = 10.0
"""Sites that do not fit into one picture take turns in pages. This is the time of one page for a lecturer and for the
operator's thumbnails. Longer: some listeners are seldom seen. Shorter: pages change too fast to look at, and the mixer starts
more decoders.
"""
KEY_PAUSE_S = 4.0
"""The most time between two keys of one command on a terminal's remote control, for example `*6`. After it the command is
forgotten. Longer: a forgotten `*` joins with a later key. Shorter: slow users cannot enter a command.
"""
KEY_TWICE_S = 2.0
"""Some terminals send each key press twice: as RTP packets and as SIP INFO. Within this time the second report is dropped.
Longer: a second real press can be dropped. Shorter: one press counts twice.
"""
KEYS_HEARD = 16
"""Recent key presses of one terminal that are remembered, because some terminals report each press twice (RTP and SIP INFO).
The oldest is forgotten first. Larger: only more memory. Smaller: keys that are pressed fast count twice.
"""
MENU_DIGITS = 16
"""The last digits that the voice menu keeps of a typed meeting number or PIN. Chosen: longer than any number. More: only more
memory. Fewer: long numbers lose their first digits and are wrong.
"""
MENU_TRIES = 3
"""Wrong pairs of meeting number and PIN in one call to the voice menu; then an announcement follows, and the call ends. Chosen.
More: PINs are easier to guess. Fewer: a caller who mistypes must dial again.
"""
HALLS = 500
"""Halls (meeting rooms with SIP terminals) in one conference. A further hall is refused. Larger: no effect, because
PARTICIPANTS (500) refuses further halls. Smaller: halls of large meetings cannot join.
"""
GROUPS = 6
"""Composed pictures (programs) that one conference encodes. A hall that needs another size or layout gets the best existing one
that it can decode, or none. Larger: more CPU for encoders, and MIXER_GROUPS (20) must grow; otherwise the mixer refuses the
update. Smaller: more halls get a lower quality, another layout or no picture.
"""
MICROPHONES = 400
"""Microphones of one conference that are open to the mixer. Beyond this number the last 17 speakers (RECENT_SPEAKERS) stay open
first. The mixer mixes only the loudest six (`media.ground.limits.MIXER_HEARD`). Larger: more audio streams to the mixer, at
most one for each of 500 PARTICIPANTS. Smaller: a person at a closed microphone is not heard in halls.
"""
HALL_TEXT_CHARACTERS = 300
"""Characters of a text over a hall's picture; the rest is cut. Chosen, as MIXER_TEXT_CHARACTERS (300). More: the mixer refuses
the whole update, so the picture does not change. Fewer: long questions of the chair are cut.
"""
HALL_CODE_CHARACTERS = 200
"""Characters of the address of a QR code in a hall's picture; a longer address is not drawn. Chosen, as MIXER_CODE_CHARACTERS
(200). More: the mixer refuses the whole update, so the picture does not change. Fewer: long names of servers have no code.
"""
VOTE_TITLE_CHARACTERS = 120
"""Characters of a vote's title in the picture of a hall; the rest is cut. Chosen, so that the title with the counts stays below
HALL_TEXT_CHARACTERS. More: the counts of a result are cut. Fewer: titles of resolutions are cut.
"""
VOTE_RESULT_S = 30.0
"""Seconds for which a hall's picture shows the result of a vote. Chosen: people read it aloud. Longer: the text covers the
picture. Shorter: a hall misses the result.
"""
WAITING_TITLE_CHARACTERS = 60
"""Characters of a meeting's title in the picture of a hall that is alone in the meeting; the rest is cut. Chosen: one line.
Larger: the title leaves the picture. Smaller: more titles are cut.
"""
SCENE_S = 0.05
"""The mixer gets a full description (scene) of its work after each change. Changes within this time make one description.
Longer: the picture reacts late. Shorter: the mixer gets many descriptions when several things change together.
"""
PROGRAMS_BEGUN, PROGRAMS_BEGUN_S = 20, 10.0
"""An update of the mixer is sent 0.05 s (SCENE_S) after a change. After PROGRAMS_BEGUN updates with a new composed picture
within PROGRAMS_BEGUN_S, in one conference, it is sent after 0.5 s (SCENE_SLOW_S). This ends when fewer are within that time. A
hall that keeps changing its bit rate would otherwise start encoders without end, each with a key frame. Larger PROGRAMS_BEGUN
or shorter time: such a hall costs more CPU. Smaller PROGRAMS_BEGUN or longer time: halls that join together get their picture
up to 0.5 s late. Both doubled: the mean is the same, but more encoders start at once.
"""
SCENE_SLOW_S = 0.5
"""Seconds between two updates of the mixer while PROGRAMS_BEGUN (20 new composed pictures in 10 s) is reached. Chosen. Longer:
halls that join then get their picture late. Shorter: a hall that keeps changing its bit rate starts more encoders.
"""
BROWSER_SIZE, BROWSER_FPS, BROWSER_BPS = (1280, 720), 15, 1_000_000
"""Size, frames a second and bit/s of a VP8 picture for browsers that do not decode H.264. The mixer makes one for each
conference while such a browser is present, with all H.264 cameras in it. Larger size: more CPU for the encoder. With a side
above 1920 or an area above 1920x1200, the mixer refuses every change of this conference's pictures and sound. Halls then keep
their live picture with the old sites in it, and new halls get no picture and no sound. Smaller size: text is hard to read. More
frames: more CPU. Fewer: motion is jerky. Higher bit rate: these browsers need more downlink. Lower: the picture is blurred.
"""
CONTENT_GROUPS = 3
"""Encodings of one presentation that halls get as a second stream. A hall that needs another size or bit rate gets the nearest
one. Chosen. More: more CPU time for encoders, and MIXER_GROUPS (20) must grow. Fewer: some halls get slides in a lower quality.
"""
MAIN_HEIGHTS = (1080, 720)
"""The heights, in lines, of the halls' main pictures, the largest first. The next height is used when the mixer has no power for
one. Only halls whose register and description permit 1080 lines get them. More heights: the quality falls in smaller steps.
Without 1080: no hall gets a sharp main picture.
"""
POWER_AGAIN_S, POWER_AGAIN_MOST_S = 60.0, 900.0
"""Seconds from a refusal of the mixer until all pictures are requested again, if the mixer then has room for them. If the mixer
refuses again soon after that, the next pause is twice as long, at most POWER_AGAIN_MOST_S. Chosen. Longer: halls keep a simpler
picture longer than needed. Shorter: pictures change more often.
"""
CONTENT_HEIGHTS = (1080, 720, 360)
"""The heights, in lines, of a presentation that halls get as a second stream, the largest first. The next height is used when
the mixer has no power for one. Above 1080: no effect, because no size in `conference/picture/groups.py` is larger. Smaller
heights: slides are hard to read. More heights: the quality falls in smaller steps. Fewer: a loaded mixer stops the second
stream sooner.
"""
PROMPTS = 16
"""Announcements to halls at the same time, as in MIXER_PROMPTS (16). At the limit the earliest announcement is cut. Larger: the
mixer refuses the update, so the picture does not change. Smaller: when halls join together, more announcements are cut.
"""
PROMPT_S = 20.0
"""After this time an announcement counts as finished, even if the mixer did not report its end. The hall then gets the sound of
the meeting like all others. Longer: after a lost report the next announcement is late, and the mixer encodes an extra stream.
Shorter: long announcements are cut.
"""
THUMBNAILS = 12
"""Halls whose small pictures for the operators' board are made at the same time; the other halls take turns every 10 s
(PAGE_S). Larger: more decoders. Smaller: each small picture is older.
"""
THUMBNAIL_BYTES = 64 * 1024
"""Bytes of the small JPEG picture of one hall for the operators' board; a larger one is dropped. Chosen. Larger: more memory
and traffic for the board. Smaller: halls with a detailed picture have no small picture.
"""
LABEL_CHARACTERS = 200
"""Characters of a name under a picture in a hall; the rest is cut. Chosen, as MIXER_LABEL_CHARACTERS (200). More: the mixer
refuses the whole update, so the picture does not change. Fewer: long names are cut.
"""
UNSEEN = 8
"""Names, on the operators' board, of people whose video cannot be shown in the halls. Further names are left out. Larger: a
long list. Smaller: the operator does not see some of them.
"""
AUDIO_BPS = 80_000
"""Bit/s that are kept for sound, only for a hall whose description limits the bit rate of the call; the rest is for pictures.
Larger: pictures are less sharp on narrow links. Smaller: pictures disturb the sound there.
"""
UP_FULL_BPS = 2_000_000
"""The bit rate in bit/s that a hall is asked to send while a viewer sees its picture large. Chosen. Larger: narrow uplinks lose
packets. Smaller: the large picture is less sharp.
"""
UP_TILE_BPS = 640_000
"""The bit rate in bit/s that a hall is asked to send while viewers see its picture only small (as a tile among others). Chosen.
Larger: uplink is used without a visible gain. Smaller: the small pictures are less sharp.
"""

# Roll call and breaks
ROLL_STAGE_S = 10.0
"""Seconds for which the roll call shows one site large. Chosen, as operators of hardware multipoint units do. Longer: the roll
call of 240 sites takes more than 40 minutes. Shorter: people do not find the speaker of the site in the picture.
"""
ROLL_HEARD_S = 3.0
"""Seconds of speech after which the check before a roll call counts a site as heard. Chosen: the time of `alo, một, hai, ba`.
Longer: a technician must speak again. Shorter: a door that shuts counts as speech.
"""
ROLL_SITES = 600
"""Sites in one roll call; a longer list is refused. Chosen, as MIXER_SITES (600). Larger: a longer state is stored at each key.
Smaller: large meetings cannot call the roll.
"""
ROLL_DELEGATES = 2000
"""Delegates that one site can report; more are refused. Chosen: more than any hall seats. Larger: a typing error gives a site
more votes than all others together. Smaller: large halls cannot report.
"""
ROLL_SNAPSHOTS = 240
"""Small pictures of the roll calls of one conference that are kept in memory. At the limit the oldest one is removed. Larger:
more memory, up to 64 KB (THUMBNAIL_BYTES) each. Smaller: a large meeting loses the pictures of its first sites.
"""
ROLL_DEPUTIES = 5
"""Names of deputies in the report of one site; more are refused. Chosen. More: names that nobody reads, in a longer state.
Fewer: units with several deputies cannot name them.
"""
ROLL_NAME_CHARACTERS = 80
"""Characters of a name in the report of a site; a longer name is refused. Chosen. More: the plate in the picture is cut. Fewer:
long names with a title are refused.
"""
ROLL_WHY_CHARACTERS = 200
"""Characters of the reason of a mark in the roll call; a longer reason is refused. Chosen. More: longer rows, and lines in the
audit trail. Fewer: reasons are refused.
"""
PINS = 16
"""Places of a layout that the chair can give to sites; the rest is ignored. The largest layout has 16 places (`layout.PLACES`).
Larger: no effect. Smaller: the last places of large layouts cannot be pinned.
"""
VIEW_LEAST_S, VIEW_MOST_S = 10.0, 120.0
"""The range, in seconds, of the time for each site while all sites are shown in turn. Chosen, as chairs of hardware multipoint
units know it. Longer maximum: 240 sites take more than 8 hours. Shorter minimum: the picture changes before people know the site.
"""
VIEWS_ALONE = 4
"""Halls of one conference that look at a site alone at the same time; a further one is refused. Each takes one of GROUPS (6)
programs. Larger: halls with another decoder get a simpler picture. Smaller: chair and secretary cannot both look.
"""
RECESS_MOST_S = 24 * 3600.0
"""Seconds until the latest time of return that a recess can have; a later one is refused. Chosen: a meeting of two days has one
night. Longer: the slate shows an hour without its day. Shorter: no recess until the next morning.
"""
STOP_SAID_S = 12.0
"""Seconds between the stop for secret content and BYE. Halls hear a sentence in this time. Chosen: longer than the sentence.
Longer: lines without media stay open. Shorter: halls are cut off in the sentence, and call again.
"""

# The lobby
LOBBIES = 8192
"""Conferences whose lobby (the waiting list) is in memory. At the limit, lobbies without use for two hours (LOBBY_KEPT_S) are
removed; if none can be removed, a new lobby is refused. Larger: more memory. Smaller: people cannot enter further meetings.
"""
LOBBY_KEPT_S = 2 * 3600.0
"""When LOBBIES (8192) lobbies are in memory, a lobby (waiting list of a meeting) that was not used for this time leaves the
memory. The screens of hosts in the call use the lobby all the time. Longer: above LOBBIES, new lobbies are refused. Shorter:
above LOBBIES, a person who was admitted must wait again after a break.
"""
LOBBY_WAITING = 300
"""People who wait in the lobby of one conference; further people are refused. Larger: an attacker uses more memory. Smaller:
guests of large meetings are refused.
"""
LOBBY_SOURCE = 200
"""People without an account who wait in one lobby from the same network; further people are refused. Larger: one network can
fill the lobby; from 300 (LOBBY_WAITING) on no further effect. Smaller: guests from one office are refused.
"""
LOBBY_SETTLED = 2048
"""Rows in each table of one lobby: decided requests to enter, admitted people, denied people. At the limit the oldest row is
removed. Larger: more memory. Smaller: decisions are lost sooner, so a denied person can ask again.
"""
LOBBY_WAIT_S = 30 * 60.0
"""Seconds. The longest wait of one person in the lobby; then the request to enter ends without a decision. Chosen. Longer:
hosts see old requests. Shorter: people who came early must ask again.
"""
LOBBY_SILENT_S = 75.0
"""Seconds. A person in the lobby (waiting list) whose page has not asked for news for this time no longer waits. A host whose
screen has not asked counts as absent. Chosen. Longer: hosts see people who left. Shorter: people on slow networks lose their
place.
"""
LOBBY_PAUSE_S = 60.0
"""Seconds after which a person whom a host denied in the lobby may ask again. Longer: a mistake of the host costs more time.
Shorter: hosts are disturbed more often.
"""
LOBBY_DENIALS = 3
"""After this number of denials a person cannot ask again. Larger: hosts are disturbed more often. Smaller: a few mistakes of
hosts keep a real guest out.
"""
LOBBY_ORIGIN_DENIALS = 5
"""After this number of denials, all new names from the same network with the same link or PIN must wait. The wait begins at 60
s (LOBBY_PAUSE_S) and doubles with each further denial. Larger: an attacker tries more names. Smaller: real guests from the same
network must wait.
"""
LOBBY_PAUSE_MOST_S = 30 * 60.0
"""Seconds. The longest wait after many denials of guests from the same network (LOBBY_ORIGIN_DENIALS). Chosen. Longer: real
guests from the same network wait longer. Shorter: an attacker tries more names.
"""
LOBBY_SETTINGS = 65_536
"""Conferences for which a lobby setting of a host ("people must wait" or not) is stored, running or not. A further setting is
refused. No old one is removed, because people would then enter without waiting. Larger: more memory. Smaller: hosts cannot make
people wait.
"""
LOBBY_BARS = 200
"""People who were denied for good in one lobby and stay denied after a restart of the server; the newest are stored. The value
is larger than any meeting needs. Larger (up to LOBBY_SETTLED, 2048): larger rows. Smaller: after a restart the earliest denied
people can ask again.
"""
LOBBIES_BARRED = 4096
"""Lobbies with people who were denied for good that the server reads at its start, the newest first. The value is larger than
the number of meetings in three months. Larger: a slower start. Smaller: after a restart, denied people of older meetings can
ask again.
"""
LOBBY_TICK_S = 5.0
"""Seconds between two checks of all lobbies for expired people. Chosen. Longer: people who left stay in the list longer.
Shorter: more CPU time.
"""
LOBBY_LISTENERS = 4
"""Open requests for news of one waiting person, for example from several windows. At the limit the oldest request is answered.
Larger: more open requests for one person. Smaller: the windows of one person end each other's requests, and ask again and
again.
"""
LOBBY_WATCHERS = 64
"""Screens of hosts that wait for news of one lobby (waiting list) at the same time. A further screen gets its answer at once,
and asks again. Larger: more open requests. Smaller: the screens of a meeting with many hosts make more requests.
"""
LOBBY_WHY_CHARACTERS = 200
"""Characters of the reason that a host gives for a denial; the rest is cut. Chosen. More: a text that does not fit the guest's
page. Fewer: reasons are cut.
"""
SILENCE_UNDO_S = 10.0
"""The time during which a host can undo a mute of all participants. The host sees a mistake at once. Longer: an undo also
unmutes people after the meeting has gone on. Shorter: no time to press the button.
"""
HALL_NOTICE_S = 15.0
"""Seconds for which a hall's picture shows a question of the chair. People need long to find the remote control. Longer: the
text covers the picture. Shorter: the hall misses the question.
"""
VOICES = 64
"""Halls whose own sound the mixer encodes for browsers at the same time, as in MIXER_VOICES (64). The other halls are not heard
in browsers. Larger: the mixer refuses the whole update. Smaller: browsers do not hear more halls.
"""
CHAIR_AWAY_S = 20.0
"""Seconds that a chair may be away before the rights are lent to a co-chair or a secretary. A client that has lost its network
counts as away at once. Chosen. Longer: a meeting without its chair stands still. Shorter: each short loss of the network moves
the rights.
"""
CHAIR_LEFT_S = 300.0
"""Seconds that a chair is away until the borrower of the rights may give roles and the chair to others. The chair of a meeting
waits so long for a late member before the meeting goes on. Chosen. Longer: a chair who was called away leaves nobody who can
name a deputy. Shorter: a chair whose machine restarts finds another chair.
"""
ROLES_APPOINTED = 500
"""Appointments of one meeting that are kept, also of people who left. Chosen like PARTICIPANTS (500). More: memory. Fewer: in the
largest meeting a secretary who comes back is a delegate again.
"""
FLOOR_QUEUE = 500
"""Requests to speak that wait at the same time. Chosen like PARTICIPANTS (500). More: a list that is too long to read.
Fewer: people of the largest meeting cannot ask.
"""
SPEAKERS = 4
"""Turns at the same time in the mode `several`. Chosen: a panel. More: too many voices. Fewer: no room for a panel."""
WARNING_S = 60.0
"""Seconds before the end of the speaking time at which the speaker is warned. Issue 21 names one minute. Longer: the speaker
forgets the warning. Shorter: no time to conclude.
"""
OVERTIME_S = 120.0
"""Seconds after the end of the speaking time at which the turn ends by itself. Chosen: two minutes for a conclusion. Longer: a
forgotten turn holds the floor. Shorter: a speaker is cut off in a sentence.
"""
TURN_MOST_S = 2 * 3600.0
"""The longest turn without a set time. Chosen: half a working day. Longer: a forgotten turn holds the floor of a long meeting.
Shorter: a long report is cut off.
"""
BUDGETS = 1000
"""Delegations of one meeting with a speaking time. Chosen: twice PARTICIPANTS (500). More: memory and a long document. Fewer: the
time of some units is not counted.
"""
UNMUTES_ALLOWED = 500
"""People of one meeting who were asked to unmute and may. Chosen like PARTICIPANTS (500). More: memory. Fewer: a person who was
asked cannot unmute.
"""
AGENDA_ITEMS = 100
"""Items of a meeting's agenda; more are refused. Chosen. Larger: each change of the agenda sends more bytes to all pages.
Smaller: the agenda of a council's session of several days is refused.
"""
AGENDA_NAMES = 50
"""Speakers, and votes, of one item of the agenda; more are refused. Chosen. Larger: more bytes in each page. Smaller: long lists
of speakers are refused.
"""
AGENDA_CHARACTERS = 300
"""Characters of an item's title, and of a speaker's name; longer ones are refused. Chosen. Larger: a row does not fit on a
phone. Smaller: official titles are refused.
"""
AGENDA_ID_CHARACTERS = 64
"""Characters of the id of an item; a longer id is refused. Chosen. Larger: longer messages. Smaller: no effect above 14."""
AGENDA_ITEM_S = 24 * 3600.0
"""The longest planned duration of an item. Chosen. Longer: a typing error is not noticed. Shorter: long sessions are refused."""
ENTRY_MUTED_S = 30.0
"""For this time after joining, the first microphone is muted if the rules mute newcomers. Chosen: a browser on a slow network
publishes the microphone some seconds after joining. Longer: a person who switches the microphone on is muted. Shorter: a slow
newcomer is heard.
"""
CHAIR_MEMBERS = 5000
"""People of one meeting who may come back while the meeting is locked. Chosen like PARTICIPANTS_MOST (5000). More: memory. Fewer:
a person with a broken network stays outside.
"""
FLOOR_RESTORED_S = 60.0
"""Seconds after a restart for which turns and requests of people who are not back yet are kept. Chosen: halls are called again
and browsers resume within this time. Longer: the queue shows people who left. Shorter: a slow network loses its place.
"""
CHAIR_CODE_DIGITS = 12
"""Digits of a chair code that a keypad keeps. Further digits push the first ones out. Chosen: twice the length of a code."""
CHAIR_CODE_TRIES = 10
"""Wrong chair codes of all halls in one meeting. After them the keypads of this meeting take no code, until the order
`allow_codes`. Chosen: with 1,000,000 codes the guesses before an order succeed in 1 of 100,000 meetings. More: easier to guess.
Fewer: the errors of a few halls shut the keypad.
"""
CHAIR_CODE_HALL_TRIES = 3
"""Wrong chair codes of one hall in one meeting. After them the meeting takes no code from this hall. Chosen: two slips of a
finger. More: a few halls use up CHAIR_CODE_TRIES. Fewer: a slip sends the hall to the operator.
"""
CODE_PAUSE_S = 15.0
"""Seconds between two digits of a chair code on a keypad. Chosen: a person reads the code from a screen. Longer: a forgotten code
swallows later keys. Shorter: slow people cannot enter the code.
"""
