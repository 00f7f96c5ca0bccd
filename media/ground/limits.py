"""The limits of `media` in Python. A test checks each limit with one unit more than the limit.

All values are chosen, unless a comment names a source. `media/plane` limits packets, caches and its command queue itself.
"""

# Session descriptions. A description beyond a limit ends the connection of its client.
SDP_CHARACTERS = 3 << 20
"""Characters of one session description; with a longer one the client is disconnected. Chosen: browsers write about 6,000 for
each participant (camera and microphone) that they receive. More: a hostile client costs more time and memory; above 4 MiB
(MESSAGE_BYTES of the signalling) the socket is closed first. Fewer: conferences with hundreds of participants cannot be
negotiated.
"""
SDP_LINES = 1 << 17
"""Lines of one session description; with more the client is disconnected. Chosen: browsers write about 180 for each participant
that they receive. More: a hostile client with short lines costs more time; honest clients reach SDP_CHARACTERS (3 Mi) first.
Fewer: conferences with hundreds of participants cannot be negotiated.
"""
SDP_SECTIONS = 512
"""Sections (m-lines) of one session description; with more, the client is disconnected. Chosen. More: a client receives more
audio at the same time (for video see SDP_PICTURE_SECTIONS), and each negotiation takes longer. Fewer: a client receives fewer
tracks at the same time.
"""
SDP_OWN_SECTIONS = 24
"""Sections (m-lines), out of the 512 of SDP_SECTIONS, that the server leaves free for the client's own tracks and data. Chosen.
More: the client receives fewer tracks. Fewer: in a very large conference, a client that publishes exceeds SDP_SECTIONS and is
disconnected.
"""
SDP_PICTURE_SECTIONS = 244
"""The most video sections (m-lines) of one session description; the server adds no further ones. Chosen: half of the 488
sections that the server may use, so audio has the other half. It matters only for more videos than this. More: audio that
begins later finds no section, and those people are not heard. Fewer: fewer people are seen.
"""
SDP_LINE_CHARACTERS = 32_768
"""Characters of one line of a session description; with a longer one the client is disconnected. Chosen: the BUNDLE line names
every section, and some clients also name every stream in one line. More: hardly any effect, because SDP_CHARACTERS (3 Mi)
limits all lines together. Fewer: clients whose descriptions have many tracks are disconnected.
"""
SDP_CODEC_LINES = 1024
"""Codec lines (rtpmap, fmtp, rtcp-fb and extmap) in one section of a session description; with more, the client is
disconnected. Chosen. More: hardly any effect, because SDP_CODEC_ENTRIES (5,000) limits the work of all sections. Fewer: clients
with many codecs are disconnected.
"""
SDP_CODEC_BLOCKS = 64
"""Different blocks of codec lines in one session description; equal blocks are parsed once. With more blocks the client is
disconnected. Chosen: browsers write about four. More: hardly any effect, because SDP_CODEC_ENTRIES (5,000) limits the work of
all blocks. Fewer: browsers with more kinds of sections are disconnected.
"""
SDP_CODEC_ENTRIES = 5_000
"""Codec lines of all different blocks in one session description. Each `a=rtcp-fb:*` line counts once more for each codec. With
more, the client is disconnected. Chosen: browsers have about 320. More: a hostile client costs more time. Fewer: clients with
many codecs are disconnected.
"""
SDP_SOURCES = 64
"""Different SSRCs in the `a=ssrc` lines of one section without rids; with more, the client is disconnected. Chosen: a track
with three layers has six. More: a hostile client costs more time. Fewer: clients with many layers are disconnected.
"""
SDP_FINGERPRINTS = 8
"""The `a=fingerprint` lines of one session description; with more, the client is disconnected. Chosen: browsers write one.
More: each handshake may compare more digests. Fewer: clients with a digest for each hash function are disconnected.
"""
MID_CHARACTERS = 16
"""Characters of a section's `a=mid`; with more, the client is disconnected. Source: a one-byte header extension carries at most
16 (RFC 8285 §4.2). More: the packet plane refuses a longer mid (its MID_BYTES_MAX, 16) with a ValueError, which no caller
expects. Fewer: clients with long mids are disconnected.
"""
RID_CHARACTERS = 16
"""Characters of an `a=rid`, the name of a simulcast layer; with more, the client is disconnected. Source: a one-byte header
extension carries at most 16 (RFC 8285 §4.2). More: the packet plane refuses a longer rid (its MID_BYTES_MAX, 16) with a
ValueError, which no caller expects. Fewer: clients with long rids are disconnected.
"""
LAYERS = 4
"""Layers (simulcast sizes) of one video track; the server ignores further layers. Chosen: the packet plane takes at most four
(`LAYERS_MAX` in Rust), and browsers send up to three. More: the plane refuses the track and higher layer numbers with a
ValueError, which no caller expects. Fewer: some layers of a browser are never forwarded.
"""
TEMPORAL_LAYERS = 8
"""Temporal layers (steps of the frame rate) of one video track. Source: VP9 and AV1 have three bits for the layer's id. More:
the packet plane refuses ids above 7 with a ValueError, so no layer can be selected. Fewer: the highest frame rates of a track
cannot be selected.
"""
PRIORITY = 7
"""The highest priority number of a video; on a downlink with too little bandwidth, videos with higher numbers keep their
quality. Chosen. Larger: no effect; the conference uses at most 5, and the packet plane refuses more than 7. Smaller than 5:
different videos get the same rank, so the main picture loses quality too.
"""

