"""Every bound of a live conference, in one place. Seconds are `_S`, lengths of text are characters of its UTF-8
bytes.
"""

CONFERENCES = 1000
"""Conferences in one process."""
PARTICIPANTS = 500
"""Participants in one conference when its creator named no number."""
PARTICIPANTS_MOST = 5000
"""Whatever number its creator named; PARTICIPANTS where there are halls."""
TRACKS_PER_PARTICIPANT = 16
PENDING_TRACKS = 16
"""Tracks announced by a client whose section has not come yet."""
ANNOUNCED_S = 30.0
"""So long they count as tracks; then each makes room for a new one."""
MUTE_SHOWN_S = 3.0
"""A publisher that is muted from outside and says within this time that it is not has not heard of it yet."""
UNCLAIMED_SECTIONS = 8
"""Sections whose announcement has not come yet."""
LEFTOVER_S = 1.0
"""After so long a section and an announcement of one kind are matched although their ids differ."""
DATA_TRACKS_PER_PARTICIPANT = 32
DATA_SUBSCRIPTIONS_PER_PARTICIPANT = 256
CONTENT_TOKEN_REQUESTS = 64
"""Requests for the content token that wait; a further request is denied."""
BLOBS = 16
BLOBS_BYTES = 64 * 1024
"""Of one participant, keys and contents together."""
CHOICES_PER_PARTICIPANT = 4096
"""Track ids for which a subscriber remembers a wish of its own."""

SID_CHARACTERS = 64
"""Ours have 16; a wish about a longer one is not remembered."""

NAME_BYTES = 256
IDENTITY_BYTES = 256
CONFERENCE_NAME_BYTES = 256
METADATA_BYTES = 64 * 1024
ATTRIBUTES, ATTRIBUTES_BYTES = 64, 64 * 1024
CONFERENCE_METADATA_BYTES = 64 * 1024
DATA_TRACK_NAME_BYTES = 256

PACKET_BYTES = 64 * 1024
"""One data packet; browsers stop at 64,000."""
FORWARDED_BYTES = 65_535
"""With its sender written into it; a longer one would never leave and hold up all others."""
WAITING_PACKETS = 256
WAITING_BYTES = 512 * 1024
"""Reliable packets kept in order for one participant whose channel is not open or is full; more are dropped and
counted.
"""
DATA_UNITS_PER_S, DATA_UNITS_BURST, DATA_UNIT_BYTES = 10_000, 30_000, 1024
"""Of what one participant sends: each packet is one unit for each of its receivers and one more for each KiB; a unit is some
30 µs of work. A file for one other goes through as fast as it comes, and so does one for nine others at 8 Mbit/s.
"""
HELD_PACKETS, HELD_BYTES = 2048, 2 * 1024 * 1024
"""Reliable packets of a participant who sends more than that wait for their turn, and its client is told to wait
(192 KiB, the window of SCTP, is all that one sends without an answer); even more are dropped and counted."""
HELD_PACKET_BYTES_MIN = 2048
"""A held packet closes at least so much of the window: with 96 of them it is closed, and what is under way by then has room."""
PACED_S = 0.01
"""The work that participants cause for others is done at once up to this bound."""
PERMITTED_S = 0.00003
"""Of one track and one other participant, when its publisher lets others have it than before: for so long the next one waits."""
HANDLE_S = 0.00002
"""Of one data track in what one subscriber is told of all its handles: likewise."""

EMPTY_S = 300.0
"""A created conference that nobody has joined is closed after this time."""
DEPARTURE_S = 20.0
"""An empty conference is closed this long after the last one left."""
KEPT_EMPTY_MOST_S = 24 * 3600.0
"""The longest that an order may have a conference wait for people."""
DETACHED_S = 120.0
"""Without a signalling connection a participant whose media lives is kept this long."""
DETACHED_SILENT_S = 30.0
"""After the media path of a participant without signalling failed, so long it may still resume."""
DETACHED_QUIET_S = 15.0
"""A participant without signalling whose media path has been quiet (no consent check) so long is gone."""
SILENCE_REPEAT_S = 180.0
"""Who fell silent since then is named to whoever resumes: so long one may have been away."""
DEPARTED_S = 60.0
"""How long those who left are remembered for participants who resume."""
DEPARTED = 256
PATHS_REMEMBERED = 256
"""Identities of one conference that have asked for another way of their media."""
REMOVED_IDENTITIES = 1024
"""Identities removed by an administrator whose old tokens are refused while the conference lives."""

