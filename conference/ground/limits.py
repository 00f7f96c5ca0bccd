"""All limits of a live conference. `_S` means seconds. For a text, `_BYTES` counts its UTF-8 bytes, and `_CHARACTERS` its
characters.

A value without a source is chosen. "Larger" and "smaller" say what breaks when the value changes.
"""

CONFERENCES = 1000
"""Conferences in one process. Larger: more memory and CPU than one process has. Smaller: meetings are refused."""
PARTICIPANTS = 500
"""Participants in one conference when its creator gave no number, and the maximum for a conference with halls. Larger: the
mixer gets more sites than its scene can name (MIXER_SITES). Smaller: participants are refused.
"""
PARTICIPANTS_MOST = 5000
"""The maximum that a creator can set for a conference without halls. Larger: more events than one process can send. Smaller:
large meetings are refused.
"""
TRACKS_PER_PARTICIPANT = 16
"""Tracks that one participant publishes or has announced. Chosen. More: one client causes more sections and streams for each
subscriber. Fewer: a client with several cameras and screens is refused a track.
"""
PENDING_TRACKS = 16
"""Tracks that one client announced and that have no section yet. Larger: one client uses more memory. Smaller: a client that
announces many tracks loses the first ones.
"""
ANNOUNCED_S = 30.0
"""During this time an announced track without a section counts as a track. After it, a new announcement may replace the track.
Longer: forgotten announcements use up TRACKS_PER_PARTICIPANT. Shorter: a slow client loses its announcement.
"""
MUTE_SHOWN_S = 3.0
"""Within this time after a mute from outside, the server ignores a publisher's "not muted", because the publisher does not know
of the mute yet. Longer: a participant cannot unmute at once after a host's mute. Shorter: a slow client cancels the mute.
"""
UNCLAIMED_SECTIONS = 8
"""Sections of one client that have no announcement yet. Larger: a client sends more streams that it never announces. Smaller: a
client that offers before it announces loses tracks.
"""
LEFTOVER_S = 1.0
"""After this time a section and an announcement of the same kind are matched, although their ids differ. Longer: in some
browsers a new track starts late. Shorter: a section is matched with the wrong announcement.
"""
DATA_TRACKS_PER_PARTICIPANT = 32
"""Data tracks that one participant publishes at the same time. Chosen. More: longer handle tables for all subscribers. Fewer:
further data tracks of a client are refused.
"""
DATA_SUBSCRIPTIONS_PER_PARTICIPANT = 256
"""Data tracks that one participant receives at the same time. A further subscription has no effect. Chosen. More: more memory
and a longer handle table for one client. Fewer: clients in large conferences miss data tracks.
"""
CONTENT_TOKEN_REQUESTS = 64
"""Requests for the content token that wait. A further request is denied. Larger: a longer queue. Smaller: more requests are
denied.
"""
BLOBS = 16
"""Blobs (for example schemas of data tracks) that one participant stores. Chosen. More: more memory for one client. Fewer: the
next blob of a client is refused.
"""
BLOBS_BYTES = 64 * 1024
"""Bytes of all blobs of one participant, keys and contents together. Larger: more memory for one client. Smaller: schemas of
data tracks do not fit.
"""
CHOICES_PER_PARTICIPANT = 4096
"""Track ids for which a subscriber stores its own choice. Larger: more memory for one client. Smaller: in a large conference
the oldest choices are lost.
"""

SID_CHARACTERS = 64
"""Characters of a track's or participant's id that a client names. The server's own ids have 19 at most. A choice for a longer
id is not stored. Larger: clients fill the memory with long ids. Below 19: no choice is stored for real tracks.
"""