# Caches of session descriptions
CODEC_CACHE_ENTRIES = 512
"""Entries of each cache for parsed codec lines of session descriptions; the least recently used is dropped. An entry is for one
browser version and one kind of section. Chosen. More: more memory. Fewer: the same lines are parsed again and again, which
costs CPU.
"""
CODEC_CACHE_CHARACTERS = 16_384
"""Characters. A longer block of codec lines in a session description is not cached and is parsed each time. Chosen. More:
hostile blocks use up memory. Fewer: blocks of real browsers are parsed each time, which costs CPU.
"""

# Negotiation
CONSUMERS = 1000
"""Tracks that one client receives, with tracks that wait for an SDP section. A further subscription fails, and the client is
notified. Chosen. More: more tracks wait, but at most 488 (SDP_SECTIONS less SDP_OWN_SECTIONS) are sent at the same time. Fewer:
in a large conference, a participant does not receive all others.
"""

ANSWER_SETTLES_S = 0.15
"""Seconds between an SDP answer and the first packet of a track that joins a running connection. Shorter: the packet can reach
libwebrtc while libwebrtc applies the answer, and libwebrtc then never shows the video. Longer: each new track appears later.
"""
HELD_S = 3.0
"""Seconds. A client's offer makes its decoders start again. Video to the client is therefore held back until the offer, but no
longer than this. Longer: a client that makes no offer sees no video for that time. Shorter: the offer of a slow client comes
too late. Then packets arrive while its decoders restart, and libwebrtc never shows the video.
"""

# Lines
LINES = 2000
"""RTP streams of calls to SIP terminals and the mixer's, in one conference. For a further one the call is refused. Chosen: 500
halls (HALLS) with four each. More: no effect while HALLS stays 500, and the 5,000 ports of the setting `hall_ports` allow
2,500. Fewer: a large conference cannot call all its halls.
"""
LINE_SILENT_S = 30.0
"""Seconds without RTP and RTCP on a line, after which the line is reported as silent. This is the default of
`Router.open_line`. Calls of halls do not use it: their setting `hall_silent_s` (30) decides. Only the mixer's line uses it, and
reports nothing. Chosen. Longer or shorter: no effect on halls.
"""
LINE_PRODUCERS = 1024
"""Incoming tracks of one RTP transport without ICE (a SIP call, or the mixer); a further one is refused. Chosen: a terminal has
one to three, the mixer one for each picture, mix and voice. By MIXER_GROUPS, MIXER_MIXES and MIXER_VOICES these are at most
984. More: no effect. Fewer than 984: halls of a large conference get no picture or sound.
"""
LINE_CONSUMERS = 1024
"""Outgoing tracks of one RTP transport without ICE (a SIP call, or the connection to the mixer); a further track is refused.
Chosen: a terminal has one to three, the mixer one for each stream that it may decode. More: no effect, because MIXER_SOURCES
(1024) refuses the scene. Fewer: in a large conference the mixer misses participants, and halls do not see or hear them.
"""

# Rates
TOKEN_WAIT_S_MIN = 0.001
"""Seconds. A rate limit without tokens tells its caller how long to wait; this is the shortest wait. Chosen. Longer: small
amounts wait longer than needed. Shorter: the caller wakes up again and again without result.
"""