TICK_S = 1.0
QUALITY_S = 5.0
MEASURE_S = 1.0
SPEAKERS_S = 0.4
PLAYED_GAP_S = 2.0
"""So long after a client had all told that it speaks, it may not again."""
LAYERS_DOWN_S = 5.0
"""A publisher is told to stop a layer that nobody has wanted for this long."""
LOOKED_AT_PIXELS = 640
"""A picture shown as large as this is what its viewer looks at, and goes before the others on a narrow way."""
LAYERS_REPEAT_S = 2.0
"""After an answer the wish is repeated once: answering can switch paused layers on again in the browser."""
BACKUP_ASK_S, BACKUP_S = 2.5, 8.0
"""A publisher that was asked for its second codec and sends nothing of it is asked again; after BACKUP_S those who need it are
told that they see nothing. Beginning to send one takes browsers 1 to 3 s.
"""
SECTIONS_REPEAT_S = 3.0
"""A client that has not offered the sections it was asked for is asked again."""
TOLD_PERSON_S, TOLD_S = 0.001, 1.0
"""In large conferences everybody is told of everybody at most once in so long a time for each person there, and in so long a time
in all: else comings and goings of many would cost the square of their number.
"""
TOLD_PERSONS = 50
"""In conferences of no more than these everybody hears of everything at once."""
NEGOTIATION_TRACKS = 32
NEGOTIATION_TRACK_S, NEGOTIATION_S = 0.005, 2.0
"""A description of hundreds of tracks is work for both ends, and for browsers most: beyond the first NEGOTIATION_TRACKS each
one that is forwarded makes the time between two of them longer, to NEGOTIATION_S at most.
"""
NEGOTIATED_TRACKS_PER_S, NEGOTIATED_TRACKS_BURST, NEGOTIATION_AHEAD_S = 20_000, 2_000, 5.0
"""Tracks in all descriptions of more than NEGOTIATION_TRACKS that are asked for in a second, over all conferences: each is about
20 µs of reading and writing. Whoever comes to a meeting of n brings n descriptions of n tracks; beyond the rate those of many who
come are made together. The first description of a connection does not wait; those of many who come back together hold the
others of their conference up by NEGOTIATION_AHEAD_S at most.
"""
CONFERENCE_UPDATE_S = 1.0
"""Counts of participants are told at most this often."""

