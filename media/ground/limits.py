"""Every bound of `media` on the Python side of the seam; a test stands at limit + 1 of each.

What the packet plane bounds (packets, caches, command queue) is bounded in `media/plane`.
"""

# Session descriptions
SDP_CHARACTERS = 3 << 20  # browsers write about 6,000 for a camera and a microphone that they receive
SDP_LINES = 1 << 17  # browsers write about 180 for both
SDP_SECTIONS = 512
SDP_OWN_SECTIONS = 24  # of these are left to the peer: what it publishes, and data
SDP_PICTURE_SECTIONS = 244  # of ours at most: half, as a voice that finds none is not heard
SDP_LINE_CHARACTERS = 32_768  # the session names every section, and some clients every stream, in one line
SDP_CODEC_LINES = 1024  # rtpmap, fmtp, rtcp-fb and extmap lines of one section
SDP_CODEC_BLOCKS = 64  # different sets of codec lines in one description: browsers use about four
SDP_CODEC_ENTRIES = 5_000  # lines in all of these, and codecs times a=rtcp-fb:* lines: browsers have about 320
SDP_SOURCES = 64  # a=ssrc values of one section
SDP_FINGERPRINTS = 8
MID_CHARACTERS = 16  # what a one-byte header extension can carry (RFC 8285)
RID_CHARACTERS = 16
LAYERS = 4
TEMPORAL_LAYERS = 8
PRIORITY = 7

# Session description caches: one entry a browser build and kind of section
CODEC_CACHE_ENTRIES = 512
CODEC_CACHE_CHARACTERS = 16_384  # a longer block of codec lines is read anew each time

# Negotiation
CONSUMERS = 1000  # of one peer, waiting ones included

ANSWER_SETTLES_S = 0.15
"""A track that joins a running connection starts so long after the answer that names it: a packet that meets libwebrtc just
while it takes the answer in leaves the picture without a viewer for good."""
HELD_S = 3.0
"""So long at most pictures wait for the offer of a client that is to open its decoders anew."""

# Lines
LINES = 2000  # of one router
LINE_SILENT_S = 30.0  # without RTP and RTCP; a line may be told another time
LINE_PRODUCERS = 1024  # of one line; a terminal has one to three, the mixer one for each program
LINE_CONSUMERS = 1024

# Rates
TOKEN_WAIT_S_MIN = 0.001  # of an empty bucket; the loop does other work in between

# DTLS handshake
HANDSHAKE_S, HANDSHAKE_STEPS = 15.0, 15
HANDSHAKE_BYTES = 65_536  # from the peer before the handshake is complete
HANDSHAKE_MESSAGE_BYTES = 8192  # of one message, by its own word: certificates of browsers have under 1,000
DATAGRAMS_WAITING = 256  # DTLS records of one transport not yet taken by the event loop
RECORDS_OF_DATAGRAM = 16  # a client's last flight has five
RECORDS_PER_S = 2000  # of one peer, and at once: as many as the plane lets datagrams through
RECORD_BYTES = 1500  # with its head; what is longer came in no datagram of any network that we know

# SCTP and data channels
CHANNELS = 16
CHANNEL_OPEN_BYTES = 512  # of the message that opens one: label, protocol and 12 bytes
CONTROL_CHUNKS = 8  # of one packet: all but DATA; most are answered with a packet each
CHUNKS_PER_S = (
    4000  # of one peer, and at once; the plane lets 2,000 datagrams a second through, which hold up to 70 each
)
RECONFIGURATIONS = 2  # parameters of one RE-CONFIG chunk (RFC 6525 §3.1)
SACK_GAPS, SACK_DUPLICATES = 256, 24  # told in one packet, gaps beyond them in later ones; duplicates only count
MESSAGE_BYTES = 65_535  # what we say in a=max-message-size, and refuse above
CHUNKS_AHEAD = 192  # of one stream that wait behind a lost one; more are not taken, and so sent again
CHUNKS_FILLING = CHUNKS_AHEAD + 64  # with those that close gaps between them
CHUNKS_OF_STREAM = (
    CHUNKS_FILLING + 64
)  # fragments and early messages; the rest is room for the longest message that comes next
STREAMS = 64  # inbound streams with state
TSNS_OUT_OF_ORDER = 2048
RELIABLE_BUFFER_BYTES = 1 << 20  # waiting to be sent on one channel
LOSSY_BUFFER_BYTES = 65_536
LATE_SACK_S = 0.1  # RFC 9260 §6.2 allows up to 0.5
WINDOW_BYTES = (
    192 << 10
)  # in whole packets less than CHUNKS_AHEAD and DATAGRAMS_WAITING; at 100 ms it carries 15 Mbit/s
WINDOW_OPENS_BYTES = 64 << 10  # a peer that waits is told when it may send so much more
FLIGHT_BYTES = (
    128 << 10
)  # on their way to one peer: aiortc's window else grows until packets are lost, and then stands for seconds

# The event loop
ENDINGS_S = 0.01  # after which closing commands that found the plane busy are given again
EVENTS_A_POLL = 256
EVENTS_A_TURN = 1024  # events of the plane handled before other tasks get their turn

# The mixer: what one conference may ask for
MIXER_SOURCES = 1024  # streams forwarded to it; only those shown or heard are decoded
MIXER_SITES = 600
MIXER_GROUPS = 20  # ten, and ten that end while their halls change over
MIXER_MIXES = 900
MIXER_VOICES = 64
MIXER_MICROPHONES = 600  # open at once; the loudest of them are mixed
MIXER_PROMPTS = 16  # played at once
MIXER_PROMPT_S = 120  # of one announcement; what is longer is cut
MIXER_CELLS = 16
MIXER_LABEL_CHARACTERS = 200
MIXER_TEXT_CHARACTERS = 300
MIXER_PICTURE_WIDTH, MIXER_PICTURE_HEIGHT = 1920, 1200
MIXER_FPS = 60
MIXER_BITRATE_BPS = (64_000, 20_000_000)
MIXER_SOURCE_PIXELS = 4096 * 2304  # of a picture that comes in; a larger one is not decoded

# The mixer: inside its process
MIXER_MESSAGE_BYTES = 1 << 20  # of the control channel: the largest scene has about half of it
MIXER_MESSAGES_WAITING_BYTES = 4 << 20  # towards a process that does not read: it is ended
MIXER_FRAMES_WAITING = 60  # of one source not yet decoded; more: all are dropped and a key frame is asked for
MIXER_PACKETS_WAITING = 50  # of one microphone not yet decoded: one second
MIXER_HEARD = 6  # microphones mixed at once, the loudest; whoever speaks besides is not understood anyway
MIXER_UNMEASURED = 3  # the same of those whose packets do not say how loud they are, beside the others
MIXER_SAMPLE_EVERY = 4  # packets of such a one, of which one is decoded to find out: 80 ms
MIXER_SAMPLES_WAITING = 256  # of them not yet decoded; the oldest goes
MIXER_HISTORY = (
    6  # packets of such a one that are kept for when it is mixed: what it takes to find out, and a word's start
)
MIXER_PLAYOUT_S = 1.0  # of sound ahead of its time
MIXER_AUDIO_DELAY_S = 0.3  # the most that sound is held back for its picture
MIXER_PLATES = 512  # pre-rendered texts kept
MIXER_LATE_TICKS = 5  # of 20 ms made up for at once; what is later is silence