# DTLS handshake
HANDSHAKE_S, HANDSHAKE_STEPS = 15.0, 15
"""A DTLS handshake fails after HANDSHAKE_S seconds. They are counted by HANDSHAKE_STEPS timers, one after another. Chosen.
Longer time: a dead client keeps its place. Shorter: a client on a network with packet loss has no time for retransmissions.
More timers: more wake-ups. Fewer: when the process was stopped for a while, honest handshakes fail.
"""
HANDSHAKE_BYTES = 65_536
"""Bytes of unencrypted handshake messages that one client may send before its DTLS handshake is complete; with more, the
handshake fails. Chosen. More: a hostile client costs more time and memory. Fewer: the handshake of a client that must
retransmit fails.
"""
HANDSHAKE_MESSAGE_BYTES = 8192
"""Bytes of one DTLS handshake message, as its header states them; a record with a longer one is dropped. Chosen: certificates
of browsers have fewer than 1,000. More: a forged length makes the library reserve more memory. Fewer: the handshake of a client
with a long certificate times out (HANDSHAKE_S).
"""
DATAGRAMS_WAITING = 256
"""DTLS records of one client that wait for the event loop; further records are lost. Chosen. More: a hostile client costs more
memory. Fewer: data of an honest client is lost in a burst.
"""
RECORDS_OF_DATAGRAM = 16
"""DTLS records that are read from one datagram; further records are lost. Chosen: the last flight of a client has five. More: a
hostile datagram costs more time. Fewer: handshakes with several records in one datagram need retransmissions.
"""
RECORDS_PER_S = 2000
"""DTLS records of one client that are read each second, and as many at once after a pause; further records are dropped. Chosen:
the packet plane lets the same number of datagrams through (DTLS_PER_S in Rust). More: only a client with several records in a
datagram takes more of the event loop. Fewer: data of an honest client is lost.
"""
RECORD_BYTES = 1500
"""Bytes of one DTLS record with its header; a longer record and the rest of its datagram are dropped. Chosen: no known network
carries a longer record in one datagram. More: the library aiortc reads 1,500 bytes at once, so a longer record delays all later
records. Fewer: full records of browsers are lost.
"""