# Halls
INVITES_PER_S = 16
"""Calls that begin in one second, over all conferences. At this rate the calls to 240 halls begin within 15 s. In
`make bench-halls` a call costs 25 ms of the server's CPU and 6 ms of the mixer's.
"""
ATTEMPTS = 40
"""Tries of one epoch of a leg, whatever they failed of."""
BUSY_RETRY_S = 30.0
BUSY_TRIES = 20
NO_ANSWER_RETRY_S = 60.0
NO_ANSWER_TRIES = 5
RUNG_RETRY_S = 1.0
RUNGS = 8
"""Profiles of one terminal's ladder."""
OVERLOAD_RETRY_S = 60.0
OVERLOAD_TRIES = 10
RETRY_AFTER_LEAST_S = 5.0
RETRY_AFTER_MOST_S = 600.0
MERGED_RETRY_S = 40.0
"""After 482 the terminal still holds the earlier call; without an ACK it gives that up after 32 s (RFC 3261 §13.3.1.4)."""
LOST_RETRY_S = 5.0
HUNG_UP_RETRY_S = 5.0
HOLD_S = 3.0
"""A speaker stays in front of the halls at least so long."""
HOLD_LEAST_S, HOLD_MOST_S = 1.0, 60.0
RECENT_SPEAKERS = 16
PAGE_S = 10.0
"""The lecturer looks at so many listeners so long."""
KEY_PAUSE_S = 4.0
"""Between two keys of one command."""
KEY_TWICE_S = 2.0
"""Between a key's packets and its INFO, when a terminal sends both."""
KEYS_HEARD = 16
"""Keys that may still come a second time by the other way."""
MENU_DIGITS = 16
MENU_TRIES = 3
HALLS = 500
"""Halls in one conference."""
GROUPS = 6
"""Programs that one conference encodes: what differs more gets the nearest one that is there."""
MICROPHONES = 400
"""Open at once; beyond that those who spoke last stay open. The loudest of them are mixed (`media.ground.limits.MIXER_HEARD`)."""
HALL_TEXT_CHARACTERS = 300
WAITING_TITLE_CHARACTERS = 60
"""Of a meeting's title: one line of a picture."""
SCENE_S = 0.05
"""Changes of one moment make one scene."""
PROGRAMS_BEGUN, PROGRAMS_BEGUN_S = 20, 10.0
"""Scenes with a new program in so long a time; more, and the next one comes after SCENE_SLOW_S: a hall that asks for another bit
rate all the time would keep the mixer busy with beginning encoders, whose first picture is whole."""
SCENE_SLOW_S = 0.5
BROWSER_SIZE, BROWSER_FPS, BROWSER_BPS = (1280, 720), 15, 1_000_000
"""Of the one picture of all halls for browsers that decode no H.264."""
CONTENT_GROUPS = 3
CONTENT_HEIGHTS = (1080, 720, 360)
"""The most lines of a presentation by itself; less when there is no power for it."""
PROMPTS = 16
"""Announcements at once; when more halls come together the earliest are cut short. No more than the mixer plays."""
PROMPT_S = 20.0
"""After that an announcement has been said, and its hall listens with the others again."""
THUMBNAILS = 12
"""Halls whose small picture is made at the same time, the others in turn."""
THUMBNAIL_BYTES = 64 * 1024
LABEL_CHARACTERS = 200
UNSEEN = 8
"""So many names of people whom the halls do not see are told."""
AUDIO_BPS = 80_000
"""Of a hall's link, kept for sound."""
UP_FULL_BPS = 2_000_000
UP_TILE_BPS = 640_000
"""What a hall is asked to send while it is large somewhere, and while it is not."""

# The lobby
LOBBIES = 8192
"""Conferences whose lobby is remembered; those that nobody touched for long are forgotten first."""
LOBBY_KEPT_S = 2 * 3600.0
"""Hosts who are in the call touch it all the time."""
LOBBY_WAITING = 300
"""People who wait for one conference."""
LOBBY_SOURCE = 200
"""Of them without a name that anybody vouches for, from one network."""
LOBBY_SETTLED = 2048
"""Tickets that are decided, people let in, and people turned away, that one lobby remembers."""
LOBBY_WAIT_S = 30 * 60.0
LOBBY_SILENT_S = 75.0
"""Whoever has not asked for so long does not wait any more; a host who has not looked for so long is not there."""
LOBBY_PAUSE_S = 60.0
"""Whoever was turned away may ask again after this time."""
LOBBY_DENIALS = 3
"""Turned away so often, he does not ask again."""
LOBBY_ORIGIN_DENIALS = 5
"""After so many denials of one origin (network, with the same link or PIN), under any names, its new names pause. The pause
doubles with each further time.
"""
LOBBY_PAUSE_MOST_S = 30 * 60.0
LOBBY_SETTINGS = 65_536
"""Lobbies that hosts have set, of which nothing else is in memory; one more is refused: none may be forgotten."""
LOBBY_BARS = 200
"""Who is kept out for good, of one lobby, as far as a restart knows them again: more than one meeting turns away."""
LOBBIES_BARRED = 4096
"""Lobbies with such bars that a start reads, the newest: more than one server holds meetings in a season."""
LOBBY_TICK_S = 5.0
LOBBY_LISTENERS = 4
"""Windows of one person who waits."""
LOBBY_WATCHERS = 64
"""Hosts' screens that wait for news of one lobby at the same time."""
LOBBY_WHY_CHARACTERS = 200
SILENCE_UNDO_S = 10.0
"""How long a host can take back a mute of all participants. A slip is seen at once."""
HALL_NOTICE_S = 15.0
"""How long a hall reads a question of the chair: long enough to find the remote control."""
VOICES = 64
"""Halls whose sound browsers can get at the same time."""
