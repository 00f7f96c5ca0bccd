"""The limits of `media` in Python. A test checks each limit with one unit more than the limit.

All values are chosen, unless a comment names a source. `media/plane` limits packets, caches and its command queue itself.
"""

# Session descriptions. A description beyond a limit ends the peer's connection. Higher: a hostile client costs more time and
# memory. Lower: a conference with many tracks cannot be negotiated.
SDP_CHARACTERS = 3 << 20  # Browsers write about 6,000 for each participant (camera and microphone) that they receive.
SDP_LINES = 1 << 17  # Browsers write about 180 for each participant that they receive.
SDP_SECTIONS = 512
# Sections left free for the peer's own tracks and data. Higher: the peer receives fewer tracks. Lower: it may be unable to
# publish.
SDP_OWN_SECTIONS = 24
# Most video sections that we add. Higher: audio finds no section, and those people are not heard. Lower: fewer people are seen.
SDP_PICTURE_SECTIONS = 244
SDP_LINE_CHARACTERS = 32_768  # The BUNDLE line names every section; some clients also name every stream in one line.
SDP_CODEC_LINES = 1024  # rtpmap, fmtp, rtcp-fb and extmap in one section.
SDP_CODEC_BLOCKS = 64  # Different blocks of codec lines in one description; browsers write about four.
SDP_CODEC_ENTRIES = 5_000  # Lines of all these blocks, plus (codecs × `a=rtcp-fb:*` lines); browsers have about 320.
SDP_SOURCES = 64  # `a=ssrc` values of one section
SDP_FINGERPRINTS = 8
MID_CHARACTERS = 16  # The most that a one-byte header extension can carry (RFC 8285 §4.2).
RID_CHARACTERS = 16
LAYERS = 4
TEMPORAL_LAYERS = 8
PRIORITY = 7

# Caches of session descriptions. An entry holds the codec lines of one browser version and kind of section. More entries: more
# memory. Fewer: the same lines are parsed again and again.
CODEC_CACHE_ENTRIES = 512
# A longer block of codec lines is not cached and is parsed each time. Higher: hostile blocks use up memory.
CODEC_CACHE_CHARACTERS = 16_384

# Negotiation
# Tracks sent to one peer, with tracks that wait for a section. Lower: a participant cannot receive all others. Higher: more
# memory.
CONSUMERS = 1000

ANSWER_SETTLES_S = 0.15
"""Seconds between an answer and the first packet of a track that joins a running connection. Shorter: the packet can reach
libwebrtc while libwebrtc applies the answer, and libwebrtc then never shows the video. Longer: each new track appears later.
"""
HELD_S = 3.0
"""Seconds. The longest time that video to a client is held back before the client's offer, because the client opens its
decoders again after the offer. Longer: a client that makes no offer sees no video for that time. Shorter: packets arrive
while the decoders restart, and libwebrtc never shows the video.
"""

# Lines
LINES = 2000  # Of one router. Lower: a large conference cannot call all its halls. Higher: more ports and memory.
# Time without RTP and RTCP after which a line reports "silent"; `Router.open_line` can set another time. Longer: a dead call is
# found later. Shorter: a short network break counts as a dead call.
LINE_SILENT_S = 30.0
# Producers of one line. A terminal has one to three, and the mixer has one for each picture, mix and voice that it makes.
LINE_PRODUCERS = 1024
LINE_CONSUMERS = 1024

# Rates
# Shortest wait for an empty bucket. Shorter: the caller wakes up again and again for nothing. Longer: small amounts wait longer
# than needed.
TOKEN_WAIT_S_MIN = 0.001

# DTLS handshake. After HANDSHAKE_S the handshake fails; HANDSHAKE_STEPS timers count this time. Longer: a dead peer stays
# longer. Shorter: a peer on a network with loss has no time for its retransmissions.
HANDSHAKE_S, HANDSHAKE_STEPS = 15.0, 15
# Received before the handshake is complete. Higher: a hostile peer costs more. Lower: a peer that must retransmit fails.
HANDSHAKE_BYTES = 65_536
# Length that the header of one message states; browsers' certificates have less than 1,000. Higher: a forged length makes the
# library reserve more memory.
HANDSHAKE_MESSAGE_BYTES = 8192
DATAGRAMS_WAITING = 256  # DTLS records of one transport before the event loop handles them. Further records are lost.
RECORDS_OF_DATAGRAM = 16  # Further records of the datagram are lost. The last flight of a client has five.
# Rate and burst of one peer; the plane lets the same number of datagrams through. Higher: one peer takes more of the event
# loop. Lower: data of an honest peer is lost.
RECORDS_PER_S = 2000
RECORD_BYTES = 1500  # With the header; no known network carries a longer record in one datagram.