# SCTP and data channels
CHANNELS = 16
"""Data channels of one client; with a further channel the client is disconnected. Chosen. More: a hostile client costs more
memory. Fewer: a client with many channels loses its call.
"""
CHANNEL_OPEN_BYTES = 512
"""Bytes of the message that opens a data channel: 12 bytes of header, the label and the protocol. With a longer message the
client is disconnected. Chosen. More: longer labels in memory. Fewer: a client with a long label loses its call.
"""
CONTROL_CHUNKS = 8
"""SCTP chunks of one packet that are not DATA. The server answers most of them with one packet each. With more chunks the
client is disconnected. Chosen. More: one hostile packet makes the server send more. Fewer: an honest client loses its call.
"""
CHUNKS_PER_S = 4000
"""SCTP chunks of one client that are read each second, and as many at once after a pause; further packets are dropped. Chosen:
the packet plane lets 2,000 datagrams a second through, and each can hold 70 chunks. More: one client takes more of the event
loop. Fewer: uploads of an honest client are slower.
"""
RECONFIGURATIONS = 2
"""Parameters of one SCTP RE-CONFIG chunk (which closes data channels); with more, the client is disconnected. Source: RFC 6525
§3.1. More: forged chunks cost more time. Fewer: a client that closes a channel is disconnected.
"""
SACK_GAPS, SACK_DUPLICATES = 256, 24
"""The most gaps and duplicates in one SACK that we send; the next SACK reports further gaps. Chosen: they fit into one packet
(RFC 9260 §6.2). More: after heavy loss the packet is cut off, and the connection never recovers. Fewer: the client sends lost
chunks again later; duplicates are only statistics.
"""
MESSAGE_BYTES = 65_535
"""Bytes of one data channel message, and our `a=max-message-size`. With a longer message the client is disconnected; our own
longer messages are not sent. Chosen. Larger: the conference drops longer packets anyway (FORWARDED_BYTES), and a client that
leaves messages incomplete makes the server hold more memory. Smaller: long messages of honest clients are not sent.
"""
CHUNKS_AHEAD = 192
"""SCTP chunks of one stream that wait behind a lost chunk. A further chunk is not stored, and the client sends the chunk again.
Chosen. More: no effect on full chunks, because WINDOW_BYTES (192 KiB) holds about 170; a hostile client with small chunks costs
more memory and time. Fewer: uploads on networks with packet loss are slower.
"""
CHUNKS_FILLING = CHUNKS_AHEAD + 64
"""Stored SCTP chunks of one stream up to which a chunk that fills a gap before a stored chunk is still accepted. Chosen: 64
chunks more than CHUNKS_AHEAD (192). More: a hostile client costs more memory. Fewer: a chunk that fills a gap is refused, so
the stream stops until a retransmission.
"""
CHUNKS_OF_STREAM = CHUNKS_FILLING + 64
"""All stored SCTP chunks of one stream: fragments and early messages. With more chunks the client is disconnected. Chosen: the
last 64 are room for the longest message. More: a hostile client costs more memory. Fewer: a client that sends a long message
loses its call.
"""
STREAMS = 64
"""Incoming SCTP streams (one for each data channel) of one client. With more streams the client is disconnected. Chosen. More:
a hostile client costs more memory; honest clients reach CHANNELS (16) first. Fewer than CHANNELS: a client with many channels
loses its call.
"""
TSNS_OUT_OF_ORDER = 2048
"""SCTP chunks of one client that arrived before an earlier chunk and are remembered. With more chunks the client is
disconnected. Chosen: only a client with very small chunks gets there, because WINDOW_BYTES (192 KiB) holds about 170 full
chunks. More: a hostile client costs more time for each chunk. Fewer than 170: a client on a network with packet loss loses its
call.
"""
RELIABLE_BUFFER_BYTES = 1 << 20
"""Bytes that wait in one reliable data channel to a client. A further message is not accepted; it waits in the conference, up
to 512 KiB (WAITING_BYTES), then it is dropped. Chosen. More: a slow client costs more memory. Fewer: messages to a client on a
slow network are dropped sooner.
"""
LOSSY_BUFFER_BYTES = 65_536
"""Bytes that wait in one lossy data channel to a client; further messages are dropped. Chosen. More: a slow client costs more
memory and gets old data. Fewer: more messages to a client on a slow network are dropped.
"""
LATE_SACK_S = 0.1
"""Seconds by which an SCTP acknowledgement (SACK) is delayed while the receive window is closed. Source: RFC 9260 §6.2 allows
at most 0.5. Longer: the client retransmits more. Shorter: the client's library (dcsctp) sends one more packet after each SACK.
"""
WINDOW_BYTES = 192 << 10
"""Bytes of the SCTP receive window of one client. Chosen: it carries 15 Mbit/s at 100 ms of round-trip time, and its packets
fit into CHUNKS_AHEAD (192) and DATAGRAMS_WAITING (256). Larger: after a loss or in a burst, chunks beyond these two are dropped
and sent again. Smaller: uploads are slower.
"""
WINDOW_OPENS_BYTES = 64 << 10
"""Bytes. A client that sends data stops when the receive window is full. It is notified when the window has grown by this
number. Chosen. Larger: the client waits longer. Smaller: more packets (SACK) to the client.
"""
FLIGHT_BYTES = 128 << 10
"""Bytes that the server sends to one client over SCTP before an acknowledgement (congestion window). Chosen. Larger: the
library aiortc increases its window until packets are lost, and then stops for seconds. Smaller: sending is slow on paths with a
long round-trip time.
"""

# The event loop
ENDINGS_S = 0.01
"""Seconds until a command (for example "mute") that found the queue of the packet plane (the Rust threads) full is sent again.
Chosen. Longer: a muted person can be heard longer. Shorter: more work while the plane is busy.
"""
EVENTS_A_POLL = 256
"""Events that one call takes from the packet plane (the Rust threads). The rest waits for the next call. Chosen. More: a longer
list in memory; above EVENTS_A_TURN (1024) no event is handled at all. Fewer: more calls for the same events.
"""
EVENTS_A_TURN = 1024
"""Events of the packet plane (the Rust threads) that are handled before other tasks of the event loop run; a multiple of
EVENTS_A_POLL (256). Chosen. More: under load, other tasks wait longer. Fewer: the plane's queue grows under load.
"""