NAME_BYTES = 256
"""Bytes of a participant's name that is shown. Chosen; the limit of a token is the same (`signaling/host/limits.py`). Larger
than in a token: the participant cannot resume. Smaller: long names are refused.
"""
IDENTITY_BYTES = 256
"""Bytes of a participant's identity. Chosen; the limit of a token is the same. Larger: each message that names its sender
grows. Smaller: participants with long identities cannot join.
"""
CONFERENCE_NAME_BYTES = 256
"""Bytes of a conference's name. Chosen. Larger: longer tokens and log lines. Smaller: conferences with long names are refused.
"""
METADATA_BYTES = 64 * 1024
"""Bytes of one participant's metadata. Chosen; the limit of a token is the same. Larger: each change sends more bytes to all
participants. Smaller: an application's long metadata are refused.
"""
ATTRIBUTES, ATTRIBUTES_BYTES = 64, 64 * 1024
"""The attributes of one participant, and the bytes of all their keys and values together. Chosen. More: each change sends more
bytes to all participants. Fewer: applications with many attributes are refused.
"""
CONFERENCE_METADATA_BYTES = 64 * 1024
"""Bytes of a conference's metadata. Chosen. Larger: each join and each change sends more bytes. Smaller: long metadata are
refused.
"""
DATA_TRACK_NAME_BYTES = 256
"""Bytes of a data track's name. Chosen. Larger: longer messages about each data track. Smaller: data tracks with long names are
refused.
"""

PACKET_BYTES = 64 * 1024
"""Bytes of one data packet that a client sends; longer packets are dropped. Source: browsers stop at 64,000. Larger: one sender
costs more memory, and FORWARDED_BYTES drops such packets anyway. Smaller: packets of browsers are dropped.
"""
FORWARDED_BYTES = 65_535
"""Bytes of a packet together with its sender's identity. Larger: the data channel can never send the packet, and all later
packets wait behind it. Smaller: packets that a client may send are dropped here.
"""
WAITING_PACKETS = 256
"""Reliable packets that wait in order for one participant whose channel is closed or full. Further packets are dropped and
counted. Chosen. More: more memory for dead connections. Fewer: a short interruption loses packets.
"""
WAITING_BYTES = 512 * 1024
"""Bytes of all reliable packets that wait for one participant (WAITING_PACKETS). Further packets are dropped and counted.
Chosen. Larger: more memory for dead connections. Smaller: a short interruption loses long packets.
"""
DATA_UNITS_PER_S, DATA_UNITS_BURST, DATA_UNIT_BYTES = 10_000, 30_000, 1024
"""The budget for the data that one participant sends: units per second, burst in units, and bytes of a unit.

A packet costs one unit for each receiver, and one more for each KiB and receiver. One unit is about 30 µs of work. A file for
one receiver is not slowed down. A file for nine receivers goes at 8 Mbit/s. More units: one sender takes CPU time from the
whole process. Fewer: files are sent slowly.
"""
HELD_PACKETS, HELD_BYTES = 2048, 2 * 1024 * 1024
"""The reliable packets of one participant that wait because its budget is used up. They make the client's SCTP window smaller,
so the client pauses. A client sends at most 192 KiB (its SCTP window) without an answer. Packets beyond the limits are
dropped and counted. Larger: more memory for one sender. Smaller: packets are lost before the client pauses.
"""
HELD_PACKET_BYTES_MIN = 2048
"""The least that one held packet takes from the sender's SCTP window. With 96 held packets the window is closed, and the
packets on their way still fit into HELD_PACKETS. Larger: senders of small packets pause too early. Smaller: small packets
fill HELD_PACKETS before the window closes, and are lost.
"""
PACED_S = 0.01
"""Seconds of work for other participants that `Paced` does without a pause. Longer: one client's change delays all calls.
Shorter: large changes take effect later.
"""
PERMITTED_S = 0.00003
"""The time that `Paced` reserves for one track and one other participant when a publisher changes its permissions. Longer: new
permissions take effect later. Shorter: many changes delay other calls.
"""
HANDLE_S = 0.00002
"""The time that `Paced` reserves for one data track in the handle table of one subscriber. Longer: subscribers learn new
handles later. Shorter: many tables delay other calls.
"""