# SCTP and data channels. A peer beyond a limit is disconnected, or its chunks are dropped. Higher: a hostile peer costs more
# memory and time. Lower: an honest client is slower or loses its call.
CHANNELS = 16
CHANNEL_OPEN_BYTES = 512  # Message that opens a channel: the label, the protocol and 12 bytes of header.
CONTROL_CHUNKS = 8  # Chunks of one packet that are not DATA; we answer most of them with one packet each.
# Rate and burst of one peer. The plane lets 2,000 datagrams a second through, and each can hold 70 chunks.
CHUNKS_PER_S = 4000
RECONFIGURATIONS = 2  # Parameters of one RE-CONFIG chunk (RFC 6525 §3.1).
# Most gaps and duplicates in one SACK packet. Later packets report further gaps; duplicates are only statistics.
SACK_GAPS, SACK_DUPLICATES = 256, 24
MESSAGE_BYTES = 65_535  # Value of our `a=max-message-size`; a longer message is refused.
# Chunks of one stream that wait behind a lost chunk. A further chunk is not stored, and the peer sends it again.
CHUNKS_AHEAD = 192
CHUNKS_FILLING = CHUNKS_AHEAD + 64  # The same, with the chunks that fill gaps between those chunks.
# All stored chunks of one stream: fragments and early messages. The last 64 are room for the longest message that follows.
CHUNKS_OF_STREAM = CHUNKS_FILLING + 64
STREAMS = 64  # inbound streams with state
TSNS_OUT_OF_ORDER = 2048
# Bytes that wait on one channel. Higher: a slow peer costs more memory. Lower: messages to a peer on a slow network are dropped.
RELIABLE_BUFFER_BYTES = 1 << 20
LOSSY_BUFFER_BYTES = 65_536
# Delay of a SACK while the window is closed; RFC 9260 §6.2 allows at most 0.5. Shorter: dcsctp sends one more packet after each
# SACK. Longer: the peer retransmits more.
LATE_SACK_S = 0.1
# Receive window of one peer, in whole packets less than CHUNKS_AHEAD and DATAGRAMS_WAITING. At 100 ms of round-trip time it
# allows 15 Mbit/s. Larger: chunks are dropped. Smaller: uploads are slower.
WINDOW_BYTES = 192 << 10
# Growth of the window after which a waiting peer is notified. Larger: the peer waits longer. Smaller: more SACK packets.
WINDOW_OPENS_BYTES = 64 << 10
# Limit of the congestion window of one peer. Larger: aiortc increases its window until packets are lost, and then stops for
# seconds. Smaller: sending is slow on paths with a long round-trip time.
FLIGHT_BYTES = 128 << 10

# The event loop
# Seconds until a command that found the plane's queue full is sent again. Longer: a muted person can be heard longer. Shorter:
# more work while the plane is busy.
ENDINGS_S = 0.01
EVENTS_A_POLL = 256
# Events of the plane that run before other tasks. Higher: other tasks wait longer. Lower: the plane's queue grows.
EVENTS_A_TURN = 1024

# The mixer: the largest scene of one conference. A larger scene is refused. Higher: one conference can use up the machine.
# Lower: a large conference gets no picture and sound.
# Streams that the plane can forward to the mixer. The mixer decodes a stream only while it is used.
MIXER_SOURCES = 1024
MIXER_SITES = 600
MIXER_GROUPS = 20  # Ten groups, and ten more that end while their halls change to new groups.
MIXER_MIXES = 900
MIXER_VOICES = 64
MIXER_MICROPHONES = 600  # Microphones that are open at the same time. The loudest of them are mixed.
MIXER_PROMPTS = 16  # played at the same time
MIXER_PROMPT_S = 120  # Length of one announcement. The rest is cut.
MIXER_CELLS = 16
MIXER_LABEL_CHARACTERS = 200
MIXER_TEXT_CHARACTERS = 300
MIXER_PICTURE_WIDTH, MIXER_PICTURE_HEIGHT = 1920, 1200
MIXER_FPS = 60
MIXER_BITRATE_BPS = (64_000, 20_000_000)
MIXER_SOURCE_PIXELS = 4096 * 2304  # Of an incoming picture; a larger one is not decoded.

# The mixer: inside its process Longest message of the control channel; the largest scene needs about half. Lower: a large scene
# cannot be sent. Higher: a faulty process uses more memory of the server.
MIXER_MESSAGE_BYTES = 1 << 20
# Unsent bytes to the process. Above the limit the process is killed and restarted. Higher: a hung process holds more memory.
# Lower: a busy process is killed.
MIXER_MESSAGES_WAITING_BYTES = 4 << 20
# Frames of one source before decoding. At the limit new frames are dropped, and the decoder waits for a key frame. Higher: a
# slow decoder shows older pictures. Lower: a short delay already costs a key frame.
MIXER_FRAMES_WAITING = 60
# Packets of one microphone before decoding: one second. Higher: sound can lag further behind. Lower: sound is lost in a short
# delay.
MIXER_PACKETS_WAITING = 50
# Loudest microphones that are mixed at the same time. Higher: more decoding, and more voices than listeners understand. Lower:
# a person who speaks next to others is not heard.
MIXER_HEARD = 6
MIXER_UNMEASURED = 3  # The same for microphones whose packets do not state their loudness; these are additional.
# Of these microphones, one packet in four (80 ms) is decoded to measure the loudness. Higher: the start of speech is noticed
# later. Lower: more decoding.
MIXER_SAMPLE_EVERY = 4
MIXER_SAMPLES_WAITING = 256  # Packets that wait for this measurement; at the limit the oldest is dropped.
# Last packets of such a microphone that are kept while it is not mixed: for the measurement, and for the start of a word.
# Lower: the first word is cut. Higher: more old sound is decoded when the microphone is mixed again.
MIXER_HISTORY = 6
# Seconds. A packet further away from the playout position starts a new timeline. Longer: more memory for sound. Shorter: a
# pause of the network breaks the sound.
MIXER_PLAYOUT_S = 1.0
# Seconds. The longest time that sound waits for its picture. Longer: conversation becomes slow. Shorter: lips and sound differ
# with a slow camera.
MIXER_AUDIO_DELAY_S = 0.3
MIXER_PLATES = 512  # Cached drawings of texts. More: more memory. Fewer: texts are drawn again.
# Ticks of 20 ms that are made at once after a delay; earlier ones become silence. Higher: a burst of late sound. Lower: more
# sound is lost.
MIXER_LATE_TICKS = 5