# The mixer: the largest scene of one conference
MIXER_SOURCES = 1024
"""Audio and video streams that the mixer of one conference may get; the mixer refuses a scene (list of its work) with more. A
stream is decoded only while it is used. Chosen. More: no effect, because LINE_CONSUMERS (1024) refuses further streams. Fewer:
in a large conference, pictures and sound of all halls no longer follow changes.
"""
MIXER_SITES = 600
"""Sites (participants and halls) that one scene of the mixer names, and small pictures for operators. A larger scene (list of
the mixer's work) is refused. Chosen. More: no effect, because a conference with halls has at most 500 people and halls. Fewer
than 500: in a large conference, pictures and sound of all halls no longer follow changes.
"""
MIXER_GROUPS = 20
"""Composed pictures, each for a group of halls, in one scene (list of the mixer's work); a larger scene is refused. Chosen: ten
pictures (GROUPS, CONTENT_GROUPS and the one for browsers), and ten more that end while their halls change to new groups. More:
no effect unless GROUPS grows. Fewer: when many halls change their group, pictures and sound of all halls no longer follow
changes.
"""
MIXER_MIXES = 900
"""Mixes of sound in one scene (list of the mixer's work), about one for each hall. A larger scene is refused. Chosen: the
conference makes at most 836. More: no effect, and LINE_PRODUCERS (1024) comes next. Fewer: in a large conference, pictures and
sound of all halls no longer follow changes.
"""
MIXER_VOICES = 64
"""Halls whose own sound the mixer encodes for browsers. A scene (list of the mixer's work) with more is refused. Chosen. More:
no effect unless VOICES (64) of the conference grows too. Fewer than VOICES: a scene with many halls is refused, so pictures and
sound of all halls no longer follow changes.
"""
MIXER_MICROPHONES = 600
"""Microphones that are open at the same time in one scene (list of the mixer's work); the mixer mixes the loudest of them. A
larger scene is refused. Chosen: more than MICROPHONES (400) of the conference. More: no effect. Fewer than 400: in a large
conference, pictures and sound of all halls no longer follow changes.
"""
MIXER_PROMPTS = 16
"""Announcements that the mixer of one conference plays at the same time. A scene (list of the mixer's work) with more is
refused. Chosen. More: no effect unless PROMPTS (16) of the conference grows too. Fewer: when many halls join together, the
scene is refused, and the halls hear no announcement.
"""
MIXER_PROMPT_S = 120
"""Seconds of one announcement that are decoded; the rest is cut. Chosen. The conference ends each announcement after PROMPT_S
(20 s). Longer: only more memory for a wrong, long file. Shorter than PROMPT_S: announcements are cut.
"""
MIXER_CELLS = 16
"""Places for sites in one composed picture. A scene (list of the mixer's work) with more is refused. Chosen: the largest layout
has 16. More: no effect, because places beyond the layout's are not drawn. Fewer: a scene with the largest layout is refused.
"""
MIXER_LABEL_CHARACTERS = 200
"""Characters of a site's name in a composed picture. A scene (list of the mixer's work) with a longer name is refused. Chosen.
More: no effect, because the conference cuts names at 200. Fewer: one long name makes the mixer refuse the scene, so no hall
gets a new picture.
"""
MIXER_TEXT_CHARACTERS = 300
"""Characters of a text over a composed picture. A scene (list of the mixer's work) with a longer text is refused. Chosen. More:
no effect, because the conference cuts texts at 300. Fewer: one long text makes the mixer refuse the scene, so no hall gets a
new picture.
"""
MIXER_CODE_CHARACTERS = 200
"""Characters of an address that is drawn as a QR code over a composed picture. A scene with a longer address is refused. Chosen:
a code of 200 characters has 53 modules, which a phone still reads. More: the modules are too small. Fewer: long names of servers
are refused.
"""
MIXER_PICTURE_WIDTH, MIXER_PICTURE_HEIGHT = 1920, 1200
"""Pixels of the largest composed picture. Each side has 64 to 1920, and the area at most 1920x1200. A scene (list of the
mixer's work) with a larger picture is refused. Chosen: WUXGA. Larger: no effect, because the conference asks for at most
1920x1080 (`groups.SIZES`). Smaller than that: the whole scene is refused.
"""
MIXER_FPS = 60
"""The most frames per second of a composed picture. A scene (list of the mixer's work) with more is refused. Chosen. More: no
effect, because the conference asks for at most 30 (`groups.SIZES`). Fewer than 30: the whole scene is refused.
"""
MIXER_BITRATE_BPS = (64_000, 20_000_000)
"""The lowest and the highest bit rate of a composed picture, in bit/s. A scene (list of the mixer's work) with another rate is
refused. Chosen. The conference asks for 64,000 to 4,000,000 (`groups.RATES_BPS`). Wider limits have no effect. A higher
minimum, or a maximum below 4,000,000: the whole scene is refused.
"""
MIXER_SOURCE_PIXELS = 4096 * 2304
"""Pixels of an incoming picture; the mixer does not decode a larger picture. Chosen: a little more than 4K (3840x2160). More:
one sender uses up the memory and CPU time of the mixer. Fewer: halls do not see a 4K camera.
"""