EMPTY_S = 300.0
"""A created conference that no participant has joined is closed after this time. Longer: unused conferences use up CONFERENCES.
Shorter: a conference that was created early is gone when people join.
"""
DEPARTURE_S = 20.0
"""An empty conference is closed this long after the last participant left. Longer: ended meetings stay open. Shorter: a meeting
ends while its only participant reconnects.
"""
KEPT_EMPTY_MOST_S = 24 * 3600.0
"""The maximum of both times above when a creator sets them. Longer: empty conferences use up CONFERENCES. Shorter: conferences
that were created a day before are gone.
"""
DETACHED_S = 120.0
"""A participant without a signalling connection is kept this long, if its media still works. Longer: others see a participant
who left. Shorter: a participant is removed during a failure of signalling.
"""
DETACHED_SILENT_S = 30.0
"""A participant without signalling can resume for this time after its media path failed. Longer: others see a participant who
left. Shorter: a phone that changes its network loses its call.
"""
DETACHED_QUIET_S = 15.0
"""A participant without signalling is removed when its media path had no consent check for this time. Longer: others see a
participant who left. Shorter: a short network failure ends the call.
"""
SILENCE_REPEAT_S = 180.0
"""A participant that resumes is notified of all participants who stopped speaking within this time. The value is larger than
DETACHED_S, the longest absence. Longer: larger messages. Shorter: the client shows silent people as speaking.
"""
DEPARTED_S = 60.0
"""The participants who left are remembered this long, for clients that resume. Longer: more memory. Shorter: a client that
resumes still shows people who left.
"""
DEPARTED = 256
"""Participants who left one conference and are remembered for DEPARTED_S; the oldest is forgotten first. Chosen. More: more
memory. Fewer: after many people left together, a client that resumes still shows some of them.
"""
PATHS_REMEMBERED = 256
"""Identities of one conference whose wish for another media path is stored. Larger: more memory. Smaller: the oldest wish is
lost, and its participant joins again with the failing path.
"""
REMOVED_IDENTITIES = 1024
"""Identities that an administrator removed, whose old tokens the conference refuses. Larger: more memory. Smaller: the old
token of the first removed identity works again.
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
"""The least seconds between two readings of all connections' figures. Chosen. Longer: the grade of a connection (QUALITY_S) is
the mean of fewer measurements. Shorter: more CPU time.
"""
SPEAKERS_S = 0.4
"""The least seconds between two messages about active speakers. In large conferences the pause is longer (TOLD_PERSON_S).
Chosen. Longer: the mark of the speaker is late. Shorter: more messages to all participants.
"""
PLAYED_GAP_S = 2.0
"""The pause after a client's simulated speaking, before the client may simulate speaking again. Longer: a client's test of its
speaker display takes longer. Shorter: one client sends many speaker events to all.
"""
LAYERS_DOWN_S = 5.0
"""A publisher is asked to stop a layer when no subscriber has wanted it for this time. Longer: unused layers take uplink.
Shorter: layers stop and start with each change of the page, and each start costs a key frame.
"""
LOOKED_AT_PIXELS = 640
"""A picture shown at least this large has priority over other pictures on a narrow downlink. Larger: the main picture gets no
priority in small windows. Smaller: tiles get priority too, so priority has no effect.
"""
LAYERS_REPEAT_S = 2.0
"""The wanted layers are sent once more this long after an answer, because the answer can start paused layers in the browser.
Longer: the browser sends unused layers longer. Shorter: the message arrives before the browser has started them.
"""
BACKUP_ASK_S, BACKUP_S = 2.5, 8.0
"""A publisher that sends nothing in its second codec is asked again after BACKUP_ASK_S. After BACKUP_S the subscribers that
need this codec are notified that there is no picture. Browsers need 1 to 3 s to start a codec. Longer: a black picture
without a reason. Shorter: slow browsers are asked twice, or reported as failed.
"""
SECTIONS_REPEAT_S = 3.0
"""A client that has not offered the requested sections is asked again after this time. Longer: new pictures appear late after a
lost request. Shorter: slow clients get repeated requests.
"""
TOLD_PERSON_S, TOLD_S = 0.001, 1.0
"""The pause between two roster updates in large conferences: TOLD_PERSON_S for each participant, TOLD_S at most. Longer: people
appear late. Shorter: when many people join, the number of messages grows with the square of their number.
"""
TOLD_PERSONS = 50
"""With this number of participants or fewer, every roster change is sent at once. Larger: mass joins cost the square of this
number. Smaller: the roster of small meetings is late.
"""
NEGOTIATION_TRACKS = 32
"""Forwarded tracks of one connection up to which a new description does not wait. Chosen. More: when people join a conference
of medium size, descriptions load the server and browsers. Fewer: new tracks appear late in small conferences.
"""
NEGOTIATION_TRACK_S, NEGOTIATION_S = 0.005, 2.0
"""The pause between two descriptions of one connection: NEGOTIATION_TRACK_S for each forwarded track beyond NEGOTIATION_TRACKS,
NEGOTIATION_S at most. A description of hundreds of tracks is much work for the server, and more for browsers. Longer: new
tracks appear late. Shorter: browsers stop responding while people join.
"""
NEGOTIATED_TRACKS_PER_S, NEGOTIATED_TRACKS_BURST, NEGOTIATION_AHEAD_S = 20_000, 2_000, 5.0
"""The rate of tracks in all descriptions with more than NEGOTIATION_TRACKS, over all conferences, and its burst.