# The mixer: inside its process
MIXER_MESSAGE_BYTES = 1 << 20
"""Bytes of one message on the control channel to the mixer process. A scene (list of the mixer's work) with more is refused; a
process that sends more is killed and restarted. Chosen: the largest scene needs about half. More: a faulty process uses more
memory of the server. Fewer: large conferences cannot change their pictures.
"""
MIXER_MESSAGES_WAITING_BYTES = 4 << 20
"""Bytes that wait for the mixer process on its control channel. Above this number the process is killed and restarted. Chosen.
Of waiting scenes (lists of the mixer's work) only the newest is kept. More: hardly any effect, because a hung process is killed
after 10 s (SILENCE_S) first. Fewer than one scene (MIXER_MESSAGE_BYTES, 1 MiB): a large scene kills each new process.
"""
MIXER_FRAMES_WAITING = 60
"""Video frames of one source that wait for their decoder. At the limit new frames are dropped, and the decoder waits for a key
frame. Chosen. More: a slow decoder shows older pictures. Fewer: a short delay already costs a key frame.
"""
MIXER_PACKETS_WAITING = 50
"""Sound packets (usually 20 ms) of one microphone that wait to be decoded, and decoded packets that wait to be played; the
oldest is dropped. Chosen: one second. More: no effect on packets of 20 ms, because MIXER_PLAYOUT_S (1 s) limits the lag. Fewer:
a short delay loses sound.
"""
MIXER_HEARD = 6
"""The loudest microphones that the mixer mixes for halls at the same time. Chosen. More: more decoding, and more voices than
listeners understand. Fewer: a person who speaks at the same time as others is not heard.
"""
MIXER_UNMEASURED = 3
"""Microphones of clients that send no audio level with their packets, and that are mixed at the same time, besides the six of
MIXER_HEARD. Chosen. More: more decoding. Fewer: a person with such a microphone is not heard while others with such microphones
speak.
"""
MIXER_SAMPLE_EVERY = 4
"""Some clients send no audio level with their packets. Of their microphones one packet in this number is decoded to measure the
loudness; four packets are 80 ms. Chosen. Larger: such a speaker is mixed later; above MIXER_HISTORY (6) the first word is cut.
Smaller: more decoding; with 1 nothing is measured (`is_due`).
"""
MIXER_SAMPLES_WAITING = 256
"""Audio packets that wait to be measured in the mixer process of one conference. Some clients send no audio level with their
packets. The mixer decodes some of their packets to choose the loudest of these clients for the halls (rooms that are called by
SIP). At the limit the oldest packet is dropped. Chosen. More: under load, the halls hear such a client later when it begins to
speak. Fewer: with many such clients, the halls may not hear one that speaks. The display of speakers is not affected.
"""
MIXER_HISTORY = 6
"""Some clients send no audio level with their packets. While such a microphone is not mixed, its last packets (20 ms each) are
kept. Chosen. More: when the microphone is mixed again, more old sound is decoded and played, so the speaker lags more at first.
Fewer: the start of the first word is cut.
"""
MIXER_PLAYOUT_S = 1.0
"""Seconds. A sound packet whose timestamp is further away from the sound that is played now starts a new timeline. Chosen.
Longer: after a jump of the sender's time, the sound is missing for up to this time. Shorter: a delay of the network breaks the
sound.
"""
MIXER_AUDIO_DELAY_S = 0.3
"""Seconds. The longest time for which the mixer delays a site's sound until its picture arrives; only a late picture needs it.
Chosen. Longer: conversation with such a site becomes slow. Shorter: lips and sound differ with a slow camera.
"""
MIXER_PLATES = 512
"""Drawings of names and texts that each cache of the mixer keeps; the one that was unused for the longest time is dropped.
There is a cache for all tiles, and one for each composed picture. Chosen. More: more memory. Fewer: in a large conference,
texts are drawn again and again.
"""
MIXER_LATE_TICKS = 5
"""The mixer makes sound in ticks of 20 ms. After a delay it makes up to this many at once; earlier ticks become silence.
Chosen. More: a burst of late sound. Fewer: more sound is lost.
"""