Each track is about 20 µs of reading and writing. A person who joins a meeting of n people causes n descriptions of n tracks.
Beyond the rate, descriptions for several newcomers are made together. The first description of a connection does not wait. If
many people reconnect together, their first descriptions delay the others by NEGOTIATION_AHEAD_S at most. Higher rate: mass
joins block the event loop. Lower rate: new tracks appear late.
"""
CONFERENCE_UPDATE_S = 1.0
"""The least time between two updates of the number of participants. Longer: the number is out of date. Shorter: mass joins
cause many messages.
"""

# Halls
INVITES_PER_S = 16
"""Calls that begin in one second, over all conferences. At this rate the calls to 240 halls begin within 15 s. In `make
bench-halls` a call costs 25 ms of the server's CPU and 6 ms of the mixer's. Larger: the calls take most of a CPU core, and
sound is interrupted. Smaller: a large meeting starts late.
"""
ATTEMPTS = 40
"""Attempts to call in one epoch of a leg, for all causes together. Each cause has its own lower limit in a row. Larger: a
terminal whose failures alternate is called longer before an operator gets an alarm. Smaller: a leg is given up before
BUSY_TRIES is reached.
"""
BUSY_RETRY_S = 30.0
"""Seconds until a busy terminal is called again. Chosen. Longer: a hall that ended its other call joins late. Shorter: the
terminal gets more calls, and BUSY_TRIES are used up sooner.
"""
BUSY_TRIES = 20
"""Retries in a row to a busy terminal. After them the leg is given up, and an operator gets an alarm. Chosen: with
BUSY_RETRY_S, ten minutes. More: the alarm comes later. Fewer: a hall that ends its other call after some minutes is not called.
"""
NO_ANSWER_RETRY_S = 60.0
"""Seconds until a terminal that did not answer, or could not be reached, is called again. Chosen. Longer: a hall whose people
arrive late joins late. Shorter: the terminal rings more often, and NO_ANSWER_TRIES are used up sooner.
"""
NO_ANSWER_TRIES = 5
"""Retries in a row for each of these causes: no answer, unreachable, lost call, 482 response. After them the leg is given up,
and an operator gets an alarm. Chosen. More: the alarm comes later. Fewer: a hall that is switched on late is not called.
"""
RUNG_RETRY_S = 1.0
"""Seconds until a call with the next profile of the terminal's ladder, after the terminal refused an offer. Chosen. Longer: an
old terminal joins late. Shorter: a terminal that refuses all offers gets a burst of calls.
"""
RUNGS = 8
"""Profiles of one terminal's ladder. Larger: a terminal with a long ladder gets more failed calls before an operator gets an
alarm. Smaller: old terminals never get an offer that they understand.
"""
OVERLOAD_RETRY_S = 60.0
"""Seconds until a far end that reported overload without a Retry-After is called again. Chosen. Longer: the hall joins late.
Shorter: our calls add to the overload.
"""
OVERLOAD_TRIES = 10
"""Retries in a row to a far end that reports overload. After them the leg is given up, and an operator gets an alarm. Chosen.
More: the alarm comes later. Fewer: a hall is given up during a short overload.
"""
RETRY_AFTER_LEAST_S = 5.0
"""Seconds. A shorter Retry-After of an overloaded far end is lengthened to this time. Chosen. Longer: a far end that has
recovered is called late. Shorter: our calls add to the overload, and OVERLOAD_TRIES are used up sooner.
"""
RETRY_AFTER_MOST_S = 600.0
"""Seconds. A longer Retry-After of an overloaded far end is shortened to this time. Chosen. Longer: one wrong answer keeps a
hall out for longer. Shorter: we call before the far end can take the call.
"""
MERGED_RETRY_S = 40.0
"""After a 482 response the terminal still has the earlier call. Without an ACK the terminal ends it after 32 s (RFC 3261
§13.3.1.4). Longer: the hall joins late. Shorter than 32: the next attempt gets 482 again.
"""
LOST_RETRY_S = 5.0
"""Seconds until a hall whose call was lost is called again. Chosen. Longer: the hall is absent longer. Shorter: the network has
not recovered, and the retries (NO_ANSWER_TRIES) are used up.
"""
HUNG_UP_RETRY_S = 5.0
"""Seconds until a hall that hung up is called again; this happens once. Chosen. Longer: a hall that hung up by mistake is
absent longer. Shorter: the terminal rings before its user has put down the remote control.
"""
HOLD_S = 3.0
"""The least time that a speaker stays on stage. Longer: a short answer is never shown. Shorter: the picture changes with each
word.
"""
HOLD_LEAST_S, HOLD_MOST_S = 1.0, 60.0
"""The range, in seconds, of the hold time (HOLD_S) that an operator can set. Chosen. Larger maximum: one speaker can stay on
stage while others speak. Smaller minimum: the picture can change with each word.
"""
RECENT_SPEAKERS = 16
"""Earlier speakers of one stage that are remembered, the latest first; layouts with a large place show them first. Chosen:
twice the places of the largest such layout. More: no effect on the picture. Fewer than 8: a site that has not spoken takes the
place of a recent speaker.
"""
PAGE_S = 10.0
"""The time for which a lecturer sees one page of listeners. Thumbnails use the same pages. Longer: some listeners are seldom
seen. Shorter: pages change too fast to look at, and more decoders start.
"""
KEY_PAUSE_S = 4.0
"""The most time between two keys of one command. Longer: a forgotten `*` joins with a later key. Shorter: slow users cannot
enter a command.
"""
KEY_TWICE_S = 2.0
"""The most time between a key's RTP packets and its INFO, when a terminal sends both. Longer: a second real press is dropped.
Shorter: one press counts twice.
"""
KEYS_HEARD = 16
"""Keys that may still arrive a second time over the other way. Larger: only more memory. Smaller: keys that are pressed fast
count twice.
"""
MENU_DIGITS = 16
"""The last digits that the hall menu keeps of a typed number or PIN. Chosen: longer than any number. More: only more memory.
Fewer: long numbers lose their first digits and are wrong.
"""
MENU_TRIES = 3
"""Wrong pairs of number and PIN in one call; then an announcement follows, and the call ends. Chosen. More: PINs are easier to
guess. Fewer: a caller who mistypes must dial again.
"""
HALLS = 500
"""Halls in one conference. Larger: the mixer gets more sites than its scene can name (MIXER_SITES). Smaller: halls are refused.
"""
GROUPS = 6
"""Programs that one conference encodes. A hall with a different wish gets the nearest existing program. Larger: more CPU for
encoders, and MIXER_GROUPS must grow. Smaller: more halls get a lower quality or another layout.
"""
MICROPHONES = 400
"""Open microphones. Beyond this number, only the sites that spoke most recently stay open. The mixer mixes only the loudest
ones (`media.ground.limits.MIXER_HEARD`). Larger: more audio streams to the mixer. Smaller: a site that has not spoken yet
may not be heard.
"""
HALL_TEXT_CHARACTERS = 300
"""Characters of a text over a hall's picture; the rest is cut. Chosen, as MIXER_TEXT_CHARACTERS. More: the mixer refuses the
scene. Fewer: long questions of the chair are cut.
"""
WAITING_TITLE_CHARACTERS = 60
"""Characters of a meeting's title in the picture of a hall that is alone: one line. Larger: the title leaves the picture.
Smaller: titles are cut.
"""
SCENE_S = 0.05
"""Changes within this time make one scene. Longer: the picture reacts late. Shorter: the mixer gets many scenes when several
things change together.
"""
PROGRAMS_BEGUN, PROGRAMS_BEGUN_S = 20, 10.0
"""The most scenes with a new program within PROGRAMS_BEGUN_S. Beyond this number the next scene waits SCENE_SLOW_S. A hall that
keeps changing its bit rate would otherwise make the mixer start encoders without end. Each new encoder begins with a key
frame. Larger: such a hall costs more CPU. Smaller: halls that join together get their picture late.
"""
SCENE_SLOW_S = 0.5
"""Seconds between two scenes while PROGRAMS_BEGUN is reached. Chosen. Longer: halls that join then get their picture late.
Shorter: a hall that keeps changing its bit rate starts more encoders.
"""
BROWSER_SIZE, BROWSER_FPS, BROWSER_BPS = (1280, 720), 15, 1_000_000
"""The one picture of all halls for browsers that do not decode H.264. Larger: more CPU and downlink. Smaller: text in the
picture is hard to read.
"""
CONTENT_GROUPS = 3
"""Encodings of a separate presentation for halls; a hall with a different wish gets the nearest one. Chosen. More: more CPU
time for encoders, and MIXER_GROUPS must grow. Fewer: some halls get slides in a lower quality.
"""
CONTENT_HEIGHTS = (1080, 720, 360)
"""The heights of a separate presentation in lines, the largest first. A smaller height is used when the mixer refuses. Larger:
more CPU. Smaller: slides are hard to read.
"""
PROMPTS = 16
"""Announcements at the same time, as in MIXER_PROMPTS. When more halls join together, the earliest announcements are cut.
Larger: the mixer refuses the scene. Smaller: more announcements are cut.
"""
PROMPT_S = 20.0
"""After this time an announcement counts as finished, even if the mixer did not report its end. The hall then gets the shared
mix again. Longer: after a lost report the next announcement is late, and an extra mix is encoded. Shorter: long
announcements are cut.
"""
THUMBNAILS = 12
"""Halls whose thumbnails are made at the same time; the other halls take turns. Larger: more decoders. Smaller: each thumbnail
is older.
"""
THUMBNAIL_BYTES = 64 * 1024
"""Bytes of the JPEG thumbnail of one hall; a larger thumbnail is not kept. Chosen. Larger: more memory and traffic for the
board. Smaller: halls with a detailed picture have no thumbnail.
"""
LABEL_CHARACTERS = 200
"""Characters of a name under a picture of a hall program; the rest is cut. Chosen, as MIXER_LABEL_CHARACTERS. More: the mixer
refuses the scene. Fewer: long names are cut.
"""
UNSEEN = 8
"""Names in the operator's list of the people whose picture the halls do not get. Larger: a long list. Smaller: more people are
not named.
"""
AUDIO_BPS = 80_000
"""The part of a hall's link that is kept for sound. Larger: less for pictures. Smaller: pictures disturb the sound on narrow
links.
"""
UP_FULL_BPS = 2_000_000
"""The bit rate in bit/s that a hall is asked to send while a viewer sees its picture large. Chosen. Larger: narrow uplinks lose
packets. Smaller: the large picture is less sharp.
"""
UP_TILE_BPS = 640_000
"""The bit rate in bit/s that a hall is asked to send while viewers see its picture only small. Chosen. Larger: uplink is used
without a visible gain. Smaller: tiles are less sharp.
"""

# The lobby
LOBBIES = 8192
"""Conferences whose lobby is in memory. Lobbies without use for LOBBY_KEPT_S are removed first. Larger: more memory. Smaller:
new lobbies are refused.
"""
LOBBY_KEPT_S = 2 * 3600.0
"""A lobby that was not used for this time may leave the memory. The screens of hosts in the call use the lobby all the time.
Longer: more memory. Shorter: a person who was admitted must wait again after a break.
"""
LOBBY_WAITING = 300
"""People who wait for one conference. Larger: more memory for an attack. Smaller: guests of large meetings are refused."""
LOBBY_SOURCE = 200
"""People without an account who wait from one network. Larger: one network can fill the lobby. Smaller: guests from one office
are refused.
"""
LOBBY_SETTLED = 2048
"""The size of each table of one lobby: decided tickets, admitted people and denied people. Larger: more memory. Smaller: the
oldest decisions are lost, so a denied person can ask again.
"""
LOBBY_WAIT_S = 30 * 60.0
"""Seconds. The longest wait of one person in the lobby; then the request to enter ends without a decision. Chosen. Longer:
hosts see old requests. Shorter: people who came early must ask again.
"""
LOBBY_SILENT_S = 75.0
"""Seconds. A person whose page has not asked for this time no longer waits. A host whose screen has not asked for this time
counts as absent. Chosen. Longer: hosts see people who left. Shorter: people on slow networks lose their place.
"""
LOBBY_PAUSE_S = 60.0
"""A denied person may ask again after this time. Longer: a mistake of the host costs more time. Shorter: hosts are disturbed
more often.
"""
LOBBY_DENIALS = 3
"""After this number of denials a person cannot ask again. Larger: hosts are disturbed more often. Smaller: a few mistakes keep
a real guest out.
"""
LOBBY_ORIGIN_DENIALS = 5
"""After this number of denials, an origin (network, with the same link or PIN) pauses for all new names. The pause doubles with
each further denial. Larger: an attacker tries more names. Smaller: real guests from the same network must wait.
"""
LOBBY_PAUSE_MOST_S = 30 * 60.0
"""Seconds. The longest pause of an origin after many denials (LOBBY_ORIGIN_DENIALS). Chosen. Longer: real guests from the same
network wait longer. Shorter: an attacker tries more names.
"""
LOBBY_SETTINGS = 65_536
"""Lobbies that a host has set and that are not in memory. A further setting is refused, because a lost setting would open a
closed lobby. Larger: more memory. Smaller: hosts cannot set lobbies.
"""
LOBBY_BARS = 200
"""Final denials of one lobby that survive a restart. The value is larger than any meeting needs. Larger: larger rows. Smaller:
a restart lets the earliest denied people in again.
"""
LOBBIES_BARRED = 4096
"""Lobbies with final denials that the server reads at its start, the newest first. The value is larger than the number of
meetings in three months. Larger: a slower start. Smaller: a restart lets denied people in again.
"""
LOBBY_TICK_S = 5.0
"""Seconds between two checks of all lobbies for expired people. Chosen. Longer: people who left stay in the list longer.
Shorter: more CPU time.
"""
LOBBY_LISTENERS = 4
"""Windows of one waiting person that wait for news. Larger: more open requests for one person. Smaller: a person with two
devices makes more requests.
"""
LOBBY_WATCHERS = 64
"""Screens of hosts that wait for news of one lobby at the same time. Larger: more open requests. Smaller: some hosts see
newcomers late.
"""
LOBBY_WHY_CHARACTERS = 200
"""Characters of the reason that a host gives for a denial; the rest is cut. Chosen. More: a text that does not fit the guest's
page. Fewer: reasons are cut.
"""
SILENCE_UNDO_S = 10.0
"""The time during which a host can undo a mute of all participants. The host sees a mistake at once. Longer: an undo also
unmutes halls after the meeting has gone on. Shorter: no time to press the button.
"""
HALL_NOTICE_S = 15.0
"""The time for which a hall's picture shows a question of the chair. It takes long to find the remote control. Longer: the text
covers the picture. Shorter: the hall misses the question.
"""
VOICES = 64
"""Halls whose sound browsers can get at the same time, as in MIXER_VOICES. Larger: the mixer refuses the scene. Smaller:
browsers do not hear some halls.
"""
